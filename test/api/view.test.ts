/** `GET /v1/mesh/view` over HTTP: as JSON, as server-sent events, and what is refused. */

import { topics } from '@skein/core';
import { expect, test } from 'vitest';
import { fakeInstance } from './fake-port.ts';
import { json, settle, setup } from './fake-agent.ts';
import type { Setup } from './fake-agent.ts';
import { EventParser, mirrorOf } from './view-mirror.ts';
import type { Row, ServerSentEvent } from './view-mirror.ts';

interface Snapshot {
  readonly stream: string;
  readonly index: number;
  readonly nodes: readonly Row[];
  readonly instances: readonly Row[];
}

const events = { accept: 'text/event-stream' };

/** Streams while `during` runs, and then closes the API; resolves with what came. */
async function streamed(
  at: Setup,
  { url = '/v1/mesh/view', headers = {} as Record<string, string> },
  during: () => void | Promise<void> = () => undefined,
): Promise<readonly ServerSentEvent[]> {
  const answer = at.get(url, { ...events, ...headers });
  await settle();
  await during();
  await settle();
  await at.api.close();
  const { statusCode, body, headers: got } = await answer;
  expect([statusCode, got['content-type'], got['cache-control']]).toEqual([200, 'text/event-stream', 'no-store']);
  return new EventParser().add(body);
}

test('is a snapshot as JSON with an index, and can be waited for like any other', async () => {
  const at = setup();
  at.port.addInstance(at.port.self, fakeInstance('web-1', 'web'), ['warning']);
  const first = await at.get('/v1/mesh/view');
  const snapshot = json<Snapshot>(first);
  expect(snapshot).toMatchObject({
    self: at.port.self,
    mesh: 'testmesh',
    isolated: false,
    nodes: [{ id: at.port.self, name: 'alpha', status: 'alive', reachable: true, zone: 'eu-1', external: false }],
    instances: [
      {
        node: at.port.self,
        id: 'web-1',
        service: 'web',
        address: '10.0.0.1',
        status: 'warning',
        routable: true,
        checks: [{ id: 'service:web-1:1', status: 'warning' }],
      },
    ],
    config: [],
  });
  expect([first.headers['content-type'], first.headers['x-consul-index']]).toEqual(['application/json', String(snapshot.index)]);
  const waiting = at.get(`/v1/mesh/view?index=${snapshot.index}&wait=10s`);
  await settle();
  // Nothing that is shown.
  at.port.bump(topics.kvFolder(''));
  await settle();
  expect(at.port.waiting).toBe(1);
  at.port.addInstance(at.port.self, fakeInstance('web-2', 'web'));
  expect(json<Snapshot>(await waiting).instances).toHaveLength(2);
});

test('can be pretty', async () => {
  const { body } = await setup().get('/v1/mesh/view?pretty');
  expect(body).toContain('\n    "nodes": [\n');
  expect(mirrorOf(body).nodes.size).toBe(1);
});

test.each([
  ['text/event-stream', true],
  ['TEXT/Event-Stream;q=0.5, application/json;q=0.1', true],
  ['application/json, text/event-stream', true],
  ['text/event-stream;q=0', false],
  ['text/event-stream; q=0.0 ', false],
  ['*/*', false],
  ['application/json', false],
  ['text/event-streams', false],
  ['', false],
])('the Accept %j asks for a stream: %s', async (accept, isStream) => {
  const at = setup();
  const answer = at.get('/v1/mesh/view', { accept });
  await settle();
  await at.api.close();
  expect(String((await answer).headers['content-type']).startsWith('text/event-stream')).toBe(isStream);
});

test('streams a snapshot and what changes, under ids by which it goes on, and ends when the API closes', async () => {
  const at = setup();
  const got = await streamed(at, {}, () => at.port.addInstance(at.port.self, fakeInstance('web-1', 'web')));
  expect(got.map(({ type }) => type)).toEqual(['snapshot', 'delta']);
  const [snapshot, delta] = got;
  expect(snapshot!.id).toBe(`${snapshot!.data.stream}:${snapshot!.data.index}`);
  expect(delta!.data).toMatchObject({ stream: snapshot!.data.stream, after: snapshot!.data.index, instances: [{ id: 'web-1' }] });
  expect(at.port.waiting).toBe(0);
});

test('a change without an index of its own is a delta that leads on', async () => {
  const at = setup();
  const member = at.port.addMember('beta');
  const got = await streamed(at, {}, async () => {
    member.reachable = false;
    const index = json<Snapshot>(await at.get('/v1/mesh/view')).index;
    expect(index).toBe(at.port.view().lastIndex + 1);
  });
  expect(got.map(({ type, data }) => [type, data.nodes.length])).toEqual([
    ['snapshot', 2],
    ['delta', 1],
  ]);
});

test.each(['Last-Event-ID', 'stream and index'])('goes on after what %s says', async (how) => {
  const at = setup();
  const { stream, index } = json<Snapshot>(await at.get('/v1/mesh/view'));
  at.port.addInstance(at.port.self, fakeInstance('web-1', 'web'));
  const where =
    how === 'Last-Event-ID'
      ? { headers: { 'last-event-id': `${stream}:${index}` } }
      : { url: `/v1/mesh/view?stream=${stream}&index=${index}` };
  const got = await streamed(at, where);
  expect(got.map(({ type, data }) => [type, data.instances.length])).toEqual([['delta', 1]]);
});

test('Last-Event-ID is later than the query with which an EventSource began', async () => {
  const at = setup();
  const { stream, index } = json<Snapshot>(await at.get('/v1/mesh/view'));
  at.port.addMember('beta');
  const later = json<Snapshot>(await at.get('/v1/mesh/view')).index;
  const url = `/v1/mesh/view?stream=${stream}&index=${index}`;
  expect(await streamed(at, { url, headers: { 'last-event-id': `${stream}:${later}` } })).toEqual([]);
});

test.each(['x', ':', 'x:1', 'x:-1', `${'x'.repeat(9000)}:1`, 'a b:1', 'stream:99999999999999999', '1:2:3'])(
  'the Last-Event-ID %j, which is not ours, is answered with a snapshot',
  async (id) => {
    const got = await streamed(setup(), { headers: { 'last-event-id': id } });
    expect(got.map(({ type }) => type)).toEqual(['snapshot']);
  },
);

test.each([
  ['?index=x', 'Invalid index'],
  ['?index=5', 'Missing ?stream'],
  ['?dc=elsewhere', 'No path to datacenter'],
  ['?filter=a', 'this endpoint has none'],
])('the query %s is refused, and opens no stream', async (query, text) => {
  const at = setup();
  const answer = await at.get(`/v1/mesh/view${query}`, events);
  expect(answer.statusCode).toBeGreaterThanOrEqual(400);
  expect(answer.body).toContain(text);
  expect(at.port.waiting).toBe(0);
});

test('one stream too many is refused with 429 and what to do instead, until another one ends', async () => {
  const at = setup();
  const answers = Array.from({ length: 1024 }, () => at.get('/v1/mesh/view', events));
  await settle();
  const refused = await at.get('/v1/mesh/view', events);
  expect([refused.statusCode, refused.body]).toEqual([429, expect.stringContaining('?index and ?wait')]);
  // However many stream, one waits at the node.
  expect(at.port.waiting).toBe(1);
  expect((await at.get('/v1/mesh/view')).statusCode).toBe(200);
  await at.api.close();
  for (const answer of answers) expect((await answer).statusCode).toBe(200);
});

test('a page of another origin cannot read it under a name that points here', async () => {
  const answer = await setup().get('/v1/mesh/view', { ...events, host: 'evil.example' });
  expect(answer.statusCode).toBe(403);
});
