/** The first moments after a start, in which reads of the mesh wait. */

import { CatchUp, catchUpMaxMs, catchUpMs } from '@skein/agent/parts';
import type { NodeId } from '@skein/core';
import { beforeEach, expect, test } from 'vitest';
import { type FakeMember, FakePort } from '../api/fake-port.ts';
import { ManualClock } from './manual-clock.ts';

let clock: ManualClock;
let port: FakePort;
let isSynced: boolean;
let missed: NodeId[];

beforeEach(() => {
  clock = new ManualClock();
  port = new FakePort();
  isSynced = false;
  missed = [];
});

function catchUpWith(peers: readonly NodeId[]): CatchUp {
  return new CatchUp({
    clock,
    peers,
    view: () => port.view(),
    isSynced: () => isSynced,
    gaveUp: (unknown) => missed.push(...unknown),
  });
}

const away = 'peer-away' as NodeId;

test('an agent that is alone by choice waits for nobody', () => {
  isSynced = true;
  const catchUp = catchUpWith([]);
  catchUp.start();
  expect(catchUp.over).toBeUndefined();
  expect(clock.pending).toBe(0);
});

test('one that has caught up before it begins waits for nothing more, and misses nobody', () => {
  isSynced = true;
  const catchUp = catchUpWith([]);
  catchUp.look();
  catchUp.start();
  expect([catchUp.over, clock.pending]).toEqual([undefined, 0]);
  clock.advance(catchUpMaxMs);
  expect(missed).toEqual([]);
});

test('one that joins has caught up once it is in sync with a peer', async () => {
  const catchUp = catchUpWith([]);
  const { over } = catchUp;
  catchUp.start();
  clock.advance(50);
  expect(catchUp.over).toBe(over);
  isSynced = true;
  catchUp.look();
  expect(catchUp.over).toBeUndefined();
  await over;
  expect(clock.pending).toBe(0);
});

test('one that comes back waits for each peer that it knew: until it is back, or known to be gone', () => {
  const [back, gone] = [port.addMember('back', { verified: false }), port.addMember('gone')];
  const catchUp = catchUpWith([back.id, gone.id]);
  isSynced = true;
  catchUp.start();
  expect(catchUp.over).toBeDefined();
  back.verified = true;
  gone.status = 'failed';
  gone.reachable = false;
  catchUp.look();
  expect(catchUp.over).toBeUndefined();
});

test.for(['alive', 'suspect'] as const)('it waits for the catalog that a peer that is %s has since its own return', (status) => {
  const back = port.addMember('back', { status, catalogEpoch: 2, linked: false });
  const catchUp = catchUpWith([back.id]);
  isSynced = true;
  catchUp.start();
  clock.advance(catchUpMs - 1);
  expect(catchUp.over).toBeDefined();
  back.catalogEpoch = 3;
  catchUp.look();
  expect(catchUp.over).toBeUndefined();
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
  expect(missed).toEqual([away]);
  expect(clock.pending).toBe(0);
});

test('while peers come back it waits on for the others, up to a limit', () => {
  const [one, two] = ['one', 'two'].map((name) => port.addMember(name, { catalogEpoch: 0 })) as [FakeMember, FakeMember];
  isSynced = true;
  const catchUp = catchUpWith([one.id, two.id, away]);
  catchUp.start();
  for (const member of [one, two]) {
    clock.advance(catchUpMs - 1000);
    expect(catchUp.over).toBeDefined();
    member.catalogEpoch = 3;
    catchUp.look();
  }
  clock.advance(catchUpMaxMs - 2 * (catchUpMs - 1000) - 1);
  expect(catchUp.over).toBeDefined();
  clock.advance(1);
  expect(catchUp.over).toBeUndefined();
  expect([missed, clock.pending]).toEqual([[away], 0]);
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
