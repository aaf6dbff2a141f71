/**
 * SWIM's own experiment with false positives (Das, Gupta, Motivala, DSN 2002, section 5.3): 17 processes join one after
 * the other while every receiver drops 10 % of all packets. Who is declared failed is out for good and leaves. How large
 * is the group that stays?
 *
 * The paper leaves open how far apart the joins are and how a join is carried. Here they fill the 175 s of its plot, for
 * otherwise groups without suspicion are gone by its end; and two ways to join are shown: over TCP, which nothing stops,
 * and by one datagram and its answer, each dropped like any other and not repeated ("attempted to join").
 *
 *     npm run simulate -- swim-joins [--quick] [--spacing MS]
 */

import { SwimMesh, World, swimProfiles } from '@skein/sim';
import type { Experiment, ExperimentContext, ExperimentRow, Seed, SwimConfig } from '@skein/sim';

const processes = 17;
const loss = 0.1;
/** Where the paper's plot ends, after the last change of its group. */
const endMs = 175_000;
const defaultSpacingMs = 10_000;
const joinStream = 3;

const published = { swimBasic: 2, swimInfection: 4, swimSuspicion: 12 } as const;
const { swimBasic, swimInfection, swimSuspicion, memberlistLan } = swimProfiles;
const configs: Readonly<Record<string, SwimConfig>> = { swimBasic, swimInfection, swimSuspicion, memberlistLan };

const swimJoins: Experiment = {
  name: 'swim-joins',
  summary: 'Group size after 17 joins at 10 % loss: the three protocols of the SWIM paper, memberlist, ours.',
  words: {
    '--quick': { what: '5 runs instead of 50' },
    '--spacing': { what: 'ms between joins', number: [1, 60_000] },
  },
  run: (context) => {
    const spacingMs = context.words.number('--spacing') ?? defaultSpacingMs;
    const runs = context.words.has('--quick') ? 5 : 50;
    const sizesOf = (isOnce: boolean): readonly (readonly [string, readonly number[]])[] =>
      Object.entries(configs).map(([name, config]) => [
        name,
        repeat(context, runs, (seed) => reference({ seed, spacingMs, isOnce }, config)),
      ]);
    const sizes = sizesOf(false);
    const sizesOnce = sizesOf(true);
    const own = repeat(context, Math.ceil(runs / 5), (seed) => ours(seed, spacingMs));
    const row = (what: string, of: (values: readonly number[]) => number, more: Partial<ExperimentRow> = {}): ExperimentRow => ({
      what,
      unit: 'processes',
      ours: of(own),
      anchors: Object.fromEntries(sizes.map(([name, values]) => [name, of(values)])),
      ...more,
    });
    const rowOnce = (what: string, of: (values: readonly number[]) => number): ExperimentRow => ({
      what: `${what}, joins by one datagram`,
      unit: 'processes',
      anchors: Object.fromEntries(sizesOnce.map(([name, values]) => [name, of(values)])),
      published: `${published.swimBasic} / ${published.swimInfection} / ${published.swimSuspicion}, one run each`,
    });
    return {
      setup: {
        processes,
        'loss at the receiver, %': loss * 100,
        'ms between joins': spacingMs,
        'seen at, s': endMs / 1000,
        runs,
        'runs, ours': own.length,
        'group size': 'the largest number of processes that a running one takes for members',
        'period T, ms': swimSuspicion.probeIntervalMs,
      },
      rows: [
        rowOnce('group size, mean', mean),
        rowOnce('group size, least', least),
        rowOnce('group size, greatest', greatest),
        row('group size, mean', mean, { goal: '17' }),
        row('group size, least', least),
        row('group size, greatest', greatest),
      ],
    };
  },
};

export default swimJoins;

function repeat(context: ExperimentContext, runs: number, run: (seed: Seed) => number): readonly number[] {
  return Array.from({ length: runs }, (_, at) => run(`${String(context.seed)} ${at}`));
}

function mean(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}

function least(values: readonly number[]): number {
  return Math.min(...values);
}

function greatest(values: readonly number[]): number {
  return Math.max(...values);
}

interface Joins {
  readonly seed: Seed;
  readonly spacingMs: number;
  /** Whether a join is one datagram and its answer, instead of a connection. */
  readonly isOnce: boolean;
}

/** Each joins through one that runs. Returns the size of the group in the end. */
function reference({ seed, spacingMs, isOnce }: Joins, config: SwimConfig): number {
  const world = new World({ seed, network: 'lan', traceLines: 0 });
  world.network.setDefault({ loss });
  const mesh = new SwimMesh(world, { config });
  const hosts = mesh.add(processes, { start: false });
  for (const host of hosts) {
    const contact = hosts.find((other) => other.process === 'running');
    const isLost = [0, 1].some(
      (counter) => world.randomness.below(100, { stream: joinStream, key: host.index, counter }) < loss * 100,
    );
    if (contact === undefined || !isOnce || !isLost) host.start({ seeds: contact === undefined ? [] : [contact.index] });
    world.runFor(spacingMs);
  }
  if (world.nowMs < endMs) world.runFor(endMs - world.nowMs);
  return Math.max(0, ...hosts.filter((host) => host.process === 'running').map((host) => host.node.aliveCount));
}

function ours(seed: Seed, spacingMs: number): number {
  const world = new World({ seed, network: 'lan', traceLines: 0 });
  world.network.setDefault({ loss });
  const first = world.addNode();
  world.runFor(spacingMs);
  for (let at = 1; at < processes; at++) {
    world.addNode({ seeds: first.addresses });
    world.runFor(spacingMs);
  }
  if (world.nowMs < endMs) world.runFor(endMs - world.nowMs);
  return Math.max(...world.nodes.map((node) => node.view().aliveCount));
}
