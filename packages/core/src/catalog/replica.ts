/**
 * One owner's catalog as this node holds it: the records, in key order, under the head that the owner signed.
 * The digest in the head covers every record, so a delta or a snapshot proves itself whoever relays it.
 */

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

interface Removal {
  readonly key: string;
  readonly version: number;
}

const noRemovals: readonly Removal[] = [];

export class Replica {
  #head: Signed<CatalogHead> | undefined;
  /** In the order of their keys, which the digest is defined over. Most nodes own little: a plain list takes the least room. */
  #records: readonly SealedRecord[] = [];
  #removals: readonly Removal[] = noRemovals;
  /** The log of removals is complete for everything after this version. */
  #removalsAfter = 0;
  #bytes = 0;

  /** Another replica with the same content. */
  copy(): Replica {
    const copy = new Replica();
    copy.#head = this.#head;
    copy.#records = this.#records;
    copy.#removals = this.#removals;
    copy.#removalsAfter = this.#removalsAfter;
    copy.#bytes = this.#bytes;
    return copy;
  }

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
    return this.#records.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): SealedRecord | undefined {
    let low = 0;
    let high = this.#records.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const sealed = this.#records[middle]!;
      const found = recordKey(sealed.record.value);
      if (found === key) return sealed;
      if (found < key) low = middle + 1;
      else high = middle;
    }
    return undefined;
  }

  instance(id: string): Instance | undefined {
    const value = this.get(`i/${id}`)?.record.value;
    return value?.type === 'instance' ? value.instance : undefined;
  }

  /** By id. */
  *instances(): IterableIterator<Instance> {
    for (const { record } of this.#records) if (record.value.type === 'instance') yield record.value.instance;
  }

  /** By id. */
  *checks(): IterableIterator<Check> {
    for (const { record } of this.#records) if (record.value.type === 'check') yield record.value.check;
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

    const before = this.#byKey();
    const after = snapshot ? new Map<string, SealedRecord>() : new Map(before);
    for (const key of delta.removals) after.delete(key);
    for (const sealed of delta.upserts) {
      if (sealed.record.version > head.version) return { type: 'refused', reason: 'record-from-the-future' };
      after.set(recordKey(sealed.record.value), sealed);
    }
    let bytes = 0;
    for (const sealed of after.values()) bytes += sealed.bytes.length;
    if (after.size > limits.recordsPerOwner || bytes > limits.catalogBytesPerOwner)
      return { type: 'refused', reason: 'catalog-too-large' };
    const records = inKeyOrder(after);
    if (records.length !== head.count || digestOf(records, notary) !== head.digest)
      return { type: 'refused', reason: 'catalog-digest' };

    const change = difference(before, after);
    this.#logRemovals(before, after, { version: head.version, snapshot });
    this.#records = records;
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
    for (const sealed of this.#records) if (whole || sealed.record.version > after) upserts.push(sealed);
    if (whole) return { head, after: 0, upserts, removals: [] };
    const removals = new Set<string>();
    for (const removal of this.#removals)
      if (removal.version > after && this.get(removal.key) === undefined) removals.add(removal.key);
    return { head, after, upserts, removals: [...removals] };
  }

  #byKey(): ReadonlyMap<string, SealedRecord> {
    const records = new Map<string, SealedRecord>();
    for (const sealed of this.#records) records.set(recordKey(sealed.record.value), sealed);
    return records;
  }

  #logRemovals(
    before: ReadonlyMap<string, SealedRecord>,
    after: ReadonlyMap<string, SealedRecord>,
    { version, snapshot }: { readonly version: number; readonly snapshot: boolean },
  ): void {
    if (snapshot) {
      // A snapshot does not say when something went, so shorter gaps than the whole cannot be filled from here.
      this.#removals = noRemovals;
      this.#removalsAfter = version;
      return;
    }
    const gone: Removal[] = [];
    for (const key of before.keys()) if (!after.has(key)) gone.push({ key, version });
    if (gone.length === 0) return;
    const log = [...this.#removals, ...gone];
    const dropped = log.splice(0, Math.max(0, log.length - limits.removalLog));
    this.#removals = log;
    this.#removalsAfter = dropped.at(-1)?.version ?? this.#removalsAfter;
  }
}

function difference(before: ReadonlyMap<string, SealedRecord>, after: ReadonlyMap<string, SealedRecord>): ReplicaChange {
  const upserted: string[] = [];
  const previous: RecordValue[] = [];
  for (const [key, sealed] of after) {
    const held = before.get(key);
    if (held?.hash === sealed.hash) continue;
    upserted.push(key);
    if (held !== undefined) previous.push(held.record.value);
  }
  for (const [key, held] of before) if (!after.has(key)) previous.push(held.record.value);
  return { upserted, previous };
}

function headStamp({ epoch, version, digest }: CatalogHead): readonly number[] {
  return [epoch, version, hashText(digest)];
}

/** These records in the order of their keys. */
export function inKeyOrder(records: ReadonlyMap<string, SealedRecord>): readonly SealedRecord[] {
  if (records.size < 2) return [...records.values()];
  return [...records].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, sealed]) => sealed);
}

/** The digest that a head commits to. */
export function digestOf(records: readonly SealedRecord[], notary: Notary): string {
  return notary.digest(records.map((sealed) => sealed.hash));
}
