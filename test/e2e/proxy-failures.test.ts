import http from 'node:http';
import type net from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { atEnd, call, cleanUp, closedPort, gate, gateway, hello, orders, upstream, settled } from '../proxy/loopback.ts';
import { FakeMesh } from '../traffic/fake-view.ts';

afterEach(cleanUp);

test('no GET fails when an instance is killed under load', async () => {
  const mesh = new FakeMesh();
  const ups = await Promise.all([1, 2, 3].map(() => upstream((_request, response) => setImmediate(() => response.end('ok')))));
  const { proxy, port } = await gateway(orders(mesh, ...ups.map((up) => up.port)));
  const agent = new http.Agent({ keepAlive: true, maxSockets: 24 });
  atEnd(() => agent.destroy());
  const statuses: number[] = [];
  let sent = 0;
  const worker = async (): Promise<void> => {
    while (sent < 1500) {
      sent++;
      if (sent === 500) ups[0]?.kill();
      statuses.push((await call(port, { agent })).status);
    }
  };
  await Promise.all(Array.from({ length: 24 }, worker));
  expect(statuses.filter((status) => status !== 200)).toEqual([]);
  const [service] = proxy.stats().services;
  expect(service?.answers['2xx']).toBe(statuses.length);
  expect(service?.retries).toBeGreaterThan(0);
  expect(service?.instances.find((each) => each.id === 'orders-0')?.failures['connect-failed']).toBeGreaterThan(0);
  await settled(proxy);
});

test('a POST goes to another instance when the first cannot be reached', async () => {
  const up = await upstream((request, response) => request.pipe(response));
  const { proxy, port } = await gateway(orders(new FakeMesh(), await closedPort(), up.port));
  for (let i = 0; i < 6; i++)
    expect(await call(port, { method: 'POST', body: 'payload' })).toMatchObject({ status: 200, body: 'payload' });
  expect(proxy.stats().services[0]?.retries).toBeGreaterThan(0);
});

test('a POST that was sent is not sent again', async () => {
  const breaks: http.RequestListener = (request) => void request.on('end', () => request.socket.resetAndDestroy()).resume();
  const [a, b] = [await upstream(breaks), await upstream(breaks)];
  const { port } = await gateway(orders(new FakeMesh(), a.port, b.port));
  const answer = await call(port, { method: 'POST', body: 'pay 5' });
  expect(answer.status).toBe(502);
  expect(answer.headers['x-skein-error']).toBe('upstream-broken');
  expect(answer.body).toMatch(/agent: self\nhost: orders.mesh\n/);
  expect(a.seen.length + b.seen.length).toBe(1);
});

test('a PUT is sent again with its whole body', async () => {
  const bodies: string[] = [];
  let first = true;
  const handler: http.RequestListener = (request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      bodies.push(body);
      if (first) request.socket.resetAndDestroy();
      else response.end('stored');
      first = false;
    });
  };
  const [a, b] = [await upstream(handler), await upstream(handler)];
  const { port } = await gateway(orders(new FakeMesh(), a.port, b.port));
  expect(await call(port, { method: 'PUT', body: 'x'.repeat(60_000) })).toMatchObject({ status: 200, body: 'stored' });
  expect(bodies.map((body) => body.length)).toEqual([60_000, 60_000]);
});

test('a PUT longer than what is kept is not sent again once it began', async () => {
  const breaks: http.RequestListener = (request) => void request.on('end', () => request.socket.resetAndDestroy()).resume();
  const [a, b] = [await upstream(breaks), await upstream(breaks)];
  const { port } = await gateway(orders(new FakeMesh(), a.port, b.port));
  expect(await call(port, { method: 'PUT', body: Buffer.alloc(300_000) })).toMatchObject({ status: 502 });
  expect(a.seen.length + b.seen.length).toBe(1);
});

test('a kept connection that the instance closed meanwhile costs nobody an error', async () => {
  // Closes each connection when its second request comes, without an answer: the race of every keep-alive timeout.
  const counts = new Map<net.Socket, number>();
  const up = await upstream((request, response) => {
    const count = (counts.get(request.socket) ?? 0) + 1;
    counts.set(request.socket, count);
    if (count > 1) request.socket.destroy();
    else response.end('ok');
  });
  const { proxy, port } = await gateway(orders(new FakeMesh(), up.port));
  for (let i = 0; i < 6; i++) expect(await call(port)).toMatchObject({ status: 200 });
  expect(proxy.stats().services[0]?.instances[0]?.failures.broken).toBe(0);
});

test('an answer that breaks off is broken off for the caller too, and not tried again', async () => {
  const up = await upstream((request, response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('half', () => request.socket.destroy());
  });
  const { port } = await gateway(orders(new FakeMesh(), up.port));
  await expect(call(port)).rejects.toThrow(/aborted|ECONNRESET|hang up/);
  expect(up.seen.length).toBe(1);
});

test('an instance that keeps failing is ejected and named in the log', async () => {
  const bad = await upstream((_request, response) => {
    response.statusCode = 500;
    response.end();
  });
  const good = await Promise.all([upstream(hello), upstream(hello)]);
  const { proxy, port, events } = await gateway(orders(new FakeMesh(), bad.port, ...good.map((up) => up.port)));
  for (let i = 0; i < 40; i++) await call(port);
  expect(bad.seen.length).toBe(5);
  expect(events).toContainEqual({
    type: 'instance-ejected',
    service: 'orders',
    instance: 'orders-0',
    node: 'n0',
    address: `127.0.0.1:${bad.port}`,
  });
  const stats = proxy.stats().services[0];
  expect(stats?.answers).toMatchObject({ '2xx': 35, '5xx': 5 });
  expect(stats?.instances[0]).toMatchObject({ ejections: 1, answers: { '5xx': 5 }, balancing: { state: 'ejected' } });
});

test('no answer in time gives 504 and ends the request to the instance', async () => {
  const closed = gate<void>();
  const up = await upstream((request) => void request.socket.on('close', () => closed.resolve()));
  const mesh = orders(new FakeMesh(), up.port);
  mesh.setRoute('r', {
    hostnames: ['orders.mesh'],
    rules: [{ backendRefs: [{ name: 'orders' }], timeouts: { request: '50ms' } }],
  });
  const { port } = await gateway(mesh);
  const answer = await call(port);
  expect(answer).toMatchObject({ status: 504, headers: { 'x-skein-error': 'upstream-timeout' } });
  expect(answer.body).toContain('within 50 ms');
  await closed.promise;
});

test('a caller that goes away ends the request to the instance', async () => {
  const closed = gate<void>();
  const arrived = gate<void>();
  const up = await upstream((request) => {
    request.socket.on('close', () => closed.resolve());
    arrived.resolve();
  });
  const { proxy, port } = await gateway(orders(new FakeMesh(), up.port));
  const request = http.get({ port, host: '127.0.0.1', headers: { host: 'orders.mesh' }, agent: false });
  request.on('error', () => undefined);
  await arrived.promise;
  request.destroy();
  await closed.promise;
  await settled(proxy);
  expect(proxy.stats()).toMatchObject({ services: [{ cancelled: 1, instances: [{ failures: { cancelled: 1 } }] }] });
});

test('requests beyond the limits are refused as overload', async () => {
  const arrived = gate<void>();
  const held: http.ServerResponse[] = [];
  const up = await upstream((_request, response) => {
    held.push(response);
    arrived.resolve();
  });
  const { port } = await gateway(orders(new FakeMesh(), up.port), { maxInFlightPerInstance: 1 });
  const first = call(port);
  await arrived.promise;
  expect(await call(port)).toMatchObject({ status: 503, headers: { 'x-skein-error': 'overloaded', 'retry-after': '1' } });
  held[0]?.end('done');
  expect(await first).toMatchObject({ status: 200 });
});

test('stop answers what is in flight before it resolves', async () => {
  const arrived = gate<http.ServerResponse>();
  const up = await upstream((_request, response) => arrived.resolve(response));
  const { proxy, port } = await gateway(orders(new FakeMesh(), up.port));
  const agent = new http.Agent({ keepAlive: true });
  atEnd(() => agent.destroy());
  const answer = call(port, { agent });
  const held = await arrived.promise;
  let stopped = false;
  const stopping = proxy.stop(60_000).then(() => {
    stopped = true;
  });
  expect(stopped).toBe(false);
  held.end('late');
  expect(await answer).toMatchObject({ status: 200, body: 'late' });
  await stopping;
  await expect(call(port)).rejects.toThrow(/ECONNREFUSED/);
});

test('stop ends what does not end in time, also when it was more patient before', async () => {
  const arrived = gate<void>();
  const up = await upstream(() => arrived.resolve());
  const { proxy, port } = await gateway(orders(new FakeMesh(), up.port));
  const answer = call(port).catch((error: unknown) => error);
  await arrived.promise;
  const patient = proxy.stop(60_000);
  await proxy.stop(10);
  await patient;
  expect(await answer).toBeInstanceOf(Error);
});
