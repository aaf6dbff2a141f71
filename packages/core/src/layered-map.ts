/**
 * A Map whose first content may be shared: what is set, replaced and deleted is kept beside a base that is only read. A
 * simulated mesh of many thousand nodes fits into memory because all of them start from one base; a node without a base
 * has a plain Map with one more step. Order is a Map's: a replaced key keeps its place, one that is set again after it was
 * deleted comes last.
 */

export class LayeredMap<K, V extends {}> implements Iterable<[K, V]> {
  readonly #base: ReadonlyMap<K, V> | undefined;
  /** What was set here. */
  readonly #own = new Map<K, V>();
  /** Keys of the base that were deleted, whether they were set again or not. */
  readonly #hidden = new Set<K>();
  #size: number;

  /** `base` must not change from now on. */
  constructor(base?: ReadonlyMap<K, V>) {
    this.#base = base;
    this.#size = base?.size ?? 0;
  }

  get size(): number {
    return this.#size;
  }

  get(key: K): V | undefined {
    const value = this.#own.get(key);
    if (value !== undefined || this.#base === undefined || this.#hidden.has(key)) return value;
    return this.#base.get(key);
  }

  has(key: K): boolean {
    return this.#own.has(key) || this.#isShared(key);
  }

  set(key: K, value: V): this {
    if (!this.has(key)) this.#size++;
    this.#own.set(key, value);
    return this;
  }

  delete(key: K): boolean {
    if (!this.has(key)) return false;
    this.#size--;
    this.#own.delete(key);
    if (this.#base?.has(key) === true) this.#hidden.add(key);
    return true;
  }

  /** The value of a key, to be changed in place: one that is still the base's is copied first. */
  writable(key: K, copy: (shared: V) => V): V | undefined {
    if (!this.#isShared(key)) return this.#own.get(key);
    const own = this.#own.get(key);
    if (own !== undefined) return own;
    const copied = copy(this.#base?.get(key) as V);
    this.#own.set(key, copied);
    return copied;
  }

  /** What this holds now as a plain Map, to be the base of others. */
  flat(): Map<K, V> {
    return new Map(this);
  }

  /** The values that are not the base's, in the order in which their keys were first set. */
  owned(): IterableIterator<V> {
    return this.#own.values();
  }

  keys(): IterableIterator<K> {
    return this.#base === undefined ? this.#own.keys() : this.#keys(this.#base);
  }

  values(): IterableIterator<V> {
    return this.#base === undefined ? this.#own.values() : this.#values(this.#base);
  }

  [Symbol.iterator](): IterableIterator<[K, V]> {
    return this.#base === undefined ? this.#own[Symbol.iterator]() : this.#entries(this.#base);
  }

  /** Whether the base has a say about this key. Its value may have been replaced. */
  #isShared(key: K): boolean {
    return this.#base !== undefined && !this.#hidden.has(key) && this.#base.has(key);
  }

  *#keys(base: ReadonlyMap<K, V>): IterableIterator<K> {
    for (const key of base.keys()) if (!this.#hidden.has(key)) yield key;
    for (const key of this.#own.keys()) if (!this.#isShared(key)) yield key;
  }

  *#values(base: ReadonlyMap<K, V>): IterableIterator<V> {
    for (const [key, value] of base) if (!this.#hidden.has(key)) yield this.#own.get(key) ?? value;
    for (const [key, value] of this.#own) if (!this.#isShared(key)) yield value;
  }

  *#entries(base: ReadonlyMap<K, V>): IterableIterator<[K, V]> {
    for (const entry of base) {
      if (this.#hidden.has(entry[0])) continue;
      const own = this.#own.get(entry[0]);
      yield own === undefined ? entry : [entry[0], own];
    }
    for (const entry of this.#own) if (!this.#isShared(entry[0])) yield entry;
  }
}
