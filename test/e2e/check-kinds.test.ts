/** UDP, TLS, HTTP/2 ping and gRPC checks against real sockets that answer, hang, lie or break. */

import { runGrpcCheck, runH2PingCheck, runHttpCheck, runTcpCheck, runUdpCheck } from '@skein/agent/parts';
import type { ServerHttp2Stream } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { certificate, Stubs } from './check-stubs.ts';

const stubs = new Stubs();
afterEach(() => stubs.close());

const patience = (): AbortSignal => AbortSignal.timeout(10_000);
const anyCertificate = { serverName: '', skipVerify: true };
const verified = { serverName: 'check.test', skipVerify: false };

/** A signal that aborts once the check is under way. */
function soon(): AbortSignal {
  const controller = new AbortController();
  setImmediate(() => controller.abort());
  return controller.signal;
}

describe('TCP over TLS', () => {
  test('is passing once the handshake is done', async () => {
    const address = await stubs.tls();
    expect(await runTcpCheck({ type: 'tcp', address, tls: anyCertificate }, patience())).toEqual({
      status: 'passing',
      output: `TCP+TLS connect ${address}: Success`,
    });
  });

  test('is critical where the certificate is of an unknown signer', async () => {
    const address = await stubs.tls();
    const verdict = await runTcpCheck({ type: 'tcp', address, tls: verified }, patience());
    expect(verdict).toMatchObject({ status: 'critical', output: expect.stringContaining('SELF_SIGNED') });
  });

  test('is critical where the other side accepts and speaks no TLS, and ends with its signal where it says nothing', async () => {
    const garbage = await stubs.tcp((socket) => socket.end('hello\r\n'));
    expect((await runTcpCheck({ type: 'tcp', address: garbage, tls: anyCertificate }, patience())).status).toBe('critical');
    const silent = await stubs.tcp();
    const verdict = await runTcpCheck({ type: 'tcp', address: silent, tls: anyCertificate }, soon());
    expect(verdict).toEqual({ status: 'critical', output: `TCP+TLS connect ${silent}: no answer in time` });
  });
});

describe('HTTP over TLS', () => {
  test('asks for the server name of its definition, whatever the Host header says', async () => {
    const names: string[] = [];
    const SNICallback = (name: string, answer: (error: null) => void): void => {
      names.push(name);
      answer(null);
    };
    const server = createHttpsServer({ ...certificate, SNICallback }, (_request, response) => response.end());
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const base = { type: 'http', url, method: 'GET', body: '', followRedirects: true, skipTlsVerify: true } as const;
    const headers = { Host: ['other.test'] };
    expect((await runHttpCheck({ ...base, headers, tlsServerName: 'check.test' }, patience())).status).toBe('passing');
    expect((await runHttpCheck({ ...base, headers }, patience())).status).toBe('passing');
    server.close();
    // The second request names an address, for which there is no server name.
    expect(names).toEqual(['check.test']);
  });
});

describe('UDP', () => {
  test('an answer is passing, and what is sent is an empty datagram', async () => {
    const sent: number[] = [];
    const address = await stubs.udp((message, answer) => {
      sent.push(message.length);
      answer('pong');
    });
    expect(await runUdpCheck({ type: 'udp', address }, patience())).toEqual({
      status: 'passing',
      output: `UDP connect ${address}: Success`,
    });
    expect(sent).toEqual([0]);
  });

  test('silence is passing: most services do not answer to nothing', async () => {
    expect((await runUdpCheck({ type: 'udp', address: await stubs.udp() }, patience())).status).toBe('passing');
    const late = await runUdpCheck({ type: 'udp', address: await stubs.udp() }, AbortSignal.abort());
    expect(late).toMatchObject({ status: 'critical', output: expect.stringContaining('no answer in time') });
  });

  test('a port where nobody listens is critical', async () => {
    const address = await stubs.nobody();
    expect(await runUdpCheck({ type: 'udp', address }, patience())).toMatchObject({
      status: 'critical',
      output: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test.each(['', 'host', ':1', '255.255.255.255:9'])('the address "%s" is critical, not an exception', async (address) => {
    expect((await runUdpCheck({ type: 'udp', address }, patience())).status).toBe('critical');
  });
});

describe('HTTP/2 ping', () => {
  test('is passing in the clear and over TLS', async () => {
    const clear = await stubs.http2(() => undefined);
    expect(await runH2PingCheck({ type: 'h2ping', address: clear }, patience())).toEqual({
      status: 'passing',
      output: 'HTTP2 ping was successful',
    });
    const secure = await stubs.http2(() => undefined, { tls: true });
    expect((await runH2PingCheck({ type: 'h2ping', address: secure, tls: anyCertificate }, patience())).status).toBe('passing');
    expect((await runH2PingCheck({ type: 'h2ping', address: secure, tls: verified }, patience())).status).toBe('critical');
  });

  test('is critical where the other side speaks TLS but not HTTP/2', async () => {
    const address = await stubs.tls();
    const verdict = await runH2PingCheck({ type: 'h2ping', address, tls: anyCertificate }, patience());
    expect(verdict).toMatchObject({ status: 'critical', output: expect.stringContaining(`HTTP2 ping of ${address} failed`) });
  });

  test.each<[string, string]>([
    ['garbage', 'not http2 at all'],
    ['HTTP/1', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['a connection that is closed at once', ''],
  ])('%s is critical', async (_what, bytes) => {
    const address = await stubs.tcp((socket) => socket.end(bytes));
    expect((await runH2PingCheck({ type: 'h2ping', address }, patience())).status).toBe('critical');
  });

  test('ends with its signal, and where nobody listens', async () => {
    const silent = await stubs.tcp();
    expect((await runH2PingCheck({ type: 'h2ping', address: silent }, soon())).output).toContain('no answer in time');
    const nobody = await stubs.nobody();
    expect((await runH2PingCheck({ type: 'h2ping', address: nobody }, patience())).output).toContain('ECONNREFUSED');
    expect((await runH2PingCheck({ type: 'h2ping', address: 'nowhere' }, patience())).status).toBe('critical');
  });
});

describe('gRPC', () => {
  /** Answers every call with these bytes, and this status in its trailers. */
  function answering(bytes: readonly number[], status = '0', message = ''): (stream: ServerHttp2Stream) => void {
    return (stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status, 'grpc-message': message }));
      stream.resume();
      stream.on('end', () => stream.end(Uint8Array.from(bytes)));
    };
  }
  const serving = [0, 0, 0, 0, 2, 0x08, 1];

  test('asks for its service, and SERVING is passing', async () => {
    const asked: { path: string; body: number[] }[] = [];
    const address = await stubs.http2((stream, path) => {
      const body: number[] = [];
      stream.on('data', (chunk: Uint8Array) => body.push(...chunk));
      asked.push({ path, body });
      answering(serving)(stream);
    });
    expect(await runGrpcCheck({ type: 'grpc', address, service: 'a.B' }, patience())).toEqual({
      status: 'passing',
      output: `gRPC check ${address}/a.B: success`,
    });
    expect((await runGrpcCheck({ type: 'grpc', address, service: '' }, patience())).status).toBe('passing');
    expect(asked).toEqual([
      { path: '/grpc.health.v1.Health/Check', body: [0, 0, 0, 0, 5, 0x0a, 3, 0x61, 0x2e, 0x42] },
      { path: '/grpc.health.v1.Health/Check', body: [0, 0, 0, 0, 0] },
    ]);
  });

  test('is answered by one that takes nothing new, and not by one that gives up', async () => {
    const saying = (code: number): Promise<string> =>
      stubs.http2((stream) => {
        stream.session?.goaway(code, stream.id);
        setImmediate(() => answering(serving)(stream));
      });
    const run = async (code: number) => runGrpcCheck({ type: 'grpc', address: await saying(code), service: '' }, patience());
    expect((await run(0)).status).toBe('passing');
    expect(await run(2)).toMatchObject({ status: 'critical', output: expect.stringContaining('GOAWAY with error 2') });
  });

  test('goes over TLS where it is told to', async () => {
    const address = await stubs.http2(answering(serving), { tls: true });
    expect((await runGrpcCheck({ type: 'grpc', address, service: '', tls: anyCertificate }, patience())).status).toBe('passing');
    expect((await runGrpcCheck({ type: 'grpc', address, service: '', tls: verified }, patience())).status).toBe('critical');
    expect((await runGrpcCheck({ type: 'grpc', address, service: '' }, patience())).status).toBe('critical');
  });

  test.each<[string, (stream: ServerHttp2Stream) => void, string]>([
    ['NOT_SERVING', answering([0, 0, 0, 0, 2, 0x08, 2]), 'serving status: NOT_SERVING'],
    ['an empty message, which is UNKNOWN', answering([0, 0, 0, 0, 0]), 'serving status: UNKNOWN'],
    ['a status that is newer than this', answering([0, 0, 0, 0, 2, 0x08, 9]), 'serving status: status 9'],
    ['an unknown service', answering([], '5', 'unknown%20service'), 'rpc error: code = NotFound desc = unknown service'],
    ['an error without a name', answering([], '99', '%zz'), 'rpc error: code = Code(99) desc = %zz'],
    ['no message at all', answering([]), 'the answer has no message'],
    ['a message that is cut short', answering([0, 0, 0, 0, 9, 0x08]), 'not one whole message'],
    ['a compressed message', answering([1, 0, 0, 0, 2, 0x08, 1]), 'compressed'],
    ['garbage', answering([0, 0, 0, 0, 2, 0xff, 0xff]), 'protobuf'],
    ['a message without end', answering(Array.from({ length: 100_000 }, () => 0)), 'too long'],
    [
      'an error in the headers alone',
      (stream) => stream.respond({ ':status': 200, 'grpc-status': '12', 'grpc-message': 'no health here' }, { endStream: true }),
      'rpc error: code = Unimplemented desc = no health here',
    ],
    [
      'HTTP/2 without gRPC',
      (stream) => {
        stream.respond({ ':status': 404 });
        stream.end('not found');
      },
      'does not speak gRPC: it answered with HTTP status 404',
    ],
    ['a call that is reset', (stream) => stream.close(2), 'gRPC check'],
  ])('%s is critical', async (_what, handle, words) => {
    const address = await stubs.http2(handle);
    expect(await runGrpcCheck({ type: 'grpc', address, service: 's' }, patience())).toMatchObject({
      status: 'critical',
      output: expect.stringContaining(words),
    });
  });

  test('ends with its signal where no answer comes', async () => {
    const address = await stubs.http2(() => undefined);
    const controller = new AbortController();
    const verdict = runGrpcCheck({ type: 'grpc', address, service: '' }, controller.signal);
    setImmediate(() => controller.abort());
    expect((await verdict).output).toContain('no answer in time');
  });
});

test('a run that is ended at any moment, against ends that break in any way, gives a verdict and throws nothing', async () => {
  const thrown: unknown[] = [];
  const note = (error: unknown): void => void thrown.push(error);
  process.on('uncaughtException', note);
  process.on('unhandledRejection', note);
  try {
    const targets = [
      await stubs.nobody(),
      await stubs.tcp(),
      await stubs.tcp((socket) => socket.end('garbage')),
      await stubs.tcp((socket) => socket.resetAndDestroy()),
      await stubs.tls(),
      await stubs.http2((stream) => stream.close(2)),
      await stubs.http2((stream) => stream.session?.destroy()),
      await stubs.http2((stream) => stream.session?.goaway(0)),
      await stubs.http2(() => undefined, { tls: true }),
    ];
    const runs = targets.flatMap((address) => [
      (signal: AbortSignal) => runGrpcCheck({ type: 'grpc', address, service: '' }, signal),
      (signal: AbortSignal) => runGrpcCheck({ type: 'grpc', address, service: '', tls: anyCertificate }, signal),
      (signal: AbortSignal) => runH2PingCheck({ type: 'h2ping', address }, signal),
      (signal: AbortSignal) => runH2PingCheck({ type: 'h2ping', address, tls: anyCertificate }, signal),
      (signal: AbortSignal) => runTcpCheck({ type: 'tcp', address, tls: anyCertificate }, signal),
      (signal: AbortSignal) => runUdpCheck({ type: 'udp', address }, signal),
    ]);
    const statuses = new Set<string>();
    for (let ms = 0; ms < 20; ms++) {
      const verdicts = await Promise.all(
        runs.map(async (run) => {
          const controller = new AbortController();
          setTimeout(() => controller.abort(), ms);
          return run(controller.signal);
        }),
      );
      for (const { status } of verdicts) statuses.add(status);
    }
    expect([...statuses].toSorted()).toEqual(['critical', 'passing']);
    await new Promise((resolve) => void setTimeout(resolve, 50));
    expect(thrown).toEqual([]);
  } finally {
    process.off('uncaughtException', note);
    process.off('unhandledRejection', note);
  }
});
