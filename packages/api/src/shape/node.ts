/** Members as Consul shows them: nodes of the catalog, and members of the gossip pool. */

import { isIP } from 'node:net';
import type { MemberStatus, MemberView } from '@skein/core';
import { nodeUuid } from './node-uuid.ts';

/** The Consul whose surface this API has. Clients read it as a version and switch features by it. */
export const compatVersion = '1.21.4';

/** Left members are forgotten by the catalog; failed ones stay, critical, until they are reaped. */
export function isInCatalog(member: MemberView | undefined): member is MemberView {
  return member !== undefined && member.status !== 'left';
}

/** A node's labels, with its region and zone. */
export function nodeMeta(member: MemberView): Readonly<Record<string, string>> {
  const { region, zone, tags } = member.record;
  return { ...(region === '' ? {} : { region }), ...(zone === '' ? {} : { zone }), ...tags };
}

/** The id of a node of the catalog: what the writer of an external one gave, or one made from its name. */
export function consulNodeId(member: MemberView): string {
  const given = member.external?.uuid ?? '';
  return given === '' ? nodeUuid(member.id) : given;
}

export function consulNode(member: MemberView, datacenter: string): Record<string, unknown> {
  return {
    ID: consulNodeId(member),
    Node: member.name,
    Address: member.address,
    Datacenter: datacenter,
    TaggedAddresses: nodeTaggedAddresses(member),
    Meta: nodeMeta(member),
    CreateIndex: member.createIndex,
    ModifyIndex: member.modifyIndex,
  };
}

export function nodeTaggedAddresses(member: MemberView): Readonly<Record<string, string>> {
  const { address, external } = member;
  if (external !== undefined) return external.taggedAddresses;
  const family = addressFamily(address);
  return {
    lan: address,
    wan: address,
    ...(family === undefined ? {} : { [`lan_${family}`]: address, [`wan_${family}`]: address }),
  };
}

/** How Consul names the family of an address; undefined for a name. */
export function addressFamily(address: string): 'ipv4' | 'ipv6' | undefined {
  const version = isIP(address);
  return version === 0 ? undefined : `ipv${version === 4 ? 4 : 6}`;
}

/** Serf's numbers. It has none for suspicion, which is not yet a verdict. */
const statusNumbers: Readonly<Record<MemberStatus, number>> = { alive: 1, suspect: 1, leaving: 2, left: 3, failed: 4 };

export function consulMember(member: MemberView, datacenter: string): Record<string, unknown> {
  const { record } = member;
  return {
    Name: member.name,
    Addr: member.address,
    Port: portOf(record.addresses[0] ?? ''),
    Tags: {
      ...record.tags,
      build: `${compatVersion}:skein`,
      dc: datacenter,
      id: nodeUuid(member.id),
      // Clients look for this role to find whom they can ask. Every agent answers everything.
      role: 'consul',
    },
    Status: statusNumbers[member.status],
    ProtocolMin: record.protocolMin,
    ProtocolMax: record.protocolMax,
    ProtocolCur: record.protocolMax,
    DelegateMin: 2,
    DelegateMax: 5,
    DelegateCur: 4,
  };
}

/** The port of `host:port`; 0 when there is none. */
export function portOf(address: string): number {
  const port = Number(address.slice(address.lastIndexOf(':') + 1));
  return Number.isInteger(port) ? port : 0;
}

/** Orders by name, then id: the same list on every agent. */
export function byName(a: MemberView, b: MemberView): number {
  return compareTexts(a.name, b.name) || compareTexts(a.id, b.id);
}

export function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
