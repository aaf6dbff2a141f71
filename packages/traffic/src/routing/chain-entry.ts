/**
 * Consul's entries that decide where requests to a service go: `service-router`, `service-splitter` and
 * `service-resolver`, as they are stored (in Consul's words, durations as text). What this version cannot follow is refused
 * by name: followed in part, they would send traffic elsewhere.
 */

import { httpMethods, routeLimits } from './route.ts';

export const chainKinds = ['service-router', 'service-splitter', 'service-resolver'] as const;
export type ChainKind = (typeof chainKinds)[number];

export interface ServiceRouter {
  readonly Routes?: readonly ServiceRoute[];
}

export interface ServiceRoute {
  readonly Match?: {
    readonly HTTP?: {
      readonly PathExact?: string;
      /** Compared by characters: `/order` matches `/orders` too. */
      readonly PathPrefix?: string;
      readonly Header?: readonly { readonly Name: string; readonly Exact: string }[];
      readonly Methods?: readonly string[];
    };
  };
  readonly Destination?: { readonly Service?: string; readonly RequestTimeout?: string; readonly NumRetries?: number };
}

export interface ServiceSplitter {
  /** Weights are percent, to two decimals, and sum up to 100. */
  readonly Splits: readonly { readonly Weight: number; readonly Service?: string }[];
}

export interface ServiceResolver {
  readonly Redirect?: { readonly Service: string };
  readonly RequestTimeout?: string;
}

/** The reason of a refusal, with the path of the key; undefined when the value can be followed. */
export function validateChainEntry(kind: ChainKind, value: unknown): string | undefined {
  if (!isRecord(value)) return 'must be an object';
  if (kind === 'service-router') return routerFault(value);
  return kind === 'service-splitter' ? splitterFault(value) : resolverFault(value);
}

type Value = Readonly<Record<string, unknown>>;

function routerFault(value: Value): string | undefined {
  const { Routes = [] } = value;
  if (!Array.isArray(Routes) || Routes.length > routeLimits.rules)
    return `Routes: must be a list of at most ${routeLimits.rules}`;
  for (const [i, route] of Routes.entries()) {
    const path = `Routes[${i}]`;
    if (!isRecord(route)) return `${path}: must be an object`;
    const { Match = {}, Destination = {} } = route;
    if (!isRecord(Match) || !isRecord(Destination)) return `${path}: Match and Destination must be objects`;
    const { HTTP = {} } = Match;
    if (!isRecord(HTTP)) return `${path}.Match.HTTP: must be an object`;
    const fault = httpFault(HTTP, `${path}.Match.HTTP`) ?? destinationFault(Destination, `${path}.Destination`);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function httpFault(http: Value, path: string): string | undefined {
  const { PathExact = '', PathPrefix = '', Header = [], Methods = [] } = http;
  for (const [key, given] of [
    ['PathExact', PathExact],
    ['PathPrefix', PathPrefix],
  ] as const) {
    if (typeof given !== 'string' || given.length > routeLimits.pathLength) return `${path}.${key}: must be a text`;
    if (given !== '' && !/^\/[!-~]*$/.test(given)) return `${path}.${key}: must begin with "/" and be visible ASCII`;
  }
  if (PathExact !== '' && PathPrefix !== '') return `${path}: has both PathExact and PathPrefix`;
  if (!Array.isArray(Header) || Header.length > routeLimits.headers)
    return `${path}.Header: must be a list of at most ${routeLimits.headers}`;
  for (const [i, header] of Header.entries()) {
    if (!isRecord(header) || typeof header['Name'] !== 'string' || header['Name'] === '')
      return `${path}.Header[${i}].Name: is missing`;
    const fault = beyond(header, ['Name', 'Exact'], `${path}.Header[${i}]`);
    if (fault !== undefined) return fault;
    if (typeof header['Exact'] !== 'string' || header['Exact'] === '') return `${path}.Header[${i}].Exact: is missing`;
  }
  if (!Array.isArray(Methods)) return `${path}.Methods: must be a list`;
  const odd = Methods.find((method) => !(httpMethods as readonly unknown[]).includes(method));
  if (odd !== undefined) return `${path}.Methods: must be of ${httpMethods.join(', ')}`;
  return beyond(http, ['PathExact', 'PathPrefix', 'Header', 'Methods'], path);
}

function destinationFault(destination: Value, path: string): string | undefined {
  const { Service = '', RequestTimeout, NumRetries = 0 } = destination;
  if (typeof Service !== 'string' || Service.length > routeLimits.nameLength) return `${path}.Service: must be a service name`;
  if (typeof NumRetries !== 'number' || !Number.isInteger(NumRetries) || NumRetries < 0 || NumRetries > routeLimits.attempts)
    return `${path}.NumRetries: must be a whole number from 0 to ${routeLimits.attempts}`;
  // The proxy tries again on a failed connection anyway.
  return (
    durationFault(RequestTimeout, `${path}.RequestTimeout`) ??
    beyond(destination, ['Service', 'RequestTimeout', 'NumRetries', 'RetryOnConnectFailure'], path)
  );
}

function splitterFault(value: Value): string | undefined {
  const { Splits } = value;
  if (!Array.isArray(Splits) || Splits.length === 0 || Splits.length > routeLimits.backends)
    return `Splits: must be a list of 1 to ${routeLimits.backends}`;
  let hundredths = 0;
  for (const [i, split] of Splits.entries()) {
    if (!isRecord(split)) return `Splits[${i}]: must be an object`;
    const { Weight, Service = '' } = split;
    if (typeof Weight !== 'number' || !(Weight >= 0 && Weight <= 100)) return `Splits[${i}].Weight: must be from 0 to 100`;
    if (typeof Service !== 'string' || Service.length > routeLimits.nameLength)
      return `Splits[${i}].Service: must be a service name`;
    hundredths += Math.round(Weight * 100);
    const fault = beyond(split, ['Weight', 'Service'], `Splits[${i}]`);
    if (fault !== undefined) return fault;
  }
  return hundredths === 10_000 ? undefined : `Splits: the sum of all split weights must be 100, not ${hundredths / 100}`;
}

function resolverFault(value: Value): string | undefined {
  const { Redirect, RequestTimeout } = value;
  if (Redirect !== undefined) {
    if (!isRecord(Redirect)) return 'Redirect: must be an object';
    const fault = beyond(Redirect, ['Service'], 'Redirect');
    if (fault !== undefined) return fault;
    const { Service } = Redirect;
    if (typeof Service !== 'string' || Service === '' || Service.length > routeLimits.nameLength)
      return 'Redirect.Service: must be a service name';
  }
  return (
    durationFault(RequestTimeout, 'RequestTimeout') ?? beyond(value, ['Kind', 'Name', 'Meta', 'Redirect', 'RequestTimeout'], '')
  );
}

function durationFault(value: unknown, path: string): string | undefined {
  if (value === undefined || (typeof value === 'string' && goDurationMs(value) !== undefined)) return undefined;
  return `${path}: must be a duration of at most a day, such as "15s"`;
}

const part = /(\d{1,9}(?:\.\d{1,9})?)(ms|h|m|s)/gy;
const unitMs = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** Whole milliseconds of a duration as Go prints it, such as `1m30.5s`; undefined when it is none. */
export function goDurationMs(text: string): number | undefined {
  let totalMs = 0;
  let end = 0;
  part.lastIndex = 0;
  for (let match = part.exec(text); match !== null; match = part.exec(text)) {
    totalMs += Number(match[1]) * unitMs[match[2] as keyof typeof unitMs];
    end = part.lastIndex;
  }
  return end === 0 || end !== text.length || totalMs > 86_400_000 ? undefined : Math.ceil(totalMs);
}

/** Refuses the first key that says something and is not among those that are followed. */
function beyond(value: Value, followed: readonly string[], path: string): string | undefined {
  const key = Object.keys(value).find((each) => !followed.includes(each) && saysSomething(value[each]));
  if (key === undefined) return undefined;
  return `${path === '' ? '' : `${path}.`}${key}: this version cannot follow it; it follows ${followed.filter((each) => !['Kind', 'Name', 'Meta'].includes(each)).join(', ')}`;
}

function saysSomething(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false || value === 0) return false;
  if (Array.isArray(value)) return value.length > 0;
  return !isRecord(value) || Object.values(value).some(saysSomething);
}

function isRecord(value: unknown): value is Value {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
