import { once } from 'node:events';
import http from 'node:http';
import type net from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { atEnd, call, cleanUp, closedPort, gateway, hello, orders, raw, upstream } from '../proxy/loopback.ts';
import { FakeMesh } from '../traffic/fake-view.ts';

afterEach(cleanUp);

test('a mesh host leads to its service, whatever its case and port, and the Host header passes unchanged', async () => {
  const up = await upstream(hello);
  const { port } = await gateway(orders(new FakeMesh(), up.port));
  const answer = await call(port, { host: 'Orders.MESH:8080', path: '/a?b=c', headers: { 'x-forwarded-for': '10.1.1.1' } });
  expect(answer).toMatchObject({ status: 200, body: 'hello' });
  const [seen] = up.seen;
  expect(seen?.url).toBe('/a?b=c');
  expect(seen?.headers).toMatchObject({
    host: 'Orders.MESH:8080',
    'x-forwarded-for': '10.1.1.1, 127.0.0.1',
    'x-forwarded-proto': 'http',
    'x-forwarded-host': 'Orders.MESH:8080',
    via: '1.1 skein-self',
  });
});

test('a route that was applied after the start leads to its service', async () => {
  const up = await upstream(hello);
  const mesh = orders(new FakeMesh(), up.port);
  const { port } = await gateway(mesh);
  expect(await call(port, { host: 'shop.example', path: '/order/1' })).toMatchObject({ status: 404 });
  mesh.setRoute('r', { rules: [{ matches: [{ path: { value: '/order' } }], backendRefs: [{ name: 'orders' }] }] });
  expect(await call(port, { host: 'shop.example', path: '/order/1' })).toMatchObject({ status: 200 });
  expect(await call(port, { host: 'shop.example', path: '/orders' })).toMatchObject({ status: 404 });
});

test.each([
  ['/order/../admin?a=/../b', 'admin', '/admin?a=/../b'],
  ['/order/%2e%2E/admin', 'admin', '/admin'],
  ['http://shop.example/order/.%2e/admin', 'admin', '/admin'],
  ['/%6frder/./1', 'order', '/order/1'],
  ['/order/a%2fb%c3%a9', 'order', '/order/a%2Fb%C3%A9'],
])('%s is routed to %s as the path that the instance gets, %s', async (target, service, forwarded) => {
  const ups = { order: await upstream(hello), admin: await upstream(hello) };
  const mesh = new FakeMesh();
  for (const [name, up] of Object.entries(ups)) mesh.setService(name, [{ id: name, port: up.port }]);
  mesh.setRoute('shop', {
    hostnames: ['shop.example'],
    rules: ['order', 'admin'].map((name) => ({ matches: [{ path: { value: `/${name}` } }], backendRefs: [{ name }] })),
  });
  const { port } = await gateway(mesh);
  await raw(port, `GET ${target} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n`);
  expect(Object.entries(ups).map(([name, up]) => [name, up.seen.map((request) => request.url)])).toEqual(
    ['order', 'admin'].map((name) => [name, name === service ? [forwarded] : []]),
  );
});

test('an absolute target decides instead of the Host header', async () => {
  const up = await upstream(hello);
  const { port } = await gateway(orders(new FakeMesh(), up.port));
  const got = await raw(port, 'GET http://orders.mesh/x?y HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n');
  expect(got).toMatch(/^HTTP\/1.1 200 /);
  expect(up.seen[0]).toMatchObject({ url: '/x?y', headers: { host: 'orders.mesh' } });
});

test('headers of one connection only do not pass, in either direction', async () => {
  const up = await upstream((_request, response) => {
    response.setHeader('connection', 'close, x-secret');
    response.setHeader('x-secret', '1');
    response.setHeader('x-open', '2');
    response.end('ok');
  });
  const { port } = await gateway(orders(new FakeMesh(), up.port));
  const answer = await call(port, {
    headers: { connection: 'close, x-mine', 'x-mine': '1', te: 'trailers', 'proxy-authorization': 'Basic x', 'x-kept': '3' },
  });
  expect(answer.headers['x-secret']).toBeUndefined();
  expect(answer.headers['x-open']).toBe('2');
  const names = Object.keys(up.seen[0]?.headers ?? {});
  expect(names).toContain('x-kept');
  for (const gone of ['x-mine', 'te', 'proxy-authorization', 'connection']) expect(names).not.toContain(gone);
});

test('large bodies stream through unchanged in both directions, with and without a length', async () => {
  const up = await upstream((request, response) => request.pipe(response));
  const { port } = await gateway(orders(new FakeMesh(), up.port));
  const body = Buffer.from(Array.from({ length: 1_500_000 }, (_, index) => 32 + (index % 90)));
  const chunked = await call(port, { method: 'POST', body, headers: { 'transfer-encoding': 'chunked' } });
  expect(chunked.body).toBe(body.toString());
  const sized = await call(port, { method: 'POST', body, headers: { 'content-length': body.length } });
  expect(sized.body).toBe(body.toString());
  expect(up.seen[1]?.headers['content-length']).toBe(String(body.length));
});

test('the head of an answer is passed on before there is a body', async () => {
  const up = await upstream((_request, response) =>
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders(),
  );
  const { port } = await gateway(orders(new FakeMesh(), up.port));
  const request = http.get({ port, host: '127.0.0.1', headers: { host: 'orders.mesh' }, agent: false });
  request.on('error', () => undefined);
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  expect(response.headers['content-type']).toBe('text/event-stream');
  response.on('error', () => undefined);
  request.destroy();
});

test('connections to an instance are kept and used again', async () => {
  const up = await upstream(hello);
  const { port } = await gateway(orders(new FakeMesh(), up.port));
  for (let i = 0; i < 5; i++) await call(port);
  expect(new Set(up.seen.map((request) => request.socket.remotePort)).size).toBe(1);
});

test.each([
  ['no-route', 404, { host: 'unknown.example' }],
  ['no-route', 404, { host: 'ghost.mesh' }],
  ['none-routable', 503, { host: 'sick.mesh' }],
  ['no-instances', 503, { host: 'shop.example', path: '/ghost' }],
  ['no-backend', 500, { host: 'shop.example', path: '/zero' }],
  ['connect-failed', 502, { host: 'down.mesh' }],
] as const)('%s is answered with %i and says where and what next', async (code, status, request) => {
  const mesh = new FakeMesh();
  mesh.setService('sick', [{ id: 's', routable: false }]);
  mesh.setService('down', [{ id: 'd', port: await closedPort() }]);
  mesh.setRoute('shop', {
    hostnames: ['shop.example'],
    rules: [
      { matches: [{ path: { value: '/ghost' } }], backendRefs: [{ name: 'ghost' }] },
      { matches: [{ path: { value: '/zero' } }], backendRefs: [{ name: 'down', weight: 0 }] },
    ],
  });
  const { proxy, port } = await gateway(mesh);
  const answer = await call(port, request);
  expect(answer.status).toBe(status);
  expect(answer.headers['x-skein-error']).toBe(code);
  expect(answer.body).toContain(`agent: self\nhost: ${request.host}\n`);
  expect(proxy.stats().errors).toEqual({ [code]: 1 });
});

test.each([
  ['two hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400, 'bad-request'],
  ['no host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'bad-request'],
  ['a foreign scheme', 'GET ftp://orders.mesh/ HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'bad-request'],
  ['a fragment', 'GET /echo#frag HTTP/1.1\r\nHost: orders.mesh\r\nConnection: close\r\n\r\n', 400, 'bad-request'],
  ['a backslash', 'GET /order/..\\admin HTTP/1.1\r\nHost: orders.mesh\r\nConnection: close\r\n\r\n', 400, 'bad-request'],
  ['no HTTP', 'hello\r\n\r\n', 400, 'bad-request'],
  ['headers without end', `GET / HTTP/1.1\r\nHost: a\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, 431, 'headers-too-large'],
  ['an unknown coding', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n', 501, 'unsupported'],
  ['a tunnel to anywhere', 'CONNECT example:443 HTTP/1.1\r\nHost: example\r\n\r\n', 501, 'unsupported'],
  [
    'an upgrade with a body',
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\nContent-Length: 1\r\n\r\na',
    501,
    'unsupported',
  ],
  ['a loop', `GET / HTTP/1.1\r\nHost: orders.mesh\r\nVia: ${'1.1 skein-self, '.repeat(8)}1.1 x\r\n\r\n`, 508, 'loop'],
])('%s is refused by name, and the connection ends', async (_what, text, status, code) => {
  const { port } = await gateway(new FakeMesh());
  const got = await raw(port, text);
  expect(got).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(got).toContain(`x-skein-error: ${code}`);
});

test('a request that is refused and broken as well gets one answer', async () => {
  const { proxy, port } = await gateway(new FakeMesh());
  const got = await raw(port, 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n');
  expect(got.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 501']);
  expect(proxy.stats().errors).toEqual({ unsupported: 1 });
});

test('bytes after a request that are no request do not take the place of its answer', async () => {
  const up = await upstream(hello);
  const { port } = await gateway(orders(new FakeMesh(), up.port));
  const got = await raw(port, 'GET / HTTP/1.1\r\nHost: orders.mesh\r\n\r\nno request\r\n\r\n');
  expect(got).toMatch(/^HTTP\/1\.1 200 [\s\S]*hello$/);
});

test('an upgrade becomes a tunnel', async () => {
  const server = http.createServer();
  server.on('upgrade', (request, socket, first: Buffer) => {
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${request.headers.upgrade}\r\n\r\n`);
    socket.write(first);
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(() => void server.close());
  const { proxy, port } = await gateway(orders(new FakeMesh(), (server.address() as net.AddressInfo).port));
  const request = http.get({ port, host: '127.0.0.1', headers: { host: 'orders.mesh', connection: 'upgrade', upgrade: 'echo' } });
  const [response, socket] = (await once(request, 'upgrade')) as [http.IncomingMessage, net.Socket];
  expect(response.headers.upgrade).toBe('echo');
  socket.write('ping');
  const [echoed] = (await once(socket, 'data')) as [Buffer];
  expect(echoed.toString()).toBe('ping');
  expect(proxy.stats()).toMatchObject({ inFlight: 1, services: [{ answers: { '1xx': 1 } }] });
  socket.destroy();
});

test('an upgrade that the instance declines is an ordinary answer', async () => {
  const up = await upstream(hello);
  const { port } = await gateway(orders(new FakeMesh(), up.port));
  const got = await raw(port, 'GET / HTTP/1.1\r\nHost: orders.mesh\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n');
  expect(got).toMatch(/^HTTP\/1.1 200 OK[\s\S]*hello$/);
});

test('an upgrade to HTTP/2 is answered in HTTP/1.1', async () => {
  const up = await upstream(hello);
  const { port } = await gateway(orders(new FakeMesh(), up.port));
  const headers = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n';
  expect(await raw(port, `GET / HTTP/1.1\r\nHost: orders.mesh\r\n${headers}\r\n`)).toMatch(/^HTTP\/1.1 200 OK[\s\S]*hello$/);
  expect(up.seen[0]?.headers.upgrade).toBeUndefined();
  expect(up.seen[0]?.headers['http2-settings']).toBeUndefined();
});

test('HEAD and 204 answers have no body and leave the connection usable', async () => {
  const up = await upstream((request, response) => {
    if (request.url === '/none') response.writeHead(204).end();
    else response.writeHead(200, { 'content-length': 5 }).end(request.method === 'HEAD' ? undefined : 'hello');
  });
  const { port } = await gateway(orders(new FakeMesh(), up.port));
  expect(await call(port, { method: 'HEAD' })).toMatchObject({ status: 200, body: '', headers: { 'content-length': '5' } });
  expect(await call(port, { path: '/none' })).toMatchObject({ status: 204, body: '' });
  expect(await call(port)).toMatchObject({ status: 200, body: 'hello' });
  expect(new Set(up.seen.map((request) => request.socket.remotePort)).size).toBe(1);
});
