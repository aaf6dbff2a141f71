/** Every kind of check against ends that say nothing, break off, or speak something else. */

import { runGrpcCheck, runH2PingCheck, runHttpCheck, runScriptCheck, runTcpCheck, runUdpCheck } from '@skein/agent/parts';
import type { CheckProbe } from '@skein/core';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { checkRunContract } from '../contracts/check-run.ts';
import { Stubs } from './check-stubs.ts';

const stubs = new Stubs();
afterEach(() => stubs.close());

/** Answers whatever comes first. */
const saying = (text: string, andEnds = false): Promise<string> =>
  stubs.tcp((socket: Socket) => void socket.once('data', () => (andEnds ? socket.end(text) : socket.write(text))));

const upgrade = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
/** Ends of a TCP connection, by what they do. */
const peers: Readonly<Record<string, () => Promise<string>>> = {
  'nobody listens': () => stubs.nobody(),
  'nothing is said': () => stubs.tcp(),
  'the connection is closed at once': () => stubs.tcp((socket) => socket.destroy()),
  'something else is spoken': () => saying('SSH-2.0-x\r\n'),
  'the protocol is switched': () => saying(upgrade),
  'the answer begins and never ends': () => saying('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1'),
  'the answer is broken off': () => saying('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1', true),
};

function ends<Probe>(probe: (address: string) => Probe): Record<string, () => Promise<Probe>> {
  return Object.fromEntries(Object.entries(peers).map(([what, open]) => [what, async () => probe(await open())]));
}

type HttpProbe = Extract<CheckProbe, { type: 'http' }>;

function http(address: string, more: Partial<HttpProbe> = {}): HttpProbe {
  const base = { type: 'http', method: 'GET', headers: {}, body: '', followRedirects: true, skipTlsVerify: true } as const;
  return { ...base, url: `http://${address}/`, ...more };
}

function udp(address: string): Extract<CheckProbe, { type: 'udp' }> {
  return { type: 'udp', address };
}

function script(...args: readonly string[]): Extract<CheckProbe, { type: 'script' }> {
  return { type: 'script', args };
}

const tls = { serverName: '', skipVerify: true };

describe('contract', () => {
  checkRunContract('HTTP', { run: runHttpCheck, ends: ends((address) => http(address)) });
  checkRunContract('HTTPS', { run: runHttpCheck, ends: ends((address) => http(address, { url: `https://${address}/` })) });
  checkRunContract('CONNECT', { run: runHttpCheck, ends: ends((address) => http(address, { method: 'CONNECT' })) });
  checkRunContract('TCP', { run: runTcpCheck, ends: ends((address) => ({ type: 'tcp', address }) as const) });
  checkRunContract('TLS', { run: runTcpCheck, ends: ends((address) => ({ type: 'tcp', address, tls }) as const) });
  checkRunContract('H2PING', { run: runH2PingCheck, ends: ends((address) => ({ type: 'h2ping', address }) as const) });
  checkRunContract('gRPC', { run: runGrpcCheck, ends: ends((address) => ({ type: 'grpc', address, service: '' }) as const) });
  checkRunContract('UDP', {
    run: runUdpCheck,
    ends: {
      'nothing is said': async () => udp(await stubs.udp()),
      'nobody listens': async () => udp(await stubs.nobody()),
    },
  });
  checkRunContract('script', {
    run: runScriptCheck,
    ends: {
      'it runs on': () => script('sleep', '3600'),
      'it leaves somebody with its output': () => script('sh', '-c', 'setsid sleep 2 & sleep 3600'),
      'there is no such program': () => script('/nowhere/at-all'),
    },
  });
});

describe('an HTTP check', () => {
  const signal = (): AbortSignal => AbortSignal.timeout(10_000);

  test('is critical where the protocol is switched, with what was answered', async () => {
    const probe = http(await saying(upgrade));
    expect(await runHttpCheck(probe, signal())).toEqual({
      status: 'critical',
      output: `HTTP GET ${probe.url}: 101 Switching Protocols Output: `,
    });
  });

  test('is critical where a tunnel is opened', async () => {
    const probe = http(await saying('HTTP/1.1 200 OK\r\n\r\n'), { method: 'CONNECT' });
    expect((await runHttpCheck(probe, signal())).status).toBe('critical');
  });

  test.each(['GET', 'DELETE', 'HEAD', 'POST', 'PUT'])(
    'says with %s how long its body is, whatever its headers say',
    async (method) => {
      let sent = '';
      const address = await stubs.tcp((socket) => {
        socket.on('data', (bytes: Uint8Array) => {
          sent += Buffer.from(bytes).toString();
          if (sent.endsWith('"ü"}')) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
        });
      });
      const headers = { 'Content-Length': ['99'], 'Transfer-Encoding': ['chunked'] };
      expect((await runHttpCheck(http(address, { method, body: '{"a":"ü"}', headers }), signal())).status).toBe('passing');
      expect(sent.match(/^(?:content-length|transfer-encoding):.*$/gim)).toEqual(['content-length: 10']);
    },
  );

  test('goes by the status of an answer whose body has not ended in time, and shows what came of it', async () => {
    const probe = http(await saying('HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nevent: 1\n'));
    const verdict = await runHttpCheck(probe, AbortSignal.timeout(300));
    expect(verdict).toEqual({ status: 'passing', output: `HTTP GET ${probe.url}: 200 OK Output: event: 1\n` });
  });

  const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
  test.each([
    ['that breaks off within its body', 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf'],
    ['that breaks off before its body', 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n'],
    ['that breaks off within a chunk', `${chunked}9\r\nhalf`],
    ['with a chunk of no size', `${chunked}4\r\nhalf\r\nzz\r\nmore`],
    ['whose lines end in LF alone', 'HTTP/1.1 200 OK\nContent-Length: 4\n\nhalf'],
    ['with 200 kB of headers', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(200_000)}\r\nContent-Length: 4\r\n\r\nhalf`],
  ])('goes by the status of an answer %s', async (_what, bytes) => {
    const probe = http(await saying(bytes, true));
    const verdict = await runHttpCheck(probe, signal());
    const output = expect.stringContaining(`HTTP GET ${probe.url}: 200 OK Output: `);
    expect(verdict).toEqual({ status: 'passing', output });
    const failing = await runHttpCheck(http(await saying(bytes.replace('200 OK', '500 No'), true)), signal());
    expect(failing.status).toBe('critical');
  });

  test('reads an answer that ends with its connection', async () => {
    const probe = http(await saying('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it', true));
    const verdict = await runHttpCheck(probe, signal());
    expect(verdict).toEqual({ status: 'passing', output: `HTTP GET ${probe.url}: 200 OK Output: all of it` });
  });
});
