/**
 * How much one accuser may have against others at a time, kept by every node for itself and for everybody else. A sick or
 * hostile host accuses many of the healthy; its word must then stop counting, and its own node should stop giving it.
 *
 * What counts is what is open, nobody but few having confirmed it, and what was refuted lately. An accusation that enough
 * others confirm, or whose subject fails or starts anew, was right and costs nothing: when a third of a mesh goes at once
 * each survivor accuses as many as are gone. What was refuted is forgotten, one accusation each `refillMs`.
 *
 * So one accuser has no more than cap + time / refillMs unconfirmed accusations believed by one observer in any time.
 *
 * What an operator says of members that failed is not about the healthy, and is counted by itself: enough for a rack in a
 * minute, and not for one half of a mesh to be told out of the other's memory while the two are apart.
 */

import { FadingCount } from '../fading-count.ts';
import type { NodeId } from '../identity.ts';
import { limits } from '../limits.ts';

/** The time that `limits.forcedPerAccuserMinute` is about. */
const forcedWindowMs = 60_000;

/** Who pays: a member for its own word, or for what it passes on of strangers, which is counted apart. */
export type Payer = NodeId | Relay;
type Relay = `relay/${string}`;

/** The account of a member that passes on the word of strangers. */
export function relayOf(id: NodeId): Payer {
  return `relay/${id}`;
}

interface Account {
  open: number;
  readonly refuted: FadingCount;
}

export class AccusationBudget {
  readonly #refillMs: number;
  readonly #accounts = new Map<Payer, Account>();
  /** Accusers whose accusation of a subject is open. */
  readonly #open = new Map<NodeId, Set<Payer>>();
  /** How many members each accuser forced to leave in the minute under way. */
  readonly #forced = new Map<NodeId, number>();
  #forcedSince = Number.NEGATIVE_INFINITY;
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(refillMs: number) {
    this.#refillMs = refillMs;
  }

  /** Whether one more accusation of this accuser is within `cap`. */
  affords(accuser: Payer, cap: number, now: number): boolean {
    const account = this.#accounts.get(accuser);
    if (account === undefined) return cap > 0;
    return account.open + account.refuted.at(now) < cap;
  }

  /** Takes an accusation into account. Once for each accuser and subject. */
  open(accuser: Payer, subject: NodeId, now: number): void {
    let accusers = this.#open.get(subject);
    if (accusers === undefined) this.#open.set(subject, (accusers = new Set()));
    if (accusers.has(accuser)) return;
    accusers.add(accuser);
    const account = this.#accounts.get(accuser);
    if (account !== undefined) return void account.open++;
    this.#sweep(now);
    this.#accounts.set(accuser, { open: 1, refuted: new FadingCount(this.#refillMs) });
  }

  /** Whether this accuser may force one more failed member to leave. */
  affordsForced(accuser: NodeId, now: number): boolean {
    if (now - this.#forcedSince >= forcedWindowMs) {
      this.#forced.clear();
      this.#forcedSince = now;
    }
    return (this.#forced.get(accuser) ?? 0) < limits.forcedPerAccuserMinute;
  }

  /** Takes what `affordsForced` allowed into account. */
  force(accuser: NodeId): void {
    this.#forced.set(accuser, (this.#forced.get(accuser) ?? 0) + 1);
  }

  /** How many accounts are kept. */
  get size(): number {
    return this.#accounts.size;
  }

  /** All that is open against `subject` was right. Returns whether there was any. */
  confirm(subject: NodeId): boolean {
    return this.#close(subject);
  }

  /** All that is open against `subject` was wrong. Returns whether there was any. */
  refute(subject: NodeId, now: number): boolean {
    for (const accuser of this.#open.get(subject) ?? []) this.#accounts.get(accuser)?.refuted.add(now);
    return this.#close(subject);
  }

  /** A node is gone and its account with it. */
  drop(id: NodeId): void {
    this.#close(id);
    for (const payer of [id, relayOf(id)]) {
      this.#accounts.delete(payer);
      for (const accusers of this.#open.values()) accusers.delete(payer);
    }
  }

  #close(subject: NodeId): boolean {
    const accusers = this.#open.get(subject);
    if (accusers === undefined) return false;
    this.#open.delete(subject);
    for (const accuser of accusers) {
      const account = this.#accounts.get(accuser);
      if (account === undefined) continue;
      account.open--;
      if (account.open === 0 && account.refuted.isZero) this.#accounts.delete(accuser);
    }
    return accusers.size > 0;
  }

  /** Before there is one more account: those in which nothing is left end. */
  #sweep(now: number): void {
    if (now - this.#sweptAt < this.#refillMs) return;
    this.#sweptAt = now;
    for (const [accuser, { open, refuted }] of this.#accounts)
      if (open === 0 && refuted.at(now) === 0) this.#accounts.delete(accuser);
  }
}
