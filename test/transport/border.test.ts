/** The small parts at the border: frames, addresses, rate limits, refusals. */

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nodeId } from '@skein/core';
import { encodeFrames, formatAddress, FrameReader, listensOn, parseAddress, RateLimiter, Refusals } from '@skein/transport/parts';

describe('frames', () => {
  const read = (chunks: readonly Uint8Array[], limit = 1000): { bodies: Uint8Array[]; ok: boolean } => {
    const reader = new FrameReader();
    const bodies: Uint8Array[] = [];
    const take = (body: Uint8Array): boolean => {
      bodies.push(new Uint8Array(body));
      return true;
    };
    const ok = chunks.every((chunk) => reader.push(chunk, () => limit, take));
    return { bodies, ok };
  };

  test('survive any way in which the stream cuts and joins them', () => {
    const bodies = fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { maxLength: 10 });
    fc.assert(
      fc.property(bodies, fc.array(fc.nat({ max: 20 })), (sent, cuts) => {
        let rest = new Uint8Array(encodeFrames(sent));
        const chunks: Uint8Array[] = [];
        for (const cut of cuts) {
          chunks.push(rest.subarray(0, cut));
          rest = rest.subarray(cut);
        }
        expect(read([...chunks, rest])).toEqual({ bodies: sent, ok: true });
      }),
    );
  });

  test('of the limit pass, one byte more is refused before it has arrived', () => {
    expect(read([encodeFrames([new Uint8Array(1000)])]).ok).toBe(true);
    expect(read([encodeFrames([new Uint8Array(1001)]).subarray(0, 4)])).toEqual({ bodies: [], ok: false });
    expect(read([Uint8Array.from([255, 255, 255, 255])])).toEqual({ bodies: [], ok: false });
  });

  test('without content are refused', () => {
    expect(read([new Uint8Array(4)])).toEqual({ bodies: [], ok: false });
  });

  test('after one that its taker stopped at are not read', () => {
    const reader = new FrameReader();
    const seen: number[] = [];
    const stop = (body: Uint8Array): boolean => {
      seen.push(body[0] as number);
      return false;
    };
    expect(reader.push(encodeFrames([Uint8Array.of(1), Uint8Array.of(2)]), () => 10, stop)).toBe(false);
    expect(seen).toEqual([1]);
  });
});

describe('addresses', () => {
  test.each([
    ['10.0.0.1:7946', '10.0.0.1', 7946, undefined],
    ['[::1]:80', '::1', 80, undefined],
    ['host-1.example.com:1', 'host-1.example.com', 1, undefined],
    ['localhost:0', 'localhost', 0, undefined],
    ['/ip4/10.0.0.1/tcp/7946', '10.0.0.1', 7946, undefined],
    ['/ip6/::1/tcp/80', '::1', 80, undefined],
    ['/dns4/host.example/tcp/5', 'host.example', 5, undefined],
    [
      '/ip4/10.0.0.1/tcp/7946/p2p/12D3KooWE82N9XdJyBBuJkf2F5aKNEF1YtncLyWf732sj1FD5phQ',
      '10.0.0.1',
      7946,
      '12D3KooWE82N9XdJyBBuJkf2F5aKNEF1YtncLyWf732sj1FD5phQ',
    ],
  ])('%s is understood', (text, host, port, peer) => {
    expect(parseAddress(text)).toEqual({ host, port, peer });
  });

  test.each([
    '',
    'host',
    ':80',
    'host:',
    'host:x',
    'host:65536',
    'host:-1',
    '::1:80',
    '[::1]',
    '[host]:80',
    '1.2.3:80',
    '1.2.3.256:80',
    'ho st:80',
    '-host:80',
    `${'x'.repeat(300)}:80`,
    '/ip4/10.0.0.1',
    '/ip4/10.0.0.1/udp/80',
    '/ip4/10.0.0.1/tcp/80/ws',
    '/ip4/nonsense/tcp/80',
    '/unix/tmp/socket',
    '/',
  ])('%s is no address', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  test('IPv6 is written in brackets', () => {
    expect([formatAddress('::1', 80), formatAddress('10.0.0.1', 80)]).toEqual(['[::1]:80', '10.0.0.1:80']);
  });
});

describe('rate limits', () => {
  test('a key has its burst, then as much as time brings', () => {
    let now = 0;
    const limiter = new RateLimiter({ burst: 2, perSecond: 1, maxKeys: 10 }, () => now);
    expect([limiter.take('a'), limiter.take('a'), limiter.take('a')]).toEqual([true, true, false]);
    expect([limiter.exhausted('a'), limiter.exhausted('b')]).toEqual([true, false]);
    now = 1000;
    expect([limiter.take('a'), limiter.take('a')]).toEqual([true, false]);
    now = 100_000;
    expect([limiter.take('a'), limiter.take('a'), limiter.take('a')]).toEqual([true, true, false]);
  });

  test('so many keys are remembered, the ones used last', () => {
    const limiter = new RateLimiter({ burst: 1, perSecond: 0, maxKeys: 2 }, () => 0);
    for (const key of ['a', 'b', 'a', 'c']) limiter.take(key);
    expect([limiter.exhausted('a'), limiter.exhausted('b'), limiter.exhausted('c')]).toEqual([true, false, true]);
  });
});

describe('refusals', () => {
  const peer = nodeId('p');
  const refusal = (reason: string, detail = ''): Parameters<Refusals['note']>[0] => ({ reason, peer, address: 'x', detail });

  test('are all counted, and reported at a bounded rate', () => {
    const reported: string[] = [];
    const refusals = new Refusals(
      () => 0,
      ({ reason }) => reported.push(reason),
    );
    for (let i = 0; i < 1000; i++) refusals.note(refusal('bad-frame'));
    expect(refusals.counts).toEqual({ 'bad-frame': 1000 });
    expect(reported).toHaveLength(32);
  });

  test('with reasons that a peer made up fill no memory', () => {
    const refusals = new Refusals(
      () => 0,
      () => undefined,
    );
    for (let i = 0; i < 1000; i++) refusals.note(refusal(`made-up-${'x'.repeat(i % 30)}${String.fromCodePoint(97 + (i % 26))}`));
    for (const reason of ['', 'With Spaces', '__proto__', 'x'.repeat(1000)]) refusals.note(refusal(reason));
    expect(Object.keys(refusals.counts).length).toBeLessThanOrEqual(65);
    expect(refusals.counts['other']).toBeGreaterThan(0);
  });

  test('bring no control characters into a log', () => {
    const details: string[] = [];
    const refusals = new Refusals(
      () => 0,
      ({ detail }) => details.push(detail),
    );
    refusals.note(refusal('bad-frame', `a\u001b[31m\nb\u202e${'x'.repeat(1000)}`));
    expect(details[0]).toMatch(/^a\?\[31m\?b\?x+$/);
    expect(details[0]?.length).toBeLessThanOrEqual(300);
  });

  test('block a peer sooner than the address it shares with others', () => {
    const refusals = new Refusals(
      () => 0,
      () => undefined,
    );
    for (let i = 0; i < 8; i++) refusals.blame(peer, 'host');
    expect([refusals.peerBlocked(peer), refusals.addressBlocked('host')]).toEqual([true, false]);
    for (let i = 0; i < 56; i++) refusals.blame(nodeId(`p${i}`), 'host');
    expect([refusals.peerBlocked(nodeId('p1')), refusals.addressBlocked('host')]).toEqual([false, true]);
  });
});

test.each([
  ['127.0.0.1:7', '127.0.0.1', 7, true],
  ['127.0.0.1:7', '127.0.0.1', 8, false],
  ['127.0.0.1:7', '127.0.0.2', 7, false],
  ['0.0.0.0:7', '127.0.0.2', 7, true],
  ['0.0.0.0:7', '192.0.2.1', 7, false],
  ['0.0.0.0:7', '::1', 7, false],
  ['[::]:7', '127.0.0.1', 7, true],
  ['[::1]:7', '::1', 7, true],
])('who listens on %s and dials %s port %i reaches itself: %s', (listening, ip, port, own) => {
  expect(listensOn([listening], ip, port)).toBe(own);
});
