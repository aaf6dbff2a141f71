/** What DNS answers may be told: how long to remember, whom to leave out, and to keep an order. */

import type { DnsPolicy } from '@skein/api';
import type { ConfigEntry, Coordinate } from '@skein/core';
import { expect, test } from 'vitest';
import { DnsClient, texts } from './dns-client.ts';
import { fakeInstance } from './fake-port.ts';

function at(ms: number): Coordinate {
  return { positionUs: [ms * 1000, 0, 0, 0, 0, 0, 0, 0], heightUs: 100, adjustmentUs: 0, errorPpm: 200_000 };
}

function mesh(policy: DnsPolicy = {}): DnsClient {
  const client = new DnsClient({ policy });
  const { port } = client;
  port.members.get(port.self)!.coordinate = at(0);
  for (const [name, ms, address] of [
    ['far', 120, '10.0.0.9'],
    ['near', 10, '10.0.0.2'],
    ['middle', 50, '10.0.0.5'],
  ] as const) {
    const { id } = port.addMember(name, { address, coordinate: at(ms) });
    port.addInstance(id, fakeInstance(`web-${name}`, 'web', { address: '', port: ms }), [
      name === 'middle' ? 'warning' : 'passing',
    ]);
  }
  port.addInstance(port.self, fakeInstance('api-1', 'api-one', { address: '10.1.0.1', port: 1 }));
  port.addInstance(port.self, fakeInstance('host-1', 'host', { address: 'db.example.com', port: 1 }));
  return client;
}

/** A prepared query as the mesh keeps it. */
function store(client: DnsClient, query: object): void {
  const version = { time: { ms: 1, counter: 0 }, author: client.port.self, authorName: 'alpha' };
  const entry = { kind: 'prepared-query', name: 'id-1', value: { Name: 'q', ...query }, index: 1, createIndex: 1, version };
  client.port.configs.set('prepared-query/id-1', entry as unknown as ConfigEntry);
  client.port.bump('config');
}

interface Ttls {
  readonly answers?: readonly object[] | undefined;
  readonly additionals?: readonly object[] | undefined;
}

function ttls({ answers = [], additionals = [] }: Ttls): readonly unknown[] {
  const records = [...answers, ...additionals] as readonly { readonly ttl?: number; readonly type: string }[];
  return [...new Set(records.filter(({ type }) => type !== 'OPT').map(({ ttl }) => ttl))];
}

const serviceTtlS = { Web: 5, 'api-*': 7, 'api-o*': 8, '*': 9 };

test.each([
  ['web.service.consul', 'A', 5],
  ['web.service.consul', 'SRV', 5],
  ['WEB.service.mesh', 'ANY', 5],
  ['_web._tcp.service.consul', 'SRV', 5],
  ['api-one.service.consul', 'A', 8],
  ['host.service.consul', 'A', 9],
  ['far.node.consul', 'A', 3],
  ['far.node.consul', 'TXT', 3],
  ['0a010001.addr.consul', 'A', 3],
  ['consul', 'NS', 3],
  ['consul', 'SOA', 0],
  ['9.0.0.10.in-addr.arpa', 'PTR', 0],
] as const)('%s %s may be remembered for %i s: the exact name counts first, then the longest prefix', async (name, type, ttl) => {
  expect(ttls(await mesh({ serviceTtlS, nodeTtlS: 3 }).ask(name, type))).toEqual([ttl]);
});

test('without a policy nothing may be remembered, and with one never what is missing', async () => {
  for (const [name, type] of [
    ['web.service.consul', 'SRV'],
    ['far.node.consul', 'A'],
  ] as const)
    expect(ttls(await mesh().ask(name, type))).toEqual([0]);
  const { rcode, authorities } = await mesh({ serviceTtlS, nodeTtlS: 3 }).ask('none.service.consul', 'A');
  expect([rcode, ttls({ answers: authorities ?? [] })]).toEqual(['NXDOMAIN', [0]]);
});

test('an instance with a warning is answered, unless only those that pass are wanted', async () => {
  expect((await mesh().ask('web.service.consul', 'A')).answers).toHaveLength(3);
  expect(texts((await mesh({ onlyPassing: true }).ask('web.service.consul', 'A')).answers)).toEqual([
    'web.service.consul A 10.0.0.2',
    'web.service.consul A 10.0.0.9',
  ]);
});

test('a prepared query has its own TTL, and without one that of its service', async () => {
  for (const [DNS, ttl] of [
    [{ TTL: '1m30s' }, 90],
    [{}, 5],
    [{ TTL: '999999h' }, 2 ** 31 - 1],
  ] as const) {
    const client = mesh({ serviceTtlS });
    store(client, { Service: { Service: 'web' }, DNS });
    for (const type of ['A', 'SRV'] as const) expect(ttls(await client.ask('q.query.consul', type))).toEqual([ttl]);
  }
});

test.each([
  ['_agent', '127.0.0.1', ['near', 'middle', 'far']],
  ['far', '127.0.0.1', ['far', 'middle', 'near']],
  // The asker is a node, over IPv4 or as IPv6 has it; whoever is none is taken to be here.
  ['_ip', '10.0.0.9', ['far', 'middle', 'near']],
  ['_ip', '::ffff:10.0.0.5', ['middle', 'near', 'far']],
  ['_ip', '192.0.2.1', ['near', 'middle', 'far']],
] as const)('a prepared query near %s, asked from %s, is answered in the order of distance', async (near, address, order) => {
  const client = mesh();
  store(client, { Service: { Service: 'web', Near: near } });
  for (let turn = 0; turn < 5; turn++) {
    const { answers = [] } = await client.ask('q.query.consul', 'SRV', { address });
    expect(answers.map((answer) => (answer.type === 'SRV' ? answer.data.target.split('.')[0] : ''))).toEqual(order);
  }
});

test('a prepared query that says no place is answered in any order', async () => {
  const client = mesh();
  store(client, { Service: { Service: 'web' } });
  const orders = new Set<string>();
  for (let turn = 0; turn < 20; turn++) {
    const { answers = [] } = await client.ask('q.query.consul', 'A');
    orders.add(JSON.stringify(answers));
  }
  expect(orders.size).toBeGreaterThan(1);
});

test('the target of a service on a node that has a host name is that name, and no alias for it', async () => {
  const client = mesh();
  const { id } = client.port.addMember('named', { address: 'db.example.com' });
  client.port.addInstance(id, fakeInstance('sql-1', 'sql', { address: '', port: 5432 }));
  expect(texts((await client.ask('sql.service.consul', 'SRV')).answers)).toEqual([
    'sql.service.consul SRV 1 1 5432 db.example.com',
  ]);
});
