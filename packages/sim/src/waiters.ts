/** Readers that wait for a topic to change: the blocking half of `MeshPort`. */

import { assert } from '@skein/core';
import type { CancelSignal, View } from '@skein/core';

interface Waiter {
  readonly topic: string;
  readonly afterIndex: number;
  readonly done: (view: View) => void;
}

const waitersMax = 65_536;

export class Waiters {
  readonly #waiting = new Set<Waiter>();

  /** As `MeshPort.changed`. `view` gives the view that is then current. */
  wait(view: () => View, topic: string, afterIndex: number, signal: CancelSignal): Promise<View> {
    return new Promise((resolve) => {
      if (signal.aborted || view().index(topic) > afterIndex) {
        resolve(view());
        return;
      }
      assert(this.#waiting.size < waitersMax, 'too many readers wait on one node');
      const abort = (): void => {
        this.#waiting.delete(waiter);
        resolve(view());
      };
      const waiter: Waiter = {
        topic,
        afterIndex,
        done: (current) => {
          this.#waiting.delete(waiter);
          signal.removeEventListener('abort', abort);
          resolve(current);
        },
      };
      this.#waiting.add(waiter);
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  /** A new view: those whose topic moved are answered. */
  wake(view: View): void {
    for (const waiter of this.#waiting) if (view.index(waiter.topic) > waiter.afterIndex) waiter.done(view);
  }
}
