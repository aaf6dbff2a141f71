/**
 * B3: false positives while some of 100 members are short of CPU (the motivation of Lifeguard, Dadgar et al. 2018, figure
 * 1). The whole process stands still for 0.2 to 5 s, by chance, and runs for a ninth of that, for five minutes: 90 % of its
 * time is gone. While it runs, each message takes its time too, so that what arrives piles up in its socket: without that,
 * nobody is ever more than one stall behind, and even SWIM has no false positive at all. How much a message takes matters
 * little (30 to 250 ms give SWIM the same figures); what is left of the processor is a tenth either way.
 *
 * A false positive is a verdict about a member that is not short of CPU; they are counted everywhere, and
 * at members that are not short of it either.
 *
 *     npm run simulate -- b3 [--quick] [--repeat N] [--cost US]
 */

import { swimProfiles } from '@skein/sim';
import type { Experiment, ExperimentContext, ExperimentRow } from '@skein/sim';
import { Crowd } from './measure/crowd.ts';
import type { Profile } from './measure/crowd.ts';

const members = 100;
const counts = [1, 2, 4, 8, 16, 32] as const;
const leastMs = 200;
const mostMs = 5000;
const defaultCostUs = 60_000;
const stallStream = 4;

const profiles: readonly (readonly [string, Profile])[] = [
  ['swim', swimProfiles.swim],
  ['lifeguard', swimProfiles.lifeguard],
  ['memberlist', swimProfiles.memberlistLan],
  ['ours', 'ours'],
];

/** Read off the paper's figure, within a tenth or so. */
interface Published {
  readonly swim: number;
  readonly swimAtHealthy: number;
  readonly lifeguard: number;
  readonly lifeguardAtHealthy: number;
}
const published: Readonly<Record<(typeof counts)[number], Published>> = {
  1: { swim: 10, swimAtHealthy: 0, lifeguard: 0, lifeguardAtHealthy: 0 },
  2: { swim: 45, swimAtHealthy: 0, lifeguard: 0, lifeguardAtHealthy: 0 },
  4: { swim: 365, swimAtHealthy: 215, lifeguard: 0, lifeguardAtHealthy: 0 },
  8: { swim: 955, swimAtHealthy: 330, lifeguard: 0, lifeguardAtHealthy: 0 },
  16: { swim: 1775, swimAtHealthy: 365, lifeguard: 95, lifeguardAtHealthy: 0 },
  32: { swim: 3310, swimAtHealthy: 610, lifeguard: 1270, lifeguardAtHealthy: 55 },
};

interface Starving {
  readonly runMs: number;
  readonly costUs: number;
}

interface Outcome {
  readonly total: number;
  readonly atHealthy: number;
  /** How often a healthy member put a healthy one out of rotation. */
  readonly evictions: number;
}

const b3: Experiment = {
  name: 'b3',
  summary: 'False positives while 1 to 32 of 100 members are short of CPU: SWIM, Lifeguard, memberlist, ours.',
  words: {
    '--quick': { what: 'one minute, with 4 and 32 short of CPU' },
    '--repeat': { what: 'runs of each, whose mean is shown', number: [1, 100] },
    '--cost': { what: 'processor time for each message, in microseconds', number: [0, 1_000_000] },
  },
  run: (context) => {
    const isQuick = context.words.has('--quick');
    const runMs = isQuick ? 60_000 : 300_000;
    const runs = context.words.number('--repeat') ?? 1;
    const costUs = context.words.number('--cost') ?? defaultCostUs;
    const chosen = isQuick ? ([4, 32] as const) : counts;
    const rows = chosen.flatMap((sick) => rowsOf(sick, measured(sick, { context, runMs, runs, costUs })));
    return {
      setup: {
        members,
        'short of CPU': chosen.join(' '),
        'standing still, ms': `${leastMs}-${mostMs}, each time another`,
        'standing still, share': 0.9,
        'us a message, while it runs': costUs,
        'virtual s': runMs / 1000,
        runs,
        network: 'lan, no loss',
        lifeguard: 'alpha 5, beta 6, K 3, its five published parts all on; memberlist: its lan settings of today',
        published:
          'read off the figure: 100 virtual machines with one core, other processes on k of them use it up; five minutes',
      },
      rows,
    };
  },
};

export default b3;

function measured(
  sick: number,
  { context, runs, ...how }: Starving & { readonly context: ExperimentContext; readonly runs: number },
): ReadonlyMap<string, Outcome> {
  return new Map(
    profiles.map(([name, profile]) => {
      const sum = { total: 0, atHealthy: 0, evictions: 0 };
      for (let run = 0; run < runs; run++) {
        const outcome = starve(profile, { seed: `${String(context.seed)} b3 ${sick} ${run}`, sick, ...how });
        sum.total += outcome.total / runs;
        sum.atHealthy += outcome.atHealthy / runs;
        sum.evictions += outcome.evictions / runs;
      }
      context.progress(`${sick} short of CPU: ${name} ${sum.total} false positives, ${sum.atHealthy} at healthy ones`);
      return [name, sum];
    }),
  );
}

function rowsOf(sick: (typeof counts)[number], seen: ReadonlyMap<string, Outcome>): ExperimentRow[] {
  const row = (what: string, field: keyof Outcome, more: Partial<ExperimentRow>): ExperimentRow => ({
    what: `${sick} short of CPU: ${what}`,
    unit: '',
    ours: seen.get('ours')?.[field] ?? 0,
    anchors: Object.fromEntries([...seen].filter(([name]) => name !== 'ours').map(([name, each]) => [name, each[field]])),
    ...more,
  });
  const paper = published[sick];
  const most = (inPaper: number, field: keyof Outcome): string => `<= ${Math.min(inPaper, seen.get('lifeguard')?.[field] ?? 0)}`;
  return [
    row('false positives', 'total', {
      published: `swim ${paper.swim}, lifeguard ${paper.lifeguard}`,
      goal: most(paper.lifeguard, 'total'),
    }),
    row('at healthy members', 'atHealthy', {
      published: `swim ${paper.swimAtHealthy}, lifeguard ${paper.lifeguardAtHealthy}`,
      goal: most(paper.lifeguardAtHealthy, 'atHealthy'),
    }),
    row('healthy out of rotation at healthy', 'evictions', {}),
  ];
}

function starve(
  profile: Profile,
  { seed, sick, runMs, costUs }: Starving & { readonly seed: string; readonly sick: number },
): Outcome {
  const crowd = new Crowd(profile, { seed, members });
  const { world, hosts } = crowd;
  const short = new Set(crowd.choose(sick));
  const count = { total: 0, atHealthy: 0, evictions: 0 };
  crowd.onChange = ({ observer, subject, kind, isIn }) => {
    if (isIn || short.has(subject)) return;
    if (kind === 'membership') count.total++;
    if (short.has(observer)) return;
    if (kind === 'membership') count.atHealthy++;
    else count.evictions++;
  };
  const endMs = world.nowMs + runMs;
  for (const index of short) {
    const host = hosts[index];
    if (host === undefined) continue;
    host.slowCpu(costUs);
    let turns = 0;
    const stall = (): void => {
      if (world.nowMs >= endMs || host.process !== 'running') return;
      const key = { stream: stallStream, key: index, counter: turns++ };
      const stallMs = leastMs + world.randomness.below(mostMs - leastMs + 1, key);
      host.pause();
      world.at(world.nowMs + stallMs, () => {
        host.resume();
        world.at(world.nowMs + Math.ceil(stallMs / 9), stall);
      });
    };
    world.at(world.nowMs + world.randomness.below(mostMs, { stream: stallStream, key: index, counter: -1 }), stall);
  }
  world.runFor(runMs);
  return count;
}
