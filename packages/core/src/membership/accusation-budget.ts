/**
 * How much one accuser may have against others at a time, kept by every node for itself and for everybody else. A sick or
 * hostile host accuses many of the healthy; its word must then stop counting, and its own node should stop giving it.
 *
 * What counts is what is open, nobody but few having confirmed it, and what was refuted lately. An accusation that enough
 * others confirm, or whose subject fails or starts anew, was right and costs nothing: when a third of a mesh goes at once
 * each survivor accuses as many as are gone. What was refuted is forgotten, one accusation each `refillMs`.
 *
 * So one accuser has no more than cap + time / refillMs unconfirmed accusations believed by one observer in any time.
 */

import type { NodeId } from '../identity.ts';

interface Account {
  open: number;
  refuted: number;
  /** Up to when refuted ones were forgotten. */
  forgotAt: number;
}

export class AccusationBudget {
  readonly #refillMs: number;
  readonly #accounts = new Map<NodeId, Account>();
  /** Accusers whose accusation of a subject is open. */
  readonly #open = new Map<NodeId, Set<NodeId>>();

  constructor(refillMs: number) {
    this.#refillMs = refillMs;
  }

  /** Whether one more accusation of this accuser is within `cap`. */
  affords(accuser: NodeId, cap: number, now: number): boolean {
    const account = this.#accounts.get(accuser);
    if (account === undefined) return cap > 0;
    this.#forget(account, now);
    return account.open + account.refuted < cap;
  }

  /** Takes an accusation into account. Once for each accuser and subject. */
  open(accuser: NodeId, subject: NodeId, now: number): void {
    let accusers = this.#open.get(subject);
    if (accusers === undefined) this.#open.set(subject, (accusers = new Set()));
    if (accusers.has(accuser)) return;
    accusers.add(accuser);
    const account = this.#accounts.get(accuser);
    if (account === undefined) this.#accounts.set(accuser, { open: 1, refuted: 0, forgotAt: now });
    else account.open++;
  }

  /** All that is open against `subject` was right. Returns whether there was any. */
  confirm(subject: NodeId): boolean {
    return this.#close(subject, 0);
  }

  /** All that is open against `subject` was wrong. Returns whether there was any. */
  refute(subject: NodeId, now: number): boolean {
    for (const accuser of this.#open.get(subject) ?? []) {
      const account = this.#accounts.get(accuser);
      if (account !== undefined) this.#forget(account, now);
    }
    return this.#close(subject, 1);
  }

  /** A node is gone and its account with it. */
  drop(id: NodeId): void {
    this.#close(id, 0);
    this.#accounts.delete(id);
    for (const accusers of this.#open.values()) accusers.delete(id);
  }

  #close(subject: NodeId, cost: 0 | 1): boolean {
    const accusers = this.#open.get(subject);
    if (accusers === undefined) return false;
    this.#open.delete(subject);
    for (const accuser of accusers) {
      const account = this.#accounts.get(accuser);
      if (account === undefined) continue;
      account.open--;
      account.refuted += cost;
      if (account.open === 0 && account.refuted === 0) this.#accounts.delete(accuser);
    }
    return accusers.size > 0;
  }

  #forget(account: Account, now: number): void {
    const forgotten = Math.floor((now - account.forgotAt) / this.#refillMs);
    if (account.refuted <= forgotten) {
      account.refuted = 0;
      account.forgotAt = now;
      return;
    }
    account.refuted -= forgotten;
    account.forgotAt += forgotten * this.#refillMs;
  }
}
