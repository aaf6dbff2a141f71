/** When an agent that started knows again what its mesh knew. */

import { topics, type View } from '@skein/core';
import { CatchUp } from '@skein/agent/parts';
import { expect, test } from 'vitest';
import { ManualClock } from './manual-clock.ts';

const quietMs = 500;
const patienceMs = 10_000;
const never = new AbortController().signal;

interface Started {
  readonly clock: ManualClock;
  readonly catchUp: CatchUp;
  /** Members that are known. */
  readonly known: Set<string>;
  readonly sync: () => void;
  readonly changes: (topic?: string) => void;
}

function started(peers: readonly string[], { synced = false } = {}): Started {
  const clock = new ManualClock();
  const known = new Set<string>();
  let isSynced = synced;
  const view = { member: (id: string) => (known.has(id) ? { id } : undefined) } as unknown as View;
  const catchUp = new CatchUp({ clock, isSynced: () => isSynced, peers: peers as never, view: () => view });
  return {
    clock,
    catchUp,
    known,
    sync: () => {
      isSynced = true;
      catchUp.event({ type: 'synced', id: 'peer' as never });
    },
    changes: (topic = topics.members) => catchUp.event({ type: 'view-changed', topics: [topic] }),
  };
}

test('an agent that is alone by choice has nothing to catch up with', async () => {
  const { catchUp, clock } = started([], { synced: true });
  expect(catchUp.isCaughtUp).toBe(true);
  await catchUp.caughtUp(never);
  expect(clock.pending).toBe(0);
});

test('it has caught up once it is in sync, knows all peers of before, and nothing was learned for a while', () => {
  const { catchUp, clock, known, sync, changes } = started(['birch', 'cedar']);
  known.add('birch');
  sync();
  clock.advance(quietMs);
  expect(catchUp.isCaughtUp).toBe(false);
  known.add('cedar');
  changes();
  clock.advance(quietMs - 1);
  changes(topics.service('web'));
  clock.advance(quietMs - 1);
  changes(topics.services);
  clock.advance(quietMs - 1);
  expect(catchUp.isCaughtUp).toBe(false);
  clock.advance(1);
  expect(catchUp.isCaughtUp).toBe(true);
  expect(clock.pending).toBe(0);
});

test('what is not learned from others does not put it off', () => {
  const { catchUp, clock, sync, changes } = started([]);
  sync();
  clock.advance(quietMs - 1);
  changes(topics.local);
  clock.advance(1);
  expect(catchUp.isCaughtUp).toBe(true);
});

test('it is over after ten seconds, whoever is away and however much changes', () => {
  const { catchUp, clock, sync, changes } = started(['gone']);
  sync();
  for (let ms = 0; ms < patienceMs; ms += 100) {
    expect(catchUp.isCaughtUp).toBe(false);
    changes();
    clock.advance(100);
  }
  expect(catchUp.isCaughtUp).toBe(true);
  changes();
  expect(clock.pending).toBe(0);
});

test('who waits is let go when it is over, when it stops, and when they cancel', async () => {
  const first = started(['birch']);
  const over = first.catchUp.caughtUp(never);
  first.clock.advance(patienceMs);
  await over;
  const second = started(['birch']);
  const cancel = new AbortController();
  const cancelled = second.catchUp.caughtUp(cancel.signal);
  cancel.abort();
  await cancelled;
  await second.catchUp.caughtUp(cancel.signal);
  const stopped = second.catchUp.caughtUp(never);
  second.catchUp.stop();
  await stopped;
  expect(second.clock.pending).toBe(0);
});
