/**
 * How many runs of checks go on at once. Runs that are quick and runs that are slow have places of their own, and one that
 * turns out to be slow moves from the former to the latter: a target that hangs keeps others waiting for a second at most. Where
 * so many hang at once that no place is left to move to, it is cut short instead and starts anew as a slow one when its turn
 * comes, so that the places for quick ones change hands each second whatever happens: of n that begin to hang at once, another
 * waits for n / `places` seconds.
 */

import type { Clock } from '../clock.ts';

/**
 * Runs that open sockets, and runs that are programs of their own, which cost the host a thousand times as much. `places`:
 * how many quick ones run at once, and up to how many slow ones another slow one starts. `most`: how many run in all: the
 * places for quick ones, and room for those that move, which are not counted against the places for slow ones.
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
  /** Resolves when the run is over; to true when it was cut short, and the check is still to be run. */
  readonly start: () => Promise<boolean>;
  /** Ends the run soon, and without a result. */
  readonly cut: () => void;
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
      if (this.#quick >= this.#places) break;
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
    let hasMoved = false;
    const cancel = this.#clock.after(quickMs, () => {
      run.isSlow = true;
      if (this.#slow >= this.#most - this.#places) return run.cut();
      hasMoved = true;
      this.#quick--;
      this.#slow++;
      this.#startAll();
    });
    const isCut = await run.start();
    cancel();
    if (hasMoved) this.#slow--;
    else this.#quick--;
    if (isCut) this.#slowWaiting.add(run);
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
