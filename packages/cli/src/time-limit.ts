/**
 * The end of a request: when its time is over, or when whoever asked wants no answer any more. It holds on to its own timer
 * and controller: on Node 20 an `AbortSignal.timeout` that only an `AbortSignal.any` knows is collected and never fires, and
 * `fetch` loses sight of its signal once the head of the answer is there.
 */
export class TimeLimit {
  readonly #end = new AbortController();
  readonly #ended: Promise<never>;
  readonly #clear: () => void;

  /** `timeoutMs` undefined: no end but that of `parent`. */
  constructor(timeoutMs: number | undefined, parent?: AbortSignal) {
    const stop = (): void => this.#end.abort(parent?.reason);
    const timeOut = (): void => this.#end.abort(new DOMException('the time is over', 'TimeoutError'));
    const timer = timeoutMs === undefined ? undefined : setTimeout(timeOut, timeoutMs);
    if (parent?.aborted === true) stop();
    else parent?.addEventListener('abort', stop);
    this.#clear = () => {
      clearTimeout(timer);
      parent?.removeEventListener('abort', stop);
    };
    const { signal } = this.#end;
    this.#ended = new Promise((_resolve, reject) => {
      const end = (): void => reject(signal.reason as Error);
      if (signal.aborted) end();
      else signal.addEventListener('abort', end, { once: true });
    });
    this.#ended.catch(() => undefined);
  }

  get signal(): AbortSignal {
    return this.#end.signal;
  }

  /** The result of `work`, which starts within the limit. Rejects with its end when that comes first. */
  async hold<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await Promise.race([work(), this.#ended]);
    } finally {
      this.#clear();
    }
  }
}
