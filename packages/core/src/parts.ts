/** The parts a node is made of, each usable by itself: for tests of one rule at a time. */

export * from './catalog/catalog.ts';
export { draftDelta } from './catalog/own-catalog.ts';
export * from './catalog/replica.ts';
export * from './config/config-store.ts';
export * from './deadlines.ts';
export * from './gossip/anti-entropy.ts';
export * from './gossip/dissemination.ts';
export * from './gossip/knowledge.ts';
export * from './hash.ts';
export * from './health/health.ts';
export * from './layered-map.ts';
export * from './membership/accusation-budget.ts';
export * from './membership/hold-down.ts';
export * from './membership/address-book.ts';
export * from './membership/awareness.ts';
export { Vivaldi, isCoordinate } from './membership/coordinate.ts';
export * from './membership/links.ts';
export * from './membership/member.ts';
export * from './membership/membership.ts';
export * from './membership/prober.ts';
export * from './membership/restraint.ts';
export * from './membership/round-trips.ts';
export * from './membership/suspicion.ts';
export * from './membership/topology.ts';
export * from './turn.ts';
export * from './view/persistent-map.ts';
export * from './view/topic-indexes.ts';
