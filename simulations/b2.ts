/**
 * B2 and B4: false positives and load while some members are cut off again and again, in the way of Lifeguard's
 * evaluation: a member in an anomaly stops before it sends and after it receives, while its timers run. 128 members, C of
 * them, all at once, D ms cut off and I ms well, in turn, for 120 s. A false positive (FP) is a verdict about a member
 * that is not among the C; FP- counts those at members that are not among them either.
 *
 *     npm run simulate -- b2 [--quick | --full] [--sick C] [--cost US] [--reference]
 *
 * `--quick`: a few cells. `--full`: the published grid of D and I, which takes hours. `--sick`: with so many at once
 * only. `--cost`: processor time for each message, in microseconds: on the short I it decides how much of what waited a
 * member gets to read. `--reference`: without ours.
 */

import { SwimMesh, World, swimProfiles } from '@skein/sim';
import type { Experiment, ExperimentContext, ExperimentRow, Seed, SimNode, SwimConfig } from '@skein/sim';

const members = 128;
const quietMs = 15_000;
const runMs = 120_000;
/** How long ours may take to agree again after a cell; a mesh that takes longer is replaced. */
const agreeMs = 120_000;
const defaultCostUs = 10;

interface Cell {
  readonly sick: number;
  readonly cutMs: number;
  readonly wellMs: number;
}

/** What one cell gave. */
interface Outcome {
  readonly sick: number;
  readonly falsePositives: number;
  readonly atHealthy: number;
  readonly messages: number;
  readonly bytes: number;
  readonly virtualMs: number;
  /** Of ours: how often a healthy member was out of rotation somewhere. */
  readonly evictions: number;
}

const { swim, lhaProbe, lhaSuspicion, buddy, lifeguard } = swimProfiles;
const configs: Readonly<Record<string, SwimConfig>> = { swim, lhaProbe, lhaSuspicion, buddy, lifeguard };

const sickCounts = [1, 4, 8, 12, 16, 20, 24, 28, 32] as const;
/** Ours runs with fewer counts of sick members: one node of the mesh costs as much as ten of the reference. */
const grids = {
  quick: { sick: [4, 16], ownSick: [16], cutMs: [8192, 32_768], wellMs: [16] },
  part: { sick: sickCounts, ownSick: [4, 16, 32], cutMs: [512, 8192, 32_768], wellMs: [16, 1024, 16_384] },
  full: {
    sick: sickCounts,
    ownSick: [4, 16, 32],
    cutMs: [128, 512, 2048, 8192, 16_384, 32_768],
    wellMs: [1, 4, 16, 64, 256, 1024, 4096, 16_384],
  },
} as const;

/** Read off the paper's figure, for 480 runs each: false positives by the number of sick members. */
const publishedBySick: Readonly<Record<number, string>> = {
  1: '900 / 510 / 49 / 18',
  4: '6000 / 3200 / 310 / 143',
  8: '11300 / 7200 / 140 / 110',
  12: '23000 / 15300 / 580 / 225',
  16: '34500 / 22000 / 1330 / 570',
  20: '45500 / 36500 / 1120 / 750',
  24: '59000 / 42000 / 1770 / 840',
  28: '77000 / 50500 / 2900 / 1330',
  32: '81500 / 53000 / 1980 / 1200',
};

const b2: Experiment = {
  name: 'b2',
  summary: 'False positives and load while members are cut off in turns: SWIM, each part of Lifeguard, ours.',
  words: {
    '--quick': { what: 'a few cells' },
    '--full': { what: 'the published grid of D and I, which takes hours', not: ['--quick'] },
    '--sick': { what: 'with so many members at once only', number: [1, 64] },
    '--cost': { what: 'processor time for each message, in microseconds', number: [0, 1_000_000] },
    '--reference': { what: 'without ours' },
  },
  run: (context) => {
    const name = context.words.has('--full') ? 'full' : context.words.has('--quick') ? 'quick' : 'part';
    const grid = grids[name];
    const only = context.words.number('--sick');
    const counts: readonly number[] = only === undefined ? grid.sick : [only];
    const cells = counts.flatMap((sick) =>
      grid.cutMs.flatMap((cutMs) => grid.wellMs.map((wellMs): Cell => ({ sick, cutMs, wellMs }))),
    );
    const costUs = context.words.number('--cost') ?? defaultCostUs;
    const outcomes = new Map<string, readonly Outcome[]>();
    for (const [profile, config] of Object.entries(configs)) {
      outcomes.set(
        profile,
        overCells(cells, profile, context, (cell, seed) => referenceCell(cell, config, { seed, costUs })),
      );
    }
    const ownSick: readonly number[] = context.words.has('--reference')
      ? []
      : grid.ownSick.filter((count) => counts.includes(count));
    const own = ownCells(
      cells.filter((cell) => ownSick.includes(cell.sick)),
      context,
      costUs,
    );
    return {
      setup: {
        members,
        grid: name,
        cells: cells.length,
        'C, at once': counts.join(' '),
        'C, ours': ownSick.join(' '),
        'D, ms cut off': grid.cutMs.join(' '),
        'I, ms well': grid.wellMs.join(' '),
        'virtual s per cell': runMs / 1000,
        repetitions: 1,
        'processor us per message': costUs,
        published:
          'D 128-32768, I 1-16384, ten repetitions on real machines, packets compressed; the part grid has fewer of the short I that give most false positives',
      },
      rows: [...totals(outcomes), ...bySick(outcomes, counts), ...(own.length === 0 ? [] : sameCells(outcomes, own, ownSick))],
    };
  },
};

export default b2;

function overCells(
  cells: readonly Cell[],
  who: string,
  context: ExperimentContext,
  run: (cell: Cell, seed: Seed) => Outcome,
): readonly Outcome[] {
  return cells.map((cell, at) => {
    const outcome = run(cell, `${String(context.seed)} ${cell.sick} ${cell.cutMs} ${cell.wellMs}`);
    if (at % 10 === 9) context.progress(`${who}: ${at + 1} of ${cells.length} cells`);
    return outcome;
  });
}

/** One cell with the reference protocol. Every configuration meets the same members cut off at the same times. */
function referenceCell(
  cell: Cell,
  config: SwimConfig,
  { seed, costUs }: { readonly seed: Seed; readonly costUs: number },
): Outcome {
  const world = new World({ seed, network: 'lan', traceLines: 0 });
  const sick = chooseSick(world, cell.sick, 0);
  const count = { falsePositives: 0, atHealthy: 0 };
  const mesh = new SwimMesh(world, {
    config,
    onChange: (observer, { subject, to }) => {
      if (to !== 'failed' || sick.has(subject)) return;
      count.falsePositives++;
      if (!sick.has(observer.index)) count.atHealthy++;
    },
  });
  const hosts = mesh.add(members, { settled: true });
  for (const host of hosts) host.slowCpu(costUs);
  world.runFor(quietMs);
  const before = mesh.traffic;
  const virtualMs = cycle(
    world,
    cell,
    hosts.filter((host) => sick.has(host.index)),
  );
  const after = mesh.traffic;
  return {
    sick: cell.sick,
    ...count,
    messages: after.sent - before.sent,
    bytes: after.sentBytes - before.sentBytes,
    virtualMs,
    evictions: 0,
  };
}

/** All cells with nodes of this mesh, one after the other on one mesh for as long as it agrees again in between. */
function ownCells(cells: readonly Cell[], context: ExperimentContext, costUs: number): readonly Outcome[] {
  let mesh: OwnMesh | undefined;
  return overCells(cells, 'ours', context, (cell, seed) => {
    if (mesh?.agrees() !== true) mesh = new OwnMesh(seed, costUs);
    return mesh.run(cell);
  });
}

class OwnMesh {
  readonly #world: World;
  readonly #nodes: readonly SimNode[];
  #sick: ReadonlySet<number> = new Set();
  #cells = 0;
  #falsePositives = 0;
  #atHealthy = 0;
  #evictions = 0;

  constructor(seed: Seed, costUs: number) {
    const indexes = new Map<string, number>();
    this.#world = new World({
      seed,
      network: 'lan',
      traceLines: 0,
      onEvent: (observer, event) => {
        if (event.type !== 'member-changed' && event.type !== 'reachability-changed') return;
        const subject = indexes.get(event.id);
        if (subject === undefined || this.#sick.has(subject)) return;
        if (event.type === 'reachability-changed') {
          if (!event.reachable) this.#evictions++;
        } else if (event.to === 'failed') {
          this.#falsePositives++;
          if (!this.#sick.has(observer.index)) this.#atHealthy++;
        }
      },
    });
    this.#nodes = this.#world.mesh(members);
    for (const node of this.#nodes) indexes.set(node.id, node.index);
    if (!this.agrees()) throw new Error('the mesh does not form');
    for (const node of this.#nodes) node.slowCpu(costUs);
  }

  /** Waits until all know all. Returns whether they came to. */
  agrees(): boolean {
    return this.#world.runUntil(() => this.#nodes.every((node) => node.view().aliveCount === members), agreeMs) !== undefined;
  }

  run(cell: Cell): Outcome {
    const world = this.#world;
    world.runFor(quietMs);
    this.#sick = chooseSick(world, cell.sick, this.#cells++);
    this.#falsePositives = 0;
    this.#atHealthy = 0;
    this.#evictions = 0;
    const before = { ...world.network.figures };
    const virtualMs = cycle(
      world,
      cell,
      this.#nodes.filter((node) => this.#sick.has(node.index)),
    );
    const after = world.network.figures;
    return {
      sick: cell.sick,
      falsePositives: this.#falsePositives,
      atHealthy: this.#atHealthy,
      messages: after.messages - before.messages,
      bytes: after.bytes - before.bytes,
      virtualMs,
      evictions: this.#evictions,
    };
  }
}

function chooseSick(world: World, count: number, counter: number): ReadonlySet<number> {
  const sick = new Set<number>();
  for (let key = 0; sick.size < count; key++) sick.add(world.randomness.below(members, { stream: 2, key, counter }));
  return sick;
}

/** Cuts the hosts off and lets them be, in turn. The last anomaly is ended. Returns how long that took. */
function cycle(world: World, cell: Cell, sick: readonly { blockIo(isBlocked: boolean): void }[]): number {
  const fromMs = world.nowMs;
  while (world.nowMs - fromMs < runMs) {
    for (const host of sick) host.blockIo(true);
    world.runFor(cell.cutMs);
    for (const host of sick) host.blockIo(false);
    world.runFor(cell.wellMs);
  }
  return world.nowMs - fromMs;
}

type Outcomes = ReadonlyMap<string, readonly Outcome[]>;
type Figure = (runs: readonly Outcome[]) => number;

function rowOf(outcomes: Outcomes, what: string, of: Figure, more: Partial<ExperimentRow>): ExperimentRow {
  return { what, unit: '', anchors: Object.fromEntries([...outcomes].map(([name, runs]) => [name, of(runs)])), ...more };
}

const total =
  (field: keyof Outcome): Figure =>
  (runs) =>
    sum(runs, field);

/** For each member and second. */
const rate =
  (field: keyof Outcome): Figure =>
  (runs) =>
    sum(runs, field) / members / (sum(runs, 'virtualMs') / 1000);

function totals(outcomes: Outcomes): ExperimentRow[] {
  const baseline = outcomes.get('swim') ?? [];
  const share =
    (field: keyof Outcome): Figure =>
    (runs) =>
      (100 * sum(runs, field)) / Math.max(1, sum(baseline, field));
  const row = (what: string, unit: string, of: Figure, published?: string): ExperimentRow =>
    rowOf(outcomes, what, of, { unit, ...(published !== undefined && { published }) });
  return [
    row('FP', '', total('falsePositives'), '339002 / 229574 / 10174 / 318935 / 5193'),
    row('FP of SWIM', '%', share('falsePositives'), '100 / 67.7 / 3.0 / 94.1 / 1.53'),
    row('FP a run', '', (runs) => sum(runs, 'falsePositives') / runs.length, '78.5 / 53.1 / 2.4 / 73.8 / 1.2'),
    row('FP-', '', total('atHealthy'), '1326 / 436 / 89 / 591 / 25'),
    row('FP- of SWIM', '%', share('atHealthy'), '100 / 32.9 / 6.7 / 44.6 / 1.89'),
    row('messages a member and second', '', rate('messages')),
    row('messages of SWIM', '%', share('messages'), '100 / 98.5 / 111.3 / 100.1 / 110.6'),
    row('bytes a member and second', 'B', rate('bytes')),
    row('bytes of SWIM', '%', share('bytes'), '100 / 90.0 / 106.5 / 99.0 / 98.0'),
  ];
}

function bySick(outcomes: Outcomes, counts: readonly number[]): ExperimentRow[] {
  return counts.map((count) =>
    rowOf(outcomes, `FP with ${count} at once`, (runs) => sum(ofSick(runs, [count]), 'falsePositives'), {
      published: `${publishedBySick[count] ?? '-'} (swim / lhaProbe / lhaSuspicion / lifeguard, 480 runs)`,
    }),
  );
}

/** Ours, and the reference in those cells that ours ran. */
function sameCells(outcomes: Outcomes, own: readonly Outcome[], ownSick: readonly number[]): ExperimentRow[] {
  const same = new Map([...outcomes].map(([name, runs]) => [name, ofSick(runs, ownSick)] as const));
  const row = (what: string, unit: string, of: Figure, goal?: string): ExperimentRow =>
    rowOf(same, `same ${own.length} cells: ${what}`, of, { unit, ours: of(own), ...(goal !== undefined && { goal }) });
  const half = '<= half of lifeguard';
  return [
    row('FP', '', total('falsePositives'), half),
    row('FP-', '', total('atHealthy'), half),
    row('messages a member and second', '', rate('messages')),
    row('bytes a member and second', 'B', rate('bytes')),
    { what: `same ${own.length} cells: healthy members out of rotation`, unit: '', ours: sum(own, 'evictions') },
  ];
}

function ofSick(runs: readonly Outcome[], counts: readonly number[]): readonly Outcome[] {
  return runs.filter((run) => counts.includes(run.sick));
}

function sum(runs: readonly Outcome[], field: keyof Outcome): number {
  return runs.reduce((total, run) => total + run[field], 0);
}
