/** The time of config versions: a host whose clock is wrong neither writes what nobody takes nor refuses what all others write. */

import { nodeId } from '@skein/core';
import { MeshClock } from '@skein/core/parts';
import { describe, expect, test } from 'vitest';
import { ids, makeTurn, wallMs } from './fixture.ts';

const yearMs = 365 * 86_400_000;
const skewMs = 300_000;

/** A clock that shows so much more than the right time, of a host whose peers show so much more. */
function clock(ownMs: number, ...peersMs: readonly number[]): MeshClock {
  const made = new MeshClock(makeTurn(ids[0]!), wallMs + ownMs);
  for (const [index, peerMs] of peersMs.entries()) made.heard(nodeId(`peer-${index}`), wallMs + peerMs);
  return made;
}

/** How much later than the right time it is for a version of our own, and up to when those of others are taken. */
const times = ({ nowMs, latestMs }: MeshClock): number[] => [nowMs - wallMs, latestMs - wallMs];

describe('the time of the mesh', () => {
  test('is that of our own clock while no peer said another', () => {
    expect(times(clock(yearMs))).toEqual([yearMs, yearMs + skewMs]);
    expect(clock(yearMs).isCompared).toBe(false);
  });

  test('is that of our own clock where it is within the skew of most', () => {
    expect(times(clock(200_000, 0, -1000, 1000))).toEqual([200_000, 200_000 + skewMs]);
  });

  test.each([yearMs, -yearMs])('is that of most where ours is off by %i ms, and what they write is taken', (ownMs) => {
    expect(times(clock(ownMs, 5, 0, 10))[0]).toBe(Math.sign(ownMs) > 0 ? 5 : 0);
    expect(times(clock(ownMs, 5, 0, 10))[1]).toBeGreaterThanOrEqual(skewMs);
  });

  test('is not moved by one that is wrong, or lies', () => {
    expect(times(clock(0, yearMs, 0))).toEqual([0, skewMs]);
    expect(times(clock(0, Number.MAX_SAFE_INTEGER - wallMs, 0, 0))).toEqual([0, skewMs]);
  });

  test('of two that differ is the earlier one for what they write, and each takes what the other writes', () => {
    const [early, late] = [clock(0, yearMs), clock(yearMs, 0)];
    expect(early.nowMs).toBe(wallMs);
    expect(late.nowMs).toBe(wallMs);
    expect(early.latestMs).toBe(late.latestMs);
  });

  test('goes on with our own monotonic clock, and follows ours when that is set right', () => {
    const turn = makeTurn(ids[0]!);
    const made = new MeshClock(turn, wallMs + yearMs);
    for (const id of ids.slice(1, 4)) made.heard(id, wallMs);
    turn.now += 60_000;
    expect(made.nowMs).toBe(wallMs + 60_000);
    made.set(wallMs + 61_000);
    expect(made.nowMs).toBe(wallMs + 61_000);
  });

  test('is not moved by those who are gone', () => {
    const made = clock(0, -yearMs, -yearMs, -yearMs, 0);
    expect(made.nowMs).toBe(wallMs - yearMs);
    for (let i = 0; i < 3; i++) made.forget(nodeId(`peer-${i}`));
    expect(made.nowMs).toBe(wallMs);
    expect(made.othersTakeMs).toBe(wallMs + skewMs);
  });

  test('counts each peer once, as it last said, and no more than the last sixteen', () => {
    const made = clock(yearMs);
    for (let i = 0; i < 100; i++) made.heard(nodeId('one'), wallMs);
    for (const id of ['two', 'three']) made.heard(nodeId(id), wallMs + yearMs);
    expect(made.nowMs).toBe(wallMs + yearMs);
    for (let i = 0; i < 16; i++) made.heard(nodeId(`new-${i}`), wallMs);
    expect(made.nowMs).toBe(wallMs);
  });
});
