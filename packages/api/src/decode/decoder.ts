/**
 * Decodes JSON objects by a table of their keys, by the rules of Consul's own decoder: keys
 * match in any case and in snake_case, `null` means absent, and a key that the table lacks is refused by name.
 */

import { isRecord } from '@skein/core';
import { badRequest } from '../refusal.ts';
import { parseDuration } from '../duration.ts';

/** Turns a JSON value into what a definition holds, or throws a `Refusal` that starts with `path`. */
export type Reader<T> = (value: unknown, path: string) => T;

/** Canonical key to reader. */
export type Table = Readonly<Record<string, Reader<unknown>>>;

/** What an object of a table decodes to: every key may be absent. */
export type Decoded<T extends Table> = { readonly [K in keyof T]?: ReturnType<T[K]> };

const shownLength = 60;

/** A refusal that names the key and shows what was there instead. */
export function expected(path: string, what: string, value: unknown): Error {
  const shown = JSON.stringify(value) ?? 'nothing';
  const text = shown.length > shownLength ? `${shown.slice(0, shownLength)}...` : shown;
  return badRequest(`Request decode failed: ${path}: expected ${what}, got ${text}`);
}

/** Reads an object. `aliases` maps further names, in folded form (lower case, no underscores), to keys of the table. */
export function objectOf<T extends Table>(
  table: T,
  aliases: Readonly<Record<string, keyof T & string>> = {},
): Reader<Decoded<T>> {
  const keys = new Map(Object.keys(table).map((key) => [fold(key), key]));
  for (const [alias, key] of Object.entries(aliases)) keys.set(alias, key);
  return (value, path) => {
    if (!isRecord(value)) throw expected(path === '' ? 'the body' : path, 'an object', value);
    const decoded: Record<string, unknown> = {};
    const givenAs = new Map<string, string>();
    for (const [given, content] of Object.entries(value)) {
      const key = keys.get(fold(given));
      const read = key === undefined ? undefined : table[key];
      const at = path === '' ? given : `${path}.${given}`;
      if (key === undefined || read === undefined) throw badRequest(`Request decode failed: unknown key "${at.slice(0, 200)}"`);
      const other = givenAs.get(key);
      if (other !== undefined) throw badRequest(`Request decode failed: "${other}" and "${at}" name the same key`);
      givenAs.set(key, at);
      if (content !== null) decoded[key] = read(content, at);
    }
    return decoded as Decoded<T>;
  };
}

/** The form in which keys are compared: lower case, no underscores. */
export function fold(key: string): string {
  return key.replaceAll('_', '').toLowerCase();
}

export const text: Reader<string> = (value, path) => {
  if (typeof value !== 'string') throw expected(path, 'a string', value);
  return value;
};

export const flag: Reader<boolean> = (value, path) => {
  if (typeof value !== 'boolean') throw expected(path, 'true or false', value);
  return value;
};

/** An integer within limits, both allowed. */
export function integer(min: number, max: number): Reader<number> {
  return (value, path) => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
      throw expected(path, `an integer from ${min} to ${max}`, value);
    }
    return value;
  };
}

/** A Go duration text or integer nanoseconds, as whole milliseconds, rounded up; not negative. Empty text is 0. */
export const durationMs: Reader<number> = (value, path) => {
  const spanMs =
    value === ''
      ? 0
      : typeof value === 'string'
        ? parseDuration(value)
        : Number.isInteger(value)
          ? Number(value) / 1e6
          : undefined;
  if (spanMs === undefined || spanMs < 0) {
    throw expected(path, 'a duration such as "10s" or "1m30s", or integer nanoseconds', value);
  }
  return Math.ceil(spanMs);
};

export function listOf<T>(read: Reader<T>): Reader<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw expected(path, 'a list', value);
    return value.map((item, at) => read(item, `${path}[${at}]`));
  };
}

/** An object whose keys are data: kept as they are. */
export function mapOf<T>(read: Reader<T>): Reader<Readonly<Record<string, T>>> {
  return (value, path) => {
    if (!isRecord(value)) throw expected(path, 'an object', value);
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, read(item, `${path}.${key}`)]));
  };
}

/** A key that Consul knows and this version cannot honour: refused unless it says nothing. */
export function unsupported(what: string): Reader<undefined> {
  return (value, path) => {
    if (saysNothing(value)) return undefined;
    throw badRequest(`Request decode failed: ${path}: ${what}`);
  };
}

/** A key like that whose presence says something, even that of an empty object. */
export function unsupportedAtAll(what: string): Reader<undefined> {
  return (_value, path) => {
    throw badRequest(`Request decode failed: ${path}: ${what}`);
  };
}

/** A key that Consul knows and that changes nothing here, such as `Token`. */
export const ignored: Reader<undefined> = () => undefined;

/** Go's zero value, also nested: what a client sends for a field that its user left alone. */
export function saysNothing(value: unknown): boolean {
  if (value === null || value === '' || value === false || value === 0) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isRecord(value) && Object.values(value).every(saysNothing);
}
