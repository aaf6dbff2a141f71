import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import protobuf from 'protobufjs';
import { beforeAll, describe, expect, test } from 'vitest';
import type { CatalogHead, Gossip, Lane, Message, Notary, Signed } from '@skein/core';
import { limits, nodeId } from '@skein/core';
import { createIdentity, createNotary } from '@skein/transport';
import { decodeGreeting, decodeMessage, encodeGreeting, encodeMessage } from '@skein/transport/parts';
import { greeting, message, record } from './arbitraries.ts';

let notary: Notary;
beforeAll(async () => {
  notary = createNotary((await createIdentity()).bytes);
});

const laneOf = ({ type }: Message): Lane => (type.startsWith('sync-') ? 'sync' : 'wire');
const noFacts: Gossip = { type: 'gossip', members: [], accusations: [], deltas: [], heads: [], configs: [] };

function reasonOf(bytes: Uint8Array, lane: Lane = 'wire'): string {
  const decoded = decodeMessage(lane, bytes);
  return decoded.kind === 'refused' ? decoded.reason : decoded.kind;
}

/** A field as bytes: tag, then length and content. Short ones only. */
function field(number: number, content: Uint8Array | readonly number[]): Uint8Array {
  const length = content.length;
  const tag = number * 8 + 2;
  const head = tag < 128 ? [tag] : [(tag & 127) | 128, tag >> 7];
  const size = length < 128 ? [length] : [(length & 127) | 128, length >> 7];
  return Uint8Array.from([...head, ...size, ...content]);
}

const bytes = (...parts: (Uint8Array | readonly number[])[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));

describe('round trips', () => {
  test('every message is decoded as it was encoded', () => {
    fc.assert(
      fc.property(message(notary), (sent) => {
        expect(decodeMessage(laneOf(sent), encodeMessage(sent))).toEqual({ kind: 'message', message: sent });
      }),
      { numRuns: 300 },
    );
  });

  test('every greeting is decoded as it was encoded', () => {
    fc.assert(
      fc.property(greeting, (sent) => {
        expect(decodeGreeting(encodeGreeting(sent))).toEqual({ kind: 'message', message: sent });
      }),
    );
  });

  test('a key that JavaScript treats apart stays an ordinary key', () => {
    const tags = Object.fromEntries([
      ['__proto__', 'x'],
      ['constructor', 'y'],
      ['1', 'z'],
    ]);
    const value = {
      mesh: 'm',
      id: notary.id,
      name: 'n',
      epoch: 1,
      incarnation: 1,
      status: 'alive' as const,
      addresses: [],
      region: '',
      zone: '',
      tags,
      protocolMin: 1,
      protocolMax: 1,
      credential: new Uint8Array(),
      keyHashes: [],
    };
    const sent = { ...noFacts, members: [{ record: notary.sign('member', value), verified: true, absentMs: 0 }] };
    const decoded = decodeMessage('wire', encodeMessage(sent));
    expect(decoded).toEqual({ kind: 'message', message: sent });
    if (decoded.kind !== 'message' || decoded.message.type !== 'gossip') throw new Error('not gossip');
    expect(Object.keys(decoded.message.members[0]?.record.value.tags ?? {}).sort()).toEqual(['1', '__proto__', 'constructor']);
  });

  test('what was decoded does not share memory with the frame', () => {
    const sealed = notary.seal(fc.sample(record, { numRuns: 1, seed: 1 })[0] as never);
    const head = notary.sign('head', {
      mesh: 'm',
      owner: notary.id,
      epoch: 1,
      version: 1,
      count: 1,
      digest: '',
      appliedConfig: '',
    });
    const frame = encodeMessage({ ...noFacts, deltas: [{ head, after: 0, upserts: [sealed], removals: [] }] });
    const decoded = decodeMessage('wire', frame);
    frame.fill(0);
    if (decoded.kind !== 'message' || decoded.message.type !== 'gossip') throw new Error('not gossip');
    expect(decoded.message.deltas[0]?.upserts[0]).toEqual(sealed);
    expect(decoded.message.deltas[0]?.head).toEqual(head);
  });
});

describe('bytes that are no message', () => {
  const judge = (frame: Uint8Array): void => {
    for (const decode of [
      decodeGreeting,
      (b: Uint8Array) => decodeMessage('wire', b),
      (b: Uint8Array) => decodeMessage('sync', b),
    ]) {
      expect(['message', 'unknown', 'refused']).toContain(decode(frame).kind);
    }
  };

  test('random bytes are refused or ignored, never thrown at', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (frame) => judge(frame)),
      { numRuns: 2000 },
    );
  });

  test('a message with bytes changed, cut off or repeated is never thrown at', () => {
    const change = fc.record({ at: fc.nat(), to: fc.nat({ max: 255 }) });
    fc.assert(
      fc.property(
        message(notary),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.nat(),
        fc.boolean(),
        (sent, changes, cut, twice) => {
          const frame = encodeMessage(sent);
          for (const { at, to } of changes) frame[at % frame.length] = to;
          judge(frame);
          judge(frame.subarray(0, cut % frame.length));
          if (twice) judge(bytes(frame, frame));
        },
      ),
      { numRuns: 500 },
    );
  });

  test('every shortened message is refused or says less, and none is longer than what it came from', () => {
    const frame = encodeMessage({ type: 'ping-request', seq: 300, subject: nodeId('peer') });
    for (let length = 0; length < frame.length; length++) expect(reasonOf(frame.subarray(0, length))).not.toBe('message');
  });

  test.each([
    ['nothing', bytes(), 'missing'],
    ['field number 0', bytes([2, 0]), 'malformed'],
    ['a group', bytes([0x83, 1]), 'malformed'],
    ['a length past the end', bytes([0x82, 1, 5, 0]), 'truncated'],
    ['a known message as a number', bytes([0x80, 1, 5]), 'malformed'],
    ['an integer above 2^53 - 1', field(16, [8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]), 'bad-number'],
    ['2^53', field(16, [8, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10]), 'bad-number'],
    ['a varint without an end', field(16, [8, 0x80, 0x80]), 'truncated'],
    ['a field of another wire type', field(16, [10, 1, 65]), 'malformed'],
    ['a field that comes twice', field(16, [8, 1, 8, 2]), 'repeated'],
    ['two messages in one frame', bytes(field(16, [8, 1]), field(16, [8, 1])), 'repeated'],
    ['text that is not UTF-8', field(18, [18, 2, 0xc3, 0x28]), 'bad-text'],
    ['half a surrogate pair', field(18, [18, 3, 0xed, 0xa0, 0x80]), 'bad-text'],
    ['an empty id', field(18, [8, 1]), 'missing'],
    ['a boolean of 2', field(20, [10, 2, 16, 2]), 'bad-number'],
    ['a probe outcome that there is not', field(19, [18, 1, 65, 24, 4]), 'unknown-value'],
    ['a probe report without an outcome', field(19, [18, 1, 65]), 'missing'],
    ['a nested length past its message', field(20, [34, 9, 10, 1]), 'truncated'],
    ['a greeting after admission', field(1, [8, 1]), 'misplaced'],
    ['a sync message on the wire lane', field(32, [8, 1]), 'misplaced'],
  ])('%s is refused', (_what, frame, reason) => {
    expect(reasonOf(frame)).toBe(reason);
  });

  test('a refusal names the field at fault', () => {
    expect(decodeMessage('wire', field(18, [8, 1]))).toMatchObject({ detail: expect.stringContaining('PingRequest.subject') });
  });

  test('an unknown enum value is refused', () => {
    const accusation = field(2, field(1, bytes(field(1, [65]), field(2, [65]), field(3, [65]), [48, 9])));
    expect(reasonOf(field(20, accusation))).toBe('unknown-value');
    const unset = field(2, field(1, bytes(field(1, [65]), field(2, [65]), field(3, [65]), [48, 0])));
    expect(reasonOf(field(20, unset))).toBe('unknown-value');
  });

  test('a record that is neither an instance nor a check, or both, is refused', () => {
    const head = field(1, field(1, bytes(field(1, [65]), field(2, [65]))));
    const none = field(3, [8, 1]);
    expect(reasonOf(field(20, field(3, bytes(head, none))))).toBe('missing');
  });

  test('a map key that comes twice is refused', () => {
    const tag = field(10, bytes(field(1, [65]), field(2, [66])));
    const record = bytes(field(1, [65]), field(2, [65]), field(3, [65]), [48, 1], tag, tag);
    expect(reasonOf(field(20, field(1, field(1, field(1, record)))))).toBe('repeated');
  });
});

describe('what a newer version may add', () => {
  test('a field that is not known is skipped, of any wire type', () => {
    const extra = bytes([0xf8, 1, 5], [0xf9, 1, 1, 2, 3, 4, 5, 6, 7, 8], [0xfa, 1, 1, 9], [0xfd, 1, 1, 2, 3, 4]);
    const expected = { kind: 'message', message: { type: 'ping', seq: 7, root: 3 } };
    expect(decodeMessage('wire', field(16, bytes(extra, [8, 7], extra, [16, 3], extra)))).toEqual(expected);
    expect(decodeMessage('wire', bytes(extra, field(16, [8, 7, 16, 3]), extra))).toEqual(expected);
  });

  test('a message that is not known is told apart from a broken one', () => {
    expect(decodeMessage('wire', field(100, [1, 2, 3]))).toEqual({ kind: 'unknown' });
    expect(decodeMessage('sync', field(100, []))).toEqual({ kind: 'unknown' });
  });

  test('unpacked lists of numbers are read like packed ones', () => {
    const expected = { kind: 'message', message: { type: 'sync-open', exchange: 1, buckets: [5, 300], wallMs: 0 } };
    expect(decodeMessage('sync', field(32, [8, 1, 16, 5, 16, 0xac, 2]))).toEqual(expected);
  });

  test('a relay passes signed bytes on unchanged, with fields it does not know', () => {
    const signed = notary.sign('head', {
      mesh: 'm',
      owner: notary.id,
      epoch: 1,
      version: 1,
      count: 0,
      digest: '',
      appliedConfig: '',
    });
    const newer = { ...signed, bytes: bytes(signed.bytes, field(99, [1, 2, 3])) };
    const first = decodeMessage('wire', encodeMessage({ ...noFacts, heads: [newer] }));
    if (first.kind !== 'message') throw new Error('refused');
    const second = decodeMessage('wire', encodeMessage(first.message));
    expect(second).toEqual({ kind: 'message', message: { ...noFacts, heads: [newer] } });
  });
});

describe('a head of a version that does not tell which config its owner applies', () => {
  const head = (appliedConfig: string): Signed<CatalogHead> =>
    notary.sign('head', { mesh: 'm', owner: notary.id, epoch: 1, version: 1, count: 0, digest: 'd', appliedConfig });

  test('is read as one that tells nothing, and is signed over the same bytes', () => {
    const [silent, telling] = [head(''), head('none')];
    // The last field, which an older version passes over.
    expect(telling.bytes).toEqual(bytes(silent.bytes, [0x3a, 4, ...new TextEncoder().encode('none')]));
    const decoded = decodeMessage('wire', encodeMessage({ ...noFacts, heads: [silent, telling] }));
    expect(decoded).toEqual({ kind: 'message', message: { ...noFacts, heads: [silent, telling] } });
  });

  test('or tells too much is refused', () => {
    const long = head('x'.repeat(65));
    expect(decodeMessage('wire', encodeMessage({ ...noFacts, heads: [long] }))).toMatchObject({
      kind: 'refused',
      reason: 'too-long',
    });
  });
});

describe('limits', () => {
  const entries = (count: number): Message => ({
    type: 'sync-digest',
    exchange: 1,
    buckets: [],
    entries: Array.from({ length: count }, () => ({ key: 'm/x', stamp: [1] })),
  });
  const wants = (count: number): Message => ({
    type: 'sync-pull',
    exchange: 1,
    wants: Array.from({ length: count }, () => ({ key: 'm/x', have: [] })),
  });
  const buckets = (count: number): Message => ({
    type: 'sync-open',
    exchange: 1,
    wallMs: 0,
    buckets: Array.from({ length: count }, () => 1),
  });
  const subject = (length: number): Message => ({ type: 'ping-request', seq: 1, subject: nodeId('ä'.repeat(length)) });
  const stamp = (count: number): Message => ({
    type: 'sync-pull',
    exchange: 1,
    wants: [{ key: 'm/x', have: Array.from({ length: count }, () => 1) }],
  });
  const emptyHead = (): Signed<CatalogHead> =>
    notary.sign('head', { mesh: 'm', owner: notary.id, epoch: 1, version: 1, count: 0, digest: '', appliedConfig: '' });
  const heads = (count: number): Message => {
    const head = emptyHead();
    return {
      type: 'sync-facts',
      exchange: 1,
      facts: { ...noFacts, heads: Array.from({ length: count }, () => head) },
      wants: [],
      last: true,
    };
  };
  const records = (count: number): Message => {
    const small = notary.seal(fc.sample(record, { numRuns: 1, seed: 3 })[0] as never);
    const delta = { head: emptyHead(), after: 0, upserts: Array.from({ length: count }, () => small), removals: [] };
    return { type: 'sync-facts', exchange: 1, facts: { ...noFacts, deltas: [delta] }, wants: [], last: true };
  };
  const json = (length: number): Message => {
    const value = {
      mesh: 'm',
      kind: 'k',
      name: 'n',
      author: notary.id,
      time: { ms: 1, counter: 0 },
      parent: '',
      json: 'x'.repeat(length),
      deleted: false,
    };
    return { ...noFacts, configs: [notary.sign('config', value)] };
  };

  test.each([
    ['digest entries', entries, limits.digestEntries, 'too-many'],
    ['wants', wants, limits.wantsPerMessage, 'too-many'],
    ['buckets', buckets, limits.digestBuckets, 'too-many'],
    ['numbers of a stamp', stamp, 8, 'too-many'],
    ['characters of an id', subject, limits.nameLength, 'too-long'],
    ['heads', heads, limits.factsPerMessage, 'too-many'],
    ['records of a delta', records, limits.recordsPerOwner, 'too-many'],
    ['characters of a config entry', json, limits.configBytes, 'too-long'],
  ] as const)('%s: the limit passes, one more is refused', (_what, make, limit, reason) => {
    const at = make(limit);
    const above = make(limit + 1);
    expect(reasonOf(encodeMessage(at), laneOf(at))).toBe('message');
    expect(reasonOf(encodeMessage(above), laneOf(above))).toBe(reason);
  });

  test('a million empty records in one message are refused at the first', () => {
    const head = field(1, field(1, bytes(field(1, [65]), field(2, [65]))));
    const flood = new Uint8Array(2_000_000);
    for (let i = 0; i < flood.length; i += 2) flood[i] = 26;
    const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]);
    const wrap = (number: number, content: Uint8Array): Uint8Array =>
      Buffer.concat([Buffer.from([...varint(number * 8 + 2), ...varint(content.length)]), content]);
    const frame = wrap(34, Buffer.concat([Buffer.from([8, 1]), wrap(2, wrap(3, Buffer.concat([head, flood])))]));
    expect(reasonOf(frame, 'sync')).toBe('missing');
  });

  test.each([[-1], [0.5], [Number.NaN], [Number.POSITIVE_INFINITY], [2 ** 53]])('the number %d is not encoded', (seq) => {
    expect(() => encodeMessage({ type: 'ping', seq, root: 0 })).toThrow(expect.objectContaining({ reason: 'bad-number' }));
  });
});

describe('the published schema', () => {
  const file = join(import.meta.dirname, '../../packages/transport/src/codec/skein.proto');
  const schema = protobuf.parse(readFileSync(file, 'utf8'), { keepCase: true }).root.resolveAll();
  /** Another codec reads the bytes and writes them again: a field that the schema lacks, or has otherwise, would be lost. */
  const same = (type: string, encoded: Uint8Array): void => {
    const lookup = schema.lookupType(`skein.v1.${type}`);
    expect(new Uint8Array(lookup.encode(lookup.decode(encoded)).finish())).toEqual(encoded);
  };

  test('is what messages are encoded by', () => {
    fc.assert(
      fc.property(message(notary), (sent) => {
        same('Frame', encodeMessage(sent));
        for (const gossip of sent.type === 'gossip' ? [sent] : sent.type === 'sync-facts' ? [sent.facts] : []) {
          for (const { record } of gossip.members) same('MemberRecord', record.bytes);
          for (const { bytes } of gossip.accusations) same('Accusation', bytes);
          for (const { bytes } of gossip.heads) same('CatalogHead', bytes);
          for (const { bytes } of gossip.configs) same('ConfigVersion', bytes);
          for (const { bytes } of gossip.deltas.flatMap(({ upserts }) => upserts)) same('CatalogRecord', bytes);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('is what greetings are encoded by', () => {
    fc.assert(fc.property(greeting, (sent) => same('Frame', encodeGreeting(sent))));
  });
});
