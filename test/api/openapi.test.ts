/** The OpenAPI document of the mesh's own endpoints, against what they do. */

import { expect, test } from 'vitest';
import { json, setup } from './fake-agent.ts';
import { fakeInstance } from './fake-port.ts';

type Schema = Record<string, unknown> & {
  readonly $ref?: string;
  readonly items?: Schema;
  readonly required?: readonly string[];
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

test('a member has exactly the keys that its schema names', async () => {
  const { components } = await load();
  const [member] = json<object[]>(await setup().get('/v1/mesh/members'));
  expect(Object.keys(member!).sort()).toEqual([...(components.schemas['Member']?.required ?? [])].sort());
});

test('the rows of the view, and the view itself, have exactly the keys that their schemas name', async () => {
  const { components } = await load();
  const at = setup();
  at.port.addInstance(at.port.self, fakeInstance('web-1', 'web'), ['passing']);
  const version = { mesh: 'testmesh', kind: 'route', name: 'r', author: at.port.self, time: { ms: 1, counter: 0 } };
  const written = { ...version, parent: '', json: '{}', deleted: false };
  at.port.configs.set('route/r', {
    kind: 'route',
    name: 'r',
    value: {},
    version: written,
    conflicts: [written],
    quarantined: { version: written, reason: 'x' },
    index: 1,
    createIndex: 1,
  });
  const required = (schema: Schema | undefined): string[] => [...(schema?.required ?? [])].sort();
  const keys = (value: object | undefined): string[] => Object.keys(value ?? {}).sort();
  const view = json<Record<string, Record<string, object[]>[]>>(await at.get('/v1/mesh/view'));
  expect(keys(view)).toEqual(required(components.schemas['View']));
  expect(keys(view['nodes']?.[0])).toEqual(required(components.schemas['ViewNode']));
  expect(keys(view['instances']?.[0])).toEqual(required(components.schemas['ViewInstance']));
  expect(keys(view['instances']?.[0]?.['checks']?.[0])).toEqual(required(components.schemas['ViewCheck']));
  expect(keys(view['config']?.[0])).toEqual(required(components.schemas['ViewConfig']));
});
