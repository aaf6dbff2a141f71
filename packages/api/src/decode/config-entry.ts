/**
 * Consul's config entries as clients write them, in CamelCase or snake_case, turned into the form in which they are kept
 * and shown: Consul's own, with durations as Go prints them. Texts of refusals are Consul's.
 */

import { isRecord, limits } from '@skein/core';
import { formatDuration } from '../duration.ts';
import { badRequest } from '../refusal.ts';
import { defaultOnly } from './check-definition.ts';
import { durationMs, expected, flag, ignored, integer, listOf, mapOf, objectOf, text } from './decoder.ts';
import type { Reader } from './decoder.ts';

export const consulKinds = [
  'service-defaults',
  'service-router',
  'service-splitter',
  'service-resolver',
  'service-intentions',
] as const;
export type ConsulKind = (typeof consulKinds)[number];

/** Kinds that Consul has and that configure what this mesh does not have. */
const otherKinds: Readonly<Record<string, string>> = {
  'proxy-defaults': 'sidecar proxies',
  'ingress-gateway': 'gateways of that kind',
  'terminating-gateway': 'gateways of that kind',
  'api-gateway': 'gateways of that kind',
  'http-route': 'gateways of that kind; write a route through /v1/mesh/config',
  'tcp-route': 'gateways of that kind',
  'inline-certificate': 'gateways of that kind',
  'file-system-certificate': 'gateways of that kind',
  'bound-api-gateway': 'gateways of that kind',
  mesh: 'sidecar proxies',
  'exported-services': 'peers',
  'sameness-group': 'peers',
  'jwt-provider': 'sidecar proxies',
  'control-plane-request-limit': 'servers',
};

const span: Reader<string> = (value, path) => formatDuration(durationMs(value, path));
const count = integer(0, Number.MAX_SAFE_INTEGER);
const anything: Reader<unknown> = (value) => value;
const percent: Reader<number> = (value, path) => {
  if (typeof value === 'number' && value >= 0 && value <= 100) return value;
  throw expected(path, 'a percentage from 0 to 100', value);
};

const common = {
  Kind: text,
  Name: text,
  Meta: mapOf(text),
  Namespace: defaultOnly,
  Partition: defaultOnly,
  CreateIndex: ignored,
  ModifyIndex: ignored,
} as const;
const headers = objectOf({ Add: mapOf(text), Set: mapOf(text), Remove: listOf(text) } as const);
const meshGateway = objectOf({ Mode: text } as const);
const limitsOf = objectOf({ MaxConnections: count, MaxPendingRequests: count, MaxConcurrentRequests: count } as const);
const upstream = objectOf({
  Name: text,
  Namespace: defaultOnly,
  Partition: defaultOnly,
  Peer: text,
  EnvoyListenerJSON: text,
  EnvoyClusterJSON: text,
  Protocol: text,
  ConnectTimeoutMs: count,
  Limits: limitsOf,
  PassiveHealthCheck: objectOf({
    Interval: span,
    MaxFailures: count,
    EnforcingConsecutive5xx: count,
    MaxEjectionPercent: count,
    BaseEjectionTime: span,
  } as const),
  MeshGateway: meshGateway,
  BalanceOutboundConnections: text,
} as const);
const rateLimit = { RequestsPerSecond: count, RequestsMaxBurst: count } as const;
const pathRule = { PathExact: text, PathPrefix: text, PathRegex: text } as const;
const headerRule = { Name: text, Present: flag, Exact: text, Prefix: text, Suffix: text, Regex: text, Invert: flag } as const;
const jwt = objectOf({
  Providers: listOf(
    objectOf({ Name: text, VerifyClaims: listOf(objectOf({ Path: listOf(text), Value: text } as const)) } as const),
  ),
} as const);

const readers: Readonly<Record<ConsulKind, Reader<Readonly<Record<string, unknown>>>>> = {
  'service-defaults': objectOf({
    ...common,
    Protocol: text,
    Mode: text,
    TransparentProxy: objectOf({ OutboundListenerPort: count, DialedDirectly: flag } as const),
    MutualTLSMode: text,
    MeshGateway: meshGateway,
    Expose: objectOf({
      Checks: flag,
      Paths: listOf(
        objectOf({ ListenerPort: count, Path: text, LocalPathPort: count, Protocol: text, ParsedFromCheck: flag } as const),
      ),
    } as const),
    ExternalSNI: text,
    UpstreamConfig: objectOf({ Overrides: listOf(upstream), Defaults: upstream } as const),
    Destination: objectOf({ Address: text, Addresses: listOf(text), Port: integer(0, 65_535) } as const),
    MaxInboundConnections: count,
    LocalConnectTimeoutMs: count,
    LocalRequestTimeoutMs: count,
    BalanceInboundConnections: text,
    RateLimits: objectOf({
      InstanceLevel: objectOf({ ...rateLimit, Routes: listOf(objectOf({ ...pathRule, ...rateLimit } as const)) } as const),
    } as const),
    EnvoyExtensions: listOf(
      objectOf({ Name: text, Required: flag, Arguments: anything, ConsulVersion: text, EnvoyVersion: text } as const),
    ),
  } as const),
  'service-router': objectOf({
    ...common,
    Routes: listOf(
      objectOf({
        Match: objectOf({
          HTTP: objectOf({
            ...pathRule,
            CaseInsensitive: flag,
            Header: listOf(objectOf(headerRule)),
            QueryParam: listOf(objectOf({ Name: text, Present: flag, Exact: text, Regex: text } as const)),
            Methods: listOf((value, path) => text(value, path).toUpperCase()),
          } as const),
        } as const),
        Destination: objectOf({
          Service: text,
          ServiceSubset: text,
          Namespace: defaultOnly,
          Partition: defaultOnly,
          PrefixRewrite: text,
          RequestTimeout: span,
          IdleTimeout: span,
          NumRetries: count,
          RetryOnConnectFailure: flag,
          RetryOnStatusCodes: listOf(count),
          RetryOn: listOf(text),
          RequestHeaders: headers,
          ResponseHeaders: headers,
        } as const),
      } as const),
    ),
  } as const),
  'service-splitter': objectOf({
    ...common,
    Splits: listOf(
      objectOf({
        Weight: percent,
        Service: text,
        ServiceSubset: text,
        Namespace: defaultOnly,
        Partition: defaultOnly,
        RequestHeaders: headers,
        ResponseHeaders: headers,
      } as const),
    ),
  } as const),
  'service-resolver': objectOf({
    ...common,
    DefaultSubset: text,
    Subsets: mapOf(objectOf({ Filter: text, OnlyPassing: flag } as const)),
    Redirect: objectOf({
      Service: text,
      ServiceSubset: text,
      Namespace: defaultOnly,
      Partition: defaultOnly,
      Datacenter: text,
      Peer: text,
      SamenessGroup: text,
    } as const),
    Failover: mapOf(
      objectOf({
        Service: text,
        ServiceSubset: text,
        Namespace: defaultOnly,
        Datacenters: listOf(text),
        Targets: listOf(anything),
        Policy: anything,
        SamenessGroup: text,
      } as const),
    ),
    ConnectTimeout: span,
    RequestTimeout: span,
    PrioritizeByLocality: objectOf({ Mode: text } as const),
    LoadBalancer: objectOf({
      Policy: text,
      RingHashConfig: objectOf({ MinimumRingSize: count, MaximumRingSize: count } as const),
      LeastRequestConfig: objectOf({ ChoiceCount: count } as const),
      HashPolicies: listOf(
        objectOf({
          Field: text,
          FieldValue: text,
          CookieConfig: objectOf({ Session: flag, TTL: span, Path: text } as const),
          SourceIP: flag,
          Terminal: flag,
        } as const),
      ),
    } as const),
  } as const),
  'service-intentions': objectOf({
    ...common,
    Sources: listOf(
      objectOf({
        Name: text,
        Peer: text,
        Namespace: defaultOnly,
        Partition: defaultOnly,
        SamenessGroup: text,
        Action: text,
        Permissions: listOf(
          objectOf({
            Action: text,
            HTTP: objectOf({
              ...pathRule,
              Header: listOf(objectOf({ ...headerRule, Contains: text, IgnoreCase: flag } as const)),
              Methods: listOf(text),
            } as const),
            JWT: jwt,
          } as const),
        ),
        Precedence: ignored,
        Type: text,
        Description: text,
        LegacyID: ignored,
        LegacyMeta: ignored,
        LegacyCreateTime: ignored,
        LegacyUpdateTime: ignored,
      } as const),
    ),
    JWT: jwt,
  } as const),
};

export function isConsulKind(kind: string): kind is ConsulKind {
  return (consulKinds as readonly string[]).includes(kind);
}

/** Refuses a kind that is none, and says why one of Consul's is not taken. */
export function requireConsulKind(kind: string): ConsulKind {
  if (isConsulKind(kind)) return kind;
  const missing = Object.hasOwn(otherKinds, kind) ? otherKinds[kind] : undefined;
  if (missing === undefined) throw badRequest(`invalid config entry kind: ${kind.slice(0, 60)}`);
  throw badRequest(`config entries of kind ${kind} are not supported: there are no ${missing} here`);
}

/** Whether Consul has such a kind. */
export function isKnownKind(kind: string): boolean {
  return isConsulKind(kind) || Object.hasOwn(otherKinds, kind);
}

export interface DecodedEntry {
  readonly kind: ConsulKind;
  readonly name: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** Reads the body of `PUT /v1/config`. */
export function decodeConfigEntry(body: unknown): DecodedEntry {
  if (!isRecord(body)) throw badRequest('Request decoding failed: the body is not an object');
  const given = body['Kind'] ?? body['kind'];
  if (given === undefined) throw badRequest('Request decoding failed: Payload does not contain a kind/Kind key at the top level');
  if (typeof given !== 'string') throw badRequest('Request decoding failed: Kind value in payload is not a string');
  if (!isKnownKind(given)) throw badRequest(`Request decoding failed: invalid config entry kind: ${given.slice(0, 60)}`);
  const kind = requireConsulKind(given);
  const value = JSON.parse(JSON.stringify(readers[kind](body, ''))) as Record<string, unknown>;
  const name = typeof value['Name'] === 'string' ? value['Name'] : '';
  if (name === '') throw badRequest('Name is required');
  if (name.length > limits.nameLength) throw badRequest(`Name has ${name.length} characters, the limit is ${limits.nameLength}`);
  const fault = rules[kind](value);
  if (fault !== undefined) throw badRequest(fault);
  return { kind, name, value: kind === 'service-intentions' ? withPrecedence(name, value) : value };
}

type Entry = Readonly<Record<string, unknown>>;

function listIn(entry: Entry, key: string): readonly Entry[] {
  return (entry[key] as readonly Entry[] | undefined) ?? [];
}

const rules: Readonly<Record<ConsulKind, (value: Entry) => string | undefined>> = {
  'service-defaults': (value) =>
    value['Name'] === '*' ? 'service-defaults name must be the name of a service, and not a wildcard' : undefined,
  'service-router': routerFault,
  'service-splitter': splitterFault,
  'service-resolver': (value) =>
    value['Redirect'] !== undefined && value['Failover'] !== undefined ? 'Redirect and Failover cannot both be set' : undefined,
  'service-intentions': intentionsFault,
};

function routerFault(value: Entry): string | undefined {
  for (const [i, route] of listIn(value, 'Routes').entries()) {
    const http = ((route['Match'] as Entry | undefined)?.['HTTP'] ?? {}) as Entry;
    const given = ['PathExact', 'PathPrefix', 'PathRegex'].filter((key) => (http[key] ?? '') !== '');
    for (const key of ['PathExact', 'PathPrefix']) {
      const path = http[key];
      if (typeof path === 'string' && path !== '' && !path.startsWith('/'))
        return `Route[${i}] ${key} doesn't start with '/': ${JSON.stringify(path.slice(0, 60))}`;
    }
    if (given.length > 1) return `Route[${i}] should only contain at most one of PathExact, PathPrefix, or PathRegex`;
    const nameless = listIn(http, 'Header').findIndex((header) => (header['Name'] ?? '') === '');
    if (nameless >= 0) return `Route[${i}] Header[${nameless}] missing required Name field`;
  }
  return undefined;
}

function splitterFault(value: Entry): string | undefined {
  const splits = listIn(value, 'Splits');
  if (splits.length === 0) return 'no splits configured';
  const seen = new Set<string>();
  let hundredths = 0;
  for (const split of splits) {
    const [service, subset] = [(split['Service'] as string | undefined) || String(value['Name']), split['ServiceSubset'] ?? ''];
    const key = JSON.stringify([service, subset]);
    if (seen.has(key)) {
      const what = `service=${JSON.stringify(service)}, subset=${JSON.stringify(subset)}`;
      return `split destination occurs more than once: ${what}, namespace="", partition=""`;
    }
    seen.add(key);
    hundredths += Math.round(Number(split['Weight'] ?? 0) * 100);
  }
  return hundredths === 10_000 ? undefined : `the sum of all split weights must be 100, not ${(hundredths / 100).toFixed(6)}`;
}

function intentionsFault(value: Entry): string | undefined {
  const sources = listIn(value, 'Sources');
  if (sources.length === 0) return 'At least one source is required';
  const seen = new Set<unknown>();
  for (const [i, source] of sources.entries()) {
    const { Name = '', Action = '', Type = '', Permissions = [] } = source;
    if (Name === '') return `Sources[${i}].Name is required`;
    if (seen.has(Name)) return `Sources[${i}] defines ${JSON.stringify(Name)} more than once`;
    seen.add(Name);
    const isL7 = (Permissions as readonly unknown[]).length > 0;
    if (isL7 && Action !== '') return `Sources[${i}].Action must be omitted if Permissions are specified`;
    if (!isL7 && Action !== 'allow' && Action !== 'deny') return `Sources[${i}].Action must be set to 'allow' or 'deny'`;
    if (Type !== 'consul' && Type !== '') return `Sources[${i}].Type must be set to 'consul'`;
  }
  return undefined;
}

/** As Consul orders sources: the more exact first. */
function withPrecedence(name: string, value: Entry): Entry {
  const sources = listIn(value, 'Sources').map((source) => ({
    ...source,
    Type: 'consul',
    Precedence: (name === '*' ? 6 : 9) - (source['Name'] === '*' ? 1 : 0),
  }));
  return { ...value, Sources: sources.sort((a, b) => b.Precedence - a.Precedence) };
}

/** Keys of an entry that change nothing in this mesh: shown beside it, so that nobody relies on them. */
export function notApplied(kind: string, value: unknown): readonly string[] {
  if (!isRecord(value) || (kind !== 'service-defaults' && kind !== 'service-intentions')) return [];
  return Object.keys(value).filter((key) => !['Kind', 'Name', 'Meta'].includes(key));
}
