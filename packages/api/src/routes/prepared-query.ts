/** `/v1/query`: prepared queries, written at any agent and answered by every one. */

import { randomUUID } from 'node:crypto';
import { topics } from '@skein/core';
import type { View } from '@skein/core';
import type { ApiContext } from '../context.ts';
import { write, writeConfig } from '../context.ts';
import { parseJsonBody } from '../decode/json-body.ts';
import {
  aliasFault,
  decodeQuery,
  type PreparedQuery,
  preparedQueryKind,
  queryJson,
  storedQueries,
  storedQuery,
  type StoredQuery,
} from '../prepared-query/definition.ts';
import { executeQuery } from '../prepared-query/execution.ts';
import { QueryIndex } from '../prepared-query/query-index.ts';
import { parseFlag } from '../query.ts';
import { badRequest, Refusal } from '../refusal.ts';
import type { Answer, ApiRequest, Route } from '../route.ts';
import { healthEntry } from '../shape/service.ts';

const path = '/v1/query/*';
const kindTopic = topics.configKind(preparedQueryKind);

interface QueryContext extends ApiContext {
  readonly queries: QueryIndex;
}

export function preparedQueryRoutes(context: ApiContext): readonly Route[] {
  const { reader, port } = context;
  const queries = new QueryIndex();
  return [
    {
      method: 'GET',
      path: '/v1/query',
      handle: (request) =>
        reader.read(request, { topics: () => [kindTopic], json: (view) => storedQueries(view).map(queryJson) }),
    },
    { method: 'POST', path: '/v1/query', handle: (request) => create(context, request) },
    {
      method: 'GET',
      path,
      handle: (request) => {
        const [, target = '', action] = /^([^]*?)(?:\/(execute|explain))?$/.exec(request.rest) ?? [];
        if (action === 'execute') return execute({ ...context, queries }, request, target);
        if (action === 'explain') return explain({ ...context, queries }, request, target);
        const topic = topics.configEntry(preparedQueryKind, request.rest);
        return reader.read(request, {
          topics: () => [topic],
          json: (view) => [queryJson(found(storedQuery(view.configEntry(preparedQueryKind, request.rest))))],
        });
      },
    },
    {
      method: 'PUT',
      path,
      handle: async (request) => {
        if (isAction(request)) return onlyGet(request);
        reader.check(request);
        requireExisting(context, request.rest);
        await store(context, decodeQuery(request.body === undefined ? {} : parseJsonBody(request.body), request.rest));
        return {};
      },
    },
    {
      method: 'DELETE',
      path,
      handle: async (request) => {
        if (isAction(request)) return onlyGet(request);
        reader.check(request);
        requireExisting(context, request.rest);
        if (port.view().configEntry(preparedQueryKind, request.rest) !== undefined)
          await write(context, { type: 'delete-config', kind: preparedQueryKind, name: request.rest });
        return {};
      },
    },
  ];
}

async function create(context: ApiContext, request: ApiRequest): Promise<Answer> {
  context.reader.check(request);
  const value = parseJsonBody(request.body);
  const given = typeof value === 'object' && value !== null && 'ID' in value ? value.ID : '';
  if (given !== '' && given !== null) throw badRequest('ID must be empty when creating a new prepared query');
  const query = decodeQuery(value, randomUUID());
  await store(context, query);
  return { json: { ID: query.ID } };
}

async function store(context: ApiContext, query: PreparedQuery): Promise<void> {
  const fault = aliasFault(context.port.view(), query);
  if (fault !== undefined) throw badRequest(fault);
  await writeConfig(context, { kind: preparedQueryKind, name: query.ID, value: query });
}

function requireExisting({ port }: ApiContext, id: string): void {
  if (port.view().configEntry(preparedQueryKind, id) !== undefined) return;
  throw new Refusal(404, `Cannot modify non-existent prepared query: '${id.slice(0, 200)}'`);
}

async function execute(context: QueryContext, request: ApiRequest, target: string): Promise<Answer> {
  const { port, reader, datacenter, random, queries } = context;
  reader.check(request);
  const isMesh = parseFlag(request.query, 'connect', false) ?? false;
  await reader.caughtUp(request.signal);
  const view = port.view();
  const resolved = resolve(queries, view, target);
  const instances = executeQuery(view, isMesh ? meshOnly(resolved) : resolved, {
    near: request.query.get('near') ?? '',
    asker: request.remoteAddress,
    limit: parseLimit(request.query),
    rng: { below: (bound) => Math.floor(random() * bound) },
  });
  return {
    json: {
      Service: resolved.query.Service.Service,
      Nodes: instances.map(({ instance, member }) => healthEntry(instance, member, datacenter)),
      DNS: resolved.query.DNS,
      Datacenter: datacenter,
      // Nowhere was asked but here: there are no other datacenters.
      Failovers: 0,
    },
    headers: reader.headers(request, view.index(topics.service(resolved.query.Service.Service))),
  };
}

/** The same, of what is mesh-native. */
function meshOnly({ query, entry }: StoredQuery): StoredQuery {
  return { query: { ...query, Service: { ...query.Service, Connect: true } }, entry };
}

function explain({ port, reader, queries }: QueryContext, request: ApiRequest, target: string): Answer {
  reader.check(request);
  parseLimit(request.query);
  const view = port.view();
  const resolved = resolve(queries, view, target);
  return { json: { Query: queryJson(resolved) }, headers: reader.headers(request, view.index(kindTopic)) };
}

function resolve(queries: QueryIndex, view: View, target: string): StoredQuery {
  if (target === '') throw badRequest('Missing query ID');
  const resolved = queries.resolve(view, target);
  if (resolved === 'template-by-id') {
    throw badRequest('prepared query templates can only be resolved up by name, not by ID');
  }
  return found(resolved);
}

function found(stored: StoredQuery | undefined): StoredQuery {
  if (stored === undefined) throw new Refusal(404, 'Query not found');
  return stored;
}

function parseLimit(query: URLSearchParams): number {
  const given = query.get('limit') ?? '';
  if (/^[+-]?\d{0,9}$/.test(given)) return Math.max(0, Number(given === '+' || given === '-' ? Number.NaN : given)) || 0;
  throw badRequest(`Bad limit: strconv.Atoi: parsing ${JSON.stringify(given.slice(0, 60))}: invalid syntax`);
}

function isAction({ rest }: ApiRequest): boolean {
  return /\/(?:execute|explain)$/.test(rest);
}

function onlyGet({ method }: ApiRequest): Answer {
  return { status: 405, headers: { Allow: 'OPTIONS,GET' }, text: `method ${method} not allowed` };
}
