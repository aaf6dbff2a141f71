/** A clock whose hands the test turns. */

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class ManualClock {
  time = 0;
  lag = 0;
  #timers: Timer[] = [];
  #polls: (() => void)[] = [];
  #order = 0;

  now(): number {
    return this.time;
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.time;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.time + ms, order: this.#order++, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  afterPoll(run: () => void): void {
    this.#polls.push(run);
  }

  takeLagMs(): number {
    return this.lag;
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Runs what waits for the sockets to be read. */
  poll(): void {
    const due = this.#polls;
    this.#polls = [];
    for (const run of due) run();
  }

  /** Lets time pass, firing each timer at its own time. */
  advance(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const next = this.#timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (next === undefined) break;
      this.time = Math.max(this.time, next.at);
      this.#fire(next);
    }
    this.time = end;
  }

  /** The process stood still: time passed, then everything that is due fires late. */
  stall(ms: number): void {
    this.time += ms;
    for (const timer of this.#timers.filter(({ at }) => at <= this.time).sort((a, b) => a.at - b.at)) this.#fire(timer);
  }

  #fire(timer: Timer): void {
    this.#timers = this.#timers.filter((other) => other !== timer);
    timer.run();
  }
}

/** Lets promises that are ready run their course. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => void setImmediate(resolve));
}
