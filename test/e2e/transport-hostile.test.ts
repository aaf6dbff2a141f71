/** Peers that send garbage, lie, flood or freeze: each is refused and counted, and the transport serves on. */

import { connect } from 'node:net';
import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import type { Message } from '@skein/core';
import { createIdentity, createTransport, TransportError } from '@skein/transport';
import type { Greeting } from '@skein/transport/parts';
import { encodeFrames, encodeMessage, syncProtocol } from '@skein/transport/parts';
import { Station } from '../contracts/station.ts';
import { Stranger } from './stranger.ts';

const mesh = 'm';
const token = 'secret';
const stops: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
});

async function station(helloTimeoutMs?: number): Promise<Station> {
  const { bytes } = await createIdentity();
  const options = { identity: bytes, mesh, token, listen: ['127.0.0.1:0'], epoch: () => 1 };
  const transport = await createTransport(helloTimeoutMs === undefined ? options : { ...options, helloTimeoutMs });
  stops.push(() => transport.stop());
  return new Station(transport).start();
}

async function stranger(): Promise<Stranger> {
  const made = await Stranger.make();
  stops.push(() => made.stop());
  return made;
}

const counted = (at: Station, reason: string): number => at.transport.stats().refusals[reason] ?? 0;
const ping = (seq: number): Message => ({ type: 'ping', seq, root: 0 });

/** The transport still does its work: a new node joins and its message arrives. */
async function expectService(at: Station): Promise<void> {
  const other = await station();
  expect(await other.dial(at, [at.address])).toEqual({ ok: true, id: at.id });
  await at.linkedTo(other);
  other.transport.send(at.id, ping(42), 'wire');
  await at.until('a ping', () => at.from(other).length === 1);
}

async function pour(address: string, bytes: Uint8Array): Promise<void> {
  const [host, port] = address.split(':');
  await new Promise<void>((resolve) => {
    const socket = connect(Number(port), host, () => socket.end(bytes));
    socket.resume();
    socket.on('error', () => resolve());
    socket.on('close', () => resolve());
  });
}

describe('a socket that is no peer', () => {
  const garbage = Buffer.from('\x04abcde');

  test('is counted as a failed handshake', async () => {
    const at = await station();
    await pour(at.address, garbage);
    await at.until('a failure', () => counted(at, 'handshake-failed') === 1);
    expect(at.refusals).toMatchObject([{ reason: 'handshake-failed', address: '127.0.0.1' }]);
    await expectService(at);
  });

  test('is counted whatever it sent', async () => {
    const at = await station();
    const nonsense = [
      Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
      randomBytes(100_000),
      Buffer.from('\x13/multistream/1.0.0\n\x07/noise\n'),
      Buffer.from('\x13/multistream/1.0.0\n\x07/noise\n\xff\xff', 'latin1'),
      new Uint8Array(0),
    ];
    for (const bytes of nonsense) await pour(at.address, bytes);
    const all = (): number => counted(at, 'handshake-failed') + counted(at, 'handshake-unfinished');
    await at.until('five failures', () => all() === nonsense.length);
    await expectService(at);
  });

  test.each([
    ['says nothing', new Uint8Array(0)],
    ['goes away in the middle of a handshake', Buffer.from('\x13/multistream/1.0.0\n\x07/noise\n')],
  ])('and %s is no news, and shuts out nobody of its address', async (_what, bytes) => {
    const at = await station();
    for (let i = 0; i < 100; i++) await pour(at.address, bytes);
    await at.until('a hundred', () => counted(at, 'handshake-unfinished') === 100);
    expect(at.refusals).toEqual([]);
    await expectService(at);
  });

  test('does not get as far as a handshake once it failed too often', async () => {
    const at = await station();
    for (let i = 0; i < 90; i++) await pour(at.address, garbage);
    await at.until('a rate limit', () => counted(at, 'rate-limited') > 0);
    expect(counted(at, 'handshake-failed')).toBeLessThan(90);
  });
});

describe('before admission', () => {
  const hello = (self: Stranger): Extract<Greeting, { type: 'hello' }> => ({
    type: 'hello',
    protocolMin: 1,
    protocolMax: 1,
    mesh,
    id: self.id,
    epoch: 1,
    nonce: new Uint8Array(32),
    scheme: 'token',
    wallMs: 0,
  });

  test.each([
    ['an over-long frame', Uint8Array.from([0, 1, 0, 0])],
    ['an empty frame', new Uint8Array(4)],
    ['garbage', encodeFrames([randomBytes(100)])],
    ['a ping', encodeFrames([encodeMessage(ping(1))])],
    [
      'gossip',
      encodeFrames([encodeMessage({ type: 'gossip', members: [], accusations: [], deltas: [], heads: [], configs: [] })]),
    ],
    ['a message of the future', encodeFrames([Uint8Array.from([0xa2, 6, 0])])],
  ])('%s is answered with a named refusal', async (_what, bytes) => {
    const at = await station();
    const wire = await (await stranger()).wire(at.address);
    wire.raw(bytes);
    expect(await wire.greeting()).toMatchObject({ type: 'refusal', reason: 'bad-hello' });
    await wire.closed();
    await at.until('the refusal', () => counted(at, 'bad-hello') === 1);
    expect(at.inputs).toEqual([]);
    await expectService(at);
  });

  test.each([
    ['a protocol of the future', { protocolMin: 2, protocolMax: 3 }, 'version-mismatch'],
    ['another mesh', { mesh: 'other' }, 'other-mesh'],
    ['no proof offered', { scheme: 'open' }, 'token-required'],
    ['a scheme that is not known', { scheme: 'credential' }, 'token-required'],
    ['a short nonce', { nonce: new Uint8Array(3) }, 'bad-hello'],
  ])('%s is refused by name', async (_what, change, reason) => {
    const at = await station();
    const self = await stranger();
    const wire = await self.wire(at.address);
    wire.greet({ ...hello(self), ...change });
    expect(await wire.greeting()).toMatchObject({ type: 'refusal', reason });
    await at.until('the refusal', () => at.refusals.some((refusal) => refusal.reason === reason && refusal.peer === self.id));
  });

  test('a hello in the name of another peer is refused', async () => {
    const at = await station();
    const self = await stranger();
    const other = await station();
    const wire = await self.wire(at.address);
    wire.greet({ ...hello(self), id: other.id });
    expect(await wire.greeting()).toMatchObject({ type: 'refusal', reason: 'bad-hello' });
  });

  test('a hello that claims to be the listener is refused as self', async () => {
    const at = await station();
    const self = await stranger();
    const wire = await self.wire(at.address);
    wire.greet({ ...hello(self), id: at.id });
    expect(await wire.greeting()).toMatchObject({ type: 'refusal', reason: 'self' });
  });

  test('silence ends at a deadline, with and without a stream', async () => {
    const at = await station(200);
    const self = await stranger();
    const wire = await self.wire(at.address);
    expect(await wire.greeting()).toMatchObject({ type: 'refusal', reason: 'hello-timeout' });
    const connection = await (await stranger()).connect(at.address);
    await at.until('two timeouts', () => counted(at, 'hello-timeout') === 2);
    await at.until('a closed connection', () => connection.status !== 'open');
  });

  test('no message and no exchange is served', async () => {
    const at = await station();
    const self = await stranger();
    const wire = await self.wire(at.address);
    wire.greet(hello(self));
    expect(await wire.greeting()).toMatchObject({ type: 'hello' });
    const sync = await wire.connection.newStream(syncProtocol);
    await at.until('a refused stream', () => counted(at, 'not-admitted') === 1);
    await at.until('a reset stream', () => sync.status !== 'open');
    wire.frame(encodeMessage(ping(1)));
    expect(await wire.greeting()).toMatchObject({ type: 'refusal', reason: 'bad-hello' });
    expect(at.inputs).toEqual([]);
  });

  test('what is sent for the event bus waits, and is never served', async () => {
    const at = await station();
    const member = await station();
    expect(await member.dial(at, [at.address])).toMatchObject({ ok: true });
    const self = await stranger();
    const connection = await self.connect(at.address);
    const stream = await connection.newStream('/meshsub/1.2.0');
    // A subscription to the topic of events, as GossipSub writes it: who is heard would be sent events.
    const topic = Buffer.from(`skein/${mesh}/events/1`);
    const subscription = Buffer.concat([Buffer.from([8, 1, 18, topic.length]), topic]);
    const rpc = Buffer.concat([Buffer.from([10, subscription.length]), subscription]);
    stream.send(Buffer.concat([Buffer.from([rpc.length]), rpc]));
    await at.publishUntilSeen('secret', [member]);
    expect(connection.streams.filter(({ direction }) => direction === 'inbound')).toEqual([]);
  });

  test('a peer that keeps failing is cut off before its next hello', async () => {
    const at = await station();
    const self = await stranger();
    for (let i = 0; i < 8; i++) {
      const wire = await self.wire(at.address);
      wire.greet({ ...hello(self), mesh: 'other' });
      await wire.greeting();
    }
    await at.until('eight refusals', () => counted(at, 'other-mesh') === 8);
    const connection = await self.connect(at.address).catch(() => undefined);
    await at.until('a rate limit', () => counted(at, 'rate-limited') > 0);
    await at.until('a closed connection', () => connection === undefined || connection.status !== 'open');
    expect(counted(at, 'other-mesh')).toBe(8);
    // It is cut off alone: others are behind the same address.
    for (let i = 0; i < 100; i++) (await self.connect(at.address).catch(() => undefined))?.abort(new Error('over'));
    expect(at.refusals.filter(({ peer }) => peer !== self.id)).toEqual([]);
    await expectService(at);
  });
});

describe('after admission', () => {
  test('a broken frame is counted, and the link goes on', async () => {
    const at = await station();
    const self = await stranger();
    const wire = await self.join(at.address, at.id, mesh, token);
    wire.frame(Uint8Array.from([0xff, 0xff]));
    wire.frame(encodeMessage({ type: 'sync-pull', exchange: 1, wants: [] }));
    wire.frame(encodeMessage(ping(5)));
    await at.until('the ping', () => at.inputs.some((input) => input.type === 'message'));
    expect(counted(at, 'bad-frame')).toBe(2);
    expect(at.inputs).toEqual([
      { type: 'peer', id: self.id, state: 'linked', epoch: 1, wallMs: 1_700_000_000_000 },
      { type: 'message', from: self.id, message: ping(5) },
    ]);
  });

  test('messages of the future are ignored and counted', async () => {
    const at = await station();
    const wire = await (await stranger()).join(at.address, at.id, mesh, token);
    for (let i = 0; i < 3; i++) wire.frame(Uint8Array.from([0xa2, 6, 0]));
    await at.until('three of them', () => at.transport.stats().unknownMessages === 3);
    expect(at.refusals).toEqual([]);
    expect(at.transport.stats().links).toBe(1);
  });

  test('an over-long frame ends the link, before it has arrived', async () => {
    const at = await station();
    const self = await stranger();
    const wire = await self.join(at.address, at.id, mesh, token);
    wire.raw(Uint8Array.from([0, 1, 0, 1]));
    await wire.closed();
    await at.until('the loss', () => at.inputs.some((input) => input.type === 'peer' && input.state === 'lost'));
    expect(counted(at, 'over-long-frame')).toBe(1);
    await expectService(at);
  });

  test('a second wire stream is reset', async () => {
    const at = await station();
    const wire = await (await stranger()).join(at.address, at.id, mesh, token);
    const second = await wire.connection.newStream('/skein/wire/1');
    await at.until('a refusal', () => counted(at, 'second-stream') === 1);
    await at.until('a reset', () => second.status !== 'open');
    expect(at.transport.stats().links).toBe(1);
  });

  test('a million records in one message are refused, and end their exchange only', async () => {
    const at = await station();
    const wire = await (await stranger()).join(at.address, at.id, mesh, token);
    const flood = Buffer.alloc(2_000_000);
    for (let i = 0; i < flood.length; i += 2) flood[i] = 26;
    const size = (length: number): number[] => (length < 128 ? [length] : [(length & 127) | 128, ...size(length >>> 7)]);
    const body = Buffer.concat([Buffer.from([0x8a, 2, ...size(flood.length)]), flood]);
    const stream = await wire.connection.newStream(syncProtocol);
    stream.send(encodeFrames([body]));
    await at.until('a refusal', () => counted(at, 'bad-frame') === 1);
    await at.until('a reset', () => stream.status !== 'open');
    wire.frame(encodeMessage(ping(6)));
    await at.until('a ping', () => at.inputs.some((input) => input.type === 'message'));
  });

  test.each([
    [
      'an answer that nobody asked for',
      [encodeMessage({ type: 'sync-digest', exchange: 1, buckets: [], entries: [] })],
      'bad-sync',
    ],
    [
      'another exchange on the stream of the first',
      [
        encodeMessage({ type: 'sync-pull', exchange: 1, wants: [] }),
        encodeMessage({ type: 'sync-pull', exchange: 2, wants: [] }),
      ],
      'bad-sync',
    ],
    ['a wire message', [encodeMessage(ping(1))], 'bad-frame'],
  ])('%s ends the exchange', async (_what, bodies, reason) => {
    const at = await station();
    const wire = await (await stranger()).join(at.address, at.id, mesh, token);
    const stream = await wire.connection.newStream(syncProtocol);
    stream.send(encodeFrames(bodies));
    await at.until('a refusal', () => counted(at, reason) === 1);
    await at.until('a reset', () => stream.status !== 'open');
    expect(at.transport.stats().links).toBe(1);
  });

  test('a peer that stops reading is congested once, loses gossip, and is given up in the end', async () => {
    const at = await station();
    const self = await stranger();
    const wire = await self.join(at.address, at.id, mesh, token);
    wire.freeze();
    const value = { mesh, owner: at.id, epoch: 1, version: 1, count: 0, digest: '', appliedConfig: '' };
    const head = at.transport.notary.sign('head', value);
    const removals = Array.from({ length: 400 }, (_, i) => `i/${'x'.repeat(100)}${i}`);
    const gossip: Message = {
      type: 'gossip',
      members: [],
      accusations: [],
      deltas: [{ head, after: 0, upserts: [], removals }],
      heads: [],
      configs: [],
    };
    const state = (wanted: string): boolean => at.inputs.some((input) => input.type === 'peer' && input.state === wanted);
    const turn = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    for (let i = 0; i < 2000 && !state('congested'); i++) {
      at.transport.send(self.id, gossip, 'wire');
      await turn();
    }
    expect(state('congested')).toBe(true);
    const sentBefore = at.transport.stats().framesOut;
    for (let i = 0; i < 100; i++) at.transport.send(self.id, gossip, 'wire');
    expect(at.transport.stats().framesOut).toBe(sentBefore);
    at.transport.send(self.id, ping(1), 'wire');
    expect(at.transport.stats().framesOut).toBe(sentBefore + 1);
    for (let i = 0; i < 400_000 && !state('lost'); i++) {
      at.transport.send(self.id, { type: 'ping-request', seq: i, subject: 'x'.repeat(120) as never }, 'wire');
      if (i % 1000 === 0) await turn();
    }
    await at.until('the loss', () => state('lost'));
    expect(at.inputs.filter((input) => input.type === 'peer').map(({ state }) => state)).toEqual(['linked', 'congested', 'lost']);
  });

  test('a peer that reads again is writable again', async () => {
    const at = await station();
    const other = await station();
    expect(await other.dial(at, [at.address])).toMatchObject({ ok: true });
    await at.linkedTo(other);
    const value = { mesh, owner: at.id, epoch: 1, version: 1, count: 0, digest: '', appliedConfig: '' };
    const removals = Array.from({ length: 400 }, (_, i) => `i/${'x'.repeat(100)}${i}`);
    const gossip: Message = {
      type: 'gossip',
      members: [],
      accusations: [],
      deltas: [{ head: at.transport.notary.sign('head', value), after: 0, upserts: [], removals }],
      heads: [],
      configs: [],
    };
    for (let i = 0; i < 60; i++) at.transport.send(other.id, gossip, 'wire');
    await at.until('writable', () => at.states(other).includes('writable'));
    expect(at.states(other)).toEqual(['linked', 'congested', 'writable']);
    at.transport.send(other.id, ping(1), 'wire');
    await other.until('the ping', () => other.from(at).some(({ type }) => type === 'ping'));
  });
});

describe('starting', () => {
  test('on a port that is in use says so', async () => {
    const at = await station();
    const { bytes } = await createIdentity();
    const second = await createTransport({ identity: bytes, mesh, token, listen: [at.address], epoch: () => 1 });
    const error = await second
      .start({ input: () => undefined, message: () => undefined, refused: () => undefined })
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({ code: 'port-in-use', message: expect.stringContaining(at.address) });
    await second.stop();
  });

  test('on an address of another host says so', async () => {
    const { bytes } = await createIdentity();
    const transport = await createTransport({ identity: bytes, mesh, token, listen: ['192.0.2.1:0'], epoch: () => 1 });
    await expect(
      transport.start({ input: () => undefined, message: () => undefined, refused: () => undefined }),
    ).rejects.toMatchObject({ code: 'bad-address' });
    await transport.stop();
  });

  test.each(['nonsense', '127.0.0.1', 'host name:1'])('on %s is refused at once', async (listen) => {
    const { bytes } = await createIdentity();
    const made = createTransport({ identity: bytes, mesh, token, listen: [listen], epoch: () => 1 });
    await expect(made).rejects.toMatchObject({ code: 'bad-address' });
  });
});
