/** Readers that wait for a topic to change: the blocking half of `MeshPort`. */

import type { CancelSignal, View } from '@skein/core';

interface Waiter {
  readonly topic: string;
  readonly afterIndex: number;
  readonly done: (view: View) => void;
}

/** Readers that may wait on one node. One too many is answered at once, as if its wait had run out. */
const waitersMax = 16_384;

export class Waiters {
  readonly #waiting = new Set<Waiter>();
  #isReleased = false;

  /** As `MeshPort.changed`. `view` gives the view that is then current. */
  wait(view: () => View, topic: string, afterIndex: number, signal: CancelSignal): Promise<View> {
    return new Promise((resolve) => {
      if (this.#isReleased || signal.aborted || view().index(topic) > afterIndex || this.#waiting.size >= waitersMax) {
        resolve(view());
        return;
      }
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

  /** There is a new view: those whose topic moved are answered. The view is not even made when nobody waits. */
  wake(view: () => View): void {
    if (this.#waiting.size === 0) return;
    const current = view();
    for (const waiter of this.#waiting) if (current.index(waiter.topic) > waiter.afterIndex) waiter.done(current);
  }

  /** The node started (again): readers may wait. */
  open(): void {
    this.#isReleased = false;
  }

  /** The node stopped: everybody is answered with its last view, and nobody waits any more. */
  release(view: () => View): void {
    this.#isReleased = true;
    for (const waiter of this.#waiting) waiter.done(view());
  }
}
