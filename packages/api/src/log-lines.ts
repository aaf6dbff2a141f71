/** The lines of a log on their way to one reader. A slow reader loses lines, is told how many, and holds nothing up. */

/** A line that is logged, or how many were lost before the next one. */
export type LogItem = { readonly line: string } | { readonly lost: number };

/** Lines that may wait for a reader, as in Consul. */
const waitingMax = 512;

export class LogLines implements AsyncIterable<LogItem> {
  readonly #signal: AbortSignal;
  #waiting: string[] = [];
  #lost = 0;
  #wake = (): void => undefined;

  /** `signal` ends it. */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#wake(), { once: true });
  }

  add(line: string): void {
    if (this.#waiting.length < waitingMax) this.#waiting.push(line);
    else this.#lost++;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<LogItem, void, undefined> {
    while (!this.#signal.aborted) {
      const lines = this.#waiting;
      const lost = this.#lost;
      this.#waiting = [];
      this.#lost = 0;
      for (const line of lines) yield { line };
      // Those that were lost came after all that waited.
      if (lost > 0) yield { lost };
      if (this.#waiting.length > 0 || this.#signal.aborted) continue;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
