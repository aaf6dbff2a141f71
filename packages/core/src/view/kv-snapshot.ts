/**
 * The key-value store of one View: the keys in the order of their bytes, those deleted included, so that a prefix is a range, and its index
 * knows of what is gone.
 */

import type { ConfigEntry } from '../config/entry.ts';
import { byteOrder, firstNotBelow } from '../sorted.ts';
import { PersistentMap } from './persistent-map.ts';

export interface KvSlot {
  /** Undefined: the key was deleted. */
  readonly entry: ConfigEntry | undefined;
  /** When it last changed. */
  readonly index: number;
}

/** Prefixes whose index is remembered from View to View; of more, those asked for longest ago are counted anew. */
const prefixesMax = 1024;
const changesMax = 64;

export class KvSnapshot {
  static readonly empty = new KvSnapshot([], PersistentMap.empty(), 0, new Map());

  readonly #keys: readonly string[];
  readonly #slots: PersistentMap<KvSlot>;
  /** What was forgotten changed no later than this. */
  readonly #forgotten: number;
  /** Last changes that somebody asked for, without `#forgotten`. */
  readonly #lastChanges: Map<string, number>;

  private constructor(
    keys: readonly string[],
    slots: PersistentMap<KvSlot>,
    forgotten: number,
    lastChanges: Map<string, number>,
  ) {
    this.#keys = keys;
    this.#slots = slots;
    this.#forgotten = forgotten;
    this.#lastChanges = lastChanges;
  }

  get(key: string): ConfigEntry | undefined {
    return this.#slots.get(key)?.entry;
  }

  /** The entries whose keys begin with this, in the order of their keys. */
  *entries(prefix: string): IterableIterator<ConfigEntry> {
    for (const slot of this.#range(prefix)) if (slot.entry !== undefined) yield slot.entry;
  }

  /** When a key with this prefix last changed, or may have. */
  lastChange(prefix: string): number {
    let last = this.#lastChanges.get(prefix);
    if (last === undefined) {
      last = 0;
      for (const { index } of this.#range(prefix)) last = Math.max(last, index);
    }
    // The latest asked for is the last in the map.
    this.#lastChanges.delete(prefix);
    this.#lastChanges.set(prefix, last);
    if (this.#lastChanges.size > prefixesMax) this.#lastChanges.delete(this.#lastChanges.keys().next().value!);
    return Math.max(last, this.#forgotten);
  }

  /** With these keys changed; undefined: forgotten, deletion and all. */
  with(changes: ReadonlyMap<string, KvSlot | undefined>): KvSnapshot {
    if (changes.size === 0) return this;
    let slots = this.#slots;
    let forgotten = this.#forgotten;
    const added: string[] = [];
    const removed = new Set<string>();
    for (const [key, slot] of changes) {
      const before = slots.get(key);
      if (slot !== undefined) {
        if (before === undefined) added.push(key);
        slots = slots.set(key, slot);
      } else if (before !== undefined) {
        removed.add(key);
        slots = slots.delete(key);
        forgotten = Math.max(forgotten, before.index);
      }
    }
    const kept = removed.size === 0 ? this.#keys : this.#keys.filter((key) => !removed.has(key));
    const keys = added.length === 0 ? kept : merged(kept, added.sort(byteOrder));
    return new KvSnapshot(keys, slots, forgotten, this.#lastChangesWith(changes));
  }

  /** What was asked for, brought up to these changes: whoever waits asks again, and the keys may be many. */
  #lastChangesWith(changes: ReadonlyMap<string, KvSlot | undefined>): Map<string, number> {
    const after = new Map(this.#lastChanges);
    // Many changes at once cost more than to count again.
    if (changes.size > changesMax) return new Map();
    for (const [key, slot] of changes) {
      if (slot === undefined) continue;
      for (const [prefix, last] of after) if (slot.index > last && key.startsWith(prefix)) after.set(prefix, slot.index);
    }
    return after;
  }

  *#range(prefix: string): IterableIterator<KvSlot> {
    for (
      let i = firstNotBelow(this.#keys, (key) => byteOrder(key, prefix) < 0);
      i < this.#keys.length && this.#keys[i]!.startsWith(prefix);
      i++
    ) {
      const slot = this.#slots.get(this.#keys[i]!);
      if (slot !== undefined) yield slot;
    }
  }
}

/** Two ordered lists as one. */
function merged(a: readonly string[], b: readonly string[]): readonly string[] {
  const all: string[] = [];
  let i = 0;
  for (const key of b) {
    while (i < a.length && byteOrder(a[i]!, key) < 0) all.push(a[i++]!);
    all.push(key);
  }
  while (i < a.length) all.push(a[i++]!);
  return all;
}
