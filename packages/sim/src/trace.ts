/**
 * What happened in a run, twice: a rolling hash over everything that any node took in or did, which tells two
 * runs apart at the first difference, and the last state changes as readable lines.
 */

import { hashText, mix } from './randomness.ts';

/** One state change. `from` and `to` are empty where there is no such thing. */
export interface TraceEntry {
  readonly atUs: number;
  readonly node: string;
  readonly kind: string;
  readonly subject: string;
  readonly from: string;
  readonly to: string;
  readonly cause: string;
}

export class Trace {
  #high = 0x6a09e667;
  #low = 0x3c6ef372;
  readonly #ring: TraceEntry[] = [];
  readonly #capacity: number;
  #next = 0;
  readonly #words = new Map<string, number>();

  /** `capacity`: how many lines are kept. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Takes one occurrence into the hash. `word` comes from a small vocabulary; `a` and `b` are its key fields. */
  hash(atUs: number, node: number, word: string, a: number, b: number): void {
    let code = this.#words.get(word);
    if (code === undefined) {
      code = hashText(word);
      this.#words.set(word, code);
    }
    let h = mix(this.#high, atUs | 0);
    h = mix(h, Math.floor(atUs / 4294967296) ^ (node << 8));
    h = mix(h, code);
    h = mix(h, a);
    this.#high = h;
    this.#low = mix(mix(this.#low, h), b);
  }

  /** Records a state change, in the hash and as a line. */
  line(entry: TraceEntry, node: number): void {
    this.hash(entry.atUs, node, entry.kind, hashText(entry.subject), hashText(entry.to));
    if (this.#capacity === 0) return;
    this.#ring[this.#next] = entry;
    this.#next = (this.#next + 1) % this.#capacity;
  }

  /** 16 hexadecimal digits: equal for two runs that did the same. */
  value(): string {
    return [this.#high, this.#low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
  }

  /** The last state changes, oldest first, in fixed columns. */
  lines(): readonly string[] {
    return [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)].map(formatEntry);
  }
}

function formatEntry(entry: TraceEntry): string {
  const change = entry.from === '' && entry.to === '' ? '' : `${entry.from}->${entry.to}`;
  return [
    secondsText(entry.atUs).padStart(12),
    entry.node.padEnd(6),
    entry.kind.padEnd(20),
    entry.subject.padEnd(12),
    change.padEnd(18),
    entry.cause,
  ]
    .join(' ')
    .trimEnd();
}

/** Seconds with all six places: `12.345678`. */
export function secondsText(us: number): string {
  return `${Math.floor(us / 1_000_000)}.${(us % 1_000_000).toString().padStart(6, '0')}`;
}
