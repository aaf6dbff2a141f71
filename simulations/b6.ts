/**
 * B6: ten of a thousand members go at once: their processes crash, their machines lose power, or the network between them
 * and the rest is cut. How long until traffic goes around them everywhere, until all are removed everywhere, and how many
 * views does a subscriber see on the way (Rapid's evaluation, Suresh et al. 2018, 7)?
 *
 *     npm run simulate -- b6 [--quick] [--members N] [--reference | --ours]
 */

import { swimProfiles } from '@skein/sim';
import type { Experiment, ExperimentRow } from '@skein/sim';
import { Crowd } from './measure/crowd.ts';
import type { Profile } from './measure/crowd.ts';

const faults = ['crash', 'power loss', 'partition'] as const;
type Fault = (typeof faults)[number];
const withinMs = 120_000;

/** In ms after the fault: of all pairs of one that is left and one that is gone, and of the last pair. */
interface Outcome {
  readonly evictedMs: readonly number[];
  readonly removedMs: readonly number[];
  /** By observer: at how many times its set of members changed. */
  readonly views: readonly number[];
  readonly pairs: number;
  readonly healthyRemoved: number;
}

const b6: Experiment = {
  name: 'b6',
  summary: 'Ten of a thousand members go at once: how soon out of rotation, how soon removed, in how many views.',
  words: {
    '--quick': { what: '100 members', not: ['--members'] },
    '--members': { what: 'of the mesh', number: [20, 4000] },
    '--reference': { what: 'without ours', not: ['--ours'] },
    '--ours': { what: 'without the reference' },
  },
  run: (context) => {
    const { words, seed } = context;
    const members = words.number('--members') ?? (words.has('--quick') ? 100 : 1000);
    const profiles: [string, Profile][] = [];
    if (!words.has('--ours')) profiles.push(['memberlist', swimProfiles.memberlistLan]);
    if (!words.has('--reference')) profiles.push(['ours', 'ours']);
    const rows = faults.flatMap((fault) => {
      const seen = new Map<string, Outcome>();
      for (const [name, profile] of profiles) {
        seen.set(name, measure(new Crowd(profile, { seed: `${String(seed)} b6`, members }), fault));
        context.progress(`${name}: ${fault}`);
      }
      return rowsOf(fault, seen);
    });
    return {
      setup: {
        members,
        gone,
        network: 'lan, no loss',
        'runs of each fault': 1,
        memberlist: "today's lan settings; it routes to whoever it has not failed",
        'a view':
          'what a subscriber holds after all changes of one instant; the first change of ten makes nine in between at most',
        published: 'Rapid, 1000 processes on 100 machines that crash ten at once: one view, some 10 s later than memberlist',
      },
      rows,
    };
  },
};

export default b6;

const gone = 10;

function measure(crowd: Crowd, fault: Fault): Outcome {
  const { world, hosts } = crowd;
  const members = hosts.length;
  const sick = new Set(crowd.choose(gone));
  const pairs = gone * (members - gone);
  const evicted = new Map<number, number>();
  const removed = new Map<number, number>();
  const views = new Map<number, Set<number>>();
  const healthyRemoved = new Set<number>();
  const startMs = world.nowMs;
  crowd.onChange = ({ observer, subject, kind, isIn }) => {
    if (sick.has(observer)) return;
    if (!sick.has(subject)) {
      if (kind === 'membership' && !isIn) healthyRemoved.add(subject);
      return;
    }
    const times = kind === 'rotation' ? evicted : removed;
    const pair = observer * members + subject;
    // Of who came back, only when it went for good counts.
    if (isIn) times.delete(pair);
    else times.set(pair, world.nowMs - startMs);
    if (kind !== 'membership') return;
    const instants = views.get(observer) ?? new Set();
    views.set(observer, instants.add(world.nowMs));
  };
  const going = hosts.filter(({ index }) => sick.has(index));
  if (fault === 'crash') for (const host of going) host.crash();
  else if (fault === 'power loss') for (const host of going) host.powerOff();
  else
    world.network.split(
      going,
      hosts.filter(({ index }) => !sick.has(index)),
    );
  world.runUntil(() => removed.size === pairs && evicted.size === pairs, withinMs);
  const sorted = (times: ReadonlyMap<number, number>): readonly number[] => [...times.values()].sort((a, b) => a - b);
  return {
    evictedMs: sorted(evicted),
    removedMs: sorted(removed),
    views: [...views.values()].map((instants) => instants.size).sort((a, b) => a - b),
    pairs,
    healthyRemoved: healthyRemoved.size,
  };
}

function rowsOf(fault: Fault, seen: ReadonlyMap<string, Outcome>): ExperimentRow[] {
  const row = (
    what: string,
    unit: string,
    of: (outcome: Outcome) => number,
    more: Partial<ExperimentRow> = {},
  ): ExperimentRow => {
    const ours = seen.get('ours');
    return {
      what: `${fault}: ${what}`,
      unit,
      ...(ours !== undefined && { ours: of(ours) }),
      anchors: Object.fromEntries([...seen].filter(([name]) => name !== 'ours').map(([name, each]) => [name, of(each)])),
      ...more,
    };
  };
  return [
    row('out of rotation, median', 'ms', ({ evictedMs, pairs }) => atPart(evictedMs, pairs, 0.5)),
    row('out of rotation, p99', 'ms', ({ evictedMs, pairs }) => atPart(evictedMs, pairs, 0.99), { goal: '<= 2000' }),
    row('out of rotation, last', 'ms', ({ evictedMs, pairs }) => atPart(evictedMs, pairs, 1)),
    row('removed, median', 'ms', ({ removedMs, pairs }) => atPart(removedMs, pairs, 0.5)),
    row('all removed everywhere', 'ms', last, { goal: '<= memberlist' }),
    row('views in between, median', '', ({ views }) => between(views, 0.5), { published: 'memberlist: several; Rapid: 0' }),
    row('views in between, most', '', ({ views }) => between(views, 1)),
    row('healthy members removed', '', ({ healthyRemoved }) => healthyRemoved, { goal: '0' }),
  ];
}

function last({ removedMs, pairs }: Outcome): number {
  return atPart(removedMs, pairs, 1);
}

/** The value below which a part of all pairs lies. Pairs that never came to it count as infinite. */
function atPart(sorted: readonly number[], pairs: number, part: number): number {
  return sorted[Math.min(pairs - 1, Math.floor(pairs * part))] ?? Number.POSITIVE_INFINITY;
}

/** The last view is the one without all ten: it is not in between. */
function between(views: readonly number[], part: number): number {
  return Math.max(0, (views[Math.min(views.length - 1, Math.floor(views.length * part))] ?? 1) - 1);
}
