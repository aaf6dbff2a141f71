/** `skein members`, `services`, `instances` and `checks`: what the agent asked believes now. */

import { Option } from 'commander';
import type { Command } from 'commander';
import {
  allChecksPath,
  checksIn,
  checksOfInstancesIn,
  compareTexts,
  instancesIn,
  instancesPath,
  membersIn,
  membersPath,
  servicesIn,
  servicesPath,
} from '../catalog-read.ts';
import type { CheckRow, InstanceRow, MemberRow, PlacedCheckRow, ServiceRow } from '../catalog-read.ts';
import type { AgentApi } from '../agent-api.ts';
import { statusColour } from '../colour.ts';
import type { Paint } from '../colour.ts';
import { CliFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import { isObject, isObjectList } from '../json-value.ts';
import { hostPort, plain, short, table } from '../table.ts';
import { showListing, withWatch } from '../watch/watch-list.ts';
import type { WatchOptions } from '../watch/watch-list.ts';
import { withApiOptions } from './api-command.ts';

const outputLength = 48;
/** In the list of checks, where it is the last column. */
const checkOutputLength = 100;
const checkStatuses = ['passing', 'warning', 'critical'];

export function addListCommands(program: Command, io: Io): void {
  withApiOptions(withWatch(program.command('members').description('who is in the mesh, as this agent sees it')), [
    'skein members',
    'skein members --watch',
    "skein members --json | jq -r '.[] | select(.reachable) | .name'",
  ]).action((options: WatchOptions) =>
    showListing(io, options, {
      title: 'skein members',
      paths: [membersPath],
      rows: ([members]) => membersIn(members),
      table: membersTable,
    }),
  );

  withApiOptions(
    withWatch(program.command('services').description('the services of the mesh, with how many instances are healthy')),
    ['skein services', 'skein services --watch', 'skein services --http-addr 127.0.0.1:8501'],
  ).action((options: WatchOptions) =>
    showListing(io, options, {
      title: 'skein services',
      // The list of services moves with names and tags only, health with checks and nodes. One more instance of
      // a known service, on a node that has one, without any check, moves neither: that is seen within a minute.
      paths: options.watch === true ? [servicesPath, allChecksPath] : [servicesPath],
      isAgents: ([services, checks = []]) => isObject(services) && isObjectList(checks),
      rows: ([services], api) => servicesIn(services, api),
      table: servicesTable,
    }),
  );

  withApiOptions(
    withWatch(
      program.command('instances').description('the instances of one service').argument('<service>', 'name of the service'),
    ),
    [
      'skein instances orders',
      'skein instances orders --watch',
      "skein instances orders --json | jq -r '.[] | select(.routable) | .id'",
    ],
  ).action((service: string, options: WatchOptions) =>
    showListing(io, options, {
      title: `skein instances ${plain(service)}`,
      paths: [instancesPath(service)],
      rows: ([instances]) => instancesIn(instances),
      table: (instances, paint) =>
        instances.length === 0 ? `no instance of service "${plain(service)}" is known\n` : instancesTable(instances, paint),
      none: (api) => unknownService(service, api),
    }),
  );

  addChecks(program, io);
}

interface ChecksOptions extends WatchOptions {
  readonly status?: string;
}

function addChecks(program: Command, io: Io): void {
  withApiOptions(
    withWatch(
      program
        .command('checks')
        .description('the checks of nodes and instances, worst first')
        .argument('[service]', 'only those of its instances and their nodes')
        .addOption(new Option('--status <status>', 'only those with this status').choices(checkStatuses)),
    ),
    [
      'skein checks',
      'skein checks orders --watch',
      "skein checks --status critical --json | jq -r '.[] | [.node, .id, .output] | @tsv'",
    ],
  ).action((service: string | undefined, options: ChecksOptions) => {
    const { status } = options;
    const selected = (checks: readonly PlacedCheckRow[]): readonly PlacedCheckRow[] =>
      status === undefined ? checks : checks.filter((check) => check.status === status);
    const none = `no check${service === undefined ? '' : ` of service "${plain(service)}"`}${status === undefined ? ' is known' : ` is ${status}`}`;
    return showListing(io, options, {
      title: ['skein checks', service === undefined ? '' : plain(service)].join(' ').trim(),
      paths: [service === undefined ? allChecksPath : instancesPath(service)],
      rows: ([body], api) => {
        if (service === undefined) return selected(checksIn(body));
        const checks = checksOfInstancesIn(body);
        // Every node has a check, so that without any there is no instance. A watch waits for one.
        if (checks.length === 0 && options.watch !== true) throw unknownService(service, api);
        return selected(checks);
      },
      table: (checks, paint) => (checks.length === 0 ? `${none}\n` : checksTable(checks, paint)),
    });
  });
}

function unknownService(service: string, api: AgentApi): CliFailure {
  return new CliFailure(`no instance of service "${service}" is known to the agent at ${api.base}`, {
    hint: ['list the services it knows: skein services', 'register one: skein service register FILE'],
  });
}

export function checksTable(checks: readonly PlacedCheckRow[], paint: Paint): string {
  return table(
    ['STATUS', 'CHECK', 'NODE', 'INSTANCE', 'SERVICE', 'OUTPUT'],
    checks.map(({ status, id, node, serviceId, service, output, notes }) => [
      { text: status, colour: statusColour(status) },
      id,
      node,
      serviceId,
      service,
      short(plain(output === '' ? notes : output), checkOutputLength),
    ]),
    paint,
  );
}

export function membersTable(members: readonly MemberRow[], paint: Paint): string {
  const names = new Map(members.map((member) => [member.id, member.name]));
  const shared = sharedNames(members);
  return table(
    ['NAME', 'STATUS', 'REACHABLE', 'ADDRESS', 'EPOCH', 'ZONE', 'ID', 'ACCUSERS'],
    members.map((member) => [
      shared.has(member.name) && member.status !== 'left' ? { text: `${member.name} (shared)`, colour: 'yellow' } : member.name,
      { text: member.status, colour: statusColour(member.status) },
      !member.reachable ? { text: 'no', colour: 'red' } : member.verified ? 'yes' : { text: 'unverified', colour: 'yellow' },
      member.address,
      `${member.epoch}/${member.incarnation}`,
      [member.region, member.zone].filter((part) => part !== '').join('/'),
      // The end of a peer id is what differs: all Ed25519 ones start alike.
      member.id.slice(-8),
      member.accusers
        .map((id) => names.get(id) ?? id.slice(-8))
        .sort(compareTexts)
        .join(','),
    ]),
    paint,
  );
}

/** Names that several members have at once: whoever addresses one by name may get another. */
function sharedNames(members: readonly MemberRow[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const shared = new Set<string>();
  for (const { name, status } of members) {
    if (status === 'left') continue;
    if (seen.has(name)) shared.add(name);
    seen.add(name);
  }
  return shared;
}

export function servicesTable(services: readonly ServiceRow[], paint: Paint): string {
  if (services.length === 0) return 'no services are registered; register one: skein service register FILE\n';
  return table(
    ['NAME', 'HEALTHY', 'TAGS'],
    services.map(({ name, healthy, instances, tags }) => [
      name,
      { text: `${healthy}/${instances}`, colour: healthy === instances ? 'green' : healthy === 0 ? 'red' : 'yellow' },
      tags.join(','),
    ]),
    paint,
  );
}

export function instancesTable(instances: readonly InstanceRow[], paint: Paint): string {
  return table(
    ['ID', 'NODE', 'ADDRESS', 'STATUS', 'ROUTABLE', 'ZONE', 'CHECKS'],
    instances.map((instance) => [
      instance.id,
      instance.node,
      hostPort(instance.address, instance.port),
      { text: instance.status, colour: statusColour(instance.status) },
      instance.routable ? 'yes' : { text: 'no', colour: 'red' },
      instance.zone,
      instance.checks.filter(isTelling).map(checkText).join('; '),
    ]),
    paint,
  );
}

/** A check of the node that passes says nothing that is not in the other columns. */
function isTelling(check: CheckRow): boolean {
  return check.id !== 'serfHealth' || check.status !== 'passing';
}

function checkText(check: CheckRow): string {
  return `${check.id} ${check.status}${check.output === '' ? '' : ` (${short(plain(check.output), outputLength)})`}`;
}
