/**
 * Draws whole plans from seeds. Each seed has only some of the families of faults, since the absence of one lets others
 * run longer and meet states that all together never reach (swarm testing, Groce et al. 2012).
 */

import { seededRng } from '@skein/core';
import type { MeshConfig, Rng } from '@skein/core';
import {
  all,
  any,
  families,
  followed,
  following,
  lasting,
  someBeside,
  someOf,
  someToSome,
  sorted,
  withSeeds,
} from './fault-families.ts';
import type { Draft, Family } from './fault-families.ts';
import type { Fault, TimedFault } from './fault.ts';
import { nodesOf } from './fault-schedule.ts';
import { bounds, convergeBoundMs, planLimits } from './plan.ts';
import type { FaultPlan, TimedWrite, Write } from './plan.ts';
import { seedNumber, seedText } from './randomness.ts';
import type { Seed } from './randomness.ts';
import type { TriggerEvent } from './trigger.ts';
import { ScenarioError } from './scenario-error.ts';

export interface SwarmOptions {
  /** Drawn between the two. Default 10 and 20. */
  readonly nodesMin?: number;
  readonly nodesMax?: number;
  /** Default two minutes. */
  readonly chaosMs?: number;
}

/** Long enough for tombstones to end, and for paths that fail again and again to do so some ten times. */
const longRestMs = 50_000;

/** Two nodes are the least that can be parted; whoever is drawn as core are three of all. */
function checkSwarm({ nodesMin, nodesMax, chaosMs }: Required<SwarmOptions>): void {
  if (![nodesMin, nodesMax].every(Number.isInteger) || nodesMin < 2 || nodesMax < nodesMin || nodesMax > planLimits.nodes)
    throw new ScenarioError(`nodesMin ${nodesMin}, nodesMax ${nodesMax}: are no counts from 2 to ${planLimits.nodes} in order`);
  if (!Number.isInteger(chaosMs) || chaosMs < 1 || chaosMs > planLimits.ms)
    throw new ScenarioError(`chaosMs: ${chaosMs} is no count of milliseconds from 1 to ${planLimits.ms}`);
}

/** The plan of a seed. Throws a `ScenarioError` where the options leave nothing to draw. */
export function drawPlan(seed: Seed, options: SwarmOptions = {}): FaultPlan {
  const number = seedNumber(seed);
  const rng = seededRng(number ^ 0x5bd1e995);
  const { nodesMin = 10, nodesMax = 20, chaosMs = 120_000 } = options;
  checkSwarm({ nodesMin, nodesMax, chaosMs });
  const nodes = nodesMin + rng.below(nodesMax - nodesMin + 1);
  const isWan = rng.below(4) === 3;
  const size = { rng, nodes, chaosMs, steps: new Map() };
  const chosen = Object.values(families).filter(() => rng.below(3) === 0);
  const core = rng.below(4) === 0 ? sorted(someOf(size, Math.max(3, Math.ceil(nodes / 2)))) : 'all';
  const draft: Draft = { ...size, core };
  // One seed in four forgets the departed within its run, which is longer then, so that it shows. Not before the longest
  // suspicion is over, of 72 s on a wan: what some forgot would come back from those who only now have it failed.
  const isForgetful = rng.below(4) === 0;
  const config: Partial<MeshConfig> = {
    ...(isForgetful && { leftTombstoneMs: 45_000, failedTombstoneMs: isWan ? 150_000 : 60_000 }),
    // One in three is linked along rings, as a large mesh is.
    ...(rng.below(3) === 0 && { fullMeshLeave: 6, fullMeshReturn: 4, rings: 2, ringReach: 2 }),
  };
  const outsiders = core === 'all' ? [] : all(draft).filter((index) => !core.includes(index));
  const lasting = outsiders.length > 0 && rng.below(2) === 0 ? drawLasting(draft, outsiders) : [];
  const timing = { profile: isWan ? 'wan' : 'lan', config, nodes } as const;
  const faults = [...drawFaults(draft, chosen), ...lasting].sort((a, b) => a.atMs - b.atMs);
  // With chance of their own, so that the rest of a seed's plan is as it is without them.
  const added = drawAdded({ ...draft, rng: seededRng(number ^ 0x2545f4e5) });
  const drawn = [...faults, ...added].sort((a, b) => a.atMs - b.atMs);
  return {
    version: 1,
    seed: seedText(number),
    nodes,
    zones: ['a', 'b', 'c'],
    network: timing.profile,
    profile: timing.profile,
    config,
    loss: rng.below(4) === 0 ? rng.below(10) / 100 : 0,
    formMs: bounds.form(timing),
    chaosMs,
    core,
    convergeMs: convergeBoundMs(timing),
    restMs: isForgetful || lasting.length > 0 ? longRestMs : 5000,
    services: [{ name: 'web', on: sorted(someOf(draft, Math.ceil(nodes / 2))) }],
    loads: [],
    faults: withSeeds(drawn),
    writes: drawWrites(draft, faults),
  };
}

/** Paths of those outside the core that go on failing when it has calmed down. */
function drawLasting(draft: Draft, outsiders: readonly number[]): readonly TimedFault[] {
  const { rng, chaosMs } = draft;
  const from = outsiders.filter(() => rng.below(2) === 0);
  if (from.length === 0) return [];
  const path = { from, to: someBeside(draft, from) };
  const atMs = rng.below(chaosMs);
  switch (rng.below(4)) {
    case 0:
      return [{ atMs, fault: { type: 'cut', ...path } }];
    case 1:
      return [{ atMs, fault: { type: 'link', ...path, settings: { loss: (20 + rng.below(70)) / 100 } } }];
    default:
      return [{ atMs, fault: { type: 'flap', ...path, onMs: 1000 + rng.below(5000), offMs: 500 + rng.below(5000) } }];
  }
}

function drawFaults(draft: Draft, chosen: readonly Family[]): readonly TimedFault[] {
  const faults: TimedFault[] = [];
  if (chosen.length === 0) return faults;
  const count = 4 + draft.rng.below(28);
  // Some families have nothing left to draw after a while.
  for (let tries = 0; faults.length < count && tries < 4 * count; tries++) {
    const drawn = (chosen[draft.rng.below(chosen.length)] as Family)(draft);
    if ('fault' in drawn) faults.push({ atMs: draft.rng.below(draft.chaosMs), ...drawn });
    else faults.push(...drawn.filter((fault) => fault.atMs < draft.chaosMs));
  }
  return faults.sort((a, b) => a.atMs - b.atMs);
}

/** In one seed of eight packets are changed on some paths; in one of eight something follows what happens. */
function drawAdded(draft: Draft): readonly TimedFault[] {
  const { rng, chaosMs } = draft;
  const isCorrupting = rng.below(8) === 0;
  const isFollowing = rng.below(8) === 0;
  const faults: TimedFault[] = [];
  for (let left = isCorrupting ? 1 + rng.below(4) : 0; left > 0; left--) {
    const fault: Fault = { type: 'corrupt', ...someToSome(draft), share: (1 + rng.below(50)) / 1000 };
    faults.push({ atMs: rng.below(chaosMs), forMs: lasting(draft), fault });
  }
  for (let left = isFollowing ? 1 + rng.below(3) : 0; left > 0; left--) {
    const after = { event: followed[rng.below(followed.length)] as TriggerEvent, nth: 1 + rng.below(5) };
    const byMs = rng.below(5000);
    const drawn = (following[rng.below(following.length)] as Family)(draft);
    const [first, ...rest] = 'fault' in drawn ? [{ atMs: 0, ...drawn }] : drawn;
    if (first === undefined) continue;
    for (const timed of [first, ...rest]) faults.push({ ...timed, atMs: byMs + timed.atMs - first.atMs, after });
  }
  return faults.filter(({ atMs }) => atMs < chaosMs);
}

/** Half of all writes are on a node whose trouble is about to end, or just has: what it missed and what is new then cross. */
function drawWrites(draft: Draft, faults: readonly TimedFault[]): readonly TimedWrite[] {
  const { rng, chaosMs } = draft;
  const passing = faults.filter(({ forMs }) => forMs !== undefined);
  const writes = Array.from({ length: 10 + rng.below(40) }, (): TimedWrite => {
    const trouble = rng.below(2) === 0 ? passing[rng.below(Math.max(1, passing.length))] : undefined;
    const write = drawWrite(rng);
    if (trouble === undefined) return { atMs: rng.below(chaosMs), node: any(draft), write };
    const nodes = nodesOf(trouble.fault);
    const atMs = trouble.atMs + (trouble.forMs ?? 0) - 1500 + rng.below(5000);
    return { atMs: Math.max(0, Math.min(chaosMs - 1, atMs)), node: nodes[rng.below(nodes.length)] ?? any(draft), write };
  });
  return writes.sort((a, b) => a.atMs - b.atMs);
}

function drawWrite(rng: Rng): Write {
  const instance = `job-${rng.below(6)}`;
  switch (rng.below(4)) {
    case 0:
      return { type: 'register', service: `jobs-${rng.below(2)}`, instance, port: 1000 + rng.below(1000) };
    case 1:
      return { type: 'deregister', instance };
    case 2:
      return { type: 'check', instance, status: rng.below(2) === 0 ? 'critical' : 'passing' };
    default:
      return { type: 'config', name: `route-${rng.below(3)}`, value: rng.below(1000) };
  }
}
