/**
 * How many runs of checks go on at once. Runs that are quick and runs that are slow have places of their own, and one that
 * turns out to be slow moves from the former to the latter: a target that hangs keeps others waiting for a second at most.
 */

import type { Clock } from '../clock.ts';

/**
 * Runs that open sockets, and runs that are programs of their own, which cost the host a thousand times as much. `places`:
 * how many quick ones run at once, and up to how many slow ones another slow one starts. `most`: how many run in all, since
 * those that move are not counted against the places for slow ones; it leaves room for that even when all places are taken.
 */
export const lanes = {
  socket: { places: 1024, most: 4096 },
  script: { places: 128, most: 512 },
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
  readonly #most: number;
  readonly #clock: Pick<Clock, 'after'>;
  /** In the order in which they came. */
  readonly #quickWaiting = new Set<LaneRun>();
  readonly #slowWaiting = new Set<LaneRun>();
  #quick = 0;
  #slow = 0;

  constructor(name: LaneName, clock: Pick<Clock, 'after'>) {
    this.#places = lanes[name].places;
    this.#most = lanes[name].most;
    this.#clock = clock;
  }

  get running(): number {
    return this.#quick + this.#slow;
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
      if (this.#quick >= this.#places || this.running >= this.#most) break;
      this.#quickWaiting.delete(run);
      void this.#startQuick(run);
    }
    for (const run of this.#slowWaiting) {
      if (this.#slow >= this.#places) break;
      this.#slowWaiting.delete(run);
      void this.#startSlow(run);
    }
  }

  async #startQuick(run: LaneRun): Promise<void> {
    this.#quick++;
    const cancel = this.#clock.after(quickMs, () => {
      run.isSlow = true;
      this.#quick--;
      this.#slow++;
      this.#startAll();
    });
    await run.start();
    cancel();
    if (run.isSlow) this.#slow--;
    else this.#quick--;
    this.#startAll();
  }

  /** It keeps its place to its end, but when it was quick the next run is taken to be so. */
  async #startSlow(run: LaneRun): Promise<void> {
    this.#slow++;
    let isQuick = true;
    const cancel = this.#clock.after(quickMs, () => (isQuick = false));
    await run.start();
    cancel();
    this.#slow--;
    if (isQuick) run.isSlow = false;
    this.#startAll();
  }
}
