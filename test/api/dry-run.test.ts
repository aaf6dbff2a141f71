/** `PUT /v1/mesh/config/KIND/NAME?dry-run`: what a write would change. */

import { jsonDiff } from '@skein/api/parts';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { json, setup } from './fake-agent.ts';
import type { Setup } from './fake-agent.ts';

const backends = (...names: readonly string[]): unknown => ({ rules: [{ backendRefs: names.map((name) => ({ name })) }] });

function scene(): Setup {
  const at = setup();
  const version = { mesh: 'testmesh', kind: 'route', name: 'shop', author: at.port.self, time: { ms: 1, counter: 0 } };
  const value = backends('orders');
  at.port.configs.set('route/shop', {
    kind: 'route',
    name: 'shop',
    value,
    version: { ...version, parent: '', json: JSON.stringify(value), deleted: false },
    conflicts: [],
    quarantined: undefined,
    index: 1,
    createIndex: 1,
  });
  return at;
}

test.each([
  ['an entry that is not there', 'fresh', backends('orders'), 'create', [{ path: '', after: backends('orders') }]],
  ['the same value', 'shop', backends('orders'), 'none', []],
  [
    'another value',
    'shop',
    backends('db', 'web'),
    'update',
    [
      { path: 'rules[0].backendRefs[0].name', before: 'orders', after: 'db' },
      { path: 'rules[0].backendRefs[1]', after: { name: 'web' } },
    ],
  ],
])('of %s tells what would change, and writes nothing', async (_what, name, value, change, changes) => {
  const at = scene();
  const answer = await at.put(`/v1/mesh/config/route/${name}?dry-run`, value);
  expect(json(answer)).toEqual({ kind: 'route', name, change, changes });
  expect(at.port.commands).toEqual([]);
  expect(at.agent.durableCalls).toBe(0);
});

test.each([
  ['route/shop?dry-run', { rules: [{ backends: [] }] }, 'rules[0].backends: unknown key'],
  ['route/shop?dry-run', 'no json', 'JSON'],
  ['routes/shop?dry-run', backends('orders'), 'Unknown config kind'],
  [`route/${'x'.repeat(600)}?dry-run`, backends('orders'), 'the name has 1 to'],
  ['route/shop?dry-run=perhaps', backends('orders'), 'Invalid value for ?dry-run'],
])('of %s is refused as the write would be', async (path, value, text) => {
  const at = scene();
  const answer = await at.put(`/v1/mesh/config/${path}`, value);
  expect([answer.statusCode, answer.body]).toEqual([400, expect.stringContaining(text)]);
  expect(at.port.commands).toEqual([]);
});

test.each([
  ['PUT', 'cas=0', '"cas"'],
  ['PUT', 'dryrun', '"dryrun" of a write: there is "dry-run"'],
  ['DELETE', 'dry-run', '"dry-run" of a write: leave it out'],
] as const)(
  'a %s that was asked for %s, which it does not know, is refused by name, and nothing is written',
  async (method, query, text) => {
    const at = scene();
    const url = `/v1/mesh/config/route/shop?${query}`;
    const answer = await (method === 'PUT' ? at.put(url, backends('db')) : at.api.inject({ method: 'DELETE', url }));
    expect([answer.statusCode, answer.body]).toEqual([400, expect.stringContaining(`Unknown query parameter ${text}`)]);
    expect(at.port.commands).toEqual([]);
  },
);

test('with dry-run=false it is a write', async () => {
  const at = scene();
  await at.put('/v1/mesh/config/route/shop?dry-run=false', backends('db'));
  expect(at.port.commands).toHaveLength(1);
});

test('a value that is held already is written again only where that settles a conflict', async () => {
  const at = scene();
  expect(json(await at.put('/v1/mesh/config/route/shop', backends('orders')))).toMatchObject({ name: 'shop' });
  expect(at.port.commands).toEqual([]);
  const held = at.port.configs.get('route/shop')!;
  at.port.configs.set('route/shop', { ...held, conflicts: [{ ...held.version, parent: 'other' }] });
  await at.put('/v1/mesh/config/route/shop', backends('orders'));
  expect(at.port.commands).toHaveLength(1);
});

test('the difference of two values is empty exactly when they are the same, whatever the order of keys', () => {
  const value = fc.jsonValue({ maxDepth: 4 }).map((each) => JSON.parse(JSON.stringify(each)) as unknown);
  fc.assert(
    fc.property(value, value, (a, b) => {
      expect(jsonDiff(a, JSON.parse(JSON.stringify(a)))).toEqual([]);
      const changes = jsonDiff(a, b);
      let isEqual = true;
      try {
        expect(a).toStrictEqual(b);
      } catch {
        isEqual = false;
      }
      expect(changes.length === 0).toBe(isEqual);
      expect(new Set(changes.map(({ path }) => path)).size).toBe(changes.length);
    }),
  );
});
