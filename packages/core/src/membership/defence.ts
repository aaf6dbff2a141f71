/**
 * What others say against this node, until it refutes that with a claim of a higher incarnation (SWIM, Das et al. 2002,
 * 4.2). Seldom: every refutation is news for the whole mesh.
 */

import type { NodeId } from '../identity.ts';
import type { Turn } from '../turn.ts';
import type { Accusation } from './accusation.ts';

/** What a refutation answers. */
export interface Refutation {
  readonly accuser: NodeId;
  /** That of the new claim. */
  readonly incarnation: number;
  /** Whether it says something of our own health: one that is no stranger accused us. */
  readonly isTelling: boolean;
}

export class Defence {
  readonly #turn: Turn;
  #accuser: NodeId | undefined;
  #isTelling = false;
  /** The incarnation to exceed. */
  #incarnation = 0;
  #refutedAt = Number.NEGATIVE_INFINITY;

  constructor(turn: Turn) {
    this.#turn = turn;
  }

  /** We are accused under a claim of this boot: it is refuted at once, or as soon as the last time is long enough ago. */
  accused(accusation: Accusation, byStranger: boolean): void {
    const { now, config, deadlines } = this.#turn;
    this.#incarnation = Math.max(this.#incarnation, accusation.incarnation);
    this.#accuser = accusation.accuser;
    this.#isTelling ||= !byStranger;
    deadlines.setEarlier('refute', Math.max(now, this.#refutedAt + config.refuteIntervalMs));
  }

  /** The deadline `refute`. Undefined if nothing is said against the claim of this incarnation. */
  take(own: number): Refutation | undefined {
    const accuser = this.#accuser;
    if (accuser === undefined || this.#incarnation < own) return undefined;
    const isTelling = this.#isTelling;
    this.#accuser = undefined;
    this.#isTelling = false;
    this.#refutedAt = this.#turn.now;
    return { accuser, incarnation: this.#incarnation + 1, isTelling };
  }

  /** A new epoch of ours answers everything. */
  clear(): void {
    this.#accuser = undefined;
    this.#incarnation = 0;
  }
}
