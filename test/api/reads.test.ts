/** What Consul's clients read: paths, fields and headers. */

import { nodeId, topics } from '@skein/core';
import type { ConfigEntry } from '@skein/core';
import { expect, test } from 'vitest';
import { fakeCheck, fakeInstance } from './fake-port.ts';
import { json, setup } from './fake-agent.ts';
import type { Setup } from './fake-agent.ts';

type Rows = Record<string, unknown>[];

/** alpha (ourselves) and beta have one instance of `web` each; delta failed, epsilon left. */
function mesh(): Setup {
  const api = setup();
  const { port } = api;
  port.addMember('beta', { address: '10.0.0.2', tags: { rack: 'r2' } });
  port.addMember('delta', { address: '10.0.0.4', status: 'failed', reachable: false });
  port.addMember('epsilon', { address: '10.0.0.5', status: 'left' });
  port.addInstance(port.self, fakeInstance('web-1', 'web', { tags: ['v1', 'Primary'], meta: { a: 'b' } }), ['passing']);
  port.addInstance(nodeId('12D3Koo-beta'), fakeInstance('web-2', 'web', { address: '10.9.9.9', tags: ['v2'] }), ['warning']);
  port.addInstance(nodeId('12D3Koo-delta'), fakeInstance('web-4', 'web'), ['passing']);
  port.addInstance(nodeId('12D3Koo-epsilon'), fakeInstance('old-5', 'old', { tags: ['v0'] }));
  return api;
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test('health/service has the node, the service and all checks that decide about it', async () => {
  const rows = json<Rows>(await mesh().get('/v1/health/service/web'));
  expect(rows.map((row) => (row['Service'] as Record<string, unknown>)['ID'])).toEqual(['web-1', 'web-2', 'web-4']);
  expect(rows[0]).toEqual({
    Node: {
      ID: expect.stringMatching(uuid),
      Node: 'alpha',
      Address: '10.0.0.1',
      Datacenter: 'testmesh',
      TaggedAddresses: { lan: '10.0.0.1', wan: '10.0.0.1', lan_ipv4: '10.0.0.1', wan_ipv4: '10.0.0.1' },
      Meta: { region: 'eu', zone: 'eu-1' },
      CreateIndex: expect.any(Number),
      ModifyIndex: expect.any(Number),
    },
    Service: {
      ID: 'web-1',
      Service: 'web',
      Tags: ['v1', 'Primary'],
      Meta: { a: 'b' },
      Port: 8080,
      Address: '',
      TaggedAddresses: {},
      Weights: { Passing: 1, Warning: 1 },
      EnableTagOverride: false,
      Proxy: { Mode: '', MeshGateway: {}, Expose: {} },
      Connect: {},
      CreateIndex: expect.any(Number),
      ModifyIndex: expect.any(Number),
    },
    Checks: [
      expect.objectContaining({
        CheckID: 'serfHealth',
        Name: 'Serf Health Status',
        Status: 'passing',
        Output: 'Agent alive and reachable',
        ServiceID: '',
        ServiceTags: [],
      }),
      {
        Node: 'alpha',
        CheckID: 'service:web-1:1',
        Name: 'check service:web-1:1',
        Status: 'passing',
        Notes: '',
        Output: 'output of service:web-1:1',
        ServiceID: 'web-1',
        ServiceName: 'web',
        ServiceTags: ['v1', 'Primary'],
        Type: 'http',
        Interval: '10s',
        Timeout: '1m30s',
        ExposedPort: 0,
        Definition: {},
        CreateIndex: expect.any(Number),
        ModifyIndex: expect.any(Number),
      },
    ],
  });
});

test.each(['passing', 'passing=1', 'passing=true'])(
  '%s leaves only instances whose every check passes, the node included',
  async (query) => {
    const rows = json<Rows>(await mesh().get(`/v1/health/service/web?${query}`));
    expect(rows).toMatchObject([{ Service: { ID: 'web-1' } }]);
  },
);

test('passing=false leaves all, and passing=maybe is refused', async () => {
  const api = mesh();
  expect(json<Rows>(await api.get('/v1/health/service/web?passing=false'))).toHaveLength(3);
  expect((await api.get('/v1/health/service/web?passing=maybe')).statusCode).toBe(400);
});

test('tags are matched all together and in any case', async () => {
  const api = mesh();
  expect(json<Rows>(await api.get('/v1/health/service/web?tag=V1&tag=primary'))).toMatchObject([{ Service: { ID: 'web-1' } }]);
  expect(json<Rows>(await api.get('/v1/health/service/web?tag=v1&tag=v2'))).toEqual([]);
  expect(json<Rows>(await api.get('/v1/catalog/service/web?tag=v2'))).toMatchObject([{ ServiceID: 'web-2' }]);
});

test('node-meta selects by all of the given labels', async () => {
  const api = mesh();
  expect(json<Rows>(await api.get('/v1/catalog/nodes?node-meta=rack:r2'))).toMatchObject([{ Node: 'beta' }]);
  expect(json<Rows>(await api.get('/v1/health/service/web?node-meta=rack:r2&node-meta=zone:eu-1'))).toHaveLength(1);
  expect(json<Rows>(await api.get('/v1/health/service/web?node-meta=rack:r9'))).toEqual([]);
  expect((await api.get('/v1/catalog/nodes?node-meta=:x')).statusCode).toBe(400);
  // A label that nobody has, as in Consul.
  expect(json<Rows>(await api.get('/v1/catalog/nodes?node-meta='))).toEqual([]);
});

test.each([
  ['unreachable', { reachable: false }],
  ['not verified yet', { verified: false }],
  ['leaving', { status: 'leaving' as const }],
  ['failed', { status: 'failed' as const }],
])('a node that is %s has a critical serfHealth', async (_what, state) => {
  const api = setup();
  api.port.addMember('beta', state);
  expect(json(await api.get('/v1/health/node/beta'))).toMatchObject([
    { CheckID: 'serfHealth', Status: 'critical', Output: 'Agent not live or unreachable' },
  ]);
});

test('a suspect node passes as long as it is reachable', async () => {
  const api = setup();
  api.port.addMember('beta', { status: 'suspect' });
  expect(json(await api.get('/v1/health/node/beta'))).toMatchObject([{ CheckID: 'serfHealth', Status: 'passing' }]);
});

test('a check of the node counts for all of its instances', async () => {
  const api = mesh();
  api.port.members.get(api.port.self)!.checks.push(fakeCheck('_node_maintenance', 'critical', undefined));
  expect(json<Rows>(await api.get('/v1/health/service/web?passing'))).toEqual([]);
  const [entry] = json<{ Checks: Rows }[]>(await api.get('/v1/health/service/web'));
  expect(entry?.Checks.map((check) => check['CheckID'])).toEqual(['serfHealth', '_node_maintenance', 'service:web-1:1']);
});

test('catalog/service has the flat form, and keeps an empty service address empty', async () => {
  const [first, second] = json<Rows>(await mesh().get('/v1/catalog/service/web'));
  expect(first).toMatchObject({
    ID: expect.stringMatching(uuid),
    Node: 'alpha',
    Address: '10.0.0.1',
    Datacenter: 'testmesh',
    NodeMeta: { region: 'eu' },
    ServiceID: 'web-1',
    ServiceName: 'web',
    ServiceTags: ['v1', 'Primary'],
    ServiceAddress: '',
    ServicePort: 8080,
    ServiceMeta: { a: 'b' },
    ServiceWeights: { Passing: 1, Warning: 1 },
    ServiceTaggedAddresses: {},
    ServiceEnableTagOverride: false,
  });
  expect(second).toMatchObject({ Address: '10.0.0.2', ServiceAddress: '10.9.9.9' });
});

test("a service's own address is among its tagged ones by its family, as agents of Consul have it, unless another was given", async () => {
  const api = setup();
  const own = { Address: '10.9.9.9', Port: 80 };
  const given = { Address: '192.0.2.1', Port: 81 };
  await api.put('/v1/agent/service/register', {
    Name: 'four',
    ...own,
    TaggedAddresses: { wan_ipv4: given, virtual: given },
  });
  await api.put('/v1/agent/service/register', { Name: 'six', Address: '2001:db8::1', Port: 80 });
  await api.put('/v1/agent/service/register', { Name: 'named', Address: 'db.example.com', Port: 80 });
  const services = json<Record<string, { TaggedAddresses: unknown }>>(await api.get('/v1/agent/services'));
  expect(services['four']?.TaggedAddresses).toEqual({ lan_ipv4: own, wan_ipv4: given, virtual: given });
  const six = { Address: '2001:db8::1', Port: 80 };
  expect(services['six']?.TaggedAddresses).toEqual({ lan_ipv6: six, wan_ipv6: six });
  expect(services['named']?.TaggedAddresses).toEqual({});
});

test('catalog/services maps names to all of their tags, and forgets what only left nodes had', async () => {
  expect(json(await mesh().get('/v1/catalog/services'))).toEqual({ web: ['Primary', 'v1', 'v2'] });
});

test('a service without instances, or without tags, has an empty list and never null', async () => {
  const api = setup();
  api.port.addInstance(api.port.self, fakeInstance('db-1', 'db'));
  expect(json(await api.get('/v1/catalog/services'))).toEqual({ db: [] });
  for (const path of ['/v1/health/service/none', '/v1/catalog/service/none', '/v1/health/checks/none', '/v1/health/node/none']) {
    expect(json(await api.get(path)), path).toEqual([]);
  }
  expect(json(await api.get('/v1/agent/services'))).toEqual({});
  expect(json(await api.get('/v1/agent/checks'))).toEqual({});
  expect(json(await api.get('/v1/event/list'))).toEqual([]);
});

test('catalog/nodes has failed nodes and not those that left; their ids are unique', async () => {
  const rows = json<Rows>(await mesh().get('/v1/catalog/nodes'));
  expect(rows.map((row) => row['Node'])).toEqual(['alpha', 'beta', 'delta']);
  expect(new Set(rows.map((row) => row['ID'])).size).toBe(3);
});

test('catalog/node has the services of one node, and null for one that is unknown or left', async () => {
  const api = mesh();
  expect(json(await api.get('/v1/catalog/node/beta'))).toMatchObject({
    Node: { Node: 'beta', Address: '10.0.0.2' },
    Services: { 'web-2': { ID: 'web-2', Service: 'web', Tags: ['v2'] } },
  });
  expect(json(await api.get('/v1/catalog/node/nobody'))).toBeNull();
  expect(json(await api.get('/v1/catalog/node/epsilon'))).toBeNull();
});

test('health/checks has the checks of a service without those of its nodes', async () => {
  const rows = json<Rows>(await mesh().get('/v1/health/checks/web'));
  expect(rows.map((row) => row['CheckID'])).toEqual(['service:web-1:1', 'service:web-2:1', 'service:web-4:1']);
});

test('health/state filters by state, over all nodes', async () => {
  const api = mesh();
  expect(json<Rows>(await api.get('/v1/health/state/any'))).toHaveLength(6);
  expect(json<Rows>(await api.get('/v1/health/state/warning'))).toMatchObject([{ Node: 'beta', ServiceID: 'web-2' }]);
  expect(json<Rows>(await api.get('/v1/health/state/critical'))).toMatchObject([{ Node: 'delta', CheckID: 'serfHealth' }]);
  expect((await api.get('/v1/health/state/broken')).statusCode).toBe(400);
});

test('agent/members has the numbers of Serf, and does not show suspicion', async () => {
  const api = mesh();
  api.port.addMember('gamma', { status: 'suspect' });
  api.port.addMember('zeta', { status: 'leaving' });
  const rows = json<Rows>(await api.get('/v1/agent/members'));
  expect(rows.map((row) => [row['Name'], row['Status']])).toEqual([
    ['alpha', 1],
    ['beta', 1],
    ['delta', 4],
    ['epsilon', 3],
    ['gamma', 1],
    ['zeta', 2],
  ]);
  expect(rows[1]).toMatchObject({
    Addr: '10.0.0.2',
    Port: 7946,
    Tags: { dc: 'testmesh', role: 'consul', rack: 'r2', id: expect.stringMatching(uuid) },
  });
});

test('agent/self is an object of objects, as Go decodes it', async () => {
  const self = json<Record<string, Record<string, unknown>>>(await mesh().get('/v1/agent/self'));
  for (const [key, value] of Object.entries(self)) {
    expect(typeof value === 'object' && value !== null && !Array.isArray(value), key).toBe(true);
  }
  expect(self).toMatchObject({
    Config: { Datacenter: 'testmesh', NodeName: 'alpha', NodeID: expect.stringMatching(uuid), Server: true, Version: '1.21.4' },
    Member: { Name: 'alpha', Addr: '10.0.0.1', Port: 7946, Status: 1, Tags: { build: '1.21.4:skein' } },
    DebugConfig: { GRPCPort: -1, DNSPort: -1, HTTPPort: 8500 },
    Meta: { skein_version: '0.1.0' },
    Skein: { Listeners: { gossip: '10.0.0.1:7946' } },
    xDS: { SupportedProxies: { envoy: [] } },
  });
});

test('agent/checks has the newest output, and agent/services the datacenter', async () => {
  const api = setup();
  await api.put('/v1/agent/service/register', { Name: 'web', Tags: ['t'], Check: { TTL: '30s' } });
  const [[key, registration]] = [...api.port.registrations].filter(([name]) => name.startsWith('c/')) as [[string, never]];
  api.port.registrations.set(key, { ...(registration as object), state: { status: 'passing', output: 'new' } } as never);
  expect(json(await api.get('/v1/agent/checks'))).toMatchObject({
    'service:web': {
      Node: 'alpha',
      Status: 'passing',
      Output: 'new',
      ServiceID: 'web',
      ServiceName: 'web',
      ServiceTags: ['t'],
      Type: 'ttl',
    },
  });
  expect(json(await api.get('/v1/agent/services'))).toMatchObject({ web: { ID: 'web', Service: 'web', Datacenter: 'testmesh' } });
});

test('status names this agent as the leader, and the living as peers', async () => {
  const api = mesh();
  expect(json(await api.get('/v1/status/leader'))).toBe('10.0.0.1:7946');
  expect(json(await api.get('/v1/status/peers'))).toEqual(['10.0.0.1:7946', '10.0.0.2:7946']);
});

test('every read has the headers that clients look at', async () => {
  const api = mesh();
  api.agent.contactMs = 120.4;
  const { headers } = await api.get('/v1/health/service/web?stale');
  expect(headers).toMatchObject({
    'content-type': expect.stringContaining('application/json'),
    'x-consul-index': String(api.port.index(topics.service('web'))),
    'x-consul-lastcontact': '120',
    'x-consul-knownleader': 'true',
    'x-consul-query-backend': 'blocking-query',
    'x-consul-effective-consistency': 'stale',
    'x-consul-default-acl-policy': 'allow',
  });
});

test.each([60_000, Infinity])('an agent that heard from nobody for %d ms says that it knows no leader', async (contactMs) => {
  const api = setup();
  api.agent.contactMs = contactMs;
  const { headers } = await api.get('/v1/catalog/nodes');
  expect(headers['x-consul-knownleader']).toBe('false');
  expect(headers['x-consul-lastcontact']).toMatch(/^\d+$/);
});

test('pretty indents, and cached says so', async () => {
  const api = mesh();
  expect((await api.get('/v1/catalog/services?pretty')).body).toBe(
    '{\n    "web": [\n        "Primary",\n        "v1",\n        "v2"\n    ]\n}\n',
  );
  expect((await api.get('/v1/catalog/services?cached')).headers).toMatchObject({ 'x-cache': 'HIT', age: '0' });
});

test('the datacenter is the mesh unless it is named, and only that one is known', async () => {
  expect(json(await setup().get('/v1/catalog/datacenters'))).toEqual(['testmesh']);
  const api = setup({ datacenter: 'dc1' });
  expect(json(await api.get('/v1/catalog/datacenters'))).toEqual(['dc1']);
  expect((await api.get('/v1/catalog/nodes?dc=dc1')).statusCode).toBe(200);
  const other = await api.get('/v1/catalog/nodes?dc=dc2');
  expect([other.statusCode, other.body]).toEqual([500, 'No path to datacenter']);
});

test.each(['ns=default', 'partition=', 'near=_agent', 'merge-central-config', 'token=x', 'filter='])(
  '%s changes nothing',
  async (query) => {
    expect((await mesh().get(`/v1/health/service/web?${query}`)).statusCode).toBe(200);
  },
);

test.each(['ns=team', 'partition=p', 'peer=other', 'filter=No.Such==1', 'stale&consistent', 'cached&consistent'])(
  '%s is refused, since it cannot be honoured',
  async (query) => {
    for (const path of ['/v1/health/service/web', '/v1/catalog/nodes', '/v1/agent/services', '/v1/agent/members']) {
      const answer = await mesh().get(`${path}?${query}`);
      expect(answer.statusCode, path).toBe(400);
      expect(answer.headers['content-type'], path).toContain('text/plain');
    }
  },
);

test('names in a path are decoded, and names of objects are not special', async () => {
  const api = setup();
  api.port.addInstance(api.port.self, fakeInstance('a/b', 'my service/ü'));
  api.port.addInstance(api.port.self, fakeInstance('p', '__proto__'));
  expect(json<Rows>(await api.get(`/v1/health/service/${encodeURIComponent('my service/ü')}`))).toHaveLength(1);
  expect((await api.get('/v1/catalog/services')).body).toContain('"__proto__":[]');
  for (const name of ['constructor', 'toString', '__proto__x']) {
    expect(json(await api.get(`/v1/health/service/${name}`))).toEqual([]);
  }
});

test('mesh/members shows what this node believes about each', async () => {
  const api = setup();
  api.port.addMember('beta', { status: 'suspect', reachable: false, verified: false, accusers: [api.port.self] });
  const rows = json<Rows>(await api.get('/v1/mesh/members'));
  expect(rows.map((row) => [row['name'], row['self']])).toEqual([
    ['alpha', true],
    ['beta', false],
  ]);
  expect(rows[1]).toMatchObject({
    id: '12D3Koo-beta',
    status: 'suspect',
    reachable: false,
    verified: false,
    linked: true,
    accusers: [api.port.self],
    epoch: 3,
    incarnation: 5,
    addresses: ['10.0.0.1:7946'],
    region: 'eu',
    zone: 'eu-1',
  });
});

test('mesh/config shows entries with their version, conflicts and what was refused', async () => {
  const api = setup();
  const version = (ms: number) => ({
    mesh: 'testmesh',
    kind: 'route',
    name: 'shop',
    author: api.port.self,
    time: { ms, counter: 0 },
    parent: '',
    json: '{"rules":[]}',
    deleted: false,
  });
  const entry: ConfigEntry = {
    kind: 'route',
    name: 'shop',
    value: { rules: [] },
    version: version(2),
    conflicts: [version(1)],
    quarantined: { version: version(3), reason: 'rules[0] has no backend' },
    index: 9,
    createIndex: 8,
  };
  api.port.configs.set('route/shop', entry);
  const expectedEntry = {
    kind: 'route',
    name: 'shop',
    value: { rules: [] },
    version: { id: `2.0.${api.port.self}`, author: api.port.self, authorName: 'alpha', time: { ms: 2, counter: 0 }, parent: '' },
    conflicts: [{ id: `1.0.${api.port.self}`, json: '{"rules":[]}', deleted: false }],
    quarantined: { id: `3.0.${api.port.self}`, reason: 'rules[0] has no backend' },
  };
  expect(json(await api.get('/v1/mesh/config'))).toMatchObject([expectedEntry]);
  expect(json(await api.get('/v1/mesh/config/route'))).toMatchObject([expectedEntry]);
  expect(json(await api.get('/v1/mesh/config/route/shop'))).toMatchObject(expectedEntry);
  expect(json(await api.get('/v1/mesh/config/service'))).toEqual([]);
  expect((await api.get('/v1/mesh/config/route/none')).statusCode).toBe(404);
  api.port.configs.set('route/calm', { ...entry, name: 'calm', conflicts: [], quarantined: undefined });
  const names = async (query: string): Promise<string[]> =>
    json<{ name: string }[]>(await api.get(`/v1/mesh/config${query}`)).map(({ name }) => name);
  expect(await names('')).toEqual(['calm', 'shop']);
  expect(await names('?conflicts')).toEqual(['shop']);
  expect(await names('/route?conflicts=true')).toEqual(['shop']);
  expect(await names('?conflicts=false')).toEqual(['calm', 'shop']);
  expect((await api.get('/v1/mesh/config?conflicts=perhaps')).statusCode).toBe(400);
});

test('a match that a rule of another route has too is told with the route that goes first', async () => {
  const api = setup();
  const add = (name: string, ms: number, rules: readonly unknown[]): void => {
    const version = { mesh: 'testmesh', kind: 'route', name, author: api.port.self, time: { ms, counter: 0 }, parent: '' };
    const value = { hostnames: ['shop.example'], rules } as ConfigEntry['value'];
    api.port.configs.set(`route/${name}`, {
      kind: 'route',
      name,
      value,
      version: { ...version, json: JSON.stringify(value), deleted: false },
      conflicts: [],
      quarantined: undefined,
      index: ms,
      createIndex: ms,
    });
  };
  const rule = (...matches: readonly unknown[]): unknown => ({ matches, backendRefs: [{ name: 'orders' }] });
  const path = { type: 'PathPrefix', value: '/order' };
  const [one, two] = ['x-one', 'x-two'].map((name) => ({ name, value: '1' }));
  add('newer', 2, [rule({ path: { ...path, value: '/other' } }), rule({ path }, { path, headers: [two, one] })]);
  add('older', 1, [rule({ path, headers: [one, two] }), rule({ path: { ...path, value: '/order/' } }), rule({ path })]);
  add('alone', 3, [rule({ path, method: 'GET' }), rule({ path: { ...path, type: 'Exact' } }), rule({ path, headers: [one] })]);
  api.port.bump('config/route');
  const list = json(await api.get('/v1/mesh/config')) as { name: string; shadowed: unknown }[];
  expect(list.map(({ name, shadowed }) => [name, shadowed])).toEqual([
    ['alone', []],
    [
      'newer',
      [
        { rule: 1, match: 1, hostname: 'shop.example', by: 'older' },
        { rule: 1, match: 0, hostname: 'shop.example', by: 'older' },
      ],
    ],
    ['older', []],
  ]);
});

test('healthz is up, readyz tells why not, and metrics are text', async () => {
  const api = setup();
  expect(json(await api.get('/healthz'))).toEqual({ status: 'ok' });
  expect(json(await api.get('/readyz'))).toEqual({ ready: true, reason: 'alone by choice' });
  api.agent.readiness = { ready: false, reason: 'no seed answered yet' };
  const answer = await api.get('/readyz');
  expect([answer.statusCode, JSON.parse(answer.body)]).toEqual([503, { ready: false, reason: 'no seed answered yet' }]);
  const metrics = await api.get('/metrics');
  expect(metrics.body).toContain('skein_members 1');
  expect(metrics.headers['content-type']).toContain('version=0.0.4');
});
