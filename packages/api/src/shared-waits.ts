/**
 * Waits of many for one thing: whoever waits for the same source shares one wait at its port, so that a change that is
 * none of theirs wakes one, however many they are.
 */

import { wakeInTurns } from './wake-turns.ts';

/** Something with an index of its own. */
export interface Source {
  /** Names it: sources of one name are the same, and their wake-ups are coalesced. */
  readonly key: string;
  /** When it last changed, at least 1. */
  index(): number;
  /** Resolves once `index()` is above `afterIndex`, when `signal` aborts, or early when no more can wait. Never rejects. */
  changed(afterIndex: number, signal: AbortSignal): Promise<unknown>;
}

interface Waiter {
  readonly afterIndex: number;
  readonly wake: () => void;
}

interface Wait {
  readonly waiters: Set<Waiter>;
  /** Ends it at the port, when nobody waits any more. */
  readonly over: AbortController;
}

export class SharedWaits {
  readonly #waits = new Map<string, Wait>();

  /** As `source.changed`. */
  changed(source: Source, afterIndex: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || source.index() > afterIndex) return Promise.resolve();
    return new Promise((resolve) => {
      const held = this.#waits.get(source.key);
      const wait = held ?? { waiters: new Set<Waiter>(), over: new AbortController() };
      const wake = (): void => {
        wait.waiters.delete(waiter);
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        wake();
        if (wait.waiters.size === 0) this.#end(source.key, wait);
      };
      const waiter: Waiter = { afterIndex, wake };
      wait.waiters.add(waiter);
      signal.addEventListener('abort', leave, { once: true });
      if (held !== undefined) return;
      this.#waits.set(source.key, wait);
      void this.#follow(source, wait);
    });
  }

  async #follow(source: Source, wait: Wait): Promise<void> {
    for (let index = source.index(); wait.waiters.size > 0;) {
      const seen = index;
      await source.changed(seen, wait.over.signal);
      if (wait.over.signal.aborted) return;
      index = source.index();
      // A port that answers without a change has no room: all who wait have to know.
      const due = [...wait.waiters].filter((waiter) => index <= seen || index > waiter.afterIndex);
      await wakeInTurns(due.map(({ wake }) => wake));
      if (wait.over.signal.aborted) return;
    }
    this.#end(source.key, wait);
  }

  #end(key: string, wait: Wait): void {
    wait.over.abort();
    if (this.#waits.get(key) === wait) this.#waits.delete(key);
  }
}
