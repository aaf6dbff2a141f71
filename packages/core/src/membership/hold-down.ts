/**
 * Who was out of rotation for a while, and again, stays out for longer each time it comes back (as routes that flap are
 * damped, RFC 2439): a host whose network works by turns answers just often enough to be sent requests that it will lose.
 * This decides on routing only; who is a member is not its business.
 *
 * One outage is anybody's: it costs nothing more. What costs is to be out for long enough several times within `forgetMs`:
 * for a probe's time where we had no answer ourselves, and where only others say so for longer than it takes to refute them,
 * even right after another refutation, so that false accusers keep nobody out. And where many are out at a time, the fault is more likely ours, or the network's between two halves: then nothing counts.
 */

import type { NodeId } from '../identity.ts';

/** How long somebody stays out after the second outage; twice as long after each further one. */
const firstHoldMs = 10_000;
const holdMaxMs = 60_000;
/** Nothing counts once so much time went by without another outage. */
const forgetMs = 300_000;
/** Where more than one in so many members is out at a time, it is not their fault. */
const manyPart = 4;

interface Row {
  outages: number;
  /** Since when it is out, and not only held. */
  since: number | undefined;
  /** Whether we had no answer from it ourselves since then. */
  isSeen: boolean;
  /** Whether it is one of those that are out now: it is, and did not go for good. */
  counts: boolean;
  endedAt: number;
  heldUntil: number;
}

export class HoldDown {
  readonly #seenMs: number;
  readonly #toldMs: number;
  readonly #rows = new Map<NodeId, Row>();
  /** How many of the living are out. Who failed stays in its row for as long as its tombstone, and says nothing of us. */
  #out = 0;
  /** When it was last seen that many are out, or that we are ill: outages that began by then do not count. */
  #excusedAt = Number.NEGATIVE_INFINITY;

  /** Out for less than that does not count: `seenMs` where we had no answer ourselves, `toldMs` where only others say so. */
  constructor(seenMs: number, toldMs: number) {
    this.#seenMs = seenMs;
    this.#toldMs = toldMs;
  }

  /**
   * A member went out of rotation, or would if it were not held: not by its own wish. `members`: how many live. `isSeen`:
   * we had no answer from it ourselves; may be told later than the rest.
   */
  began(id: NodeId, members: number, isSeen: boolean, now: number): void {
    let row = this.#rows.get(id);
    if (row === undefined)
      this.#rows.set(id, (row = { outages: 0, since: undefined, isSeen, counts: false, endedAt: now, heldUntil: now }));
    row.isSeen ||= isSeen;
    if (row.counts) return;
    if (row.since === undefined && now - row.endedAt >= forgetMs) row.outages = 0;
    row.since ??= now;
    row.counts = true;
    this.#out++;
    this.#excuseMany(members, now);
  }

  /** Nothing speaks against a member any more. Returns until when it is held all the same: a time that is over when it is not. */
  ended(id: NodeId, members: number, now: number): number {
    const row = this.#rows.get(id);
    if (row === undefined) return now;
    if (row.since === undefined) return row.heldUntil;
    this.#excuseMany(members, now);
    if (now - row.since >= (row.isSeen ? this.#seenMs : this.#toldMs) && row.since > this.#excusedAt) {
      row.outages++;
      if (row.outages > 1) row.heldUntil = now + Math.min(holdMaxMs, firstHoldMs << Math.min(8, row.outages - 2));
    }
    row.since = undefined;
    row.isSeen = false;
    row.endedAt = now;
    this.#discount(row);
    if (row.outages === 0) this.#rows.delete(id);
    return row.heldUntil;
  }

  /** We are ill, or were: what is out now is not held against anybody. */
  excuse(now: number): void {
    this.#excusedAt = now;
  }

  /** It starts anew, or is gone. */
  forget(id: NodeId): void {
    this.#discount(this.#rows.get(id));
    this.#rows.delete(id);
  }

  /** It failed or left: still out, should it come back, but no longer one of the living. */
  gone(id: NodeId): void {
    this.#discount(this.#rows.get(id));
  }

  #discount(row: Row | undefined): void {
    if (row?.counts !== true) return;
    row.counts = false;
    this.#out--;
  }

  #excuseMany(members: number, now: number): void {
    if (this.#out * manyPart > members) this.excuse(now);
  }
}
