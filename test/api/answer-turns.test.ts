/** Answers that many clients are woken for at once: made some in each turn of the event loop, each client in its order. */

import { AnswerTurns, answeringMs } from '@skein/api/parts';
import type { EventLoop } from '@skein/api/parts';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { json, settle, setup } from './fake-agent.ts';
import { fakeInstance } from './fake-port.ts';

/** A loop that turns when the test says so, and whose time passes by work alone. */
class FakeLoop implements EventLoop {
  #nowMs = 0;
  #waiting: (() => void)[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  afterPoll(run: () => void): void {
    this.#waiting.push(run);
  }

  work(spanMs: number): void {
    this.#nowMs += spanMs;
  }

  get isTurning(): boolean {
    return this.#waiting.length > 0;
  }

  async turn(): Promise<void> {
    for (const run of this.#waiting.splice(0)) run();
    await settle();
  }
}

test('no turn of the loop has more answers than fit into its time, and one that is longer than that is alone', async () => {
  const [loop, made] = [new FakeLoop(), [] as number[]];
  const turns = new AnswerTurns(loop);
  const costs = [4, 4, 4, 4, 25, 1, 9, 1];
  for (const [at, cost] of costs.entries()) {
    void turns.next('woken').then(async () => {
      // An answer takes some steps; the next one begins after the last.
      for (let step = 0; step < 5; step++) await Promise.resolve();
      loop.work(cost);
      made.push(at);
    });
  }
  await settle();
  const perTurn = [made.splice(0)];
  while (loop.isTurning) {
    await loop.turn();
    if (made.length > 0) perTurn.push(made.splice(0));
  }
  expect(answeringMs).toBe(10);
  expect(perTurn).toEqual([[0, 1, 2], [3, 4], [5, 6], [7]]);
});

test('whoever asks what there is does not wait behind all who were woken, nor they behind all who ask', async () => {
  const [loop, made] = [new FakeLoop(), [] as string[]];
  const turns = new AnswerTurns(loop);
  const ask = (lane: 'woken' | 'new', name: string): void =>
    void turns.next(lane).then(() => {
      loop.work(answeringMs);
      made.push(name);
    });
  for (const name of ['w1', 'w2', 'w3', 'w4']) ask('woken', name);
  await settle();
  for (const name of ['n1', 'n2']) ask('new', name);
  while (loop.isTurning) await loop.turn();
  expect(made).toEqual(['w1', 'n1', 'w2', 'n2', 'w3', 'w4']);
});

test('everybody is answered once, in the order of their lane, however they come and whatever their answers cost', async () => {
  const request = fc.record({ lane: fc.constantFrom('woken' as const, 'new' as const), cost: fc.nat(15), turns: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(request, { maxLength: 40 }), async (requests) => {
      const loop = new FakeLoop();
      const turns = new AnswerTurns(loop);
      const made = { woken: [] as number[], new: [] as number[] };
      for (const [at, { lane, cost, turns: letTurn }] of requests.entries()) {
        void turns.next(lane).then(() => {
          loop.work(cost);
          made[lane].push(at);
        });
        if (letTurn) await loop.turn();
      }
      await settle();
      while (loop.isTurning) await loop.turn();
      for (const lane of ['woken', 'new'] as const)
        expect(made[lane]).toEqual(requests.flatMap((each, at) => (each.lane === lane ? [at] : [])));
    }),
    { numRuns: 30 },
  );
});

test('clients with filters of their own that one change wakes are answered in turns, all with what is so then', async () => {
  const eventLoop = new FakeLoop();
  const api = setup({ eventLoop });
  let isCounting = false;
  const view = api.port.view.bind(api.port);
  // Each look at the mesh stands for a part of the work on an answer.
  api.port.view = () => {
    if (isCounting) eventLoop.work(5);
    return view();
  };
  for (let at = 0; at < 20; at++) api.port.addInstance(api.port.self, fakeInstance(`web-${at}`, 'web', { port: 8000 + at }));
  const index = String((await api.get('/v1/catalog/services')).headers['x-consul-index']);
  await eventLoop.turn();
  const answers: { readonly at: number; readonly body: unknown }[] = [];
  for (let at = 0; at < 50; at++) {
    const filter = encodeURIComponent(`ServicePort == ${8000 + at}`);
    void api
      .get(`/v1/catalog/services?filter=${filter}&index=${index}`)
      .then((answer) => answers.push({ at, body: json(answer) }));
  }
  await settle();
  while (eventLoop.isTurning) await eventLoop.turn();
  expect(answers).toEqual([]);
  isCounting = true;
  api.port.addInstance(api.port.self, fakeInstance('web-30', 'web', { port: 8030 }));
  await settle();
  await api.timers.pass(50);
  let turns = 0;
  for (; eventLoop.isTurning; turns++) await eventLoop.turn();
  expect(turns).toBeGreaterThan(5);
  expect(answers.map(({ at }) => at)).toEqual(Array.from({ length: 50 }, (_, at) => at));
  for (const { at, body } of answers) expect(body).toEqual(at < 20 || at === 30 ? { web: [] } : {});
});
