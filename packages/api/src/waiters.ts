/** Those who wait for one thing. */

import type { CancelSignal } from '@skein/core';
import { wakeInTurns } from './wake-turns.ts';

export class Waiters {
  readonly #waiting = new Set<() => void>();

  get size(): number {
    return this.#waiting.size;
  }

  /** Resolves at the next `wake`, or when `signal` aborts. Never rejects. */
  next(signal: CancelSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }

  /** Wakes all who wait now. */
  wake(): void {
    void wakeInTurns([...this.#waiting]);
  }
}
