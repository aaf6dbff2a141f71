/**
 * B13: a process stops for a while, as when its host is suspended or its loop is busy, and wall clocks jump by a year. Nobody
 * else may be removed for any length of a pause; the paused one only when it was away for longer than a suspicion lasts.
 *
 *     npm run simulate -- b13 [--quick]
 */

import { profiles } from '@skein/core';
import { SwimMesh, World, swimProfiles } from '@skein/sim';
import type { Experiment, ExperimentRow, Seed } from '@skein/sim';
import { Beliefs } from './measure/beliefs.ts';
import { mean } from './measure/quantile.ts';
import { settledMesh } from './measure/settled-mesh.ts';

/** What one pause did. */
interface Outcome {
  readonly othersRemoved: number;
  /** Observers that had the paused member out of rotation, and failed. */
  readonly evictedBy: number;
  readonly removedBy: number;
  /** From the end of the pause until everybody routes to it again, in ms. */
  readonly backMs: number;
}

const pausesMs = [100, 300, 1000, 2000, 5000, 10_000, 30_000, 60_000];
const yearMs = 365 * 24 * 3_600_000;
const quietMs = 20_000;
const withinMs = 300_000;

const b13: Experiment = {
  name: 'b13',
  summary: 'A process pauses for 0.1 s to 60 s, and wall clocks jump by a year: memberlist, ours.',
  words: {
    '--quick': { what: '20 members, three pauses of each length' },
  },
  run: (context) => {
    const isQuick = context.words.has('--quick');
    const rows: ExperimentRow[] = [];
    for (const members of isQuick ? [20] : [20, 100]) {
      const runs = isQuick ? 3 : 10;
      for (const pauseMs of pausesMs) {
        const seed = `${String(context.seed)} ${members} ${pauseMs}`;
        rows.push(
          ...rowsOf(members, pauseMs, ownPauses(seed, members, pauseMs, runs), referencePauses(seed, members, pauseMs, runs)),
        );
        context.progress(`${members} members, ${pauseMs} ms`);
      }
      rows.push(clockRow(context.seed, members));
    }
    return {
      setup: {
        network: 'lan, no loss',
        pauses: `of one member, ${isQuick ? 3 : 10} for each length, at other phases of all timers`,
        'after a pause': 'late timers and waiting input run at once, in either order',
        'shortest suspicion, ours': `${suspicionMinMs(20)} ms among 20, ${suspicionMinMs(100)} ms among 100, from the first accusation`,
        back: 'until everybody routes to it; of memberlist, until everybody holds it to be alive',
      },
      rows,
    };
  },
};

export default b13;

function rowsOf(members: number, pauseMs: number, own: readonly Outcome[], reference: readonly Outcome[]): ExperimentRow[] {
  const row = (what: string, unit: string, of: (outcome: Outcome) => number): ExperimentRow => ({
    what: `${members} members, one pauses for ${pauseMs / 1000} s: ${what}`,
    unit,
    ours: mean(own.map(of)),
    anchors: { memberlist: mean(reference.map(of)) },
  });
  return [
    { ...row('others removed', 'beliefs', ({ othersRemoved }) => othersRemoved), goal: '0' },
    row('it is out of rotation', 'share of members', ({ evictedBy }) => evictedBy / (members - 1)),
    {
      ...row('it is removed', 'share of members', ({ removedBy }) => removedBy / (members - 1)),
      ...(pauseMs < suspicionMinMs(members) && { goal: '0' }),
    },
    row('back after the pause', 'ms', ({ backMs }) => backMs),
  ];
}

/** No suspicion is shorter, however many confirm it. */
function suspicionMinMs(members: number): number {
  const { suspicionMult, probeIntervalMs } = profiles.lan;
  return Math.floor(suspicionMult * Math.max(1, Math.log10(members)) * probeIntervalMs);
}

function ownPauses(seed: Seed, members: number, pauseMs: number, runs: number): Outcome[] {
  let others = new Beliefs();
  let it = new Beliefs();
  const { world, nodes } = settledMesh({
    seed,
    members,
    onEvent: (node, event, nowMs) => {
      others.see(node, event, nowMs);
      it.see(node, event, nowMs);
    },
  });
  return Array.from({ length: runs }, (_, run) => {
    const node = nodes[(run * 7) % members];
    if (node === undefined) throw new Error('there is no such node');
    world.runFor(phaseMs(world, run));
    others = new Beliefs();
    it = new Beliefs();
    others.begin(world.nowMs, (_observer, subject) => subject !== node.id);
    it.begin(world.nowMs, (_observer, subject) => subject === node.id);
    node.pause();
    world.runFor(pauseMs);
    node.resume();
    const isBack = (): boolean => nodes.every((observer) => observer.view().member(node.id)?.reachable === true);
    const backMs = world.runUntil(isBack, withinMs) ?? withinMs;
    world.runFor(quietMs);
    return { othersRemoved: others.removals, evictedBy: it.evictions, removedBy: it.removals, backMs };
  });
}

function referencePauses(seed: Seed, members: number, pauseMs: number, runs: number): Outcome[] {
  const world = new World({ seed: `${String(seed)} memberlist`, network: 'lan', traceLines: 0 });
  let paused = -1;
  const counts = { othersRemoved: 0, removedBy: 0 };
  const mesh = new SwimMesh(world, {
    config: swimProfiles.memberlistLan,
    onChange: (_, { subject, to }) => {
      if (to !== 'failed') return;
      if (subject === paused) counts.removedBy++;
      else counts.othersRemoved++;
    },
  });
  const hosts = mesh.add(members, { settled: true });
  world.runFor(quietMs);
  return Array.from({ length: runs }, (_, run) => {
    paused = (run * 7) % members;
    const host = hosts[paused];
    if (host === undefined) throw new Error('there is no such host');
    world.runFor(phaseMs(world, run));
    counts.othersRemoved = 0;
    counts.removedBy = 0;
    host.pause();
    world.runFor(pauseMs);
    host.resume();
    const isBack = (): boolean => hosts.every((observer) => observer.status(host) === 'alive');
    const backMs = world.runUntil(isBack, withinMs) ?? withinMs;
    // Who it holds to be failed has to come back as well before the next pause.
    world.runUntil(() => hosts.every((observer) => hosts.every((other) => observer.status(other) === 'alive')), withinMs);
    world.runFor(quietMs);
    return { ...counts, evictedBy: counts.removedBy, backMs };
  });
}

/** One wall clock jumps ahead by a year, another back, then all at once. */
function clockRow(seed: Seed, members: number): ExperimentRow {
  let changes = 0;
  const { world, nodes } = settledMesh({
    seed: `${String(seed)} clocks ${members}`,
    members,
    onEvent: (_, event) => {
      if (event.type === 'member-changed' || event.type === 'reachability-changed' || event.type === 'member-reaped') changes++;
    },
  });
  changes = 0;
  nodes[1]?.stepClock(yearMs);
  nodes[2]?.stepClock(-yearMs);
  world.runFor(60_000);
  for (const node of nodes) node.stepClock(yearMs);
  world.runFor(60_000);
  const what = `${members} members, wall clocks jump by a year: changes that readers see`;
  return { what, unit: 'events', ours: changes, goal: '0' };
}

/** Puts each pause at another phase of all timers. */
function phaseMs(world: World, run: number): number {
  return world.randomness.below(1000, { stream: 1, key: run, counter: 0 });
}
