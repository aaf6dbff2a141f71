/** How often what one member says of itself is passed on. */

import { World } from '@skein/sim';
import { Pace } from '@skein/core/parts';
import { expect, test } from 'vitest';

test('a few pieces of news of one subject go on at once, then one each quarter of a second, whatever others say', () => {
  const pace = new Pace();
  const waits = Array.from({ length: 10 }, () => pace.waitMs('m/a', 1000));
  expect(waits).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 250, 250]);
  expect(pace.waitMs('m/b', 1000)).toBe(0);
  expect([1249, 1250, 1251].map((now) => pace.waitMs('m/a', now))).toEqual([1, 0, 249]);
  expect(Array.from({ length: 9 }, () => pace.waitMs('m/a', 10_000)).filter((waitMs) => waitMs === 0)).toHaveLength(8);
});

test('a member that renews its record without end is heard of everywhere, and costs the others little', () => {
  const world = new World({ seed: 1, network: 'lan' });
  const nodes = world.mesh(12);
  world.runFor(10_000);
  const before = world.network.figures.messages;
  for (let round = 1; round <= 500; round++) {
    nodes[3]?.dispatch({ type: 'set-tags', tags: { round: String(round) } });
    world.runFor(20);
  }
  world.runFor(2000);
  for (const node of nodes) expect(node.view().member(nodes[3]!.id)?.record.tags).toEqual({ round: '500' });
  // Its own eleven links carry each; what the eleven pass on is bounded: eight at once and four a second, to two each.
  const passedOn = world.network.figures.messages - before - 500 * 11;
  expect(passedOn).toBeLessThan(11 * 2 * (8 + 4 * 12) + 12 * 12 * 10);
});
