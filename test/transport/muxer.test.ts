/** What yamux and Noise put on the wire for us: one packet for a message, and window updates only where they are needed. */

import { privateKeyFromProtobuf } from '@libp2p/crypto/keys';
import type { MessageStream, StreamMuxer } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { createIdentity } from '@skein/transport';
import { guardedYamux, leanNoise } from '@skein/transport/parts';
import { expect, test } from 'vitest';

const log = Object.assign(() => undefined, {
  enabled: false,
  error: () => undefined,
  trace: () => undefined,
  newScope: () => log,
});

/** One end of a connection in memory: what one end sends, the other hears in the next microtask. */
class End extends EventTarget {
  readonly log = log;
  readonly status = 'open';
  readonly sent: Uint8Array[] = [];
  /** What was sent in more pieces than one. */
  pieces = 0;
  writeStatus = 'writable';
  peer: End | undefined;

  readonly direction: 'inbound' | 'outbound';

  constructor(direction: 'inbound' | 'outbound') {
    super();
    this.direction = direction;
  }

  send(data: Uint8Array | { subarray(): Uint8Array }): boolean {
    if (!(data instanceof Uint8Array)) this.pieces++;
    const bytes = data.subarray();
    this.sent.push(bytes);
    queueMicrotask(() => this.peer?.push(bytes));
    return true;
  }

  push(data: Uint8Array): void {
    this.dispatchEvent(Object.assign(new Event('message'), { data }));
  }
}

/** Header of yamux: version, type, flags (2 bytes), stream (4), length (4). */
const isPlainWindowUpdate = (frame: Uint8Array): boolean => frame[1] === 1 && frame[2] === 0 && frame[3] === 0;
const credit = (frame: Uint8Array): number => Buffer.from(frame).readUInt32BE(8);

function pair(): { here: End; there: End; muxer: StreamMuxer; received: () => number } {
  const [here, there] = [new End('outbound'), new End('inbound')];
  [here.peer, there.peer] = [there, here];
  const make = (end: End): StreamMuxer =>
    guardedYamux({ enableKeepAlive: false })().createStreamMuxer(end as unknown as MessageStream);
  const [muxer, other] = [make(here), make(there)];
  let received = 0;
  other.addEventListener('stream', (event) => {
    event.detail.addEventListener('message', ({ data }) => (received += data.byteLength));
  });
  return { here, there, muxer, received: () => received };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('small messages are not answered with window updates', async () => {
  const { there, muxer, received } = pair();
  const stream = await muxer.createStream();
  await settled();
  there.sent.length = 0;
  for (let at = 0; at < 100; at++) {
    stream.send(new Uint8Array(1000));
    await settled();
  }
  expect(received()).toBe(100_000);
  expect(there.sent.filter(isPlainWindowUpdate)).toEqual([]);
});

test('a stream goes on past its first window, and every byte but the last few is given back', async () => {
  const { there, muxer, received } = pair();
  const stream = await muxer.createStream();
  await settled();
  const sentBytes = 4_000_000;
  for (let at = 0; at < sentBytes / 10_000; at++) {
    stream.send(new Uint8Array(10_000));
    await settled();
  }
  expect(received()).toBe(sentBytes);
  const updates = there.sent.filter(isPlainWindowUpdate);
  const given = updates.reduce((sum, frame) => sum + credit(frame), 0);
  expect(updates.length).toBeLessThanOrEqual(Math.ceil(sentBytes / 131_072));
  expect(given).toBeGreaterThan(sentBytes - 131_072);
});

test('what one stream was owed is not given to the next', async () => {
  const { there, muxer, received } = pair();
  for (let at = 0; at < 50; at++) {
    const stream = await muxer.createStream();
    stream.send(new Uint8Array(100_000));
    await settled();
    stream.abort(new Error('done with it'));
    await settled();
  }
  expect(received()).toBe(5_000_000);
  expect(there.sent.filter(isPlainWindowUpdate)).toEqual([]);
});

test('what opens a stream is dropped when the connection is already gone', async () => {
  const { here, muxer } = pair();
  const opened = Promise.resolve(muxer.createStream());
  here.writeStatus = 'closed';
  await opened;
  await settled();
  expect(here.sent).toEqual([]);
});

test('Noise gives the socket each message in one piece, from the first of the handshake on', async () => {
  const [here, there] = [new End('outbound'), new End('inbound')];
  [here.peer, there.peer] = [there, here];
  const [dialler, listener] = await Promise.all([encrypter(), encrypter()]);
  const [out] = await Promise.all([
    dialler.secureOutbound(here as unknown as MessageStream),
    listener.secureInbound(there as unknown as MessageStream),
  ]);
  const before = here.sent.length;
  out.connection.send(new Uint8Array(1000));
  await settled();
  // Two bytes of length, and sixteen of the tag.
  expect(here.sent.slice(before).map(({ length }) => length)).toEqual([1018]);
  expect(here.pieces + there.pieces).toBe(0);
});

async function encrypter(): Promise<ReturnType<ReturnType<typeof leanNoise>>> {
  const privateKey = privateKeyFromProtobuf((await createIdentity()).bytes);
  const components = {
    privateKey,
    peerId: peerIdFromPrivateKey(privateKey),
    logger: { forComponent: () => log },
    upgrader: { getStreamMuxers: () => new Map() },
  };
  return leanNoise()(components as unknown as Parameters<ReturnType<typeof leanNoise>>[0]);
}
