/** `/v1/mesh/config`: config entries in the mesh's own form, with their versions, conflicts and history. */

import { configKeyFault, externalKind, kvKind, topics } from '@skein/core';
import type { ConfigEntry, View } from '@skein/core';
import { routeTableOf, validateConfig } from '@skein/traffic';
import type { RouteTable } from '@skein/traffic';
import type { ApiContext } from '../context.ts';
import { write, writeConfig } from '../context.ts';
import { isConsulKind, notApplied } from '../decode/config-entry.ts';
import { parseJsonBody } from '../decode/json-body.ts';
import { parseFlag } from '../query.ts';
import { badRequest, Refusal } from '../refusal.ts';
import type { Route } from '../route.ts';
import { jsonDiff } from '../shape/json-diff.ts';
import { seenVersionJson, versionJson } from '../shape/config-version.ts';
import { compareTexts } from '../shape/node.ts';
import { shadowedMatches } from '../shape/shadowed-rules.ts';

const path = '/v1/mesh/config/*';

/** What this version applies. Entries of other kinds that peers send are kept for them, and may be deleted here. */
const knownKinds: readonly string[] = ['route'];

export function meshConfigRoutes(context: ApiContext): readonly Route[] {
  const { port, reader } = context;
  let table: RouteTable | undefined;
  const list = (view: View, kind: string | undefined, query: URLSearchParams): readonly unknown[] => {
    table = routeTableOf(view, table);
    const isDisputed = parseFlag(query, 'conflicts', true) === true;
    return entriesJson(view, { kind, isDisputed }, shadowedMatches(table));
  };
  return [
    {
      method: 'GET',
      path: '/v1/mesh/config',
      handle: (request) =>
        reader.read(request, { topics: () => [topics.config], json: (view) => list(view, undefined, request.query) }),
    },
    {
      method: 'GET',
      path,
      handle: (request) => {
        const { query, rest } = request;
        // Without its slash that is no list of a kind.
        if (rest === 'status/') throw new Refusal(404, 'No such path; the status of the config is at /v1/mesh/config/status');
        const isHistory = parseFlag(query, 'history', true) === true;
        const { kind, name } = isHistory ? fullKey(rest) : splitKey(rest);
        if (name === undefined)
          return reader.read(request, { topics: () => [topics.configKind(kind)], json: (view) => list(view, kind, query) });
        const json = isHistory ? history : one;
        return reader.read(request, { topics: () => [topics.configEntry(kind, name)], json: (view) => json(view, kind, name) });
      },
    },
    {
      method: 'PUT',
      path,
      handle: async ({ rest, body, query }) => {
        const { kind, name } = fullKey(rest);
        requireKnownKind(kind);
        requireParameters(query, ['dry-run']);
        if (parseFlag(query, 'dry-run', true) === true)
          return { json: planned(port.view(), { kind, name }, parseJsonBody(body)) };
        await writeConfig(context, { kind, name, value: parseJsonBody(body) });
        return { json: one(port.view(), kind, name) };
      },
    },
    {
      method: 'DELETE',
      path,
      handle: async ({ rest, query }) => {
        requireParameters(query, []);
        await write(context, { type: 'delete-config', ...fullKey(rest) });
        return { json: true };
      },
    },
  ];
}

/** `kind` or `kind/name`; a name may have slashes of its own. */
function splitKey(rest: string): { readonly kind: string; readonly name: string | undefined } {
  const slash = rest.indexOf('/');
  const kind = slash === -1 ? rest : rest.slice(0, slash);
  const name = slash === -1 ? '' : rest.slice(slash + 1);
  if (kind === '') throw badRequest('Missing config kind: use /v1/mesh/config/KIND/NAME');
  return { kind, name: name === '' ? undefined : name };
}

function fullKey(rest: string): { readonly kind: string; readonly name: string } {
  const { kind, name } = splitKey(rest);
  if (name === undefined) throw badRequest(`Missing config name: use /v1/mesh/config/${kind}/NAME`);
  return { kind, name };
}

/** A local write of a kind that nobody here reads is a misspelling: storing it would look like applying it. */
function requireKnownKind(kind: string): void {
  if (knownKinds.includes(kind)) return;
  if (isConsulKind(kind)) throw badRequest(`Config entries of kind "${kind}" are written with PUT /v1/config, in Consul's form`);
  // Other projects' words for it, such as HTTPRoute and service-router, have it inside.
  const near = /^ro|rout/i.test(kind) ? '; did you mean "route"?' : '.';
  throw badRequest(`Unknown config kind ${JSON.stringify(kind.slice(0, 60))}${near} Known kinds: ${knownKinds.join(', ')}`);
}

/** A write that leaves out what it was asked to look at, such as `cas`, is another one than was meant. */
function requireParameters(query: URLSearchParams, known: readonly string[]): void {
  for (const name of query.keys()) {
    if (known.includes(name) || name === 'pretty') continue;
    const there = known.length === 0 ? 'leave it out' : `there is ${known.map((each) => `"${each}"`).join(', ')}`;
    throw badRequest(`Unknown query parameter ${JSON.stringify(name.slice(0, 60))} of a write: ${there}`);
  }
}

/** What a write would change. Refuses what the write would be refused for, but for limits of room. */
function planned(view: View, { kind, name }: { readonly kind: string; readonly name: string }, value: unknown): unknown {
  const fault = configKeyFault(kind, name) ?? validateConfig(kind, name, value);
  if (fault !== undefined) throw badRequest(`${kind} "${name}": ${fault}`);
  const before = view.configEntry(kind, name);
  const changes = jsonDiff(before?.value, value);
  const change = before === undefined ? 'create' : changes.length === 0 ? 'none' : 'update';
  return { kind, name, change, changes };
}

interface Wanted {
  readonly kind: string | undefined;
  /** Only what was written concurrently, or has a newer version that is not applied. */
  readonly isDisputed: boolean;
}

function entriesJson(view: View, wanted: Wanted, shadowed: ReturnType<typeof shadowedMatches>): readonly unknown[] {
  return [...view.configEntries(wanted.kind)]
    .filter(({ conflicts, quarantined }) => !wanted.isDisputed || conflicts.length > 0 || quarantined !== undefined)
    .sort((a, b) => compareTexts(a.kind, b.kind) || compareTexts(a.name, b.name))
    .map((entry) => ({
      ...entryJson(view, entry),
      // Only in lists: it follows from other entries, so that a reader of one would not be woken for it.
      shadowed: (entry.kind === 'route' ? shadowed.get(entry.name) : undefined) ?? [],
    }));
}

function one(view: View, kind: string, name: string): unknown {
  const entry = view.configEntry(kind, name);
  if (entry === undefined) {
    throw new Refusal(404, `No config entry ${JSON.stringify(`${kind}/${name}`)}; /v1/mesh/config lists all`);
  }
  return entryJson(view, entry);
}

/** The versions of an entry that this agent saw and remembers, newest first. */
function history(view: View, kind: string, name: string): unknown {
  if (kind === kvKind || kind === externalKind)
    throw badRequest(`There is no history of kind "${kind}": only of rules, such as routes`);
  const versions = view.configHistory(kind, name);
  if (versions.length === 0) {
    const asked = JSON.stringify(`${kind}/${name}`);
    throw new Refusal(404, `No version of config entry ${asked} is known here; /v1/mesh/config lists the entries`);
  }
  return versions.map((seen) => seenVersionJson(view, seen, versions));
}

function entryJson(view: View, entry: ConfigEntry): Record<string, unknown> {
  const { quarantined } = entry;
  return {
    kind: entry.kind,
    name: entry.name,
    value: entry.value,
    // What of an entry in Consul's form changes nothing here.
    ...(isConsulKind(entry.kind) ? { notApplied: notApplied(entry.kind, entry.value) } : {}),
    version: versionJson(view, entry.version),
    // Versions written without knowledge of the one that won, with what they would have said.
    conflicts: entry.conflicts.map((version) => ({
      ...versionJson(view, version),
      deleted: version.deleted,
      json: version.json,
    })),
    quarantined: quarantined === undefined ? null : { ...versionJson(view, quarantined.version), reason: quarantined.reason },
    index: entry.index,
    createIndex: entry.createIndex,
  };
}
