/** How long a suspicion lasts, against Lifeguard's formula and memberlist's published timers. */

import { nodeId, type NodeId } from '@skein/core';
import { accusationRank, confirmationsOf, suspicionMs, type Member } from '@skein/core/parts';
import { World, type SimNode } from '@skein/sim';
import { describe, expect, test } from 'vitest';
import { accusation, claim, ids } from './fixture.ts';
import { full } from './table.ts';

const memberlist = { suspicionMult: 4, suspicionMaxMult: 6, probeIntervalMs: 1000 };

describe('a suspicion', () => {
  test.each([
    [1000, 1, 72_000],
    [1000, 2, 42_000],
    [1000, 3, 24_451],
    [1000, 4, 12_000],
    [1000, 9, 12_000],
    [10, 1, 24_000],
    [10, 4, 4000],
    [4, 1, 24_000],
    [4, 2, 11_381],
    [4, 3, 4000],
  ])('in a mesh of %i with %i accusers lasts %i ms under memberlist\u2019s settings', (members, accusers, expected) => {
    expect(suspicionMs(memberlist, members, accusers)).toBe(expected);
  });

  test('is as short as it gets at once where nobody could confirm it', () => {
    expect([1, 2].map((members) => suspicionMs(memberlist, members, 1))).toEqual([4000, 4000]);
    expect([1, 2, 3, 4, 5, 100].map(confirmationsOf)).toEqual([0, 0, 1, 2, 3, 3]);
  });

  test('never gets longer with another accuser, and never shorter than its minimum', () => {
    for (let members = 1; members <= 200; members++) {
      const lasts = [1, 2, 3, 4, 5].map((accusers) => suspicionMs(memberlist, members, accusers));
      expect(lasts.toSorted((a, b) => b - a)).toEqual(lasts);
      expect(lasts[4]).toBe(Math.round(4000 * Math.max(1, Math.log10(members))));
    }
  });
});

const [, a, b, c, d] = ids as [NodeId, NodeId, NodeId, NodeId, NodeId];

describe('a suspected member', () => {
  test('has the less time, counted from the first accusation, the more accuse it', () => {
    const two = full().accused(accusation(c, b)).pass(2000).accused(accusation(d, b));
    expect(two.pass(11_999).status(b)).toBe('suspect unreachable');
    expect(two.pass(1).status(b)).toBe('failed unreachable');
    const all = full().accused(accusation(c, b)).pass(2000).accused(accusation(d, b)).accused(accusation(a, b));
    all.membership.accuse(b, 'probe-timeout');
    expect(all.pass(1999).status(b)).toBe('suspect unreachable');
    expect(all.pass(1).status(b)).toBe('failed unreachable');
  });

  test('whose time is over by the time that others agree fails then', () => {
    const table = full().accused(accusation(c, b)).pass(20_000).accused(accusation(d, b));
    expect(table.status(b)).toBe('suspect unreachable');
    expect(table.pass(0).status(b)).toBe('failed unreachable');
  });

  test('of whom all say so that count is no news to others, whoever else says so', () => {
    const table = full().hear(claim(nodeId('n5')));
    for (const accuser of [a, c, d, nodeId('n5')]) table.accused(accusation(accuser, b));
    table.calls.length = 0;
    table.membership.accuse(b, 'probe-timeout');
    expect(table.calls).toEqual([]);
  });
});

describe('what is held against a member, in digests', () => {
  const subject = nodeId('s');
  const rank = (accusers: readonly string[], forced = false): number => {
    const signed = (accuser: NodeId) => accusation(accuser, subject, { reason: forced ? 'forced' : 'probe-timeout' });
    const member: Member = {
      id: subject,
      signed: claim(subject),
      status: 'suspect',
      verified: true,
      reachable: true,
      accusations: new Map(accusers.map(nodeId).map((accuser) => [accuser, signed(accuser)])),
      doubt: undefined,
      coordinate: undefined,
      since: 0,
      absentSince: undefined,
    };
    return accusationRank(member);
  };

  test('differs between sets of the same size, so that both sides come to hold the union', () => {
    expect(rank(['a'])).not.toBe(rank(['b']));
    expect(rank(['a', 'b'])).toBe(rank(['b', 'a']));
    expect(rank(['a', 'b'])).toBeGreaterThan(Math.max(rank(['a']), rank(['b'])));
  });

  test('is the same for all sets that are enough for every verdict, and greatest for what an operator forced', () => {
    expect(rank(['a', 'b', 'c', 'd'])).toBe(rank(['e', 'f', 'g', 'h', 'i']));
    expect(rank(['a', 'b', 'c', 'd'])).toBeGreaterThan(rank(['a', 'b', 'c']));
    expect(rank(['a'], true)).toBeGreaterThan(rank(['a', 'b', 'c', 'd']));
  });
});

describe('in a mesh', () => {
  test.each([5, 32])('of %i a crash is confirmed by so many at once that all forget it after the shortest suspicion', (count) => {
    const world = new World({ seed: 5, network: 'lan' });
    const nodes = world.mesh(count);
    world.runFor(6000);
    const [, victim, ...others] = nodes as [SimNode, SimNode, ...SimNode[]];
    victim.crash();
    const minMs = Math.round(4000 * Math.max(1, Math.log10(count)));
    const isFailed = (): boolean => others.every((node) => node.view().member(victim.id)?.status === 'failed');
    const tookMs = world.runUntil(isFailed, minMs + 1000);
    expect(tookMs).toBeGreaterThanOrEqual(minMs);
  });

  test.each([5, 32])('of %i a host without power is removed everywhere within the shortest suspicion and 4 s', (count) => {
    for (let seed = 0; seed < 4; seed++) {
      const world = new World({ seed, network: 'lan' });
      const nodes = world.mesh(count);
      world.runFor(6000 + seed * 137);
      const [, victim, ...others] = nodes as [SimNode, SimNode, ...SimNode[]];
      victim.powerOff();
      const isFailed = (): boolean => others.every((node) => node.view().member(victim.id)?.status === 'failed');
      const withinMs = Math.round(4000 * Math.max(1, Math.log10(count))) + 4000;
      expect(world.runUntil(isFailed, withinMs), `seed ${seed}`).toBeDefined();
    }
  });
});
