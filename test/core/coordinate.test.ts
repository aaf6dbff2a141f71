/** Round trips: how long a probe may take on a path, and where nodes are in the space that these span. */

import { estimatedRttMs, nodeId, seededRng, type Coordinate, type NodeId } from '@skein/core';
import { RoundTrips, Vivaldi, isCoordinate } from '@skein/core/parts';
import { World } from '@skein/sim';
import { describe, expect, test } from 'vitest';
import { claim, fact, ids, refusals } from './fixture.ts';
import { Solo } from './solo.ts';

const [, a] = ids as [NodeId, NodeId];

describe('the time that a probe has', () => {
  const after = (...rtts: readonly number[]): number => {
    const trips = new RoundTrips({ probeTimeoutMs: 500 });
    for (const rtt of rtts) trips.note(a, rtt);
    return trips.timeoutMs(a);
  };

  test('is the smoothed round trip, four times its variation and 250 ms, within one and three times the usual', () => {
    expect(after()).toBe(500);
    expect(after(1, 1, 1)).toBe(500);
    // 100 and half of it as variation at first: 100 + 200 + 250.
    expect(after(100)).toBe(550);
    // 200, 75: 112.5 + 4 * 62.5 + 250.
    expect(after(100, 200)).toBe(613);
    expect(after(60_000)).toBe(1500);
  });

  test('shrinks again when answers come steadily, and starts anew with another link', () => {
    expect(after(100, ...Array.from({ length: 40 }, () => 100))).toBe(500);
    const trips = new RoundTrips({ probeTimeoutMs: 500 });
    trips.note(a, 1000);
    trips.forget(a);
    expect(trips.timeoutMs(a)).toBe(500);
    expect(trips.timeoutMs(nodeId('other'))).toBe(500);
  });

  test('does not let one late answer of three move the coordinate', () => {
    const trips = new RoundTrips({ probeTimeoutMs: 500 });
    expect([10, 900, 12].map((rtt) => trips.note(a, rtt))).toEqual([10, 900, 12]);
    expect(trips.note(a, 800)).toBe(800);
    expect(trips.note(a, 11)).toBe(12);
  });
});

describe('a coordinate', () => {
  const origin = new Vivaldi(seededRng(1)).coordinate;

  test('of a newcomer is the middle, with the greatest error', () => {
    expect(origin).toEqual({ positionUs: [0, 0, 0, 0, 0, 0, 0, 0], heightUs: 10, adjustmentUs: 0, errorPpm: 1_500_000 });
    expect(isCoordinate(origin)).toBe(true);
  });

  test.each<readonly [string, Partial<Coordinate>]>([
    ['too few dimensions', { positionUs: [1, 2, 3] }],
    ['too many dimensions', { positionUs: [1, 2, 3, 4, 5, 6, 7, 8, 9] }],
    ['no number', { positionUs: [Number.NaN, 2, 3, 4, 5, 6, 7, 8] }],
    ['a place beyond ten seconds', { positionUs: [10_000_001, 2, 3, 4, 5, 6, 7, 8] }],
    ['a height below the ground', { heightUs: -1 }],
    ['an endless adjustment', { adjustmentUs: Number.POSITIVE_INFINITY }],
    ['an error that nobody has', { errorPpm: 1_500_001 }],
  ])('with %s is refused', (_name, fields) => {
    expect(isCoordinate({ ...origin, ...fields })).toBe(false);
  });

  test('of a peer that makes no sense is refused by name, and one that does shows in the view', () => {
    const solo = new Solo();
    solo.step({ type: 'peer', id: a, state: 'linked', epoch: 1 }).hear(a, { members: [fact(claim(a))] });
    const indexBefore = solo.view.lastIndex;
    const answer = (coordinate: Coordinate): void => {
      solo.take();
      let seq = 0;
      for (let i = 0; i < 200 && seq === 0; i++)
        for (const effect of solo.pass(10).take())
          if (effect.type === 'send' && effect.message.type === 'ping') seq = effect.message.seq;
      solo.step({ type: 'message', from: a, message: { type: 'ack', seq, root: 0, epoch: 1, incarnation: 0, coordinate } });
    };
    answer({ ...origin, positionUs: [1] });
    expect(refusals(solo.take())).toEqual(['bad-coordinate']);
    expect(solo.view.member(a)?.coordinate).toBeUndefined();
    const view = solo.view;
    answer({ ...origin, positionUs: [7, 0, 0, 0, 0, 0, 0, 0] });
    expect(solo.view.member(a)?.coordinate?.positionUs[0]).toBe(7);
    expect(solo.view.member(solo.node.self)?.coordinate?.errorPpm).toBeLessThan(1_500_000);
    expect(view.member(a)?.coordinate).toBeUndefined();
    expect(solo.view.index('members')).toBeLessThanOrEqual(Math.max(indexBefore, view.lastIndex));
  });

  test('moves by the same bits for the same seed', () => {
    const walk = (seed: number): Coordinate => {
      const [one, two] = [new Vivaldi(seededRng(seed)), new Vivaldi(seededRng(seed + 1))];
      for (let i = 0; i < 50; i++) {
        one.moved(two.coordinate, 40 + (i % 3));
        two.moved(one.coordinate, 40 + (i % 2));
      }
      return one.coordinate;
    };
    expect(walk(5)).toEqual(walk(5));
    expect(walk(5)).not.toEqual(walk(6));
  });

  test('stays valid whatever round trips and places peers make up', () => {
    const vivaldi = new Vivaldi(seededRng(3));
    const rng = seededRng(4);
    for (let i = 0; i < 5000; i++) {
      const positionUs = Array.from({ length: 8 }, () => rng.below(20_000_001) - 10_000_000);
      vivaldi.moved(
        { positionUs, heightUs: rng.below(10_000_000), adjustmentUs: -rng.below(10_000_000), errorPpm: 0 },
        rng.below(10_000),
      );
      expect(isCoordinate(vivaldi.coordinate)).toBe(true);
    }
  });
});

test('coordinates of members in three zones tell the round trips between them', () => {
  const world = new World({ seed: 1, network: 'lan' });
  const oneWayMs: Readonly<Record<string, number>> = { ab: 10, bc: 25, ac: 30 };
  for (const [pair, ms] of Object.entries(oneWayMs)) {
    const [from, to] = [pair.charAt(0), pair.charAt(1)];
    const us = ms * 1000;
    const latency = { p0: us - 500, p50: us, p90: us + 500, p99: us + 2000, max: us + 20_000 };
    world.network.setZones(from, to, { latency });
    world.network.setZones(to, from, { latency });
  }
  const nodes = world.mesh(12, { zones: ['a', 'b', 'c'] });
  world.runFor(180_000);
  const errors: number[] = [];
  for (const one of nodes) {
    for (const other of nodes) {
      if (one === other || one.zone === other.zone) continue;
      const [here, there] = [one.view().member(one.id)?.coordinate, one.view().member(other.id)?.coordinate];
      if (here === undefined || there === undefined) throw new Error('no coordinate is known');
      const trueMs = 2 * (oneWayMs[[one.zone, other.zone].sort().join('')] ?? 0);
      errors.push(Math.abs(estimatedRttMs(here, there) - trueMs) / trueMs);
    }
  }
  errors.sort((x, y) => x - y);
  if (process.env['FIGURES']) console.log(errors[errors.length >> 1], errors.at(-1));
  expect(errors[errors.length >> 1]).toBeLessThan(0.15);
});
