/** The HTTP API on real sockets of loopback: what needs a connection that is slow, broken or gone. */

import { once } from 'node:events';
import http from 'node:http';
import type { Server, ServerOptions } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { topics } from '@skein/core';
import { createApi } from '@skein/api';
import type { Api, ApiOptions } from '@skein/api';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { FakeAgent, FakeEvents, FakeTimers } from '../api/fake-agent.ts';
import { FakePort } from '../api/fake-port.ts';

const open: Api[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(open.splice(0).map((api) => api.close()));
});

async function listen(more: Partial<ApiOptions> = {}): Promise<{ api: Api; port: FakePort; address: string }> {
  const port = new FakePort();
  const parts = { port, agent: new FakeAgent(), events: new FakeEvents() };
  const api = createApi({ ...parts, listen: '127.0.0.1:0', allowedHosts: [], ...more });
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

test('hundreds of clients that go at once leave nothing behind, no error either', async () => {
  const logged: unknown[] = [];
  const { address, port } = await listen({ log: (entry) => void logged.push(entry) });
  const index = port.index(topics.members);
  for (let client = 0; client < 300; client++) {
    const socket = await dial(address);
    socket.write(`GET /v1/catalog/nodes?index=${index} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  }
  // All share one wait for one thing; whoever asks after them is answered after them.
  await vi.waitUntil(() => port.waiting === 1);
  expect((await fetch(`http://${address}/v1/catalog/nodes`)).status).toBe(200);
  for (const socket of sockets) socket.destroy();
  await vi.waitUntil(() => port.waiting === 0);
  expect((await fetch(`http://${address}/v1/catalog/nodes`)).status).toBe(200);
  expect(logged).toEqual([]);
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
  ['no host and something to write', 'PUT /v1/agent/leave HTTP/1.0\r\nContent-Length: 0\r\n\r\n', '403'],
  ['an empty host and something to write', 'DELETE /v1/kv/a HTTP/1.1\r\nHost:\r\n\r\n', '403'],
  ['no host, though HTTP/1.1 demands one,', 'GET /healthz HTTP/1.1\r\n\r\n', '400'],
  ['two hosts', 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nhost: localhost\r\n\r\n', '400'],
  ['a method that nothing here has', 'TRACE /v1/agent/self HTTP/1.1\r\nHost: localhost\r\n\r\n', '405'],
  ['a host of somebody else', 'GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n', '403'],
  ['garbage', 'hello there\r\n\r\n', '400'],
  ['headers without end', `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`, '431'],
  ['a length beyond the limit', 'PUT /v1/event/fire/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n', '413'],
])('a request with %s is refused', async (_what, text, status) => {
  const { address } = await listen();
  expect(await exchange(address, text)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect((await fetch(`http://${address}/healthz`)).status).toBe(200);
});

test.each([
  ['GET', 'HTTP/1.0\r\n'],
  ['HEAD', 'HTTP/1.0\r\n'],
  ['GET', 'HTTP/1.1\r\nHost:\r\n'],
])('a health check that names no host, with %s and %j, is answered: no browser leaves it out', async (method, rest) => {
  const { address } = await listen();
  expect(await exchange(address, `${method} /v1/status/leader ${rest}\r\n`)).toBe('HTTP/1.1 200 OK');
});

test('OPTIONS may ask about the server as a whole', async () => {
  const { address } = await listen();
  expect(await exchange(address, 'OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n')).toBe('HTTP/1.1 200 OK');
});

test('a request has 30 s to arrive, its body too, and is looked at every second', async () => {
  const created = vi.spyOn(http, 'createServer');
  await listen();
  const [options] = created.mock.calls[0] as [ServerOptions];
  const server = created.mock.results[0]?.value as Server;
  created.mockRestore();
  expect(options.connectionsCheckingInterval).toBe(1000);
  // Node takes the smaller one for the headers and the other for the whole.
  expect([server.headersTimeout, server.requestTimeout]).toEqual([30_000, 30_000]);
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

describe('a stream of the view', () => {
  /** What came over a connection, as text. */
  async function stream(address: string, headers = ''): Promise<{ socket: Socket; text: () => string }> {
    const socket = await dial(address);
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
    socket.write(`GET /v1/mesh/view HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n${headers}\r\n`);
    return { socket, text: () => text };
  }

  /** Whether the change of this round is in the last megabyte. */
  function hasCome(text: string, round: number): boolean {
    return text.includes(`"round":"${round}"`, text.length - 1_200_000);
  }

  test('goes on over another connection, from the id of the last event', async () => {
    const { address, port } = await listen();
    const first = await stream(address);
    await vi.waitUntil(() => first.text().includes('event: snapshot'));
    port.addMember('beta');
    await vi.waitUntil(() => first.text().includes('event: delta'));
    const id = first.text().match(/event: delta\nid: (\S+)/)?.[1] ?? '';
    first.socket.destroy();
    port.addMember('gamma');
    const second = await stream(address, `Last-Event-ID: ${id}\r\n`);
    await vi.waitUntil(() => second.text().includes('"name":"gamma"'));
    expect(second.text()).not.toContain('"name":"beta"');
    expect(second.text()).not.toContain('event: snapshot');
  });

  test('whose client goes away leaves nothing behind', async () => {
    const { address, port } = await listen();
    const clients = [await stream(address), await stream(address)];
    await vi.waitUntil(() => clients.every(({ text }) => text().includes('event: snapshot')));
    expect(port.waiting).toBe(1);
    for (const { socket } of clients) socket.destroy();
    await vi.waitUntil(() => port.waiting === 0);
  });

  test('whose client reads nothing is not queued for: it costs what its connection takes, and ends with a snapshot', async () => {
    const { address, port } = await listen();
    const idle = await stream(address);
    await vi.waitUntil(() => idle.text().includes('event: snapshot'));
    idle.socket.pause();
    const other = await stream(address);
    await vi.waitUntil(() => other.text().includes('event: snapshot'));
    const member = port.addMember('beta');
    const rounds = 24;
    for (let round = 0; round < rounds; round++) {
      member.tags = { round: String(round), much: 'x'.repeat(1_000_000) };
      port.bump(topics.members, topics.node(member.id));
      await vi.waitUntil(() => hasCome(other.text(), round));
    }
    idle.socket.resume();
    await vi.waitUntil(() => hasCome(idle.text(), rounds - 1), { timeout: 10_000 });
    expect(idle.text().split('event: snapshot').length).toBe(3);
    expect(idle.text().length).toBeLessThan(other.text().length);
  });

  test('is cut off when its client has taken nothing for a minute', async () => {
    const timers = new FakeTimers();
    const { address, port } = await listen({ timers });
    const idle = await stream(address);
    await vi.waitUntil(() => idle.text().includes('event: snapshot'));
    idle.socket.pause();
    const closed = once(idle.socket, 'close');
    const member = port.addMember('beta');
    // More than the kernel takes; nobody else reads, so each is in a window of its own.
    for (let round = 0; round < 16; round++) {
      member.tags = { much: 'x'.repeat(1_000_000 + round) };
      port.bump(topics.members, topics.node(member.id));
      await timers.pass(50);
    }
    expect(port.waiting).toBe(1);
    await timers.pass(60_000);
    await vi.waitUntil(() => port.waiting === 0);
    idle.socket.resume();
    await closed;
  });

  test('ends when the API closes', async () => {
    const { api, address } = await listen();
    const client = await stream(address);
    await vi.waitUntil(() => client.text().includes('event: snapshot'));
    const ended = once(client.socket, 'close');
    await api.close();
    await ended;
    expect(client.text().endsWith('\r\n0\r\n\r\n')).toBe(true);
  });
});
