/**
 * Checks as clients define them, turned into what the mesh keeps: names, schedule, thresholds, and the probe.
 */

import { checkId, limits } from '@skein/core';
import type { CheckDefinition, CheckStatus, InstanceId } from '@skein/core';
import { badRequest } from '../refusal.ts';
import { probeOf, probeTable } from './check-probe.ts';
import { durationMs, ignored, integer, objectOf, saysNothing, text, unsupported } from './decoder.ts';
import type { Decoded, Reader } from './decoder.ts';

/** Consul's floor: an interval of 10 that meant seconds is 10 ns to Go. */
const intervalMsMin = 1000;
const timeoutMsMax = 86_400_000;
const timeoutMsDefault = 10_000;
/** A script has more to do than to open a connection. */
const scriptTimeoutMsDefault = 30_000;
/** Consul's floor for deregistering what stays critical. */
const deregisterMsMin = 60_000;
const thresholdMax = 1000;

const enterprise = unsupported('there are no namespaces and partitions here; leave it out or say "default"');

/** `default` is the one namespace, partition and peer there is. */
export const defaultOnly: Reader<undefined> = (value, path) => (value === 'default' ? undefined : enterprise(value, path));

const checkTable = {
  ...probeTable,
  CheckID: text,
  Name: text,
  Notes: text,
  Status: text,
  Timeout: durationMs,
  SuccessBeforePassing: integer(0, thresholdMax),
  FailuresBeforeWarning: integer(0, thresholdMax),
  FailuresBeforeCritical: integer(0, thresholdMax),
  DeregisterCriticalServiceAfter: durationMs,
  OutputMaxSize: integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
} as const;

type DecodedCheck = Decoded<typeof checkTable>;

/** A check inside a service's registration. One that says nothing counts as absent: clients send all fields of an empty one. */
export const serviceCheck: Reader<DecodedCheck | undefined> = (value, path) => {
  const decoded = readServiceCheck(value, path);
  return saysNothing(decoded) ? undefined : decoded;
};

/** `id` as in Consul's configuration files; `ServiceID` is the service around it, whatever it says. */
const readServiceCheck = objectOf({ ...checkTable, ServiceID: ignored } as const, { args: 'ScriptArgs', id: 'CheckID' });

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
  const isRun = probe.type !== 'ttl' && probe.type !== 'alias';
  const intervalMs = isRun ? Math.max(decoded.Interval ?? 0, intervalMsMin) : 0;
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
    timeoutMs: isRun ? timeoutOf(decoded, probe.type === 'script') : 0,
    // Thresholds count results of runs: an alias has none, and a TTL check is believed at its word.
    successBeforePassing: isRun ? (decoded.SuccessBeforePassing ?? 0) : 0,
    failuresBeforeWarning: isRun ? failuresBeforeWarning : 0,
    failuresBeforeCritical: isRun ? failuresBeforeCritical : 0,
    deregisterCriticalAfterMs: deregisterMs === 0 ? 0 : Math.max(deregisterMs, deregisterMsMin),
    initialStatus: initialStatus(decoded.Status ?? ''),
    ...outputLengthMax(decoded.OutputMaxSize ?? 0),
  };
}

function timeoutOf(decoded: DecodedCheck, isScript: boolean): number {
  const timeoutMs = decoded.Timeout ?? 0;
  if (timeoutMs > timeoutMsMax) throw badRequest('Invalid check: Timeout must be at most 24h');
  if (timeoutMs > 0) return timeoutMs;
  // However often it runs: no run begins before the last one is over.
  return isScript ? scriptTimeoutMsDefault : timeoutMsDefault;
}

/** Consul's: 0 is the default, and nobody gets more than the agent keeps. */
function outputLengthMax(asked: number): { readonly outputLengthMax?: number } {
  if (asked < 0) throw badRequest('Invalid check: MaxOutputMaxSize must be positive');
  return asked === 0 || asked >= limits.outputLength ? {} : { outputLengthMax: asked };
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
