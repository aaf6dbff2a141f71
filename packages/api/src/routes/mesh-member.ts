/** `/v1/mesh/members`: members with everything this node believes about them. */

import { indexTimeMs, topics } from '@skein/core';
import type { MemberView, NodeId } from '@skein/core';
import type { ApiContext } from '../context.ts';
import type { Route } from '../route.ts';
import { byName } from '../shape/node.ts';
import { nodeUuid } from '../shape/node-uuid.ts';

export function meshMemberRoutes({ port, reader }: ApiContext): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/mesh/members',
      handle: (request) =>
        reader.read(request, {
          topics: () => [topics.members],
          isAboutAgent: true,
          json: (view) => [...view.members()].sort(byName).map((member) => memberJson(member, port.self)),
        }),
    },
  ];
}

function memberJson(member: MemberView, self: NodeId): Record<string, unknown> {
  const { record } = member;
  return {
    id: member.id,
    nodeId: nodeUuid(member.id),
    name: member.name,
    self: member.id === self,
    status: member.status,
    reachable: member.reachable,
    verified: member.verified,
    linked: member.linked,
    accusers: member.accusers,
    epoch: record.epoch,
    incarnation: record.incarnation,
    address: member.address,
    addresses: record.addresses,
    region: record.region,
    zone: record.zone,
    tags: record.tags,
    protocolMin: record.protocolMin,
    protocolMax: record.protocolMax,
    knownSinceMs: indexTimeMs(member.createIndex),
    changedAtMs: indexTimeMs(member.modifyIndex),
    createIndex: member.createIndex,
    modifyIndex: member.modifyIndex,
  };
}
