/** What is written down of the members for the next boot. */

import { nodeId } from '@skein/core';
import type { KnownPeer } from '@skein/core';
import { AddressBook, Membership } from '@skein/core/parts';
import { expect, test } from 'vitest';
import { claim, fact, makeTurn } from './fixture.ts';

function written(count: number): readonly KnownPeer[] {
  const turn = makeTurn(nodeId('self'));
  const ignore = (): void => undefined;
  const membership = new Membership(turn, { name: 'self', addresses: ['self:1'], region: '', zone: '', tags: {} }, 1, {
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
    epochRaised: ignore,
  });
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
