/** Those who read a stream: how many there are, who of them waits for news, and the beat at which each is told something. */

import type { Timers } from '../timers.ts';
import { Waiters } from '../waiters.ts';

/** How often a stream says something even if nothing happens, so that either side notices when the other is gone. */
export const heartbeatMs = 15_000;
/** A client's first wait before it connects again; `EventSource` keeps to it. */
const reconnectMs = 1000;

/** What a stream of server-sent events begins with, so that the client knows that it is connected. */
export const greeting: Uint8Array = Buffer.from(`retry: ${reconnectMs}\n\n`);
export const heartbeat: Uint8Array = Buffer.from(': heartbeat\n\n');

export interface ReadersListener {
  /** There is a reader, after there was none. */
  first?(): void;
  /** There is none any more. */
  last?(): void;
  beat?(): void;
}

export class StreamReaders {
  readonly #timers: Timers;
  readonly #listener: ReadersListener;
  readonly #waiting = new Waiters();
  #count = 0;
  #beats = 0;
  #cancelBeat = (): void => undefined;

  constructor(timers: Timers, listener: ReadersListener = {}) {
    this.#timers = timers;
    this.#listener = listener;
  }

  get count(): number {
    return this.#count;
  }

  /** How many beats there were. */
  get beats(): number {
    return this.#beats;
  }

  /** One more, until `signal` aborts. */
  add(signal: AbortSignal): void {
    if (this.#count++ === 0) {
      this.#listener.first?.();
      this.#beatLater();
    }
    const end = (): void => {
      if (--this.#count > 0) return;
      this.#cancelBeat();
      this.#listener.last?.();
    };
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  }

  /** There is news for all who wait. */
  wake(): void {
    this.#waiting.wake();
  }

  /** Resolves when there is news, at the next beat (true), or when `signal` aborts. */
  async next(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    const beats = this.#beats;
    await this.#waiting.next(signal);
    return this.#beats !== beats && !signal.aborted;
  }

  #beatLater(): void {
    this.#cancelBeat = this.#timers.after(heartbeatMs, () => {
      this.#beats++;
      this.#listener.beat?.();
      this.wake();
      this.#beatLater();
    });
  }
}
