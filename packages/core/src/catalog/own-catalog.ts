/** This node's own catalog: the only place where records of ours are written, versioned and signed. */

import { assert } from '../assert.ts';
import { limits } from '../limits.ts';
import type { Notary } from '../signed.ts';
import type { ContentChange } from './content.ts';
import type { CatalogDelta } from './delta.ts';
import { recordKey, type CatalogHead, type RecordValue } from './record.ts';
import type { Replica } from './replica.ts';

export type Draft =
  /** `next`: what the delta makes of the catalog. */
  | { readonly ok: true; readonly delta: CatalogDelta; readonly next: ContentChange }
  | { readonly ok: false; readonly message: string };

export interface DraftOptions {
  readonly mesh: string;
  readonly epoch: number;
  readonly notary: Notary;
  readonly appliedConfig: string;
  /** Whether the write may use what `limits.recordReserveBytes` keeps free: so that it cannot fail for want of room. */
  readonly mayUseReserve: boolean;
}

/** Drafts the delta that writes and removes these records, or says which limit forbids it. Changes nothing. */
export function draftDelta(
  replica: Replica,
  options: DraftOptions,
  upserts: readonly RecordValue[],
  removals: readonly string[],
): Draft {
  const { mesh, epoch, notary, appliedConfig, mayUseReserve } = options;
  const fresh = replica.epoch !== epoch;
  const version = fresh ? 1 : replica.version + 1;
  const sealedUpserts = upserts.map((value) => notary.seal({ version, value }));
  for (const { bytes, record } of sealedUpserts) {
    if (bytes.length <= limits.recordBytes) continue;
    return {
      ok: false,
      message: `${recordKey(record.value)} takes ${bytes.length} bytes encoded, the limit is ${limits.recordBytes}: shorten its tags, meta or notes`,
    };
  }
  const next = fresh ? replica.content.replacedBy(sealedUpserts) : replica.content.with(sealedUpserts, removals);
  const { records } = next.content;
  // Who only takes away must never be told that there is no room.
  const reserve = mayUseReserve || upserts.length === 0 ? 0 : limits.recordReserveBytes;
  const neededBytes = next.content.bytes + records.length * reserve;
  if (records.length > limits.recordsPerOwner || neededBytes > limits.catalogBytesPerOwner) {
    return {
      ok: false,
      message: `this agent would hold ${records.length} instances and checks of ${neededBytes} bytes, the limits are ${limits.recordsPerOwner} and ${limits.catalogBytesPerOwner}: deregister some, or register them on another agent`,
    };
  }
  assert(!fresh || removals.length === 0, 'a first version removes nothing');
  const head: CatalogHead = {
    mesh,
    owner: notary.id,
    epoch,
    version,
    count: records.length,
    digest: next.content.digest(notary),
    appliedConfig,
  };
  return { ok: true, delta: { head: notary.sign('head', head), after: version - 1, upserts: sealedUpserts, removals }, next };
}
