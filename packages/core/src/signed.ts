/**
 * Values that travel with proof of who said them, and records that travel with the hash of their bytes.
 *
 * Both keep the exact bytes their author made. A relay passes these on unchanged, so a field that only
 * a newer version knows survives an older relay and the signature still holds.
 *
 * The `bytes` and `hash` of a value that came from a peer were computed by the local codec from what
 * was received. Core trusts its codec, never the peer.
 */

import type { CatalogHead, CatalogRecord } from './catalog/record.ts';
import type { ConfigVersion } from './config/entry.ts';
import type { NodeId } from './identity.ts';
import type { Accusation } from './membership/accusation.ts';
import type { MemberRecord } from './membership/member-record.ts';

/** A value, the bytes its author signed, and the signature. */
export interface Signed<T> {
  readonly value: T;
  readonly bytes: Uint8Array;
  readonly signature: Uint8Array;
}

/** A catalog record, its canonical bytes and their hash. The owner's signed head covers the hashes. */
export interface SealedRecord {
  readonly record: CatalogRecord;
  readonly bytes: Uint8Array;
  readonly hash: string;
}

/** What can be signed, tagged so that a signature for one kind never verifies as another. */
export type Signable =
  | { readonly type: 'member'; readonly value: MemberRecord }
  | { readonly type: 'accusation'; readonly value: Accusation }
  | { readonly type: 'head'; readonly value: CatalogHead }
  | { readonly type: 'config'; readonly value: ConfigVersion };

export type SignableType = Signable['type'];
export type SignableValue<K extends SignableType> = Extract<Signable, { type: K }>['value'];

/**
 * The port for signatures and hashes. The agent's is Ed25519 and SHA-256 over protobuf bytes; the
 * simulator's is a cheap stand-in that still refuses forgeries. All methods are synchronous, idempotent
 * and never throw.
 */
export interface Notary {
  /** The node whose key signs. */
  readonly id: NodeId;
  /** Signs with this node's own key. */
  sign<K extends SignableType>(type: K, value: SignableValue<K>): Signed<SignableValue<K>>;
  /** Whether `signed` was signed, as this type, by the key of `author`. */
  verify(type: SignableType, author: NodeId, signed: Signed<unknown>): boolean;
  /** Canonical bytes and hash of a record of our own. */
  seal(record: CatalogRecord): SealedRecord;
  /** The hash of an ordered list of hashes: what a catalog head commits to. */
  digest(hashes: readonly string[]): string;
}
