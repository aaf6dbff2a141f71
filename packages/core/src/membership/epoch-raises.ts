/**
 * How often a node raises its epoch because somebody shows that it was in use before. Once or twice after a host lost its
 * disk. Again and again where two hosts run with one and the same key, each of which proves it to the other: they would
 * outbid each other for ever, and every raise is news for the whole mesh. So each waits twice as long as the one before.
 */

/** The longest wait; nothing for twice as long, and it is another story. */
const waitMaxMs = 60_000;
/** A node whose disk was lost may hear of its last epoch in two steps, from peers that do not know the same. */
const outbidFrom = 3;

export class EpochRaises {
  #count = 0;
  #at = Number.NEGATIVE_INFINITY;

  /** Whether the epoch may be raised now, which then counts. `intervalMs`: the first wait between two. */
  take(now: number, intervalMs: number): boolean {
    const passedMs = now - this.#at;
    if (passedMs > 2 * waitMaxMs) this.#count = 0;
    if (this.#count > 0 && passedMs < Math.min(waitMaxMs, intervalMs * (1 << Math.min(20, this.#count - 1)))) return false;
    this.#count++;
    this.#at = now;
    return true;
  }

  /** Whether somebody else keeps using our key. */
  get isOutbid(): boolean {
    return this.#count >= outbidFrom;
  }
}
