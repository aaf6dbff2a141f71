import type { DnsOptions } from '@skein/api';
import type { Answer, DecodedPacket } from 'dns-packet';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decode, DnsClient, encode, texts } from './dns-client.ts';
import { fakeInstance } from './fake-port.ts';

type Exchange = Parameters<NonNullable<DnsOptions['upstream']>>[0];
type Script = (exchange: Exchange, asked: DecodedPacket) => Buffer | undefined;

/** A client of an agent with these recursors; `script` plays them, and gives undefined for silence. */
function forwarding(script: Script, hosts: readonly string[] = ['10.9.0.1', '10.9.0.2']) {
  const asked: {
    host: string;
    transport: string;
    id: number;
    query: DecodedPacket;
    timeoutMs: number;
    /** Whether what it answered is taken for its answer, and not waited past. */
    isTaken: boolean;
  }[] = [];
  const client = new DnsClient({
    recursors: hosts.map((host) => ({ host, port: 53 })),
    upstream: async (exchange) => {
      const query = decode(exchange.message);
      const { host, transport, timeoutMs } = exchange;
      const answer = script(exchange, query);
      const isTaken = answer !== undefined && exchange.accepts(answer);
      asked.push({ host, transport, id: query.id ?? -1, query, timeoutMs, isTaken });
      if (!isTaken) throw new Error('no answer');
      return answer;
    },
  });
  return { client, asked };
}

interface Told {
  readonly rcode?: number;
  readonly flags?: number;
  readonly answers?: Answer[];
}

function told(query: DecodedPacket, { rcode = 0, flags = 0, answers = [] }: Told): Buffer {
  return encode({
    type: 'response',
    id: query.id ?? 0,
    flags: 0x0180 | flags | rcode,
    questions: query.questions ?? [],
    answers,
  });
}

const address = (name: string, data: string): Answer => ({ type: 'A', name, ttl: 60, data });

test('names of others are asked of the first recursor, and its answer is passed on as it is', async () => {
  const { client, asked } = forwarding((_, query) => told(query, { answers: [address('example.com', '192.0.2.7')] }));
  const answer = await client.ask('example.com', 'A');
  expect(answer).toMatchObject({ id: 4711, rcode: 'NOERROR', flag_ra: true, flag_aa: false });
  expect(answer.answers).toMatchObject([{ name: 'example.com', ttl: 60, data: '192.0.2.7' }]);
  expect(asked).toMatchObject([{ host: '10.9.0.1', transport: 'udp', timeoutMs: 2000 }]);
  expect(client.dns.stats().forwarded).toBe(1);
});

test('recursors make recursion available, also in answers of our own', async () => {
  const { client, asked } = forwarding(() => undefined);
  expect((await client.ask('alpha.node.consul', 'A')).flag_ra).toBe(true);
  expect((await client.ask('nobody.node.consul', 'A')).rcode).toBe('NXDOMAIN');
  expect(asked).toEqual([]);
});

test('who does not want recursion gets none', async () => {
  const { client, asked } = forwarding(() => undefined);
  expect((await client.ask('example.com', 'A', { flags: 0 })).rcode).toBe('REFUSED');
  expect(asked).toEqual([]);
});

test('the next recursor is asked when one is silent or cannot find out', async () => {
  for (const rcode of [undefined, 2, 5]) {
    const { client, asked } = forwarding(({ host }, query) => {
      if (host !== '10.9.0.1') return told(query, { answers: [address('example.com', '192.0.2.7')] });
      return rcode === undefined ? undefined : told(query, { rcode });
    });
    expect((await client.ask('example.com', 'A')).answers).toHaveLength(1);
    expect(asked.map(({ host }) => host)).toEqual(['10.9.0.1', '10.9.0.2']);
  }
});

test.each<[string, (whole: Buffer) => Buffer]>([
  ['ends before its records do', (whole) => whole.subarray(0, -3)],
  ['counts more records than it has', (whole) => whole.fill(9, 11, 12)],
  ['has an address of three bytes', (whole) => whole.fill(3, whole.length - 5, whole.length - 4)],
  ['has a name that points forwards', (whole) => whole.fill(0xff, 29, 31)],
])('the next recursor is asked when the answer of one %s', async (_what, broken) => {
  const { client, asked } = forwarding(({ host }, query) => {
    const whole = told(query, { answers: [address('example.com', '192.0.2.7')] });
    return host === '10.9.0.1' ? broken(whole) : told(query, { answers: [address('example.com', '192.0.2.8')] });
  });
  expect((await client.ask('example.com', 'A')).answers).toMatchObject([{ data: '192.0.2.8' }]);
  expect(asked.map(({ host }) => host)).toEqual(['10.9.0.1', '10.9.0.2']);
});

test('SERVFAIL when all say what cannot be read', async () => {
  const { client } = forwarding((_, query) => told(query, { answers: [address('example.com', '192.0.2.7')] }).subarray(0, -1));
  expect((await client.ask('example.com', 'A')).rcode).toBe('SERVFAIL');
});

test('a failure without the question is taken for one at once: from a server that could not read the query', async () => {
  for (const rcode of [1, 2]) {
    const { client, asked } = forwarding(({ host }, query) =>
      host === '10.9.0.1'
        ? told({ ...query, questions: [] }, { rcode })
        : told(query, { answers: [address('example.com', '192.0.2.7')] }),
    );
    expect((await client.ask('example.com', 'A')).answers).toHaveLength(1);
    expect(asked.map(({ isTaken }) => isTaken)).toEqual([true, true]);
  }
});

test('SERVFAIL when none can', async () => {
  const { client } = forwarding(() => undefined);
  expect((await client.ask('example.com', 'A')).rcode).toBe('SERVFAIL');
});

test('that a name does not exist is an answer', async () => {
  const { client, asked } = forwarding((_, query) => told(query, { rcode: 3 }));
  expect((await client.ask('nobody.example.com', 'A')).rcode).toBe('NXDOMAIN');
  expect(asked).toHaveLength(1);
});

test.each<[string, (query: DecodedPacket) => Buffer]>([
  ['another id', (query) => told({ ...query, id: ((query.id ?? 0) + 1) & 0xffff }, {})],
  ['another name', (query) => told({ ...query, questions: [{ name: 'evil.com', type: 'A' }] }, {})],
  ['another type', (query) => told({ ...query, questions: [{ name: 'example.com', type: 'AAAA' }] }, {})],
  ['no question', (query) => told({ ...query, questions: [] }, {})],
  ['a query', (query) => encode({ type: 'query', id: query.id ?? 0, questions: query.questions ?? [] })],
  ['nothing', () => Buffer.alloc(0)],
])('an answer with %s is not taken', async (_what, forge) => {
  const { client } = forwarding((_, query) => forge(query));
  expect((await client.ask('example.com', 'A')).rcode).toBe('SERVFAIL');
});

test('ids cannot be guessed from those before', async () => {
  const { client, asked } = forwarding((_, query) => told(query, {}));
  for (let n = 0; n < 50; n++) await client.ask('example.com', 'A');
  expect(new Set(asked.map(({ id }) => id)).size).toBeGreaterThan(40);
});

test('what was cut short is asked for again over TCP', async () => {
  const many = Array.from({ length: 100 }, (_, n) => address('example.com', `192.0.2.${n}`));
  const { client, asked } = forwarding(({ transport }, query) =>
    transport === 'udp' ? told(query, { flags: 0x0200 }) : told(query, { answers: many }),
  );
  const { answers, flag_tc } = await client.ask('example.com', 'A', { transport: 'tcp' });
  expect([answers?.length, flag_tc]).toEqual([100, false]);
  expect(asked.map(({ transport }) => transport)).toEqual(['udp', 'tcp']);
  // A client of UDP is told to do so himself.
  expect(await client.ask('example.com', 'A')).toMatchObject({ flag_tc: true, answers: [], rcode: 'NOERROR' });
});

test('where the rest of a short answer does not come, the next recursor is asked; what was cut off is the last resort', async () => {
  for (const hasNext of [true, false]) {
    const { client, asked } = forwarding(({ host, transport }, query) => {
      if (host === '10.9.0.1') return transport === 'udp' ? told(query, { flags: 0x0200 }) : undefined;
      return hasNext ? told(query, { answers: [address('example.com', '192.0.2.7')] }) : undefined;
    });
    const { answers, rcode, flag_tc } = await client.ask('example.com', 'A');
    expect([rcode, answers?.length, flag_tc]).toEqual(['NOERROR', hasNext ? 1 : 0, !hasNext]);
    expect(asked.map(({ host, transport }) => `${host} ${transport}`)).toEqual(['10.9.0.1 udp', '10.9.0.1 tcp', '10.9.0.2 udp']);
  }
});

test('EDNS is used where the client uses it, and left out for servers that do not know it', async () => {
  const { client, asked } = forwarding((_, query) =>
    told(query, (query.additionals?.length ?? 0) > 0 ? { rcode: 1 } : { answers: [address('example.com', '192.0.2.7')] }),
  );
  expect((await client.ask('example.com', 'A', { udpSize: 4096 })).answers).toHaveLength(1);
  expect(asked.map(({ query }) => query.additionals?.length)).toEqual([1, 0]);
  expect(asked[0]?.query.additionals).toMatchObject([{ type: 'OPT', udpPayloadSize: 1232 }]);
  await client.ask('example.com', 'A');
  expect(asked.at(-1)?.query.additionals).toEqual([]);
});

test('EDNS is left out too for a server whose refusal of it is nothing but a header', async () => {
  const { client, asked } = forwarding(
    (_, query) =>
      (query.additionals?.length ?? 0) > 0
        ? told({ ...query, questions: [] }, { rcode: 1 })
        : told(query, { answers: [address('example.com', '192.0.2.7')] }),
    ['10.9.0.1'],
  );
  expect((await client.ask('example.com', 'A', { udpSize: 4096 })).answers).toHaveLength(1);
  expect(asked.map(({ query }) => query.additionals?.length)).toEqual([1, 0]);
});

test('addresses that are not ours are looked up backwards by recursors', async () => {
  const { client } = forwarding((_, query) =>
    told(query, { answers: [{ type: 'PTR', name: '9.9.9.9.in-addr.arpa', ttl: 1, data: 'dns.example' }] }),
  );
  expect(texts((await client.ask('9.9.9.9.in-addr.arpa', 'PTR')).answers)).toEqual(['9.9.9.9.in-addr.arpa PTR dns.example']);
  expect(texts((await client.ask('1.0.0.10.in-addr.arpa', 'PTR')).answers)).toEqual([
    '1.0.0.10.in-addr.arpa PTR alpha.node.dc1.consul',
  ]);
});

describe('a host name as the address of an instance', () => {
  function external(script: Script) {
    const made = forwarding(script);
    const { port } = made.client;
    port.addInstance(port.self, fakeInstance('ext-1', 'ext', { address: 'Db.Example.com', port: 5432 }));
    return made;
  }

  test('is followed through the recursors to its addresses', async () => {
    const { client, asked } = external((_, query) =>
      told(query, {
        answers: [
          { type: 'CNAME', name: 'db.example.com', ttl: 9, data: 'db1.example.net' },
          address('db1.example.net', '192.0.2.1'),
          address('db1.example.net', '192.0.2.2'),
        ],
      }),
    );
    const { rcode, answers } = await client.ask('ext.service.consul', 'A');
    expect(rcode).toBe('NOERROR');
    expect(texts(answers)).toEqual([
      'Db.Example.com CNAME db1.example.net',
      'db1.example.net A 192.0.2.1',
      'db1.example.net A 192.0.2.2',
      'ext.service.consul CNAME Db.Example.com',
    ]);
    expect(answers?.slice(0, 2).map(({ type }) => type)).toEqual(['CNAME', 'CNAME']);
    await client.ask('ext.service.consul', 'AAAA');
    expect(asked.map(({ query }) => query.questions?.[0]?.type)).toEqual(['A', 'AAAA']);
  });

  test('is looked up each time, since what it leads to changes without us', async () => {
    const { client, asked } = external((_, query) => told(query, { answers: [address('db.example.com', '192.0.2.1')] }));
    await client.ask('ext.service.consul', 'A');
    await client.ask('ext.service.consul', 'A');
    expect(asked).toHaveLength(2);
  });

  test('that nobody can look up is told as it is, for others to follow; one that does not exist does not', async () => {
    const { rcode, answers } = await external(() => undefined).client.ask('ext.service.consul', 'A');
    expect([rcode, texts(answers)]).toEqual(['NOERROR', ['ext.service.consul CNAME Db.Example.com']]);
    expect((await external((_, query) => told(query, { rcode: 3 })).client.ask('ext.service.consul', 'A')).rcode).toBe(
      'NXDOMAIN',
    );
  });

  test('is not followed for who wants no recursion, or asks for what is no address', async () => {
    const { client, asked } = external(() => undefined);
    for (const [type, flags] of [
      ['A', 0],
      ['TXT', undefined],
      ['UNKNOWN_65', undefined],
    ] as const) {
      const { answers } = await client.ask('ext.service.consul', type as 'A', flags === undefined ? {} : { flags });
      expect(texts(answers)).toEqual(['ext.service.consul CNAME Db.Example.com']);
    }
    expect(asked).toEqual([]);
  });

  test('leads to nothing broken, whatever a recursor says', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), fc.nat(3), async (bytes, count) => {
        const { client } = external((_, query) => {
          const head = told(query, {});
          head.writeUInt16BE(count, 6);
          return Buffer.concat([head, bytes]);
        });
        expect(['NOERROR', 'SERVFAIL']).toContain((await client.ask('ext.service.consul', 'A')).rcode);
      }),
      { numRuns: 300 },
    );
  });
});

test('questions that wait for recursors are limited in number', async () => {
  const waiting: ((answer: Buffer) => void)[] = [];
  const client = new DnsClient({
    recursors: [{ host: '10.9.0.1', port: 53 }],
    upstream: ({ message }) => new Promise((resolve) => waiting.push(() => resolve(told(decode(message), {})))),
  });
  const first = Array.from({ length: 1024 }, () => client.ask('example.com', 'A'));
  expect((await client.ask('example.com', 'A')).rcode).toBe('SERVFAIL');
  for (const answer of waiting) answer(Buffer.alloc(0));
  expect((await Promise.all(first)).every(({ rcode }) => rcode === 'NOERROR')).toBe(true);
});
