/** The rules a registration must keep, whoever made it. The first broken one is returned, naming the field. */

import type { Instance } from '../catalog/record.ts';
import { assertNever } from '../assert.ts';
import { limits } from '../limits.ts';
import { nameFault, textFault } from '../text.ts';
import type { CheckDefinition } from './registration.ts';

/** Returns what is wrong with an instance, or undefined. */
export function validateInstance(instance: Instance): string | undefined {
  return (
    text('Name', instance.service, 1, limits.nameLength) ??
    text('ID', instance.id, 1, limits.nameLength) ??
    text('Address', instance.address, 0, limits.addressLength) ??
    whole('Port', instance.port, 0, 65_535) ??
    anyAddress(instance.address) ??
    validateTags(instance.tags) ??
    validateMeta('Meta', instance.meta) ??
    whole('Weights.Passing', instance.weights.passing, 0, 65_535) ??
    whole('Weights.Warning', instance.weights.warning, 0, 65_535) ??
    validateTaggedAddresses(instance.taggedAddresses) ??
    text('Locality.Region', instance.region, 0, limits.nameLength) ??
    text('Locality.Zone', instance.zone, 0, limits.nameLength) ??
    text('Kind', instance.kind, 0, limits.nameLength) ??
    text('SocketPath', instance.socketPath, 0, limits.addressLength) ??
    protocol(instance.protocol)
  );
}

/** Returns what is wrong with a check, or undefined. */
export function validateCheck(check: CheckDefinition): string | undefined {
  const common =
    text('CheckID', check.id, 1, limits.checkNameLength) ??
    text('Check.Name', check.name, 1, limits.checkNameLength) ??
    prose('Check.Notes', check.notes, limits.notesLength) ??
    whole('Check.Interval', check.intervalMs, 0, Number.MAX_SAFE_INTEGER) ??
    whole('Check.Timeout', check.timeoutMs, 0, Number.MAX_SAFE_INTEGER) ??
    whole('Check.SuccessBeforePassing', check.successBeforePassing, 0, 1000) ??
    whole('Check.FailuresBeforeWarning', check.failuresBeforeWarning, 0, 1000) ??
    whole('Check.FailuresBeforeCritical', check.failuresBeforeCritical, 0, 1000) ??
    whole('Check.DeregisterCriticalServiceAfter', check.deregisterCriticalAfterMs, 0, Number.MAX_SAFE_INTEGER) ??
    whole('Check.OutputMaxSize', check.outputLengthMax ?? 1, 1, limits.outputLength);
  if (common !== undefined) return common;
  if (check.failuresBeforeWarning > Math.max(1, check.failuresBeforeCritical)) {
    return 'Check.FailuresBeforeWarning must not be greater than Check.FailuresBeforeCritical';
  }
  return validateProbe(check);
}

function validateProbe(check: CheckDefinition): string | undefined {
  const { probe } = check;
  switch (probe.type) {
    case 'http':
      return text('Check.HTTP', probe.url, 1, 2048) ?? serverName(probe.tlsServerName) ?? interval(check);
    case 'tcp':
      return text('Check.TCP', probe.address, 1, limits.addressLength) ?? serverName(probe.tls?.serverName) ?? interval(check);
    case 'udp':
      return text('Check.UDP', probe.address, 1, limits.addressLength) ?? interval(check);
    case 'grpc':
      return (
        text('Check.GRPC', probe.address, 1, limits.addressLength) ??
        text('Check.GRPC service', probe.service, 0, limits.addressLength) ??
        serverName(probe.tls?.serverName) ??
        interval(check)
      );
    case 'h2ping':
      return text('Check.H2PING', probe.address, 1, limits.addressLength) ?? serverName(probe.tls?.serverName) ?? interval(check);
    case 'script':
      return scriptArgs(probe.args) ?? interval(check);
    case 'alias':
      return probe.node === '' && probe.instance === ''
        ? 'Check.AliasService must not be empty where there is no Check.AliasNode'
        : (text('Check.AliasNode', probe.node, 0, limits.nameLength) ??
            text('Check.AliasService', probe.instance, 0, limits.nameLength));
    case 'ttl':
      return probe.ttlMs > 0 ? whole('Check.TTL', probe.ttlMs, 1, Number.MAX_SAFE_INTEGER) : 'Check.TTL must be greater than 0';
    case 'none':
      return undefined;
    default:
      return assertNever(probe);
  }
}

function serverName(name = ''): string | undefined {
  return text('Check.TLSServerName', name, 0, limits.addressLength);
}

function scriptArgs(args: readonly string[]): string | undefined {
  if (args.length === 0 || args[0] === '') return 'Check.ScriptArgs must name a program';
  if (args.length > limits.scriptArgs) return `Check.ScriptArgs has ${args.length} entries, the limit is ${limits.scriptArgs}`;
  for (const [i, arg] of args.entries()) {
    const broken = prose(`Check.ScriptArgs[${i}]`, arg, limits.scriptArgLength);
    if (broken !== undefined) return broken;
    if (arg.includes('\0')) return `Check.ScriptArgs[${i}] has the control character U+0000: leave it out`;
  }
  return undefined;
}

function interval(check: CheckDefinition): string | undefined {
  return check.intervalMs > 0 ? undefined : 'Check.Interval must be greater than 0 for a check that probes';
}

function text(field: string, value: string, min: number, max: number): string | undefined {
  if (value.length < min) return `${field} must not be empty`;
  if (value.length > max) return `${field} has ${value.length} characters, the limit is ${max}`;
  const fault = nameFault(value);
  return fault === undefined ? undefined : `${field} ${fault}`;
}

/** As `text`, for what people read and nothing compares: it may have lines. */
function prose(field: string, value: string, max: number): string | undefined {
  if (value.length > max) return `${field} has ${value.length} characters, the limit is ${max}`;
  const fault = textFault(value);
  return fault === undefined ? undefined : `${field} ${fault}`;
}

function whole(field: string, value: number, min: number, max: number): string | undefined {
  return Number.isInteger(value) && value >= min && value <= max
    ? undefined
    : `${field} must be a whole number from ${min} to ${max}, got ${value}`;
}

function anyAddress(address: string): string | undefined {
  return address === '0.0.0.0' || address === '::' || address === '[::]'
    ? `Address ${address} cannot be connected to: name one address, or leave it out for the node's`
    : undefined;
}

function protocol(value: string): string | undefined {
  return ['', 'http', 'http2', 'grpc', 'tcp'].includes(value)
    ? undefined
    : `Protocol "${value}" is unknown: use http, http2, grpc or tcp`;
}

function validateTags(tags: readonly string[]): string | undefined {
  if (tags.length > limits.tags) return `Tags has ${tags.length} entries, the limit is ${limits.tags}`;
  for (const [i, tag] of tags.entries()) {
    const broken = text(`Tags[${i}]`, tag, 0, limits.tagLength);
    if (broken !== undefined) return broken;
  }
  return undefined;
}

function validateMeta(field: string, meta: Readonly<Record<string, string>>): string | undefined {
  const keys = Object.keys(meta);
  if (keys.length > limits.tags) return `${field} has ${keys.length} keys, the limit is ${limits.tags}`;
  for (const key of keys) {
    const broken =
      text(`${field} key`, key, 1, limits.metaKeyLength) ?? prose(`${field}.${key}`, meta[key] ?? '', limits.metaValueLength);
    if (broken !== undefined) return broken;
  }
  return undefined;
}

function validateTaggedAddresses(addresses: Instance['taggedAddresses']): string | undefined {
  const keys = Object.keys(addresses);
  if (keys.length > limits.addresses) return `TaggedAddresses has ${keys.length} keys, the limit is ${limits.addresses}`;
  for (const key of keys) {
    const broken =
      text('TaggedAddresses key', key, 1, limits.metaKeyLength) ??
      text(`TaggedAddresses.${key}.Address`, addresses[key]?.address ?? '', 0, limits.addressLength) ??
      whole(`TaggedAddresses.${key}.Port`, addresses[key]?.port ?? 0, 0, 65_535);
    if (broken !== undefined) return broken;
  }
  return undefined;
}
