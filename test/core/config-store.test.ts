/** Config entries of many writers: one winner everywhere, losers shown everywhere, the last good version in force. */

import { compareVersions, limits, nodeId, versionId } from '@skein/core';
import type { ConfigVersion, NodeId, SignedConfig } from '@skein/core';
import { ConfigStore, compareStamps, hashText, type ConfigListener, type Turn } from '@skein/core/parts';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { configVersion, events, ids, makeTurn, persisted, refusals, wallMs } from './fixture.ts';

const [self, a, b, c] = ids as [NodeId, NodeId, NodeId, NodeId];

class Store implements ConfigListener {
  readonly turn: Turn;
  readonly store: ConfigStore;
  readonly changes: string[] = [];
  readonly forgotten: string[] = [];

  /** A value with a `bad` key does not validate. */
  constructor(id: NodeId = self) {
    this.turn = makeTurn(id);
    const validate = (_kind: string, _name: string, value: unknown): string | undefined =>
      typeof value === 'object' && value !== null && 'bad' in value ? 'bad: is not a key' : undefined;
    this.store = new ConfigStore(this.turn, validate, this, wallMs);
  }

  configChanged = (version: ConfigVersion, from: NodeId | undefined): void =>
    void this.changes.push(`${version.name} ${from ?? 'own'}`);
  configForgotten = (version: ConfigVersion): void => void this.forgotten.push(version.name);

  hear(...versions: readonly SignedConfig[]): this {
    for (const signed of versions) this.store.merge(signed, a);
    return this;
  }

  apply(value: unknown, name = 'r'): this {
    expect(this.store.apply('route', name, value)).toEqual({ ok: true });
    return this;
  }

  /** What readers see. */
  shown(name = 'r'): { value: unknown; conflicts: unknown[]; quarantined: string | undefined } | undefined {
    const entry = this.store.entry(`route/${name}`);
    if (entry === undefined) return undefined;
    return {
      value: entry.value,
      conflicts: entry.conflicts.map((version) => version.json),
      quarantined: entry.quarantined?.reason,
    };
  }

  newest(name = 'r'): SignedConfig {
    const [newest] = this.store.versions(`route/${name}`);
    if (newest === undefined) throw new Error(`no entry ${name}`);
    return newest;
  }
}

describe('versions', () => {
  /** Versions of one entry, some with the same parent, some deletions, some that do not validate. */
  const versions: fc.Arbitrary<SignedConfig[]> = fc
    .uniqueArray(fc.tuple(fc.constantFrom(a, b, c), fc.integer({ min: 0, max: 30 })), {
      maxLength: 7,
      selector: ([id, ms]) => `${id}${ms}`,
    })
    .chain((names) =>
      fc.tuple(
        ...names.map(([author, ms]) =>
          fc
            .record({ json: fc.constantFrom('{"x":1}', '{"x":2}', '{"bad":1}', '', '{'), parent: fc.constantFrom('', 'p', 'q') })
            .map(({ json, parent }) => configVersion(author, ms, json, { parent })),
        ),
      ),
    );
  const shuffled = <T>(items: readonly T[], picks: () => number): T[] => {
    const rest = [...items];
    const out: T[] = [];
    while (rest.length > 0) out.push(...rest.splice(picks() % rest.length, 1));
    return out;
  };

  test('in any order of arrival, also twice, give the same winner, and the same in force', () => {
    fc.assert(
      fc.property(versions, fc.infiniteStream(fc.nat()), (all, stream) => {
        const pick = (): number => stream.next().value as number;
        const winner = (store: Store): string | undefined =>
          store.store.versions('route/r').map((each) => versionId(each.value))[0];
        const inForce = ({ store }: Store): unknown => [store.entry('route/r')?.version, store.applied];
        const one = new Store().hear(...all);
        const other = new Store().hear(...shuffled([...all, ...all], pick));
        expect(winner(other)).toBe(winner(one));
        expect(inForce(other)).toEqual(inForce(one));
        expect(inForce(new Store().hear(...shuffled(one.store.versions('route/r'), pick)))).toEqual(inForce(one));
        const again = new Store();
        again.store.restore(shuffled(one.store.versions('route/r'), pick));
        expect(inForce(again)).toEqual(inForce(one));
        const last = all
          .map((each) => each.value)
          .toSorted((x, y) => x.time.ms - y.time.ms || hashText(x.author) - hashText(y.author));
        expect(winner(one)).toBe(last.length === 0 ? undefined : versionId(last.at(-1)!));
      }),
      { numRuns: 300 },
    );
  });

  test('of one time are ordered as their stamps are, so that who lacks the winner sees that others have it', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 2, maxLength: 2 }), ([one = '', other = '']) => {
        const stores = [one, other].map((author) => new Store().hear(configVersion(nodeId(author), 1, '{"x":1}')));
        const [x, y] = stores.map((store) => store.newest().value) as [ConfigVersion, ConfigVersion];
        const [stamp, otherStamp] = stores.map((store) => store.store.stamp('route/r') ?? []) as [
          readonly number[],
          readonly number[],
        ];
        expect(Math.sign(compareVersions(x, y))).toBe(Math.sign(compareStamps(stamp, otherStamp)));
      }),
    );
  });

  test('that are concurrent, in any order of arrival, show the same conflicts and have the same stamp', () => {
    const siblings = fc
      .uniqueArray(fc.tuple(fc.constantFrom(a, b, c), fc.integer({ min: 0, max: 30 })), {
        maxLength: 12,
        selector: ([id, ms]) => `${id}${ms}`,
      })
      .map((names) => names.map(([author, ms]) => configVersion(author, ms, `{"x":${ms}}`)));
    fc.assert(
      fc.property(siblings, fc.infiniteStream(fc.nat()), (all, stream) => {
        const one = new Store().hear(...all);
        const other = new Store().hear(...shuffled(all, () => stream.next().value as number));
        expect(other.shown()).toEqual(one.shown());
        expect(other.store.stamp('route/r')).toEqual(one.store.stamp('route/r'));
        expect(one.shown()?.conflicts ?? []).toHaveLength(Math.min(limits.configConflicts, Math.max(0, all.length - 1)));
      }),
      { numRuns: 200 },
    );
  });

  test('told on with their conflicts make the receiver show the same, whichever it held before', () => {
    const [x, y, z] = [configVersion(a, 1, '{"x":1}'), configVersion(b, 2, '{"x":2}'), configVersion(c, 3, '{"x":3}')];
    const full = new Store().hear(x, y, z);
    expect(full.shown()).toMatchObject({ value: { x: 3 }, conflicts: ['{"x":2}', '{"x":1}'] });
    for (const held of [[], [x], [y], [z], [x, y]]) {
      expect(
        new Store()
          .hear(...held)
          .hear(...full.store.versions('route/r'))
          .shown(),
      ).toEqual(full.shown());
    }
  });

  test('written by who saw all of them settle the conflict', () => {
    const store = new Store().hear(configVersion(a, 1, '{"x":1}'), configVersion(b, 2, '{"x":2}')).apply({ x: 9 });
    expect(store.shown()).toEqual({ value: { x: 9 }, conflicts: [], quarantined: undefined });
    expect(
      new Store()
        .hear(configVersion(a, 1, '{"x":1}'))
        .hear(store.newest())
        .shown()?.conflicts,
    ).toEqual([]);
  });

  test('of our own are later than all we saw, also when our wall clock is behind, and never share a time', () => {
    const store = new Store().hear(configVersion(a, 200_000, '{"x":1}')).apply({ x: 2 });
    expect(store.newest().value.time).toEqual({ ms: wallMs + 200_000, counter: 1 });
    const first = versionId(store.newest().value);
    store.apply({ x: 3 });
    expect(store.newest().value.time).toEqual({ ms: wallMs + 200_000, counter: 2 });
    expect(store.newest().value.parent).toBe(first);
    store.store.clock.set(wallMs + 500_000);
    expect(store.apply({ x: 4 }).newest().value.time).toEqual({ ms: wallMs + 500_000, counter: 0 });
  });
});

describe('a version that does not validate', () => {
  test('is refused where it is written, with the path of the key', () => {
    const store = new Store();
    expect(store.store.apply('route', 'r', { bad: 1 })).toEqual({
      ok: false,
      code: 'invalid-config',
      message: 'route "r": bad: is not a key',
    });
    expect(store.shown()).toBeUndefined();
    expect(persisted(store.turn.take())).toEqual([]);
  });

  test('that a peer sent is kept and passed on, while the last good one stays in force', () => {
    const good = configVersion(a, 1, '{"x":1}');
    const bad = configVersion(b, 2, '{"bad":1}', { parent: versionId(good.value) });
    const store = new Store().hear(good, bad);
    expect(store.shown()).toEqual({ value: { x: 1 }, conflicts: [], quarantined: 'bad: is not a key' });
    expect(store.newest()).toBe(bad);
    expect(events(store.turn.take())).toContainEqual(expect.objectContaining({ type: 'config-quarantined', author: b }));
    store.hear(configVersion(a, 3, '{"x":3}', { parent: versionId(bad.value) }));
    expect(store.shown()).toEqual({ value: { x: 3 }, conflicts: [], quarantined: undefined });
  });

  test('that comes before the good one of another writer leaves that one in force all the same, and tells it on', () => {
    const base = configVersion(a, 1, '{"x":1}');
    const loser = configVersion(c, 2, '{"x":2}', { parent: versionId(base.value) });
    const bad = configVersion(b, 3, '{"bad":1}', { parent: versionId(loser.value) });
    const store = new Store().hear(base, bad);
    expect(store.shown()).toMatchObject({ value: { x: 1 } });
    store.changes.length = 0;
    expect(store.hear(loser).shown()).toMatchObject({ value: { x: 2 }, conflicts: [] });
    expect(store.changes).toEqual([`r ${a}`]);
    expect(store.hear(loser, base).changes).toEqual([`r ${a}`]);
    expect(new Store().hear(...store.store.versions('route/r')).shown()).toEqual(store.shown());
  });

  test('has another stamp where another one is in force, or none, so that whoever lacks it asks', () => {
    const base = configVersion(a, 1, '{"x":1}');
    const bad = configVersion(b, 3, '{"bad":1}', { parent: versionId(base.value) });
    const [full, fresh] = [new Store().hear(base, bad), new Store().hear(bad)];
    const stamp = ({ store }: Store): readonly number[] => store.stamp('route/r') ?? [];
    expect(compareStamps(stamp(full), stamp(fresh))).toBeGreaterThan(0);
    fresh.hear(...full.store.versions('route/r'));
    expect(stamp(fresh)).toEqual(stamp(full));
  });

  test('that comes before a deletion leaves nothing in force', () => {
    const base = configVersion(a, 1, '{"x":1}');
    const deletion = configVersion(c, 2, '', { parent: versionId(base.value) });
    const bad = configVersion(b, 3, '{"bad":1}', { parent: versionId(deletion.value) });
    const store = new Store().hear(base, bad, deletion);
    expect(store.shown()).toBeUndefined();
    expect(store.hear(base).shown()).toBeUndefined();
  });

  test('leaves a node that never had a good one without an entry', () => {
    expect(new Store().hear(configVersion(b, 2, '{')).shown()).toBeUndefined();
  });

  test('keeps the last good one across a restart', () => {
    const good = configVersion(a, 1, '{"x":1}');
    const bad = configVersion(b, 2, '{"bad":1}', { parent: versionId(good.value) });
    const kept = new Map<string, SignedConfig>();
    const before = new Store().hear(good, configVersion(a, 0, '{"x":0}'), bad);
    for (const each of persisted(before.turn.take())) {
      if (each.type === 'config') kept.set(versionId(each.entry.value), each.entry);
      else if (each.type === 'config-removed') kept.delete(versionId(each.version));
    }
    const after = new Store();
    after.store.restore([...kept.values()].toReversed());
    expect(after.shown()).toEqual(before.shown());
  });
});

test('storage holds only what an entry needs to be restored, however often it was written', () => {
  const store = new Store();
  const kept = new Set<string>();
  for (let i = 0; i < 50; i++) {
    store.turn.now += 10;
    store.apply({ x: i });
    for (const each of persisted(store.turn.take())) {
      if (each.type === 'config') kept.add(versionId(each.entry.value));
      else if (each.type === 'config-removed') kept.delete(versionId(each.version));
    }
  }
  expect([...kept]).toEqual([versionId(store.newest().value)]);
});

test('superseded versions that a crash kept are removed from storage once they are read', () => {
  const before = new Store();
  const written: SignedConfig[] = [];
  for (let i = 0; i < 3; i++) {
    before.turn.now += 10;
    before.apply({ x: i });
    written.push(before.newest());
  }
  const after = new Store();
  after.store.restore(written.toReversed());
  expect(after.shown()?.value).toEqual({ x: 2 });
  const removed = persisted(after.turn.take()).flatMap((each) =>
    each.type === 'config-removed' ? [versionId(each.version)] : [],
  );
  expect(removed).toEqual(written.slice(0, 2).map(({ value }) => versionId(value)));
});

describe('a deletion', () => {
  test('removes the entry, and an older version cannot bring it back', () => {
    const old = configVersion(a, -5000, '{"x":1}');
    const store = new Store().hear(old);
    expect(store.store.delete('route', 'r')).toEqual({ ok: true });
    expect(store.shown()).toBeUndefined();
    expect(store.newest().value).toMatchObject({ deleted: true, json: '', parent: versionId(old.value) });
    expect(store.hear(old).shown()).toBeUndefined();
  });

  test('of what is not there is refused', () => {
    const store = new Store().apply({ x: 1 });
    expect(store.store.delete('route', 'nobody')).toMatchObject({ ok: false, code: 'unknown-config' });
    expect(store.store.delete('route', 'r')).toEqual({ ok: true });
    expect(store.store.delete('route', 'r')).toMatchObject({ ok: false, code: 'unknown-config' });
  });

  test('is superseded by writing the entry again', () => {
    const store = new Store().apply({ x: 1 });
    store.store.delete('route', 'r');
    expect(store.apply({ x: 2 }).shown()).toEqual({ value: { x: 2 }, conflicts: [], quarantined: undefined });
  });
});

describe('what is refused', () => {
  const signed = configVersion(a, 1, '{"x":1}');
  test.each<[string, string, SignedConfig]>([
    ['a version that its author did not sign', 'bad-signature', { ...signed, value: { ...signed.value, json: '{"x":2}' } }],
    ['a version in the name of another', 'bad-signature', { ...signed, value: { ...signed.value, author: b } }],
    ['a version of another mesh', 'other-mesh', configVersion(a, 1, '{"x":1}', { mesh: 'x' })],
    ['a version from a clock far ahead', 'config-from-the-future', configVersion(a, 300_001, '{"x":1}')],
    ['a kind with a slash, whose key could be that of another entry', 'config-name', configVersion(a, 1, '{}', { kind: 'a/b' })],
    ['an empty name', 'config-name', configVersion(a, 1, '{}', { name: '' })],
    ['a version too large to push', 'config-too-large', configVersion(a, 1, JSON.stringify('x'.repeat(limits.configBytes)))],
  ])('%s changes nothing and is reported', (_what, reason, bad) => {
    const store = new Store().hear(bad);
    const effects = store.turn.take();
    expect(refusals(effects)).toEqual([reason]);
    expect(persisted(effects)).toEqual([]);
    expect(store.store.versions('route/r')).toEqual([]);
    expect(store.changes).toEqual([]);
  });

  test('a local write of an agent that holds what others refuse as too late: they would refuse it as well', () => {
    const store = new Store();
    store.store.clock.set(wallMs + 3_600_000);
    store.apply({ x: 1 });
    store.store.clock.set(wallMs);
    // While it is alone nobody refuses anything.
    store.apply({ x: 2 });
    store.store.clock.heard(a, wallMs);
    store.turn.take();
    expect(store.store.apply('route', 'r', { x: 3 })).toMatchObject({ ok: false, code: 'clock-ahead' });
    expect(store.store.delete('route', 'r')).toMatchObject({ ok: false, code: 'clock-ahead' });
    expect(store.shown()?.value).toEqual({ x: 2 });
    expect(store.turn.take()).toEqual([]);
  });

  test('a local write of an agent whose clock is still ahead of all others, after what it wrote alone', () => {
    const store = new Store();
    store.store.clock.set(wallMs + 3_600_000);
    store.apply({ x: 1 });
    for (const id of [a, b, c]) store.store.clock.heard(id, wallMs);
    expect(store.store.apply('route', 'r', { x: 2 })).toMatchObject({ ok: false, code: 'clock-ahead' });
    expect(store.store.apply('route', 'other', { x: 2 })).toMatchObject({ ok: false, code: 'clock-ahead' });
  });

  test('a clock a little ahead is no reason', () => {
    expect(new Store().hear(configVersion(a, 300_000, '{"x":1}')).shown()?.value).toEqual({ x: 1 });
  });

  test.each<[string, string, string, unknown]>([
    ['a kind with a slash', 'a/b', 'r', {}],
    ['an empty kind', '', 'r', {}],
    ['an empty name', 'route', '', {}],
    ['a name beyond the limit', 'route', 'x'.repeat(129), {}],
    ['a value that is not JSON', 'route', 'r', undefined],
  ])('a local write with %s', (_what, kind, name, value) => {
    expect(new Store().store.apply(kind, name, value)).toMatchObject({ ok: false, code: 'invalid-config' });
  });

  test('a local write that is too large in bytes, though not in characters', () => {
    const store = new Store();
    expect(store.store.apply('route', 'r', 'ü'.repeat(20_000))).toMatchObject({ ok: false, code: 'limit-exceeded' });
    expect(store.shown()).toBeUndefined();
  });
});

describe('the limit of entries', () => {
  const full = (): Store => {
    const store = new Store();
    for (let i = 0; i < limits.configEntries; i++) store.hear(configVersion(a, -1000, '{}', { name: `e${i}` }));
    store.turn.take();
    return store;
  };

  test('is refused by name, for peers and for writers', () => {
    const store = full();
    expect(store.store.apply('route', 'one-more', {})).toMatchObject({ ok: false, code: 'limit-exceeded' });
    store.hear(configVersion(b, 1, '{}', { name: 'one-more' }));
    expect(refusals(store.turn.take())).toEqual(['config-limit']);
    expect(store.apply({ x: 1 }, 'e5').shown('e5')?.value).toEqual({ x: 1 });
  });

  test('leaves room for another at once when one is deleted', () => {
    const store = full();
    expect(store.store.delete('route', 'e5')).toEqual({ ok: true });
    expect(store.store.apply('route', 'one-more', {})).toEqual({ ok: true });
    expect(store.store.stamp('route/e5')).toBeDefined();
  });

  test('is that of deletions too: the oldest is forgotten, from storage as well', () => {
    const store = new Store();
    for (let i = 0; i < limits.configEntries; i++) store.hear(configVersion(a, -5000 + i, '', { name: `e${i}` }));
    store.hear(configVersion(a, -10, '{}', { name: 'live' }));
    store.turn.take();
    expect(store.store.delete('route', 'live')).toEqual({ ok: true });
    expect(store.forgotten).toEqual(['e0']);
    expect(store.store.stamp('route/e0')).toBeUndefined();
    const removed = persisted(store.turn.take()).filter((each) => each.type === 'config-removed');
    expect(removed.map((each) => each.version.name).sort()).toEqual(['e0', 'live']);
  });

  test('is not touched by a forgery', () => {
    const store = full();
    const forged = { ...configVersion(a, 1, '{}', { name: 'one-more' }), signature: new Uint8Array(4) };
    store.hear(forged);
    expect([store.forgotten, store.store.stamp('route/one-more')]).toEqual([[], undefined]);
  });
});

test('an entry of an unknown author is taken: what counts is the signature, not who is a member now', () => {
  const stranger = nodeId('gone');
  expect(new Store().hear(configVersion(stranger, 1, '{"x":1}')).shown()?.value).toEqual({ x: 1 });
});
