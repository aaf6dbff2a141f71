/**
 * What a check asks and how, as clients write it: exactly one of Consul's kinds, by Consul's rules of validity. Docker
 * and OSService checks are known by name and refused, so that nobody believes in a check that never runs.
 */

import type { CheckProbe, ProbeTls } from '@skein/core';
import { badRequest } from '../refusal.ts';
import { durationMs, flag, ignored, listOf, mapOf, text, unsupported } from './decoder.ts';
import type { Decoded, Reader } from './decoder.ts';

/** Beyond a day a check says nothing, and timers of the platform end at 24 days. */
const intervalMsMax = 86_400_000;

const works = 'use an HTTP, TCP, UDP, gRPC, H2PING, TTL or script check instead';

function refused(why: string): Reader<undefined> {
  return unsupported(`${why}; ${works}`);
}

const docker = refused('Docker checks need the control of a Docker daemon, which is as much as root, and this agent takes none');

/** The keys of a check that say what it asks. */
export const probeTable = {
  Interval: durationMs,
  TTL: durationMs,
  HTTP: text,
  Method: text,
  Header: mapOf(listOf(text)),
  Body: text,
  DisableRedirects: flag,
  TCP: text,
  TCPUseTLS: flag,
  UDP: text,
  GRPC: text,
  GRPCUseTLS: flag,
  H2PING: text,
  H2PingUseTLS: flag,
  ScriptArgs: listOf(text),
  AliasNode: text,
  AliasService: text,
  TLSServerName: text,
  TLSSkipVerify: flag,
  OSService: refused('OSService checks ask the service manager of one operating system'),
  Script: refused('a script is given as ScriptArgs, a list of a program and its arguments'),
  Shell: docker,
  DockerContainerID: docker,
  ProxyHTTP: ignored,
  ProxyGRPC: ignored,
} as const;

export type DecodedProbe = Decoded<typeof probeTable>;

/** Kinds that are run at an interval, with the key that makes a check one of them. */
const kinds: readonly (readonly [key: string, isGiven: (decoded: DecodedProbe) => boolean])[] = [
  ['HTTP', ({ HTTP }) => isText(HTTP)],
  ['TCP', ({ TCP }) => isText(TCP)],
  ['UDP', ({ UDP }) => isText(UDP)],
  ['GRPC', ({ GRPC }) => isText(GRPC)],
  ['H2PING', ({ H2PING }) => isText(H2PING)],
  ['ScriptArgs', ({ ScriptArgs = [] }) => ScriptArgs.length > 0],
];

function isText(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}

/** The probe of a check. Throws a `Refusal` of status 400 that begins with `Invalid check: `, as Consul's do. */
export function probeOf(decoded: DecodedProbe): CheckProbe {
  const given = kinds.filter(([, isGiven]) => isGiven(decoded)).map(([key]) => key);
  const { Interval: intervalMs = 0, TTL: ttlMs = 0 } = decoded;
  const isAlias = isText(decoded.AliasNode) || isText(decoded.AliasService);
  if (intervalMs > 0 && ttlMs > 0) throw invalid('Interval and TTL cannot both be specified');
  if (given.length > 0 && isAlias) throw invalid('Interval cannot be set for Alias checks');
  if (isAlias && ttlMs > 0) throw invalid('TTL must be not be set for Alias checks');
  const named = ttlMs > 0 ? [...given, 'TTL'] : given;
  if (named.length > 1) throw invalid(`exactly one kind of check is allowed, got ${named.join(' and ')}`);
  if (isAlias) return { type: 'alias', node: decoded.AliasNode ?? '', instance: decoded.AliasService ?? '' };
  if (ttlMs > 0) return { type: 'ttl', ttlMs };
  const [kind] = given;
  if (kind === undefined) {
    throw invalid(
      'TTL must be > 0 for TTL checks; a check needs one of HTTP, TCP, UDP, GRPC, H2PING, ScriptArgs, AliasService or TTL',
    );
  }
  if (intervalMs === 0) throw invalid('Interval must be > 0 for Script, HTTP, H2PING, TCP, UDP or OSService checks');
  if (intervalMs > intervalMsMax) throw invalid('Interval must be at most 24h');
  return intervalProbe(kind, decoded);
}

function invalid(message: string): Error {
  return badRequest(`Invalid check: ${message}`);
}

function intervalProbe(kind: string, decoded: DecodedProbe): CheckProbe {
  switch (kind) {
    case 'TCP':
      return { type: 'tcp', address: address('TCP', decoded.TCP), ...tls(decoded, decoded.TCPUseTLS === true) };
    case 'UDP':
      return { type: 'udp', address: address('UDP', decoded.UDP) };
    case 'GRPC':
      return grpcProbe(decoded);
    case 'H2PING':
      // Consul's default: in the clear only where the client says so.
      return { type: 'h2ping', address: address('H2PING', decoded.H2PING), ...tls(decoded, decoded.H2PingUseTLS !== false) };
    case 'ScriptArgs':
      return { type: 'script', args: decoded.ScriptArgs ?? [] };
    default:
      return httpProbe(decoded);
  }
}

function tls(decoded: DecodedProbe, isOn: boolean): { readonly tls?: ProbeTls } {
  if (!isOn) return {};
  return { tls: { serverName: decoded.TLSServerName ?? '', skipVerify: decoded.TLSSkipVerify === true } };
}

/** `HOST:PORT/SERVICE`, where the service may be left out. */
function grpcProbe(decoded: DecodedProbe): CheckProbe {
  const target = decoded.GRPC ?? '';
  const slash = target.indexOf('/');
  return {
    type: 'grpc',
    address: address('GRPC', slash === -1 ? target : target.slice(0, slash), target),
    service: slash === -1 ? '' : target.slice(slash + 1),
    ...tls(decoded, decoded.GRPCUseTLS === true),
  };
}

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const headerValue = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;

function httpProbe(decoded: DecodedProbe): CheckProbe {
  const url = decoded.HTTP ?? '';
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')) {
    throw invalid(`HTTP must be an http or https URL, got "${url.slice(0, 200)}"`);
  }
  const method = isText(decoded.Method) ? (decoded.Method ?? '') : 'GET';
  if (!token.test(method)) throw invalid(`Method is not an HTTP method: "${method.slice(0, 60)}"`);
  if (method.toUpperCase() === 'CONNECT')
    throw invalid('Method CONNECT asks for a tunnel, which says nothing of health; use GET');
  const headers = decoded.Header ?? {};
  for (const [name, values] of Object.entries(headers)) {
    if (!token.test(name)) throw invalid(`Header has a name that is not allowed: "${name.slice(0, 60)}"`);
    if (!values.every((value) => headerValue.test(value))) {
      throw invalid(`Header "${name.slice(0, 60)}" has a value with characters that are not allowed`);
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
    ...(isText(decoded.TLSServerName) ? { tlsServerName: decoded.TLSServerName ?? '' } : {}),
  };
}

function address(key: string, value = '', shown = value): string {
  const match = /^(?:\[[0-9a-fA-F:.%]+\]|[^\s:/[\]]+):(\d{1,5})$/.exec(value);
  const port = Number(match?.[1] ?? 0);
  if (port < 1 || port > 65_535) throw invalid(`${key} must be HOST:PORT, got "${shown.slice(0, 200)}"`);
  return value;
}
