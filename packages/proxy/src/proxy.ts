/**
 * The mesh gateway: an HTTP/1.1 listener that takes requests for routed hosts and for `<service>.mesh`, and sends each to an
 * instance. It knows the mesh only through a `MeshPort`, and takes every decision on the newest view.
 */

import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { MeshPort, Rng } from '@skein/core';
import { DataPlane, type ProxyEvent } from './data-plane.ts';
import { type ProxyErrorCode, errorText, proxyErrors } from './errors.ts';
import { Exchange, type Tunnel, answerError } from './exchange.ts';
import { readRequestHead } from './headers.ts';
import type { ProxyStats } from './metrics.ts';
import { join, switchingHead } from './tunnel.ts';

export interface ProxyOptions {
  readonly port: MeshPort;
  readonly listen: { readonly host: string; readonly port: number };
  /** Draws backends and instances: the same seed and the same requests give the same choices. */
  readonly rng: Rng;
  /** A monotonic clock, in ms. Fractions make latencies finer. */
  readonly nowMs: () => number;
  readonly log?: (event: ProxyEvent) => void;
  /** Requests in flight, at most. Default 8192. */
  readonly maxInFlight?: number;
  /** The same, per instance. Default 1024. */
  readonly maxInFlightPerInstance?: number;
  /**
   * How long a body may pause, a request's or an answer's, before the exchange is broken off; default 60 s. An instance that
   * pauses longer has failed, as one that does not answer in time. A stream of events sends a comment more often than that.
   */
  readonly idleTimeoutMs?: number;
  /** How long an upgraded connection may carry nothing before it is closed; default 10 min. */
  readonly tunnelIdleTimeoutMs?: number;
}

export interface Proxy {
  /** Listens. Rejects with Node's error when the address is taken. */
  start(): Promise<{ readonly host: string; readonly port: number }>;
  stats(): ProxyStats;
  /**
   * Takes no more connections and resolves when all requests are answered, or `drainMs` (default 10 s) are over. Called
   * again, the shorter time counts.
   */
  stop(drainMs?: number): Promise<void>;
}

const maxHeaderBytes = 16_384;
const maxConnections = 16_384;
const hangUpMs = 1000;
/** Longer than the usual 60 s of load balancers in front, so that they close first. */
const keepAliveMs = 65_000;

export function createProxy(options: ProxyOptions): Proxy {
  return new Gateway(options);
}

class Gateway implements Proxy {
  readonly #listen: ProxyOptions['listen'];
  readonly #maxInFlight: number;
  readonly #tunnelIdleTimeoutMs: number;
  readonly #plane: DataPlane;
  readonly #server: http.Server;
  readonly #tunnels = new Set<Duplex>();
  /** What each connection's newest request and its answer are: bytes that are no request may come after it, or within it. */
  readonly #newest = new WeakMap<Duplex, { readonly request: http.IncomingMessage; readonly response: http.ServerResponse }>();
  /** Connections that end after their newest answer: the parser reports again with each piece that comes after an error. */
  readonly #ending = new WeakSet<Duplex>();
  #stopping: Promise<void> | undefined;
  readonly #drained: Promise<void>;
  #endDrain: () => void = () => undefined;

  constructor(options: ProxyOptions) {
    this.#listen = options.listen;
    this.#maxInFlight = options.maxInFlight ?? 8192;
    this.#tunnelIdleTimeoutMs = options.tunnelIdleTimeoutMs ?? 600_000;
    this.#drained = new Promise((resolve) => {
      this.#endDrain = resolve;
    });
    this.#plane = new DataPlane({
      port: options.port,
      rng: options.rng,
      nowMs: options.nowMs,
      log: options.log ?? (() => undefined),
      maxInFlightPerInstance: options.maxInFlightPerInstance ?? 1024,
      idleTimeoutMs: options.idleTimeoutMs ?? 60_000,
    });
    this.#server = http.createServer({
      maxHeaderSize: maxHeaderBytes,
      keepAliveTimeout: keepAliveMs,
      joinDuplicateHeaders: true,
      // Checked by us, to answer in our words.
      requireHostHeader: false,
    });
    this.#server.maxConnections = maxConnections;
    this.#server.on('request', (request, response) => this.#take(request, response, undefined));
    this.#server.on('upgrade', (request, socket, first) => this.#upgrade(request, socket, first));
    this.#server.on('connect', (_request, socket) => this.#refuseRaw(socket, 'unsupported', 'CONNECT is not supported'));
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => this.#clientError(error, socket));
  }

  start(): Promise<{ readonly host: string; readonly port: number }> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#listen.port, this.#listen.host, () => {
        this.#server.removeListener('error', reject);
        this.#server.on('error', (error) => this.#plane.log({ type: 'accept-failed', reason: error.message }));
        const { address, port } = this.#server.address() as AddressInfo;
        resolve({ host: address, port });
      });
    });
  }

  stats(): ProxyStats {
    return this.#plane.stats();
  }

  stop(drainMs: number = 10_000): Promise<void> {
    this.#stopping ??= this.#drain();
    const timer = setTimeout(this.#endDrain, drainMs);
    return this.#stopping.finally(() => clearTimeout(timer));
  }

  async #drain(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    if (this.#plane.inFlight > 0) await this.#drained;
    for (const tunnel of this.#tunnels) tunnel.destroy();
    this.#server.closeAllConnections();
    this.#plane.close();
    await closed;
  }

  #take(request: http.IncomingMessage, response: http.ServerResponse, tunnel: Tunnel | undefined): void {
    const plane = this.#plane;
    const agent = plane.agent;
    plane.requests++;
    plane.inFlight++;
    response.on('close', () => this.#left());
    this.#newest.set(request.socket, { request, response });
    // Drains connections too: the caller does not send another request on this one.
    if (this.#stopping !== undefined) response.shouldKeepAlive = false;
    const clientAddress = request.socket.remoteAddress ?? 'unknown';
    const head = readRequestHead(request, { via: agent.via, clientAddress }, tunnel !== undefined);
    if ('refused' in head) return this.#refuse(request, response, head.refused, head.detail);
    if (tunnel !== undefined && (head.chunked || head.contentLength > 0)) {
      return this.#refuse(request, response, 'unsupported', 'an Upgrade with a body is not supported');
    }
    if (plane.inFlight > this.#maxInFlight) {
      return this.#refuse(request, response, 'overloaded', `this agent has ${this.#maxInFlight} requests in flight`);
    }
    return new Exchange(plane, request, response, head, tunnel).run();
  }

  #left(): void {
    this.#plane.inFlight--;
    if (this.#plane.inFlight === 0 && this.#stopping !== undefined) this.#endDrain();
  }

  /** A request that wants another protocol: the answer is a 101 and a tunnel, or an ordinary one, after which we close. */
  #upgrade(request: http.IncomingMessage, socket: Duplex, first: Buffer): void {
    const response = new http.ServerResponse(request);
    response.shouldKeepAlive = false;
    socket.on('error', () => socket.destroy());
    // The server's sockets are net sockets; the type also covers those of other transports.
    response.assignSocket(socket as Parameters<typeof response.assignSocket>[0]);
    response.on('finish', () => hangUp(socket, ''));
    const tunnel: Tunnel = (upstream, reason, headers, rest, closed) => {
      response.detachSocket(socket as Parameters<typeof response.detachSocket>[0]);
      this.#plane.inFlight++;
      this.#tunnels.add(socket);
      socket.write(switchingHead(reason, headers), 'latin1');
      if (rest.length > 0) socket.write(rest);
      if (first.length > 0) upstream.socket.write(first);
      response.emit('close');
      join(socket, upstream.socket, this.#tunnelIdleTimeoutMs, () => {
        this.#tunnels.delete(socket);
        this.#left();
        closed();
      });
    };
    // What needs an answer in HTTP/2 gets one in HTTP/1.1: the upgrade to it is obsolete (RFC 9113, 3.1).
    this.#take(request, response, request.headers.upgrade?.toLowerCase() === 'h2c' ? undefined : tunnel);
  }

  #refuse(request: http.IncomingMessage, response: http.ServerResponse, code: ProxyErrorCode, detail: string): void {
    const host = request.headers.host ?? '';
    this.#plane.countError(code);
    this.#plane.log({ type: 'request-failed', code, method: request.method ?? '', host, path: request.url ?? '', detail });
    answerError(response, code, errorText(code, this.#plane.agent.name, host, detail), true);
  }

  #clientError(error: NodeJS.ErrnoException, socket: Duplex): void {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
    } else if (this.#answerStands(socket)) {
      return;
    } else if (error.code === 'HPE_HEADER_OVERFLOW') {
      this.#refuseRaw(socket, 'headers-too-large', `the headers are longer than ${maxHeaderBytes} bytes`);
    } else {
      this.#refuseRaw(socket, 'bad-request', `what came is not a whole HTTP/1.1 request (${error.code ?? error.message})`);
    }
  }

  /**
   * Whether the newest request on a connection has its answer, or will get it: then what is wrong after it gets no second
   * one, which the caller could take for the answer to something else; the connection ends instead.
   */
  #answerStands(socket: Duplex): boolean {
    if (this.#ending.has(socket)) return true;
    const newest = this.#newest.get(socket);
    if (newest === undefined) return false;
    const { request, response } = newest;
    const given = response.writableEnded;
    if (given && response.writableFinished && response.shouldKeepAlive) return false;
    if (!given && !request.complete && !response.headersSent) return false;
    this.#ending.add(socket);
    // An answer that has begun to a request that turned out broken is broken off, as any answer that cannot be completed.
    if (!given && !request.complete) socket.destroy();
    else if (response.writableFinished) hangUp(socket, '');
    else response.once('finish', () => hangUp(socket, ''));
    return true;
  }

  /** Answers where there is no request to answer to. */
  #refuseRaw(socket: Duplex, code: ProxyErrorCode, detail: string): void {
    this.#plane.countError(code);
    this.#plane.log({ type: 'request-failed', code, method: '', host: '', path: '', detail });
    const { status } = proxyErrors[code];
    const text = errorText(code, this.#plane.agent.name, '', detail);
    const head = `HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ''}\r\ncontent-type: text/plain; charset=utf-8\r\n`;
    socket.on('error', () => socket.destroy());
    const rest = `content-length: ${Buffer.byteLength(text)}\r\nx-skein-error: ${code}\r\nconnection: close\r\n\r\n${text}`;
    hangUp(socket, head + rest);
  }
}

/** Says a last word and closes; a caller that does not close its side in time is cut off. */
function hangUp(socket: Duplex, text: string): void {
  socket.end(text);
  const timer = setTimeout(() => socket.destroy(), hangUpMs);
  timer.unref();
  socket.on('close', () => clearTimeout(timer));
}
