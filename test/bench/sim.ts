/**
 * How fast the simulator is: meshes that form, register an instance on every host and then live for a while with a
 * crash and a restart in it. An event is one entry of the world's queue: a delivery, a wake-up, a step of a handshake.
 */

import { instanceId } from '@skein/core';
import { World } from '@skein/sim';
import type { Bench, Row } from './report/row.ts';

interface Run {
  readonly events: number;
  readonly virtualMs: number;
  /** CPU time, so that other work on the machine does not count. */
  readonly cpuMs: number;
  readonly heapMiB: number;
}

const sizes = [
  { nodes: 10, formMs: 5000, liveMs: 600_000, goal: undefined },
  { nodes: 100, formMs: 30_000, liveMs: 40_000, goal: '>= 150 k' },
] as const;
const large = { nodes: 1000, formMs: 60_000, liveMs: 2000, goal: '>= 60 k' } as const;

const bench: Bench = {
  summary: 'Events per CPU second of the simulator at 10 and 100 nodes; --large adds 1000.',
  run: ({ args, progress }) => {
    const rows: Row[] = [];
    // A short run first: what is measured is the simulator, not the compiler warming up.
    live({ nodes: 20, formMs: 5000, liveMs: 20_000 });
    for (const size of args.includes('--large') ? [...sizes, large] : sizes) {
      progress(`${size.nodes} nodes`);
      const { formed, lived } = live(size);
      rows.push({ what: `${size.nodes} nodes, joining at once`, unit: 'events/CPU s', ours: perSecond(formed) });
      rows.push({
        what: `${size.nodes} nodes, a crash and a restart`,
        unit: 'events/CPU s',
        ours: perSecond(lived),
        ...(size.goal !== undefined && { goal: size.goal }),
      });
      rows.push({ what: `${size.nodes} nodes`, unit: 'virtual s/CPU s', ours: lived.virtualMs / lived.cpuMs });
      rows.push({
        what: `${size.nodes} nodes`,
        unit: 'events per node and virtual s',
        ours: (lived.events * 1000) / lived.virtualMs / size.nodes,
      });
      rows.push({ what: `${size.nodes} nodes`, unit: 'MiB of heap', ours: lived.heapMiB });
    }
    return Promise.resolve({ setup: { network: 'lan', seed: 1, instances: 'one a node' }, rows });
  },
};

export default bench;

function live(size: { readonly nodes: number; readonly formMs: number; readonly liveMs: number }): { formed: Run; lived: Run } {
  const world = new World({ seed: 1, network: 'lan' });
  const nodes = world.mesh(size.nodes);
  for (const [index, node] of nodes.entries()) {
    node.dispatch({ type: 'register', instance: instance(index), checks: [], replaceChecks: true });
  }
  const formed = measure(world, size.formMs);
  const victim = nodes[Math.floor(size.nodes / 2)];
  world.at(world.nowMs + Math.floor(size.liveMs / 4), () => victim?.crash());
  world.at(world.nowMs + Math.floor(size.liveMs / 2), () => victim?.restart());
  return { formed, lived: measure(world, size.liveMs) };
}

function measure(world: World, durationMs: number): Run {
  const events = world.events;
  const before = process.cpuUsage();
  world.runFor(durationMs);
  const { user, system } = process.cpuUsage(before);
  return {
    events: world.events - events,
    virtualMs: durationMs,
    cpuMs: (user + system) / 1000,
    heapMiB: process.memoryUsage().heapUsed / 2 ** 20,
  };
}

function perSecond(run: Run): number {
  return (run.events * 1000) / run.cpuMs;
}

function instance(index: number) {
  return {
    id: instanceId(`web-${index}`),
    service: 'web',
    address: '',
    port: 8080,
    tags: [],
    meta: {},
    weights: { passing: 1, warning: 1 },
    taggedAddresses: {},
    enableTagOverride: false,
    protocol: 'http',
    region: '',
    zone: '',
    kind: '',
    socketPath: '',
  };
}
