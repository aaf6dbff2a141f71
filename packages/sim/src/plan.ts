/**
 * A run as plain data: the mesh, what is written and what goes wrong, each with its time. Scripts and random draws make
 * plans, one executor runs them, the shrinker takes parts out of them, and JSON stores them. The same plan is the same
 * run, on every machine.
 *
 * The run has five phases. *form*: the nodes boot and join. *chaos*: faults happen; safety is checked. *calm*: the
 * core is made well and its network whole; the others, and their paths, stay as they are, and who was leaving leaves and comes
 * back. *converge*: what has to come true comes true within its bound, which counts from the calm. *rest*: nothing happens,
 * and nothing may.
 */

import { profiles } from '@skein/core';
import type { CheckStatus, MeshConfig, ProfileName } from '@skein/core';
import type { TimedFault } from './fault.ts';
import type { NetworkName } from './quantiles.ts';

/** A change that a client of one node makes. */
export type Write =
  | { readonly type: 'register'; readonly service: string; readonly instance: string; readonly port: number }
  | { readonly type: 'deregister'; readonly instance: string }
  /** The health check of an instance turns. */
  | { readonly type: 'check'; readonly instance: string; readonly status: CheckStatus }
  /** A config entry of kind `route` gets this value. */
  | { readonly type: 'config'; readonly name: string; readonly value: number };

/** A write and its time, in ms since the chaos began. */
export interface TimedWrite {
  readonly atMs: number;
  readonly node: number;
  readonly write: Write;
}

/** An instance on each of these nodes, from its first boot on; whoever lost it with its disk registers it again. */
export interface PlannedService {
  readonly name: string;
  readonly on: readonly number[];
}

/** Requests during chaos and after: each of the nodes sends one every so often, to an instance that it picks itself. */
export interface PlannedLoad {
  readonly service: string;
  readonly from: readonly number[];
  readonly everyMs: number;
  /** How many other instances are tried when one fails. */
  readonly retries: number;
}

export interface FaultPlan {
  readonly version: 1;
  /** Eight hexadecimal digits. */
  readonly seed: string;
  readonly nodes: number;
  /** Dealt out to the nodes in turn. Empty: no zones. */
  readonly zones: readonly string[];
  readonly network: NetworkName;
  readonly profile: ProfileName;
  /** Fields that differ from the profile's. */
  readonly config: Partial<MeshConfig>;
  /** The chance that a packet is lost while there is chaos, on every link. */
  readonly loss: number;
  /** How long forming may take. */
  readonly formMs: number;
  readonly chaosMs: number;
  /** Who is resumed, restarted and cured when it calms down. The rest stays as broken as it is. */
  readonly core: 'all' | readonly number[];
  /** How long after the calm it may take to agree again. */
  readonly convergeMs: number;
  /** How long nothing may happen at the end. */
  readonly restMs: number;
  readonly services: readonly PlannedService[];
  readonly loads: readonly PlannedLoad[];
  readonly faults: readonly TimedFault[];
  readonly writes: readonly TimedWrite[];
}

/** The most of everything that a plan may have. */
export const planLimits = { nodes: 2048, faults: 10_000, writes: 100_000, services: 256, loads: 64, ms: 1_000_000_000 } as const;

/** The timing of a plan's nodes. */
export function configOf(plan: Pick<FaultPlan, 'profile' | 'config'>): MeshConfig {
  return { ...profiles[plan.profile], ...plan.config };
}

type Timing = Pick<FaultPlan, 'profile' | 'config' | 'nodes'>;

/** How long a suspicion that enough others confirm may stand: suspicionMult * max(1, log10 N) * probeIntervalMs. */
export function confirmedSuspicionBoundMs(plan: Timing): number {
  const { suspicionMult, probeIntervalMs } = configOf(plan);
  // A digit for each factor of ten, which is log10 rounded up.
  return suspicionMult * Math.max(1, String(Math.max(1, plan.nodes - 1)).length) * probeIntervalMs;
}

/** How long a suspicion that nobody confirms may stand: suspicionMaxMult times as long. */
export function suspicionBoundMs(plan: Timing): number {
  return configOf(plan).suspicionMaxMult * confirmedSuspicionBoundMs(plan);
}

/**
 * Within what a node that does not answer is suspected: its neighbours on the ring of probes get to it within two intervals,
 * each as slow as the least healthy observer may be (nine times), then the verdict.
 */
function suspectBoundMs(plan: Timing): number {
  const { probeIntervalMs, probeTimeoutMs, indirectTimeoutMs } = configOf(plan);
  return 9 * (2 * probeIntervalMs) + 9 * (probeTimeoutMs + indirectTimeoutMs);
}

/** Within what a node that does not answer is failed everywhere: it is suspected, the suspicion runs out, and the news spreads. */
export function detectBoundMs(plan: Timing): number {
  return suspectBoundMs(plan) + suspicionBoundMs(plan) + spreadBoundMs(plan);
}

/** Within what news reaches everybody on a sound network: four rounds for each factor of ten of members, then one of anti-entropy. */
export function spreadBoundMs(plan: Timing): number {
  const { gossipWindowMs, syncIntervalMs } = configOf(plan);
  return 4 * String(plan.nodes).length * gossipWindowMs + 2 * syncIntervalMs;
}

/**
 * Within what a member that answers has refuted an accusation everywhere, where most paths are sound: two probes find it and
 * tell it, one dial that decides replaces a broken link, it answers once an interval, and the answer spreads.
 */
export function refutationBoundMs(plan: Timing): number {
  const { probeIntervalMs, probeTimeoutMs, indirectTimeoutMs, refuteIntervalMs, gossipWindowMs } = configOf(plan);
  const probesMs = 2 * (probeIntervalMs + probeTimeoutMs + indirectTimeoutMs);
  return probesMs + 4 * probeTimeoutMs + refuteIntervalMs + 4 * String(plan.nodes).length * gossipWindowMs;
}

/**
 * Messages that a node sends in a second of rest, at most: a probe and an answer each interval, an exchange of four now and
 * then, twice over. The worst of 400 random plans sent 7.7 on a lan, where this gives 8.8, and 3.5 on a wan, of 4.3.
 */
export function restMessagesMax(plan: Timing): number {
  const { probeIntervalMs, syncIntervalMs } = configOf(plan);
  return 2 * (2000 / probeIntervalMs + 4000 / syncIntervalMs);
}

/** Who went in and out of rotation again and again is held out of it for so long at most. */
const holdMaxMs = 60_000;
/** Who has no link at all waits no longer than this between two dials. */
const aloneRedialMaxMs = 4000;

/** How long the longest suspicion lasts, by the formula and not by its next power of ten. */
function longestSuspicionMs(plan: Timing): number {
  const { suspicionMult, suspicionMaxMult, probeIntervalMs } = configOf(plan);
  return suspicionMaxMult * suspicionMult * Math.max(1, Math.log10(Math.max(1, plan.nodes))) * probeIntervalMs;
}

/**
 * Bounds of what has to come true after the calm, each with the worst of 220 random plans of 10 to 20 nodes on a lan and on a wan.
 */
export const bounds = {
  /** L1: all that follows is true, and one comparison more has told everybody. 76 of 59 s, 124 of 27 s. */
  agreement: (plan: Timing): number => Math.max(bounds.gone(plan), bounds.rotation(plan)) + configOf(plan).syncIntervalMs,
  /**
   * L2: who stopped at the last moment is suspected by observers that are barely well again, then the longest suspicion, which
   * in a small mesh may have nobody to confirm it, and its news. 42 to 49 of 26 s, 126 to 148 of 12 s.
   */
  gone: (plan: Timing): number =>
    suspectBoundMs(plan) + longestSuspicionMs(plan) + 4 * String(plan.nodes).length * configOf(plan).gossipWindowMs,
  /** L3: a refutation, after the longest time for which one is held that had gone out again and again. 66 of 59 s, 79 of 9 s. */
  rotation: (plan: Timing): number => holdMaxMs + refutationBoundMs(plan),
  /** L5: one wait of one who is alone, and one dial. 9 of 0.1 s, 14 of 0.4 s. */
  link: (plan: Timing): number => aloneRedialMaxMs + configOf(plan).dialTimeoutMs,
  /** L6: handshakes of 12 ms a side with one after the other, and four probes' time. 2.5 to 3 of 1.4 s, 8.9 to 9.4 of 3.6 s. */
  form: (plan: Timing): number =>
    4 * configOf(plan).probeTimeoutMs + 50 * plan.nodes + 4 * String(plan.nodes).length * configOf(plan).gossipWindowMs,
  /**
   * L10: as a refutation, since the roots that probes carry show what a push did not bring. Where there are two nodes, and no
   * third tells, their link has to be replaced first. 6 of 0.5 s, 20 of 2 s.
   */
  writes: (plan: Timing): number => refutationBoundMs(plan) + (plan.nodes > 2 ? 0 : bounds.link(plan)),
} as const;

/** Within what a lost link is dialled again: the longest back-off, the dial, and the queue of dials of a whole mesh before it. */
export function reconnectBoundMs(plan: Timing): number {
  const { redialMaxMs, dialTimeoutMs, dialsAtOnce } = configOf(plan);
  return redialMaxMs + dialTimeoutMs * Math.max(1, Math.ceil(plan.nodes / 64 / dialsAtOnce));
}

/** How long a leave that is under way at the calm may still take; then the one who left is booted again. */
export function settleMs(plan: Pick<FaultPlan, 'profile' | 'config'>): number {
  return configOf(plan).leaveDelayMs + 1000;
}

/**
 * Within what the core agrees after the calm began: a leave that was under way, two rounds of dialling, one detection, one
 * spread.
 */
export function convergeBoundMs(plan: Timing): number {
  return settleMs(plan) + 2 * reconnectBoundMs(plan) + detectBoundMs(plan) + spreadBoundMs(plan);
}

/** Within what a mesh that boots at once has formed: a dial that waits its turn at the first node, and one spread. */
export function formBoundMs(plan: Timing): number {
  return configOf(plan).dialTimeoutMs + 50 * plan.nodes + spreadBoundMs(plan);
}
