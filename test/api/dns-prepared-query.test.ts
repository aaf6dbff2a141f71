/** Prepared queries as DNS answers them: what they find, when that may be kept, and that no query ends the agent. */

import type { ConfigEntry } from '@skein/core';
import { topics } from '@skein/core';
import { expect, test } from 'vitest';
import { DnsClient } from './dns-client.ts';
import { fakeInstance } from './fake-port.ts';

const kind = 'prepared-query';

/** Keeps a prepared query as the mesh does. */
function keep({ port }: DnsClient, id: string, query: object, madeMs = 1): void {
  const version = { time: { ms: madeMs, counter: 0, node: port.self } };
  const entry = { kind, name: id, value: query, index: 1, createIndex: 1, version };
  port.configs.set(`${kind}/${id}`, entry as unknown as ConfigEntry);
  port.bump(topics.config, topics.configKind(kind), topics.configEntry(kind, id));
}

const template = { Name: 'geo-', Template: { Type: 'name_prefix_match' }, Service: { Service: '${name.suffix}' } };

test('a template is found by what its name begins, and by its id not at all', async () => {
  const client = new DnsClient();
  client.port.addInstance(client.port.self, fakeInstance('web-1', 'web', { address: '10.1.0.1' }));
  keep(client, 'id-1', template);
  expect((await client.ask('geo-web.query.consul', 'A')).answers).toHaveLength(1);
  expect((await client.ask('id-1.query.consul', 'A')).rcode).toBe('NXDOMAIN');
});

test('a prepared query is found by its name of RFC 2782, whatever the protocol is', async () => {
  const client = new DnsClient();
  client.port.addInstance(client.port.self, fakeInstance('web-1', 'web', { address: '10.1.0.1', port: 81 }));
  keep(client, 'id-1', { Name: 'near.web', Service: { Service: 'web' } });
  for (const name of ['_near.web._tcp.query.consul', '_NEAR.web._udp.query.dc1.consul', '_id-1._tcp.query.dc1.dc.mesh'])
    for (const type of ['SRV', 'A', 'ANY'] as const) {
      const { rcode, answers } = await client.ask(name, type);
      expect([name, type, rcode, answers?.length]).toEqual([name, type, 'NOERROR', 1]);
    }
  expect((await client.ask('_nobody._tcp.query.consul', 'SRV')).rcode).toBe('NXDOMAIN');
  // What lies between exists (RFC 8020).
  expect((await client.ask('_tcp.query.consul', 'SRV')).rcode).toBe('NOERROR');
});

test.each(['udp', 'tcp'] as const)(
  'a query over %s at which the agent fails is answered SERVFAIL, logged, and the last of it',
  async (transport) => {
    const logged: unknown[] = [];
    const client = new DnsClient({ log: (entry) => logged.push(entry) });
    client.port.addInstance(client.port.self, fakeInstance('web-1', 'web', { address: '10.1.0.1' }));
    const view = client.port.view.bind(client.port);
    const fault = new Error('broken');
    client.port.view = () => {
      throw fault;
    };
    expect((await client.ask('web.service.consul', 'A', { transport })).rcode).toBe('SERVFAIL');
    expect(logged).toEqual([{ msg: 'a DNS query could not be answered', name: 'web.service.consul.', type: 1, error: fault }]);
    client.port.view = view;
    expect((await client.ask('web.service.consul', 'A', { transport })).rcode).toBe('NOERROR');
  },
);

test('a query that waited for the mesh, and one that is forwarded, may fail as well', async () => {
  const broken = (): never => {
    throw new Error('broken');
  };
  const waits: (() => void)[] = [];
  const caughtUp = new Promise<void>((resolve) => waits.push(resolve));
  const client = new DnsClient({ caughtUp: () => (waits.length > 0 ? caughtUp : undefined) });
  const answer = client.ask('web.service.consul', 'A');
  client.port.view = broken;
  waits.pop()?.();
  expect((await answer).rcode).toBe('SERVFAIL');
  const forwarding = new DnsClient({ recursors: [{ host: '127.0.0.1', port: 53 }], upstream: broken });
  expect((await forwarding.ask('example.com', 'A')).rcode).toBe('SERVFAIL');
});

test('instances that no check but an ignored one is against are found, and those of a node that is down are not', async () => {
  const client = new DnsClient();
  const { port } = client;
  const beta = port.addMember('beta', { address: '10.0.0.2' });
  for (const [n, owner] of [port.self, beta.id].entries()) {
    port.addInstance(owner, fakeInstance(`web-${n}`, 'web', { address: `10.1.0.${n}` }), ['critical']);
  }
  keep(client, 'id-1', { Name: 'q', Service: { Service: 'web', IgnoreCheckIDs: ['service:web-0:1', 'service:web-1:1'] } });
  keep(client, 'id-2', { Name: 'strict', Service: { Service: 'web' } });
  expect((await client.ask('q.query.consul', 'A')).answers).toHaveLength(2);
  expect((await client.ask('strict.query.consul', 'A')).rcode).toBe('NXDOMAIN');
  beta.reachable = false;
  port.bump(topics.members, topics.service('web'));
  expect((await client.ask('q.query.consul', 'A')).answers).toMatchObject([{ data: '10.1.0.0' }]);
});

test('what a prepared query finds is looked for once, until what it is made of changes', async () => {
  const client = new DnsClient();
  const { port } = client;
  port.addInstance(port.self, fakeInstance('web-1', 'web', { address: '10.1.0.1' }));
  keep(client, 'id-1', { Name: 'q', Service: { Service: 'web' } });
  keep(client, 'id-2', { Name: 'near', Service: { Service: 'web', Near: 'alpha' } });
  keep(client, 'id-3', template);
  let looks = 0;
  const view = port.view.bind(port);
  port.view = () => {
    const made = view();
    return { ...made, servicesNamed: (name) => (looks++, made.servicesNamed(name)) };
  };
  const looksFor = async (name: string): Promise<number> => {
    looks = 0;
    expect((await client.ask(`${name}.query.consul`, 'SRV')).answers).toHaveLength(1);
    return looks;
  };
  for (const name of ['q', 'geo-web']) expect([await looksFor(name), await looksFor(name)]).toEqual([1, 0]);
  // Distances, and who asks, are not in the view's indexes.
  expect([await looksFor('near'), await looksFor('near')]).toEqual([1, 1]);
  port.bump(topics.service('web'));
  expect(await looksFor('q')).toBe(1);
  keep(client, 'id-4', { Name: 'empty', Service: { Service: 'web', Tags: ['none'] } });
  for (const [name, expected] of [
    ['empty', 1],
    ['geo-none', 2],
  ] as const) {
    looks = 0;
    for (let n = 0; n < 2; n++) expect((await client.ask(`${name}.query.consul`, 'SRV')).rcode).toBe('NXDOMAIN');
    expect(looks).toBe(expected);
  }
  keep(client, 'id-1', { Name: 'q', Service: { Service: 'web', OnlyPassing: true } });
  expect(await looksFor('q')).toBe(1);
});

test('queries are read once for each change of them, and the longest prefix and the older of two names count', async () => {
  const client = new DnsClient();
  const { port } = client;
  for (const name of ['a', 'b'])
    port.addInstance(port.self, fakeInstance(name, name, { address: name === 'a' ? '10.1.0.1' : '10.1.0.2' }));
  const type = { Template: { Type: 'name_prefix_match' } };
  keep(client, 'id-9', { Name: 'twice', Service: { Service: 'a' } });
  keep(client, 'id-8', { Name: 'TWICE', Service: { Service: 'b' } }, 2);
  keep(client, 'id-7', { Name: '', ...type, Service: { Service: 'a' } });
  keep(client, 'id-6', { Name: 'Long-', ...type, Service: { Service: 'b' } });
  let reads = 0;
  const view = port.view.bind(port);
  port.view = () => {
    const made = view();
    return { ...made, configEntries: (kind) => (reads++, made.configEntries(kind)) };
  };
  const found = async (name: string): Promise<unknown> => (await client.ask(`${name}.query.consul`, 'A')).answers;
  expect(await found('twice')).toMatchObject([{ data: '10.1.0.1' }]);
  expect(await found('LONG-x')).toMatchObject([{ data: '10.1.0.2' }]);
  expect(await found('lon')).toMatchObject([{ data: '10.1.0.1' }]);
  expect(reads).toBe(1);
  port.configs.delete('prepared-query/id-7');
  port.bump(topics.configKind(kind));
  expect((await client.ask('lon.query.consul', 'A')).rcode).toBe('NXDOMAIN');
  expect(reads).toBe(2);
});
