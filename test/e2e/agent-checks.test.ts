/** The HTTP and TCP checks against real sockets that answer, hang, lie or break. */

import { getEventListeners } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { runHttpCheck, runTcpCheck } from '@skein/agent/parts';
import { afterEach, describe, expect, test } from 'vitest';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function serve(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server: Server = createServer(handle);
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function tcp(handle: (socket: Socket) => void): Promise<string> {
  const server = createTcpServer((socket) => {
    closers.push(() => socket.destroy());
    socket.on('error', () => undefined);
    handle(socket);
  });
  closers.push(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

type Probe = Parameters<typeof runHttpCheck>[0];
const probe = (url: string, changes: Partial<Probe> = {}): Probe => ({
  type: 'http',
  url,
  method: 'GET',
  headers: {},
  body: '',
  followRedirects: true,
  skipTlsVerify: false,
  ...changes,
});
const patience = (): AbortSignal => AbortSignal.timeout(10_000);

describe('HTTP', () => {
  test.each([
    [200, 'passing'],
    [204, 'passing'],
    [299, 'passing'],
    [429, 'warning'],
    [301, 'critical'],
    [404, 'critical'],
    [500, 'critical'],
  ])('status %i is %s', async (status, verdict) => {
    const url = await serve((_request, response) => response.writeHead(status).end());
    expect(await runHttpCheck(probe(url), patience())).toMatchObject({
      status: verdict,
      output: expect.stringContaining(String(status)),
    });
  });

  test('sends the method, headers, host and body of its definition', async () => {
    const seen: Record<string, unknown>[] = [];
    const url = await serve((request, response) => {
      let body = '';
      request.setEncoding('utf8');
      request.on('data', (chunk: string) => (body += chunk));
      request.on('end', () => {
        const { host, accept, 'user-agent': agent, 'x-a': x } = request.headers;
        seen.push({ method: request.method, host, x, body, accept, agent });
        response.end();
      });
    });
    await runHttpCheck(
      probe(url, { method: 'post', headers: { Host: ['orders.mesh'], 'X-A': ['1', '2'] }, body: 'hello' }),
      patience(),
    );
    const own = { accept: 'text/plain, text/*, */*', agent: 'Consul Health Check' };
    expect(seen).toEqual([{ method: 'POST', host: 'orders.mesh', x: '1, 2', body: 'hello', ...own }]);
    await runHttpCheck(probe(url, { headers: { 'user-agent': ['mine'], Accept: ['a/b'] } }), patience());
    expect(seen[1]).toMatchObject({ accept: 'a/b', agent: 'mine' });
  });

  test('the output is the line of the status and as much of the body as was asked for', async () => {
    const url = await serve((_request, response) => response.writeHead(503).end('busy'.repeat(10)));
    const bounds = { timeoutMs: 1000, outputLengthMax: 6 };
    expect(await runHttpCheck(probe(url), patience(), bounds)).toEqual({
      status: 'critical',
      output: `HTTP GET ${url}/: 503 Service Unavailable Output: busybu`,
    });
  });

  test('a body without end is cut at 4 KiB and the verdict is given', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(1000))) continue;
      };
      response.on('drain', more);
      more();
    });
    const verdict = await runHttpCheck(probe(url), patience());
    expect(verdict.status).toBe('passing');
    expect(verdict.output).toHaveLength(4096);
  });

  test('a URL that accepts and never answers ends with its signal', async () => {
    const address = await tcp(() => undefined);
    const controller = new AbortController();
    const verdict = runHttpCheck(probe(`http://${address}/`), controller.signal);
    setImmediate(() => controller.abort());
    expect(await verdict).toMatchObject({ status: 'critical', output: expect.stringContaining('no complete answer in time') });
  });

  test('an answer that stops half way ends with its signal', async () => {
    const controller = new AbortController();
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('half');
      setImmediate(() => controller.abort());
    });
    expect(await runHttpCheck(probe(url), controller.signal)).toMatchObject({ status: 'critical' });
  });

  test.each<[string, string]>([
    ['garbage', 'not http at all\r\n\r\n'],
    ['headers without end', `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(20_000)}`],
    ['a connection that is closed at once', ''],
  ])('%s is critical', async (_what, bytes) => {
    const address = await tcp((socket) => socket.end(bytes));
    expect((await runHttpCheck(probe(`http://${address}/`), patience())).status).toBe('critical');
  });

  test('nobody listening is critical and names the reason', async () => {
    const address = await tcp(() => undefined);
    for (const close of closers.splice(0)) close();
    expect(await runHttpCheck(probe(`http://${address}/`), patience())).toMatchObject({
      status: 'critical',
      output: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test.each(['', 'not a url', 'ftp://127.0.0.1/', 'file:///etc/passwd'])(
    'the URL "%s" is critical, not an exception',
    async (url) => {
      expect((await runHttpCheck(probe(url), patience())).status).toBe('critical');
    },
  );

  test('redirects are followed only where the definition says so, and not without end', async () => {
    const url: string = await serve((request, response) => {
      if (request.url === '/end') response.end('there');
      else response.writeHead(302, { location: request.url === '/loop' ? '/loop' : '/end' }).end();
    });
    expect((await runHttpCheck(probe(`${url}/go`), patience())).status).toBe('passing');
    expect((await runHttpCheck(probe(`${url}/go`, { followRedirects: false }), patience())).status).toBe('critical');
    expect((await runHttpCheck(probe(`${url}/loop`), patience())).output).toContain('stopped after 10 redirects');
  });

  test.each([300, 301, 302, 303, 304, 305, 307, 308])('%i leads on only where clients of Go follow it', async (status) => {
    const url: string = await serve((request, response) => {
      if (request.url === '/end') response.end('there');
      else response.writeHead(status, { location: '/end' }).end();
    });
    const isFollowed = ![300, 304, 305].includes(status);
    const verdict = await runHttpCheck(probe(`${url}/go`), patience());
    expect(verdict.status).toBe(isFollowed ? 'passing' : 'critical');
    expect(verdict.output).toContain(isFollowed ? '/end: 200' : `/go: ${status}`);
  });

  test('the tenth request is the last: where it leads on is not looked at', async () => {
    let requests = 0;
    const url = await serve((request, response) => {
      requests++;
      const left = Number(request.url?.slice(1));
      if (left === 0) response.end('there');
      else response.writeHead(302, { location: `/${left - 1}` }).end();
    });
    expect((await runHttpCheck(probe(`${url}/9`), patience())).status).toBe('passing');
    expect(requests).toBe(10);
    expect((await runHttpCheck(probe(`${url}/10`), patience())).output).toContain('stopped after 10 redirects');
    expect(requests).toBe(20);
  });

  test('a chain of redirects leaves no listeners on the signal of its run', async () => {
    const url = await serve((_, response) => response.writeHead(302, { location: '/loop' }).end());
    const signal = patience();
    const warned: Error[] = [];
    const note = (warning: Error): number => warned.push(warning);
    process.on('warning', note);
    await runHttpCheck(probe(`${url}/loop`), signal);
    // Warnings are told in the next tick.
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', note);
    expect(warned).toEqual([]);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('credentials are not sent on to another origin', async () => {
    let leaked: string | undefined = 'not asked';
    const other = await serve((request, response) => {
      leaked = request.headers.authorization;
      response.end();
    });
    const url = await serve((_request, response) => response.writeHead(302, { location: `${other}/` }).end());
    const headers = { Authorization: ['Bearer secret'] };
    expect((await runHttpCheck(probe(url, { headers }), patience())).status).toBe('passing');
    expect(leaked).toBeUndefined();
  });
});

describe('TCP', () => {
  test('a connection that is accepted is passing', async () => {
    const address = await tcp(() => undefined);
    expect(await runTcpCheck({ type: 'tcp', address }, patience())).toEqual({
      status: 'passing',
      output: `TCP connect ${address}: Success`,
    });
  });

  test('a port without a listener is critical', async () => {
    const address = await tcp(() => undefined);
    for (const close of closers.splice(0)) close();
    expect(await runTcpCheck({ type: 'tcp', address }, patience())).toMatchObject({
      status: 'critical',
      output: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('an attempt ends with its signal', async () => {
    expect((await runTcpCheck({ type: 'tcp', address: '127.0.0.1:1' }, AbortSignal.abort())).status).toBe('critical');
  });

  test.each(['', 'host', 'host:99999', ':1'])('the address "%s" is critical, not an exception', async (address) => {
    expect((await runTcpCheck({ type: 'tcp', address }, patience())).status).toBe('critical');
  });
});
