/**
 * A mesh node as a deterministic state machine. Input goes in, effects come out, readers see Views:
 *
 *     const node = new MeshNode(options, now);
 *     for (const effect of node.step({ type: 'tick' }, now)) perform(effect);
 *
 * Read next: `node.ts`, then `membership/membership.ts`, `catalog/catalog.ts`, `view/view.ts`.
 */

export * from './assert.ts';
export type { NodeBase } from './base.ts';
export * from './catalog/delta.ts';
export { externalFault, externalKind, externalName, externalNodeOf, externalValue } from './catalog/external.ts';
export type { ExternalCheck, ExternalNode, ExternalPart } from './catalog/external.ts';
export * from './catalog/record.ts';
export * from './command.ts';
export { nothingApplied } from './config/applied.ts';
export type { SeenVersion, VersionState } from './config/config-history.ts';
export { configReportMs } from './config/config-report.ts';
export { configKeyFault } from './config/config-store.ts';
export * from './config/entry.ts';
export { kvFolderOf, kvKeyFault, kvKind } from './config/kv.ts';
export type { KvValue } from './config/kv.ts';
export * from './effect.ts';
export * from './errors.ts';
export * from './event.ts';
export type { LinkQueue } from './gossip/dissemination.ts';
export * from './health/registration.ts';
export * from './identity.ts';
export * from './input.ts';
export * from './limits.ts';
export * from './membership/accusation.ts';
export { coordinateDimensions, estimatedRttMs } from './membership/coordinate.ts';
export type { Coordinate } from './membership/coordinate.ts';
export * from './membership/member-record.ts';
export * from './mesh-config.ts';
export * from './message.ts';
export * from './node.ts';
export { isRecord } from './is-record.ts';
export * from './node-options.ts';
export * from './port.ts';
export * from './rng.ts';
export { isSameValue } from './same-value.ts';
export * from './signed.ts';
export { externalId } from './view/external-nodes.ts';
export type { Changes, ViewChanges } from './view/changes.ts';
export { viewChanges } from './view/snapshot.ts';
export { indexAt, indexTimeMs } from './view/topic-indexes.ts';
export { topics } from './view/view.ts';
export type { CheckView, InstanceView, MemberView, ServiceView, View } from './view/view.ts';
