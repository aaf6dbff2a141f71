/** The persistent map against a Map, with keys whose hashes collide, and old versions that must not change. */

import { PersistentMap, hashText } from '@skein/core/parts';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

/** Four keys with one hash, and two more pairs. */
const colliding = ['k2901dyr8', 'k2901zd10', 'kvl0y1dyr8', 'kvl0y1zd10', 'k291', 'kvl0x', 'k293', 'kvl0z'];

type Act = readonly [key: string, value: number | undefined];
const key = fc.oneof(fc.constantFrom(...colliding), fc.integer({ min: 0, max: 200 }).map(String));
const acts: fc.Arbitrary<Act[]> = fc.array(fc.tuple(key, fc.option(fc.nat(), { nil: undefined })), { maxLength: 120 });

const asMap = (map: PersistentMap<number>): Map<string, number> => new Map(map);

test('the keys that the tests rely on do collide', () => {
  expect(new Set(colliding.slice(0, 4).map((each) => hashText(each))).size).toBe(1);
  expect(new Set(colliding).size).toBe(8);
});

describe('a persistent map', () => {
  test('holds what a Map would, after any history', () => {
    fc.assert(
      fc.property(acts, (history) => {
        const model = new Map<string, number>();
        let map = PersistentMap.empty<number>();
        for (const [name, value] of history) {
          if (value === undefined) {
            model.delete(name);
            map = map.delete(name);
          } else {
            model.set(name, value);
            map = map.set(name, value);
          }
          expect(map.size).toBe(model.size);
          expect(map.get(name)).toBe(value);
        }
        expect(asMap(map)).toEqual(model);
        expect([...map].length).toBe(model.size);
        expect([...map.values()].toSorted((a, b) => a - b)).toEqual([...model.values()].toSorted((a, b) => a - b));
      }),
      { numRuns: 300 },
    );
  });

  test('of any age stays as it was while newer ones are made of it', () => {
    fc.assert(
      fc.property(acts, (history) => {
        const versions: { readonly map: PersistentMap<number>; readonly content: Map<string, number> }[] = [];
        let map = PersistentMap.empty<number>();
        for (const [name, value] of history) {
          map = value === undefined ? map.delete(name) : map.set(name, value);
          versions.push({ map, content: asMap(map) });
        }
        for (const version of versions) expect(asMap(version.map)).toEqual(version.content);
      }),
      { numRuns: 50 },
    );
  });

  test('is iterated in an order that does not depend on its history, collisions aside', () => {
    const names = Array.from({ length: 300 }, (_, i) => `node-${i}`);
    const build = (order: readonly string[]): string[] => {
      let map = PersistentMap.empty<number>();
      for (const name of order) map = map.set(name, 1).set('other', 2).delete('other');
      return [...map].map(([name]) => name);
    };
    expect(build(names.toReversed())).toEqual(build(names));
  });

  test('that lacks a key is itself after deleting it, also where a colliding key is there', () => {
    const map = PersistentMap.empty<number>().set('k2901dyr8', 1).set('x', 2);
    expect(map.delete('k2901zd10')).toBe(map);
    expect(map.delete('nobody')).toBe(map);
    expect(map.get('kvl0y1dyr8')).toBeUndefined();
  });

  test('tells what changed since any other: each key whose value is not the same, once', () => {
    fc.assert(
      fc.property(acts, acts, fc.boolean(), (history, more, isRelated) => {
        const play = (from: PersistentMap<number>, list: Act[]): PersistentMap<number> =>
          list.reduce((map, [name, value]) => (value === undefined ? map.delete(name) : map.set(name, value)), from);
        const before = play(PersistentMap.empty<number>(), history);
        const after = play(isRelated ? before : PersistentMap.empty<number>(), more);
        const replayed = asMap(before);
        const seen = new Set<string>();
        after.changesSince(before, (was, is, name) => {
          expect(seen.has(name)).toBe(false);
          seen.add(name);
          expect([was, is]).toEqual([before.get(name), after.get(name)]);
          expect(was).not.toBe(is);
          if (is === undefined) replayed.delete(name);
          else replayed.set(name, is);
        });
        expect(replayed).toEqual(asMap(after));
      }),
      { numRuns: 300 },
    );
  });

  test('shares the values that a change did not touch', () => {
    let map = PersistentMap.empty<object>();
    for (let i = 0; i < 100; i++) map = map.set(`node-${i}`, { i });
    const next = map.set('node-5', { i: -5 }).delete('node-6');
    for (let i = 0; i < 100; i++) if (i !== 5 && i !== 6) expect(next.get(`node-${i}`)).toBe(map.get(`node-${i}`));
  });
});
