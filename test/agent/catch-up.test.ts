/** The first moments after a start, in which reads of the mesh wait. */

import { CatchUp, catchUpMs, settleMs } from '@skein/agent/parts';
import type { NodeId } from '@skein/core';
import { beforeEach, expect, test } from 'vitest';
import { fakeInstance, FakePort } from '../api/fake-port.ts';
import { ManualClock } from './manual-clock.ts';

let clock: ManualClock;
let port: FakePort;
let isSynced: boolean;

beforeEach(() => {
  clock = new ManualClock();
  port = new FakePort();
  isSynced = false;
});

function catchUpWith(peers: readonly NodeId[]): CatchUp {
  return new CatchUp({ clock, peers, view: () => port.view(), isSynced: () => isSynced, fullMeshSize: 3 });
}

const away = 'peer-away' as NodeId;

test('an agent that is alone by choice waits for nobody', () => {
  isSynced = true;
  const catchUp = catchUpWith([]);
  catchUp.start();
  expect(catchUp.over).toBeUndefined();
  expect(clock.pending).toBe(0);
});

test('one that joins has caught up a moment after it is in sync with a peer', async () => {
  const catchUp = catchUpWith([]);
  const { over } = catchUp;
  catchUp.start();
  clock.advance(50);
  expect(catchUp.over).toBe(over);
  isSynced = true;
  catchUp.look();
  clock.advance(settleMs - 1);
  expect(catchUp.over).toBe(over);
  clock.advance(1);
  expect(catchUp.over).toBeUndefined();
  await over;
  expect(clock.pending).toBe(0);
});

test('one that comes back waits for each peer that it knew: until it is back, or known to be gone', () => {
  const [back, gone] = [port.addMember('back', { verified: false }), port.addMember('gone')];
  const catchUp = catchUpWith([back.id, gone.id]);
  isSynced = true;
  catchUp.start();
  clock.advance(settleMs);
  expect(catchUp.over).toBeDefined();
  back.verified = true;
  gone.status = 'failed';
  gone.reachable = false;
  catchUp.look();
  clock.advance(settleMs);
  expect(catchUp.over).toBeUndefined();
});

test('it waits on while the catalogs of its peers still come', () => {
  const back = port.addMember('back');
  const catchUp = catchUpWith([back.id]);
  isSynced = true;
  catchUp.start();
  clock.advance(settleMs - 1);
  port.addInstance(back.id, fakeInstance('web-1', 'web'));
  catchUp.look();
  clock.advance(1);
  expect(catchUp.over).toBeDefined();
  clock.advance(settleMs);
  expect(catchUp.over).toBeUndefined();
});

test('in a large mesh, where not all have links to each other, it does not wait for one', () => {
  const peers = ['a', 'b', 'c'].map((name) => port.addMember(name, { linked: false }).id);
  isSynced = true;
  const [few, all] = [catchUpWith(peers.slice(1)), catchUpWith(peers)];
  for (const each of [few, all]) each.start();
  clock.advance(settleMs);
  expect(few.over).toBeDefined();
  expect(all.over).toBeUndefined();
});

test.for([
  ['no peer answers', false],
  ['one that it knew stays away', true],
] as const)('when %s it answers from what it has, after a limited time', ([, synced]) => {
  isSynced = synced;
  const catchUp = catchUpWith([away]);
  catchUp.start();
  clock.advance(catchUpMs - 1);
  expect(catchUp.over).toBeDefined();
  clock.advance(1);
  expect(catchUp.over).toBeUndefined();
  expect(clock.pending).toBe(0);
});

test('an agent that stops lets all who wait go', async () => {
  const catchUp = catchUpWith([away]);
  const { over } = catchUp;
  catchUp.start();
  catchUp.stop();
  await over;
  expect(catchUp.over).toBeUndefined();
  expect(clock.pending).toBe(0);
});
