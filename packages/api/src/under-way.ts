/** The requests under way: those whose client went are freed, and `close` ends the waiting of all. */

import type { ServerResponse } from 'node:http';
import { apiClosing, clientGone } from './blocking.ts';

/** Requests freed in one turn of the event loop, about a millisecond. */
const freedPerTurn = 64;

export class UnderWay {
  readonly #requests = new Set<AbortController>();
  readonly #gone: AbortController[] = [];
  #isFreeing = false;
  #isClosed = false;

  /** A signal that aborts soon after the client went away, or when the API closes; `release` once the answer is made. */
  add(response: ServerResponse): { readonly signal: AbortSignal; readonly release: () => void } {
    const over = new AbortController();
    const end = (): void => this.#free(over);
    if (this.#isClosed) over.abort(apiClosing);
    response.once('close', end);
    this.#requests.add(over);
    return {
      signal: over.signal,
      release: () => {
        response.off('close', end);
        this.#requests.delete(over);
      },
    };
  }

  close(): void {
    this.#isClosed = true;
    for (const over of this.#requests) over.abort(apiClosing);
  }

  /**
   * A proxy that restarts closes all its connections at once. To free ten thousand requests takes longer than peers wait
   * for the answer to a probe, so it is done in slices, with everything else in between.
   */
  #free(over: AbortController): void {
    this.#gone.push(over);
    if (this.#isFreeing) return;
    this.#isFreeing = true;
    setImmediate(() => this.#freeSome());
  }

  #freeSome(): void {
    for (const over of this.#gone.splice(0, freedPerTurn)) over.abort(clientGone);
    this.#isFreeing = this.#gone.length > 0;
    if (this.#isFreeing) setImmediate(() => this.#freeSome());
  }
}
