/**
 * How many runs of checks go on at once. A run whose target hangs keeps its place until its timeout, so those that took
 * long last time may not have all places: a check that is quick never waits for others that hang, however many they are.
 */

import type { Clock } from '../clock.ts';

/**
 * Runs that open sockets, and runs that are programs of their own, which cost the host a thousand times as much. `places`:
 * runs at once. `reserve`: how many of these are for checks only whose last run was quick, or that had none yet.
 */
export const lanes = {
  socket: { places: 1024, reserve: 256 },
  script: { places: 128, reserve: 32 },
} as const;

/** A run that takes longer is slow, and so is the next run of its check taken to be. */
export const quickMs = 1000;

export type LaneName = keyof typeof lanes;

/** One check as its lane sees it: it waits once, however often it is added. */
export interface LaneRun {
  readonly start: () => Promise<void>;
  /** Kept by the lane: whether this run, or the last one, is slow. */
  isSlow: boolean;
}

export class Lane {
  readonly #places: number;
  readonly #slowMost: number;
  readonly #clock: Pick<Clock, 'after'>;
  /** In the order in which they came. */
  readonly #quickWaiting = new Set<LaneRun>();
  readonly #slowWaiting = new Set<LaneRun>();
  #running = 0;
  #slow = 0;

  constructor(name: LaneName, clock: Pick<Clock, 'after'>) {
    const { places, reserve } = lanes[name];
    this.#places = places;
    this.#slowMost = places - reserve;
    this.#clock = clock;
  }

  get running(): number {
    return this.#running;
  }

  /** Starts `run` as soon as there is room for it. */
  add(run: LaneRun): void {
    (run.isSlow ? this.#slowWaiting : this.#quickWaiting).add(run);
    this.#startAll();
  }

  /** Forgets a run that still waits. */
  drop(run: LaneRun): void {
    this.#quickWaiting.delete(run);
    this.#slowWaiting.delete(run);
  }

  #startAll(): void {
    for (const run of this.#quickWaiting) {
      if (this.#running >= this.#places) return;
      this.#quickWaiting.delete(run);
      void this.#start(run);
    }
    for (const run of this.#slowWaiting) {
      if (this.#running >= this.#places || this.#slow >= this.#slowMost) return;
      this.#slowWaiting.delete(run);
      void this.#start(run);
    }
  }

  async #start(run: LaneRun): Promise<void> {
    this.#running++;
    // Until it shows to be quick it counts as what it was; one that turns slow does so at once.
    let isSlow = run.isSlow;
    let isQuick = true;
    if (isSlow) this.#slow++;
    const cancel = this.#clock.after(quickMs, () => {
      isQuick = false;
      run.isSlow = true;
      if (!isSlow) this.#slow++;
      isSlow = true;
    });
    await run.start();
    cancel();
    this.#running--;
    if (isSlow) this.#slow--;
    if (isQuick) run.isSlow = false;
    this.#startAll();
  }
}
