/** The OpenAPI document of the mesh's own endpoints, against what they do. */

import { expect, test } from 'vitest';
import { json, setup } from './fake-agent.ts';

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
