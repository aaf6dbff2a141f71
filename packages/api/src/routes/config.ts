/**
 * `/v1/config`: Consul's config entries. Those that decide where requests go are followed by the same table that routes,
 * or refused; the others are kept, and the header `X-Skein-Not-Applied` names what of them changes nothing here.
 */

import { topics } from '@skein/core';
import type { ConfigEntry, View } from '@skein/core';
import type { ApiContext } from '../context.ts';
import { write, writeConfig } from '../context.ts';
import {
  consulKinds,
  decodeConfigEntry,
  isConsulKind,
  isKnownKind,
  notApplied,
  requireConsulKind,
} from '../decode/config-entry.ts';
import { parseJsonBody } from '../decode/json-body.ts';
import { badRequest, Refusal } from '../refusal.ts';
import type { Answer, ApiRequest, Route } from '../route.ts';
import { compareTexts } from '../shape/node.ts';

export function configRoutes(context: ApiContext): readonly Route[] {
  return [
    { method: 'PUT', path: '/v1/config', handle: (request) => put(context, request) },
    { method: 'GET', path: '/v1/config/*', handle: (request) => read(context, request) },
    { method: 'DELETE', path: '/v1/config/*', handle: (request) => remove(context, request) },
  ];
}

async function put(context: ApiContext, request: ApiRequest): Promise<Answer> {
  const { port, reader } = context;
  reader.check(request);
  const { kind, name, value } = decodeConfigEntry(parseJsonBody(request.body));
  const cas = parseCas(request.query);
  const before = port.view().configEntry(kind, name);
  if (cas !== undefined && cas !== (before?.index ?? 0)) return { json: false };
  const headers = flagOf(kind, value);
  await writeConfig(context, { kind, name, value });
  return { json: true, headers };
}

async function read({ reader }: ApiContext, request: ApiRequest): Promise<Answer> {
  const { rest } = request;
  const slash = rest.indexOf('/');
  const kind = slash < 0 ? rest : rest.slice(0, slash);
  if (kind !== '' && !isKnownKind(kind)) throw badRequest(`invalid config entry kind: ${kind.slice(0, 60)}`);
  if (slash < 0) {
    const kinds = kind === '' ? consulKinds : consulKinds.filter((each) => each === kind);
    const [first = topics.configKind(kind), ...others] = kinds.map((each) => topics.configKind(each));
    return reader.read(request, {
      topics: () => [first, ...others],
      json: (view) => kinds.flatMap((each) => [...view.configEntries(each)].sort(byName).map(entryJson)),
    });
  }
  const name = rest.slice(slash + 1);
  let headers: Readonly<Record<string, string>> = {};
  const one = (view: View): unknown => {
    const entry = isConsulKind(kind) ? view.configEntry(kind, name) : undefined;
    if (entry === undefined) return undefined;
    headers = flagOf(kind, entry.value);
    return entryJson(entry);
  };
  const answer = await reader.read(request, { topics: () => [topics.configEntry(kind, name)], json: one });
  if (answer.json !== undefined) return { ...answer, headers: { ...answer.headers, ...headers } };
  // With its index, so that whoever waits for the entry can go on.
  const asked = `${JSON.stringify(kind)} / ${JSON.stringify(name.slice(0, 200))}`;
  return { status: 404, text: `Config entry not found for ${asked}`, headers: answer.headers ?? {} };
}

async function remove(context: ApiContext, request: ApiRequest): Promise<Answer> {
  const { port, reader } = context;
  reader.check(request);
  const slash = request.rest.indexOf('/');
  if (slash < 0) throw new Refusal(404, 'Must provide both a kind and name to delete');
  const kind = requireConsulKind(request.rest.slice(0, slash));
  const name = request.rest.slice(slash + 1);
  const cas = parseCas(request.query);
  const before = port.view().configEntry(kind, name);
  if (cas !== undefined && cas !== before?.index) return { json: false };
  // To delete what is not there is no error, as in Consul.
  if (before !== undefined) await write(context, { type: 'delete-config', kind, name });
  return { json: cas === undefined ? {} : true };
}

function entryJson(entry: ConfigEntry): unknown {
  return { ...(entry.value as object), CreateIndex: entry.createIndex, ModifyIndex: entry.index };
}

function flagOf(kind: string, value: unknown): Readonly<Record<string, string>> {
  const keys = notApplied(kind, value);
  return keys.length === 0 ? {} : { 'X-Skein-Not-Applied': keys.join(', ') };
}

function parseCas(query: URLSearchParams): number | undefined {
  const text = query.get('cas') ?? '';
  if (text === '') return undefined;
  if (/^\d{1,16}$/.test(text)) return Number(text);
  throw badRequest(`Invalid value for ?cas: strconv.ParseUint: parsing ${JSON.stringify(text.slice(0, 60))}: invalid syntax`);
}

function byName(a: ConfigEntry, b: ConfigEntry): number {
  return compareTexts(a.name, b.name);
}
