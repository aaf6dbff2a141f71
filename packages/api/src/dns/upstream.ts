/** One exchange with another name server, over a socket of its own: its port is as random as the system makes it. */

import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';

export interface Exchange {
  readonly host: string;
  readonly port: number;
  readonly transport: 'udp' | 'tcp';
  readonly message: Buffer;
  /** Whether this is the answer that was asked for. Over UDP, others are waited past. */
  readonly accepts: (answer: Buffer) => boolean;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Resolves with the answer; rejects when there is none in time, or nobody to give one. */
export type Upstream = (exchange: Exchange) => Promise<Buffer>;

export const socketUpstream: Upstream = (exchange) => {
  const { timeoutMs, signal, transport } = exchange;
  return new Promise((resolve, reject) => {
    const open = transport === 'udp' ? openUdp : openTcp;
    let close = (): void => undefined;
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stopped);
      close();
      settle();
    };
    const fail = (error: Error): void => end(() => reject(error));
    const stopped = (): void => fail(new Error('stopped'));
    const timer = setTimeout(() => fail(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    signal.addEventListener('abort', stopped, { once: true });
    if (signal.aborted) return stopped();
    try {
      close = open(exchange, (answer) => end(() => resolve(answer)), fail);
    } catch (error) {
      // There is no socket: too many files are open.
      fail(error as Error);
    }
  });
};

type Open = (exchange: Exchange, answer: (answer: Buffer) => void, fail: (error: Error) => void) => () => void;

const openUdp: Open = ({ host, port, message, accepts }, answer, fail) => {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    socket.close();
  };
  socket.on('error', fail);
  socket.on('message', (received) => {
    if (isOpen && accepts(received)) answer(received);
  });
  // Connected, it hears nobody else, and hears at once when nobody is there.
  socket.connect(port, host, (error?: Error) => {
    if (!isOpen) return;
    if (error !== undefined && error !== null) return fail(error);
    socket.send(message, (failure) => {
      if (failure !== null && isOpen) fail(failure);
    });
  });
  return close;
};

const openTcp: Open = ({ host, port, message, accepts }, answer, fail) => {
  const socket = connect({ host, port });
  let received = Buffer.alloc(0);
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('the connection ended before the answer')));
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    if (received.length < 2) return;
    const whole = 2 + received.readUInt16BE(0);
    if (received.length < whole) return;
    const first = received.subarray(2, whole);
    if (accepts(first)) answer(first);
    else fail(new Error('answered something else'));
  });
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  socket.write(Buffer.concat([length, message]));
  return () => socket.destroy();
};
