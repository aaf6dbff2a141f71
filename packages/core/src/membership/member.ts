/** One row of the member table, as this node sees it. */

import { hashText, mix } from '../hash.ts';
import type { NodeId } from '../identity.ts';
import type { Signed } from '../signed.ts';
import type { Accusation, AccusationReason } from './accusation.ts';
import type { Coordinate } from './coordinate.ts';
import type { MemberRecord, MemberStatus } from './member-record.ts';
import { confirmationsMax } from './suspicion.ts';

/** Only `Membership` changes a row, and only one of its own: rows of a shared base are frozen. */
export interface Member {
  readonly id: NodeId;
  signed: Signed<MemberRecord>;
  status: MemberStatus;
  /** Whether somebody had a direct answer from this epoch. Until then it is gossiped about, not routed to. */
  verified: boolean;
  /** Whether traffic may go there. Derived; kept so that changes can be reported. */
  reachable: boolean;
  /** Accusations of the current claim, by accuser. */
  accusations: ReadonlyMap<NodeId, Signed<Accusation>>;
  /** Why we ourselves cannot reach it, whether we accuse it for that or not. It is out of our own rotation meanwhile. */
  doubt: AccusationReason | undefined;
  /** When `status` last changed; for one that we only heard of as departed, when its teller saw it go. */
  since: number;
  /** Since when others have it failed, as we were told with its record. Until we know better ourselves, it is not routed to. */
  absentSince: number | undefined;
  /** Where it last said it is, in the space of round trips; of members that we probe. */
  coordinate: Coordinate | undefined;
}

/** What many nodes that know the same share of their member tables. Everybody in it is alive, verified and not accused. */
export interface MembershipBase {
  /** Frozen rows. */
  readonly members: ReadonlyMap<NodeId, Member>;
  readonly named: ReadonlyMap<string, NodeId>;
}

/** What is held against almost everybody at almost all times: one map for all, since an empty one is larger than a row. */
export const noAccusations: ReadonlyMap<NodeId, Signed<Accusation>> = new Map();

/** The row that a node has of itself at the start. */
export function ownRow(signed: Signed<MemberRecord>, since: number): Member {
  return {
    id: signed.value.id,
    signed,
    status: 'alive',
    verified: true,
    reachable: true,
    accusations: noAccusations,
    doubt: undefined,
    coordinate: undefined,
    since,
    absentSince: undefined,
  };
}

/** These accusations less that of one accuser. */
export function without(accusations: Member['accusations'], accuser: NodeId): Member['accusations'] {
  if (!accusations.has(accuser)) return accusations;
  if (accusations.size === 1) return noAccusations;
  const others = new Map(accusations);
  others.delete(accuser);
  return others;
}

/** Whether a member takes part: gossip, probes and links go to it. */
export function isPresent(member: Member): boolean {
  return member.status === 'alive' || member.status === 'suspect' || member.status === 'leaving';
}

/**
 * Whether it went by its own word. Whom an operator forced to leave may only be on the other side of a partition, where
 * somebody may say the same of us: it is dialled for as long as one that failed.
 */
export function hasLeft(member: Member): boolean {
  return member.status === 'left' && member.signed.value.status !== 'alive';
}

/**
 * What is held against a member, as one number for digests. Replicas must come to count the same accusers, since each
 * shortens the suspicion: so below the number that is enough for every verdict, sets of the same size differ by a hash,
 * and of two replicas that differ the one with more, or the greater hash, tells the other, which then has more. From
 * that number on nothing changes any more, and holding others is no divergence. What an operator forced is a verdict of
 * its own.
 */
export function accusationRank(member: Member): number {
  const { accusations } = member;
  for (const { value } of accusations.values()) if (value.reason === 'forced') return (enough + 1) * hashes;
  if (accusations.size >= enough) return enough * hashes;
  let hash = 0;
  for (const accuser of accusations.keys()) hash ^= mix(hashText(accuser));
  return accusations.size * hashes + (hash >>> 0);
}

/** Accusers that are enough for every verdict in a mesh of any size: the first, and all that confirm it. */
const enough = 1 + confirmationsMax;
/** As many as there are hashes of 32 bits. */
const hashes = 4_294_967_296;

/** Order of statuses under one claim: alive < suspect < failed < left. */
export function claimRank(record: MemberRecord): number {
  return record.status === 'left' ? 2 : record.status === 'leaving' ? 1 : 0;
}

/** What this node knows of a member, for digests. See `DigestEntry.stamp`. */
export function memberStamp(member: Member): readonly number[] {
  const { epoch, incarnation } = member.signed.value;
  return [epoch, incarnation, claimRank(member.signed.value), Number(member.verified), accusationRank(member)];
}

/** What a member of this status adds to the count of the living. */
export function counted(status: MemberStatus): number {
  return status === 'alive' || status === 'suspect' ? 1 : 0;
}
