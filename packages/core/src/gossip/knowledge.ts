/**
 * A summary of all a node knows: per subject a stamp that says how new, folded into hashes per bucket and into
 * one root. Two nodes with the same root know the same; otherwise the buckets that differ are few.
 */

import type { DigestEntry } from '../message.ts';
import { hashNumber, hashText, mix } from '../hash.ts';
import { LayeredMap } from '../layered-map.ts';
import { limits } from '../limits.ts';

/** What many nodes that know the same share of it. */
export interface KnowledgeBase {
  readonly known: ReadonlyMap<string, number>;
  readonly buckets: Int32Array;
}

export class Knowledge {
  readonly #stampOf: (key: string) => readonly number[] | undefined;
  /** By subject: the hash of key and stamp, as a signed integer, which takes no room of its own. */
  readonly #known: LayeredMap<string, number>;
  readonly #buckets: Int32Array;
  #root = 0;
  /** What `buckets` gave last, while it holds. */
  #list: readonly number[] | undefined;

  /** `stampOf` gives the stamp that a subject was set with last: whoever has the content has that too. */
  constructor(stampOf: (key: string) => readonly number[] | undefined, base?: KnowledgeBase) {
    this.#stampOf = stampOf;
    this.#known = new LayeredMap(base?.known);
    this.#buckets = base?.buckets.slice() ?? new Int32Array(limits.digestBuckets);
    for (const bucket of this.#buckets) this.#root ^= bucket;
  }

  base(): KnowledgeBase {
    return { known: this.#known.flat(), buckets: this.#buckets.slice() };
  }

  set(key: string, stamp: readonly number[]): void {
    const keyHash = hashText(key);
    let hash = keyHash;
    for (const part of stamp) hash = hashNumber(part, hash);
    hash = mix(hash) | 0;
    const before = this.#known.get(key);
    if (before === hash) return;
    this.#known.set(key, hash);
    this.#fold(bucketOf(keyHash), (before ?? 0) ^ hash);
  }

  /** Sets a subject and, when it was not known, with it another that fell silent with it and that we still hold. */
  setBoth(key: string, stamp: readonly number[], other: string): void {
    const held = this.#known.has(key) ? undefined : this.#stampOf(other);
    if (held !== undefined && held.length > 0) this.set(other, held);
    this.set(key, stamp);
  }

  delete(key: string): void {
    const before = this.#known.get(key);
    if (before === undefined) return;
    this.#known.delete(key);
    this.#fold(bucketOf(hashText(key)), before);
  }

  stamp(key: string): readonly number[] | undefined {
    return this.#known.has(key) ? this.#stampOf(key) : undefined;
  }

  /** Hash over everything, 32 bits. */
  get root(): number {
    return this.#root >>> 0;
  }

  /** One hash of 32 bits for each bucket. */
  buckets(): readonly number[] {
    if (this.#list === undefined) {
      const list: number[] = [];
      for (const hash of this.#buckets) list.push(hash >>> 0);
      this.#list = list;
    }
    return this.#list;
  }

  /** The numbers of the buckets in which `theirs` differs. */
  differing(theirs: readonly number[]): readonly number[] {
    const ours = this.buckets();
    const numbers: number[] = [];
    for (let i = 0; i < ours.length; i++) if (ours[i] !== theirs[i]) numbers.push(i);
    return numbers;
  }

  /** The number of the bucket that a subject is in. */
  bucketOf(key: string): number {
    return bucketOf(hashText(key));
  }

  /** All subjects of these buckets, in the order of the buckets. */
  entries(buckets: readonly number[]): readonly DigestEntry[] {
    const chosen = new Map<number, DigestEntry[]>();
    for (const bucket of buckets) if (bucket in this.#buckets) chosen.set(bucket, []);
    if (chosen.size === 0) return [];
    for (const key of this.#known.keys()) {
      const entries = chosen.get(bucketOf(hashText(key)));
      if (entries !== undefined) entries.push({ key, stamp: this.#stampOf(key) ?? [] });
    }
    return [...chosen.values()].flat();
  }

  #fold(bucket: number, change: number): void {
    this.#buckets[bucket]! ^= change;
    this.#root ^= change;
    this.#list = undefined;
  }
}

function bucketOf(keyHash: number): number {
  return mix(keyHash) % limits.digestBuckets;
}

/** Compares stamps element by element; a missing one is older than any. */
export function compareStamps(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? -1) - (b[i] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}
