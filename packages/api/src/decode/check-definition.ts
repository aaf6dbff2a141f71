/**
 * Checks as clients define them, turned into what the mesh keeps. HTTP, TCP and TTL work;
 * Consul's other kinds are known by name and refused, so that nobody believes in a check that never runs.
 */

import { checkId, limits } from '@skein/core';
import type { CheckDefinition, CheckProbe, CheckStatus, InstanceId } from '@skein/core';
import { badRequest } from '../refusal.ts';
import { durationMs, flag, ignored, integer, isRecord, listOf, mapOf, objectOf, text, unsupported } from './decoder.ts';
import type { Decoded, Reader } from './decoder.ts';

/** Consul's floor: an interval of 10 that meant seconds is 10 ns to Go. */
const intervalMsMin = 1000;
/** Beyond a day a check says nothing, and timers of the platform end at 24 days. */
const intervalMsMax = 86_400_000;
const timeoutMsDefault = 10_000;
/** Consul's floor for deregistering what stays critical. */
const deregisterMsMin = 60_000;
const thresholdMax = 1_000_000;

const supported = 'supported are HTTP, TCP and TTL';
const enterprise = unsupported('there are no namespaces and partitions here; leave it out or say "default"');

/** `default` is the one namespace, partition and peer there is. */
export const defaultOnly: Reader<undefined> = (value, path) => (value === 'default' ? undefined : enterprise(value, path));

function refusedKind(kind: string): Reader<undefined> {
  return unsupported(`${kind} checks are not supported by this version; ${supported}`);
}

const checkTable = {
  CheckID: text,
  Name: text,
  Notes: text,
  Status: text,
  Interval: durationMs,
  Timeout: durationMs,
  TTL: durationMs,
  HTTP: text,
  Method: text,
  Header: mapOf(listOf(text)),
  Body: text,
  DisableRedirects: flag,
  TCP: text,
  TCPUseTLS: unsupported('TCP checks over TLS are not supported by this version'),
  UDP: refusedKind('UDP'),
  GRPC: refusedKind('gRPC'),
  GRPCUseTLS: ignored,
  H2PING: refusedKind('H2PING'),
  H2PingUseTLS: ignored,
  OSService: refusedKind('OSService'),
  ScriptArgs: refusedKind('script'),
  Script: refusedKind('script'),
  Shell: refusedKind('Docker'),
  DockerContainerID: refusedKind('Docker'),
  AliasNode: refusedKind('alias'),
  AliasService: refusedKind('alias'),
  TLSServerName: unsupported('a server name of its own is not supported by this version'),
  TLSSkipVerify: flag,
  SuccessBeforePassing: integer(0, thresholdMax),
  FailuresBeforeWarning: integer(0, thresholdMax),
  FailuresBeforeCritical: integer(0, thresholdMax),
  DeregisterCriticalServiceAfter: durationMs,
  // Output is cut at 4 KiB, Consul's default, whatever is asked for.
  OutputMaxSize: integer(0, Number.MAX_SAFE_INTEGER),
  ProxyHTTP: ignored,
  ProxyGRPC: ignored,
} as const;

type DecodedCheck = Decoded<typeof checkTable>;

/** A check inside a service's registration. Empty objects count as absent, as Go clients send them. */
export const serviceCheck: Reader<DecodedCheck | undefined> = (value, path) =>
  isRecord(value) && Object.keys(value).length === 0 ? undefined : readServiceCheck(value, path);

const readServiceCheck = objectOf(checkTable, { args: 'ScriptArgs' });

const readRegistration = objectOf(
  {
    ...checkTable,
    ID: text,
    ServiceID: text,
    Token: ignored,
    Namespace: defaultOnly,
    Partition: defaultOnly,
    EnterpriseMeta: ignored,
  } as const,
  { args: 'ScriptArgs' },
);

/** The body of `agent/check/register`. `instance` brands the id of a service instance. */
export function decodeCheckRegistration(value: unknown, instance: (id: string) => InstanceId): CheckDefinition {
  const decoded = readRegistration(value, '');
  if (decoded.Name === undefined || decoded.Name === '') throw badRequest('Missing check name');
  const id = firstText(decoded.ID, decoded.CheckID, decoded.Name);
  const serviceId = decoded.ServiceID ?? '';
  return checkDefinition(decoded, { id, name: decoded.Name, instanceId: serviceId === '' ? undefined : instance(serviceId) });
}

/** A check of an instance: its id and name are made up from the service where the client gives none. */
export function instanceCheck(
  decoded: DecodedCheck,
  owner: { readonly instanceId: InstanceId; readonly service: string; readonly number: number | undefined },
): CheckDefinition {
  const suffix = owner.number === undefined ? '' : `:${owner.number}`;
  return checkDefinition(decoded, {
    id: firstText(decoded.CheckID, `service:${owner.instanceId}${suffix}`),
    name: firstText(decoded.Name, `Service '${owner.service}' check`),
    instanceId: owner.instanceId,
  });
}

function firstText(...candidates: readonly (string | undefined)[]): string {
  return candidates.find((candidate) => candidate !== undefined && candidate !== '') ?? '';
}

interface CheckNames {
  readonly id: string;
  readonly name: string;
  readonly instanceId: InstanceId | undefined;
}

function checkDefinition(decoded: DecodedCheck, names: CheckNames): CheckDefinition {
  const probe = probeOf(decoded);
  const isTtl = probe.type === 'ttl';
  const intervalMs = isTtl ? 0 : Math.max(decoded.Interval ?? 0, intervalMsMin);
  const failuresBeforeCritical = decoded.FailuresBeforeCritical ?? 0;
  const failuresBeforeWarning = decoded.FailuresBeforeWarning ?? failuresBeforeCritical;
  if (failuresBeforeWarning > failuresBeforeCritical) {
    throw badRequest("Invalid check: FailuresBeforeWarning can't be higher than FailuresBeforeCritical");
  }
  const deregisterMs = decoded.DeregisterCriticalServiceAfter ?? 0;
  return {
    id: checkId(names.id),
    name: names.name,
    notes: decoded.Notes ?? '',
    instanceId: names.instanceId,
    probe,
    intervalMs,
    timeoutMs: isTtl ? 0 : timeoutOf(decoded, intervalMs),
    successBeforePassing: decoded.SuccessBeforePassing ?? 0,
    failuresBeforeWarning,
    failuresBeforeCritical,
    deregisterCriticalAfterMs: deregisterMs === 0 ? 0 : Math.max(deregisterMs, deregisterMsMin),
    initialStatus: initialStatus(decoded.Status ?? ''),
  };
}

function timeoutOf(decoded: DecodedCheck, intervalMs: number): number {
  const timeoutMs = decoded.Timeout ?? 0;
  if (timeoutMs > intervalMsMax) throw badRequest('Invalid check: Timeout must be at most 24h');
  // Consul's default: a check that runs often should be over before its next run.
  return timeoutMs === 0 ? Math.min(intervalMs, timeoutMsDefault) : timeoutMs;
}

function probeOf(decoded: DecodedCheck): CheckProbe {
  const ttlMs = decoded.TTL ?? 0;
  const kinds = [
    ...((decoded.HTTP ?? '') === '' ? [] : ['HTTP']),
    ...((decoded.TCP ?? '') === '' ? [] : ['TCP']),
    ...(ttlMs === 0 ? [] : ['TTL']),
  ];
  if (kinds.length > 1) throw badRequest(`Invalid check: exactly one kind of check is allowed, got ${kinds.join(' and ')}`);
  if (kinds.length === 0) {
    throw badRequest(`Invalid check: TTL must be > 0 for TTL checks; a check needs one of HTTP, TCP or TTL`);
  }
  const intervalMs = decoded.Interval ?? 0;
  if (ttlMs > 0) {
    if (intervalMs > 0) throw badRequest('Invalid check: Interval and TTL cannot both be specified');
    return { type: 'ttl', ttlMs };
  }
  if (intervalMs === 0) throw badRequest('Invalid check: Interval must be > 0 for Script, HTTP, or TCP checks');
  if (intervalMs > intervalMsMax) throw badRequest('Invalid check: Interval must be at most 24h');
  return (decoded.TCP ?? '') === '' ? httpProbe(decoded) : { type: 'tcp', address: tcpAddress(decoded.TCP ?? '') };
}

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const headerValue = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;

function httpProbe(decoded: DecodedCheck): CheckProbe {
  const url = decoded.HTTP ?? '';
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')) {
    throw badRequest(`Invalid check: HTTP must be an http or https URL, got "${url.slice(0, 200)}"`);
  }
  const method = firstText(decoded.Method, 'GET');
  if (!token.test(method)) throw badRequest(`Invalid check: Method is not an HTTP method: "${method.slice(0, 60)}"`);
  const headers = decoded.Header ?? {};
  for (const [name, values] of Object.entries(headers)) {
    if (!token.test(name)) throw badRequest(`Invalid check: Header has a name that is not allowed: "${name.slice(0, 60)}"`);
    if (!values.every((value) => headerValue.test(value))) {
      throw badRequest(`Invalid check: Header "${name.slice(0, 60)}" has a value with characters that are not allowed`);
    }
  }
  return {
    type: 'http',
    url,
    method,
    headers,
    body: decoded.Body ?? '',
    followRedirects: decoded.DisableRedirects !== true,
    skipTlsVerify: decoded.TLSSkipVerify === true,
  };
}

function tcpAddress(address: string): string {
  const match = /^(?:\[[0-9a-fA-F:.%]+\]|[^\s:/[\]]+):(\d{1,5})$/.exec(address);
  const port = Number(match?.[1] ?? 0);
  if (port < 1 || port > 65_535) {
    throw badRequest(`Invalid check: TCP must be HOST:PORT, got "${address.slice(0, 200)}"`);
  }
  return address;
}

const statuses: readonly string[] = ['passing', 'warning', 'critical'] satisfies CheckStatus[];

/** Whether a text is a status a client may give. */
export function isCheckStatus(status: string): status is CheckStatus {
  return statuses.includes(status);
}

function initialStatus(status: string): CheckStatus {
  if (status === '') return 'critical';
  if (isCheckStatus(status)) return status;
  throw badRequest(`Bad check status: "${status.slice(0, 60)}"; use passing, warning or critical`);
}

/** Cut to what the mesh keeps of a check's output. */
export function cutOutput(output: string): string {
  return output.slice(0, limits.outputLength);
}
