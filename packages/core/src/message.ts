/** What nodes say to each other. Objects here, protobuf frames on the wire (package transport). */

import type { CatalogDelta } from './catalog/delta.ts';
import type { CatalogHead } from './catalog/record.ts';
import type { SignedConfig } from './config/entry.ts';
import type { NodeId } from './identity.ts';
import type { Accusation } from './membership/accusation.ts';
import type { Coordinate } from './membership/coordinate.ts';
import type { MemberRecord } from './membership/member-record.ts';
import type { Signed } from './signed.ts';

/** A probe on a warm link. */
export interface Ping {
  readonly type: 'ping';
  readonly seq: number;
  /** Hash over all the sender knows (32 bits). Another root than ours, with nothing in flight, means that we diverged. */
  readonly root: number;
}

/** The answer to a ping, or, from a helper, the good news of an indirect one. */
export interface Ack {
  readonly type: 'ack';
  readonly seq: number;
  /** As in `Ping`. */
  readonly root: number;
  readonly epoch: number;
  readonly incarnation: number;
  /** Where the sender is in the space of round trips; undefined when it does not tell. */
  readonly coordinate: Coordinate | undefined;
}

/** "Probe this member for me" (SWIM 4.1's ping-req). */
export interface PingRequest {
  readonly type: 'ping-request';
  readonly seq: number;
  readonly subject: NodeId;
}

/**
 * What became of an indirect probe at a helper. `silent`: it has no answer so far, which is Lifeguard's nack. `unlinked`: it
 * could not try, so that this says nothing of the subject.
 */
export type ProbeOutcome = 'reached' | 'silent' | 'unlinked';

/** A helper's report on an indirect probe. */
export interface PingReport {
  readonly type: 'ping-report';
  readonly seq: number;
  readonly subject: NodeId;
  readonly outcome: ProbeOutcome;
}

/** A member record on its way, with whether the sender itself had a direct answer from that epoch. */
export interface MemberFact {
  readonly record: Signed<MemberRecord>;
  readonly verified: boolean;
  /**
   * How long ago the sender saw it leave or fail, in ms; 0 while it is present. Who hears of it only now forgets it
   * with the others, else rows of the departed would live on from newcomer to newcomer.
   */
  readonly absentMs: number;
}

/** New facts, pushed. Any part may be empty. */
export interface Gossip {
  readonly type: 'gossip';
  readonly members: readonly MemberFact[];
  readonly accusations: readonly Signed<Accusation>[];
  readonly deltas: readonly CatalogDelta[];
  /** Heads of catalogs whose delta is too large to push: whoever lacks it pulls it. */
  readonly heads: readonly Signed<CatalogHead>[];
  readonly configs: readonly SignedConfig[];
}

/** "I know this much of these": lets a peer that news did not reach ask for it. */
export interface Have {
  readonly type: 'have';
  readonly entries: readonly DigestEntry[];
}

/** What a node knows about one subject, without the content. The greater stamp is newer. */
export interface DigestEntry {
  /** `m/<node id>`, `c/<owner id>` or `k/<kind>/<name>`. */
  readonly key: string;
  /** Compared element by element: m: epoch, incarnation, rank, verified, what is held against it; c: epoch, version, digest hash; k: ms, counter, author hash, conflicts, their lateness, and the time of the one in force where the newest is refused. */
  readonly stamp: readonly number[];
}

/** Anti-entropy, step 1: hashes (32 bits each) of all my knowledge, by bucket of subjects. */
export interface SyncOpen {
  readonly type: 'sync-open';
  readonly exchange: number;
  readonly buckets: readonly number[];
  /** The sender's wall clock, milliseconds since 1970: it may have been set since its hello. 0 where it does not say. */
  readonly wallMs: number;
}

/** Step 2: which buckets differ, and what I know in those. */
export interface SyncDigest {
  readonly type: 'sync-digest';
  readonly exchange: number;
  readonly buckets: readonly number[];
  readonly entries: readonly DigestEntry[];
}

/** Steps 3 and 4: what you lack, and what I want. `last` ends the exchange. */
export interface SyncFacts {
  readonly type: 'sync-facts';
  readonly exchange: number;
  readonly facts: Gossip;
  readonly wants: readonly SyncWant[];
  readonly last: boolean;
}

/** Asks for one subject; `have` is the stamp already held, empty for nothing. */
export interface SyncWant {
  readonly key: string;
  readonly have: readonly number[];
}

/** Opens an exchange that only pulls: for a gap that a push revealed. */
export interface SyncPull {
  readonly type: 'sync-pull';
  readonly exchange: number;
  readonly wants: readonly SyncWant[];
}

export type WireMessage = Ping | Ack | PingRequest | PingReport | Gossip | Have;
export type SyncMessage = SyncOpen | SyncDigest | SyncFacts | SyncPull;
export type Message = WireMessage | SyncMessage;

/**
 * How a message travels. `wire`: the one long-lived stream per link, for what is small and urgent.
 * `sync`: a bounded stream of its own per exchange, so that bulk never sits in front of a probe.
 */
export type Lane = 'wire' | 'sync';
