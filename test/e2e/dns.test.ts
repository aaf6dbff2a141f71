import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { type Answer, decode, encode, type Packet, streamEncode } from 'dns-packet';
import { createDns } from '@skein/api';
import { seededRng } from '@skein/core';
import { afterEach, expect, test } from 'vitest';
import { FakePort } from '../api/fake-port.ts';
import { eventually, Nodes } from './agent-nodes.ts';
import type { RunningNode } from './agent-nodes.ts';

let nodes = new Nodes();
const closers: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  await nodes.close();
  nodes = new Nodes();
});

function dnsPort(node: RunningNode): number {
  return Number((node.agent.info.listeners['dns'] ?? '').split(':').at(-1));
}

function resolverOf(node: RunningNode): Resolver {
  const resolver = new Resolver({ timeout: 10_000, tries: 1 });
  resolver.setServers([`127.0.0.1:${dnsPort(node)}`]);
  return resolver;
}

async function open(node: RunningNode): Promise<Socket> {
  const socket = connect(dnsPort(node), '127.0.0.1');
  closers.push(() => void socket.destroy());
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

function query(name: string, id: number): Packet {
  return { type: 'query', id, flags: 0x100, questions: [{ name, type: 'A' }] };
}

/** The messages that come over a connection until it ends or there are `count`. */
async function answers(socket: Socket, count: number): Promise<readonly ReturnType<typeof decode>[]> {
  let received = Buffer.alloc(0);
  const found: ReturnType<typeof decode>[] = [];
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk as Buffer]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const end = 2 + received.readUInt16BE(0);
      found.push(decode(received.subarray(2, end)));
      received = received.subarray(end);
    }
    if (found.length >= count) break;
  }
  return found;
}

/** A name server on loopback, over UDP and TCP at one port; what `script` does not answer stays without an answer. */
async function nameServer(script: (asked: Packet, transport: 'udp' | 'tcp') => Packet | undefined): Promise<string> {
  const tcp = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      const answer = script(decode(chunk.subarray(2)), 'tcp');
      if (answer !== undefined) socket.end(streamEncode(answer));
    });
  }).listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  const { port } = tcp.address() as AddressInfo;
  const udp = createSocket('udp4');
  udp.bind(port, '127.0.0.1');
  await once(udp, 'listening');
  udp.on('message', (message, from) => {
    const answer = script(decode(message), 'udp');
    if (answer !== undefined) udp.send(encode(answer), from.port, from.address);
  });
  closers.push(() => {
    udp.close();
    tcp.close();
  });
  return `127.0.0.1:${port}`;
}

function told(asked: Packet, flags: number, addresses: readonly string[]): Packet {
  const found = addresses.map((data): Answer => ({ type: 'A', name: asked.questions?.[0]?.name ?? '', ttl: 5, data }));
  return { type: 'response', id: asked.id ?? 0, flags: 0x180 | flags, questions: asked.questions ?? [], answers: found };
}

test('queries that follow each other on one connection are all answered, also when they come in pieces or with its end', async () => {
  const socket = await open(await nodes.start({ name: 'alder' }));
  const all = Buffer.concat(Array.from({ length: 300 }, (_, id) => streamEncode(query('alder.node.consul', id))));
  socket.setNoDelay(true);
  for (let at = 0; at < all.length; at += 1001) {
    socket.write(all.subarray(at, at + 1001));
    await new Promise((resolve) => setImmediate(resolve));
  }
  socket.end();
  const found = await answers(socket, Infinity);
  expect(found.map(({ id }) => id)).toEqual(Array.from({ length: 300 }, (_, id) => id));
});

test.each([
  ['a length that no query has', Buffer.from([0xff, 0xff, 1, 2, 3])],
  ['what is no query', Buffer.from([0, 3, 1, 2, 3])],
])('a connection with %s ends, and others go on', async (_what, bytes) => {
  const node = await nodes.start({ name: 'alder' });
  const [bad, good] = [await open(node), await open(node)];
  bad.write(bytes);
  expect(await answers(bad, 1)).toEqual([]);
  good.write(streamEncode(query('alder.node.consul', 1)));
  expect(await answers(good, 1)).toHaveLength(1);
});

test('names of others go through the recursors that answer, over TCP when the answer is large', async () => {
  const closed = await nameServer(() => undefined);
  await closers.pop()?.();
  const many = Array.from({ length: 100 }, (_, n) => `192.0.2.${n}`);
  const large = await nameServer((asked, transport) => (transport === 'udp' ? told(asked, 0x200, []) : told(asked, 0, many)));
  const node = await nodes.start({ name: 'alder', recursors: [closed, large] });
  expect(await resolverOf(node).resolve4('example.com')).toHaveLength(100);
  await node.request('PUT', '/v1/agent/service/register', { Name: 'ext', Address: 'db.example.com', Port: 1 });
  expect(await resolverOf(node).resolve4('ext.service.consul')).toHaveLength(100);
  const metrics = (await node.request('GET', '/metrics')).text;
  expect(metrics).toMatch(/^skein_dns_queries_total\{rcode="NOERROR"\} [1-9]/m);
  expect(metrics).toMatch(/^skein_dns_forwarded_total [1-9]/m);
});

test('an agent stops at once while a recursor keeps it waiting', async () => {
  let isAsked = false;
  const silent = await nameServer(() => {
    isAsked = true;
    return undefined;
  });
  const node = await nodes.start({ name: 'alder', recursors: [silent] });
  const socket = await open(node);
  socket.write(streamEncode(query('example.com', 1)));
  await eventually('the recursor is asked', () => isAsked);
  await node.agent.stop({ leave: false });
  expect(await answers(socket, 1)).toEqual([]);
});

test('where DNS listens is in agent/self, as Consul shows it, and a port that is taken is named', async () => {
  const node = await nodes.start({ name: 'alder' });
  const self = JSON.parse((await node.request('GET', '/v1/agent/self')).text) as { DebugConfig: { DNSPort: number } };
  expect(self.DebugConfig.DNSPort).toBe(dnsPort(node));
  const dns = `127.0.0.1:${dnsPort(node)}`;
  await expect(nodes.start({ name: 'birch', dns })).rejects.toMatchObject({
    code: 'port-in-use',
    message: `--dns ${dns} is in use by another program. Give another with --dns HOST:PORT; port 0 takes a free one`,
  });
});

test('a connection ends that has been silent for 10 s, but not while an answer is due', async () => {
  const timers: { readonly delayMs: number; readonly callback: () => void; isOver: boolean }[] = [];
  let tell: ((answer: Buffer) => void) | undefined;
  let asked: Buffer = Buffer.alloc(0);
  const dns = createDns({
    port: new FakePort('alder'),
    listen: { host: '::1', port: 0 },
    datacenter: 'grove',
    recursors: [{ host: '192.0.2.1', port: 53 }],
    rng: seededRng(1),
    timers: {
      after: (delayMs, callback) => {
        const timer = { delayMs, callback, isOver: false };
        timers.push(timer);
        return () => (timer.isOver = true);
      },
    },
    upstream: ({ message }) => {
      asked = message;
      return new Promise((resolve) => (tell = resolve));
    },
  });
  closers.push(() => dns.close());
  const socket = connect(await dns.listen(), '::1');
  closers.push(() => void socket.destroy());
  await once(socket, 'connect');
  const fire = (): void => {
    for (const timer of timers.splice(0)) if (!timer.isOver) timer.callback();
  };

  socket.write(streamEncode(query('alder.node.consul', 1)));
  await once(socket, 'data');
  socket.write(streamEncode(query('example.com', 2)));
  await eventually('the recursor is asked', () => tell !== undefined);
  expect(timers.filter(({ isOver }) => !isOver).map(({ delayMs }) => delayMs)).toEqual([10_000]);
  fire();
  tell?.(encode(told(decode(asked), 0, ['192.0.2.7'])));
  await once(socket, 'data');
  fire();
  await once(socket, 'close');
});
