/** DNS over TCP (RFC 7766): many queries on one connection, each answered when its answer is there. */

import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { Timers } from '../timers.ts';
import { queryBytesMax } from './query.ts';
import type { Responder } from './responder.ts';

const connectionsMax = 1024;
/** How long a connection may be without a whole query and without an answer that is due. */
const idleMs = 10_000;
/** Queries of one connection that wait for others; the next ones are not read meanwhile. */
const waitingMax = 100;
/** Bytes of answers that a client has not taken; no further query of it is read meanwhile. */
const unsentBytesMax = 262_144;
const lengthBytes = 2;

export class TcpListener {
  readonly #responder: Responder;
  readonly #timers: Timers;
  readonly #connections = new Set<Socket>();
  readonly #server = createServer({ allowHalfOpen: true }, (socket) => this.#connected(socket));

  constructor(responder: Responder, timers: Timers) {
    this.#responder = responder;
    this.#timers = timers;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Resolves with the port in use. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', reject);
        // Failing to accept one connection, out of files, is no reason to end the others.
        this.#server.on('error', () => undefined);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  close(): Promise<void> {
    for (const socket of this.#connections) socket.destroy();
    return new Promise((resolve) => {
      if (this.#server.listening) this.#server.close(() => resolve());
      else resolve();
    });
  }

  #connected(socket: Socket): void {
    if (this.#connections.size >= connectionsMax) {
      socket.destroy();
      return;
    }
    this.#connections.add(socket);
    socket.setNoDelay(true);
    const connection = new TcpConnection(socket, this.#responder, this.#timers);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      connection.ended();
      this.#connections.delete(socket);
    });
  }
}

class TcpConnection {
  readonly #socket: Socket;
  readonly #responder: Responder;
  readonly #timers: Timers;
  readonly #asker: { readonly transport: 'tcp'; readonly address: string };
  /** What came and is not a whole query yet, or may not be read yet. */
  #received: Buffer = Buffer.alloc(0);
  #waiting = 0;
  /** Whether the client sends no more. It may still want its answers. */
  #isLast = false;
  #hasEnded = false;
  #cancelIdle: () => void = () => undefined;

  constructor(socket: Socket, responder: Responder, timers: Timers) {
    this.#socket = socket;
    this.#responder = responder;
    this.#timers = timers;
    this.#asker = { transport: 'tcp', address: socket.remoteAddress ?? '' };
    socket.on('data', (chunk) => {
      this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
      this.#read();
    });
    socket.on('drain', () => this.#read());
    socket.on('end', () => {
      this.#isLast = true;
      this.#read();
    });
    this.#restartIdle();
  }

  ended(): void {
    this.#hasEnded = true;
    this.#cancelIdle();
  }

  #read(): void {
    const socket = this.#socket;
    let at = 0;
    while (!this.#hasEnded && !this.#isFull() && this.#received.length - at >= lengthBytes) {
      const size = this.#received.readUInt16BE(at);
      if (size > queryBytesMax) return void socket.destroy();
      if (this.#received.length - at - lengthBytes < size) break;
      at += lengthBytes + size;
      this.#take(this.#received.subarray(at - size, at));
    }
    if (at > 0) this.#received = this.#received.subarray(at);
    if (this.#isLast && this.#waiting === 0 && !this.#isFull()) socket.end();
    else if (this.#isFull()) socket.pause();
    else socket.resume();
  }

  #take(message: Buffer): void {
    this.#waiting++;
    let isLate = false;
    const willReply = this.#responder.handle(message, this.#asker, (answer) => {
      this.#waiting--;
      if (this.#hasEnded) return;
      this.#socket.write(answer);
      this.#restartIdle();
      if (isLate) this.#read();
    });
    isLate = true;
    // Whoever sends what is no query over a connection does not speak DNS.
    if (!willReply) this.#socket.destroy();
  }

  #isFull(): boolean {
    return this.#waiting >= waitingMax || this.#socket.writableLength > unsentBytesMax;
  }

  #restartIdle(): void {
    this.#cancelIdle();
    this.#cancelIdle = this.#timers.after(idleMs, () => {
      if (this.#waiting === 0) this.#socket.destroy();
      else this.#restartIdle();
    });
  }
}
