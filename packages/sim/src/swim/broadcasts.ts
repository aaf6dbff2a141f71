/**
 * Claims that wait to be gossiped. Those sent least often go first, among them the largest that fits, then the newest.
 * A new claim about a member replaces the older one, and a claim that was sent often enough is done.
 */

import type { Claim } from './message.ts';

interface Waiting {
  readonly claim: Claim;
  readonly order: number;
  transmits: number;
  readonly done: (() => void) | undefined;
}

export class Broadcasts {
  /** By number of transmissions; within, the next to go is last. */
  readonly #tiers: Waiting[][] = [];
  readonly #bySubject = new Map<number, Waiting>();
  #order = 0;

  get size(): number {
    return this.#bySubject.size;
  }

  /** `done` is called when the claim was sent often enough or replaced. */
  push(claim: Claim, done?: () => void): void {
    const known = this.#bySubject.get(claim.subject);
    if (known !== undefined) {
      const tier = this.#tiers[known.transmits] as Waiting[];
      tier.splice(tier.indexOf(known), 1);
      known.done?.();
    }
    if (this.#bySubject.size === 0) this.#order = 0;
    const waiting: Waiting = { claim, order: this.#order++, transmits: 0, done };
    this.#bySubject.set(claim.subject, waiting);
    this.#insert(waiting);
  }

  /** Adds to `into` what fits into `bytes`, each claim costing `overhead` more, and at most `countMax`. */
  take(
    into: object[],
    room: { readonly bytes: number; readonly overhead: number; readonly countMax: number },
    limit: number,
  ): void {
    if (this.#bySubject.size === 0) return;
    let free = room.bytes;
    let left = room.countMax;
    const again: Waiting[] = [];
    for (let transmits = 0; transmits < this.#tiers.length && left > 0; transmits++) {
      const tier = this.#tiers[transmits] as Waiting[];
      for (let at = tier.length - 1; at >= 0 && left > 0; at--) {
        const waiting = tier[at] as Waiting;
        if (waiting.claim.bytes + room.overhead > free) continue;
        free -= waiting.claim.bytes + room.overhead;
        left--;
        into.push(waiting.claim);
        if (at === tier.length - 1) tier.pop();
        else tier.splice(at, 1);
        waiting.transmits++;
        if (waiting.transmits < limit) again.push(waiting);
        else {
          this.#bySubject.delete(waiting.claim.subject);
          waiting.done?.();
        }
      }
    }
    for (const waiting of again) this.#insert(waiting);
  }

  #insert(waiting: Waiting): void {
    const { transmits, order, claim } = waiting;
    let tier = this.#tiers[transmits];
    if (tier === undefined) {
      while (this.#tiers.length <= transmits) this.#tiers.push([]);
      tier = this.#tiers[transmits] as Waiting[];
    }
    let at = tier.length;
    while (at > 0 && isBefore(claim.bytes, order, tier[at - 1] as Waiting)) at--;
    if (at === tier.length) tier.push(waiting);
    else tier.splice(at, 0, waiting);
  }
}

/** Whether a claim of these goes out after `other`, and so stands before it. */
function isBefore(bytes: number, order: number, other: Waiting): boolean {
  return bytes < other.claim.bytes || (bytes === other.claim.bytes && order < other.order);
}
