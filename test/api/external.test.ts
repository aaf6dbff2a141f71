/** `/v1/catalog/register` and `/deregister`: hosts without an agent, over real nodes in a simulated mesh. */

import { createApi, createDns } from '@skein/api';
import type { Api, InjectedAnswer } from '@skein/api';
import { externalId, seededRng, topics } from '@skein/core';
import { World } from '@skein/sim';
import type { SimNode } from '@skein/sim';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decode, encode, texts } from './dns-client.ts';
import { FakeAgent, FakeEvents, FakeTimers, json, settle } from './fake-agent.ts';

function mesh(count = 1): { world: World; nodes: [SimNode, ...SimNode[]]; apis: [Api, ...Api[]] } {
  const world = new World({ seed: 5, network: 'lan', profile: 'local' });
  const nodes = world.mesh(count) as [SimNode, ...SimNode[]];
  const apis = nodes.map((port) => {
    const parts = { agent: new FakeAgent(), timers: new FakeTimers(), events: new FakeEvents(), random: () => 0 };
    return createApi({ port, ...parts, listen: '127.0.0.1:0', allowedHosts: [] });
  });
  world.runFor(3000);
  return { world, nodes, apis: apis as [Api, ...Api[]] };
}

const get = (api: Api, url: string): Promise<InjectedAnswer> => api.inject({ method: 'GET', url });
const put = (api: Api, url: string, body: unknown): Promise<InjectedAnswer> =>
  api.inject({ method: 'PUT', url, payload: JSON.stringify(body) });
const register = (api: Api, body: unknown): Promise<InjectedAnswer> => put(api, '/v1/catalog/register', body);
const deregister = (api: Api, body: unknown): Promise<InjectedAnswer> => put(api, '/v1/catalog/deregister', body);

/** As Consul ESM is told of a host. */
const search = {
  Datacenter: 'testmesh',
  ID: '40e4a748-2192-161a-0510-9bf59fe950b5',
  Node: 'search.example',
  Address: '10.9.0.1',
  TaggedAddresses: { lan: '10.9.0.1', wan: '192.0.2.1' },
  NodeMeta: { 'external-node': 'true', 'external-probe': 'true' },
  Service: { ID: 'search1', Service: 'search', Tags: ['v1'], Port: 9200, Meta: { team: 'x' } },
  Check: {
    Node: 'search.example',
    CheckID: 'service:search1',
    Name: 'search http',
    Status: 'passing',
    ServiceID: 'search1',
    Definition: { HTTP: 'http://10.9.0.1:9200/health', Interval: '30s', Timeout: '5s' },
  },
};

describe('an external node', () => {
  test('registered at one agent is in the catalog of every other: node, service and check', async () => {
    const { world, apis } = mesh(3);
    expect(json(await register(apis[0], search))).toBe(true);
    world.runFor(500);
    for (const api of apis) {
      const [entry] = json<Record<string, unknown>[]>(await get(api, '/v1/health/service/search?passing'));
      expect(entry).toMatchObject({
        Node: {
          ID: search.ID,
          Node: 'search.example',
          Address: '10.9.0.1',
          Meta: search.NodeMeta,
          TaggedAddresses: search.TaggedAddresses,
        },
        Service: { ID: 'search1', Service: 'search', Address: '', Port: 9200, Tags: ['v1'], Meta: { team: 'x' } },
      });
      expect(entry?.['Checks']).toMatchObject([
        { CheckID: 'service:search1', Status: 'passing', Type: 'http', Definition: search.Check.Definition },
      ]);
      expect(json(await get(api, '/v1/catalog/services'))).toEqual({ search: ['v1'] });
      const nodes = json<{ Node: string }[]>(await get(api, '/v1/catalog/nodes?node-meta=external-node:true'));
      expect(nodes.map(({ Node }) => Node)).toEqual(['search.example']);
      expect(json(await get(api, '/v1/catalog/node/search.example'))).toMatchObject({
        Node: { Address: '10.9.0.1' },
        Services: { search1: { Port: 9200 } },
      });
      expect(json(await get(api, '/v1/catalog/service/search'))).toMatchObject([{ Node: 'search.example', Address: '10.9.0.1' }]);
      expect(json(await get(api, '/v1/health/node/search.example'))).toHaveLength(1);
      expect(json<unknown[]>(await get(api, '/v1/agent/members'))).toHaveLength(3);
      expect(json(await get(api, '/v1/agent/services'))).toEqual({});
      expect(json(await get(api, '/v1/mesh/config'))).toEqual([]);
    }
  });

  test('is found by its id, in any case, and waited for by it', async () => {
    const { apis } = mesh(1);
    const path = `/v1/catalog/node/${search.ID.toUpperCase()}`;
    const before = await get(apis[0], path);
    expect(json(before)).toBeNull();
    const waiting = get(apis[0], `${path}?index=${String(before.headers['x-consul-index'])}&wait=5m`);
    await settle();
    await register(apis[0], search);
    expect(json(await waiting)).toMatchObject({ Node: { Node: 'search.example' } });
    expect(json(await get(apis[0], `/v1/health/node/${search.ID}`))).toHaveLength(1);
  });

  test('has checks of the type that their definitions have, where none is given', async () => {
    const { apis } = mesh(1);
    await register(apis[0], { ...search, Check: { ...search.Check, Type: '' } });
    expect(json(await get(apis[0], '/v1/health/checks/search'))).toMatchObject([{ Type: 'http' }]);
    const { Interval: _interval, ...once } = search.Check.Definition;
    await register(apis[0], { ...search, Check: { ...search.Check, Definition: once } });
    expect(json(await get(apis[0], '/v1/health/checks/search'))).toMatchObject([{ Type: '' }]);
    await register(apis[0], { ...search, Check: { ...search.Check, Type: 'mine' } });
    expect(json(await get(apis[0], '/v1/health/checks/search'))).toMatchObject([{ Type: 'mine' }]);
  });

  test('has checks whose definitions show spans as Consul does', async () => {
    const { apis } = mesh(1);
    const Definition = { HTTP: 'http://x/', interval: '90s', Timeout: 2e9, DeregisterCriticalServiceAfter: '1h' };
    await register(apis[0], { ...search, Check: { ...search.Check, Definition } });
    expect(json(await get(apis[0], '/v1/health/checks/search'))).toMatchObject([
      { Definition: { HTTP: 'http://x/', Interval: '1m30s', Timeout: '2s', DeregisterCriticalServiceAfter: '1h0m0s' } },
    ]);
    const answer = await register(apis[0], { ...search, Check: { ...search.Check, Definition: { Interval: 'soon' } } });
    expect([answer.statusCode, answer.body]).toEqual([400, expect.stringContaining('Definition.Interval')]);
  });

  test('has no service whose metadata has a key that Consul keeps for itself', async () => {
    const { apis } = mesh(1);
    const answer = await register(apis[0], { ...search, Service: { ...search.Service, Meta: { 'consul-x': '1' } } });
    expect([answer.statusCode, answer.body]).toEqual([400, expect.stringContaining("prefix 'consul-' is reserved")]);
    expect(json(await get(apis[0], '/v1/catalog/services'))).toEqual({});
  });

  test('that comes with its id and another name was renamed: what ran under the old name is gone, as in Consul', async () => {
    const { world, apis } = mesh(2);
    const [one, two = one] = apis;
    await register(one, search);
    expect(
      json(
        await register(one, { Node: 'other.example', Address: '10.9.0.2', NodeMeta: search.NodeMeta, Service: search.Service }),
      ),
    ).toBe(true);
    world.runFor(500);
    const { Service: _service, Check: _check, ...bare } = search;
    expect(json(await register(two, { ...bare, ID: search.ID.toUpperCase(), Node: 'renamed.example' }))).toBe(true);
    world.runFor(500);
    for (const api of apis) {
      const nodes = json<{ Node: string; ID: string }[]>(await get(api, '/v1/catalog/nodes?node-meta=external-node:true'));
      expect(nodes.map(({ Node }) => Node)).toEqual(['other.example', 'renamed.example']);
      expect(nodes[1]?.ID).toBe(search.ID);
      const left = json<{ Node: string }[]>(await get(api, '/v1/catalog/service/search'));
      expect(left.map(({ Node }) => Node)).toEqual(['other.example']);
      expect(json(await get(api, '/v1/catalog/node/search.example'))).toBeNull();
    }
    const again = { ...bare, Node: 'renamed.example', Service: search.Service };
    expect(json(await register(one, again))).toBe(true);
    expect(json<unknown[]>(await get(one, '/v1/catalog/service/search'))).toHaveLength(2);
  });

  test('renamed on both sides of a partition has two names, until it is registered once more', async () => {
    const { world, nodes, apis } = mesh(2);
    const [one, two = one] = apis;
    const { Service: _service, Check: _check, ...bare } = search;
    const heal = world.network.split([nodes[0]], nodes.slice(1));
    await register(one, { ...bare, Node: 'left.example' });
    await register(two, { ...bare, Node: 'right.example' });
    heal();
    world.runFor(60_000);
    const names = async (): Promise<string[]> =>
      json<{ Node: string }[]>(await get(one, '/v1/catalog/nodes?node-meta=external-node:true')).map(({ Node }) => Node);
    expect(await names()).toEqual(['left.example', 'right.example']);
    await register(one, { ...bare, Node: 'left.example' });
    expect(await names()).toEqual(['left.example']);
  });

  test('cannot take the id of a member, and nothing is written', async () => {
    const { apis } = mesh();
    const [{ ID = '' } = {}] = json<{ ID?: string }[]>(await get(apis[0], '/v1/catalog/nodes'));
    const answer = await register(apis[0], { ...search, ID });
    expect([answer.statusCode, answer.body]).toEqual([400, expect.stringContaining('a member of the mesh')]);
    expect(json<unknown[]>(await get(apis[0], '/v1/catalog/nodes'))).toHaveLength(1);
  });

  test('is never seen, by any agent at any moment, without the check that keeps traffic from it', async () => {
    const { world, nodes, apis } = mesh(4);
    const seen = new Set<boolean>();
    const watch = (): boolean => {
      for (const node of nodes)
        for (const { routable, checks } of node.view().service('search')?.instances ?? [])
          seen.add(routable || checks.length === 0);
      return nodes.every((node) => node.view().service('search') !== undefined);
    };
    await register(apis[0], { ...search, Check: { ...search.Check, Status: 'critical' } });
    expect(world.runUntil(watch, 5000)).toBeDefined();
    expect([...seen]).toEqual([false]);
  });

  test('outlives the agent that took it, and is removed at any other', async () => {
    const { world, nodes, apis } = mesh(4);
    await register(apis[0], search);
    world.runFor(500);
    nodes[0].crash();
    world.runFor(30_000);
    const other = apis[2] ?? apis[0];
    expect(json(await get(other, '/v1/health/service/search?passing'))).toHaveLength(1);
    expect(json(await deregister(other, { Node: 'search.example' }))).toBe(true);
    world.runFor(500);
    expect(json(await get(apis[1] ?? apis[0], '/v1/health/service/search'))).toEqual([]);
    expect(json(await get(apis[1] ?? apis[0], '/v1/catalog/node/search.example'))).toBeNull();
  });

  test('is out of rotation as long as one of its checks is critical', async () => {
    const { apis, nodes } = mesh();
    await register(apis[0], search);
    const routable = (): boolean | undefined => nodes[0].view().service('search')?.instances[0]?.routable;
    expect(routable()).toBe(true);
    await register(apis[0], { ...search, Check: { ...search.Check, Status: 'critical', Output: 'refused' } });
    expect(routable()).toBe(false);
    expect(json(await get(apis[0], '/v1/health/service/search?passing'))).toEqual([]);
    expect(json(await get(apis[0], '/v1/health/state/critical'))).toMatchObject([{ Node: 'search.example', Output: 'refused' }]);
    await register(apis[0], search);
    await register(apis[0], { Node: search.Node, SkipNodeUpdate: true, Check: { Name: 'ping', Status: 'critical' } });
    expect(routable()).toBe(false);
    await deregister(apis[0], { Node: search.Node, CheckID: 'ping' });
    expect(routable()).toBe(true);
  });

  test('is made by a registration that skips the update of nodes, and then not changed by one', async () => {
    const { apis } = mesh();
    await register(apis[0], { ...search, SkipNodeUpdate: true });
    await register(apis[0], { ...search, Address: 'elsewhere.example', SkipNodeUpdate: true });
    expect(json(await get(apis[0], '/v1/catalog/service/search'))).toMatchObject([
      { Node: search.Node, Address: search.Address },
    ]);
  });

  test('is the same one in any case of its name, and keeps the one it had first', async () => {
    const { apis } = mesh();
    await register(apis[0], { Node: 'Db', Address: '10.9.0.3' });
    await register(apis[0], { Node: 'DB', Address: '10.9.0.4', Service: { Service: 'sql' } });
    expect(json(await get(apis[0], '/v1/catalog/service/SQL'))).toMatchObject([{ Node: 'Db', Address: '10.9.0.4' }]);
    expect(json(await deregister(apis[0], { Node: 'dB' }))).toBe(true);
    expect(json(await get(apis[0], '/v1/catalog/service/sql'))).toEqual([]);
    expect(json(await get(apis[0], '/v1/catalog/node/db'))).toBeNull();
  });

  test('loses one service with its checks, and keeps the others', async () => {
    const { apis } = mesh();
    await register(apis[0], search);
    await register(apis[0], { ...search, Check: undefined, Service: { Service: 'other', Port: 1 } });
    await deregister(apis[0], { Node: search.Node, ServiceID: 'search1' });
    expect(json(await get(apis[0], '/v1/catalog/services'))).toEqual({ other: [] });
    expect(json(await get(apis[0], '/v1/health/node/search.example'))).toEqual([]);
    expect(json(await deregister(apis[0], { Node: 'nobody', ServiceID: 'x' }))).toBe(true);
  });

  test('wakes who waits for its service or node, and nobody when the same is said again', async () => {
    const { apis, nodes } = mesh();
    const index = String((await get(apis[0], '/v1/health/service/search')).headers['x-consul-index']);
    const waiting = get(apis[0], `/v1/health/service/search?index=${index}`);
    await settle();
    await register(apis[0], search);
    expect(json(await waiting)).toHaveLength(1);
    const seen = (): number[] => {
      const view = nodes[0].view();
      return [topics.services, topics.members, topics.service('search'), topics.node(externalId('search.example'))].map((topic) =>
        view.index(topic),
      );
    };
    const [list, members, service, node] = seen();
    await register(apis[0], search);
    expect(seen()).toEqual([list, members, service, node]);
    await register(apis[0], { ...search, Check: { ...search.Check, Status: 'warning' } });
    const after = seen();
    expect(after.slice(0, 2)).toEqual([list, members]);
    expect(after[2]).toBeGreaterThan(service ?? 0);
    await register(apis[0], { ...search, Address: '10.9.0.2' });
    expect(seen()[1]).toBeGreaterThan(members ?? 0);
    expect(nodes[0].view().service('search')?.instances[0]?.address).toBe('10.9.0.2');
  });

  test('may have any metadata keys of its own, as in Consul', async () => {
    const { apis } = mesh();
    expect(json(await register(apis[0], { Node: 'db', Address: '10.9.0.1', NodeMeta: { 'a b': 'x' } }))).toBe(true);
    expect(json(await get(apis[0], '/v1/catalog/node/db'))).toMatchObject({ Node: { Meta: { 'a b': 'x' } } });
  });

  test('is written at two agents at once without losing a service', async () => {
    const { world, apis } = mesh(2);
    await Promise.all(
      apis.map((api, at) => register(api, { ...search, Check: undefined, Service: { ID: `s${at}`, Service: 'two' } })),
    );
    world.runFor(1000);
    for (const api of apis) expect(json(await get(api, '/v1/catalog/service/two'))).toHaveLength(2);
  });
});

describe.each(['leaves', 'fails and is made to leave'])('where a member %s', (how) => {
  test.each(['its case', 'another case'])('an external node may have its name, in %s', async (inCase) => {
    const { world, nodes, apis } = mesh(4);
    const [seen, gone] = [nodes[0], nodes[3] as SimNode];
    const nodesBefore = json<{ Node: string; ID: string }[]>(await get(apis[0], '/v1/catalog/nodes'));
    const uuid = nodesBefore.find(({ Node }) => Node === gone.name)?.ID ?? '';
    if (how === 'leaves') gone.leave();
    else gone.crash();
    const status = how === 'leaves' ? 'left' : 'failed';
    world.runUntil(() => seen.view().memberByName(gone.name)?.status === status, 60_000);
    if (how !== 'leaves') await put(apis[0], `/v1/agent/force-leave/${gone.name}`, undefined);
    const dns = createDns({
      port: seen,
      listen: { host: '127.0.0.1', port: 0 },
      datacenter: 'dc1',
      recursors: [],
      rng: seededRng(1),
    });
    const addresses = async (): Promise<unknown> => {
      const message = encode({ type: 'query', id: 1, questions: [{ name: `${gone.name}.node.consul`, type: 'A' }] });
      return texts(decode((await dns.inject(message, { transport: 'tcp' })) ?? Buffer.alloc(0)).answers);
    };
    expect(await addresses()).toEqual([]);
    const urls = [gone.name, uuid].flatMap((name) => [`/v1/catalog/node/${name}`, `/v1/health/node/${name}`]);
    const waits: Promise<InjectedAnswer>[] = [];
    for (const url of urls) {
      const before = await get(apis[0], url);
      expect([null, []]).toContainEqual(json(before));
      waits.push(get(apis[0], `${url}?index=${String(before.headers['x-consul-index'])}`));
    }
    await settle();
    const node = inCase === 'its case' ? gone.name : gone.name.toUpperCase();
    await register(apis[0], { Node: node, ID: uuid, Address: '10.9.0.1', Check: { CheckID: 'up', Name: 'up' } });
    for (const [at, wait] of waits.entries()) {
      const answer = json(await wait);
      if (at % 2 === 0) expect(answer).toMatchObject({ Node: { Node: node, Address: '10.9.0.1' } });
      else expect(answer).toMatchObject([{ Node: node, CheckID: 'up' }]);
    }
    expect(await addresses()).toEqual([`${gone.name}.node.consul A 10.9.0.1`]);
    expect(json(await deregister(apis[0], { Node: gone.name }))).toBe(true);
    expect(json(await get(apis[0], urls[0] ?? ''))).toBeNull();
  });
});

describe('a bad registration', () => {
  test.each([
    ['without a node', { Address: 'x' }, 'Must provide node'],
    ['without an address', { Node: 'x' }, 'Must provide address if SkipNodeUpdate is not set'],
    ['of an unknown node, without its address', { Node: 'x', SkipNodeUpdate: true }, "Unknown node 'x'"],
    ['of a bad id', { ...search, ID: 'x' }, 'Bad node ID'],
    ['of an id without a service', { ...search, Service: { ID: 'x' } }, 'Must provide service name (Service.Service)'],
    ['of an address that is none', { ...search, Service: { Service: 'x', Address: '0.0.0.0' } }, 'Invalid service address'],
    [
      'of a check of no service',
      { ...search, Check: { Name: 'c', ServiceID: 'zzz' } },
      "Unknown service ID 'zzz' for check ID 'c'",
    ],
    ['of a check of another node', { ...search, Check: { Name: 'c', Node: 'b' } }, "doesn't match register request node"],
    ['of a status that is none', { ...search, Check: { Name: 'c', Status: 'fine' } }, 'Invalid check status'],
    ['of a peer', { ...search, PeerName: 'p' }, 'there are no peers here'],
    ['with an unknown key', { ...search, Nope: 1 }, 'unknown key "Nope"'],
    [
      'with a tag over the limit',
      { ...search, Service: { Service: 'x', Tags: ['t'.repeat(300)] } },
      'Tags[0] has 300 characters',
    ],
  ])('%s is 400, names what is wrong and changes nothing', async (_what, body, text) => {
    const { apis } = mesh();
    const answer = await register(apis[0], body);
    expect([answer.statusCode, answer.body]).toEqual([400, expect.stringContaining(text)]);
    expect(json(await get(apis[0], '/v1/catalog/nodes'))).toHaveLength(1);
  });

  test.each(['a b', '', 'a.b', 'ä', 'consul-x'])(
    'of a service with the metadata key "%s" is 400, as with its agent, and changes nothing',
    async (key) => {
      const { apis } = mesh();
      const Meta = { [key]: 'x' };
      const answer = await register(apis[0], { ...search, Check: undefined, Service: { Service: 'x', Meta } });
      expect([answer.statusCode, answer.body]).toEqual([400, expect.stringContaining(`Invalid Service Meta: key "${key}"`)]);
      expect(answer.body).toBe((await put(apis[0], '/v1/agent/service/register', { Name: 'x', Meta })).body);
      expect(json(await get(apis[0], '/v1/catalog/nodes'))).toHaveLength(1);
    },
  );

  test('of what runs on a member is refused, and names whom to ask', async () => {
    const { apis, nodes } = mesh();
    const { name } = nodes[0];
    const refused = await register(apis[0], { ...search, Node: name, Check: undefined });
    expect([refused.statusCode, refused.body]).toEqual([400, expect.stringContaining(`node '${name}' is a member of the mesh`)]);
    const gone = await deregister(apis[0], { Node: name, ServiceID: 'web' });
    expect(gone.body).toContain('/v1/agent/service/deregister/web');
    expect((await register(apis[0], { ...search, Datacenter: 'other' })).body).toBe('No path to datacenter');
    expect((await deregister(apis[0], {})).body).toBe('Must provide node');
  });

  test('of any JSON is refused or kept, and reads go on', async () => {
    const { apis } = mesh();
    const body = fc.record(
      { Node: fc.oneof(fc.string(), fc.jsonValue()), Address: fc.string(), Service: fc.jsonValue(), Checks: fc.jsonValue() },
      { requiredKeys: ['Node'] },
    );
    await fc.assert(
      fc.asyncProperty(body, async (value) => {
        expect([200, 400]).toContain((await register(apis[0], value)).statusCode);
        expect((await get(apis[0], '/v1/catalog/nodes')).statusCode).toBe(200);
        expect((await get(apis[0], '/v1/health/state/any')).statusCode).toBe(200);
      }),
      { numRuns: 200 },
    );
  });
});

test('a node with many parts is deregistered in turns, and from the first on none of its instances is shown', async () => {
  const { nodes, apis } = mesh();
  const [port] = nodes;
  await register(apis[0], { Node: 'big', Address: '10.9.0.2' });
  for (let i = 0; i < 100; i++) {
    const check = { CheckID: `c${i}`, Name: 'c', Status: 'critical', ServiceID: `s${i}` };
    await register(apis[0], { Node: 'big', Address: '10.9.0.2', Service: { ID: `s${i}`, Service: 'many' }, Check: check });
  }
  expect(port.view().service('many')?.instances).toHaveLength(100);
  const shown: unknown[] = [];
  const over = deregister(apis[0], { Node: 'big' });
  const parts = (): number => [...port.view().configEntries('external')].length;
  while (parts() > 0) {
    await new Promise((resolve) => setImmediate(resolve));
    if (parts() < 201 && parts() > 0) shown.push(port.view().service('many'));
  }
  expect(json(await over)).toBe(true);
  expect(shown.length).toBeGreaterThan(0);
  expect(shown.every((service) => service === undefined)).toBe(true);
  expect([...port.view().configEntries('external')]).toEqual([]);
});

test('DNS gives a host without an agent the address of each family that it has, as it is now', async () => {
  const {
    nodes: [port],
    apis: [api],
  } = mesh();
  const listen = { host: '127.0.0.1', port: 0 };
  const dns = createDns({ port, listen, datacenter: 'dc1', recursors: [], rng: seededRng(1) });
  const ask = async (name: string, type: 'A' | 'AAAA' | 'SRV'): Promise<readonly string[]> => {
    const message = encode({ type: 'query', id: 1, questions: [{ name, type }] });
    const { answers = [], additionals = [] } = decode((await dns.inject(message, { transport: 'tcp' })) ?? Buffer.alloc(0));
    return texts([...answers, ...additionals]);
  };
  const node = 'search.example.node.dc1.consul';
  for (const six of ['2001:db8::1', '2001:db8::2']) {
    await register(api, { ...search, TaggedAddresses: { lan_ipv6: six } });
    expect(await ask(node, 'A')).toEqual([`${node} A 10.9.0.1`]);
    expect(await ask(node, 'AAAA')).toEqual([`${node} AAAA ${six}`]);
    expect(await ask('search.service.consul', 'AAAA')).toEqual([`search.service.consul AAAA ${six}`]);
    expect(await ask('search.service.consul', 'SRV')).toEqual([
      `${node} A 10.9.0.1`,
      `${node} AAAA ${six}`,
      `search.service.consul SRV 1 1 9200 ${node}`,
    ]);
  }
});
