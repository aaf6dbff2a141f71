/** Knowledge: equal contents give equal roots whatever the history, differences show in their buckets. */

import { limits } from '@skein/core';
import { Knowledge, compareStamps, hashNumber, hashText, mix } from '@skein/core/parts';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

type Act = readonly [key: string, stamp: readonly number[] | undefined];

const key = fc.integer({ min: 0, max: 30 }).map((n) => `m/node-${n}`);
const stamp = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 3 });
const acts: fc.Arbitrary<Act[]> = fc.array(fc.tuple(key, fc.option(stamp, { nil: undefined })), { maxLength: 40 });

function play(history: readonly Act[]): Knowledge {
  const stamps = new Map<string, readonly number[]>();
  const knowledge = new Knowledge((subject) => stamps.get(subject));
  for (const [subject, value] of history) {
    if (value === undefined) knowledge.delete(subject);
    else knowledge.set(subject, value);
    if (value !== undefined) stamps.set(subject, value);
  }
  return knowledge;
}

function contentOf(knowledge: Knowledge): Map<string, readonly number[]> {
  const all = Array.from({ length: limits.digestBuckets }, (_, bucket) => bucket);
  return new Map([...knowledge.entries(all)].map((entry) => [entry.key, entry.stamp]));
}

describe('knowledge', () => {
  test('is what was set and not deleted since', () => {
    fc.assert(
      fc.property(acts, (history) => {
        const model = new Map<string, readonly number[]>();
        for (const [subject, value] of history) {
          if (value === undefined) model.delete(subject);
          else model.set(subject, value);
        }
        const knowledge = play(history);
        expect(contentOf(knowledge)).toEqual(model);
        for (const [subject, value] of model) expect(knowledge.stamp(subject)).toEqual(value);
      }),
    );
  });

  test('has the same root and buckets after any history with the same end', () => {
    fc.assert(
      fc.property(acts, acts, (history, detour) => {
        const straight = play([...contentOf(play(history))]);
        const winding = play([...detour, ...detour.map(([subject]) => [subject, undefined] as const), ...history]);
        expect(winding.root).toBe(straight.root);
        expect(winding.buckets()).toEqual(straight.buckets());
        expect(winding.differing(straight.buckets())).toEqual([]);
      }),
    );
  });

  test('that differs has another root, and the buckets that differ hold every difference', () => {
    fc.assert(
      fc.property(acts, acts, (one, other) => {
        const [a, b] = [play(one), play(other)];
        const [inA, inB] = [contentOf(a), contentOf(b)];
        const different = [...new Set([...inA.keys(), ...inB.keys()])].filter(
          (subject) => compareStamps(inA.get(subject) ?? [], inB.get(subject) ?? []) !== 0,
        );
        expect(a.root === b.root).toBe(different.length === 0);
        const buckets = a.differing(b.buckets());
        const shown = new Set([...a.entries(buckets), ...b.entries(buckets)].map((entry) => entry.key));
        for (const subject of different) expect(shown).toContain(subject);
      }),
    );
  });

  test('of a thousand subjects that differ in one shows few others with it', () => {
    const a = play(Array.from({ length: 1000 }, (_, i) => [`c/owner-${i}`, [1, 1]] as const));
    const b = play(Array.from({ length: 1000 }, (_, i) => [`c/owner-${i}`, [1, i === 500 ? 2 : 1]] as const));
    const entries = [...a.entries(a.differing(b.buckets()))];
    expect(entries.map((entry) => entry.key)).toContain('c/owner-500');
    expect(entries.length).toBeLessThan(20);
  });

  test('of a peer may be nonsense: too few buckets, too many, the same one twice', () => {
    const knowledge = play([['m/a', [1]]]);
    expect(knowledge.differing([])).toHaveLength(limits.digestBuckets);
    expect(knowledge.differing(Array.from({ length: 1000 }, () => 7))).toHaveLength(limits.digestBuckets);
    const [bucket] = knowledge.differing(play([]).buckets());
    expect([...knowledge.entries([bucket!, bucket!, 100_000, -1])]).toEqual([{ key: 'm/a', stamp: [1] }]);
  });
});

test('stamps are ordered element by element, and nothing is older than anything', () => {
  expect(compareStamps([1, 2], [1, 3])).toBeLessThan(0);
  expect(compareStamps([2], [1, 9])).toBeGreaterThan(0);
  expect(compareStamps([1, 0], [1])).toBeGreaterThan(0);
  expect(compareStamps([], [0])).toBeLessThan(0);
  expect(compareStamps([], [])).toBe(0);
});

describe('hashes', () => {
  test('are the published FNV-1a over bytes, low byte of each unit first', () => {
    // FNV-1a of "a\0": offset basis, then 0x61, then 0x00.
    expect(hashText('')).toBe(0x811c9dc5);
    expect(hashText('a')).toBe(Math.imul(Math.imul(0x811c9dc5 ^ 0x61, 0x01000193), 0x01000193) >>> 0);
    expect(hashText('\u0100')).not.toBe(hashText('\u0001'));
  });

  test('chain: a text in two parts hashes as the whole', () => {
    fc.assert(fc.property(fc.string(), fc.string(), (a, b) => hashText(b, hashText(a)) === hashText(a + b)));
  });

  test('of numbers tell any two safe integers apart that differ in the low or the high half', () => {
    expect(hashNumber(1, 0)).not.toBe(hashNumber(4294967297, 0));
    expect(hashNumber(Number.MAX_SAFE_INTEGER, 0)).not.toBe(hashNumber(Number.MAX_SAFE_INTEGER - 1, 0));
    fc.assert(fc.property(fc.maxSafeNat(), (n) => Number.isInteger(hashNumber(n, 5)) && hashNumber(n, 5) >= 0));
  });

  test('mixed fill all buckets about evenly, for keys that differ in one digit', () => {
    const counts = Array.from({ length: 256 }, () => 0);
    for (let i = 0; i < 25_600; i++) counts[mix(hashText(`m/node-${i}`)) % 256]!++;
    expect(Math.min(...counts)).toBeGreaterThan(50);
    expect(Math.max(...counts)).toBeLessThan(160);
  });
});
