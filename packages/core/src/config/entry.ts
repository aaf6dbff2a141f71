/** Config entries: written anywhere, signed by their author, last writer wins, concurrent writes shown. */

import { hashText } from '../hash.ts';
import type { NodeId } from '../identity.ts';
import type { Signed } from '../signed.ts';

/** A hybrid logical clock reading: wall clock of the writer in ms, then a counter. */
export interface HybridTime {
  readonly ms: number;
  readonly counter: number;
}

/** One version of an entry, as its author signed it. */
export interface ConfigVersion {
  readonly mesh: string;
  readonly kind: string;
  readonly name: string;
  readonly author: NodeId;
  readonly time: HybridTime;
  /** The id of the version its writer saw; empty for a first one. Two versions with one parent are concurrent. */
  readonly parent: string;
  /** JSON text of the value; empty when this version deletes the entry. */
  readonly json: string;
  readonly deleted: boolean;
}

/** Names one version: its time and author, unique because an author never uses a time twice. */
export function versionId(version: ConfigVersion): string {
  return `${version.time.ms}.${version.time.counter}.${version.author}`;
}

/** The key of an entry: `kind/name`. */
export function configKey(version: { readonly kind: string; readonly name: string }): string {
  return `${version.kind}/${version.name}`;
}

/** Orders two versions of one entry. The greater wins, everywhere. */
export function compareVersions(a: ConfigVersion, b: ConfigVersion): number {
  return a.time.ms - b.time.ms || a.time.counter - b.time.counter || compareAuthors(a.author, b.author);
}

/** By hash first, since that is what digests carry: who lacks the later version must see in them that another has it. */
function compareAuthors(a: NodeId, b: NodeId): number {
  if (a === b) return 0;
  return hashText(a) - hashText(b) || (a < b ? -1 : 1);
}

/** What readers see of one entry. */
export interface ConfigEntry {
  readonly kind: string;
  readonly name: string;
  /** The parsed value. */
  readonly value: unknown;
  readonly version: ConfigVersion;
  /** Concurrent versions that lost. Empty once a later version has superseded them. */
  readonly conflicts: readonly ConfigVersion[];
  /** A newer version that this node refused to apply, and why. The value above is the last good one. */
  readonly quarantined: { readonly version: ConfigVersion; readonly reason: string } | undefined;
  /** The view index at which it last changed. */
  readonly index: number;
  readonly createIndex: number;
}

export type SignedConfig = Signed<ConfigVersion>;

/** Checks a value of a kind this node applies. Pure; returns the reason of a refusal, with the path of the offending key. */
export type ConfigValidator = (kind: string, name: string, value: unknown) => string | undefined;
