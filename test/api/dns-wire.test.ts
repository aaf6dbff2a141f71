import { decode as decodePacket, streamDecode, RECURSION_DESIRED } from 'dns-packet';
import type { Packet } from 'dns-packet';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decode, DnsClient, encode, opt, texts } from './dns-client.ts';
import type { Decoded } from './dns-client.ts';
import { fakeInstance } from './fake-port.ts';

/** A service of `count` instances, each with an address of its own. */
function crowd(count: number): DnsClient {
  const client = new DnsClient();
  const { port } = client;
  for (let n = 0; n < count; n++) {
    const address = `10.2.${n >> 8}.${n & 255}`;
    port.addInstance(port.self, fakeInstance(`web-${n}`, 'web', { address, port: 1000 + n }));
  }
  return client;
}

const question = { name: 'web.service.consul', type: 'SRV' } as const;

function query(more: Partial<Packet> = {}): Buffer {
  return encode({ type: 'query', id: 0xabcd, flags: RECURSION_DESIRED, questions: [question], ...more });
}

/** With bytes of the header replaced. */
function patched(bytes: Buffer, patch: Readonly<Record<number, number>>): Buffer {
  const copy = Buffer.from(bytes);
  for (const [at, byte] of Object.entries(patch)) copy[Number(at)] = byte;
  return copy;
}

async function rcodeOf(client: DnsClient, message: Buffer): Promise<string | undefined> {
  const answer = await client.send(message);
  return answer === undefined ? undefined : decode(answer).rcode;
}

describe('what is no query', () => {
  test.each([
    ['nothing', Buffer.alloc(0)],
    ['less than a header', query().subarray(0, 11)],
    ['an answer, which would be answered forever', patched(query(), { 2: 0x80 })],
  ])('gets no answer: %s', async (_what, message) => {
    const client = crowd(1);
    expect(await client.send(message)).toBeUndefined();
    expect(client.dns.stats().dropped).toBe(1);
  });
});

describe('a query that is malformed gets FORMERR:', () => {
  const root = Buffer.from([0]);
  const optRecord = (data: Buffer): Buffer =>
    Buffer.concat([root, Buffer.from([0, 41, 16, 0, 0, 0, 0, 0, 0, data.length]), data]);
  const withExtra = (count: number, ...extra: readonly Buffer[]): Buffer =>
    Buffer.concat([patched(query(), { 11: count }), ...extra]);
  const withName = (...bytes: readonly number[]): Buffer =>
    Buffer.concat([query().subarray(0, 12), Buffer.from(bytes), Buffer.from([0, 1, 0, 1])]);
  test.each([
    ['no question', patched(query(), { 5: 0 })],
    ['two questions', query({ questions: [question, question] })],
    ['a question that is cut off', query().subarray(0, 20)],
    ['a question without its class', query().subarray(0, -2)],
    ['a name that points somewhere', withName(0xc0, 12)],
    ['a name that points to itself', withName(1, 97, 0xc0, 12)],
    ['a label of a reserved kind', withName(0x41, 97, 0)],
    ['a name of more than 255 bytes', withName(...Array.from({ length: 130 }, () => [1, 97]).flat(), 0)],
    ['a byte too many', Buffer.concat([query(), root])],
    ['an answer in the query', patched(query(), { 7: 1 })],
    ['an authority in the query', patched(query(), { 9: 1 })],
    ['a record that is counted and not there', withExtra(1)],
    ['two records of EDNS', withExtra(2, optRecord(Buffer.alloc(0)), optRecord(Buffer.alloc(0)))],
    ['options that end too early', withExtra(1, optRecord(Buffer.from([0, 10, 0, 9, 1])))],
    ['EDNS with a name', Buffer.concat([patched(query(), { 11: 1 }), Buffer.from([1, 97]), optRecord(Buffer.alloc(0))])],
    ['the type of EDNS as a question', query({ questions: [{ name: 'consul', type: 'OPT' }] })],
    ['a message of more than 4096 bytes', withExtra(1, optRecord(Buffer.alloc(0)), Buffer.alloc(4096))],
  ])('%s', async (_what, message) => expect(await rcodeOf(crowd(1), message)).toBe('FORMERR'));
});

describe('what is not done here is said so:', () => {
  test.each([
    ['a zone transfer', query({ questions: [{ name: 'consul', type: 'AXFR' }] }), 'NOTIMP'],
    ['an incremental one, with its SOA', patched(query({ questions: [{ name: 'consul', type: 'IXFR' }] }), { 9: 1 }), 'NOTIMP'],
    ['an update', patched(query(), { 2: 0x28 }), 'NOTIMP'],
    ['a notification', patched(query(), { 2: 0x20 }), 'NOTIMP'],
    ['another class', query({ questions: [{ ...question, class: 'CH' }] }), 'REFUSED'],
    ['a name of others', query({ questions: [{ name: 'example.com', type: 'A' }] }), 'REFUSED'],
    ['the root', query({ questions: [{ name: '.', type: 'NS' }] }), 'REFUSED'],
  ])('%s', async (_what, message, rcode) => expect(await rcodeOf(crowd(1), message)).toBe(rcode));
});

test('the answer repeats id, opcode, the wish to recurse and the question as it was written', async () => {
  const asked = query({ questions: [{ name: 'wEb.SeRvIcE.cOnSuL', type: 'A' }] });
  const answer = await crowd(2).send(asked);
  const bytes = Buffer.from(answer ?? []);
  expect(bytes.subarray(0, 2)).toEqual(asked.subarray(0, 2));
  expect(bytes.readUInt16BE(2)).toBe(0x8500);
  expect(bytes.subarray(12, asked.length)).toEqual(asked.subarray(12));
  expect(texts(decode(bytes).answers)).toEqual(['wEb.SeRvIcE.cOnSuL A 10.2.0.0', 'wEb.SeRvIcE.cOnSuL A 10.2.0.1']);
});

test('class ANY is answered as the Internet', async () => {
  const any = query({ questions: [{ ...question, class: 'ANY' }] });
  expect(await rcodeOf(crowd(1), any)).toBe('NOERROR');
});

describe('EDNS', () => {
  test('is answered with EDNS, and only then', async () => {
    const client = crowd(1);
    const [record, ...others] = (await client.ask('web.service.consul', 'A', { udpSize: 4096 })).additionals ?? [];
    expect(record).toMatchObject({ type: 'OPT', name: '.', udpPayloadSize: 1232, ednsVersion: 0, extendedRcode: 0 });
    expect(others).toEqual([]);
    expect((await client.ask('web.service.consul', 'A')).additionals).toEqual([]);
  });

  test('of a later version gets BADVERS, which only EDNS can say', async () => {
    const [record] =
      decode(Buffer.from((await crowd(1).send(query({ additionals: [{ ...opt(1232), ednsVersion: 1 } as never] }))) ?? []))
        .additionals ?? [];
    expect(record).toMatchObject({ type: 'OPT', extendedRcode: 1, ednsVersion: 0 });
  });

  test('repeats that signatures are wanted (RFC 3225)', async () => {
    const asked = query({ additionals: [{ ...opt(1232), flags: 0x8000, flag_do: true } as never] });
    expect(decode(Buffer.from((await crowd(1).send(asked)) ?? [])).additionals?.at(-1)).toMatchObject({ flag_do: true });
  });

  test.each([
    [1, 512],
    [511, 512],
    [600, 600],
    [1232, 1232],
    [65_535, 8192],
  ])('a client that takes %s bytes gets at most %s', async (udpSize, limit) => {
    const client = crowd(400);
    const answer = await client.send(query({ additionals: [opt(udpSize)] }));
    expect(answer?.length).toBeLessThanOrEqual(limit);
    // Full, but for less than one record.
    expect(answer?.length).toBeGreaterThan(limit - 60);
  });
});

describe('an answer that does not fit', () => {
  test('says so and has as many answers as do fit', async () => {
    const { flag_tc, answers } = await crowd(400).ask('web.service.consul', 'A');
    expect(flag_tc).toBe(true);
    expect(answers).toHaveLength(Math.floor((512 - 12 - 24) / 16));
  });

  test('says nothing where only addresses of targets are left out', async () => {
    const { flag_tc, answers, additionals } = await crowd(9).ask('web.service.consul', 'SRV');
    expect(flag_tc).toBe(false);
    expect(answers).toHaveLength(9);
    expect(additionals?.length).toBeLessThan(9);
  });

  test('comes whole over TCP, up to 1024 places and 4096 addresses', async () => {
    const { flag_tc, answers } = await crowd(400).ask('web.service.consul', 'A', { transport: 'tcp' });
    expect(flag_tc).toBe(false);
    expect(answers).toHaveLength(400);
    const many = crowd(4200);
    expect((await many.ask('web.service.consul', 'A', { transport: 'tcp' })).answers?.length).toBe(
      Math.floor((65_535 - 36) / 16),
    );
    // There is no other way to ask for the rest, so nothing tells the client to try one.
    expect((await many.ask('web.service.consul', 'A', { transport: 'tcp' })).flag_tc).toBe(false);
    expect((await many.ask('web.service.consul', 'SRV', { transport: 'tcp' })).answers?.length).toBe(1024);
  });

  test('shows different instances each time', async () => {
    const client = crowd(400);
    const seen = new Set<string>();
    for (let n = 0; n < 100; n++) for (const text of texts((await client.ask('web.service.consul', 'A')).answers)) seen.add(text);
    expect(seen.size).toBe(400);
  });
});

test('names are written once: ten places with their addresses take 667 bytes', async () => {
  const answer = await crowd(10).send(query({ additionals: [opt(1232)] }));
  const { answers, additionals } = decode(answer ?? Buffer.alloc(0));
  expect([answers?.length, texts(additionals).length]).toEqual([10, 10]);
  expect(answer?.length).toBeLessThanOrEqual(667);
});

test('what was written before does not show in an answer, after any number of them', async () => {
  const client = crowd(2);
  const asked = [
    query(),
    query({ questions: [{ name: 'consul', type: 'NS' }] }),
    query({ questions: [{ name: 'alpha.node.dc1.consul', type: 'A' }] }),
  ];
  const expected = await Promise.all(asked.map(async (message) => read(await client.send(message))));
  for (let n = 0; n < 66_000; n++) {
    const answer = await client.send(asked[n % 3] ?? query());
    // Numbers start over after 65 536 messages.
    if (n % 100 === 0 || (n > 65_500 && n < 65_570)) expect(read(answer)).toEqual(expected[n % 3]);
  }
});

function read(answer: Uint8Array | undefined): readonly (readonly string[])[] {
  const { answers, additionals } = decode(answer ?? Buffer.alloc(0));
  return [texts(answers), texts(additionals)];
}

test('large answers to one receiver who proves nothing are limited in number; then he is told to ask over TCP', async () => {
  let nowMs = 0;
  const client = new DnsClient({ nowMs: () => nowMs });
  for (let n = 0; n < 20; n++)
    client.port.addInstance(client.port.self, fakeInstance(`i${n}`, 'web', { address: `10.2.0.${n}`, port: 1 }));
  const ask = (address: string, transport: 'udp' | 'tcp' = 'udp'): Promise<Decoded> =>
    client.ask('web.service.consul', 'SRV', { udpSize: 4096, address, transport });
  for (let n = 0; n < 1000; n++) expect((await ask('192.0.2.1')).answers).toHaveLength(20);
  expect(await ask('192.0.2.1')).toMatchObject({ flag_tc: true, rcode: 'NOERROR', answers: [] });
  expect((await ask('192.0.2.1', 'tcp')).answers).toHaveLength(20);
  expect((await ask('192.0.2.2')).answers).toHaveLength(20);
  nowMs += 1000;
  expect((await ask('192.0.2.1')).answers).toHaveLength(20);
});

test('answers are counted by code', async () => {
  const client = crowd(1);
  await client.ask('web.service.consul', 'A');
  await client.ask('nobody.service.consul', 'A');
  await client.ask('nobody.node.consul', 'A');
  await client.ask('example.com', 'A');
  expect(client.dns.stats()).toMatchObject({ answers: { NOERROR: 1, NXDOMAIN: 2, REFUSED: 1 }, truncated: 0, forwarded: 0 });
});

const label = fc.string({ minLength: 1, maxLength: 63, unit: fc.constantFrom(...'a b c X Y Z 0 1 9 - _'.split(' ')) });
const word = fc.constantFrom(
  'web',
  'Web',
  'v1',
  'service',
  'node',
  'addr',
  'query',
  'dc1',
  'dc',
  'consul',
  'MESH',
  'arpa',
  'in-addr',
  'ip6',
  '_web',
  '_tcp',
  'alpha',
  '0a000001',
  '1',
  '10',
  '0',
);
const anyName = fc
  .array(fc.oneof({ weight: 4, arbitrary: word }, label), { minLength: 1, maxLength: 12 })
  .map((labels) => labels.join('.'))
  .filter((name) => name.length < 250);
const anyType = fc.constantFrom(
  'A',
  'AAAA',
  'ANY',
  'SRV',
  'TXT',
  'PTR',
  'SOA',
  'NS',
  'CNAME',
  'MX',
  'AXFR',
  'CAA',
  'NAPTR',
) as fc.Arbitrary<'A'>;

describe('whatever comes', () => {
  const client = crowd(40);
  client.port.addInstance(client.port.self, fakeInstance('ext', 'ext', { address: 'web.service.consul', port: 1 }));

  test('as bytes: the answer is a message that another program can read, or none', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        const answer = await client.send(bytes);
        if (answer !== undefined) expect(decode(answer).type).toBe('response');
      }),
      { numRuns: 1000 },
    );
  });

  test('as a query with bytes changed, cut off or added: the same', async () => {
    const change = fc.record({ at: fc.nat(60), byte: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { maxLength: 4 }),
        fc.nat(70),
        fc.uint8Array({ maxLength: 8 }),
        async (changes, end, more) => {
          const bytes = query({ additionals: [opt(1232)] });
          for (const { at, byte } of changes) bytes[at % bytes.length] = byte;
          const answer = await client.send(Buffer.concat([bytes.subarray(0, end), more]));
          if (answer !== undefined) expect(decode(answer).type).toBe('response');
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('as a name and a type: within the size, read whole by another decoder, and over TCP never cut', async () => {
    await fc.assert(
      fc.asyncProperty(anyName, anyType, fc.option(fc.integer({ min: 0, max: 5000 })), async (name, type, udpSize) => {
        const asked = encode({
          type: 'query',
          id: 1,
          questions: [{ name, type }],
          ...(udpSize === null ? {} : { additionals: [opt(udpSize)] }),
        });
        const udp = Buffer.from((await client.send(asked)) ?? []);
        expect(udp.length).toBeLessThanOrEqual(Math.max(512, udpSize ?? 0));
        const short = decode(udp);
        expect(decodePacket.bytes).toBe(udp.length);
        expect(short.questions).toEqual([{ name, type, class: 'IN' }]);
        const whole = decode(Buffer.from((await client.send(asked, { transport: 'tcp' })) ?? []));
        expect(whole.flag_tc).toBe(false);
        expect(texts(whole.answers)).toEqual(expect.arrayContaining([...texts(short.answers)]));
        if (!short.flag_tc) expect(texts(short.answers)).toEqual(texts(whole.answers));
      }),
      { numRuns: 1000 },
    );
  });
});

test('over TCP an answer comes behind its length', async () => {
  // `inject` takes the length away; what is left is what the length says.
  const answer = Buffer.from((await crowd(3).send(query(), { transport: 'tcp' })) ?? []);
  const framed = Buffer.alloc(2 + answer.length);
  framed.writeUInt16BE(answer.length);
  answer.copy(framed, 2);
  expect(streamDecode(framed)?.answers).toHaveLength(3);
});
