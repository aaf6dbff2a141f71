/**
 * When each topic last changed. An index is (milliseconds since 2020) * 1024 + a 10-bit tag of this node: it grows
 * across restarts without being stored, stays below 2^53, and shows when a client brings one of another node.
 */

import { PersistentMap } from './persistent-map.ts';

/** 2020-01-01T00:00:00Z in ms since 1970. */
const epoch2020Ms = 1_577_836_800_000;

/** The first index of a moment, given in ms since 1970; 0 before 2020. */
export function indexAt(timeMs: number): number {
  return Math.max(0, Math.floor(timeMs - epoch2020Ms)) * 1024;
}

/** When an index was made, in ms since 1970 by the clock of the node that made it. Bursts may run ahead of it by some ms. */
export function indexTimeMs(index: number): number {
  return epoch2020Ms + Math.floor(index / 1024);
}

/** Topics remembered at most; beyond, the one that changed longest ago is folded into the floor. */
const topicsMax = 65_536;

/** The index that a View carries. */
export interface IndexSnapshot {
  readonly last: number;
  readonly floor: number;
  readonly byTopic: PersistentMap<number>;
}

export class TopicIndexes {
  readonly #tag: number;
  #byTopic: PersistentMap<number>;
  /** Changed since the last snapshot: most changes are never looked at one by one. */
  readonly #changed = new Map<string, number>();
  #touched = new Set<string>();
  #nowMs: number;
  #last: number;
  #floor: number;
  #current: number | undefined;

  /** `base`: indexes from which this node goes on. */
  constructor(startMs: number, tag: number, base?: IndexSnapshot) {
    this.#tag = tag;
    this.#nowMs = startMs;
    this.#last = Math.max(Math.max(1024, indexAt(startMs)) + tag, (base?.last ?? 0) + 1);
    this.#floor = this.#last;
    this.#byTopic = base?.byTopic ?? PersistentMap.empty();
  }

  /** Wall clock as this node counts it: start plus monotonic time since. */
  setNow(nowMs: number): void {
    this.#nowMs = nowMs;
  }

  /** The index of the changes under way. */
  get current(): number {
    if (this.#current === undefined) {
      const fromClock = indexAt(this.#nowMs) + this.#tag;
      this.#current = Math.max(fromClock, this.#last + 1024);
      this.#last = this.#current;
    }
    return this.#current;
  }

  touch(topic: string): void {
    this.#changed.set(topic, this.current);
    this.#touched.add(topic);
  }

  takeTouched(nowMs: number): readonly string[] {
    this.#nowMs = nowMs;
    this.#current = undefined;
    if (this.#touched.size === 0) return [];
    const touched = [...this.#touched];
    this.#touched = new Set();
    if (this.#byTopic.size + this.#changed.size > topicsMax) this.#fold();
    return touched;
  }

  snapshot(): IndexSnapshot {
    this.#settle();
    return { last: this.#last, floor: this.#floor, byTopic: this.#byTopic };
  }

  #settle(): void {
    for (const [topic, index] of this.#changed) this.#byTopic = this.#byTopic.set(topic, index);
    this.#changed.clear();
  }

  #fold(): void {
    this.#settle();
    if (this.#byTopic.size <= topicsMax) return;
    const oldest = [...this.#byTopic].sort((a, b) => a[1] - b[1]).slice(0, topicsMax / 4);
    for (const [topic, index] of oldest) {
      this.#byTopic = this.#byTopic.delete(topic);
      this.#floor = Math.max(this.#floor, index);
    }
  }
}
