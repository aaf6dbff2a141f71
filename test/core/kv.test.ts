/** The key-value store: one winner everywhere, an index per key and prefix, limits that hold, nothing that comes back. */

import { kvFolderOf, kvKeyFault, limits, nodeId, topics } from '@skein/core';
import type { ConfigVersion, NodeId, SignedConfig } from '@skein/core';
import { ConfigStore, type ConfigListener, type Turn } from '@skein/core/parts';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { configVersion, ids, makeTurn, refusals, wallMs } from './fixture.ts';
import { Solo } from './solo.ts';

const [self, a, b] = ids as [NodeId, NodeId, NodeId];

const valueOf = (text: string, flags = 0): unknown => ({ value: btoa(text), flags });

function put(solo: Solo, key: string, text = 'x'): void {
  expect(solo.command({ type: 'apply-config', kind: 'kv', name: key, value: valueOf(text) })).toEqual({ ok: true });
}

function remove(solo: Solo, key: string): void {
  expect(solo.command({ type: 'delete-config', kind: 'kv', name: key })).toEqual({ ok: true });
}

function version(author: NodeId, ms: number, fields: Partial<ConfigVersion>): SignedConfig {
  const json = fields.deleted === true ? '' : JSON.stringify(valueOf(`${author} ${ms}`));
  return configVersion(author, ms, json, { kind: 'kv', name: 'k', deleted: false, ...fields });
}

/** A store by itself, with what it forgot. */
function store(): { store: ConfigStore; turn: Turn; forgotten: string[] } {
  const turn = makeTurn(self);
  const forgotten: string[] = [];
  const listener: ConfigListener = { configChanged: () => undefined, configForgotten: ({ name }) => void forgotten.push(name) };
  return { store: new ConfigStore(turn, () => undefined, listener, wallMs), turn, forgotten };
}

describe('a key', () => {
  test('may be any Unicode of up to 512 bytes as UTF-8', () => {
    for (const key of ['a', '/', '//', 'a//b', 'ä ö', '\u0000', '\ufeffa', '🐦/x', 'k'.repeat(512), 'é'.repeat(256)])
      expect(kvKeyFault(key), key).toBeUndefined();
    for (const key of ['', 'k'.repeat(513), 'é'.repeat(257), '\ud800']) expect(kvKeyFault(key), key).toBeDefined();
  });

  test('is counted in bytes as an encoder does', () => {
    const encoder = new TextEncoder();
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 }), (key) => {
        expect(kvKeyFault(key) === undefined).toBe(encoder.encode(key).length <= 512);
      }),
    );
  });

  test.each([
    ['no object', 'text'],
    ['no base64', { value: '???', flags: 0 }],
    ['flags that are no whole number', { value: '', flags: 0.5 }],
    ['no flags', { value: '' }],
    ['a value over the limit', { value: btoa('x'.repeat(limits.kvValueBytes + 1)), flags: 0 }],
  ])('with %s is refused, and from a peer it is not applied', (_what, value) => {
    const { store: at } = store();
    expect(at.apply('kv', 'k', value)).toMatchObject({ ok: false, code: 'invalid-config' });
    at.merge(version(a, 1, { json: JSON.stringify(value) }), a);
    expect(at.entry('kv/k')).toBeUndefined();
  });

  test('with the longest name and value fits into an entry', () => {
    const { store: at } = store();
    expect(at.apply('kv', 'é'.repeat(256), valueOf('x'.repeat(limits.kvValueBytes)))).toEqual({ ok: true });
  });

  test('shows the same value wherever the same writes arrived, in any order', () => {
    const writes = fc.uniqueArray(fc.tuple(fc.constantFrom(a, b), fc.nat({ max: 20 }), fc.boolean()), {
      selector: ([author, ms]) => `${author}${ms}`,
      maxLength: 8,
    });
    fc.assert(
      fc.property(writes, fc.nat(), (all, turn) => {
        const versions = all.map(([author, ms, deleted]) => version(author, ms, { deleted }));
        const at = turn % Math.max(1, versions.length);
        const shown = [versions, [...versions.slice(at), ...versions.slice(0, at)], versions.toReversed()].map((order) => {
          const { store: held } = store();
          for (const each of order) held.merge(each, a);
          return held.entry('kv/k')?.value;
        });
        expect(shown[1]).toEqual(shown[0]);
        expect(shown[2]).toEqual(shown[0]);
      }),
    );
  });
});

describe('the index of a prefix', () => {
  test('moves when a key with it is written, changed or deleted, and stays when another is', () => {
    const solo = new Solo();
    put(solo, 'app/one');
    for (const prefix of ['', 'app', 'app/', 'app/o', 'app/one', 'ap']) {
      for (const change of [() => put(solo, 'app/one', 'y'), () => remove(solo, 'app/one'), () => put(solo, 'app/one')]) {
        const before = solo.view.kvIndex(prefix);
        change();
        expect(solo.view.kvIndex(prefix), prefix).toBeGreaterThan(before);
      }
    }
    for (const prefix of ['app/', 'app/o', 'app/one', 'b', 'app/one/', 'aq']) {
      const before = solo.view.kvIndex(prefix);
      put(solo, 'other', prefix);
      put(solo, 'application', prefix);
      expect(solo.view.kvIndex(prefix), prefix).toBe(before);
    }
  });

  test('is the same as that of a model that looks at all keys, and never falls', () => {
    const segment = fc.constantFrom('a', 'b', 'ab', '', 'c', '\uFFE0', '\u{10000}', 'é');
    const key = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => `${segments.join('/')}x`);
    const prefix = fc.array(segment, { maxLength: 3 }).map((segments) => segments.join('/'));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(key, fc.boolean(), fc.boolean()), { maxLength: 20 }),
        fc.array(prefix, { maxLength: 5 }),
        (steps, asked) => {
          const solo = new Solo();
          const start = asked.map((each) => solo.view.kvIndex(each));
          const changed = new Map<string, number>();
          let last = start;
          for (const [name, isDelete, isAsked] of steps) {
            solo.pass(1);
            const has = solo.view.configEntry('kv', name) !== undefined;
            if (isDelete && !has) continue;
            if (isDelete) remove(solo, name);
            else put(solo, name, String(changed.size));
            changed.set(name, solo.view.index(topics.configEntry('kv', name)));
            // Most Views are made without anybody who asks.
            if (!isAsked) continue;
            const now = asked.map((each) => solo.view.kvIndex(each));
            asked.forEach((each, at) => {
              const model = [...changed].filter(([k]) => k.startsWith(each)).map(([, index]) => index);
              expect(now[at], each).toBe(Math.max(start[at] ?? 0, ...model));
              expect(now[at]).toBeGreaterThanOrEqual(last[at] ?? 0);
            });
            last = now;
          }
          const held = [...solo.view.kvEntries('')].map(({ name }) => name);
          expect(held).toEqual(held.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
        },
      ),
      { numRuns: 60 },
    );
  });

  test('of any depth is asked for through the innermost folder that has one', () => {
    expect([kvFolderOf(''), kvFolderOf('a'), kvFolderOf('a/'), kvFolderOf('a/b'), kvFolderOf('/')]).toEqual([
      '',
      '',
      'a/',
      'a/',
      '/',
    ]);
    expect(kvFolderOf('d/'.repeat(40))).toBe('d/'.repeat(16));
    const solo = new Solo();
    const deep = `${'d/'.repeat(40)}x`;
    put(solo, deep);
    const before = solo.view.kvIndex('d/'.repeat(40));
    put(solo, `${'d/'.repeat(20)}y`);
    expect(solo.view.kvIndex('d/'.repeat(40))).toBe(before);
    put(solo, deep, 'y');
    expect(solo.view.kvIndex('d/'.repeat(40))).toBeGreaterThan(before);
  });
});

test('keys move neither the topic of all config entries nor appear among them', () => {
  const solo = new Solo();
  const before = solo.view.index(topics.config);
  put(solo, 'a');
  expect(solo.view.index(topics.config)).toBe(before);
  expect([...solo.view.configEntries()]).toEqual([]);
  expect([...solo.view.configEntries('kv')].map(({ name }) => name)).toEqual(['a']);
});

test('a key that was deleted and written again is a new one, with a new CreateIndex', () => {
  const solo = new Solo();
  put(solo, 'a');
  const first = solo.view.configEntry('kv', 'a');
  put(solo, 'a', 'y');
  expect(solo.view.configEntry('kv', 'a')?.createIndex).toBe(first?.createIndex);
  remove(solo, 'a');
  put(solo, 'a');
  const again = solo.view.configEntry('kv', 'a');
  expect(again?.createIndex).toBeGreaterThan(first?.index ?? 0);
  expect(again?.index).toBe(again?.createIndex);
});

describe('the limit of keys', () => {
  const written = (from: number, count: number, fields: Partial<ConfigVersion> & { readonly ms: number }): SignedConfig[] => {
    const { ms, ...more } = fields;
    return Array.from({ length: count }, (_, i) => version(a, ms + i, { name: `k${from + i}`, ...more }));
  };
  const filled = (...entries: readonly SignedConfig[]): ReturnType<typeof store> => {
    const at = store();
    for (const entry of entries) at.store.merge(entry, a);
    at.turn.take();
    return at;
  };
  const full = limits.kvEntries;

  test('refuses one more of our own, with what helps, and leaves routes alone', () => {
    const at = filled(...written(0, full, { ms: -full }));
    expect(at.store.apply('kv', 'more', valueOf('x'))).toEqual({
      ok: false,
      code: 'limit-exceeded',
      message: expect.stringMatching(/^this mesh has 8192 keys .*: delete some first$/) as string,
    });
    expect(at.store.apply('kv', 'k9', valueOf('x'))).toEqual({ ok: true });
    expect(at.store.apply('route', 'r', {})).toEqual({ ok: true });
    expect(at.store.delete('kv', 'k10')).toEqual({ ok: true });
    expect(at.store.apply('kv', 'more', valueOf('x'))).toEqual({ ok: true });
    expect(at.store.apply('kv', 'k10', valueOf('x'))).toMatchObject({ ok: false });
  });

  test('takes in as many again from others, so that both sides of a partition agree when it has healed', () => {
    const at = filled(...written(0, full, { ms: -full }));
    at.store.merge(version(b, 1, { name: 'more' }), b);
    expect(at.store.entry('kv/more')).toBeDefined();
    for (let i = full; i < 2 * full; i++) at.store.merge(version(b, 1, { name: `k${i}` }), b);
    expect(refusals(at.turn.take())).toEqual(['config-limit']);
  });

  test('has room for all again once all were deleted, however often', () => {
    const { store: at, forgotten } = filled();
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < full; i++) expect(at.apply('kv', `${round}/${i}`, valueOf('x'))).toEqual({ ok: true });
      for (let i = 0; i < full; i++) expect(at.delete('kv', `${round}/${i}`)).toEqual({ ok: true });
    }
    expect([...at.all()]).toHaveLength(full);
    expect(forgotten).toHaveLength(full);
    expect(forgotten.every((name) => name.startsWith('0/'))).toBe(true);
  });

  test('of deletions remembers as many, forgets the oldest, and does not let a peer push out a newer one with it', () => {
    const at = filled(...written(0, full, { ms: -2 * full, deleted: true }), version(a, -10, { name: 'live' }));
    expect(at.forgotten).toEqual([]);
    expect(at.store.delete('kv', 'live')).toEqual({ ok: true });
    expect(at.forgotten).toEqual(['k0']);
    expect(at.store.stamp('kv/k0')).toBeUndefined();
    at.turn.take();
    at.store.merge(version(a, -2 * full, { name: 'k0', deleted: true }), a);
    expect([at.forgotten, at.turn.take()]).toEqual([['k0'], []]);
    expect(at.store.stamp('kv/k1')).toBeDefined();
    expect(at.store.apply('kv', 'k1', valueOf('x'))).toEqual({ ok: true });
    at.store.merge(version(a, -2 * full, { name: 'k0', deleted: true }), a);
    expect(at.store.stamp('kv/k0')).toBeDefined();
  });

  test('makes all nodes remember the same deletions, in whatever order they came', () => {
    const all = written(0, full + 4, { ms: -2 * full, deleted: true });
    const tied = [
      version(b, -2 * full + 2, { name: 'tie/1', deleted: true }),
      version(b, -2 * full + 2, { name: 'tie/0', deleted: true }),
    ];
    const kept = (entries: readonly SignedConfig[]): string[] =>
      [...filled(...entries).store.all()].map(({ value }) => value.name).sort();
    const expected = kept([...all, ...tied]);
    expect(expected).toHaveLength(full);
    expect(expected).toContain('k5');
    expect(kept([...tied.toReversed(), ...all.toReversed()])).toEqual(expected);
    expect(kept([...all.slice(4000), ...tied, ...all.slice(0, 4000)])).toEqual(expected);
  });

  test('holds for the bytes of all of them too', () => {
    const { store: at } = store();
    const big = valueOf('x'.repeat(limits.kvValueBytes));
    const room = Math.floor(limits.kvBytes / (limits.kvValueBytes * 1.4));
    let written = 0;
    while (at.apply('kv', `big/${written}`, big).ok) written++;
    expect(written).toBeGreaterThan(room);
    expect(written).toBeLessThan(limits.kvBytes / limits.kvValueBytes);
    expect(at.apply('kv', 'big/0', big)).toEqual({ ok: true });
    expect(at.delete('kv', 'big/1')).toEqual({ ok: true });
    expect(at.apply('kv', 'one-more', big)).toEqual({ ok: true });
  });
});

test('a deletion that is forgotten wakes nobody, and the index of its prefix does not fall', () => {
  const gone = nodeId('gone');
  const older = (i: number): SignedConfig => version(gone, -9000 + i, { name: `old/${i}`, deleted: true });
  const later = Array.from({ length: limits.kvEntries - 2 }, (_, i) => version(gone, -10, { name: `k${i}`, deleted: true }));
  const solo = new Solo({ options: { configEntries: [older(1), older(2), ...later, version(gone, -10, { name: 'live' })] } });
  const [folder, part] = [solo.view.kvIndex('old/'), solo.view.kvIndex('ol')];
  remove(solo, 'live');
  expect([solo.view.kvIndex('old/'), solo.view.kvIndex('ol')]).toEqual([folder, part]);
  expect([...solo.view.kvEntries('old/')]).toEqual([]);
});
