/** What each host of a mesh believes of each other one, from the events that its node emits: real or simulated. */

export interface Belief {
  readonly atMs: number;
  readonly observer: number;
  readonly subject: number;
  /** A status of membership, or `out` of rotation, or `in` again. */
  readonly what: string;
  readonly reason: string;
}

export class Beliefs {
  readonly #history: Belief[] = [];
  readonly #status = new Map<string, string>();
  readonly #out = new Set<string>();
  readonly #listeners = new Set<() => void>();

  take(belief: Belief): void {
    const { observer, subject, what } = belief;
    if (observer === subject) return;
    this.#history.push(belief);
    const pair = `${observer} ${subject}`;
    if (what === 'out') this.#out.add(pair);
    else if (what === 'in') this.#out.delete(pair);
    else this.#status.set(pair, what);
    for (const listener of this.#listeners) listener();
  }

  /** Calls back after each event, until the function it returns is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Each of `observers` routes nothing to any of `subjects`. */
  areOut(observers: readonly number[], subjects: readonly number[]): boolean {
    return this.#every(observers, subjects, (pair) => this.#out.has(pair));
  }

  areFailed(observers: readonly number[], subjects: readonly number[]): boolean {
    return this.#every(observers, subjects, (pair) => this.#status.get(pair) === 'failed');
  }

  /** They all know and trust one another. */
  agree(hosts: readonly number[]): boolean {
    return this.#every(hosts, hosts, (pair) => this.#status.get(pair) === 'alive' && !this.#out.has(pair));
  }

  /** Events of one kind since a time, of what some believe of others. */
  since(atMs: number, what: string, observers: readonly number[], subjects: readonly number[]): readonly Belief[] {
    return this.#history.filter(
      (belief) =>
        belief.atMs >= atMs && belief.what === what && observers.includes(belief.observer) && subjects.includes(belief.subject),
    );
  }

  /** When the last event came. */
  get lastMs(): number {
    return this.#history.at(-1)?.atMs ?? 0;
  }

  /** The history since a time, one line an event, for whoever reads a failed test. */
  story(sinceMs: number): string {
    const told = this.#history.filter(({ atMs }) => atMs >= sinceMs).slice(-200);
    return told
      .map(
        ({ atMs, observer, subject, what, reason }) =>
          `${Math.round(atMs - sinceMs)} ms: ${observer} on ${subject}: ${what} (${reason})`,
      )
      .join('\n');
  }

  #every(observers: readonly number[], subjects: readonly number[], holds: (pair: string) => boolean): boolean {
    return observers.every((observer) => subjects.every((subject) => observer === subject || holds(`${observer} ${subject}`)));
  }
}
