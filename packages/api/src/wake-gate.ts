/**
 * Spaces out the wake-ups of one key: a change passes at once, to everybody who waits for it; changes within
 * `windowMs` after it pass together at the window's end. Clients that read everything on
 * each wake-up then do so at most 20 times a second, however fast the catalog changes.
 */

import type { Timers } from './timers.ts';
import { Waiters } from './waiters.ts';

export const windowMs = 50;

/** What wakes up. */
export interface Gated {
  readonly key: string;
  index(): number;
}

interface Window {
  /** The change that passed when it opened. */
  readonly passedIndex: number;
  /** Those who wait for its end. */
  readonly waiting: Waiters;
}

export class WakeGate {
  readonly #timers: Timers;
  readonly #windows = new Map<string, Window>();

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Resolves when the current state may be shown: at the latest after `windowMs`, or when `signal` aborts. */
  pass(gated: Gated, signal: AbortSignal): Promise<void> {
    const window = this.#windows.get(gated.key);
    if (window === undefined) this.#open(gated);
    if (window === undefined || gated.index() <= window.passedIndex) return Promise.resolve();
    return window.waiting.next(signal);
  }

  #open(gated: Gated): void {
    const window: Window = { passedIndex: gated.index(), waiting: new Waiters() };
    this.#windows.set(gated.key, window);
    this.#timers.after(windowMs, () => {
      this.#windows.delete(gated.key);
      if (window.waiting.size === 0) return;
      this.#open(gated);
      window.waiting.wake();
    });
  }
}
