/** What is written down of the members for the next boot. */

import { nodeId } from '@skein/core';
import type { KnownPeer } from '@skein/core';
import { AddressBook, Membership, type Turn } from '@skein/core/parts';
import { expect, test } from 'vitest';
import { claim, fact, makeTurn } from './fixture.ts';

function makeMembership(turn: Turn): Membership {
  const ignore = (): void => undefined;
  return new Membership(turn, { name: 'self', addresses: ['self:1'], region: '', zone: '', tags: {} }, 1, {
    recordNews: ignore,
    accusationNews: ignore,
    memberTouched: ignore,
    memberPresent: ignore,
    memberSuspected: ignore,
    isDeaf: () => false,
    heardAgainAt: () => 0,
    callOut: () => undefined,
    probeAgain: () => undefined,
    isOurs: () => true,
    watched: () => 0,
    isolationChanged: ignore,
    memberFailed: ignore,
    memberAbsent: ignore,
    memberDoubled: ignore,
    epochRaised: ignore,
  });
}

function written(count: number): readonly KnownPeer[] {
  const turn = makeTurn(nodeId('self'));
  const membership = makeMembership(turn);
  for (let i = 0; i < count; i++) {
    const id = nodeId(`member-${i}`);
    membership.merge(fact(claim(id)), id);
  }
  turn.take();
  new AddressBook(turn, () => membership.all()).write();
  const [effect] = turn.take();
  return effect?.type === 'persist' && effect.persist.type === 'peers' ? effect.persist.peers : [];
}

test('everybody is written down while there are 512 others at most', () => {
  expect(written(512)).toHaveLength(512);
});

test('of more members than that, 512 different ones from anywhere in the table are', () => {
  const peers = written(2000).map(({ id }) => Number(id.slice('member-'.length)));
  expect(new Set(peers).size).toBe(512);
  expect(Math.min(...peers)).toBeLessThan(200);
  expect(Math.max(...peers)).toBeGreaterThan(1800);
});

test('the first peer is written at once, those that follow together', () => {
  const turn = makeTurn(nodeId('self'));
  const membership = makeMembership(turn);
  const book = new AddressBook(turn, () => membership.all());
  book.start([]);
  const delays = ['a', 'b', 'c'].map((name) => {
    const id = nodeId(name);
    membership.merge(fact(claim(id)), id);
    book.touch(id, membership.size);
    const at = turn.deadlines.next()! - turn.now;
    turn.deadlines.clear('peers');
    book.write();
    return at;
  });
  expect(delays).toEqual([0, 200, 200]);
});
