/** Real upstreams, a real proxy and real callers on the loopback interface. */

import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { expect, vi } from 'vitest';
import { seededRng } from '@skein/core';
import { type Proxy, type ProxyEvent, type ProxyOptions, createProxy } from '@skein/proxy';
import type { FakeMesh } from '../traffic/fake-view.ts';

export interface Upstream {
  readonly port: number;
  readonly seen: http.IncomingMessage[];
  /** Closes the listener and breaks every connection, as SIGKILL does. */
  kill(): void;
}

const cleanups: (() => Promise<void> | void)[] = [];

/** Runs after the test, in reverse order. */
export function atEnd(cleanup: () => Promise<void> | void): void {
  cleanups.push(cleanup);
}

/** Call from `afterEach`. */
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

/** A promise and what resolves it. */
export function gate<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

export async function upstream(handler: http.RequestListener): Promise<Upstream> {
  const seen: http.IncomingMessage[] = [];
  const server = http.createServer((request, response) => {
    seen.push(request);
    handler(request, response);
  });
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const kill = (): void => {
    server.close();
    for (const socket of sockets) socket.resetAndDestroy();
  };
  atEnd(kill);
  return { port: (server.address() as net.AddressInfo).port, seen, kill };
}

export interface Gateway {
  readonly proxy: Proxy;
  readonly port: number;
  readonly events: ProxyEvent[];
}

export async function gateway(
  mesh: FakeMesh,
  limits: Pick<ProxyOptions, 'maxInFlight' | 'maxInFlightPerInstance' | 'idleTimeoutMs' | 'tunnelIdleTimeoutMs'> = {},
): Promise<Gateway> {
  const events: ProxyEvent[] = [];
  const proxy = createProxy({
    port: mesh,
    listen: { host: '127.0.0.1', port: 0 },
    rng: seededRng(7),
    nowMs: () => performance.now(),
    log: (event) => events.push(event),
    ...limits,
  });
  const { port } = await proxy.start();
  atEnd(() => proxy.stop(0));
  return { proxy, port, events };
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface Call {
  readonly method?: string;
  readonly path?: string;
  readonly host?: string;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: string | Buffer;
  readonly agent?: http.Agent;
}

export function call(port: number, options: Call = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request({
      host: '127.0.0.1',
      port,
      method: options.method ?? 'GET',
      path: options.path ?? '/',
      headers: { host: options.host ?? 'orders.mesh', ...options.headers },
      agent: options.agent ?? false,
    });
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString() });
      });
    });
    request.end(options.body);
  });
}

/** Sends bytes and collects what comes until the other side closes. */
export function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(text));
    let got = '';
    socket.on('data', (chunk) => {
      got += chunk.toString('latin1');
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(got));
  });
}

/** A port on which nothing listens. */
export async function closedPort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export function orders(mesh: FakeMesh, ...ports: number[]): FakeMesh {
  return mesh.setService(
    'orders',
    ports.map((port, index) => ({ id: `orders-${index}`, node: `n${index}`, port })),
  );
}

export const hello: http.RequestListener = (_request, response) => response.end('hello');

/** Waits until nothing is in flight: a caller may see the end of its answer a moment before the proxy counts it. */
export async function settled(proxy: Proxy): Promise<void> {
  await vi.waitFor(() => expect(proxy.stats().inFlight).toBe(0), { timeout: 5000, interval: 1 });
}
