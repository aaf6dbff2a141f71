/**
 * Spaces out the wake-ups of one key: a change passes at once, to everybody who waits for it; changes within
 * `windowMs` after it pass together at the window's end. Clients that read everything on
 * each wake-up then do so at most 20 times a second, however fast the catalog changes.
 */

import type { Timers } from './timers.ts';

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
  readonly waiting: Set<() => void>;
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
    if (window === undefined || gated.index() <= window.passedIndex || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const release = (): void => {
        window.waiting.delete(release);
        signal.removeEventListener('abort', release);
        resolve();
      };
      window.waiting.add(release);
      signal.addEventListener('abort', release, { once: true });
    });
  }

  #open(gated: Gated): void {
    const window: Window = { passedIndex: gated.index(), waiting: new Set() };
    this.#windows.set(gated.key, window);
    this.#timers.after(windowMs, () => {
      this.#windows.delete(gated.key);
      if (window.waiting.size === 0) return;
      this.#open(gated);
      for (const release of window.waiting) release();
    });
  }
}
