/** What happened, for logs, metrics, watchers and check runners. Past participles; plain data. */

import type { Registration } from './health/registration.ts';
import type { CheckStatus } from './catalog/record.ts';
import type { CheckId, NodeId } from './identity.ts';
import type { DialFailure } from './input.ts';
import type { MemberStatus } from './membership/member-record.ts';

export type MeshEvent =
  | {
      readonly type: 'member-changed';
      readonly id: NodeId;
      readonly name: string;
      readonly from: MemberStatus | undefined;
      readonly to: MemberStatus;
      readonly reason: string;
      /** The claim that the new status is about. */
      readonly epoch: number;
      readonly incarnation: number;
    }
  /** A member went out of rotation, or came back. Comes before, and independent of, its membership status. */
  | {
      readonly type: 'reachability-changed';
      readonly id: NodeId;
      readonly name: string;
      readonly reachable: boolean;
      readonly reason: string;
    }
  /** A member is gone from the table, tombstone and all. */
  | { readonly type: 'member-reaped'; readonly id: NodeId; readonly name: string }
  | { readonly type: 'link-changed'; readonly id: NodeId; readonly linked: boolean }
  /** The first anti-entropy exchange of this boot ended: this node knows what that peer knows. */
  | { readonly type: 'synced'; readonly id: NodeId }
  /** We were accused and answered with a higher incarnation. */
  | { readonly type: 'refuted'; readonly accuser: NodeId; readonly incarnation: number }
  /** Somebody else keeps signing with our key, each of us under a higher epoch than the other: this is ours now. */
  | { readonly type: 'identity-in-use'; readonly epoch: number }
  /** We doubt more members than one node may accuse: most likely it is we who are cut off, or sick. Or that is over. */
  | { readonly type: 'isolated'; readonly isolated: boolean }
  | {
      readonly type: 'seed-failed';
      readonly address: string;
      readonly reason: DialFailure;
      readonly detail: string;
      readonly attempts: number;
      readonly retryInMs: number;
    }
  | { readonly type: 'seed-joined'; readonly address: string; readonly id: NodeId }
  /** A peer said something that does not hold: a bad signature, another mesh, a broken digest. Counted by `reason`. */
  | { readonly type: 'message-refused'; readonly from: NodeId; readonly reason: string }
  | { readonly type: 'registration-changed'; readonly registration: Registration }
  | { readonly type: 'registration-removed'; readonly key: string; readonly reason: string }
  | {
      readonly type: 'check-changed';
      readonly id: CheckId;
      readonly from: CheckStatus;
      readonly to: CheckStatus;
      readonly output: string;
    }
  | { readonly type: 'config-changed'; readonly kind: string; readonly name: string; readonly deleted: boolean }
  | {
      readonly type: 'config-quarantined';
      readonly kind: string;
      readonly name: string;
      readonly author: NodeId;
      readonly reason: string;
    }
  | { readonly type: 'config-conflict'; readonly kind: string; readonly name: string; readonly authors: readonly NodeId[] }
  /** Names with the same label and different identities: both stay members, somebody should rename one. */
  | { readonly type: 'name-conflict'; readonly name: string; readonly ids: readonly NodeId[] }
  /** These topics have a new index. Readers that wait on one wake up. */
  | { readonly type: 'view-changed'; readonly topics: readonly string[] }
  /** This node left and will send nothing more. */
  | { readonly type: 'left' };
