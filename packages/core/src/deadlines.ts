/**
 * A node's own timers: named deadlines in one heap, instead of timer objects. The driver holds a single
 * wake-up for the earliest; nothing has to be cancelled outside, and a paused process simply wakes late.
 */

interface Entry {
  readonly key: string;
  readonly at: number;
  /** Breaks ties in the order of setting, so that runs are reproducible. */
  readonly order: number;
}

/** Outdated entries that the heap may hold beyond as many as there are deadlines. */
const slackMax = 64;

export class Deadlines {
  readonly #heap: Entry[] = [];
  readonly #current = new Map<string, Entry>();
  readonly #now: () => number;
  #order = 0;

  /** `now`: no deadline is set before it, so that one which comes due late was awaited. */
  constructor(now: () => number = () => Number.NEGATIVE_INFINITY) {
    this.#now = now;
  }

  /** Sets, or moves, the deadline named `key`. One that is over already is due now. */
  set(key: string, at: number): void {
    const entry: Entry = { key, at: Math.max(at, this.#now()), order: this.#order++ };
    this.#current.set(key, entry);
    if (this.#heap.length > 2 * this.#current.size + slackMax) this.#compact();
    else this.#push(entry);
  }

  /** Sets the deadline only if there is none or a later one. */
  setEarlier(key: string, at: number): void {
    const known = this.#current.get(key);
    if (known === undefined || known.at > at) this.set(key, at);
  }

  clear(key: string): void {
    this.#current.delete(key);
  }

  get size(): number {
    return this.#current.size;
  }

  has(key: string): boolean {
    return this.#current.has(key);
  }

  next(): number | undefined {
    this.#dropStale();
    return this.#heap[0]?.at;
  }

  /** Takes the earliest deadline that is due, or undefined. */
  takeDue(now: number): { readonly key: string; readonly at: number } | undefined {
    this.#dropStale();
    const top = this.#heap[0];
    if (top === undefined || top.at > now) return undefined;
    this.#pop();
    this.#current.delete(top.key);
    return top;
  }

  /** Takes the deadline of this name if it is due. */
  takeIfDue(key: string, now: number): boolean {
    const entry = this.#current.get(key);
    return entry !== undefined && entry.at <= now && this.#current.delete(key);
  }

  /** Deadlines that are moved again and again leave their old entries behind, which may be far from due. */
  #compact(): void {
    this.#heap.length = 0;
    for (const entry of this.#current.values()) this.#push(entry);
  }

  #dropStale(): void {
    for (let top = this.#heap[0]; top !== undefined && this.#current.get(top.key) !== top; top = this.#heap[0]) this.#pop();
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(entry);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent]!;
      if (!before(entry, above)) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
  }
}

/**
 * Whether a deadline passes judgement on others, or tells somebody who does: then it has to wait, when it is late, for what
 * was said meanwhile.
 */
export function isVerdict(key: string): boolean {
  return /^(probe|doubt|nack|suspect)\/|^withheld$/.test(key);
}

/** Whether it is one of a probe's, whose verdict, if it comes to one, is kept back by itself for as long as it has to be. */
export function isOfProbe(key: string): boolean {
  return key.startsWith('probe/') || key.startsWith('doubt/');
}

function before(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
