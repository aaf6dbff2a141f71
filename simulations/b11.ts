/**
 * B11: a mesh that was split for a minute, an hour, and longer than the failed are remembered, and is whole again; and one
 * whose hosts all come back with other addresses and know one name. How long until all agree, and what readers see of it.
 *
 *     npm run simulate -- b11 [--quick | --long]
 *
 * `--long`: the splits of an hour, and of 30 hours, when the failed are forgotten; without it, those of a minute.
 */

import { SwimMesh, World, swimProfiles } from '@skein/sim';
import type { Experiment, ExperimentRow, Seed, SimNode } from '@skein/sim';
import { agreementOf } from './measure/agreement.ts';
import { Beliefs } from './measure/beliefs.ts';
import { mean } from './measure/quantile.ts';
import { settledMesh } from './measure/settled-mesh.ts';

interface Story {
  readonly what: string;
  readonly members: number;
  /** How many are on the smaller side. */
  readonly apart: number;
  readonly forMs: number;
}

/** What was seen after the network was whole again. */
interface Healing {
  /** Until everybody holds everybody to be alive, verified and reachable, in ms. */
  readonly agreedMs: number;
  /** What members of one side, healthy all along, came to think of each other. */
  readonly beliefs: Beliefs;
  readonly manualSteps: number;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** After so long without help somebody would step in. */
const patienceMs = 10 * minuteMs;
/** What healing leaves behind shows in this time. */
const aftermathMs = 10_000;

const b11: Experiment = {
  name: 'b11',
  summary: 'Splits of any length, healed, and a restart of all hosts with new addresses: memberlist, ours.',
  words: {
    '--quick': { what: '20 members, splits of a minute' },
    '--long': { what: 'splits of an hour and of 30 hours instead', not: ['--quick'] },
  },
  run: (context) => {
    const isQuick = context.words.has('--quick');
    const rows: ExperimentRow[] = [];
    const isLong = context.words.has('--long');
    for (const story of isQuick ? splits(20, minuteMs, '1 min') : isLong ? longSplits() : shortSplits()) {
      const seeds = Array.from(
        { length: story.members > 50 || story.forMs > minuteMs ? 1 : 3 },
        (_, run) => `${String(context.seed)} ${run}`,
      );
      const seen = seeds.map((seed) => ownSplit(seed, story));
      const reference = story.forMs > minuteMs ? undefined : seeds.map((seed) => referenceSplit(seed, story));
      rows.push(...rowsOf(story.what, seen, reference));
      context.progress(story.what);
    }
    for (const members of isLong ? [] : isQuick ? [20] : [20, 100]) {
      const what = `${members} members, all restart with new addresses`;
      rows.push(...rowsOf(what, [ownMove(context.seed, members)], undefined));
      context.progress(what);
    }
    return {
      setup: {
        network: 'lan, no loss',
        seeds: 'every member was started with the address of the first',
        agreed:
          'everybody holds everybody to be alive, verified and reachable; mean of three runs of up to 50 members for a minute',
        'out of rotation': 'beliefs of one member about another of the same side, which was healthy all along',
        memberlist: 'without Serf; within ten minutes of the end of the split, 600 000 stands for not at all',
        restart: 'all machines lose power and come back with other addresses; one name leads to one of them',
      },
      rows,
    };
  },
};

export default b11;

function splits(members: number, forMs: number, length: string): Story[] {
  return [
    { what: `${members} members, 50/50 for ${length}`, members, apart: Math.floor(members / 2), forMs },
    { what: `${members} members, 90/10 for ${length}`, members, apart: Math.floor(members / 10), forMs },
    { what: `${members} members, one cut off for ${length}`, members, apart: 1, forMs },
  ];
}

function shortSplits(): Story[] {
  return [...splits(50, minuteMs, '1 min'), ...splits(200, minuteMs, '1 min')];
}

function longSplits(): Story[] {
  const beyondTombstones = splits(10, 30 * hourMs, '30 h').filter(({ what }) => !what.includes('90/10'));
  return [...splits(20, hourMs, '1 h'), ...beyondTombstones];
}

function rowsOf(what: string, own: readonly Healing[], reference: readonly number[] | undefined): ExperimentRow[] {
  const row = (rest: string, unit: string, of: (seen: Healing) => number): ExperimentRow => ({
    what: `${what}: ${rest}`,
    unit,
    ours: mean(own.map(of)),
  });
  return [
    {
      ...row('all agree', 'ms', ({ agreedMs }) => agreedMs),
      published: 'Serf: one round of 30 s',
      ...(reference && { anchors: { memberlist: mean(reference) } }),
    },
    row('refutations', 'count', ({ beliefs }) => beliefs.refutations),
    row('own side out of rotation', 'beliefs', ({ beliefs }) => beliefs.evictions),
    row('own side out of rotation', 'ms in all', ({ beliefs }) => beliefs.outMs),
    { ...row('own side failed', 'beliefs', ({ beliefs }) => beliefs.removals), goal: '0' },
    { ...row('manual steps', 'count', ({ manualSteps }) => manualSteps), goal: '0' },
  ];
}

function ownSplit(seed: Seed, story: Story): Healing {
  const beliefs = new Beliefs();
  const { world, nodes } = settledMesh({
    seed: `${String(seed)} ${story.what}`,
    members: story.members,
    seeded: true,
    onEvent: (node, event, nowMs) => beliefs.see(node, event, nowMs),
  });
  const apart = nodes.slice(0, story.apart);
  const others = nodes.slice(story.apart);
  const heal = world.network.split(apart, others);
  world.runFor(story.forMs);
  heal();
  const isApart = new Map(nodes.map((node) => [node.id, node.index < story.apart]));
  beliefs.begin(world.nowMs, (observer, subject) => isApart.get(observer) === isApart.get(subject));
  return healing(world, nodes, beliefs, () => void apart[0]?.dispatch({ type: 'join', addresses: others[0]?.addresses ?? [] }));
}

/** Everybody goes down at once and comes back elsewhere. */
function ownMove(seed: Seed, members: number): Healing {
  const beliefs = new Beliefs();
  const name = 'mesh.example:7946';
  const world: World = new World({
    seed: `${String(seed)} move ${members}`,
    network: 'lan',
    traceLines: 0,
    onEvent: (node, event) => beliefs.see(node, event, world.nowMs),
  });
  // The name is one more address of a host, since a simulated network has no other names.
  const addressesOf = (site: number, index: number): string[] => [
    `10.${site}.${index >> 8}.${index & 255}:7946`,
    ...(index === 0 ? [name] : []),
  ];
  const nodes = Array.from({ length: members }, (_, index) => world.addNode({ addresses: addressesOf(0, index), seeds: [name] }));
  const took = world.runUntil(agreementOf(nodes), patienceMs);
  if (took === undefined) throw new Error('the mesh does not form');
  world.runFor(aftermathMs);
  for (const node of nodes) node.powerOff();
  for (const node of nodes) node.restart({ addresses: addressesOf(1, node.index) });
  beliefs.begin(world.nowMs, () => true);
  return healing(world, nodes, beliefs, () => undefined);
}

/** Waits until all agree. Who gives up waiting takes `step` by hand, once. */
function healing(world: World, nodes: readonly SimNode[], beliefs: Beliefs, step: () => void): Healing {
  let agreedMs = world.runUntil(agreementOf(nodes), patienceMs);
  let manualSteps = 0;
  if (agreedMs === undefined) {
    manualSteps = 1;
    step();
    agreedMs = patienceMs + (world.runUntil(agreementOf(nodes), patienceMs) ?? patienceMs);
  }
  world.runFor(aftermathMs);
  beliefs.end(world.nowMs);
  return { agreedMs, beliefs, manualSteps };
}

/** How long the reference takes until all are alive to all, in ms; at most the patience. */
function referenceSplit(seed: Seed, story: Story): number {
  const world = new World({ seed: `${String(seed)} memberlist ${story.what}`, network: 'lan', traceLines: 0 });
  const mesh = new SwimMesh(world, { config: swimProfiles.memberlistLan });
  const hosts = mesh.add(story.members, { settled: true });
  world.runFor(aftermathMs);
  const heal = world.network.split(hosts.slice(0, story.apart), hosts.slice(story.apart));
  world.runFor(story.forMs);
  heal();
  const isWhole = (): boolean => hosts.every((host) => hosts.every((other) => host.status(other) === 'alive'));
  return world.runUntil(isWhole, patienceMs) ?? patienceMs;
}
