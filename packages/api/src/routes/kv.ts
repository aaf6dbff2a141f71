/**
 * `/v1/kv/*`: the key-value store, replicated to every agent, last writer wins. Reads are local; `cas` is checked against
 * the local view, so that it orders the writes made through one agent and no others. Locks need a consensus that is not
 * there, and say so.
 */

import { kvFolderOf, kvKeyFault, kvKind, limits, topics } from '@skein/core';
import type { ConfigEntry, KvValue, View } from '@skein/core';
import type { ApiContext } from '../context.ts';
import { removeEntries, write } from '../context.ts';
import { badRequest, Refusal } from '../refusal.ts';
import type { Answer, ApiRequest, Route } from '../route.ts';
import type { Source } from '../shared-waits.ts';

const path = '/v1/kv/*';

export function kvRoutes(context: ApiContext): readonly Route[] {
  return [
    { method: 'GET', path, handle: (request) => read(context, request) },
    { method: 'PUT', path, handle: (request) => put(context, request) },
    { method: 'DELETE', path, handle: (request) => remove(context, request) },
  ];
}

async function read(context: ApiContext, request: ApiRequest): Promise<Answer> {
  const { port, reader } = context;
  const { rest: key, query } = request;
  const isList = query.has('keys') || query.has('recurse');
  if (key === '' && !isList) throw badRequest('Missing key name');
  const source = isList ? prefixSource(context, key) : keySource(context, key);
  await reader.wait(request, source, port.view().lastIndex);
  const view = port.view();
  const index = source.index();
  const headers = reader.headers(request, index);
  if (isList) {
    const isKeys = query.has('keys');
    const isEmpty = view.kvEntries(key)[Symbol.iterator]().next().done === true;
    // The root always exists.
    if (isEmpty && (key !== '' || !isKeys)) return { status: 404, headers };
    const separator = query.get('separator') ?? query.get('seperator') ?? '';
    const jsonBytes = isKeys
      ? reader.shared(['kv keys', key, separator], index, () => keysBelow(view, key, separator))
      : reader.shared(['kv', key], index, () => Array.from(view.kvEntries(key), kvJson));
    return { jsonBytes, headers };
  }
  const one = view.configEntry(kvKind, key);
  if (one === undefined) return { status: 404, headers };
  return query.has('raw') ? rawAnswer(one, headers) : { json: [kvJson(one)], headers };
}

/** What a browser opens must not be able to act as a page of the agent. */
function rawAnswer(entry: ConfigEntry, headers: Readonly<Record<string, string>>): Answer {
  return {
    bytes: Buffer.from(valueOf(entry).value, 'base64'),
    headers: { ...headers, 'content-type': 'text/plain', 'Content-Security-Policy': 'sandbox' },
  };
}

async function put(context: ApiContext, request: ApiRequest): Promise<Answer> {
  const { rest: key, query, body = new Uint8Array(0) } = request;
  context.reader.check(request);
  if (key === '') throw badRequest('Missing key name');
  refuseTogether(query, ['cas', 'acquire', 'release']);
  for (const lock of ['acquire', 'release']) {
    if (query.has(lock)) {
      throw new Refusal(
        501,
        `?${lock} is not implemented: a lock needs all agents to agree on who holds it, and here each side of a partition ` +
          'keeps writing. Use a service that has consensus for locks; ?cas orders writes made through one agent',
      );
    }
  }
  requireKey(key);
  const flags = parseNumber(query, 'flags') ?? 0;
  const cas = parseNumber(query, 'cas');
  if (body.length > limits.kvValueBytes) {
    throw new Refusal(
      413,
      `Request body(${body.length} bytes) too large, max size: ${limits.kvValueBytes} bytes. Split the value over several keys`,
    );
  }
  const before = context.port.view().configEntry(kvKind, key);
  if (cas !== undefined && cas !== (before?.index ?? 0)) return { json: false };
  const value: KvValue = { value: Buffer.from(body).toString('base64'), flags };
  // A write that changes nothing wakes nobody and keeps its index, as in Consul.
  if (before !== undefined && isSame(valueOf(before), value)) return { json: true };
  await write(context, { type: 'apply-config', kind: kvKind, name: key, value });
  return { json: true };
}

async function remove(context: ApiContext, request: ApiRequest): Promise<Answer> {
  const { port } = context;
  const { rest: key, query } = request;
  context.reader.check(request);
  refuseTogether(query, ['recurse', 'cas']);
  if (query.has('recurse')) {
    // The keys that exist now. What is written meanwhile stays.
    await removeEntries(context, [...port.view().kvEntries(key)]);
    return { json: true };
  }
  if (key === '') throw badRequest('Missing key name');
  const cas = parseNumber(query, 'cas');
  const before = port.view().configEntry(kvKind, key);
  if (cas !== undefined && cas !== (before?.index ?? 0)) return { json: false };
  if (before !== undefined) await write(context, { type: 'delete-config', kind: kvKind, name: key });
  return { json: true };
}

function keySource({ port }: ApiContext, key: string): Source {
  const topic = topics.configEntry(kvKind, key);
  return {
    key: topic,
    index: () => port.view().index(topic),
    changed: (afterIndex, signal) => port.changed(topic, afterIndex, signal),
  };
}

/** Keys of one folder share the topic to wait on; those beside the prefix wake nobody but this loop. */
function prefixSource({ port }: ApiContext, prefix: string): Source {
  const topic = topics.kvFolder(kvFolderOf(prefix));
  const index = (): number => port.view().kvIndex(prefix);
  const folder = (): number => port.view().index(topic);
  return {
    key: `kv prefix ${prefix}`,
    index,
    changed: async (afterIndex, signal) => {
      for (let seen = -1, last = folder(); last > seen && index() <= afterIndex && !signal.aborted; last = folder()) {
        seen = last;
        await port.changed(topic, seen, signal);
      }
    },
  };
}

/** The keys below a prefix; with a separator, up to its first appearance after the prefix, each once. */
function keysBelow(view: View, prefix: string, separator: string): readonly string[] {
  const keys: string[] = [];
  for (const { name } of view.kvEntries(prefix)) {
    const end = separator === '' ? -1 : name.indexOf(separator, prefix.length);
    const key = end < 0 ? name : name.slice(0, end + separator.length);
    if (keys.at(-1) !== key) keys.push(key);
  }
  return keys;
}

function kvJson(entry: ConfigEntry): Record<string, unknown> {
  const { value, flags } = valueOf(entry);
  return {
    LockIndex: 0,
    Key: entry.name,
    Flags: flags,
    Value: value === '' ? null : value,
    CreateIndex: entry.createIndex,
    ModifyIndex: entry.index,
  };
}

/** Core has checked it before it came into the view. */
function valueOf(entry: ConfigEntry): KvValue {
  return entry.value as KvValue;
}

function isSame(a: KvValue, b: KvValue): boolean {
  return a.value === b.value && a.flags === b.flags;
}

function requireKey(key: string): void {
  const fault = kvKeyFault(key);
  if (fault !== undefined) throw badRequest(`Invalid key ${JSON.stringify(key.slice(0, 60))}: it ${fault}`);
}

/** A number of JavaScript's: Consul's go up to 2^64, which few clients can read back from JSON. */
function parseNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const number = /^\d{1,20}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(number)) return number;
  throw badRequest(
    `Invalid value for ?${name}: strconv.ParseUint: parsing ${JSON.stringify(text.slice(0, 60))}: use a whole number from 0 to 2^53-1`,
  );
}

function refuseTogether(query: URLSearchParams, names: readonly string[]): void {
  if (names.filter((name) => query.has(name)).length > 1) throw badRequest(`Conflicting flags: ${query.toString()}`);
}
