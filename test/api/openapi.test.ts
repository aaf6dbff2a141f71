/** The OpenAPI document of the mesh's own endpoints, against what they do. */

import { checkId, nodeId } from '@skein/core';
import type { MeshEvent } from '@skein/core';
import { expect, test } from 'vitest';
import { FakeAgent, json, settle, setup } from './fake-agent.ts';
import type { Setup } from './fake-agent.ts';
import { fakeCheck, fakeInstance } from './fake-port.ts';

type Schema = Record<string, unknown> & {
  readonly $ref?: string;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly properties?: Record<string, Schema>;
  readonly additionalProperties?: Schema;
  readonly oneOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly type?: string;
};

interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, { responses: Record<string, { content: Record<string, { schema: Schema }> }> }>>;
  readonly components: { readonly schemas: Record<string, Schema> };
  readonly 'x-undescribed': readonly string[];
  readonly 'x-unserved': readonly string[];
}

const load = async (): Promise<Document> => json<Document>(await setup().get('/v1/mesh/openapi.json'));

test('every endpoint of the mesh is described, and every one that is described is served', async () => {
  const document = await load();
  expect(document.openapi).toBe('3.1.0');
  expect([document['x-undescribed'], document['x-unserved']]).toEqual([[], []]);
});

test('the methods of each path are those that it allows', async () => {
  const { paths } = await load();
  for (const [path, operations] of Object.entries(paths)) {
    const url = path.replace('{kind}', 'route').replace('{name}', 'shop');
    const answer = await setup().api.inject({ method: 'OPTIONS', url });
    const allowed = String(answer.headers['allow']).toLowerCase().split(',');
    for (const method of Object.keys(operations)) expect(allowed, path).toContain(method);
  }
});

test('every reference leads to a schema', async () => {
  const document = await load();
  const names = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name);
  expect(names.length).toBeGreaterThan(0);
  for (const name of names) expect(Object.keys(document.components.schemas)).toContain(name);
});

/** What is wrong with a value, by its path; keys that no schema names are wrong too. */
function faults(schema: Schema, value: unknown, all: Record<string, Schema>, path = '$'): readonly string[] {
  if (schema.$ref !== undefined) return faults(all[schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1)]!, value, all, path);
  if (schema.oneOf !== undefined) {
    const each = schema.oneOf.map((one) => faults(one, value, all, path));
    return each.some((list) => list.length === 0) ? [] : each.flat();
  }
  if (schema.const !== undefined) return value === schema.const ? [] : [`${path}: not ${JSON.stringify(schema.const)}`];
  if (schema.enum !== undefined) return schema.enum.includes(value) ? [] : [`${path}: not one of ${schema.enum.join()}`];
  const wrong = [`${path}: ${JSON.stringify(value)} is no ${String(schema.type)}`];
  if (schema.type === undefined) return [];
  if (schema.type === 'null') return value === null ? [] : wrong;
  if (schema.type === 'integer') return Number.isInteger(value) ? [] : wrong;
  if (schema.type === 'array') {
    if (!Array.isArray(value)) return wrong;
    return value.flatMap((item, at) => faults(schema.items ?? {}, item, all, `${path}[${at}]`));
  }
  if (schema.type !== 'object') return typeof value === schema.type ? [] : wrong;
  if (typeof value !== 'object' || value === null) return wrong;
  const missing = (schema.required ?? []).filter((key) => !Object.hasOwn(value, key)).map((key) => `${path}.${key}: missing`);
  return Object.entries(value).reduce<readonly string[]>((list, [key, item]) => {
    const of = schema.properties?.[key] ?? schema.additionalProperties;
    return [...list, ...(of === undefined ? [`${path}.${key}: not named`] : faults(of, item, all, `${path}.${key}`))];
  }, missing);
}

const id = nodeId('n1');
/** One of each that is shown. */
const happenings: readonly MeshEvent[] = [
  { type: 'member-changed', id, name: 'n', from: undefined, to: 'alive', reason: 'joined', epoch: 1, incarnation: 1 },
  { type: 'member-changed', id, name: 'n', from: 'alive', to: 'failed', reason: 'gone', epoch: 1, incarnation: 1 },
  { type: 'reachability-changed', id, name: 'n', reachable: false, reason: 'gone' },
  { type: 'member-reaped', id, name: 'n' },
  { type: 'link-changed', id, linked: true },
  { type: 'synced', id },
  { type: 'refuted', accuser: id, incarnation: 2 },
  { type: 'isolated', isolated: true },
  { type: 'identity-in-use', epoch: 7 },
  { type: 'seed-failed', address: 'a:1', reason: 'refused', detail: '', attempts: 1, retryInMs: 250.5 },
  { type: 'seed-joined', address: 'a:1', id },
  { type: 'registration-changed', registration: { type: 'instance', instance: fakeInstance('web-1', 'web') } },
  { type: 'registration-removed', key: 'i/web-1', reason: 'deregistered' },
  { type: 'check-changed', id: checkId('c'), from: 'passing', to: 'critical', output: 'x' },
  { type: 'config-changed', kind: 'route', name: 'r', deleted: false },
  { type: 'config-quarantined', kind: 'route', name: 'r', author: id, reason: 'x' },
  { type: 'config-conflict', kind: 'route', name: 'r', authors: [id] },
  { type: 'name-conflict', name: 'n', ids: [id] },
  { type: 'left' },
];

/** An API with something of everything. */
function full(): Setup {
  const agent = new FakeAgent();
  const at = setup({ agent });
  const { port } = at;
  port.addMember('beta', {
    status: 'failed',
    reachable: false,
    accusers: [port.self],
    checks: [fakeCheck('disk', 'critical', undefined)],
  });
  port.addInstance(port.self, fakeInstance('web-1', 'web', { taggedAddresses: { lan: { address: '10.0.0.1', port: 1 } } }), [
    'passing',
  ]);
  port.addInstance(port.self, fakeInstance('web-2', 'web'), ['critical']);
  const add = (kind: string, name: string, value: object, ms: number): void => {
    const version = { mesh: 'testmesh', kind, name, author: port.self, time: { ms, counter: 0 }, parent: '' };
    const written = { ...version, json: JSON.stringify(value), deleted: false };
    const quarantined = { version: written, reason: 'x' };
    port.configs.set(`${kind}/${name}`, {
      kind,
      name,
      value,
      version: written,
      conflicts: [written],
      quarantined,
      index: ms,
      createIndex: ms,
    });
  };
  const rules = [{ matches: [{ path: { type: 'PathPrefix', value: '/order' } }], backendRefs: [{ name: 'web' }] }];
  add('route', 'older', { hostnames: ['shop.example'], rules }, 1);
  add('route', 'newer', { hostnames: ['shop.example'], rules }, 2);
  add('service-defaults', 'web', { Kind: 'service-defaults', Name: 'web', Protocol: 'http' }, 3);
  port.bump('config/route');
  for (const take of agent.meshFollowers) for (const event of happenings) take(event, 1_700_000_000_000);
  return at;
}

test.each([
  ['/v1/mesh/view', '/v1/mesh/view'],
  ['/v1/mesh/members', '/v1/mesh/members'],
  ['/v1/mesh/events', '/v1/mesh/events'],
  ['/v1/mesh/config', '/v1/mesh/config'],
  ['/v1/mesh/config/{kind}', '/v1/mesh/config/route'],
  ['/v1/mesh/config/{kind}/{name}', '/v1/mesh/config/route/older'],
  ['/v1/mesh/explain', '/v1/mesh/explain?url=http://shop.example/order&header=a:b'],
  ['/v1/mesh/explain', '/v1/mesh/explain?url=http://web.mesh/order'],
  ['/v1/mesh/explain', '/v1/mesh/explain?url=http://nowhere.example/'],
  ['/v1/mesh/resolve', '/v1/mesh/resolve?name=web'],
  ['/v1/mesh/resolve', '/v1/mesh/resolve?name=web&type=SRV'],
  ['/v1/mesh/resolve', '/v1/mesh/resolve?name=nowhere.example'],
  ['/v1/mesh/openapi.json', '/v1/mesh/openapi.json'],
])('what %s answers is what it is described to be, no key more and none less: %s', async (path, url) => {
  const { paths, components } = await load();
  const schema = paths[path]?.['get']?.responses['200']?.content['application/json']?.schema;
  if (path.endsWith('.json')) return expect(schema).toEqual({ type: 'object' });
  expect(faults(schema!, json(await full().get(url)), components.schemas)).toEqual([]);
});

test('what a dry run of a write answers is what it is described to be', async () => {
  const { paths, components } = await load();
  const schema = paths['/v1/mesh/config/{kind}/{name}']?.['put']?.responses['200']?.content['application/json']?.schema;
  const body = { hostnames: ['shop.example', 'x.example'], rules: [{ backendRefs: [{ name: 'db' }] }] };
  for (const name of ['older', 'fresh']) {
    const answer = await full().put(`/v1/mesh/config/route/${name}?dry-run`, body);
    expect(faults(schema!, json(answer), components.schemas)).toEqual([]);
  }
});

test('what a stream says is what it is described to be', async () => {
  const { paths, components } = await load();
  for (const path of ['/v1/mesh/view', '/v1/mesh/events']) {
    const at = full();
    const answer = at.get(path, { accept: 'text/event-stream' });
    await settle();
    at.port.addMember('gamma');
    await settle();
    await at.api.close();
    const schema = paths[path]?.['get']?.responses['200']?.content['text/event-stream']?.schema;
    const said = [...(await answer).body.matchAll(/^data: (.*)$/gm)].map(([, text]) => JSON.parse(text!) as unknown);
    expect(said.length).toBe(path === '/v1/mesh/view' ? 2 : happenings.length);
    for (const data of said) expect(faults(schema!, data, components.schemas)).toEqual([]);
  }
});
