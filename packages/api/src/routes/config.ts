/**
 * `/v1/config`: Consul's config entries. Those that decide where requests go are followed by the same table that routes,
 * or refused; the others are kept, and the header `X-Skein-Not-Applied` names what of them changes nothing here.
 */

import { compareVersions, isSameValue, topics } from '@skein/core';
import type { ConfigEntry, View } from '@skein/core';
import type { ApiContext } from '../context.ts';
import { removeEntries, writeConfig } from '../context.ts';
import {
  consulKinds,
  decodeConfigEntry,
  isConsulKind,
  isKnownKind,
  notApplied,
  requireConsulKind,
} from '../decode/config-entry.ts';
import { parseJsonBody } from '../decode/json-body.ts';
import { serviceDefaultsFields } from '../filter/fields.ts';
import { keptItems } from '../filter/filter.ts';
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
  const [before, ...others] = entriesNamed(port.view(), kind, name);
  const headers = flagOf(kind, value);
  if (cas !== undefined && cas !== (before?.index ?? 0)) {
    // To say again what is so is no conflict, as in Consul, which then looks at no index.
    return { json: before !== undefined && isSameValue(before.value, value), headers };
  }
  await writeConfig(context, { kind, name: before?.name ?? name, value });
  if (others.length > 0) await removeEntries(context, others);
  return { json: true, headers };
}

async function read({ reader }: ApiContext, request: ApiRequest): Promise<Answer> {
  const { rest } = request;
  const slash = rest.indexOf('/');
  const kind = slash < 0 ? rest : rest.slice(0, slash);
  if (kind !== '' && !isKnownKind(kind)) throw badRequest(`invalid config entry kind: ${kind.slice(0, 60)}`);
  if (slash < 0) {
    const fields = kind === 'service-defaults' ? serviceDefaultsFields : undefined;
    if (fields === undefined && (request.query.get('filter') ?? '') !== '')
      throw badRequest(`filtering not supported for config entry kind=${kind}`);
    const kinds = kind === '' ? consulKinds : consulKinds.filter((each) => each === kind);
    const [first = topics.configKind(kind), ...others] = kinds.map((each) => topics.configKind(each));
    return reader.read(request, {
      topics: () => [first, ...others],
      ...(fields === undefined ? {} : { fields }),
      json: (view, keep) =>
        keptItems(
          kinds.flatMap((each) => [...view.configEntries(each)].sort(byName).map(entryJson)),
          keep,
        ),
    });
  }
  const name = rest.slice(slash + 1);
  let headers: Readonly<Record<string, string>> = {};
  const one = (view: View): unknown => {
    const entry = entriesNamed(view, kind, name)[0];
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
  const entries = entriesNamed(port.view(), kind, name);
  if (cas !== undefined && cas !== entries[0]?.index) return { json: false };
  // To delete what is not there is no error, as in Consul.
  if (entries.length > 0) await removeEntries(context, entries);
  return { json: cas === undefined ? {} : true };
}

/**
 * The entries of this name in any case: one, as a rule, which writes keep. Of more, which agents wrote at the same time, the
 * first is the one in force, here as in routing; the list shows them all, and the next write or deletion settles it.
 */
function entriesNamed(view: View, kind: string, name: string): readonly ConfigEntry[] {
  if (!isConsulKind(kind)) return [];
  const folded = name.toLowerCase();
  return [...view.configEntries(kind)]
    .filter((entry) => entry.name.toLowerCase() === folded)
    .sort((a, b) => compareVersions(b.version, a.version));
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
