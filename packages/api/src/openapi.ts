/** What the mesh's own endpoints take and answer, as an OpenAPI 3.1 document. Consul's are described by Consul. */

import { listOf, ref, schemas, text, texts } from './openapi-schemas.ts';
import type { Json } from './openapi-schemas.ts';

interface Operation {
  readonly method: 'get' | 'put' | 'delete';
  readonly path: string;
  readonly summary: string;
  readonly parameters?: readonly Json[];
  readonly body?: Json;
  readonly answer: Json;
  /** What a client gets instead that accepts `text/event-stream`. */
  readonly events?: { readonly description: string; readonly schema: Json };
  /** Refusals beyond those that every endpoint has. */
  readonly refusals?: readonly (keyof typeof refusals)[];
}

const query = (name: string, description: string, more: Json = {}): Json => ({
  name,
  in: 'query',
  description,
  schema: text,
  ...more,
});
const inPath = (name: string): Json => ({ name, in: 'path', required: true, schema: text });
const blocking: readonly Json[] = [
  query('index', 'The `X-Consul-Index` of an earlier answer: this one comes once there is a change, or after `wait`.'),
  query('wait', 'A duration such as `30s`; default `5m`, at most `10m`.'),
];

const disputed = query('conflicts', 'Only entries that were written concurrently, or have a newer version that is not applied.');
/** For a stream of events. */
const resume: readonly Json[] = [
  query('stream', 'The `stream` of an earlier answer: with `index`, the events begin after it.'),
  {
    name: 'Last-Event-ID',
    in: 'header',
    description:
      'The id of the last event that the client had, `STREAM:INDEX`: the stream goes on after it. Wins over the query.',
    schema: text,
  },
];

const refusals = {
  404: 'There is no such entry.',
  409: 'The state of the mesh does not allow it.',
  429: 'Too many clients do this already.',
} as const;

const operations: readonly Operation[] = [
  {
    method: 'get',
    path: '/v1/mesh/view',
    summary: 'All that this agent believes about nodes, instances and config entries; as server-sent events with every change.',
    parameters: [...blocking, ...resume],
    answer: ref('View'),
    events: {
      description:
        'Events `snapshot` (replace everything) and `delta` (remove what `removed` names, put the rows in place of those with the ' +
        'same key: `id` of nodes, `node` and `id` of instances, `kind` and `name` of config entries). A snapshot comes first, and ' +
        'again whenever the client cannot be given all deltas since where it was: after a restart of the agent, a long absence, or ' +
        'when it is too slow. A comment comes every 15 s; a client that takes nothing for 60 s is cut off. At most 1024 at once.',
      schema: { oneOf: [ref('View'), ref('ViewDelta')] },
    },
    refusals: [429],
  },
  {
    method: 'get',
    path: '/v1/mesh/members',
    summary: 'Every member with what this agent believes about it.',
    parameters: blocking,
    answer: listOf(ref('Member')),
  },
  {
    method: 'get',
    path: '/v1/mesh/config',
    summary: 'All config entries, with their versions and conflicts.',
    parameters: [...blocking, disputed],
    answer: listOf(ref('ConfigEntry')),
  },
  {
    method: 'get',
    path: '/v1/mesh/config/status',
    summary:
      'Whether all nodes apply the config that this agent applies, and which do not, as far as this agent has heard. A node tells ' +
      'what it applies some time after a change (`toldWithinMs`).',
    parameters: blocking,
    answer: ref('ConfigStatus'),
  },
  {
    method: 'get',
    path: '/v1/mesh/config/{kind}',
    summary: 'The config entries of one kind.',
    parameters: [inPath('kind'), ...blocking, disputed],
    answer: listOf(ref('ConfigEntry')),
  },
  {
    method: 'get',
    path: '/v1/mesh/config/{kind}/{name}',
    summary: 'One config entry. A name may have slashes.',
    parameters: [
      inPath('kind'),
      inPath('name'),
      query(
        'history',
        'Its versions instead, newest first: those that this agent has, and the last 10 that it had before. Also of an entry ' +
          'that was deleted, for as long as the deletion is remembered.',
      ),
      ...blocking,
    ],
    answer: { oneOf: [ref('ConfigEntry'), listOf(ref('SeenConfigVersion'))] },
    refusals: [404],
  },
  {
    method: 'put',
    path: '/v1/mesh/config/{kind}/{name}',
    summary: 'Writes a config entry; it spreads from here.',
    parameters: [
      inPath('kind'),
      inPath('name'),
      query('dry-run', 'Writes nothing, and answers with what would change; refuses what the write would be refused for.'),
    ],
    body: { description: 'The value of the entry, in the form of its kind.' },
    answer: { oneOf: [ref('ConfigEntry'), ref('ConfigPlan')] },
    refusals: [409],
  },
  {
    method: 'delete',
    path: '/v1/mesh/config/{kind}/{name}',
    summary: 'Deletes a config entry, everywhere.',
    parameters: [inPath('kind'), inPath('name')],
    answer: { const: true },
    refusals: [404],
  },
  {
    method: 'get',
    path: '/v1/mesh/explain',
    summary: 'Which rule decides about a request, which instances could take it, and why not the others.',
    parameters: [
      query('url', 'The absolute URL of the request.', { required: true }),
      query('method', 'Default `GET`.'),
      query('header', '`Name:value`, repeatable.', { schema: texts }),
    ],
    answer: ref('Explanation'),
  },
  {
    method: 'get',
    path: '/v1/mesh/resolve',
    summary: 'What DNS answers here and now, and for a service which instances that leaves out, and why.',
    parameters: [
      query('name', 'A service, or a whole domain name such as `orders.service.consul`.', { required: true }),
      query('type', 'The type of record. Default `ANY`.'),
    ],
    answer: ref('Resolution'),
  },
  {
    method: 'get',
    path: '/v1/mesh/events',
    summary: 'What happened to members, links, registrations, checks and config entries; as server-sent events as it happens.',
    parameters: [...blocking, ...resume],
    answer: listOf(ref('MeshEvent')),
    events: {
      description:
        'First the last 512 that this agent saw, or those after the last one that the client had, then each. An event `lost` ' +
        'says that some in between are gone. A comment comes every 15 s; a client that takes nothing for 60 s is cut off. At ' +
        'most 256 at once.',
      schema: ref('MeshEvent'),
    },
    refusals: [429],
  },
  { method: 'get', path: '/v1/mesh/openapi.json', summary: 'This document.', answer: { type: 'object' } },
];

/** A route as the API has it; `*` stands for what follows, which the document names. */
export interface ServedRoute {
  readonly method: string;
  readonly path: string;
}

/**
 * The document. Routes of the mesh that it does not describe, and operations that have no route, are listed in
 * `x-undescribed` and `x-unserved`, so that a document that is behind says so.
 */
export function openApiDocument(version: string, routes: readonly ServedRoute[]): Json {
  const own = routes.filter(({ path }) => path.startsWith('/v1/mesh/'));
  const described = new Set(operations.map(({ method, path }) => `${method} ${routePath(path)}`));
  const served = new Set(own.map(({ method, path }) => `${method.toLowerCase()} ${path}`));
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of operations) {
    const path = (paths[operation.path] ??= {});
    path[operation.method] = operationJson(operation);
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Skein mesh API', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    paths,
    components: { schemas },
    'x-undescribed': [...served].filter((each) => !described.has(each)),
    'x-unserved': [...described].filter((each) => !served.has(each)),
  };
}

/** Our routes end where the first parameter begins. */
function routePath(path: string): string {
  return path.replace(/\{.*$/, '*');
}

function operationJson({ summary, parameters = [], body, answer, events, refusals: own = [] }: Operation): Json {
  const refusal = (description: string): Json => ({ description, content: { 'text/plain': { schema: text } } });
  return {
    summary,
    parameters,
    ...(body === undefined ? {} : { requestBody: { required: true, content: { 'application/json': { schema: body } } } }),
    responses: {
      200: {
        description: 'The answer.',
        content: {
          'application/json': { schema: answer },
          ...(events === undefined ? {} : { 'text/event-stream': events }),
        },
      },
      400: refusal('The request is malformed; the text says how.'),
      ...Object.fromEntries(own.map((status) => [status, refusal(refusals[status])])),
    },
  };
}
