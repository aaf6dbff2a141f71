/** `skein maint`: takes this agent's node, or one instance on it, out of rotation for a while, without deregistering. */

import type { Command } from 'commander';
import { pathPart } from '../agent-api.ts';
import { compareTexts } from '../catalog-read.ts';
import { outPaint } from '../colour.ts';
import type { Io } from '../io.ts';
import { isObject, objectsIn, textAt } from '../json-value.ts';
import { plain, table } from '../table.ts';
import { apiFor, print, withApiOptions } from './api-command.ts';
import type { ApiOptions } from './api-command.ts';

interface MaintenanceRow {
  /** `node`: everything on it. */
  readonly scope: 'node' | 'instance';
  /** Name of the node, or id of the instance. */
  readonly id: string;
  readonly service: string;
  readonly reason: string;
}

/** The ids that Consul's clients know these checks by. */
const nodeCheck = '_node_maintenance';
const instanceCheckPrefix = '_service_maintenance:';

const maintHelp = `
What is in maintenance has a critical check, so that nobody sends requests there; requests under way are answered. It
lasts until it is switched off, over restarts of the agent. Without on or off it lists what is in maintenance on this agent.`;

export function addMaintCommands(program: Command, io: Io): void {
  const maint = withApiOptions(
    program.command('maint').description('take this node or an instance on it out of rotation, and back'),
    ['skein maint', 'skein maint on orders-1 --reason "new disk"', 'skein maint off orders-1'],
  )
    .enablePositionalOptions()
    .action(async (options: ApiOptions) => {
      const rows = maintenanceIn(await apiFor(io, options).get('/v1/agent/checks'));
      print(io, options, rows, () => maintenanceTable(io, rows));
    });
  maint.addHelpText('after', maintHelp);

  withApiOptions(
    maint
      .command('on')
      .description('begin maintenance')
      .argument('[service-id]', 'the instance (default: everything on this node)')
      .option('--reason <text>', 'shown wherever the check is'),
    ['skein maint on', 'skein maint on orders-1 --reason "new disk"'],
  ).action(async (id: string | undefined, options: ApiOptions & { readonly reason?: string }) => {
    const { reason = '' } = options;
    await apiFor(io, options).put(maintenancePath(id, { enable: 'true', ...(reason === '' ? {} : { reason }) }));
    print(io, options, { maintenance: true, instance: id ?? null, reason }, () => `${whatIs(id)} is in maintenance now\n`);
  });

  withApiOptions(
    maint.command('off').description('end maintenance').argument('[service-id]', 'the instance (default: the node itself)'),
    ['skein maint off', 'skein maint off orders-1'],
  ).action(async (id: string | undefined, options: ApiOptions) => {
    await apiFor(io, options).put(maintenancePath(id, { enable: 'false' }));
    print(io, options, { maintenance: false, instance: id ?? null }, () => `${whatIs(id)} is not in maintenance any more\n`);
  });
}

function maintenancePath(id: string | undefined, query: Readonly<Record<string, string>>): string {
  const thing = id === undefined ? 'maintenance' : `service/maintenance/${pathPart(id)}`;
  return `/v1/agent/${thing}?${new URLSearchParams(query).toString()}`;
}

function whatIs(id: string | undefined): string {
  return id === undefined ? 'this node' : plain(id);
}

/** The node first, then instances by id. */
function maintenanceIn(body: unknown): readonly MaintenanceRow[] {
  const checks = objectsIn(isObject(body) ? Object.values(body) : []);
  const rows = checks.flatMap((check): readonly MaintenanceRow[] => {
    const id = textAt(check, 'CheckID');
    const reason = textAt(check, 'Notes');
    if (id === nodeCheck) return [{ scope: 'node', id: textAt(check, 'Node'), service: '', reason }];
    if (!id.startsWith(instanceCheckPrefix)) return [];
    return [{ scope: 'instance', id: id.slice(instanceCheckPrefix.length), service: textAt(check, 'ServiceName'), reason }];
  });
  return rows.sort((a, b) => compareTexts(b.scope, a.scope) || compareTexts(a.id, b.id));
}

function maintenanceTable(io: Io, rows: readonly MaintenanceRow[]): string {
  if (rows.length === 0) return 'nothing is in maintenance on this agent\n';
  return table(
    ['WHAT', 'ID', 'SERVICE', 'REASON'],
    rows.map(({ scope, id, service, reason }) => [scope, id, service, reason]),
    outPaint(io),
  );
}
