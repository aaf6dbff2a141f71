/** The HTTP API on real sockets of loopback: what needs a connection that is slow, broken or gone. */

import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { topics } from '@skein/core';
import { createApi } from '@skein/api';
import type { Api } from '@skein/api';
import { afterEach, expect, test, vi } from 'vitest';
import { FakeAgent, FakeEvents } from '../api/fake-agent.ts';
import { FakePort } from '../api/fake-port.ts';

const open: Api[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(open.splice(0).map((api) => api.close()));
});

async function listen(): Promise<{ api: Api; port: FakePort; address: string }> {
  const port = new FakePort();
  const api = createApi({ port, agent: new FakeAgent(), events: new FakeEvents(), listen: '127.0.0.1:0', allowedHosts: [] });
  open.push(api);
  return { api, port, address: await api.listen() };
}

async function dial(address: string): Promise<Socket> {
  const socket = connect(Number(address.split(':')[1]), '127.0.0.1');
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

/** Sends text as it is and resolves with the first line of the answer. */
async function exchange(address: string, text: string): Promise<string> {
  const socket = await dial(address);
  socket.write(text);
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  return chunk.toString('latin1').split('\r\n')[0] ?? '';
}

test('the address in use is told, and serves', async () => {
  const { address } = await listen();
  expect(address).toMatch(/^127\.0\.0\.1:\d+$/);
  const answer = await fetch(`http://${address}/v1/status/leader`);
  expect([answer.status, await answer.json()]).toEqual([200, '10.0.0.1:7946']);
});

test('an address that is taken is an error of listen', async () => {
  const { address, port } = await listen();
  const second = createApi({ port, agent: new FakeAgent(), events: new FakeEvents(), listen: address, allowedHosts: [] });
  await expect(second.listen()).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

test('B14: a client that goes away while it waits leaves nothing behind', async () => {
  const { address, port } = await listen();
  const index = port.index(topics.members);
  const socket = await dial(address);
  socket.write(`GET /v1/catalog/nodes?index=${index} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await vi.waitUntil(() => port.waiting === 1);
  socket.destroy();
  await vi.waitUntil(() => port.waiting === 0);
});

test('a change answers who waits, over the same connection', async () => {
  const { address, port } = await listen();
  const waiting = fetch(`http://${address}/v1/catalog/nodes?index=${port.index(topics.members)}&wait=10s`);
  await vi.waitUntil(() => port.waiting === 1);
  port.addMember('beta');
  const answer = await waiting;
  expect(await answer.json()).toHaveLength(2);
  expect(Number(answer.headers.get('x-consul-index'))).toBe(port.index(topics.members));
});

test('close answers who waits and does not wait for idle connections', async () => {
  const { api, address, port } = await listen();
  const idle = await dial(address);
  const waiting = fetch(`http://${address}/v1/catalog/nodes?index=${port.index(topics.members)}&wait=5m`);
  await vi.waitUntil(() => port.waiting === 1);
  const idleClosed = once(idle, 'close');
  await api.close();
  expect((await waiting).status).toBe(200);
  await idleClosed;
});

test.each([
  ['no host', 'GET /healthz HTTP/1.0\r\n\r\n', '403'],
  ['an empty host', 'GET /healthz HTTP/1.1\r\nHost:\r\n\r\n', '403'],
  ['a host of somebody else', 'GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n', '403'],
  ['garbage', 'hello there\r\n\r\n', '400'],
  ['headers without end', `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`, '431'],
  ['a length beyond the limit', 'PUT /v1/event/fire/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n', '413'],
])('a request with %s is refused', async (_what, text, status) => {
  const { address } = await listen();
  expect(await exchange(address, text)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect((await fetch(`http://${address}/healthz`)).status).toBe(200);
});

test('what is no HTTP is refused with text, and its connection ends', async () => {
  const { address } = await listen();
  const socket = await dial(address);
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
  socket.write('PUT /v1/kv/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 5\r\n\r\nabcde');
  await once(socket, 'close');
  expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\nContent-Type: text\/plain/);
  expect(answer).toMatch(/\r\n\r\nThe request is not HTTP\/1\.1 as RFC 9112 has it$/);
});

test('a body without a content type is read', async () => {
  const { address, port } = await listen();
  const body = '{"Name":"web"}';
  const line = await exchange(
    address,
    `PUT /v1/agent/service/register HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  expect(line).toBe('HTTP/1.1 200 OK');
  expect(port.commands).toMatchObject([{ type: 'register', instance: { id: 'web' } }]);
});
