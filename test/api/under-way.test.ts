/** Requests whose clients went: freed in slices, so that many at once do not keep the agent from answering its peers. */

import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { BlockingQueries, clientGone, UnderWay } from '@skein/api/parts';
import { expect, test } from 'vitest';
import { FakeTimers, settle } from './fake-agent.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('clients that all go at once are freed a few in each turn of the event loop, in order, and all in the end', async () => {
  const underWay = new UnderWay();
  const responses = Array.from({ length: 200 }, () => new EventEmitter());
  const signals = responses.map((response) => underWay.add(response as ServerResponse).signal);
  const freed = (): number => signals.filter(({ aborted }) => aborted).length;
  for (const response of responses) response.emit('close');
  expect(freed()).toBe(0);
  for (const count of [64, 128, 192, 200]) {
    await turn();
    expect(freed()).toBe(count);
    expect(signals[count - 1]?.reason).toBe(clientGone);
    expect(signals[count]?.aborted ?? false).toBe(false);
  }
});

test('who was answered is not freed, and who waits at the close is answered, not gone', async () => {
  const underWay = new UnderWay();
  const [one, two] = [new EventEmitter(), new EventEmitter()];
  const answered = underWay.add(one as ServerResponse);
  answered.release();
  one.emit('close');
  const waiting = underWay.add(two as ServerResponse);
  underWay.close();
  await turn();
  expect([answered.signal.aborted, waiting.signal.aborted]).toEqual([false, true]);
  expect(waiting.signal.reason).not.toBe(clientGone);
  expect(underWay.add(one as ServerResponse).signal.aborted).toBe(true);
});

test('clients that all wait for one change are woken some in each turn of the event loop, in order, and all in the end', async () => {
  const queries = new BlockingQueries({ timers: new FakeTimers(), random: () => 0, waitersMax: 1000 });
  let index = 7;
  let change = (): void => undefined;
  const changed = (): Promise<void> => new Promise((resolve) => (change = resolve));
  const source = { key: 'k', index: () => index, changed };
  const woken: number[] = [];
  const due = (): Promise<void> => queries.due(source, { index, waitMs: 1000 }, index, new AbortController().signal);
  for (let n = 0; n < 300; n++) void due().then(() => woken.push(n));
  await settle();
  index++;
  change();
  const perTurn: number[] = [];
  for (let n = 0; n < 4; n++) {
    // Promises that are ready run their course within a turn.
    for (let step = 0; step < 20; step++) await Promise.resolve();
    perTurn.push(woken.length);
    await turn();
  }
  expect(perTurn).toEqual([128, 256, 300, 300]);
  expect(woken).toEqual(woken.toSorted((a, b) => a - b));
});

test('no answer is made for a client that went while it waited', async () => {
  const timers = new FakeTimers();
  const queries = new BlockingQueries({ timers, random: () => 0, waitersMax: 10 });
  const over = new AbortController();
  const changed = (_afterIndex: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
  const due = queries.due({ key: 'k', index: () => 7, changed }, { index: 7, waitMs: 1000 }, 7, over.signal);
  const refused = expect(due).rejects.toBe(clientGone);
  await settle();
  expect(timers.pending).toBe(1);
  over.abort(clientGone);
  await refused;
  expect(timers.pending).toBe(0);
});
