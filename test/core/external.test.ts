/** External nodes: what entries say of hosts without an agent, whoever wrote them and in whatever order they come. */

import { checkId, externalFault, externalId, externalName, externalNodeOf, externalValue, limits, topics } from '@skein/core';
import type { CheckStatus, ExternalCheck, ExternalNode, ExternalPart, InstanceView } from '@skein/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { instance } from './fixture.ts';
import { Solo } from './solo.ts';

const node = (name = 'db', more: Partial<ExternalNode> = {}): ExternalPart => ({
  type: 'node',
  node: { name, address: '10.0.0.9', uuid: '', meta: {}, taggedAddresses: {}, ...more },
});
const runs = (id: string, service: string, on = 'db'): ExternalPart => ({
  type: 'instance',
  node: on,
  instance: instance(id, { service, address: '' }),
});
const check = (id: string, more: Partial<ExternalCheck> = {}): ExternalPart => ({
  type: 'check',
  node: 'db',
  check: {
    id: checkId(id),
    name: id,
    type: 'tcp',
    status: 'passing',
    notes: '',
    output: '',
    instanceId: undefined,
    intervalMs: 0,
    timeoutMs: 0,
    definition: {},
    ...more,
  },
});

function write(solo: Solo, ...parts: readonly ExternalPart[]): void {
  for (const part of parts) {
    const command = { type: 'apply-config', kind: 'external', name: externalName(part), value: externalValue(part) } as const;
    expect(solo.command(command)).toEqual({ ok: true });
  }
}

test('parts give the same view in whatever order they come, and none without their node', () => {
  const parts = [
    node(),
    runs('db1', 'sql'),
    runs('db2', 'sql'),
    check('up'),
    check('db1', { instanceId: instance('db1').id, status: 'critical' }),
  ];
  fc.assert(
    fc.property(fc.shuffledSubarray(parts, { minLength: parts.length }), (order) => {
      const solo = new Solo();
      for (const part of order) {
        write(solo, part);
        const isThere = solo.view.member(externalId('db')) !== undefined;
        if (!isThere) expect(solo.view.service('sql')).toBeUndefined();
      }
      const shown = solo.view
        .service('sql')
        ?.instances.map(({ instance: { id }, routable, address, checks }) => [id, routable, address, checks.length]);
      expect(shown).toEqual([
        ['db1', false, '10.0.0.9', 2],
        ['db2', true, '10.0.0.9', 1],
      ]);
    }),
    { numRuns: 40 },
  );
});

test('a node that is removed takes its instances with it, and a service that ran elsewhere stays', () => {
  const solo = new Solo();
  write(solo, node(), node('web'), runs('a', 'sql'), runs('b', 'sql', 'web'));
  expect(solo.command({ type: 'delete-config', kind: 'external', name: externalName(node()) })).toEqual({ ok: true });
  expect(solo.view.service('sql')?.instances.map(({ nodeName }) => nodeName)).toEqual(['web']);
  expect([...solo.view.externalNodes()].map(({ name }) => name)).toEqual(['web']);
  expect(solo.view.memberByName('db')).toBeUndefined();
  expect([...solo.view.members()]).toHaveLength(1);
});

test('a change of one node moves the indexes of its services and of no other', () => {
  const solo = new Solo();
  write(solo, node(), node('web'), runs('a', 'sql'), runs('b', 'http', 'web'));
  const [sql, http, config] = [topics.service('sql'), topics.service('http'), topics.config].map((topic) =>
    solo.view.index(topic),
  );
  write(solo, node('db', { address: '10.0.0.10' }));
  expect(solo.view.index(topics.service('sql'))).toBeGreaterThan(sql ?? 0);
  expect([solo.view.index(topics.service('http')), solo.view.index(topics.config)]).toEqual([http, config]);
});

test('a change of one instance or its check leaves the views of the others on its node as they are', () => {
  const solo = new Solo();
  write(solo, node(), runs('a', 'sql'), runs('b', 'sql'), check('of-a', { instanceId: instance('a').id }));
  const seen = (): InstanceView[] => [...solo.view.instancesOf(externalId('db'))];
  const [a, b] = seen();
  write(solo, check('of-a', { instanceId: instance('a').id, status: 'critical' }));
  expect(seen()[0]).toMatchObject({ status: 'critical', instance: { id: 'a' } });
  expect(seen()[0]).not.toBe(a);
  expect(seen()[1]).toBe(b);
  // A check that moves to another instance changes both.
  write(solo, check('of-a', { instanceId: instance('b').id, status: 'critical' }));
  expect(seen().map(({ status }) => status)).toEqual(['passing', 'critical']);
  write(solo, runs('aa', 'sql'));
  expect(seen().map((view) => view.instance.id)).toEqual(['a', 'aa', 'b']);
  write(solo, check('of-node', { status: 'critical' }));
  expect(seen().map(({ status }) => status)).toEqual(['critical', 'critical', 'critical']);
});

test('nodes that are changed bit by bit look like those that are read at once', () => {
  const partOf = fc.oneof(
    fc.constantFrom(node(), node('db', { address: '10.0.0.10' })),
    fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('sql', 'http')).map(([id, service]) => runs(id, service)),
    fc
      .tuple(fc.constantFrom('x', 'y'), fc.constantFrom(undefined, 'a', 'b'), fc.constantFrom<CheckStatus>('passing', 'critical'))
      .map(([id, on, status]) => check(id, { instanceId: on === undefined ? undefined : instance(on).id, status })),
  );
  const shown = (solo: Solo): unknown =>
    ['sql', 'http'].map((name) =>
      solo.view
        .service(name)
        ?.instances.map(({ instance: { id }, address, status, checks }) => [id, address, status, checks.map((each) => each.id)]),
    );
  fc.assert(
    fc.property(fc.array(fc.tuple(partOf, fc.boolean()), { maxLength: 25 }), (acts) => {
      const [solo, held] = [new Solo(), new Map<string, ExternalPart>()];
      for (const [part, isRemoved] of acts) {
        const name = externalName(part);
        if (!isRemoved) write(solo, part);
        else if (held.has(name)) solo.command({ type: 'delete-config', kind: 'external', name });
        if (isRemoved) held.delete(name);
        else held.set(name, part);
        void solo.view;
      }
      const fresh = new Solo();
      write(fresh, ...held.values());
      expect(shown(solo)).toEqual(shown(fresh));
    }),
    { numRuns: 100 },
  );
});

test('the name of a member is its own: an external node of that name does not hide it', () => {
  const solo = new Solo();
  const own = solo.view.member(solo.view.self)?.name ?? '';
  write(solo, node(own));
  expect(solo.view.memberByName(own)?.id).toBe(solo.view.self);
});

describe('an entry', () => {
  test('is named so that its node and part can be told, whatever characters the names have', () => {
    const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(name, name, (host, id) => {
        const parts = [node(host), { ...runs(id, 'x'), node: host }] as ExternalPart[];
        for (const part of parts) {
          expect(externalNodeOf(externalName(part))).toBe(host);
          if (externalFault(part) === undefined) write(new Solo(), part);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('of any JSON under any name is refused or harmless', () => {
    const name = fc.oneof(fc.string({ minLength: 1 }), fc.constantFrom('db', 'db/i/x', 'db/c/x', 'db/', '%', 'db/z/x'));
    const keys = [
      'id',
      'service',
      'name',
      'address',
      'tags',
      'meta',
      'weights',
      'port',
      'status',
      'definition',
      'taggedAddresses',
      'uuid',
    ];
    const value = fc.oneof(
      fc.jsonValue(),
      fc.dictionary(fc.constantFrom(...keys), fc.oneof(fc.jsonValue(), fc.constantFrom('db', 'x'))),
    );
    const solo = new Solo();
    fc.assert(
      fc.property(name, value, (entry, json) => {
        solo.command({ type: 'apply-config', kind: 'external', name: entry, value: json });
        expect(() => [...solo.view.services(), ...solo.view.externalNodes()]).not.toThrow();
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ['an address that is too long', node('db', { address: 'a'.repeat(limits.addressLength + 1) })],
    ['no address', node('db', { address: '' })],
    ['metadata over the limit', node('db', { meta: { key: 'v'.repeat(limits.metaValueLength + 1) } })],
    ['a name with a control character', node('d\u0001b')],
    ['output over the limit', check('up', { output: 'o'.repeat(limits.outputLength + 1) })],
  ])('with %s is refused', (_what, part) => {
    expect(externalFault(part)).toBeDefined();
    const name = externalName(part);
    expect(new Solo().command({ type: 'apply-config', kind: 'external', name, value: externalValue(part) })).toMatchObject({
      ok: false,
      code: 'invalid-config',
    });
  });
});
