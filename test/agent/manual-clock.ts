/** A clock whose hands the test turns. */

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class ManualClock {
  time = 0;
  lag = 0;
  /** In the order in which they fire. */
  readonly #timers: Timer[] = [];
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
    this.#timers.splice(this.#placeOf(timer), 0, timer);
    return () => this.#remove(timer);
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
      const [next] = this.#timers;
      if (next === undefined || next.at > end) break;
      this.time = Math.max(this.time, next.at);
      this.#fire(next);
    }
    this.time = end;
  }

  /** The process stood still: time passed, then everything that is due fires late. */
  stall(ms: number): void {
    this.time += ms;
    for (const timer of this.#timers.filter(({ at }) => at <= this.time)) this.#fire(timer);
  }

  #fire(timer: Timer): void {
    this.#remove(timer);
    timer.run();
  }

  #remove(timer: Timer): void {
    const place = this.#placeOf(timer);
    if (this.#timers[place] === timer) this.#timers.splice(place, 1);
  }

  /** Where it is, or would be. */
  #placeOf({ at, order }: Timer): number {
    let low = 0;
    for (let high = this.#timers.length; low < high;) {
      const middle = (low + high) >> 1;
      const other = this.#timers[middle]!;
      if (other.at < at || (other.at === at && other.order < order)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Lets promises that are ready run their course. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => void setImmediate(resolve));
}
