/** One row of the member table, as this node sees it. */

import type { NodeId } from '../identity.ts';
import type { Signed } from '../signed.ts';
import type { Accusation } from './accusation.ts';
import type { MemberRecord, MemberStatus } from './member-record.ts';

export interface Member {
  readonly id: NodeId;
  signed: Signed<MemberRecord>;
  status: MemberStatus;
  /** Whether somebody had a direct answer from this epoch. Until then it is gossiped about, not routed to. */
  verified: boolean;
  /** Whether traffic may go there. Derived; kept so that changes can be reported. */
  reachable: boolean;
  /** Accusations of the current claim, by accuser. */
  readonly accusations: Map<NodeId, Signed<Accusation>>;
  /** When `status` last changed; for one that we only heard of as departed, when its teller saw it go. */
  since: number;
  /** Since when others have it failed, as we were told with its record. Until we know better ourselves, it is not routed to. */
  absentSince: number | undefined;
}

/** Whether a member takes part: gossip, probes and links go to it. */
export function isPresent(member: Member): boolean {
  return member.status === 'alive' || member.status === 'suspect' || member.status === 'leaving';
}

/**
 * How much is held against a member, for digests. Two accusers are enough for every verdict, so holding more or fewer
 * beyond that is no divergence; what an operator forced is a verdict of its own.
 */
export function accusationRank(member: Member): number {
  for (const { value } of member.accusations.values()) if (value.reason === 'forced') return 3;
  return Math.min(2, member.accusations.size);
}

/** Order of statuses under one claim: alive < suspect < failed < left. */
export function claimRank(record: MemberRecord): number {
  return record.status === 'left' ? 2 : record.status === 'leaving' ? 1 : 0;
}
