/**
 * The records of one owner in the order of their keys, as a value: what a change of it would be is known before anything is
 * changed. A small change costs a copy of the list and a search for each record in it, so that an owner of many
 * registrations does not pay for all of them with each.
 */

import { firstNotBelow, order } from '../sorted.ts';
import type { Notary, SealedRecord } from '../signed.ts';
import { recordKey, type RecordValue } from './record.ts';

/** What changed in a catalog: the keys written and the values that were replaced or removed. */
export interface ReplicaChange {
  readonly upserted: readonly string[];
  readonly previous: readonly RecordValue[];
}

export interface ContentChange {
  readonly content: CatalogContent;
  readonly change: ReplicaChange;
  /** Keys that are not there any more. */
  readonly gone: readonly string[];
}

/** A change of at least one record in so many is made by sorting all. */
const largeChange = 16;

export class CatalogContent {
  /** Ordered by key, which the digest is defined over. Most nodes own little: a plain list takes the least room. */
  readonly records: readonly SealedRecord[];
  readonly bytes: number;

  /** `records` in the order of their keys, and how many bytes they have. */
  constructor(records: readonly SealedRecord[], bytes: number) {
    this.records = records;
    this.bytes = bytes;
  }

  get(key: string): SealedRecord | undefined {
    const at = placeOf(this.records, key);
    const found = this.records[at];
    return found !== undefined && keyOf(found) === key ? found : undefined;
  }

  /** The digest that a head commits to. */
  digest(notary: Notary): string {
    return notary.digest(this.records.map(({ hash }) => hash));
  }

  /** With these removed and then those written. Of two with one key the last counts. */
  with(upserts: readonly SealedRecord[], removals: readonly string[]): ContentChange {
    const written = new Map(upserts.map((sealed) => [keyOf(sealed), sealed]));
    const removed = new Set<string>();
    for (const key of removals) if (!written.has(key) && this.get(key) !== undefined) removed.add(key);
    if ((written.size + removed.size) * largeChange > this.records.length) return this.#sorted(written, removed);
    const records = this.records.slice();
    let { bytes } = this;
    const replaced: string[] = [];
    const added: string[] = [];
    const previous: RecordValue[] = [];
    const drop = (held: SealedRecord): void => {
      bytes -= held.bytes.length;
      previous.push(held.record.value);
    };
    for (const key of [...written.keys()].sort(order)) {
      const sealed = written.get(key)!;
      const at = placeOf(records, key);
      const held = records[at];
      const isHeld = held !== undefined && keyOf(held) === key;
      records.splice(at, isHeld ? 1 : 0, sealed);
      bytes += sealed.bytes.length;
      if (!isHeld) continue;
      if (held.hash === sealed.hash) {
        bytes -= held.bytes.length;
        continue;
      }
      drop(held);
      replaced.push(key);
    }
    for (const key of written.keys()) if (this.get(key) === undefined) added.push(key);
    const gone = [...removed].sort(order);
    for (const key of gone) for (const held of records.splice(placeOf(records, key), 1)) drop(held);
    return { content: new CatalogContent(records, bytes), change: { upserted: [...replaced, ...added], previous }, gone };
  }

  /** With nothing but these. */
  replacedBy(all: readonly SealedRecord[]): ContentChange {
    const written = new Map(all.map((sealed) => [keyOf(sealed), sealed]));
    const result = this.#sorted(written, new Set(this.records.map(keyOf).filter((key) => !written.has(key))));
    const { previous, upserted } = result.change;
    const changed = new Set(upserted);
    return { ...result, change: { upserted: [...written.keys()].filter((key) => changed.has(key)), previous } };
  }

  /** The same by sorting everything, for changes of many. */
  #sorted(written: ReadonlyMap<string, SealedRecord>, removed: ReadonlySet<string>): ContentChange {
    const after = new Map<string, SealedRecord>();
    const replaced: string[] = [];
    const previous: RecordValue[] = [];
    const gone: SealedRecord[] = [];
    for (const held of this.records) {
      const key = keyOf(held);
      const sealed = written.get(key);
      if (removed.has(key)) gone.push(held);
      else after.set(key, sealed ?? held);
      if (sealed === undefined || sealed.hash === held.hash) continue;
      replaced.push(key);
      previous.push(held.record.value);
    }
    const added: string[] = [];
    for (const [key, sealed] of written) {
      if (after.has(key)) continue;
      after.set(key, sealed);
      added.push(key);
    }
    const records = added.length === 0 ? [...after.values()] : sortedByKey(after);
    let bytes = 0;
    for (const sealed of records) bytes += sealed.bytes.length;
    return {
      content: new CatalogContent(records, bytes),
      change: { upserted: [...replaced, ...added], previous: [...previous, ...gone.map(({ record }) => record.value)] },
      gone: gone.map(keyOf),
    };
  }
}

export const emptyContent = new CatalogContent([], 0);

function sortedByKey(records: ReadonlyMap<string, SealedRecord>): readonly SealedRecord[] {
  return [...records].sort(([a], [b]) => order(a, b)).map(([, sealed]) => sealed);
}

/** Where the record of a key is, or would be. */
function placeOf(records: readonly SealedRecord[], key: string): number {
  return firstNotBelow(records, (sealed) => keyOf(sealed) < key);
}

function keyOf({ record }: SealedRecord): string {
  return recordKey(record.value);
}
