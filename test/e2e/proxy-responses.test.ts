import { once } from 'node:events';
import net from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { atEnd, call, cleanUp, gateway, orders, raw, settled } from '../proxy/loopback.ts';
import { FakeMesh } from '../traffic/fake-view.ts';

afterEach(cleanUp);

interface Scripted {
  readonly port: number;
  /** Connections that came. */
  connections: number;
}

/** An upstream that answers each request head with given bytes. */
async function scripted(answer: (socket: net.Socket) => void): Promise<Scripted> {
  const seen: Scripted = { port: 0, connections: 0 };
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    seen.connections++;
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => {
      if (bytes.toString('latin1').endsWith('\r\n\r\n')) answer(socket);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return Object.assign(seen, { port: (server.address() as net.AddressInfo).port });
}

const says =
  (text: string, end = false) =>
  (socket: net.Socket): void => {
    if (end) socket.end(text, 'latin1');
    else socket.write(text, 'latin1');
  };

const ok = 'HTTP/1.1 200 OK\r\n';

test.each<[what: string, bytes: string]>([
  ['no HTTP', 'hello\r\n\r\n'],
  ['HTTP/2', 'HTTP/2.0 200 OK\r\n\r\n'],
  ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
  ['both a length and chunks', `${ok}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n`],
  ['two lengths', `${ok}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`],
  ['a length that is no number', `${ok}Content-Length: +1\r\n\r\na`],
  ['another coding', `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  ['a folded header', `${ok}X-A: b\r\n c\r\nContent-Length: 0\r\n\r\n`],
  ['a space before the colon', `${ok}Content-Length : 0\r\n\r\n`],
  ['a control character in a header', `${ok}X-A: b\u0001\r\nContent-Length: 0\r\n\r\n`],
  ['a line without colon', `${ok}nonsense\r\n\r\n`],
  ['headers without end', `${ok}X-A: ${'a'.repeat(70_000)}`],
  ['a change of protocol that nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n'],
])('%s is not passed on as an answer: 502', async (_what, bytes) => {
  const up = await scripted(says(bytes));
  const { proxy, port } = await gateway(orders(new FakeMesh(), up.port));
  const answer = await call(port, { method: 'POST' });
  expect(answer).toMatchObject({ status: 502, headers: { 'x-skein-error': 'upstream-broken' } });
  expect(answer.body).toContain('instance orders-0 at 127.0.0.1');
  await settled(proxy);
  expect(proxy.stats()).toMatchObject({ services: [{ instances: [{ failures: { broken: 1 } }] }] });
});

test.each<[what: string, bytes: string]>([
  ['a chunk without size', `${ok}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`],
  ['a chunk that is longer than it says', `${ok}Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n`],
  ['an endless chunk line', `${ok}Transfer-Encoding: chunked\r\n\r\n1;${'a'.repeat(5000)}`],
])('%s breaks the answer off', async (_what, bytes) => {
  const up = await scripted(says(bytes));
  const { proxy, port } = await gateway(orders(new FakeMesh(), up.port));
  await expect(call(port)).rejects.toThrow(/aborted|ECONNRESET|hang up/);
  await settled(proxy);
});

test.each<[what: string, bytes: string, body: string, end: boolean]>([
  ['a length', `${ok}Content-Length: 5\r\n\r\nhello`, 'hello', false],
  ['a length said twice alike', `${ok}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`, 'hello', false],
  [
    'chunks, extensions and trailers',
    `${ok}Transfer-Encoding: Chunked\r\n\r\n3;a=b\r\nhel\r\n02\r\nlo\r\n0\r\nX-T: 1\r\n\r\n`,
    'hello',
    false,
  ],
  ['the end of the connection', `${ok}X-A: b\r\n\r\nhello`, 'hello', true],
  ['HTTP/1.0', 'HTTP/1.0 200 Fine\r\n\r\nhello', 'hello', true],
  ['no reason', 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', '', false],
  [
    'interim answers before',
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${ok}Content-Length: 2\r\n\r\nok`,
    'ok',
    false,
  ],
  ['a header beyond ASCII', `${ok}X-A: caf\u00e9\r\nContent-Length: 0\r\n\r\n`, '', false],
])('an answer framed by %s passes, whole and byte by byte', async (_what, bytes, body, end) => {
  const whole = await scripted(says(bytes, end));
  const { port } = await gateway(orders(new FakeMesh(), whole.port));
  expect(await call(port)).toMatchObject({ status: 200, body });
  const slow = await scripted((socket) => {
    const step = (at: number): void => {
      if (at < bytes.length) socket.write(bytes.slice(at, at + 1), 'latin1', () => setImmediate(step, at + 1));
      else if (end) socket.end();
    };
    step(0);
  });
  const { port: second } = await gateway(orders(new FakeMesh(), slow.port));
  expect(await call(second)).toMatchObject({ status: 200, body });
});

test('bytes beyond the answer cannot become the answer to another request', async () => {
  const up = await scripted(says(`${ok}Content-Length: 2\r\n\r\nok${ok}Content-Length: 4\r\n\r\nevil`));
  const { port } = await gateway(orders(new FakeMesh(), up.port));
  for (let i = 0; i < 3; i++) expect(await call(port)).toMatchObject({ body: 'ok' });
  expect(up.connections).toBe(3);
});

test.each([
  ['asks to', `${ok}Content-Length: 2\r\nConnection: close\r\n\r\nok`],
  ['keeps it too short a time', `${ok}Content-Length: 2\r\nKeep-Alive: max=5, timeout=0\r\n\r\nok`],
  ['speaks HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'],
])('a connection is not used again when the instance %s', async (_what, bytes) => {
  const up = await scripted(says(bytes));
  const { port } = await gateway(orders(new FakeMesh(), up.port));
  for (let i = 0; i < 3; i++) expect(await call(port)).toMatchObject({ body: 'ok' });
  expect(up.connections).toBe(3);
});

test('an answer that comes before the request is complete ends the request', async () => {
  const up = await scripted(says('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n'));
  const { proxy, port } = await gateway(orders(new FakeMesh(), up.port));
  const got = await raw(port, 'POST / HTTP/1.1\r\nHost: orders.mesh\r\nContent-Length: 10\r\nConnection: close\r\n\r\n');
  expect(got).toMatch(/^HTTP\/1.1 413 Too Large\r\n/);
  await settled(proxy);
});
