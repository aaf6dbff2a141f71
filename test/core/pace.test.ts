/** How often news of one subject is passed on. */

import { World } from '@skein/sim';
import { Pace } from '@skein/core/parts';
import { expect, test } from 'vitest';
import { instance } from './fixture.ts';

test('a few pieces of news of one subject go on at once, then one each quarter of a second, whatever others say', () => {
  const pace = new Pace();
  const waits = Array.from({ length: 10 }, () => pace.waitMs('m/a', 1000));
  expect(waits).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 250, 250]);
  expect(pace.waitMs('m/b', 1000)).toBe(0);
  expect([1249, 1250, 1251].map((now) => pace.waitMs('m/a', now))).toEqual([1, 0, 249]);
  expect(Array.from({ length: 9 }, () => pace.waitMs('m/a', 10_000)).filter((waitMs) => waitMs === 0)).toHaveLength(8);
});

test('of a catalog or a config entry more goes on at once, and more often', () => {
  const pace = new Pace();
  for (const key of ['c/a', 'k/route/r']) {
    const waits = Array.from({ length: 34 }, () => pace.waitMs(key, 1000));
    expect(waits.filter((waitMs) => waitMs === 0)).toHaveLength(32);
    expect(waits.at(-1)).toBe(100);
    expect([1100, 1101].map((now) => pace.waitMs(key, now))).toEqual([0, 99]);
  }
});

test('in a large mesh all have each change of a busy owner soon, at a bounded cost, and none is lost', () => {
  const world = new World({ seed: 1, network: 'lan', traceLines: 0 });
  const nodes = world.mesh(30, { config: { fullMeshLeave: 6, fullMeshReturn: 3, rings: 2, ringReach: 2 } });
  world.runFor(10_000);
  const owner = nodes[3]!;
  const before = world.network.figures.bytes;
  const late: number[] = [];
  for (let round = 1; round <= 200; round++) {
    const job = instance('job', { service: 'job', port: round });
    expect(owner.dispatch({ type: 'register', instance: job, checks: [], replaceChecks: true }).ok).toBe(true);
    world.runFor(20);
    for (const node of nodes) late.push(round - (node.view().instancesOf(owner.id)[0]?.instance.port ?? 0));
  }
  // 25 changes are half a second: some hops, each of which waits a tenth.
  expect(Math.max(...late)).toBeLessThan(25);
  world.runFor(1000);
  for (const node of nodes) expect(node.view().instancesOf(owner.id)[0]?.instance.port).toBe(200);
  // 4.8 MB; where each change is passed on by all, 12.4 MB.
  expect(world.network.figures.bytes - before).toBeLessThan(8_000_000);
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
