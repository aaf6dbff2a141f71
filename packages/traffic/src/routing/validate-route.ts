/**
 * Checks a value from outside before it becomes a `Route`. Strict: the first broken rule is named with the path of its
 * key, unknown keys are refused, since a misspelt key that is ignored sends traffic elsewhere.
 */

import type { ConfigValidator } from '@skein/core';
import { chainKinds, validateChainEntry } from './chain-entry.ts';
import { parseDurationMs } from './duration.ts';
import { httpMethods, routeLimits } from './route.ts';
import { suggest } from './suggest.ts';

/** The reason of a refusal: `path of the key: what is wrong`. */
type Refusal = string | undefined;
type Check = (value: unknown, path: string) => Refusal;

const hostLabel = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const hostname = new RegExp(`^(?:\\*\\.)?${hostLabel}(?:\\.${hostLabel})*$`);
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Visible ASCII, and what may stand between: what a header value can hold after its edges were trimmed. */
const headerText = /^[!-~](?:[ \t!-~]*[!-~])?$/;
const serviceName = /^[^\s/\p{Cc}]+$/u;

/** The reason why `value` is no `Route`, or undefined when it is one. */
export function validateRoute(value: unknown): string | undefined {
  return route(value, '');
}

/** For core's receive path. Entries of kinds that this version does not apply are stored as they are. */
export const validateConfig: ConfigValidator = (kind, _name, value) => {
  if (kind === 'route') return validateRoute(value);
  const chainKind = chainKinds.find((each) => each === kind);
  return chainKind === undefined ? undefined : validateChainEntry(chainKind, value);
};

function object(required: Readonly<Record<string, Check>>, optional: Readonly<Record<string, Check>>): Check {
  const known = [...Object.keys(required), ...Object.keys(optional)];
  return (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return refuse(path, `must be an object, not ${typeName(value)}`);
    for (const key of Object.keys(value)) {
      if (!known.includes(key)) return refuse(join(path, key), `unknown key${suggest(key, known)}`);
    }
    const entries = value as Readonly<Record<string, unknown>>;
    for (const key of Object.keys(required)) {
      if (entries[key] === undefined) return refuse(join(path, key), 'is missing');
    }
    for (const key of known) {
      const refusal = entries[key] === undefined ? undefined : (required[key] ?? optional[key])?.(entries[key], join(path, key));
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  };
}

function list(min: number, max: number, item: Check): Check {
  return (value, path) => {
    if (!Array.isArray(value)) return refuse(path, `must be a list, not ${typeName(value)}`);
    if (value.length < min) return refuse(path, `must have at least ${min} item`);
    if (value.length > max) return refuse(path, `has ${value.length} items; the limit is ${max}`);
    for (const [index, entry] of value.entries()) {
      const refusal = item(entry, `${path}[${index}]`);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  };
}

function text(maxLength: number, rule: (value: string) => string | undefined): Check {
  return (value, path) => {
    if (typeof value !== 'string') return refuse(path, `must be text, not ${typeName(value)}`);
    if (value === '') return refuse(path, 'must not be empty');
    if (value.length > maxLength) return refuse(path, `is ${value.length} characters long; the limit is ${maxLength}`);
    const wrong = rule(value);
    return wrong === undefined ? undefined : refuse(path, wrong);
  };
}

function oneOf(allowed: readonly string[]): Check {
  return (value, path) => {
    if (typeof value === 'string' && allowed.includes(value)) return undefined;
    const hint = typeof value === 'string' ? suggest(value, allowed) : '';
    return refuse(path, `must be one of ${allowed.join(', ')}${hint}`);
  };
}

function integer(min: number, max: number): Check {
  return (value, path) =>
    typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
      ? undefined
      : refuse(path, `must be a whole number from ${min} to ${max}`);
}

/** Paths that a proxy or its upstream might read in two ways cannot be matched on. */
function pathRule(value: string): string | undefined {
  if (!value.startsWith('/')) return 'must start with "/"';
  if (!/^[!-~]+$/.test(value)) return 'must be visible ASCII without spaces; percent-encode the rest';
  if (/[?#]/.test(value)) return 'must not contain "?" or "#": only the path is matched';
  if (value.includes('//') || /\/(?:\.|%2e){1,2}(?:\/|$)/i.test(value)) return 'must not contain "//", "/./" or "/../"';
  if (/%2f/i.test(value)) return 'must not contain an encoded "/"';
  return undefined;
}

const headerMatch = object(
  {
    name: text(routeLimits.headerNameLength, (value) => (token.test(value) ? undefined : 'is not a header name')),
    value: text(routeLimits.headerValueLength, (value) => (headerText.test(value) ? undefined : 'is not a header value')),
  },
  { type: oneOf(['Exact']) },
);

const headerMatches: Check = (value, path) => {
  const refusal = list(0, routeLimits.headers, headerMatch)(value, path);
  if (refusal !== undefined) return refusal;
  const seen = new Set<string>();
  for (const [index, header] of (value as readonly { name: string }[]).entries()) {
    const name = header.name.toLowerCase();
    if (seen.has(name)) return refuse(`${path}[${index}].name`, `"${name}" is matched twice; one match may name a header once`);
    seen.add(name);
  }
  return undefined;
};

const hostnameText = text(routeLimits.hostnameLength, (value) =>
  hostname.test(value) ? undefined : 'must be a lower-case host name without port, or "*." and one',
);
const serviceText = text(routeLimits.nameLength, (value) => (serviceName.test(value) ? undefined : 'is not a service name'));
const durationText = text(32, (value) =>
  parseDurationMs(value) === undefined ? 'must be a duration such as "15s", "1m30s" or "250ms"' : undefined,
);

const rule = object(
  {
    backendRefs: list(1, routeLimits.backends, object({ name: serviceText }, { weight: integer(0, routeLimits.weight) })),
  },
  {
    name: text(routeLimits.nameLength, () => undefined),
    matches: list(
      0,
      routeLimits.matches,
      object(
        {},
        {
          path: object({ value: text(routeLimits.pathLength, pathRule) }, { type: oneOf(['Exact', 'PathPrefix']) }),
          headers: headerMatches,
          method: oneOf(httpMethods),
        },
      ),
    ),
    timeouts: object({}, { request: durationText }),
    retry: object({}, { attempts: integer(0, routeLimits.attempts) }),
  },
);

const route = object({ rules: list(1, routeLimits.rules, rule) }, { hostnames: list(0, routeLimits.hostnames, hostnameText) });

function refuse(path: string, reason: string): string {
  return path === '' ? reason : `${path}: ${reason}`;
}

function join(path: string, key: string): string {
  const shown = /^[\w-]{1,64}$/.test(key) ? key : JSON.stringify(key.slice(0, 64));
  return path === '' ? shown : `${path}.${shown}`;
}

function typeName(value: unknown): string {
  return value === null
    ? 'null'
    : Array.isArray(value)
      ? 'a list'
      : typeof value === 'object'
        ? 'an object'
        : `a ${typeof value}`;
}
