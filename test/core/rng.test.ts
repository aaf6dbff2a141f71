import { expect, test } from 'vitest';
import { sample, seededRng } from '@skein/core';

test('the same seed draws the same numbers on every engine', () => {
  const rng = seededRng(7);
  const draws = Array.from({ length: 6 }, () => rng.below(1000));
  const again = seededRng(7);
  expect(Array.from({ length: 6 }, () => again.below(1000))).toEqual(draws);
});

test('a sample has distinct items and leaves its source as it was', () => {
  const items = Object.freeze([1, 2, 3, 4, 5]);
  const drawn = sample(items, 3, seededRng(1));
  expect(new Set(drawn).size).toBe(3);
});
