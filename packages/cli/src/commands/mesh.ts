/** `skein join`, `leave` and `force-leave`: who is in the mesh. */

import type { Command } from 'commander';
import { pathPart } from '../agent-api.ts';
import type { Io } from '../io.ts';
import { plain } from '../table.ts';
import { apiFor, print, withApiOptions } from './api-command.ts';
import type { ApiOptions } from './api-command.ts';

/** Leaving waits until the announcement has spread. */
const leaveTimeoutMs = 30_000;

export function addMeshCommands(program: Command, io: Io): void {
  withApiOptions(
    program.command('join').description('make the agent join through other agents').argument('<address...>', 'host:port'),
    ['skein join 10.0.0.7:7946'],
  ).action(async (addresses: readonly string[], options: ApiOptions) => {
    const api = apiFor(io, options);
    for (const address of addresses) await api.put(`/v1/agent/join/${pathPart(address)}`);
    print(io, options, { joining: addresses }, () =>
      addresses
        .map(
          (address) => `joining through ${plain(address)}, tried again in the background until it answers; see: skein members\n`,
        )
        .join(''),
    );
  });

  withApiOptions(program.command('leave').description('make the agent leave the mesh and stop'), [
    'skein leave',
    'skein leave --http-addr 127.0.0.1:8501',
  ]).action(async (options: ApiOptions) => {
    const api = apiFor(io, options);
    await api.put('/v1/agent/leave', undefined, leaveTimeoutMs);
    print(io, options, { left: api.base }, () => `the agent at ${api.base} has left the mesh\n`);
  });

  withApiOptions(
    program
      .command('force-leave')
      .description('remove a member that failed and will not come back; one that is alive comes back by itself')
      .argument('<node>', 'its name, or its id where several share the name'),
    ['skein force-leave birch', 'skein members --json | jq -r \'.[] | select(.status == "failed") | .name\''],
  ).action(async (node: string, options: ApiOptions) => {
    await apiFor(io, options).put(`/v1/agent/force-leave/${pathPart(node)}`);
    print(io, options, { removed: node }, () => `removed ${plain(node)}; the other agents hear of it now\n`);
  });
}
