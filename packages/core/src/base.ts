/**
 * What nodes of one process that know the same hold only once. A simulated mesh of ten thousand nodes has a hundred million
 * pairs of node and member; each node made with a base keeps only what it has learned since. The base is taken from one node
 * that learned everything as nodes do, from the messages of the others, and is never changed.
 */

import type { Replica } from './catalog/replica.ts';
import type { KnowledgeBase } from './gossip/knowledge.ts';
import type { NodeId } from './identity.ts';
import type { MembershipBase } from './membership/member.ts';
import type { RingOrders } from './membership/topology.ts';
import type { ViewBase } from './view/view-builder.ts';

export interface NodeBase {
  readonly membership: MembershipBase;
  readonly knowledge: KnowledgeBase;
  readonly replicas: ReadonlyMap<NodeId, Replica>;
  readonly views: ViewBase;
  readonly orders: RingOrders;
}
