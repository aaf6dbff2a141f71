/** How many runs of checks go on at once; more wait their turn, in the order in which they came. */

/** Runs that open sockets, and runs that are programs of their own, which cost the host a thousand times as much. */
export const lanes = { socket: 64, script: 16 } as const;

export type LaneName = keyof typeof lanes;

export class Lane {
  readonly #most: number;
  readonly #waiting = new Set<() => Promise<void>>();
  #running = 0;

  constructor(name: LaneName) {
    this.#most = lanes[name];
  }

  get running(): number {
    return this.#running;
  }

  /** Starts `run` as soon as there is room. The same `run` waits once, however often it is added. */
  add(run: () => Promise<void>): void {
    this.#waiting.add(run);
    this.#start();
  }

  /** Forgets a run that still waits. */
  drop(run: () => Promise<void>): void {
    this.#waiting.delete(run);
  }

  #start(): void {
    for (const run of this.#waiting) {
      if (this.#running >= this.#most) return;
      this.#waiting.delete(run);
      this.#running++;
      void run().finally(() => {
        this.#running--;
        this.#start();
      });
    }
  }
}
