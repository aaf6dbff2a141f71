/** `skein members`, `services` and `instances`: what the agent asked believes now. */

import type { Command } from 'commander';
import { compareTexts, readInstances, readMembers, readServices } from '../catalog-read.ts';
import type { CheckRow, InstanceRow, MemberRow, ServiceRow } from '../catalog-read.ts';
import { outPaint, statusColour } from '../colour.ts';
import type { Paint } from '../colour.ts';
import { CliFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import { hostPort, plain, short, table } from '../table.ts';
import { apiFor, print, withApiOptions } from './api-command.ts';
import type { ApiOptions } from './api-command.ts';

const outputLength = 48;

export function addListCommands(program: Command, io: Io): void {
  const paint = outPaint(io);
  withApiOptions(program.command('members').description('who is in the mesh, as this agent sees it'), [
    'skein members',
    "skein members --json | jq -r '.[] | select(.reachable) | .name'",
  ]).action(async (options: ApiOptions) => {
    const members = await readMembers(apiFor(io, options));
    print(io, options, members, () => membersTable(members, paint));
  });

  withApiOptions(program.command('services').description('the services of the mesh, with how many instances are healthy'), [
    'skein services',
    'skein services --http-addr 127.0.0.1:8501',
  ]).action(async (options: ApiOptions) => {
    const services = await readServices(apiFor(io, options));
    print(io, options, services, () => servicesTable(services, paint));
  });

  withApiOptions(
    program.command('instances').description('the instances of one service').argument('<service>', 'name of the service'),
    ['skein instances orders', "skein instances orders --json | jq -r '.[] | select(.routable) | .id'"],
  ).action(async (service: string, options: ApiOptions) => {
    const api = apiFor(io, options);
    const instances = await readInstances(api, service);
    if (instances.length === 0) {
      throw new CliFailure(`no instance of service "${service}" is known to the agent at ${api.base}`, {
        hint: ['list the services it knows: skein services', 'register one: skein service register FILE'],
      });
    }
    print(io, options, instances, () => instancesTable(instances, paint));
  });
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
