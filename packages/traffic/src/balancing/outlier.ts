/**
 * Judges an instance by what our own requests met there.
 *
 * - Five failures in a row eject it for 10 s times the number of ejections, 300 s at most, plus up to a fifth at random,
 *   so that many proxies do not return to it at once. A quiet interval takes one ejection off the count.
 * - A failed connection counts twice, and at once makes the instance *avoided* for a second: others are preferred. That
 *   alone keeps an instance that refuses fast from drawing two thirds of the traffic of three (P2C likes idle ones).
 * - Either way it comes back through one trial request; its end decides.
 *
 * Ejection is capped (a bug that fails everywhere must not empty a service); avoiding needs no cap, for an avoided
 * instance is still used when there is no other.
 */

import type { Rng } from '@skein/core';
import type { Outcome, Transition } from './outcome.ts';
import { type Slots, block } from './slots.ts';

export const outlierDefaults = {
  failures: 5,
  ejectionMs: 10_000,
  maxEjectionMs: 300_000,
  jitterPercent: 20,
  avoidMs: 1000,
  maxEjectedPercent: 20,
} as const;

/** Whether one more of `routable` instances may be ejected: a fifth of them, or one, and never the last in rotation. */
export function mayEject(routable: number, ejected: number): boolean {
  const most = Math.max(1, Math.floor((routable * outlierDefaults.maxEjectedPercent) / 100));
  return ejected < most && routable - ejected >= 2;
}

export class Outliers {
  readonly #slots: Slots;
  readonly #rng: Rng;

  constructor(slots: Slots, rng: Rng) {
    this.#slots = slots;
    this.#rng = rng;
  }

  /** Takes in how an attempt ended. `canEject`: the cap leaves room for this instance. */
  judge(slot: number, outcome: Outcome, trial: boolean, canEject: boolean, nowMs: number): Transition | undefined {
    const slots = this.#slots;
    if (trial) slots.trial[slot] = 0;
    switch (outcome) {
      case 'success':
        if (trial) return this.#return(slot, nowMs);
        // Attempts that began before the ejection still end; only the trial may lift it.
        if (slots.blocked[slot] === block.none) slots.failures[slot] = 0;
        return undefined;
      case 'client-error':
        return trial ? this.#return(slot, nowMs) : undefined;
      case 'cancelled':
        return undefined;
      default:
        return this.#fail(slot, outcome === 'connect-failed', trial, canEject, nowMs);
    }
  }

  /** Fresh evidence from elsewhere (its checks pass again, its node is back) outweighs ours, which is older. */
  forgive(slot: number, nowMs: number): void {
    if (this.#slots.blocked[slot] !== block.none) this.#return(slot, nowMs);
    this.#slots.failures[slot] = 0;
  }

  #return(slot: number, nowMs: number): Transition | undefined {
    const slots = this.#slots;
    const wasBlocked = slots.blocked[slot] !== block.none;
    slots.blocked[slot] = block.none;
    slots.blockedUntilMs[slot] = 0;
    slots.failures[slot] = 0;
    slots.returnedAtMs[slot] = nowMs;
    return wasBlocked ? 'returned' : undefined;
  }

  #fail(slot: number, unconnected: boolean, trial: boolean, canEject: boolean, nowMs: number): Transition | undefined {
    const slots = this.#slots;
    const was = slots.blocked[slot];
    // The failures of attempts that began before an ejection are what it was ejected for.
    if (was === block.ejected && !trial) return undefined;
    const failures = Math.min(1_000_000, (slots.failures[slot] as number) + (unconnected ? 2 : 1));
    slots.failures[slot] = failures;
    if (was === block.ejected || (failures >= outlierDefaults.failures && canEject)) {
      this.#eject(slot, nowMs);
      return 'ejected';
    }
    if (unconnected || trial) {
      slots.blocked[slot] = block.avoided;
      slots.blockedUntilMs[slot] = nowMs + outlierDefaults.avoidMs;
      return was === block.avoided ? undefined : 'avoided';
    }
    return undefined;
  }

  #eject(slot: number, nowMs: number): void {
    const slots = this.#slots;
    const { ejectionMs, maxEjectionMs, jitterPercent } = outlierDefaults;
    let before = slots.ejections[slot] as number;
    if (slots.blocked[slot] !== block.ejected) {
      const quiet = Math.floor((nowMs - (slots.returnedAtMs[slot] as number)) / ejectionMs);
      before = Math.max(0, before - quiet);
    }
    slots.ejections[slot] = before + 1;
    const lengthMs = ejectionMs * (before + 1);
    const jitterMs = (lengthMs * this.#rng.below(jitterPercent * 10 + 1)) / 1000;
    slots.blocked[slot] = block.ejected;
    slots.blockedUntilMs[slot] = nowMs + Math.min(maxEjectionMs, lengthMs + jitterMs);
  }
}
