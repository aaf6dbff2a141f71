/** Services as clients register them with `agent/service/register`. */

import { instanceId, limits } from '@skein/core';
import type { CheckDefinition, Instance } from '@skein/core';
import { badRequest } from '../refusal.ts';
import { defaultOnly, instanceCheck, serviceCheck } from './check-definition.ts';
import { flag, ignored, integer, listOf, mapOf, objectOf, text, unsupported, unsupportedAtAll } from './decoder.ts';

const port = integer(0, 65_535);
const withoutProxies = 'sidecar proxies are not part of this version; register a plain service';
const proxies = unsupported(withoutProxies);

const read = objectOf({
  Name: text,
  ID: text,
  Tags: listOf(text),
  Port: port,
  Ports: unsupported('several ports of one service are not supported; register one service for each'),
  Address: text,
  TaggedAddresses: mapOf(objectOf({ Address: text, Port: port } as const)),
  Meta: mapOf(text),
  Weights: objectOf({ Passing: integer(1, 65_535), Warning: integer(0, 65_535) } as const),
  EnableTagOverride: flag,
  Check: serviceCheck,
  Checks: listOf(serviceCheck),
  Kind: proxies,
  Proxy: proxies,
  // `SidecarService: {}` asks for a sidecar with all defaults, which is how most users do.
  Connect: objectOf({ Native: proxies, SidecarService: unsupportedAtAll(withoutProxies), PeerMeta: proxies } as const),
  SocketPath: text,
  Locality: objectOf({ Region: text, Zone: text } as const),
  Token: ignored,
  Namespace: defaultOnly,
  Partition: defaultOnly,
  EnterpriseMeta: ignored,
} as const);

const metaKey = /^[a-zA-Z0-9_-]+$/;

const unspecified: ReadonlySet<string> = new Set(['0.0.0.0', '::', '[::]']);

/** Whether one can listen on it but nobody can call it. */
export function isUnspecified(address: string): boolean {
  return unspecified.has(address);
}

/** What registrations say of an instance in Consul's words, whoever makes them. */
export interface DecodedInstance {
  readonly ID?: string;
  readonly Address?: string;
  readonly Port?: number;
  readonly Tags?: readonly string[];
  readonly Meta?: Readonly<Record<string, string>>;
  readonly TaggedAddresses?: Readonly<Record<string, { readonly Address?: string; readonly Port?: number }>>;
  readonly Weights?: { readonly Passing?: number; readonly Warning?: number };
  readonly EnableTagOverride?: boolean;
  readonly SocketPath?: string;
  readonly Locality?: { readonly Region?: string; readonly Zone?: string };
}

/** The instance of this service, with Consul's defaults for what was not said. */
export function instanceFrom(decoded: DecodedInstance, service: string): Instance {
  const { ID = '' } = decoded;
  const tagged = Object.entries(decoded.TaggedAddresses ?? {});
  return {
    id: instanceId(ID === '' ? service : ID),
    service,
    address: decoded.Address ?? '',
    port: decoded.Port ?? 0,
    tags: decoded.Tags ?? [],
    meta: decoded.Meta ?? {},
    weights: { passing: decoded.Weights?.Passing ?? 1, warning: decoded.Weights?.Warning ?? 1 },
    taggedAddresses: Object.fromEntries(
      tagged.map(([name, { Address = '', Port = 0 }]) => [name, { address: Address, port: Port }]),
    ),
    enableTagOverride: decoded.EnableTagOverride ?? false,
    protocol: '',
    region: decoded.Locality?.Region ?? '',
    zone: decoded.Locality?.Zone ?? '',
    kind: '',
    socketPath: decoded.SocketPath ?? '',
  };
}

/** The instance and its checks. Throws a `Refusal` of status 400 that names the key. */
export function decodeServiceRegistration(value: unknown): { instance: Instance; checks: readonly CheckDefinition[] } {
  const decoded = read(value, '');
  const service = decoded.Name ?? '';
  if (service === '') throw badRequest('Missing service name');
  const address = decoded.Address ?? '';
  for (const given of [address, ...Object.values(decoded.TaggedAddresses ?? {}).map(({ Address = '' }) => Address)]) {
    if (isUnspecified(given)) {
      throw badRequest(
        `Invalid service address: "${given}" is not an address that others can call; leave it out for the node's own`,
      );
    }
  }
  checkServiceMeta(decoded.Meta ?? {});
  const instance = instanceFrom(decoded, service);
  const given = [decoded.Check, ...(decoded.Checks ?? [])].filter((check) => check !== undefined);
  const checks = given.map((check, at) =>
    instanceCheck(check, { instanceId: instance.id, service, number: given.length === 1 ? undefined : at + 1 }),
  );
  refuseRepeated(checks);
  return { instance, checks };
}

function refuseRepeated(checks: readonly CheckDefinition[]): void {
  const seen = new Set<string>();
  for (const { id } of checks) {
    if (seen.has(id))
      throw badRequest(`Invalid check: two checks of this service have the id "${id}"; give them different CheckIDs`);
    seen.add(id);
  }
}

const reservedPrefix = 'consul-';

/** Refuses keys that Consul keeps for itself: what its own tools find under them means something else. */
function refuseReservedMeta(meta: Readonly<Record<string, string>>): void {
  const key = Object.keys(meta).find((each) => each.startsWith(reservedPrefix));
  if (key === undefined) return;
  throw badRequest(
    `Invalid Service Meta: key "${key.slice(0, 60)}": Key prefix '${reservedPrefix}' is reserved for internal use; choose another`,
  );
}

/** Consul's rules for the metadata of services: keys are one word, and lengths are bounded. Throws a `Refusal` (400). */
export function checkServiceMeta(meta: Readonly<Record<string, string>>): void {
  refuseReservedMeta(meta);
  const entries = Object.entries(meta);
  if (entries.length > limits.tags) throw badRequest(`Invalid Service Meta: more than ${limits.tags} entries`);
  for (const [key, value] of entries) {
    const shown = key.slice(0, 60);
    if (!metaKey.test(key)) throw badRequest(`Invalid Service Meta: key "${shown}" may have only letters, digits, "_" and "-"`);
    if (key.length > limits.metaKeyLength)
      throw badRequest(`Invalid Service Meta: key "${shown}..." is longer than ${limits.metaKeyLength}`);
    if (value.length > limits.metaValueLength) {
      throw badRequest(`Invalid Service Meta: the value of "${shown}" is longer than ${limits.metaValueLength}`);
    }
  }
}
