/**
 * A summary of all a node knows: per subject a stamp that says how new, folded into hashes per bucket and into
 * one root. Two nodes with the same root know the same; otherwise the buckets that differ are few.
 */

import type { DigestEntry } from '../message.ts';
import { hashNumber, hashText, mix } from '../hash.ts';
import { limits } from '../limits.ts';

interface Known {
  readonly stamp: readonly number[];
  readonly hash: number;
}

export class Knowledge {
  readonly #known: Map<string, Known>[] = Array.from({ length: limits.digestBuckets }, () => new Map<string, Known>());
  readonly #buckets = new Uint32Array(limits.digestBuckets);
  #root: number | undefined;

  set(key: string, stamp: readonly number[]): void {
    const keyHash = hashText(key);
    const bucket = bucketOf(keyHash);
    let hash = keyHash;
    for (const part of stamp) hash = hashNumber(part, hash);
    hash = mix(hash);
    const subjects = this.#known[bucket]!;
    const before = subjects.get(key);
    if (before?.hash === hash) return;
    subjects.set(key, { stamp, hash });
    this.#fold(bucket, (before?.hash ?? 0) ^ hash);
  }

  delete(key: string): void {
    const bucket = bucketOf(hashText(key));
    const before = this.#known[bucket]!.get(key);
    if (before === undefined) return;
    this.#known[bucket]!.delete(key);
    this.#fold(bucket, before.hash);
  }

  stamp(key: string): readonly number[] | undefined {
    return this.#known[bucketOf(hashText(key))]!.get(key)?.stamp;
  }

  /** Hash over everything, 32 bits. */
  get root(): number {
    if (this.#root === undefined) {
      let hash = 0;
      for (let i = 0; i < this.#buckets.length; i++) hash = hashNumber(this.#buckets[i]!, hash);
      this.#root = hash;
    }
    return this.#root;
  }

  buckets(): readonly number[] {
    return [...this.#buckets];
  }

  /** The numbers of the buckets in which `theirs` differs. */
  differing(theirs: readonly number[]): readonly number[] {
    const numbers: number[] = [];
    for (let i = 0; i < this.#buckets.length; i++) if (this.#buckets[i] !== theirs[i]) numbers.push(i);
    return numbers;
  }

  *entries(buckets: readonly number[]): IterableIterator<DigestEntry> {
    for (const bucket of new Set(buckets)) {
      for (const [key, known] of this.#known[bucket] ?? []) yield { key, stamp: known.stamp };
    }
  }

  #fold(bucket: number, change: number): void {
    this.#buckets[bucket] = this.#buckets[bucket]! ^ change;
    this.#root = undefined;
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
