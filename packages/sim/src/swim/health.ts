/** Lifeguard's local health: how often this member was wrong or cut off lately, which makes it more patient. */

import type { SwimConfig } from './config.ts';

export class Health {
  readonly #config: SwimConfig;
  #score = 0;

  constructor(config: SwimConfig) {
    this.#config = config;
  }

  /** 0 is well; up to one less than the configured bound. */
  get score(): number {
    return this.#score;
  }

  /** By how much the probe interval is longer now. */
  get factor(): number {
    return this.#score + 1;
  }

  apply(delta: number): void {
    if (!this.#config.awareness) return;
    this.#score = Math.max(0, Math.min(this.#config.awarenessMax - 1, this.#score + delta));
  }
}
