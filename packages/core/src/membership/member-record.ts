/** What a member says about itself. Only the subject makes and signs these. */

import type { NodeId } from '../identity.ts';
import type { Signed } from '../signed.ts';

/** The statuses a member claims for itself. `suspect` and `failed` are conclusions of others. */
export type ClaimedStatus = 'alive' | 'leaving' | 'left';

/** How an observer sees a member. Consul's and Serf's words. */
export type MemberStatus = 'alive' | 'suspect' | 'failed' | 'leaving' | 'left';

export interface MemberRecord {
  /** The mesh this record belongs to. A record of another mesh is never merged. */
  readonly mesh: string;
  readonly id: NodeId;
  /** A label for people and for Consul's `Node` field. Not an identity. */
  readonly name: string;
  /** Persisted boot counter. A higher epoch supersedes everything said about an earlier one. */
  readonly epoch: number;
  /** Raised by its owner, within an epoch, to refute an accusation or to change this record. */
  readonly incarnation: number;
  readonly status: ClaimedStatus;
  /** `host:port` pairs where the transport can be dialled, best first. */
  readonly addresses: readonly string[];
  readonly region: string;
  readonly zone: string;
  /** Free labels, and well-known ones such as `http` (the address of the HTTP API). */
  readonly tags: Readonly<Record<string, string>>;
  /** The range of protocol versions this member speaks. */
  readonly protocolMin: number;
  readonly protocolMax: number;
  /** Room for a membership credential signed by an operator. Empty while only join tokens exist. */
  readonly credential: Uint8Array;
  /** Room for hashes of further keys of this member. */
  readonly keyHashes: readonly string[];
}

/** Orders two records about one member: (epoch, incarnation, alive < leaving < left). Negative, zero or positive. */
export function compareRecords(a: MemberRecord, b: MemberRecord): number {
  return a.epoch - b.epoch || a.incarnation - b.incarnation || statusRank(a.status) - statusRank(b.status);
}

/** Whether both are of one claim: (epoch, incarnation). */
export function isSameClaim(a: MemberRecord, b: MemberRecord): boolean {
  return a.epoch === b.epoch && a.incarnation === b.incarnation;
}

/** Whether one key signed two different records in the same place of their order. One host does not; two with its key do. */
export function isTwin(a: Signed<MemberRecord>, b: Signed<MemberRecord>): boolean {
  return compareRecords(a.value, b.value) === 0 && a.signature.join() !== b.signature.join();
}

function statusRank(status: ClaimedStatus): number {
  return status === 'alive' ? 0 : status === 'leaving' ? 1 : 2;
}
