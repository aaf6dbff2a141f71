/** Views: what readers see, which indexes move when, and that a View never changes. */

import { topics } from '@skein/core';
import type { CheckStatus, NodeId, View } from '@skein/core';
import { TopicIndexes } from '@skein/core/parts';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { accusation, claim, fact, ids, instance, wallMs } from './fixture.ts';
import { Owner, Solo, checkRecord, instanceRecord } from './solo.ts';

const [, a, b, c] = ids as [NodeId, NodeId, NodeId, NodeId];

interface Scene {
  readonly solo: Solo;
  readonly owner: Owner;
}

/** A node that knows three others, of which `a` owns two services and a check of its host. */
function scene(): Scene {
  const solo = new Solo();
  const owner = new Owner(a);
  for (const id of [a, b, c]) solo.hear(id, { members: [fact(claim(id))] });
  solo.hear(a, { deltas: [owner.write([instanceRecord('web-1'), instanceRecord('db-1', { service: 'db', tags: ['x'] })])] });
  solo.hear(a, { deltas: [owner.write([checkRecord('web-check', { instanceId: instance('web-1').id }), checkRecord('host')])] });
  solo.take();
  return { solo, owner };
}

const watched = [
  topics.members,
  topics.services,
  topics.instances,
  topics.service('web'),
  topics.service('db'),
  topics.service('none'),
  topics.node(a),
  topics.node(b),
  topics.nodeNamed(`name-${a}`),
  topics.checks,
  topics.checksOf('web'),
  topics.checksOf('db'),
  topics.config,
  topics.configKind('route'),
  topics.configEntry('route', 'r'),
  topics.configEntry('route', 's'),
  topics.local,
];

/** The topics whose index an action moves. Fails where an index falls. */
function moved(solo: Solo, act: () => void): string[] {
  const before = solo.view;
  solo.now += 5;
  act();
  const after = solo.view;
  for (const topic of watched) expect(after.index(topic)).toBeGreaterThanOrEqual(before.index(topic));
  return watched.filter((topic) => after.index(topic) > before.index(topic));
}

describe('an index moves', () => {
  type Case = readonly [what: string, topics: readonly string[], act: (scene: Scene) => void];
  const web = [topics.service('web'), topics.checksOf('web')];
  const db = [topics.service('db'), topics.checksOf('db')];
  const ofNode = [topics.node(a)];
  const ofInstance = [topics.instances, ...ofNode];
  const named = topics.nodeNamed(`name-${a}`);
  const routing = [topics.members, named, ...web, ...db, ...ofInstance, topics.checks];
  const hear = ({ solo }: Scene, fields: Parameters<typeof claim>[1]): void =>
    void solo.hear(a, { members: [fact(claim(a, fields))] });
  const write = ({ solo, owner }: Scene, ...args: Parameters<Owner['write']>): void =>
    void solo.hear(a, { deltas: [owner.write(...args)] });

  test.each<Case>([
    ['an instance changes its port', [...web, ...ofInstance], (s) => write(s, [instanceRecord('web-1', { port: 9 })])],
    ['an instance changes its meta', [...web, ...ofInstance], (s) => write(s, [instanceRecord('web-1', { meta: { v: '2' } })])],
    [
      'an instance gets a tag, and has a check',
      [topics.services, ...web, ...ofInstance, topics.checks],
      (s) => write(s, [instanceRecord('web-1', { tags: ['t'] })]),
    ],
    [
      'an instance gets a tag, and has no check',
      [topics.services, ...db, ...ofInstance],
      (s) => write(s, [instanceRecord('db-1', { service: 'db', tags: ['y'] })]),
    ],
    [
      'an instance that has a check moves to another service',
      [topics.services, ...web, ...db, ...ofInstance, topics.checks],
      (s) => write(s, [instanceRecord('web-1', { service: 'db' })]),
    ],
    [
      'an instance goes before its check',
      [topics.services, ...web, ...ofInstance, topics.checks],
      (s) => write(s, [], ['i/web-1']),
    ],
    [
      'an instance is added to a service',
      [...db, ...ofInstance],
      (s) => write(s, [instanceRecord('db-2', { service: 'db', tags: ['x'] })]),
    ],
    ['the last instance of a service goes', [topics.services, ...db, ...ofInstance], (s) => write(s, [], ['i/db-1'])],
    [
      'an instance moves to another service',
      [topics.services, ...web, ...db, ...ofInstance],
      (s) => write(s, [instanceRecord('db-1', { service: 'web', tags: ['x'] })]),
    ],
    [
      'a check of an instance turns critical',
      [...web, ...ofNode, topics.checks],
      (s) => write(s, [checkRecord('web-check', { instanceId: instance('web-1').id, status: 'critical' })]),
    ],
    [
      'a check of the host turns critical',
      [...web, ...db, ...ofNode, topics.checks],
      (s) => write(s, [checkRecord('host', { status: 'critical' })]),
    ],
    ['a check goes', [...web, ...ofNode, topics.checks], (s) => write(s, [], ['c/web-check'])],
    ['its node changes its address', routing, (s) => hear(s, { incarnation: 1, addresses: ['elsewhere:1'] })],
    ['its node changes its tags', routing, (s) => hear(s, { incarnation: 1, tags: { x: 'y' } })],
    ['its node restarts', routing, (s) => hear(s, { epoch: 2 })],
    ['its node leaves', routing.concat(topics.services), (s) => hear(s, { incarnation: 1, status: 'left' })],
    ['its node announces that it leaves', routing, (s) => hear(s, { incarnation: 1, status: 'leaving' })],
    ['its node only refutes', [topics.members], (s) => hear(s, { incarnation: 1 })],
    ['its node is accused by one', [topics.members], ({ solo }) => void solo.hear(b, { accusations: [accusation(b, a)] })],
    [
      'its node is accused by two',
      routing,
      ({ solo }) => void solo.hear(b, { accusations: [accusation(b, a), accusation(c, a)] }),
    ],
    [
      'a route is written',
      [topics.config, topics.configKind('route'), topics.configEntry('route', 'r')],
      ({ solo }) => void solo.command({ type: 'apply-config', kind: 'route', name: 'r', value: {} }),
    ],
    [
      'another kind is written',
      [topics.config],
      ({ solo }) => void solo.command({ type: 'apply-config', kind: 'other', name: 'r', value: {} }),
    ],
    ['nothing is news', [], (s) => hear(s, {})],
    ['somebody else is accused by one', [topics.members], ({ solo }) => void solo.hear(a, { accusations: [accusation(a, b)] })],
  ])('when %s: %j', (_what, expected, act) => {
    const stage = scene();
    expect(moved(stage.solo, () => act(stage)).toSorted()).toEqual([...expected].toSorted());
  });

  test('strictly, also when many changes fall into one millisecond, and is told once a step', () => {
    const { solo, owner } = scene();
    const seen: number[] = [];
    for (let i = 0; i < 10; i++) {
      solo.hear(a, { deltas: [owner.write([instanceRecord('web-1', { port: i })])] });
      seen.push(solo.view.index(topics.service('web')));
    }
    expect(seen).toEqual([...new Set(seen)].toSorted((x, y) => x - y));
    const told = solo.events().filter((event) => event.type === 'view-changed');
    expect(told).toHaveLength(10);
    for (const { topics: names } of told) expect(new Set(names).size).toBe(names.length);
  });

  test('for exactly the topics that the event names', () => {
    const { solo, owner } = scene();
    const before = solo.view;
    solo.now += 5;
    solo.hear(a, { deltas: [owner.write([instanceRecord('web-1', { port: 5 }), instanceRecord('new', { service: 'new' })])] });
    const named = solo.events().flatMap((event) => (event.type === 'view-changed' ? event.topics : []));
    const all = [...watched, topics.service('new'), topics.checksOf('new')];
    expect(named.toSorted()).toEqual(all.filter((topic) => solo.view.index(topic) > before.index(topic)).toSorted());
  });
});

describe('a View', () => {
  const snapshotOf = (view: View): string =>
    JSON.stringify([
      [...view.members()],
      [...view.services()],
      [...view.configEntries()],
      [...view.registrations()],
      view.instancesOf(a),
      watched.map((topic) => view.index(topic)),
    ]);

  test('finds services by their names in any case, and whoever has a name just so before others', () => {
    const { solo } = scene();
    const names = (): string[] => solo.view.servicesNamed('wEB').map(({ name }) => name);
    const others = names();
    for (const service of ['WEB', 'Web'])
      solo.command({ type: 'register', instance: instance(service, { service }), checks: [], replaceChecks: true });
    expect(names()).toEqual(['WEB', 'Web', ...others]);
    expect(new Set([topics.service('WEB'), topics.service('web')]).size).toBe(1);
    solo.command({ type: 'deregister', id: instance('WEB').id });
    expect(names()).toEqual(['Web', ...others]);
    expect(solo.view.servicesNamed('nobody')).toEqual([]);
    const { name } = solo.view.member(solo.view.self)!;
    expect(solo.view.memberByName(name.toUpperCase())?.id).toBe(solo.view.self);
    const external = { name: name.toUpperCase(), address: 'h', uuid: '', meta: {}, taggedAddresses: {} };
    solo.command({ type: 'apply-config', kind: 'external', name: external.name, value: external });
    expect(solo.view.memberByName(name.toUpperCase())?.external).toBeDefined();
    expect(solo.view.memberByName(name)?.id).toBe(solo.view.self);
  });

  test('never changes after it was given', () => {
    const stage = scene();
    const kept: { view: View; text: string }[] = [];
    const keep = (): void => void kept.push({ view: stage.solo.view, text: snapshotOf(stage.solo.view) });
    keep();
    stage.solo.hear(a, { deltas: [stage.owner.write([instanceRecord('web-1', { port: 1 })], ['c/host'])] });
    keep();
    stage.solo.command({ type: 'register', instance: instance('own'), checks: [], replaceChecks: true });
    keep();
    stage.solo.hear(a, { members: [fact(claim(a, { incarnation: 3, status: 'left' }))] });
    keep();
    stage.solo.command({ type: 'apply-config', kind: 'route', name: 'r', value: { x: 1 } });
    stage.solo.pass(4_000_000);
    keep();
    for (const { view, text } of kept) expect(snapshotOf(view)).toBe(text);
    expect(new Set(kept.map((each) => each.text)).size).toBe(kept.length);
  });

  test('is the same object while nothing changed, and shares every part that was not touched', () => {
    const { solo, owner } = scene();
    const before = solo.view;
    solo.pass(20);
    expect(solo.view).toBe(before);
    solo.hear(a, { deltas: [owner.write([instanceRecord('web-1', { port: 5 })])] });
    const after = solo.view;
    expect(after).not.toBe(before);
    expect(after.service('db')).toBe(before.service('db'));
    expect(after.member(b)).toBe(before.member(b));
    expect(after.service('web')).not.toBe(before.service('web'));
    solo.hear(b, { accusations: [accusation(b, a)] });
    expect(solo.view.member(a)).not.toBe(after.member(a));
    expect(solo.view.instancesOf(a)).toBe(after.instancesOf(a));
    expect(solo.view.service('web')).toBe(after.service('web'));
  });

  test('routes to an instance only when its node is reachable and verified, and no check of either is critical', () => {
    const routable = (
      status: CheckStatus,
      host: CheckStatus,
      reach: 'well' | 'unverified' | 'accused' | 'left',
    ): boolean | undefined => {
      const { solo, owner } = scene();
      const target = { instanceId: instance('web-1').id, status };
      solo.hear(a, { deltas: [owner.write([checkRecord('web-check', target), checkRecord('host', { status: host })])] });
      if (reach === 'unverified') solo.hear(b, { members: [fact(claim(a, { epoch: 2 }), false)] });
      if (reach === 'accused') solo.hear(b, { accusations: [accusation(b, a), accusation(c, a)] });
      if (reach === 'left') solo.hear(a, { members: [fact(claim(a, { incarnation: 1, status: 'leaving' }))] });
      return solo.view.service('web')?.instances[0]?.routable;
    };
    expect(routable('passing', 'passing', 'well')).toBe(true);
    expect(routable('warning', 'warning', 'well')).toBe(true);
    expect(routable('critical', 'passing', 'well')).toBe(false);
    expect(routable('passing', 'critical', 'well')).toBe(false);
    for (const reach of ['unverified', 'accused', 'left'] as const) expect(routable('passing', 'passing', reach)).toBe(false);
  });

  test('keeps the instances of a failed node, critical to route to, until it is reaped; those of one that left go at once', () => {
    const { solo } = scene();
    solo.hear(b, { accusations: [accusation(b, a), accusation(c, a)] }).pass(24_000);
    expect(solo.view.member(a)?.status).toBe('failed');
    expect(solo.view.service('web')?.instances.map((each) => each.routable)).toEqual([false]);
    solo.pass(86_400_000);
    expect(solo.view.service('web')).toBeUndefined();
    const other = scene();
    other.solo.hear(a, { members: [fact(claim(a, { incarnation: 1, status: 'left' }))] });
    expect(other.solo.view.service('web')).toBeUndefined();
    expect(other.solo.view.instancesOf(a)).toEqual([]);
  });

  test('says of which boot of a member it has the catalog, also one with nothing in it', () => {
    const solo = new Solo();
    const owner = new Owner(a);
    solo.hear(a, { members: [fact(claim(a))] });
    expect(solo.view.member(a)?.catalogEpoch).toBe(0);
    const nothing = owner.write([]);
    expect(moved(solo, () => solo.hear(a, { deltas: [nothing] }))).toEqual([topics.node(a)]);
    expect(solo.view.member(a)?.catalogEpoch).toBe(1);
    expect(moved(solo, () => solo.hear(a, { deltas: [owner.write([])] }))).toEqual([]);
    solo.hear(a, { members: [fact(claim(a, { epoch: 2 }))] });
    expect(solo.view.member(a)).toMatchObject({ catalogEpoch: 1, record: { epoch: 2 } });
  });

  test('gives an instance the address, region and zone of its node where it has none', () => {
    const solo = new Solo();
    const owner = new Owner(a);
    solo.hear(a, {
      members: [fact(claim(a, { addresses: ['[fd00::1]:7946'], region: 'eu', zone: 'z1' }))],
    });
    solo.hear(a, {
      deltas: [owner.write([instanceRecord('p'), instanceRecord('q', { address: '10.0.0.9', region: 'us', zone: 'z2' })])],
    });
    expect(solo.view.service('web')?.instances).toMatchObject([
      { address: 'fd00::1', region: 'eu', zone: 'z1' },
      { address: '10.0.0.9', region: 'us', zone: 'z2' },
    ]);
  });

  test('knows when a record was made and last changed, and a record made again is a new one', () => {
    const { solo, owner } = scene();
    const find = () => solo.view.service('web')?.instances.find((each) => each.instance.id === 'web-1');
    const first = find();
    solo.now += 5;
    solo.hear(a, { deltas: [owner.write([instanceRecord('web-1', { port: 5 })])] });
    const changed = find();
    expect(changed?.createIndex).toBe(first?.createIndex);
    expect(changed?.modifyIndex).toBeGreaterThan(first?.modifyIndex ?? Infinity);
    solo.now += 5;
    solo.hear(a, { deltas: [owner.write([], ['i/web-1'])] }).hear(a, { deltas: [owner.write([instanceRecord('web-1')])] });
    expect(find()?.createIndex).toBeGreaterThan(changed?.modifyIndex ?? Infinity);
  });

  test('finds a member by its label: the living one when several share it', () => {
    const { solo } = scene();
    solo.hear(b, { members: [fact(claim(ids[4]!, { name: 'name-n1' }))] });
    solo.hear(b, { accusations: [accusation(b, a), accusation(c, a)] }).pass(24_000);
    expect(solo.view.memberByName('name-n1')?.id).toBe(ids[4]);
    expect(solo.view.memberByName('nobody')).toBeUndefined();
    expect(solo.view.aliveCount).toBe(4);
  });
});

test('of members of one name that are not alive, one that left is found last, whoever came later', () => {
  const { solo } = scene();
  solo.hear(b, { members: [fact(claim(ids[4]!, { name: 'name-n1' }))] });
  solo.hear(b, { members: [fact(claim(ids[4]!, { name: 'name-n1', incarnation: 1, status: 'left' }))] });
  solo.hear(b, { accusations: [accusation(b, a), accusation(c, a)] }).pass(24_000);
  expect(solo.view.member(ids[4]!)?.status).toBe('left');
  expect(solo.view.memberByName('name-n1')).toMatchObject({ id: a, status: 'failed' });
});

describe('a vanished service', () => {
  test('keeps an index of its own, which moved when it vanished and does not follow others', () => {
    const { solo, owner } = scene();
    solo.now += 5;
    solo.hear(a, { deltas: [owner.write([], ['i/db-1'])] });
    const gone = solo.view.index(topics.service('db'));
    expect(solo.view.service('db')).toBeUndefined();
    solo.now += 5;
    solo.hear(a, { deltas: [owner.write([instanceRecord('web-1', { port: 7 })])] });
    expect(solo.view.index(topics.service('db'))).toBe(gone);
    solo.now += 5;
    solo.hear(a, { deltas: [owner.write([instanceRecord('db-1', { service: 'db' })])] });
    expect(solo.view.index(topics.service('db'))).toBeGreaterThan(gone);
  });
});

describe('indexes', () => {
  test('fit 53 bits, are at least 1, and grow across a restart without being stored', () => {
    const before = new Solo();
    before.command({ type: 'register', instance: instance('x'), checks: [], replaceChecks: true });
    const first = before.view.lastIndex;
    const after = new Solo({ options: { wallMs: wallMs + 60_000, epoch: 2 } });
    expect(after.view.index('service/never')).toBeGreaterThan(first);
    expect(after.view.lastIndex).toBeLessThan(2 ** 53);
    expect(new TopicIndexes(0, 5).snapshot().floor).toBeGreaterThanOrEqual(1);
  });

  test('of a node tell it from others by their tag', () => {
    const [one, other] = [new Solo(), new Solo({ id: a })];
    expect(one.view.lastIndex % 1024).not.toBe(other.view.lastIndex % 1024);
  });

  test('of topics never fall, whatever the clock does, and a step gives all its topics the same one', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: -5000, max: 5000 }), fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'))), {
          maxLength: 50,
        }),
        (steps) => {
          const indexes = new TopicIndexes(wallMs, 7);
          const last = new Map<string, number>();
          for (const [drift, touched] of steps) {
            indexes.setNow(wallMs + drift);
            for (const topic of touched) indexes.touch(topic);
            expect(indexes.takeTouched(wallMs + drift)).toEqual(touched);
            const { byTopic } = indexes.snapshot();
            const fresh = new Set(touched.map((topic) => byTopic.get(topic)));
            expect(fresh.size).toBeLessThanOrEqual(1);
            for (const topic of touched) {
              expect(byTopic.get(topic)!).toBeGreaterThan(last.get(topic) ?? 0);
              last.set(topic, byTopic.get(topic)!);
            }
            for (const [topic, index] of last) expect(byTopic.get(topic)).toBe(index);
          }
        },
      ),
    );
  });

  test('are remembered for so many topics; of more, the oldest share one floor and still never fall', () => {
    const indexes = new TopicIndexes(wallMs, 1);
    const index = (topic: string): number => indexes.snapshot().byTopic.get(topic) ?? indexes.snapshot().floor;
    for (let i = 0; i < 65_537; i++) {
      indexes.touch(`t${i}`);
      if (i % 5000 === 0) indexes.takeTouched(wallMs + i);
    }
    const before = [0, 100, 20_000, 65_536].map((i) => index(`t${i}`));
    indexes.takeTouched(wallMs + 70_000);
    expect(indexes.snapshot().byTopic.size).toBeLessThan(65_536);
    [0, 100, 20_000, 65_536].forEach((i, at) => expect(index(`t${i}`)).toBeGreaterThanOrEqual(before[at]!));
    expect(index(`t65536`)).toBe(before[3]);
  });
});

describe('the list of services', () => {
  const edit = fc.record({
    id: fc.constantFrom('i0', 'i1', 'i2', 'i3'),
    service: fc.constantFrom('web', 'db'),
    tags: fc.subarray(['x', 'y', 'z']),
    isGone: fc.boolean(),
  });

  test('has a new index exactly when a name or a tag in it came or went, however many changes come before it is read', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.uniqueArray(edit, { selector: ({ id }) => id, maxLength: 3 })), { maxLength: 12 }),
        (rounds) => {
          const solo = new Solo();
          const owner = new Owner(a);
          solo.hear(a, { members: [fact(claim(a))] });
          const held = new Map<string, { readonly service: string; readonly tags: readonly string[] }>();
          const listed = (): string => {
            const list = new Map<string, Set<string>>();
            for (const { service, tags } of held.values()) list.set(service, new Set([...(list.get(service) ?? []), ...tags]));
            return [...list]
              .map(([name, tags]) => `${name} ${[...tags].sort().join()}`)
              .sort()
              .join(';');
          };
          for (const edits of rounds) {
            const index = solo.view.index(topics.services);
            let hasChanged = false;
            for (const each of edits) {
              const before = listed();
              const gone = each.filter(({ id, isGone }) => isGone && held.has(id)).map(({ id }) => id);
              const kept = each.filter(({ isGone }) => !isGone);
              for (const id of gone) held.delete(id);
              for (const { id, service, tags } of kept) held.set(id, { service, tags });
              const upserts = kept.map(({ id, service, tags }) => instanceRecord(id, { service, tags }));
              solo.now += 1;
              solo.hear(a, {
                deltas: [
                  owner.write(
                    upserts,
                    gone.map((id) => `i/${id}`),
                  ),
                ],
              });
              hasChanged ||= listed() !== before;
            }
            expect(solo.view.index(topics.services) > index).toBe(hasChanged);
          }
        },
      ),
    );
  });
});
