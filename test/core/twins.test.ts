/** Two hosts with one key and one epoch: no digest shows that they differ, so whoever hears both tells them. */

import type { MemberRecord, NodeId, Signed } from '@skein/core';
import { expect, test } from 'vitest';
import { claim, fact, ids } from './fixture.ts';
import { Solo } from './solo.ts';

const [self, a, b] = ids as [NodeId, NodeId, NodeId];
const first = claim(a, { addresses: ['first:1'] });
const second = claim(a, { addresses: ['second:1'] });

/** The records of `a` that it is told, over its link, when these came from `from`. */
function toldOf(from: NodeId, ...records: readonly Signed<MemberRecord>[]): string[] {
  const solo = new Solo();
  for (const id of [a, b]) solo.step({ type: 'peer', id, state: 'linked', epoch: 1 });
  solo
    .hear(a, { members: [fact(first)] })
    .pass(100)
    .take();
  for (const record of records) solo.hear(from, { members: [fact(record)] });
  return solo
    .pass(100)
    .take()
    .flatMap((effect) =>
      effect.type === 'send' && effect.to === a && effect.message.type === 'gossip' ? effect.message.members : [],
    )
    .filter(({ record }) => record.value.id === a)
    .flatMap(({ record }) => record.value.addresses);
}

test('a member that says other than before under the same claim is told what is held of it', () => {
  expect(toldOf(a, second)).toEqual(['first:1']);
});

test('a member that says the same again, or of which a third says other, is told nothing', () => {
  expect(toldOf(a, first)).toEqual([]);
  expect(toldOf(b, second)).toEqual([]);
});

test('of two hosts with one key and one epoch, the one that is told begins a later epoch', () => {
  const twin = new Solo({ id: a, options: { addresses: ['second:1'] } });
  twin.step({ type: 'peer', id: self, state: 'linked', epoch: 1 }).hear(self, { members: [fact(first)] });
  expect(twin.node.epoch).toBe(2);
});
