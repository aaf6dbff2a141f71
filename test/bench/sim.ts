/**
 * How fast the simulator is and what a node costs. Meshes form, register an instance on every host, rest, and then live
 * for a while with a crash and a restart in it. An event is one entry of the world's queue: a delivery, a wake-up, a
 * step of a handshake. Beside that: random fault runs, and the memory of one real agent's node.
 */

import { World, simulateRandom } from '@skein/sim';
import type { SimNode } from '@skein/sim';
import type { Bench, Row } from './report/row.ts';
import { liveBytes } from './sim/heap.ts';
import { instanceOf, measureAgent, measureLoner } from './sim/one-agent.ts';

interface Run {
  readonly events: number;
  readonly virtualMs: number;
  /** CPU time, so that other work on the machine does not count. */
  readonly cpuMs: number;
  /** What all nodes sent, as frames. */
  readonly sentBytes: number;
}

interface Size {
  readonly nodes: number;
  readonly formMs: number;
  readonly restMs: number;
  readonly liveMs: number;
  readonly goal?: string;
}

const sizes: readonly Size[] = [
  { nodes: 10, formMs: 5000, restMs: 60_000, liveMs: 600_000 },
  { nodes: 100, formMs: 30_000, restMs: 30_000, liveMs: 120_000, goal: '>= 150 k' },
];
const large: Size = { nodes: 1000, formMs: 60_000, restMs: 5000, liveMs: 2000, goal: '>= 60 k' };
const seeds = 200;
/** With forming and converging, three virtual minutes in all. */
const swarmChaosMs = 165_000;

const bench: Bench = {
  summary: 'The simulator: events per CPU second, random fault runs, memory of a node; --large adds 1000 nodes.',
  run: async ({ args, progress }) => {
    const rows: Row[] = [];
    const isLarge = args.includes('--large');
    // A short run first: what is measured is the simulator, not the compiler warming up.
    simulateRandom(1, { chaosMs: 20_000 });
    const chosen = isLarge ? [...sizes, large] : sizes;
    for (const size of chosen) {
      progress(`${size.nodes} nodes`);
      rows.push(...meshRows(size));
    }
    progress(`${seeds} random fault runs`);
    rows.push(...swarmRows());
    progress('memory');
    for (const size of chosen.slice(1)) rows.push(...memoryRows(size));
    for (const members of isLarge ? [1000, 10_000] : [1000]) rows.push(...settledRows(members));
    for (const members of isLarge ? [1000, 10_000] : [1000]) {
      const { perMember, perMemberRead } = await measureAgent(members);
      rows.push({ what: `one agent of ${members}`, unit: 'bytes per member', ours: perMember });
      rows.push({ what: `one agent of ${members}, its View read`, unit: 'bytes per member', ours: perMemberRead });
    }
    rows.push({ what: 'one node that knows nobody', unit: 'KiB', ours: (await measureLoner()) / 1024 });
    return { setup: { network: 'lan', seed: 1, instances: 'one a node' }, rows };
  },
};

export default bench;

function meshRows(size: Size): Row[] {
  const { formed, rested, lived } = live(size);
  const what = `${size.nodes} nodes`;
  return [
    { what: `${what}, joining at once`, unit: 'events/CPU s', ours: perSecond(formed) },
    {
      what: `${what}, a crash and a restart`,
      unit: 'events/CPU s',
      ours: perSecond(lived),
      ...(size.goal !== undefined && { goal: size.goal }),
    },
    { what, unit: 'virtual s/CPU s', ours: lived.virtualMs / lived.cpuMs },
    { what, unit: 'events per node and virtual s', ours: (lived.events * 1000) / lived.virtualMs / size.nodes },
    {
      what: `${what}, at rest`,
      unit: 'bytes sent per agent and s',
      ours: (rested.sentBytes * 1000) / rested.virtualMs / size.nodes,
    },
  ];
}

/** A mesh that knows itself, and nothing else. After all that takes time: a full collection makes what follows slow. */
function memoryRows(size: Size): Row[] {
  const before = liveBytes();
  const { world } = form(size);
  world.runFor(size.formMs);
  const bytes = liveBytes() - before;
  const what = `${world.nodes.length} nodes`;
  return [
    { what, unit: 'MiB', ours: bytes / 2 ** 20, ...(size === large && { goal: '< 1536' }) },
    { what, unit: 'bytes per node and member', ours: bytes / size.nodes ** 2 },
  ];
}

/** Nodes that share what they all knew at the start, after some seconds of their own: seventeen instances on each. */
function settledRows(members: number): Row[] {
  const before = liveBytes();
  const world = new World({ seed: 1, network: 'lan', traceLines: 0 });
  const numbers = Array.from({ length: 17 }, (_, number) => number);
  world.settled(members, {
    registrations: (index) => numbers.map((number) => ({ type: 'instance', instance: instanceOf(index * 17 + number) })),
  });
  world.runFor(3000);
  const bytes = liveBytes() - before;
  const what = `${world.nodes.length} settled nodes with 17 instances each`;
  return [
    { what, unit: 'MiB', ours: bytes / 2 ** 20 },
    { what, unit: 'KiB per node', ours: bytes / 1024 / members },
    { what, unit: 'bytes per node and member', ours: bytes / members ** 2 },
  ];
}

function live(size: Size): { formed: Run; rested: Run; lived: Run } {
  const { world, nodes } = form(size);
  const formed = measure(world, size.formMs);
  const rested = measure(world, size.restMs);
  const victim = nodes[Math.floor(size.nodes / 2)];
  world.at(world.nowMs + Math.floor(size.liveMs / 4), () => victim?.crash());
  world.at(world.nowMs + Math.floor(size.liveMs / 2), () => victim?.restart());
  return { formed, rested, lived: measure(world, size.liveMs) };
}

/** All join at once, and each registers an instance. */
function form(size: Size): { world: World; nodes: readonly SimNode[] } {
  const world = new World({ seed: 1, network: 'lan' });
  const nodes = world.mesh(size.nodes);
  for (const [index, node] of nodes.entries()) {
    node.dispatch({ type: 'register', instance: instanceOf(index), checks: [], replaceChecks: true });
  }
  return { world, nodes };
}

/** Random plans with all built-in properties watched, one seed after another in this process. */
function swarmRows(): Row[] {
  const startedMs = performance.now();
  const before = process.cpuUsage();
  let events = 0;
  let virtualMs = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const { figures } = simulateRandom(seed, { chaosMs: swarmChaosMs });
    events += figures.events;
    virtualMs += figures.virtualMs;
  }
  const { user, system } = process.cpuUsage(before);
  const what = `${seeds} seeds, 10-20 nodes`;
  return [
    { what, unit: 'virtual min each', ours: virtualMs / seeds / 60_000 },
    { what, unit: 's on one core', ours: (performance.now() - startedMs) / 1000, goal: '<= 60 on two' },
    { what, unit: 'CPU s', ours: (user + system) / 1e6, goal: '<= 120' },
    { what, unit: 'events/CPU s', ours: (events * 1e6) / (user + system) },
  ];
}

function measure(world: World, durationMs: number): Run {
  const { events } = world;
  const { bytes } = world.network.figures;
  const before = process.cpuUsage();
  world.runFor(durationMs);
  const { user, system } = process.cpuUsage(before);
  return {
    events: world.events - events,
    virtualMs: durationMs,
    cpuMs: (user + system) / 1000,
    sentBytes: world.network.figures.bytes - bytes,
  };
}

function perSecond(run: Run): number {
  return (run.events * 1000) / run.cpuMs;
}
