/**
 * One owner's catalog as this node holds it: the records, in key order, under the head that the owner signed.
 * The digest in the head covers every record, so a delta or a snapshot proves itself whoever relays it.
 */

import { assert } from '../assert.ts';
import { compareStamps } from '../gossip/knowledge.ts';
import { hashText } from '../hash.ts';
import { limits } from '../limits.ts';
import type { Notary, SealedRecord, Signed } from '../signed.ts';
import type { CatalogDelta } from './delta.ts';
import { recordKey, type CatalogHead, type Check, type Instance, type RecordValue } from './record.ts';

/** What changed in a replica: the keys written and the values that were replaced or removed. */
export interface ReplicaChange {
  readonly upserted: readonly string[];
  readonly previous: readonly RecordValue[];
}

export type ApplyResult =
  | { readonly type: 'applied'; readonly change: ReplicaChange }
  | { readonly type: 'stale' }
  /** Versions between ours and the delta's are missing. */
  | { readonly type: 'gap' }
  | { readonly type: 'refused'; readonly reason: string };

export class Replica {
  #head: Signed<CatalogHead> | undefined;
  #records = new Map<string, SealedRecord>();
  /** Keys of `#records`, sorted: the order that the digest is defined over. */
  #keys: string[] = [];
  #removals: { readonly key: string; readonly version: number }[] = [];
  /** The log of removals is complete for everything after this version. */
  #removalsAfter = 0;
  #bytes = 0;

  get head(): Signed<CatalogHead> | undefined {
    return this.#head;
  }

  get epoch(): number {
    return this.#head?.value.epoch ?? 0;
  }

  get version(): number {
    return this.#head?.value.version ?? 0;
  }

  get size(): number {
    return this.#records.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): SealedRecord | undefined {
    return this.#records.get(key);
  }

  instance(id: string): Instance | undefined {
    const value = this.#records.get(`i/${id}`)?.record.value;
    return value?.type === 'instance' ? value.instance : undefined;
  }

  *instances(): IterableIterator<Instance> {
    for (const key of this.#keys) {
      const value = this.#records.get(key)?.record.value;
      if (value?.type === 'instance') yield value.instance;
    }
  }

  *checks(): IterableIterator<Check> {
    for (const key of this.#keys) {
      const value = this.#records.get(key)?.record.value;
      if (value?.type === 'check') yield value.check;
    }
  }

  /** The stamp of this catalog in digests; empty while nothing is held. */
  get stamp(): readonly number[] {
    return this.#head === undefined ? [] : headStamp(this.#head.value);
  }

  /**
   * Whether a head says something that this replica does not have yet. Two contents of one version are the work of two
   * boots with one epoch: either is as good, as long as all hold the same one, which then also reaches the owner.
   */
  isOlderThan(head: CatalogHead): boolean {
    return compareStamps(headStamp(head), this.stamp) > 0;
  }

  /**
   * Merges a delta whose head's signature was verified. Nothing changes unless the outcome is `applied`: the
   * records that would result must be exactly those that the owner's digest covers.
   */
  apply(delta: CatalogDelta, notary: Notary): ApplyResult {
    const head = delta.head.value;
    if (!this.isOlderThan(head)) return { type: 'stale' };
    const snapshot = delta.after === 0;
    if (!snapshot && (head.epoch !== this.epoch || delta.after > this.version)) return { type: 'gap' };

    const base = snapshot ? new Map<string, SealedRecord>() : new Map(this.#records);
    for (const key of delta.removals) base.delete(key);
    for (const sealed of delta.upserts) {
      if (sealed.record.version > head.version) return { type: 'refused', reason: 'record-from-the-future' };
      base.set(recordKey(sealed.record.value), sealed);
    }
    let bytes = 0;
    for (const sealed of base.values()) bytes += sealed.bytes.length;
    if (base.size > limits.recordsPerOwner || bytes > limits.catalogBytesPerOwner)
      return { type: 'refused', reason: 'catalog-too-large' };
    const keys = [...base.keys()].sort();
    if (base.size !== head.count || digestOf(base, keys, notary) !== head.digest)
      return { type: 'refused', reason: 'catalog-digest' };

    const change = this.#difference(base);
    this.#logRemovals(base, head, snapshot);
    this.#records = base;
    this.#keys = keys;
    this.#bytes = bytes;
    this.#head = delta.head;
    return { type: 'applied', change };
  }

  /** What somebody at `after` of the current epoch lacks; a snapshot where the log does not reach back that far. */
  deltaAfter(epoch: number, after: number): CatalogDelta | undefined {
    const head = this.#head;
    if (head === undefined) return undefined;
    // Who has this version already and still asks has another content of it.
    const whole = epoch !== this.epoch || after < this.#removalsAfter || after === 0 || after >= this.version;
    const upserts: SealedRecord[] = [];
    for (const key of this.#keys) {
      const sealed = this.#records.get(key);
      assert(sealed !== undefined, 'every key of a replica has a record');
      if (whole || sealed.record.version > after) upserts.push(sealed);
    }
    if (whole) return { head, after: 0, upserts, removals: [] };
    const removals = new Set<string>();
    for (const removal of this.#removals)
      if (removal.version > after && !this.#records.has(removal.key)) removals.add(removal.key);
    return { head, after, upserts, removals: [...removals] };
  }

  #difference(next: ReadonlyMap<string, SealedRecord>): ReplicaChange {
    const upserted: string[] = [];
    const previous: RecordValue[] = [];
    for (const [key, sealed] of next) {
      const held = this.#records.get(key);
      if (held?.hash === sealed.hash) continue;
      upserted.push(key);
      if (held !== undefined) previous.push(held.record.value);
    }
    for (const [key, held] of this.#records) if (!next.has(key)) previous.push(held.record.value);
    return { upserted, previous };
  }

  #logRemovals(next: ReadonlyMap<string, SealedRecord>, head: CatalogHead, snapshot: boolean): void {
    if (snapshot) {
      // A snapshot does not say when something went, so shorter gaps than the whole cannot be filled from here.
      this.#removals = [];
      this.#removalsAfter = head.version;
      return;
    }
    for (const key of this.#records.keys()) if (!next.has(key)) this.#removals.push({ key, version: head.version });
    while (this.#removals.length > limits.removalLog) {
      const oldest = this.#removals.shift();
      assert(oldest !== undefined, 'a log over its limit has an oldest entry');
      this.#removalsAfter = oldest.version;
    }
  }
}

function headStamp({ epoch, version, digest }: CatalogHead): readonly number[] {
  return [epoch, version, hashText(digest)];
}

/** The digest that a head commits to. */
export function digestOf(records: ReadonlyMap<string, SealedRecord>, keys: readonly string[], notary: Notary): string {
  const hashes: string[] = [];
  for (const key of keys) {
    const sealed = records.get(key);
    assert(sealed !== undefined, 'every key of a catalog has a record');
    hashes.push(sealed.hash);
  }
  return notary.digest(hashes);
}
