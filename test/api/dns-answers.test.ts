import { topics } from '@skein/core';
import { expect, test } from 'vitest';
import { DnsClient, texts } from './dns-client.ts';
import { fakeInstance } from './fake-port.ts';

/** Two nodes, `alpha` on IPv4 and `beta` on IPv6, and a service of each kind. */
function mesh(): DnsClient {
  const client = new DnsClient({ datacenter: 'dc1' });
  const { port } = client;
  const { self } = port;
  const beta = port.addMember('beta', { address: '2001:db8::2', tags: { rack: '7', 'a=b': 'x`y', 'rfc1035-note': 'k=v' } });
  const away = port.addMember('gamma', { address: '10.0.0.3', reachable: false, status: 'failed' });
  port.addMember('left', { address: '10.0.0.4', status: 'left', reachable: false });
  port.addMember('rack.b', { address: '10.0.0.5' });
  const weights = { passing: 10, warning: 3 };
  port.addInstance(self, fakeInstance('web-1', 'web', { address: '10.1.0.1', port: 81, tags: ['v1', 'Blue.Green'], weights }), [
    'passing',
  ]);
  port.addInstance(self, fakeInstance('web-2', 'web', { address: '10.1.0.2', port: 82, tags: ['v2'], weights }), ['warning']);
  port.addInstance(self, fakeInstance('web-3', 'web', { address: '10.1.0.3', port: 83, tags: ['v1'] }), ['critical']);
  port.addInstance(away.id, fakeInstance('web-4', 'web', { address: '10.1.0.4', port: 84, tags: ['v1'] }), ['passing']);
  port.addInstance(self, fakeInstance('db-1', 'db', { address: '', port: 5432 }));
  port.addInstance(beta.id, fakeInstance('db-2', 'db', { address: '', port: 5433 }));
  port.addInstance(self, fakeInstance('sick-1', 'sick', { address: '10.1.0.9' }), ['critical']);
  port.addInstance(self, fakeInstance('six-1', 'six', { address: '2001:db8::6', port: 66 }));
  port.addInstance(self, fakeInstance('shop-1', 'Shop', { address: '10.1.0.7', port: 70 }));
  port.addInstance(self, fakeInstance('ext-1', 'ext', { address: 'db.example.com', port: 1 }));
  port.addInstance(self, fakeInstance('mapped-1', 'mapped', { address: '::ffff:10.1.1.1', port: 8 }));
  port.addInstance(self, fakeInstance('inner-1', 'inner', { address: 'web.service.consul', port: 2 }));
  port.addInstance(self, fakeInstance('loop-1', 'loop', { address: 'loop.service.consul', port: 3 }));
  return client;
}

const webAddresses = ['A 10.1.0.1', 'A 10.1.0.2'];

test.each([
  // Services: not critical, on a node that can be reached; in any case; with or without datacenter.
  ['web.service.consul', 'A', webAddresses],
  ['web.service.mesh', 'A', webAddresses],
  ['web.service.dc1.consul', 'A', webAddresses],
  ['web.service.dc1.dc.consul', 'A', webAddresses],
  ['WEB.Service.CONSUL', 'A', webAddresses],
  ['web.service.consul', 'ANY', webAddresses],
  ['shop.service.consul', 'A', ['A 10.1.0.7']],
  ['six.service.consul', 'AAAA', ['AAAA 2001:db8::6']],
  ['db.service.consul', 'A', ['A 10.0.0.1']],
  ['db.service.consul', 'AAAA', ['AAAA 2001:db8::2']],
  ['db.service.consul', 'ANY', ['A 10.0.0.1', 'AAAA 2001:db8::2']],
  // Tags, which may have dots, and RFC 2782 names.
  ['v1.web.service.consul', 'A', ['A 10.1.0.1']],
  ['blue.green.web.service.consul', 'A', ['A 10.1.0.1']],
  ['_web._tcp.service.consul', 'A', webAddresses],
  ['_web._v2.service.consul', 'A', ['A 10.1.0.2']],
  ['web.service.consul', 'SRV', ['SRV 1 10 81 0a010001.addr.dc1.consul', 'SRV 1 3 82 0a010002.addr.dc1.consul']],
  ['web.service.mesh', 'SRV', ['SRV 1 10 81 0a010001.addr.dc1.mesh', 'SRV 1 3 82 0a010002.addr.dc1.mesh']],
  ['_web._v1.consul', 'SRV', ['SRV 1 10 81 0a010001.addr.dc1.consul']],
  ['_web._v1.dc1.consul', 'SRV', ['SRV 1 10 81 0a010001.addr.dc1.consul']],
  ['db.service.consul', 'SRV', ['SRV 1 1 5432 alpha.node.dc1.consul', 'SRV 1 1 5433 beta.node.dc1.consul']],
  ['six.service.consul', 'SRV', ['SRV 1 1 66 20010db8000000000000000000000006.addr.dc1.consul']],
  ['ext.service.consul', 'SRV', ['SRV 1 1 1 db.example.com']],
  // Host names as addresses.
  ['ext.service.consul', 'A', ['CNAME db.example.com']],
  ['ext.service.consul', 'CNAME', ['CNAME db.example.com']],
  ['ext.service.consul', 'TXT', ['CNAME db.example.com']],
  ['ext.service.consul', 'UNKNOWN_65' as 'A', ['CNAME db.example.com']],
  // IPv4 addresses in the form of IPv6.
  ['mapped.service.consul', 'A', ['A 10.1.1.1']],
  ['mapped.service.consul', 'SRV', ['SRV 1 1 8 0a010101.addr.dc1.consul']],
  ['1.1.1.10.in-addr.arpa', 'PTR', ['PTR mapped.service.dc1.consul']],
  [`1.0.1.0.1.0.a.0.f.f.f.f.${'0.'.repeat(20)}ip6.arpa`, 'PTR', ['PTR mapped.service.dc1.consul']],
  // Nodes, however well they are, addresses, and the server itself.
  ['alpha.node.consul', 'A', ['A 10.0.0.1']],
  ['ALPHA.node.dc1.consul', 'A', ['A 10.0.0.1']],
  ['gamma.node.consul', 'A', ['A 10.0.0.3']],
  ['rack.b.node.consul', 'A', ['A 10.0.0.5']],
  ['ns.consul', 'A', ['A 10.0.0.1']],
  ['beta.node.consul', 'TXT', ['TXT a`=b=x``y', 'TXT k=v', 'TXT rack=7', 'TXT region=eu', 'TXT zone=eu-1']],
  ['0a0b0c0d.addr.consul', 'A', ['A 10.11.12.13']],
  ['20010DB8000000000000000000000006.addr.dc1.consul', 'AAAA', ['AAAA 2001:db8::6']],
  // Addresses back to names: nodes first.
  ['1.0.0.10.in-addr.arpa', 'PTR', ['PTR alpha.node.dc1.consul']],
  ['1.0.1.10.in-addr.arpa', 'PTR', ['PTR web.service.dc1.consul']],
  ['2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa', 'PTR', ['PTR beta.node.dc1.consul']],
  ['consul', 'SOA', ['SOA ns.consul hostmaster.consul 0']],
  ['mesh', 'SOA', ['SOA ns.mesh hostmaster.mesh 0']],
] as const)('%s %s', async (name, type, expected) => {
  const { rcode, flag_aa, flag_ra, answers } = await mesh().ask(name, type);
  expect({ rcode, flag_aa, flag_ra }).toEqual({ rcode: 'NOERROR', flag_aa: true, flag_ra: false });
  expect(texts(answers)).toEqual(expected.map((data) => `${name} ${data}`));
});

test.each([
  ['nobody.service.consul', 'A'],
  ['sick.service.consul', 'A'],
  ['v3.web.service.consul', 'SRV'],
  ['web.service.dc2.consul', 'A'],
  ['web.consul', 'A'],
  ['nobody.node.consul', 'A'],
  ['left.node.consul', 'A'],
  ['0a0b0c.addr.consul', 'A'],
  ['0a0b0c0g.addr.consul', 'A'],
  ['x.0a0b0c0d.addr.consul', 'A'],
  ['web.query.consul', 'A'],
  ['web.connect.consul', 'A'],
  ['web.virtual.consul', 'A'],
  ['web.ingress.consul', 'A'],
  ['9.9.9.9.in-addr.arpa', 'PTR'],
] as const)('%s %s does not exist, which no resolver may remember', async (name, type) => {
  const { rcode, answers, authorities } = await mesh().ask(name, type);
  expect(rcode).toBe('NXDOMAIN');
  expect(answers).toEqual([]);
  expect(texts(authorities)).toEqual(['consul SOA ns.consul hostmaster.consul 0']);
});

test.each([
  ['web.service.consul', 'AAAA'],
  ['web.service.consul', 'TXT'],
  ['alpha.node.consul', 'AAAA'],
  ['alpha.node.consul', 'SRV'],
  ['0a0b0c0d.addr.consul', 'AAAA'],
  ['consul', 'A'],
  // Names between ours: resolvers that ask label by label would take NXDOMAIN for the end (RFC 8020).
  ['service.consul', 'A'],
  ['dc1.consul', 'A'],
  ['dc.consul', 'A'],
  ['service.dc1.consul', 'A'],
  ['_tcp.service.consul', 'SRV'],
  ['_tcp.consul', 'SRV'],
  ['b.node.consul', 'A'],
  ['green.web.service.consul', 'A'],
  ['10.in-addr.arpa', 'PTR'],
  ['ip6.arpa', 'NS'],
] as const)('%s exists without a %s, which no resolver may remember', async (name, type) => {
  const { rcode, answers, authorities } = await mesh().ask(name, type);
  expect(rcode).toBe('NOERROR');
  expect(answers).toEqual([]);
  expect(texts(authorities)).toEqual(['consul SOA ns.consul hostmaster.consul 0']);
});

test('SRV brings the addresses of its targets, of either family', async () => {
  const { additionals } = await mesh().ask('db.service.consul', 'SRV');
  expect(texts(additionals)).toEqual(['alpha.node.dc1.consul A 10.0.0.1', 'beta.node.dc1.consul AAAA 2001:db8::2']);
});

test('SRV brings the addresses that its targets have in our own zone, of either family, as they are then', async () => {
  const client = mesh();
  const { port } = client;
  port.addInstance(port.self, fakeInstance('node-1', 'bynode', { address: 'beta.node.consul', port: 3 }));
  const additional = async (name: string): Promise<readonly string[]> => texts((await client.ask(name, 'SRV')).additionals);
  expect(await additional('inner.service.consul')).toEqual(webAddresses.map((each) => `web.service.consul ${each}`));
  expect(await additional('bynode.service.consul')).toEqual(['beta.node.consul AAAA 2001:db8::2']);
  expect(await additional('loop.service.consul')).toEqual(['alpha.node.dc1.consul A 10.0.0.1']);
  port.addInstance(port.self, fakeInstance('web-8', 'web', { address: '10.1.0.8', port: 88 }));
  expect(await additional('inner.service.consul')).toContain('web.service.consul A 10.1.0.8');
});

test('name servers are living agents, with their addresses', async () => {
  const { answers, additionals } = await mesh().ask('consul', 'NS');
  expect(texts(answers)).toEqual(['alpha', 'beta', 'rack.b'].map((name) => `consul NS ${name}.node.dc1.consul`));
  expect(texts(additionals)).toHaveLength(3);
});

test('a host name of our own is followed to the addresses, and not in circles', async () => {
  const { answers } = await mesh().ask('inner.service.consul', 'A');
  expect(texts(answers)).toEqual([
    'inner.service.consul CNAME web.service.consul',
    'web.service.consul A 10.1.0.1',
    'web.service.consul A 10.1.0.2',
  ]);
  const client = mesh();
  const { port } = client;
  for (const [from, to] of ['ab', 'ba', 'cd', 'dc', 'ed'])
    port.addInstance(port.self, fakeInstance(`${from}-1`, `${from}`, { address: `${to}.service.consul`, port: 3 }));
  expect(texts((await client.ask('a.service.consul', 'A')).answers)).toEqual([
    'a.service.consul CNAME b.service.consul',
    'b.service.consul CNAME a.service.consul',
  ]);
  expect(texts((await client.ask('e.service.consul', 'AAAA')).answers)).toEqual([
    'c.service.consul CNAME d.service.consul',
    'd.service.consul CNAME c.service.consul',
    'e.service.consul CNAME d.service.consul',
  ]);
});

test('an instance whose address is the name that is asked for is found on its node, as in Consul', async () => {
  const client = mesh();
  const found = async (name: string, type: 'A' | 'AAAA' | 'SRV' | 'CNAME'): Promise<unknown> => {
    const { answers, additionals } = await client.ask(name, type);
    return [texts(answers), texts(additionals)];
  };
  expect(await found('loop.service.consul', 'A')).toEqual([['loop.service.consul A 10.0.0.1'], []]);
  expect(await found('LOOP.service.consul', 'A')).toEqual([['LOOP.service.consul A 10.0.0.1'], []]);
  expect(await found('loop.service.consul', 'CNAME')).toEqual([[], []]);
  expect(await found('loop.service.consul', 'SRV')).toEqual([
    ['loop.service.consul SRV 1 1 3 alpha.node.dc1.consul'],
    ['alpha.node.dc1.consul A 10.0.0.1'],
  ]);
  // By its other name it is an alias, which leads there.
  expect(await found('loop.service.dc1.consul', 'A')).toEqual([
    ['loop.service.consul A 10.0.0.1', 'loop.service.dc1.consul CNAME loop.service.consul'],
    [],
  ]);
  // A node of whose address the same is true has none.
  client.port.addMember('own', { address: 'own.node.consul' });
  expect(await found('own.node.consul', 'A')).toEqual([[], []]);
});

test('a host name of our own is an alias for every type, and followed for it', async () => {
  const client = mesh();
  const { rcode, answers, authorities } = await client.ask('inner.service.consul', 'TXT');
  expect([rcode, texts(answers), texts(authorities)]).toEqual([
    'NOERROR',
    ['inner.service.consul CNAME web.service.consul'],
    ['consul SOA ns.consul hostmaster.consul 0'],
  ]);
  client.port.addMember('named', { address: 'beta.node.consul', tags: {} });
  expect(texts((await client.ask('named.node.consul', 'SRV')).answers)).toEqual(['named.node.consul CNAME beta.node.consul']);
  client.port.addInstance(client.port.self, fakeInstance('node-1', 'bynode', { address: 'beta.node.consul' }));
  expect(texts((await client.ask('bynode.service.consul', 'TXT')).answers)).toContain('beta.node.consul TXT rack=7');
});

test('addresses of one family that an instance is tagged with count for that family', async () => {
  const client = mesh();
  const { port } = client;
  const tagged = (tags: Readonly<Record<string, string>>) => ({
    taggedAddresses: Object.fromEntries(Object.entries(tags).map(([tag, address]) => [tag, { address, port: 9 }])),
  });
  const add = (service: string, address: string, tags: Readonly<Record<string, string>>): void =>
    port.addInstance(port.self, fakeInstance(`${service}-1`, service, { address, port: 9, ...tagged(tags) }));
  const found = async (service: string): Promise<unknown> => {
    const ask = async (type: 'A' | 'AAAA' | 'SRV' | 'ANY') =>
      texts((await client.ask(`${service}.service.consul`, type)).answers).map((text) => text.slice(text.indexOf(' ') + 1));
    return { a: await ask('A'), aaaa: await ask('AAAA'), srv: await ask('SRV'), any: await ask('ANY') };
  };
  const [v4, v6] = ['A 10.1.0.6', 'AAAA 2001:db8::9'];
  add('dual', '10.1.0.6', { lan_ipv6: '2001:db8::9', wan_ipv6: '2001:db8::a' });
  expect(await found('dual')).toEqual({ a: [v4], aaaa: [v6], srv: ['SRV 1 1 9 0a010006.addr.dc1.consul'], any: [v4, v6] });
  add('other', '10.1.0.5', { lan_ipv4: '10.1.0.6' });
  expect(await found('other')).toEqual({ a: [v4], aaaa: [], srv: ['SRV 1 1 9 0a010006.addr.dc1.consul'], any: [v4] });
  add('named', 'db.example.com', { lan_ipv4: '10.1.0.6' });
  expect(await found('named')).toEqual({ a: [v4], aaaa: [], srv: ['SRV 1 1 9 0a010006.addr.dc1.consul'], any: [v4] });
  add('onnode', '', { lan_ipv6: '2001:db8::9' });
  expect(await found('onnode')).toEqual({
    a: ['A 10.0.0.1'],
    aaaa: [v6],
    srv: ['SRV 1 1 9 alpha.node.dc1.consul'],
    any: ['A 10.0.0.1', v6],
  });
  // What is no address of its family is left out.
  add('wrong', '10.1.0.6', { lan_ipv4: '2001:db8::9', lan_ipv6: 'six.example.com' });
  expect(await found('wrong')).toEqual({ a: [v4], aaaa: [], srv: ['SRV 1 1 9 0a010006.addr.dc1.consul'], any: [v4] });
});

test('what two targets lead to is sent along once', async () => {
  const client = mesh();
  const { port } = client;
  for (const id of ['one', 'two']) {
    port.addInstance(port.self, fakeInstance(`${id}-1`, id, { address: 'six.service.consul', port: 3 }));
    port.addInstance(port.self, fakeInstance(`${id}-2`, 'both', { address: `${id}.service.consul`, port: 4 }));
  }
  const { answers, additionals } = await client.ask('both.service.consul', 'SRV');
  expect(answers).toHaveLength(2);
  expect(texts(additionals)).toEqual([
    'one.service.consul CNAME six.service.consul',
    'six.service.consul AAAA 2001:db8::6',
    'two.service.consul CNAME six.service.consul',
  ]);
});

test('host names give way to addresses: an alias has nothing beside it', async () => {
  const client = mesh();
  client.port.addInstance(client.port.self, fakeInstance('web-9', 'web', { address: 'web.example.com', port: 99 }));
  expect(texts((await client.ask('web.service.consul', 'A')).answers)).toEqual(
    webAddresses.map((data) => `web.service.consul ${data}`),
  );
  const srv = await client.ask('web.service.consul', 'SRV');
  expect(texts(srv.answers)).toContain('web.service.consul SRV 1 1 99 web.example.com');
});

test('instances that would be one record are one', async () => {
  const client = new DnsClient();
  const { port } = client;
  for (const id of ['a', 'b']) port.addInstance(port.self, fakeInstance(id, 'web', { address: '10.1.0.1', port: 80 }));
  port.addInstance(port.self, fakeInstance('c', 'web', { address: '10.1.0.1', port: 81 }));
  expect((await client.ask('web.service.consul', 'A')).answers).toHaveLength(1);
  expect((await client.ask('web.service.consul', 'SRV')).answers).toHaveLength(2);
});

test('services that differ in case only are one', async () => {
  const client = mesh();
  client.port.addInstance(client.port.self, fakeInstance('shop-2', 'shop', { address: '10.1.0.8' }));
  expect(texts((await client.ask('shop.service.consul', 'A')).answers)).toEqual(
    ['A 10.1.0.7', 'A 10.1.0.8'].map((data) => `shop.service.consul ${data}`),
  );
});

test('the target of an instance is never the name that leads to another node', async () => {
  const client = new DnsClient();
  const { port } = client;
  const twin = port.addMember('alpha', { id: 'other' as typeof port.self, address: '10.0.0.2' });
  const long = port.addMember('n'.repeat(64), { address: '10.0.0.3' });
  port.addInstance(twin.id, fakeInstance('a', 'web', { address: '', port: 80 }));
  port.addInstance(long.id, fakeInstance('b', 'web', { address: '', port: 80 }));
  const { answers } = await client.ask('web.service.consul', 'SRV');
  expect(texts(answers)).toEqual(['02', '03'].map((end) => `web.service.consul SRV 1 1 80 0a0000${end}.addr.dc1.consul`));
});

test('a change is in the next answer, also of a name that was asked for before', async () => {
  const client = mesh();
  const { port } = client;
  const count = async (): Promise<number> => (await client.ask('web.service.consul', 'A')).answers?.length ?? 0;
  expect([await count(), await count()]).toEqual([2, 2]);
  port.addInstance(port.self, fakeInstance('web-5', 'web', { address: '10.1.0.5' }));
  expect(await count()).toBe(3);
  const alpha = port.members.get(port.self);
  if (alpha !== undefined) alpha.reachable = false;
  port.bump(topics.members, topics.service('web'));
  expect(await count()).toBe(0);
  expect((await client.ask('web.service.consul', 'A')).rcode).toBe('NXDOMAIN');
});

test('each answer has an order of its own, and every instance comes first', async () => {
  const client = new DnsClient();
  for (let n = 0; n < 5; n++) client.port.addInstance(client.port.self, fakeInstance(`i${n}`, 'web', { address: `10.1.0.${n}` }));
  const first = new Set<unknown>();
  for (let n = 0; n < 60; n++) {
    const [answer] = (await client.ask('web.service.consul', 'A')).answers ?? [];
    first.add(answer !== undefined && 'data' in answer ? answer.data : undefined);
  }
  expect(first.size).toBe(5);
});

test('a prepared query is found by its name in either case, and names instances that are in rotation', async () => {
  const client = new DnsClient();
  const { port } = client;
  port.addInstance(port.self, fakeInstance('web-1', 'web', { address: '10.1.0.1', tags: ['v1'] }));
  port.addInstance(port.self, fakeInstance('web-2', 'web', { address: '10.1.0.2', tags: ['v2'] }));
  const version = { time: { ms: 1, counter: 0 }, author: port.self, parents: [] };
  port.configs.set('prepared-query/1', {
    kind: 'prepared-query',
    name: '1',
    value: { Name: 'Near.Web', Service: { Service: 'web', Tags: ['v2'] } },
    version,
    conflicts: [],
  } as never);
  for (const name of ['near.web.query.consul', 'NEAR.web.query.mesh'])
    expect(texts((await client.ask(name, 'A')).answers)).toEqual([`${name} A 10.1.0.2`]);
  expect((await client.ask('other.query.consul', 'A')).rcode).toBe('NXDOMAIN');
});

test('a datacenter with dots, as a mesh may be called, is part of names', async () => {
  const client = new DnsClient({ datacenter: 'Eu.Prod' });
  client.port.addInstance(client.port.self, fakeInstance('web-1', 'web', { address: '', port: 80 }));
  const { answers } = await client.ask('web.service.eu.prod.consul', 'SRV');
  expect(texts(answers)).toEqual(['web.service.eu.prod.consul SRV 1 1 80 alpha.node.eu.prod.consul']);
  expect((await client.ask('alpha.node.eu.prod.consul', 'A')).answers).toHaveLength(1);
  expect((await client.ask('prod.consul', 'A')).rcode).toBe('NOERROR');
});

test('a datacenter that cannot be part of a domain name is not in names', async () => {
  for (const datacenter of ['a..b', 'x'.repeat(64)]) {
    const client = new DnsClient({ datacenter });
    client.port.addInstance(client.port.self, fakeInstance('web-1', 'web', { address: '', port: 80 }));
    const { answers } = await client.ask('web.service.consul', 'SRV');
    expect(texts(answers)).toEqual(['web.service.consul SRV 1 1 80 alpha.node.consul']);
    expect((await client.ask('alpha.node.consul', 'A')).answers).toHaveLength(1);
    expect((await client.ask('b.consul', 'A')).rcode).toBe('NXDOMAIN');
  }
});
