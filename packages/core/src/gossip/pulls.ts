/**
 * What a push showed that we lack, until it is asked for: at the end of the step, or when there is room for one more exchange
 * with the peer that has it. Nothing is asked for twice in a short time. Peers name the subjects, so all of this is bounded.
 */

import type { NodeId } from '../identity.ts';
import { limits } from '../limits.ts';
import type { SyncWant } from '../message.ts';
import { utf8Length } from '../text.ts';

/** One subject is not pulled again sooner than this. */
const pullAgainMs = 200;

interface Asked {
  readonly at: number;
  readonly peer: NodeId;
}

export class Pulls {
  /** What waits to be asked for, by peer. */
  readonly #waiting = new Map<NodeId, Map<string, readonly number[]>>();
  /** What was noted within `pullAgainMs`, oldest first, and how much of it each peer named. */
  readonly #asked = new Map<string, Asked>();
  readonly #named = new Map<NodeId, number>();

  /** How many subjects are remembered as asked for. */
  get size(): number {
    return this.#asked.size;
  }

  /** Whether nothing waits. */
  get isIdle(): boolean {
    return this.#waiting.size === 0;
  }

  /** Notes that `peer` has what we lack of a subject, of which we hold `have`. What is beyond the limits, comparisons find. */
  note(key: string, peer: NodeId, have: readonly number[], now: number): void {
    for (const [old, { at }] of this.#asked) {
      if (now - at < pullAgainMs) break;
      this.forgetSubject(old);
    }
    const named = this.#named.get(peer) ?? 0;
    let wants = this.#waiting.get(peer);
    if (this.#asked.has(key) || Math.max(named, wants?.size ?? 0) >= limits.wantsPerMessage) return;
    this.#asked.set(key, { at: now, peer });
    this.#named.set(peer, named + 1);
    if (wants === undefined) this.#waiting.set(peer, (wants = new Map<string, readonly number[]>()));
    wants.set(key, have);
  }

  /** Takes what waits for those peers that `mayAsk` allows. */
  *take(mayAsk: (peer: NodeId) => boolean): IterableIterator<readonly [NodeId, readonly SyncWant[]]> {
    for (const [peer, gaps] of this.#waiting) {
      if (!mayAsk(peer)) continue;
      this.#waiting.delete(peer);
      let bytes = 0;
      const wants: SyncWant[] = [];
      for (const [key, have] of gaps) if ((bytes += utf8Length(key)) <= limits.wantBytes) wants.push({ key, have });
      yield [peer, wants];
    }
  }

  /** A subject is gone: should it come again it is asked for at once. */
  forgetSubject(key: string): void {
    const asked = this.#asked.get(key);
    if (asked === undefined) return;
    this.#asked.delete(key);
    const named = (this.#named.get(asked.peer) ?? 1) - 1;
    if (named > 0) this.#named.set(asked.peer, named);
    else this.#named.delete(asked.peer);
  }

  /** Nothing can be had from this peer now. */
  forget(peer: NodeId): void {
    this.#waiting.delete(peer);
  }
}
