/** A piece of one owner's catalog history. */

import type { SealedRecord, Signed } from '../signed.ts';
import type { CatalogHead } from './record.ts';

export interface CatalogDelta {
  readonly head: Signed<CatalogHead>;
  /** The version this follows: it holds all that changed after it. 0: this is a whole snapshot. */
  readonly after: number;
  readonly upserts: readonly SealedRecord[];
  /** Keys that no longer exist. Empty in a snapshot: what it does not hold does not exist. */
  readonly removals: readonly string[];
}
