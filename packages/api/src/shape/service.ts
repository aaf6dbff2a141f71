/** Instances as Consul shows them, in its three forms: of an agent, of the catalog, and with health. */

import type { Instance, InstanceView, MemberView } from '@skein/core';
import { instanceChecks, nodeChecks } from './check.ts';
import { addressFamily, consulNode, consulNodeId, nodeMeta, nodeTaggedAddresses } from './node.ts';

/** As `agent/services` has it, and as the `Service` of a health entry. `owner` is the node that it is on; default: our own. */
export function agentService(instance: Instance, owner?: MemberView): Record<string, unknown> {
  return {
    ...(instance.kind === '' ? {} : { Kind: instance.kind }),
    ID: instance.id,
    Service: instance.service,
    Tags: instance.tags,
    Meta: instance.meta,
    Port: instance.port,
    Address: instance.address,
    ...(instance.socketPath === '' ? {} : { SocketPath: instance.socketPath }),
    TaggedAddresses: taggedAddresses(instance, owner),
    Weights: consulWeights(instance),
    EnableTagOverride: instance.enableTagOverride,
    ...locality(instance),
  };
}

/** A health entry: node, service and all checks that decide about it. */
export function healthEntry(view: InstanceView, member: MemberView, datacenter: string): Record<string, unknown> {
  return {
    Node: consulNode(member, datacenter),
    Service: {
      ...agentService(view.instance, member),
      Proxy: { Mode: '', MeshGateway: {}, Expose: {} },
      Connect: {},
      CreateIndex: view.createIndex,
      ModifyIndex: view.modifyIndex,
    },
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
    ServiceTaggedAddresses: taggedAddresses(instance, member),
    ServiceWeights: consulWeights(instance),
    ServiceMeta: instance.meta,
    ServicePort: instance.port,
    ServiceSocketPath: instance.socketPath,
    ServiceEnableTagOverride: instance.enableTagOverride,
    ServiceProxy: { Mode: '', MeshGateway: {}, Expose: {} },
    ServiceConnect: {},
    CreateIndex: view.createIndex,
    ModifyIndex: view.modifyIndex,
  };
}

/** An agent adds the service's own address by its family; of a host without an agent only what was said is known. */
function taggedAddresses({ address, port, taggedAddresses: given }: Instance, owner?: MemberView): Record<string, unknown> {
  const family = owner?.external === undefined ? addressFamily(address) : undefined;
  const own = { address, port };
  const all = family === undefined ? given : { [`lan_${family}`]: own, [`wan_${family}`]: own, ...given };
  return Object.fromEntries(Object.entries(all).map(([name, tagged]) => [name, { Address: tagged.address, Port: tagged.port }]));
}

function consulWeights(instance: Instance): Record<string, number> {
  return { Passing: instance.weights.passing, Warning: instance.weights.warning };
}

function locality(instance: Instance): Record<string, unknown> {
  return instance.region === '' && instance.zone === '' ? {} : { Locality: { Region: instance.region, Zone: instance.zone } };
}
