/** The bodies of `catalog/register` and `catalog/deregister`: external nodes, their instances and checks. */

import { checkId, externalFault, instanceId, isRecord, limits } from '@skein/core';
import type { ExternalCheck, ExternalNode, ExternalPart, Instance } from '@skein/core';
import { formatDuration } from '../duration.ts';
import { badRequest } from '../refusal.ts';
import { defaultOnly, isCheckStatus } from './check-definition.ts';
import { durationMs, flag, ignored, integer, listOf, mapOf, objectOf, text, unsupported } from './decoder.ts';
import type { Decoded, Reader } from './decoder.ts';
import { instanceFrom, isUnspecified, checkServiceMeta, type DecodedInstance } from './service-definition.ts';

const port = integer(0, 65_535);
const peers = unsupported('there are no peers here; leave it out');
const proxies = unsupported('sidecar proxies are not part of this version; register a plain service');
/** What a watcher elsewhere goes by: kept as it is, but for spans, which are shown as Consul shows them. */
const definition: Reader<Readonly<Record<string, unknown>>> = (value, path) => {
  if (!isRecord(value)) return {};
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, given]) => {
      const span = spans.find((each) => each.toLowerCase() === key.toLowerCase());
      if (span === undefined) return [[key, given]];
      const ms = durationMs(given, `${path}.${key}`);
      return ms === 0 ? [] : [[span, formatDuration(ms)]];
    }),
  );
};
const spans = ['Interval', 'Timeout', 'DeregisterCriticalServiceAfter'] as const;

const checkTable = {
  Node: text,
  CheckID: text,
  Name: text,
  Status: text,
  Notes: text,
  Output: text,
  ServiceID: text,
  ServiceName: ignored,
  ServiceTags: ignored,
  Type: text,
  Interval: durationMs,
  Timeout: durationMs,
  ExposedPort: ignored,
  PeerName: peers,
  Definition: definition,
  Namespace: defaultOnly,
  Partition: defaultOnly,
  CreateIndex: ignored,
  ModifyIndex: ignored,
} as const;
const check = objectOf(checkTable);

const readRegistration = objectOf({
  ID: text,
  Node: text,
  Address: text,
  TaggedAddresses: mapOf(text),
  NodeMeta: mapOf(text),
  Datacenter: text,
  Service: objectOf({
    ID: text,
    Service: text,
    Address: text,
    Port: port,
    Tags: listOf(text),
    Meta: mapOf(text),
    TaggedAddresses: mapOf(objectOf({ Address: text, Port: port } as const)),
    Weights: objectOf({ Passing: integer(0, 65_535), Warning: integer(0, 65_535) } as const),
    EnableTagOverride: flag,
    SocketPath: text,
    Locality: objectOf({ Region: text, Zone: text } as const),
    Kind: proxies,
    Proxy: proxies,
    Connect: proxies,
    PeerName: peers,
    Namespace: defaultOnly,
    Partition: defaultOnly,
    Datacenter: ignored,
    ContentHash: ignored,
    CreateIndex: ignored,
    ModifyIndex: ignored,
  } as const),
  Check: check,
  Checks: listOf(check),
  SkipNodeUpdate: flag,
  Locality: ignored,
  PeerName: peers,
  Token: ignored,
  Namespace: defaultOnly,
  Partition: defaultOnly,
} as const);

const readDeregistration = objectOf({
  Node: text,
  Address: ignored,
  Datacenter: text,
  ServiceID: text,
  CheckID: text,
  PeerName: peers,
  Token: ignored,
  Namespace: defaultOnly,
  Partition: defaultOnly,
} as const);

export interface CatalogRegistration {
  readonly datacenter: string;
  readonly node: string;
  /** What is said of the node itself; undefined without an address. */
  readonly nodePart: ExternalPart | undefined;
  /** Whether a node that exists stays as it is. One that does not is made in any case, as in Consul. */
  readonly keepsNode: boolean;
  readonly parts: readonly ExternalPart[];
}

/** Reads a registration. Throws a `Refusal` with Consul's text. */
export function decodeCatalogRegistration(value: unknown): CatalogRegistration {
  const decoded = readRegistration(value, '');
  const { Node: name = '', Address: address = '', Service, Check, Checks = [] } = decoded;
  if (name === '') throw badRequest('Must provide node');
  if (decoded.ID !== undefined && decoded.ID !== '' && !/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(decoded.ID))
    throw badRequest(`Bad node ID: ${JSON.stringify(decoded.ID.slice(0, 60))} is not a UUID`);
  if (address === '' && decoded.SkipNodeUpdate !== true) throw badRequest('Must provide address if SkipNodeUpdate is not set');
  const node: ExternalNode = {
    name,
    address,
    uuid: (decoded.ID ?? '').toLowerCase(),
    meta: decoded.NodeMeta ?? {},
    taggedAddresses: decoded.TaggedAddresses ?? {},
  };
  const parts: ExternalPart[] = [];
  if (Service !== undefined) parts.push({ type: 'instance', node: name, instance: instanceOf(Service) });
  for (const given of Check === undefined ? Checks : [...Checks, Check])
    parts.push({ type: 'check', node: name, check: checkOf(given, name) });
  const nodePart: ExternalPart | undefined = address === '' ? undefined : { type: 'node', node };
  for (const part of nodePart === undefined ? parts : [nodePart, ...parts]) {
    const fault = externalFault(part);
    if (fault !== undefined) throw badRequest(`Invalid ${part.type === 'instance' ? 'service' : part.type}: ${fault}`);
  }
  return {
    datacenter: decoded.Datacenter ?? '',
    node: name,
    nodePart,
    keepsNode: decoded.SkipNodeUpdate === true,
    parts,
  };
}

function instanceOf(decoded: DecodedInstance & { readonly Service?: string }): Instance {
  const { ID = '', Service: service = '', Address: address = '' } = decoded;
  if (service === '') {
    throw badRequest(
      ID === '' ? 'Must provide service name' : 'Must provide service name (Service.Service) when service ID is provided',
    );
  }
  if (isUnspecified(address)) throw badRequest('Invalid service address');
  checkServiceMeta(decoded.Meta ?? {});
  return instanceFrom(decoded, service);
}

function checkOf(decoded: Decoded<typeof checkTable>, node: string): ExternalCheck {
  const { CheckID = '', Name: name = '', Type = '', Status = '', ServiceID = '', Definition = {} } = decoded;
  const id = CheckID === '' ? name : CheckID;
  if (id === '') throw badRequest('Must provide check name or ID');
  if (decoded.Node !== undefined && decoded.Node !== '' && decoded.Node.toLowerCase() !== node.toLowerCase())
    throw badRequest(`Node '${decoded.Node.slice(0, 200)}' for check '${id}' doesn't match register request node '${node}'`);
  const status = Status === '' ? 'critical' : Status;
  if (!isCheckStatus(status))
    throw badRequest(`Invalid check status: '${status.slice(0, 60)}'; use passing, warning or critical`);
  // Without an interval a definition is of no type, in Consul too.
  const isRun = Definition['Interval'] !== undefined;
  const probe = isRun ? ['HTTP', 'TCP', 'UDP', 'GRPC'].find((kind) => (Definition[kind] ?? '') !== '') : undefined;
  return {
    id: checkId(id),
    name,
    type: Type === '' ? (probe?.toLowerCase() ?? '') : Type,
    status,
    notes: decoded.Notes ?? '',
    output: (decoded.Output ?? '').slice(0, limits.outputLength),
    instanceId: ServiceID === '' ? undefined : instanceId(ServiceID),
    intervalMs: decoded.Interval ?? 0,
    timeoutMs: decoded.Timeout ?? 0,
    definition: Definition,
  };
}

export interface CatalogDeregistration {
  readonly datacenter: string;
  readonly node: string;
  readonly serviceId: string;
  readonly checkId: string;
}

export function decodeCatalogDeregistration(value: unknown): CatalogDeregistration {
  const { Node: node = '', Datacenter: datacenter = '', ServiceID = '', CheckID = '' } = readDeregistration(value, '');
  if (node === '') throw badRequest('Must provide node');
  return { datacenter, node, serviceId: ServiceID, checkId: CheckID };
}
