/** What members come to think of others that are well: how often, and for how long, these are out of rotation or failed. */

import type { MeshEvent, NodeId } from '@skein/core';
import type { SimNode } from '@skein/sim';

export class Beliefs {
  refutations = 0;
  /** A belief is one member's of one other: so often one began to be that the other may not be routed to. */
  evictions = 0;
  /** How long these lasted in all, in ms. */
  outMs = 0;
  /** So often one began to be that the other failed. */
  removals = 0;
  #counts: ((observer: NodeId, subject: NodeId) => boolean) | undefined;
  #sinceMs = 0;
  /** Since when the subject is out of rotation, by observer and subject. */
  readonly #out = new Map<string, number>();

  /** Counts what certain members think of certain others from now on. Before that nothing is counted. */
  begin(nowMs: number, counts: (observer: NodeId, subject: NodeId) => boolean): void {
    this.#counts = counts;
    this.#sinceMs = nowMs;
  }

  see(node: SimNode, event: MeshEvent, nowMs: number): void {
    if (this.#counts === undefined) return;
    if (event.type === 'refuted') this.refutations++;
    if (event.type !== 'member-changed' && event.type !== 'reachability-changed') return;
    if (!this.#counts(node.id, event.id)) return;
    if (event.type === 'member-changed') {
      if (event.to === 'failed') this.removals++;
      return;
    }
    const belief = `${node.id} ${event.id}`;
    const since = this.#out.get(belief);
    if (!event.reachable) {
      this.evictions++;
      this.#out.set(belief, nowMs);
    } else if (since !== undefined) {
      this.outMs += nowMs - since;
      this.#out.delete(belief);
    }
  }

  /** Adds what has not ended yet. Returns how long it was counted, in ms. */
  end(nowMs: number): number {
    for (const since of this.#out.values()) this.outMs += nowMs - since;
    this.#out.clear();
    this.#counts = undefined;
    return nowMs - this.#sinceMs;
  }
}
