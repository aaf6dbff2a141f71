/**
 * The families of faults that random plans draw from. What they draw leaves every mesh a way to be well in the end, so that
 * one that is not has a bug.
 */

import { shuffle } from '@skein/core';
import type { Rng } from '@skein/core';
import type { Fault, Keep, Lie, TimedFault } from './fault.ts';
import type { FaultPlan } from './plan.ts';
import { latencies } from './quantiles.ts';
import type { TriggerEvent } from './trigger.ts';

export interface Draft {
  readonly rng: Rng;
  readonly nodes: number;
  readonly chaosMs: number;
  readonly core: FaultPlan['core'];
  /** By how much the wall clock of each node may still be set ahead and back. */
  readonly steps: Map<number, { aheadMs: number; backMs: number }>;
}

/** One family: draws a fault, and for how long it lasts when it is a condition. */
export type Family = (draft: Draft) => { readonly fault: Fault; readonly forMs?: number } | readonly TimedFault[];

/**
 * A flooder is in tests of its own: it costs as much time as twenty of the others. So is a minter: a small mesh takes minutes
 * to be rid of whom it made up, for each of them may just be slow.
 */
const lies: readonly Lie[] = ['accuser', 'stalker', 'inflater', 'zombie', 'forger', 'equivocator', 'inventor', 'silent-relay'];
const keeps: readonly Keep[] = ['written', 'written', 'synced', 'rollback', 'nothing'];

export const families: Readonly<Record<string, Family>> = {
  crash: (draft) => gone(draft, 'crash'),
  power: (draft) => gone(draft, 'power-off'),
  pause: (draft) => ({ fault: { type: 'pause', node: any(draft) }, forMs: 50 + draft.rng.below(15_000) }),
  stall: (draft) => ({ fault: { type: 'pause', node: any(draft) }, forMs: 100 + draft.rng.below(1500) }),
  split: (draft) => {
    const nodes = all(draft);
    shuffle(nodes, draft.rng);
    const at = 1 + draft.rng.below(draft.nodes - 1);
    return { fault: { type: 'split', groups: [sorted(nodes.slice(0, at)), sorted(nodes.slice(at))] }, forMs: lasting(draft) };
  },
  oneWay: (draft) => ({ fault: { type: 'cut', ...someToSome(draft) }, forMs: lasting(draft) }),
  clog: (draft) => ({ fault: { type: 'clog', ...someToSome(draft) }, forMs: 200 + draft.rng.below(10_000) }),
  flap: (draft) => ({
    fault: { type: 'flap', ...someToSome(draft), onMs: 200 + draft.rng.below(5000), offMs: 200 + draft.rng.below(5000) },
    forMs: lasting(draft),
  }),
  loss: (draft) => ({
    fault: { type: 'link', ...someToSome(draft), settings: { loss: (5 + draft.rng.below(60)) / 100 } },
    forMs: lasting(draft),
  }),
  delay: (draft) => ({
    fault: { type: 'link', ...someToSome(draft), settings: { latency: draft.rng.below(2) === 0 ? latencies.wan : slow } },
    forMs: lasting(draft),
  }),
  leave: (draft) => {
    const node = any(draft);
    const atMs = draft.rng.below(draft.chaosMs);
    const backMs = atMs + 3000 + draft.rng.below(40_000);
    return [
      { atMs, fault: { type: 'leave', node } },
      { atMs: backMs, fault: { type: 'restart', node, seeds: true, replace: false } },
    ];
  },
  blocked: (draft) => ({ fault: { type: 'block-io', node: any(draft) }, forMs: 500 + draft.rng.below(20_000) }),
  slow: (draft) => ({
    fault: { type: 'slow-cpu', node: any(draft), perMessageUs: 1000 + draft.rng.below(40_000) },
    forMs: lasting(draft),
  }),
  drift: (draft) => ({
    fault: { type: 'drift', node: any(draft), ppm: draft.rng.below(2001) - 1000 || 1 },
    forMs: lasting(draft),
  }),
  clocks: step,
  // One liar at a time is fewer than it takes accusers to evict, and must harm nobody else.
  lie: (draft) => ({
    fault: { type: 'lie', node: draft.nodes - 1, lie: lies[draft.rng.below(lies.length)] as Lie },
    forMs: lasting(draft),
  }),
  disk: (draft) => ({ fault: { type: 'full-disk', node: any(draft) }, forMs: lasting(draft) }),
};

/** What may follow an event: each of these meets what has just begun, which a time that is drawn hardly ever does. */
export const following: readonly Family[] = ['crash', 'pause', 'stall', 'split', 'oneWay', 'clog', 'blocked'].map(
  (name) => families[name] as Family,
);
export const followed: readonly TriggerEvent[] = ['suspect', 'failed', 'unreachable', 'refuted', 'link-lost'];

const slow = { p0: 50_000, p50: 200_000, p90: 400_000, p99: 900_000, max: 2_000_000 };

/** No clock is set by more than this in sum, ahead or back, even if some of its steps are left out. */
const stepsMaxMs = 120_000;

/**
 * Config versions that are further ahead of a reader's clock than `configSkewMs`, 300 s, are refused by everybody but their
 * author, so no two clocks are that far apart here.
 */
function step(draft: Draft): ReturnType<Family> {
  const node = any(draft);
  const left = draft.steps.get(node) ?? { aheadMs: stepsMaxMs, backMs: stepsMaxMs };
  draft.steps.set(node, left);
  const isAhead = draft.rng.below(2) === 0;
  const byMs = Math.min(isAhead ? left.aheadMs : left.backMs, (1 + draft.rng.below(120)) * 1000);
  if (byMs === 0) return [];
  if (isAhead) left.aheadMs -= byMs;
  else left.backMs -= byMs;
  return { fault: { type: 'step-clock', node, byMs: isAhead ? byMs : -byMs } };
}

/** Whether whoever boots there with an empty disk finds the core by the addresses that it was given: one of them is well in the end. */
function findsCore({ core, nodes }: Draft, node: number): boolean {
  return [0, 1].some((door) => door !== node && door < nodes && (core === 'all' || core.includes(door)));
}

/** From when on a disk has the peers of its node, by what it keeps: they are written within a second, and copied every 20. */
const remembersFromMs: Readonly<Record<Keep, number>> = { written: 2000, synced: 2000, rollback: 22_000, nothing: Infinity };

/** Who may boot with a disk that holds no peers boots with seeds, whichever of its ends the disk was lost with. */
export function withSeeds(faults: readonly TimedFault[]): readonly TimedFault[] {
  const unsure = new Set<number>();
  for (const { atMs, after, fault } of faults)
    if ('keep' in fault && (after !== undefined || atMs < remembersFromMs[fault.keep])) unsure.add(fault.node);
  return faults.map((timed) => {
    const { fault } = timed;
    return fault.type === 'restart' && unsure.has(fault.node) ? { ...timed, fault: { ...fault, seeds: true } } : timed;
  });
}

/** Ends a process one way or another, and mostly brings it back. */
function gone(draft: Draft, type: 'crash' | 'power-off'): readonly TimedFault[] {
  const { rng } = draft;
  const node = any(draft);
  const atMs = rng.below(draft.chaosMs);
  const drawn = keeps[rng.below(keeps.length)] as Keep;
  const keep = drawn === 'nothing' && !findsCore(draft, node) ? 'rollback' : drawn;
  const end: TimedFault = { atMs, fault: { type, node, keep } };
  if (rng.below(4) === 0) return [end];
  // Who has a new disk may be somebody else from then on, and whoever was there before is gone for good.
  const replace = keep === 'nothing' && node !== 0 && rng.below(2) === 0;
  const seeds = keep === 'nothing' || rng.below(2) === 0;
  return [end, { atMs: atMs + 100 + rng.below(40_000), fault: { type: 'restart', node, seeds, replace } }];
}

export function someToSome(draft: Draft): { readonly from: readonly number[]; readonly to: readonly number[] } {
  const from = sorted(someOf(draft, 1 + draft.rng.below(3)));
  return { from, to: someBeside(draft, from) };
}

/** Where paths from these lead: to everybody, or to some, of whom one at least is not where the path begins. */
export function someBeside(draft: Draft, from: readonly number[]): readonly number[] {
  if (draft.rng.below(2) === 0) return all(draft);
  const to = sorted(someOf(draft, 1 + draft.rng.below(draft.nodes)));
  return from.length === 1 && to.every((node) => node === from[0]) ? all(draft) : to;
}

export function someOf(draft: Pick<Draft, 'rng' | 'nodes'>, count: number): number[] {
  const nodes = all(draft);
  shuffle(nodes, draft.rng);
  return nodes.slice(0, count);
}

export function all(draft: Pick<Draft, 'nodes'>): number[] {
  return Array.from({ length: draft.nodes }, (_, index) => index);
}

export function any(draft: Draft): number {
  return draft.rng.below(draft.nodes);
}

export function lasting(draft: Draft): number {
  return 500 + draft.rng.below(30_000);
}

export function sorted(indexes: readonly number[]): number[] {
  return [...indexes].sort((a, b) => a - b);
}
