/**
 * The rows of `/v1/mesh/view`. A row says nothing that another row decides, so that it changes only when itself is sent:
 * names of authors, ages and coordinates are asked for elsewhere.
 */

import { versionId } from '@skein/core';
import type { CheckView, ConfigEntry, ConfigVersion, InstanceView, MemberView, NodeId } from '@skein/core';

/** A member, or a host without an agent (`external`). */
export function nodeRow(node: MemberView): Record<string, unknown> {
  const { record } = node;
  return {
    id: node.id,
    name: node.name,
    external: node.external !== undefined,
    status: node.status,
    reachable: node.reachable,
    verified: node.verified,
    linked: node.linked,
    accusers: node.accusers,
    epoch: record.epoch,
    incarnation: record.incarnation,
    address: node.address,
    addresses: record.addresses,
    region: record.region,
    zone: record.zone,
    tags: record.tags,
    checks: node.checks.map(checkRow),
    createIndex: node.createIndex,
    modifyIndex: node.modifyIndex,
  };
}

/** One registration, with its own checks; those of its node are in the node's row, and count in `status` and `routable`. */
export function instanceRow(view: InstanceView): Record<string, unknown> {
  const { instance } = view;
  return {
    node: view.owner,
    id: instance.id,
    service: instance.service,
    address: view.address,
    port: view.port,
    region: view.region,
    zone: view.zone,
    tags: instance.tags,
    meta: instance.meta,
    weights: instance.weights,
    protocol: instance.protocol,
    kind: instance.kind,
    socketPath: instance.socketPath,
    taggedAddresses: instance.taggedAddresses,
    status: view.status,
    routable: view.routable,
    checks: view.checks.filter((check) => check.instanceId !== undefined).map(checkRow),
    createIndex: view.createIndex,
    modifyIndex: view.modifyIndex,
  };
}

export function configRow(entry: ConfigEntry): Record<string, unknown> {
  const { quarantined } = entry;
  return {
    kind: entry.kind,
    name: entry.name,
    value: entry.value,
    version: versionRow(entry.version),
    conflicts: entry.conflicts.map(versionRow),
    quarantined: quarantined === undefined ? null : { ...versionRow(quarantined.version), reason: quarantined.reason },
    createIndex: entry.createIndex,
    index: entry.index,
  };
}

export interface InstanceKey {
  readonly node: NodeId;
  readonly id: string;
}

export function instanceKey({ owner, instance }: InstanceView): InstanceKey {
  return { node: owner, id: instance.id };
}

function checkRow({ id, name, type, status, notes, output }: CheckView): Record<string, unknown> {
  return { id, name, type, status, notes, output };
}

function versionRow(version: ConfigVersion): Record<string, unknown> {
  return { id: versionId(version), author: version.author, time: version.time, parent: version.parent };
}
