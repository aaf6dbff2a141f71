/**
 * B5: one member runs; ten seconds later all others start at once and join through it (bootstrap of Rapid's evaluation,
 * Suresh et al. 2018, 7). How long until all report the full size, and how many different sizes are reported on the way?
 *
 *     npm run simulate -- b5 [--quick] [--members N] [--reference | --ours]
 *
 * Of each size of mesh one run. 2000 members need 8 GB.
 */

import { SwimMesh, World, swimProfiles } from '@skein/sim';
import type { Experiment, ExperimentContext, ExperimentRow } from '@skein/sim';

const leadMs = 10_000;
const withinMs = 300_000;
const sampleMs = 1000;
/** Time of CPU that a simulated handshake costs on each side, as measured with real ones. */
const handshakeMs = 8;

interface Outcome {
  readonly tookMs: number;
  readonly sizes: number;
  /** Time after which the seed had an open door for everybody: its handshakes one after the other. */
  readonly handshakes: number;
}

/** Seconds until all report N, and sizes reported, by Rapid's authors: memberlist, Rapid. */
const published: Readonly<Record<number, readonly [string, string]>> = {
  1000: ['Rapid 2-2.32 times faster than memberlist', 'memberlist 901, Rapid 4'],
  1500: ['Rapid 2-2.32 times faster than memberlist', 'memberlist 1383, Rapid 8'],
  2000: ['memberlist up to 95', 'memberlist 1858, Rapid 4'],
};

const b5: Experiment = {
  name: 'b5',
  summary: 'All others join one member at once: time until all report the full size, and how many sizes they report.',
  words: {
    '--quick': { what: '200 members', not: ['--members'] },
    '--members': { what: 'one size of mesh only', number: [2, 4000] },
    '--reference': { what: 'without ours', not: ['--ours'] },
    '--ours': { what: 'without the reference' },
  },
  heapMiB: 16_000,
  run: (context) => {
    const { words, seed } = context;
    const chosen = words.number('--members');
    const sizes = chosen !== undefined ? [chosen] : words.has('--quick') ? [200] : [1000, 1500, 2000];
    const rows = sizes.flatMap((members) => {
      const runs = new Map<string, Outcome>();
      const about = { seed: `${String(seed)} b5 ${members}`, members };
      if (!words.has('--ours')) runs.set('memberlist', reference(about));
      if (runs.size > 0) context.progress(`memberlist: ${members} members`);
      if (!words.has('--reference')) runs.set('ours', ours(about, context));
      return rowsOf(members, runs);
    });
    return {
      setup: {
        members: sizes.join(' '),
        start: `one, and ${leadMs / 1000} s later all others within the same millisecond, with its address`,
        'reported sizes': 'what each running member takes for the size, asked once a second, until all report the full one',
        network: 'lan, no loss',
        'CPU of a handshake, ms a side': `${handshakeMs} (ours); the reference sends datagrams and opens TCP at no cost`,
        memberlist: "today's lan settings; who cannot join tries again after 30 s",
        published: 'Rapid, N processes on 100 machines, five repetitions',
      },
      rows,
    };
  },
};

export default b5;

interface Bootstrap {
  readonly seed: string;
  readonly members: number;
}

function reference({ seed, members }: Bootstrap): Outcome {
  const world = new World({ seed, network: 'lan', traceLines: 0 });
  const mesh = new SwimMesh(world, { config: swimProfiles.memberlistLan });
  const hosts = mesh.add(members, { start: false });
  hosts[0]?.start({ seeds: [] });
  world.runFor(leadMs);
  for (const host of hosts.slice(1)) host.start();
  return watch(world, members, () => hosts.map((host) => host.node.aliveCount));
}

function ours({ seed, members }: Bootstrap, context: ExperimentContext): Outcome {
  const world = new World({ seed, network: 'lan', traceLines: 0 });
  const [first] = world.mesh(1);
  world.runFor(leadMs);
  for (let at = 1; at < members; at++) world.addNode({ seeds: first?.addresses ?? [] });
  return watch(world, members, (): readonly number[] => {
    const sizes = world.nodes.map((node) => node.view().aliveCount);
    context.progress(
      `ours, ${members}: after ${(world.nowMs - leadMs) / 1000} s ${sizes.filter((size) => size === members).length} know all, ` +
        `the seed ${sizes[0]}`,
    );
    return sizes;
  });
}

/** Asks everybody once a second; what is between two questions nobody reports. */
function watch(world: World, members: number, ask: () => readonly number[]): Outcome {
  const startMs = world.nowMs;
  const reported = new Set<number>();
  while (world.nowMs - startMs < withinMs) {
    world.runFor(sampleMs);
    const sizes = ask();
    for (const size of sizes) reported.add(size);
    if (sizes.every((size) => size === members)) {
      return { tookMs: world.nowMs - startMs, sizes: reported.size, handshakes: world.network.figures.handshakes };
    }
  }
  return { tookMs: Number.POSITIVE_INFINITY, sizes: reported.size, handshakes: world.network.figures.handshakes };
}

function rowsOf(members: number, runs: ReadonlyMap<string, Outcome>): ExperimentRow[] {
  const row = (what: string, unit: string, of: (run: Outcome) => number, more: Partial<ExperimentRow> = {}): ExperimentRow => {
    const own = runs.get('ours');
    return {
      what: `${members} members: ${what}`,
      unit,
      ...(own !== undefined && { ours: of(own) }),
      anchors: Object.fromEntries([...runs].filter(([name]) => name !== 'ours').map(([name, run]) => [name, of(run)])),
      ...more,
    };
  };
  const [took, sizes] = published[members] ?? ['-', '-'];
  const own = runs.get('ours');
  return [
    row('until all report all', 's', ({ tookMs }) => tookMs / 1000, { published: took, goal: '< 20' }),
    row('sizes reported', '', (run) => run.sizes, { published: sizes, goal: '< 20' }),
    ...(own === undefined
      ? []
      : [
          { what: `${members} members: handshakes a member`, unit: '', ours: (2 * own.handshakes) / members },
          {
            what: `${members} members: CPU for one handshake with each at the seed`,
            unit: 's',
            ours: (handshakeMs * members) / 1000,
          },
        ]),
  ];
}
