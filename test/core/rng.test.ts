/** Seeded randomness: the same bits on every engine, and fair draws from them. */

import { sample, seededRng, shuffle } from '@skein/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

describe('sfc32', () => {
  // From an implementation in another language.
  test.each([
    [0, [1911568890, 2752370071, 1675899020, 1496194227, 144058954]],
    [1, [918317844, 2014657117, 2163342703, 2168276803, 962313441]],
    [7, [1632938, 3513573023, 3561222393, 3433745534, 2343107486]],
    [-1, [3273026779, 1934799223, 2150162548, 2295550712, 1016726280]],
    [0x7fffffff, [2324289939, 3366612472, 2139880272, 1856949726, 1785088103]],
  ])('gives the numbers of its definition for seed %i', (seed, expected) => {
    const rng = seededRng(seed);
    expect(expected.map(() => rng.below(4_294_967_296))).toEqual(expected);
  });

  test('scales a draw down to its bound', () => {
    const rng = seededRng(7);
    expect(Array.from({ length: 8 }, () => rng.below(1000))).toEqual([0, 818, 829, 799, 545, 428, 16, 731]);
  });

  test('never reaches the bound', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 4_294_967_296 }), (seed, bound) => {
        const drawn = seededRng(seed).below(bound);
        expect(Number.isInteger(drawn) && drawn >= 0 && drawn < bound).toBe(true);
      }),
    );
  });
});

test('a shuffle keeps every item, and puts each in any place about as often', () => {
  const counts = Array.from({ length: 4 }, () => [0, 0, 0, 0]);
  const rng = seededRng(3);
  for (let i = 0; i < 4000; i++) {
    const items = [0, 1, 2, 3];
    shuffle(items, rng);
    items.forEach((item, place) => counts[item]![place]!++);
  }
  for (const row of counts) for (const count of row) expect(Math.abs(count - 1000)).toBeLessThan(120);
});

describe('a sample', () => {
  test('has distinct items of its source, as many as asked for or as there are, and leaves the source as it was', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(), { maxLength: 20 }), fc.nat({ max: 25 }), fc.integer(), (items, count, seed) => {
        const drawn = sample(Object.freeze(items), count, seededRng(seed));
        expect(new Set(drawn).size).toBe(Math.min(count, items.length));
        for (const item of drawn) expect(items).toContain(item);
      }),
    );
  });

  test('of two of five is each pair about as often', () => {
    const rng = seededRng(11);
    const counts = new Map<string, number>();
    for (let i = 0; i < 5000; i++) {
      const pair = sample([1, 2, 3, 4, 5], 2, rng)
        .toSorted((x, y) => x - y)
        .join();
      counts.set(pair, (counts.get(pair) ?? 0) + 1);
    }
    expect(counts.size).toBe(10);
    for (const count of counts.values()) expect(Math.abs(count - 500)).toBeLessThan(100);
  });
});
