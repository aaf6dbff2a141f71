/** What nodes tell each other of the config that they apply: a digest, seldom, and nothing where there is nothing. */

import { configReportMs, nothingApplied, topics, versionId } from '@skein/core';
import type { NodeId, SignedConfig } from '@skein/core';
import { Catalog, ConfigStore } from '@skein/core/parts';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { claim, configVersion, fact, ids, instance, makeTurn, wallMs } from './fixture.ts';
import { Solo } from './solo.ts';

const [self, a, b] = ids as [NodeId, NodeId, NodeId];

function store(...versions: readonly SignedConfig[]): ConfigStore {
  const validate = (_kind: string, _name: string, value: unknown): string | undefined =>
    typeof value === 'object' && value !== null && 'bad' in value ? 'bad' : undefined;
  const at = new ConfigStore(
    makeTurn(self),
    validate,
    { configChanged: () => undefined, configForgotten: () => undefined },
    wallMs,
  );
  for (const each of versions) at.merge(each, a);
  return at;
}

describe('the digest of what is applied', () => {
  test('is the same whatever the order of arrival, and follows from what is in force and what is refused', () => {
    const versions = fc.uniqueArray(
      fc
        .record({
          author: fc.constantFrom(a, b),
          name: fc.constantFrom('x', 'y', 'z'),
          ms: fc.nat({ max: 20 }),
          json: fc.constantFrom('{"v":1}', '{"v":2}', ''),
        })
        .map(({ author, name, ms, json }) => configVersion(author, ms, json, { name })),
      { maxLength: 10, selector: ({ value }) => `${value.name} ${versionId(value)}` },
    );
    fc.assert(
      fc.property(
        versions.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))),
        ([all, other]) => {
          const [one, two] = [store(...all), store(...other)];
          expect(two.applied).toBe(one.applied);
          const inForce = [...one.all()].filter(({ value }) => !value.deleted);
          expect(one.applied === nothingApplied).toBe(inForce.length === 0);
          expect(store(...inForce).applied).toBe(one.applied);
        },
      ),
    );
  });

  test('says nothing of keys, of external nodes, of deletions and of conflicts', () => {
    const at = store();
    at.apply('kv', 'k', { value: 'YQ==', flags: 0 });
    at.apply('route', 'gone', { x: 1 });
    at.delete('route', 'gone');
    expect(at.applied).toBe(nothingApplied);
    const [winner, loser] = [configVersion(b, 2, '{"v":2}'), configVersion(a, 1, '{"v":1}')];
    expect(store(loser, winner).applied).toBe(store(winner).applied);
  });

  test('differs where a version is refused: from those that apply it, and from those that do not have it', () => {
    const good = configVersion(a, 1, '{"v":1}');
    const bad = configVersion(b, 2, '{"bad":1}', { parent: versionId(good.value) });
    const digests = [store(good), store(good, bad), store(bad), store()].map((each) => each.applied);
    expect(new Set(digests).size).toBe(4);
    const careless = new ConfigStore(
      makeTurn(self),
      () => undefined,
      { configChanged: () => undefined, configForgotten: () => undefined },
      wallMs,
    );
    for (const each of [good, bad]) careless.merge(each, a);
    expect(digests).not.toContain(careless.applied);
  });
});

/** The versions of its catalog that a node pushed to `a`. */
function told(solo: Solo): { version: number; appliedConfig: string }[] {
  const seen = solo
    .take()
    .flatMap((effect) => (effect.type === 'send' && effect.message.type === 'gossip' ? effect.message.deltas : []));
  return seen
    .map(({ head }) => head.value)
    .filter(({ owner }) => owner === self)
    .map(({ version, appliedConfig }) => ({ version, appliedConfig }));
}

function linked(): Solo {
  const solo = new Solo();
  solo.hear(a, { members: [fact(claim(a))] });
  solo.step({ type: 'peer', id: a, state: 'linked', epoch: 1 });
  solo.pass(1000);
  solo.take();
  return solo;
}

describe('a node', () => {
  const apply = (solo: Solo, x: number): void =>
    expect(solo.command({ type: 'apply-config', kind: 'route', name: 'r', value: { x } })).toEqual({ ok: true });

  test('that applies nothing tells so in its first head, and never again', () => {
    const solo = new Solo();
    expect(solo.view.member(self)?.appliedConfig).toBe(nothingApplied);
    solo.hear(a, { members: [fact(claim(a))] });
    solo.step({ type: 'peer', id: a, state: 'linked', epoch: 1 });
    solo.command({ type: 'apply-config', kind: 'kv', name: 'k', value: { value: 'YQ==', flags: 0 } });
    solo.pass(60_000);
    expect(told(solo)).toEqual([]);
  });

  test('tells once what it applies, for all that changed meanwhile, a second later at the earliest', () => {
    const solo = linked();
    for (let x = 0; x < 20; x++) {
      apply(solo, x);
      solo.pass(10);
    }
    solo.pass(750);
    expect(told(solo)).toEqual([]);
    solo.pass(configReportMs(2));
    expect(told(solo)).toEqual([{ version: 2, appliedConfig: solo.view.appliedConfig }]);
    expect(solo.view.member(self)?.appliedConfig).toBe(solo.view.appliedConfig);
    solo.pass(60_000);
    expect(told(solo)).toEqual([]);
  });

  test('tells nothing when by then it applies what it told last', () => {
    const solo = linked();
    apply(solo, 1);
    solo.command({ type: 'delete-config', kind: 'route', name: 'r' });
    solo.pass(60_000);
    expect(told(solo)).toEqual([]);
  });

  test('tells it for nothing with another change of its catalog', () => {
    const solo = linked();
    apply(solo, 1);
    solo.command({ type: 'register', instance: instance('web-1'), checks: [], replaceChecks: true });
    solo.pass(20);
    expect(told(solo)).toEqual([{ version: 2, appliedConfig: solo.view.appliedConfig }]);
    solo.pass(60_000);
    expect(told(solo)).toEqual([]);
  });

  test('that starts with config tells it in its first head', () => {
    const solo = new Solo({ options: { configEntries: [configVersion(a, 1, '{"v":1}')] } });
    expect(solo.view.appliedConfig).not.toBe(nothingApplied);
    expect(solo.view.member(self)?.appliedConfig).toBe(solo.view.appliedConfig);
  });

  test('shows what others tell, wakes who waits for that and nobody else, and shows nothing of those who do not tell', () => {
    const solo = linked();
    const catalog = new Catalog(makeTurn(a), {
      catalogChanged: () => undefined,
      ownVersionLost: () => undefined,
      catalogGap: () => undefined,
      appliedConfig: () => applied,
    });
    let applied = '';
    catalog.write(1, [], []);
    solo.hear(a, { deltas: [catalog.own.deltaAfter(0, 0)!] });
    expect(solo.view.member(a)).toMatchObject({ appliedConfig: '', catalogEpoch: 1 });
    solo.take();
    applied = 'digest-of-a';
    catalog.tellConfig(1);
    solo.hear(a, { deltas: [catalog.own.deltaAfter(1, 1)!] });
    expect(solo.view.member(a)?.appliedConfig).toBe('digest-of-a');
    expect(solo.events().flatMap((event) => (event.type === 'view-changed' ? event.topics : []))).toEqual([topics.appliedConfig]);
  });
});
