/** `/v1/mesh/events`: what happened, as a list and as a stream. */

import { checkId, instanceId, nodeId } from '@skein/core';
import type { MeshEvent } from '@skein/core';
import { World } from '@skein/sim';
import { expect, test } from 'vitest';
import { instance } from '../core/fixture.ts';
import { FakeAgent, json, settle, setup } from './fake-agent.ts';

interface Row {
  readonly index: number;
  readonly timeMs: number;
  readonly type: string;
  readonly [field: string]: unknown;
}

const events = { accept: 'text/event-stream' };

function scene() {
  const agent = new FakeAgent();
  const at = setup({ agent });
  let timeMs = 1_700_000_000_000;
  const happen = (event: MeshEvent): void => {
    for (const take of agent.meshFollowers) take(event, ++timeMs);
  };
  const linked = (n: number): void => happen({ type: 'link-changed', id: nodeId(`n${n}`), linked: true });
  const list = async (): Promise<Row[]> => json<Row[]>(await at.get('/v1/mesh/events'));
  /** What a stream says until the API closes: the ids and data of its blocks. */
  const stream = async (headers: Record<string, string> = {}, during = (): void => undefined): Promise<readonly string[]> => {
    const answer = at.get('/v1/mesh/events', { ...events, ...headers });
    await settle();
    during();
    await settle();
    await at.api.close();
    const { statusCode, body } = await answer;
    expect(statusCode).toBe(200);
    expect(agent.meshFollowers.size).toBe(0);
    return body.split('\n\n').filter((block) => block !== '');
  };
  return { at, happen, linked, list, stream };
}

const dataOf = (block: string): Row => JSON.parse(/^data: (.*)$/m.exec(block)![1]!) as Row;

test('lists what happened, oldest first, with when and a growing index', async () => {
  const { happen, linked, list } = scene();
  linked(1);
  happen({ type: 'check-changed', id: checkId('c'), from: 'passing', to: 'critical', output: 'broken' });
  const rows = await list();
  expect(rows).toMatchObject([
    { type: 'link-changed', id: 'n1', linked: true, timeMs: 1_700_000_000_001 },
    { type: 'check-changed', id: 'c', to: 'critical', output: 'broken', timeMs: 1_700_000_000_002 },
  ]);
  expect(rows[1]!.index).toBe(rows[0]!.index + 1);
});

test('says of a registration its key, and nothing of definitions; of views and refused messages nothing', async () => {
  const { happen, list } = scene();
  happen({ type: 'registration-changed', registration: { type: 'instance', instance: instance('web-1') } });
  happen({ type: 'view-changed', topics: ['members'] });
  happen({ type: 'message-refused', from: nodeId('x'), reason: 'bad-signature' });
  const rows = await list();
  expect(rows.map(({ index: _index, timeMs: _timeMs, ...row }) => row)).toEqual([
    { type: 'registration-changed', key: `i/${instanceId('web-1')}` },
  ]);
});

test('can be waited for: an index ends the wait when something happens after it', async () => {
  const { at, linked } = scene();
  linked(1);
  const first = await at.get('/v1/mesh/events');
  const index = Number(first.headers['x-consul-index']);
  expect(index).toBe(json<Row[]>(first)[0]!.index);
  const waiting = at.get(`/v1/mesh/events?index=${index}&wait=1m`);
  await settle();
  linked(2);
  expect(json<Row[]>(await waiting).map(({ id }) => id)).toEqual(['n1', 'n2']);
});

test('keeps the last 512', async () => {
  const { linked, list } = scene();
  for (let n = 0; n < 600; n++) linked(n);
  const rows = await list();
  expect([rows.length, rows[0]!['id'], rows.at(-1)!['id']]).toEqual([512, 'n88', 'n599']);
});

test('streams what is kept and what follows', async () => {
  const { linked, stream } = scene();
  linked(1);
  const [greeting, ...blocks] = await stream({}, () => linked(2));
  expect(greeting).toMatch(/^retry: \d+$/);
  expect(blocks.map((block) => dataOf(block)['id'])).toEqual(['n1', 'n2']);
});

test('goes on after the last event that a client had', async () => {
  const { linked, stream } = scene();
  linked(1);
  linked(2);
  linked(3);
  const first = scene();
  first.linked(1);
  const id = /^id: (.*)$/m.exec((await first.stream())[1]!)![1]!;
  // Of another life: what is kept is sent again, after word that something may be missing.
  const other = await stream({ 'last-event-id': id });
  expect(other.map((block) => /^event: (.*)$/m.exec(block)?.[1])).toEqual([undefined, 'lost', undefined, undefined, undefined]);

  const second = scene();
  for (let n = 0; n < 600; n++) second.linked(n);
  const { stream: life } = json<{ stream: string }>(await second.at.get('/v1/mesh/view'));
  const rows = await second.list();
  const late = await second.stream({ 'last-event-id': `${life}:${rows.at(-2)!.index}` });
  expect(late.slice(1).map((block) => dataOf(block)['id'])).toEqual(['n599']);
});

test('tells one who is too far behind that events are lost, and goes on with those that are kept', async () => {
  const { at, linked, stream } = scene();
  linked(0);
  const { stream: life } = json<{ stream: string }>(await at.get('/v1/mesh/view'));
  const [first] = json<Row[]>(await at.get('/v1/mesh/events'));
  for (let n = 1; n <= 600; n++) linked(n);
  const blocks = await stream({ 'last-event-id': `${life}:${first!.index}` });
  expect(blocks.slice(1, 3).map((block) => [/^event: (.*)$/m.exec(block)?.[1], dataOf(block)['id']])).toEqual([
    ['lost', undefined],
    [undefined, 'n89'],
  ]);
  expect(blocks).toHaveLength(514);
});

test('one stream too many is refused with 429', async () => {
  const { at } = scene();
  const answers = Array.from({ length: 256 }, () => at.get('/v1/mesh/events', events));
  await settle();
  expect((await at.get('/v1/mesh/events', events)).statusCode).toBe(429);
  await at.api.close();
  await Promise.all(answers);
});

test('tells what a simulated node sees of another that crashes', async () => {
  const agent = new FakeAgent();
  const world: World = new World({
    seed: 4,
    network: 'lan',
    profile: 'local',
    onEvent: (node, event) => {
      if (node.index === 0) for (const take of agent.meshFollowers) take(event, world.nowMs);
    },
  });
  const [near, far] = world.mesh(3);
  world.runFor(2000);
  const at = setup({ agent, port: near! });
  far!.crash();
  world.runFor(20_000);
  const rows = json<Row[]>(await at.get('/v1/mesh/events'));
  expect(rows.filter(({ id }) => id === far!.id).map(({ type, to, reachable }) => [type, to ?? reachable])).toEqual(
    expect.arrayContaining([
      ['reachability-changed', false],
      ['member-changed', 'failed'],
    ]),
  );
});
