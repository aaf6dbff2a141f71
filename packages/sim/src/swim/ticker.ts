/**
 * A loop that runs at each tick and may take longer than one: of the ticks that pass meanwhile, one is kept and run
 * at once, the others are missed.
 */

import type { Deadlines } from './deadlines.ts';

export class Ticker {
  readonly #deadlines: Deadlines;
  readonly #intervalUs: number;
  readonly #run: () => void;
  #nextUs: number;
  #isBusy = false;
  #isBehind = false;
  #isArmed = false;

  /** `run` has to call `finished` once, now or later. */
  constructor(deadlines: Deadlines, timing: { readonly firstUs: number; readonly intervalUs: number }, run: () => void) {
    this.#deadlines = deadlines;
    this.#intervalUs = timing.intervalUs;
    this.#nextUs = timing.firstUs;
    this.#run = run;
  }

  /** Waits for the next tick after `nowUs`. A loop that has nothing to do need not be armed; its ticks stay where they were. */
  arm(nowUs: number): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    if (this.#nextUs <= nowUs) {
      this.#nextUs += (Math.floor((nowUs - this.#nextUs) / this.#intervalUs) + 1) * this.#intervalUs;
    }
    this.#deadlines.add(this.#nextUs, () => this.#tick());
  }

  /** The run is over. `more`: whether to wait for the next tick. */
  finished(nowUs: number, more: boolean): void {
    this.#isBusy = false;
    if (this.#isBehind) {
      this.#isBehind = false;
      this.#start(nowUs);
    } else if (more) this.arm(nowUs);
  }

  #tick(): void {
    this.#isArmed = false;
    const atUs = this.#nextUs;
    this.#nextUs += this.#intervalUs;
    if (this.#isBusy) this.#isBehind = true;
    else this.#start(atUs);
  }

  #start(nowUs: number): void {
    this.#isBusy = true;
    this.#run();
    if (this.#isBusy && !this.#isBehind) this.arm(nowUs);
  }
}
