/** Instances as Consul shows them, in its three forms: of an agent, of the catalog, and with health. */

import type { Instance, InstanceView, MemberView } from '@skein/core';
import { instanceChecks, nodeChecks } from './check.ts';
import { addressFamily, consulNode, consulNodeId, nodeMeta, nodeTaggedAddresses } from './node.ts';

/** As `agent/services` has it. */
export function agentService(instance: Instance): Record<string, unknown> {
  return serviceOf(instance, agentAddresses(instance));
}

/** As the `Service` of a health entry, and in the list of a node's services. */
export function nodeService(view: InstanceView, member: MemberView): Record<string, unknown> {
  return {
    ...serviceOf(view.instance, catalogAddresses(view.instance, member)),
    Proxy: { Mode: '', MeshGateway: {}, Expose: {} },
    Connect: {},
    CreateIndex: view.createIndex,
    ModifyIndex: view.modifyIndex,
  };
}

function serviceOf(instance: Instance, tagged: Instance['taggedAddresses']): Record<string, unknown> {
  return {
    ...(instance.kind === '' ? {} : { Kind: instance.kind }),
    ID: instance.id,
    Service: instance.service,
    Tags: instance.tags,
    Meta: instance.meta,
    Port: instance.port,
    Address: instance.address,
    ...(instance.socketPath === '' ? {} : { SocketPath: instance.socketPath }),
    TaggedAddresses: taggedAddresses(tagged),
    Weights: consulWeights(instance),
    EnableTagOverride: instance.enableTagOverride,
    ...locality(instance),
  };
}

/** A health entry: node, service and all checks that decide about it. */
export function healthEntry(view: InstanceView, member: MemberView, datacenter: string): Record<string, unknown> {
  return {
    Node: consulNode(member, datacenter),
    Service: nodeService(view, member),
    Checks: [...nodeChecks(member), ...instanceChecks(view)],
  };
}

export function catalogService(view: InstanceView, member: MemberView, datacenter: string): Record<string, unknown> {
  const { instance } = view;
  return {
    ID: consulNodeId(member),
    Node: member.name,
    Address: member.address,
    Datacenter: datacenter,
    TaggedAddresses: nodeTaggedAddresses(member),
    NodeMeta: nodeMeta(member),
    ServiceKind: instance.kind,
    ServiceID: instance.id,
    ServiceName: instance.service,
    ServiceTags: instance.tags,
    ServiceAddress: instance.address,
    ServiceTaggedAddresses: taggedAddresses(catalogAddresses(instance, member)),
    ServiceWeights: consulWeights(instance),
    ServiceMeta: instance.meta,
    ServicePort: instance.port,
    ServiceSocketPath: instance.socketPath,
    ServiceEnableTagOverride: instance.enableTagOverride,
    ServiceProxy: { Mode: '', MeshGateway: {}, Expose: {} },
    ServiceConnect: {},
    ...(hasLocality(instance) ? { ServiceLocality: localityOf(instance) } : {}),
    CreateIndex: view.createIndex,
    ModifyIndex: view.modifyIndex,
  };
}

/** Of what an agent registered: Consul's agents add the address of the service under the name of its family. */
function agentAddresses({ address, port, taggedAddresses }: Instance): Instance['taggedAddresses'] {
  const family = addressFamily(address);
  if (family === undefined) return taggedAddresses;
  return { [`lan_${family}`]: { address, port }, [`wan_${family}`]: { address, port }, ...taggedAddresses };
}

/** What somebody registered in the catalog for an external node stays as it is. */
function catalogAddresses(instance: Instance, { external }: MemberView): Instance['taggedAddresses'] {
  return external === undefined ? agentAddresses(instance) : instance.taggedAddresses;
}

function taggedAddresses(addresses: Instance['taggedAddresses']): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(addresses).map(([name, tagged]) => [name, { Address: tagged.address, Port: tagged.port }]),
  );
}

function consulWeights(instance: Instance): Record<string, number> {
  return { Passing: instance.weights.passing, Warning: instance.weights.warning };
}

function locality(instance: Instance): Record<string, unknown> {
  return hasLocality(instance) ? { Locality: localityOf(instance) } : {};
}

function hasLocality({ region, zone }: Instance): boolean {
  return region !== '' || zone !== '';
}

function localityOf({ region, zone }: Instance): Record<string, string> {
  return { Region: region, Zone: zone };
}
