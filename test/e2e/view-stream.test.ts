/** `/v1/mesh/view` as a stream between real agents: a client that follows believes what its agent does, across a restart too. */

import { afterEach, expect, test } from 'vitest';
import { EventParser, Mirror, mirrorOf } from '../api/view-mirror.ts';
import { eventually, Nodes } from './agent-nodes.ts';
import type { RunningNode } from './agent-nodes.ts';

const open: AbortController[] = [];
const nodes = new Nodes();

afterEach(async () => {
  for (const over of open.splice(0)) over.abort();
  await nodes.close();
});

interface Follower {
  readonly mirror: Mirror;
  /** Whether the agent ended it. */
  isOver: boolean;
}

/** Follows from where the mirror is. */
async function follow(node: RunningNode, mirror: Mirror): Promise<Follower> {
  const over = new AbortController();
  open.push(over);
  const id = mirror.id === '' ? {} : { 'last-event-id': mirror.id };
  const answer = await fetch(`http://${node.http}/v1/mesh/view`, {
    signal: over.signal,
    headers: { accept: 'text/event-stream', ...id },
  });
  expect(answer.status).toBe(200);
  const follower = { mirror, isOver: false };
  const parser = new EventParser();
  const read = async (): Promise<void> => {
    for await (const text of answer.body!.pipeThrough(new TextDecoderStream()))
      for (const event of parser.add(text)) mirror.take(event);
  };
  void read()
    .catch(() => undefined)
    .then(() => (follower.isOver = true));
  return follower;
}

/** Waits until the follower believes what the agent does. */
async function agrees(node: RunningNode, { mirror }: Follower, holds: () => boolean): Promise<void> {
  await eventually('the client believes what its agent does', async () => {
    if (!holds()) return false;
    const now = mirrorOf((await node.request('GET', '/v1/mesh/view')).text);
    return JSON.stringify(now.content()) === JSON.stringify(mirror.content());
  });
}

test('a client follows registrations, a crash and a restart of its own agent', async () => {
  const dataDir = nodes.directory();
  const first = await nodes.start({ name: 'one', dataDir });
  const second = await nodes.start({ name: 'two', join: [first.gossip] });
  const third = await nodes.start({ name: 'three', join: [first.gossip] });
  const follower = await follow(first, new Mirror());
  const has = (id: string): boolean => [...follower.mirror.instances.values()].some((row) => row['id'] === id);
  await agrees(first, follower, () => follower.mirror.nodes.size === 3);
  await second.request('PUT', '/v1/agent/service/register', { Name: 'web', ID: 'web-2', Port: 80, Check: { TTL: '1h' } });
  await third.request('PUT', '/v1/agent/service/register', { Name: 'web', ID: 'web-3', Port: 80 });
  await second.request('PUT', '/v1/agent/check/pass/service:web-2');
  await agrees(first, follower, () => has('web-2') && has('web-3'));
  expect(follower.mirror.snapshots).toBe(1);

  await third.agent.stop({ leave: false });
  const routable = (id: string): unknown => [...follower.mirror.instances.values()].find((row) => row['id'] === id)?.['routable'];
  await agrees(first, follower, () => routable('web-3') === false && routable('web-2') === true);

  await first.agent.stop({ leave: false });
  await eventually('the stream ends', () => follower.isOver);
  const again = await nodes.start({ name: 'one', dataDir });
  await second.request('PUT', '/v1/agent/service/deregister/web-2');
  const resumed = await follow(again, follower.mirror);
  await agrees(again, resumed, () => !has('web-2') && resumed.mirror.nodes.size === 3);
  expect(resumed.mirror.snapshots).toBe(2);
});
