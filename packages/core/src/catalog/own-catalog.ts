/** This node's own catalog: the only place where records of ours are written, versioned and signed. */

import { assert } from '../assert.ts';
import { limits } from '../limits.ts';
import type { Notary, SealedRecord } from '../signed.ts';
import type { CatalogDelta } from './delta.ts';
import { recordKey, type CatalogHead, type RecordValue } from './record.ts';
import { digestOf, inKeyOrder, type Replica } from './replica.ts';

/** Drafts the delta that writes and removes these records, or says which limit forbids it. Changes nothing. */
export function draftDelta(
  replica: Replica,
  options: { readonly mesh: string; readonly epoch: number; readonly notary: Notary },
  upserts: readonly RecordValue[],
  removals: readonly string[],
): { readonly ok: true; readonly delta: CatalogDelta } | { readonly ok: false; readonly message: string } {
  const { mesh, epoch, notary } = options;
  const fresh = replica.epoch !== epoch;
  const version = fresh ? 1 : replica.version + 1;
  const records = new Map<string, SealedRecord>();
  const current = replica.deltaAfter(0, 0);
  if (!fresh && current !== undefined) for (const sealed of current.upserts) records.set(recordKey(sealed.record.value), sealed);
  for (const key of removals) records.delete(key);
  const sealedUpserts: SealedRecord[] = [];
  for (const value of upserts) {
    const sealed = notary.seal({ version, value });
    const key = recordKey(value);
    if (sealed.bytes.length > limits.recordBytes) {
      return {
        ok: false,
        message: `${key} takes ${sealed.bytes.length} bytes encoded, the limit is ${limits.recordBytes}: shorten its tags, meta or notes`,
      };
    }
    records.set(key, sealed);
    sealedUpserts.push(sealed);
  }
  let bytes = 0;
  for (const sealed of records.values()) bytes += sealed.bytes.length;
  if (records.size > limits.recordsPerOwner || bytes > limits.catalogBytesPerOwner) {
    return {
      ok: false,
      message: `this agent would hold ${records.size} instances and checks of ${bytes} bytes, the limits are ${limits.recordsPerOwner} and ${limits.catalogBytesPerOwner}: deregister some, or register them on another agent`,
    };
  }
  const head: CatalogHead = {
    mesh,
    owner: notary.id,
    epoch,
    version,
    count: records.size,
    digest: digestOf(inKeyOrder(records), notary),
  };
  const delta: CatalogDelta = { head: notary.sign('head', head), after: version - 1, upserts: sealedUpserts, removals };
  assert(!fresh || removals.length === 0, 'a first version removes nothing');
  return { ok: true, delta };
}
