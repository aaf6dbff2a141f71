/**
 * Blocking queries: a client that knows index N of a key is answered once the key has changed, or after its wait.
 * The contract is the one that Consul's clients rely on. An index is milliseconds since 2020 times 1024 plus a tag of
 * the node that made it, so that an index of another agent is recognised: its order means nothing here.
 */

import { Refusal } from './refusal.ts';
import type { Wait } from './query.ts';
import { SharedWaits, type Source } from './shared-waits.ts';
import type { Timers } from './timers.ts';
import { WakeGate } from './wake-gate.ts';

export interface BlockingOptions {
  readonly timers: Timers;
  /** A number from 0 to below 1, for jitter. */
  readonly random: () => number;
  /** Clients that may wait at once. One more is refused with 429. */
  readonly waitersMax: number;
}

/*
 * Why a request is over. Made once: an abort without a reason makes an error with its own stack, which is most of what it
 * takes to free a waiting client.
 */
/** Nobody is left to answer. */
export const clientGone = new Error('the client is gone');
/** It is answered from what there is. */
export const apiClosing = new Error('the API is closing');
const isOver = new Error('the wait is over');

/** How long an index that is not ours may keep a client waiting, so that it neither hangs nor spins. */
const foreignWaitMs = 1000;
const tagRange = 1024;

export class BlockingQueries {
  readonly #options: BlockingOptions;
  readonly #gate: WakeGate;
  readonly #shared = new SharedWaits();
  #waiters = 0;

  constructor(options: BlockingOptions) {
    this.#options = options;
    this.#gate = new WakeGate(options.timers);
  }

  /**
   * Resolves when the answer is due; the caller then reads the current state. `ownIndex` is any index that this
   * node made, for its tag. Throws a `Refusal` (429) when too many wait, here or at the source, and `clientGone` when that
   * is why `signal` aborted.
   */
  async due(source: Source, wait: Wait, ownIndex: number, signal: AbortSignal): Promise<void> {
    if (wait.index === 0) return;
    const current = source.index();
    const isForeign = wait.index > current || isOfOther(wait.index, ownIndex);
    if (wait.index < current && !isForeign) return this.#gate.pass(source, signal);
    const waitMs = isForeign ? Math.min(wait.waitMs, foreignWaitMs) : this.#jittered(wait.waitMs);
    if (await this.#changed(source, current, waitMs, signal)) await this.#gate.pass(source, signal);
    if (signal.reason === clientGone) throw clientGone;
  }

  /** Whether the source changed, rather than the time ran out or the client went. */
  async #changed(source: Source, afterIndex: number, waitMs: number, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    if (this.#waiters >= this.#options.waitersMax) {
      throw tooMany();
    }
    this.#waiters++;
    const over = new AbortController();
    const end = (): void => over.abort(isOver);
    const cancelTimer = this.#options.timers.after(waitMs, end);
    signal.addEventListener('abort', end, { once: true });
    try {
      await this.#shared.changed(source, afterIndex, over.signal);
      if (over.signal.aborted) return false;
      // A port that answers without a change has no room for one more; to answer as if would make the client spin.
      if (source.index() <= afterIndex) throw tooMany();
      return true;
    } finally {
      this.#waiters--;
      cancelTimer();
      signal.removeEventListener('abort', end);
    }
  }

  /** Up to a sixteenth longer, so that clients that began together do not come back together. */
  #jittered(waitMs: number): number {
    return waitMs + Math.floor((waitMs / 16) * this.#options.random());
  }
}

function tooMany(): Refusal {
  return new Refusal(429, 'Too many blocking queries are waiting here; ask without index, or wait and try again');
}

/** Numbers below the range of the tag are made by hand, such as `index=1`. */
function isOfOther(index: number, ownIndex: number): boolean {
  return index >= tagRange && ownIndex >= tagRange && index % tagRange !== ownIndex % tagRange;
}
