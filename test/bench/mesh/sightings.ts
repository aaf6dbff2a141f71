/** Remembers when something was first seen, for those who asked before and those who ask after. */

export class Sightings {
  readonly #times = new Map<string, number>();
  readonly #waiting = new Map<string, ((atMs: number) => void)[]>();

  note(what: string, atMs: number): void {
    if (this.#times.has(what)) return;
    this.#times.set(what, atMs);
    for (const resolve of this.#waiting.get(what) ?? []) resolve(atMs);
    this.#waiting.delete(what);
  }

  /** When it was first seen. Pending for ever when that never happens: put a deadline on it. */
  when(what: string): Promise<number> {
    const known = this.#times.get(what);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve) => {
      this.#waiting.set(what, [...(this.#waiting.get(what) ?? []), resolve]);
    });
  }

  forget(what: string): void {
    this.#times.delete(what);
  }
}

/** Rejects, with `what` in the reason, when the promise is not settled in time. */
export async function within<T>(promise: Promise<T>, ms: number, what: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms / 1000} s: ${what()}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
