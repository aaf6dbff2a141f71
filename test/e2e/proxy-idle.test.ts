/** Bodies and tunnels that stop moving. The limits are short; what waits for them has the test's own deadline. */

import { once } from 'node:events';
import http from 'node:http';
import type net from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { atEnd, call, cleanUp, gate, gateway, orders, raw, settled, upstream } from '../proxy/loopback.ts';
import { FakeMesh } from '../traffic/fake-view.ts';

afterEach(cleanUp);

test('an answer that pauses too long is broken off, and counts against its instance', async () => {
  const closed = gate<void>();
  const up = await upstream((request, response) => {
    request.socket.on('close', () => closed.resolve());
    response.writeHead(200, { 'content-length': 100 });
    response.write('half');
  });
  const { proxy, port, events } = await gateway(orders(new FakeMesh(), up.port), { idleTimeoutMs: 50 });
  await expect(call(port)).rejects.toThrow(/aborted|ECONNRESET|hang up/);
  await closed.promise;
  await settled(proxy);
  expect(proxy.stats().services[0]?.instances[0]?.failures).toMatchObject({ timeout: 1, cancelled: 0 });
  expect(events).toMatchObject([{ type: 'request-failed', code: 'upstream-timeout' }]);
});

test('an answer may take longer in all than it may pause', async () => {
  const up = await upstream((_request, response) => {
    let left = 8;
    const next = (): void => void (--left === 0 ? response.end('.') : response.write('.', () => setTimeout(next, 40)));
    next();
  });
  const { port } = await gateway(orders(new FakeMesh(), up.port), { idleTimeoutMs: 250 });
  expect(await call(port)).toMatchObject({ status: 200, body: '........' });
});

test('an answer whose head is late is under the limit of its route, not under that of pauses', async () => {
  const up = await upstream((request, response) => {
    request.resume();
    request.on('end', () => setTimeout(() => response.end('late'), 120));
  });
  const { port } = await gateway(orders(new FakeMesh(), up.port), { idleTimeoutMs: 40 });
  expect(await call(port, { method: 'POST', body: 'x' })).toMatchObject({ status: 200, body: 'late' });
});

test('a caller that stops in the middle of its body gets 408, and nothing counts against the instance', async () => {
  const up = await upstream((request) => void request.resume());
  const { proxy, port } = await gateway(orders(new FakeMesh(), up.port), { idleTimeoutMs: 50 });
  const got = await raw(port, 'POST / HTTP/1.1\r\nHost: orders.mesh\r\nContent-Length: 10\r\n\r\nhalf');
  expect(got).toMatch(/^HTTP\/1\.1 408 [\s\S]*x-skein-error: request-stalled/);
  expect(proxy.stats().services[0]?.instances[0]?.failures).toMatchObject({ timeout: 0, cancelled: 1 });
});

test('an instance that stops reading a body has failed', async () => {
  const up = await upstream((request) => void request.pause());
  const { proxy, port } = await gateway(orders(new FakeMesh(), up.port), { idleTimeoutMs: 100 });
  const request = http.request({ port, host: '127.0.0.1', method: 'POST', headers: { host: 'orders.mesh' }, agent: false });
  request.on('error', () => undefined);
  request.write(Buffer.alloc(32 << 20));
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  expect(response.statusCode).toBe(504);
  response.resume();
  request.destroy();
  expect(proxy.stats().services[0]?.instances[0]?.failures).toMatchObject({ timeout: 1 });
});

test('a caller that stops reading its answer is cut off, and nothing counts against the instance', async () => {
  const up = await upstream((_request, response) => void response.end(Buffer.alloc(64 << 20)));
  const { proxy, port } = await gateway(orders(new FakeMesh(), up.port), { idleTimeoutMs: 100 });
  const request = http.get({ port, host: '127.0.0.1', headers: { host: 'orders.mesh' }, agent: false });
  request.on('error', () => undefined);
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  response.on('error', () => undefined);
  response.pause();
  await settled(proxy);
  expect(proxy.stats().services[0]?.instances[0]?.failures).toMatchObject({ timeout: 0, cancelled: 1 });
  request.destroy();
});

test('a tunnel that carries nothing is closed on both sides, after its own time', async () => {
  const ended = gate<void>();
  const server = http.createServer();
  server.on('upgrade', (_request, socket) => {
    socket.on('error', () => undefined);
    socket.on('end', () => {
      ended.resolve();
      socket.destroy();
    });
    socket.resume();
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(() => void server.close());
  const mesh = orders(new FakeMesh(), (server.address() as net.AddressInfo).port);
  const { port } = await gateway(mesh, { tunnelIdleTimeoutMs: 50 });
  const got = await raw(port, 'GET / HTTP/1.1\r\nHost: orders.mesh\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
  expect(got).toMatch(/^HTTP\/1\.1 101 /);
  await ended.promise;
});
