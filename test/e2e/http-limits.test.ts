/** What the HTTP API does with clients that hold connections and do not read. */

import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createApi } from '@skein/api';
import type { Api } from '@skein/api';
import { FakeAgent, FakeEvents, FakeTimers, settle } from '../api/fake-agent.ts';
import { fakeInstance, FakePort } from '../api/fake-port.ts';
import { eventually } from './agent-nodes.ts';

const apis: Api[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const api of apis.splice(0)) await api.close();
});

interface Served {
  readonly port: FakePort;
  readonly agent: FakeAgent;
  readonly timers: FakeTimers;
  /** A connection, which is read only if it says so. */
  readonly open: (request: string, isRead: boolean) => Opened;
}

interface Opened {
  readonly socket: Socket;
  text: string;
  isOver: boolean;
}

async function serve(options: { readonly connectionsMax?: number } = {}): Promise<Served> {
  const [port, agent, timers] = [new FakePort(), new FakeAgent(), new FakeTimers()];
  const parts = { port, agent, events: new FakeEvents(), random: () => 0, allowedHosts: [], ...options };
  // Connections are cut by hand: nothing else here waits for the time to pass.
  const api = createApi({ ...parts, timers, listen: '127.0.0.1:0' });
  apis.push(api);
  const address = await api.listen();
  return {
    port,
    agent,
    timers,
    open: (request, isRead) => {
      const socket = connect(Number(address.split(':').at(-1)), '127.0.0.1');
      const opened: Opened = { socket, text: '', isOver: false };
      sockets.push(socket);
      socket.on('error', () => undefined).on('close', () => (opened.isOver = true));
      if (isRead) socket.on('data', (data) => (opened.text += data.toString('latin1')));
      else socket.pause();
      if (request !== '') socket.write(`GET ${request} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      return opened;
    },
  };
}

test('one connection too many is closed at once, and another one is taken when one of them went', async () => {
  const { open } = await serve({ connectionsMax: 2 });
  const [first, second] = [open('/v1/status/leader', true), open('/v1/status/leader', true)];
  await eventually('two are answered', () => first.text.includes('200 OK') && second.text.includes('200 OK'));
  const third = open('/v1/status/leader', true);
  await eventually('the third is closed', () => third.isOver);
  expect([third.text, first.isOver, second.isOver]).toEqual(['', false, false]);
  first.socket.destroy();
  await eventually('another one is answered', () => {
    const next = open('/v1/status/leader', true);
    return settle().then(() => next.text.includes('200 OK'));
  });
});

test('a reader of the log that takes none of it is cut off, and its place is free', async () => {
  const { agent, timers, open } = await serve();
  open('/v1/agent/monitor', false);
  await eventually('it follows the log', () => agent.followers.size === 1);
  const line = JSON.stringify({ time: 'now', level: 'info', msg: 'x'.repeat(100_000) });
  await eventually('it is cut off', async () => {
    for (const { take } of agent.followers) take(line);
    await settle();
    await timers.pass(61_000);
    return agent.followers.size === 0;
  });
});

test('a client that asks for the view and does not read it is cut off before its end', async () => {
  const { port, timers, open } = await serve();
  for (let at = 0; at < 400; at++)
    port.addInstance(port.self, fakeInstance(`web-${at}`, 'web', { meta: { note: 'x'.repeat(40_000) } }));
  const stalled = open('/v1/mesh/view', false);
  await eventually('something of it has come', () => stalled.socket.bytesRead > 0 || timers.pending > 0);
  for (let round = 0; round < 20; round++) await settle();
  await timers.pass(61_000);
  stalled.socket.on('data', (data) => (stalled.text += data.toString('latin1'))).resume();
  await eventually('its connection is over', () => stalled.isOver);
  expect(stalled.text.endsWith('0\r\n\r\n')).toBe(false);
});
