/** The API over real nodes in a simulated mesh: what one agent is told, the others' clients see. */

import { createApi } from '@skein/api';
import type { Api, InjectedAnswer } from '@skein/api';
import { World } from '@skein/sim';
import type { SimNode } from '@skein/sim';
import { expect, test } from 'vitest';
import { FakeAgent, FakeEvents, FakeTimers, json, settle } from './fake-agent.ts';

interface Site {
  readonly node: SimNode;
  readonly api: Api;
  get(url: string): Promise<InjectedAnswer>;
  put(url: string, body?: unknown): Promise<InjectedAnswer>;
}

function site(node: SimNode): Site {
  const parts = { agent: new FakeAgent(), events: new FakeEvents(), timers: new FakeTimers(), random: () => 0 };
  const api = createApi({ port: node, ...parts, listen: '127.0.0.1:0', allowedHosts: [] });
  return {
    node,
    api,
    get: (url) => api.inject({ method: 'GET', url }),
    put: (url, body) => api.inject({ method: 'PUT', url, ...(body === undefined ? {} : { payload: JSON.stringify(body) }) }),
  };
}

function mesh(count: number): { world: World; sites: [Site, Site, ...Site[]] } {
  const world = new World({ seed: 5, network: 'lan', profile: 'local' });
  const sites = world.mesh(count).map(site) as [Site, Site, ...Site[]];
  world.runFor(3000);
  return { world, sites };
}

const web = { ID: 'web-1', Name: 'web', Port: 8080, Tags: ['v1'], Check: { TTL: '30s', Status: 'passing' } };

test('what is registered with one agent is found through every other, with its checks', async () => {
  const { world, sites } = mesh(5);
  expect((await sites[0].put('/v1/agent/service/register', web)).statusCode).toBe(200);
  world.runFor(500);
  for (const at of sites) {
    expect(json(await at.get('/v1/health/service/web?passing&tag=v1'))).toMatchObject([
      {
        Node: { Node: sites[0].node.name },
        Service: { ID: 'web-1', Port: 8080 },
        Checks: [{ CheckID: 'serfHealth' }, { CheckID: 'service:web-1', Type: 'ttl' }],
      },
    ]);
    expect(json(await at.get('/v1/catalog/services'))).toEqual({ web: ['v1'] });
    expect(json(await at.get('/v1/agent/members'))).toHaveLength(5);
  }
});

test('a client of another agent that waits is woken by a registration, and by a check that turns critical', async () => {
  const { world, sites } = mesh(3);
  const first = await sites[1].get('/v1/health/service/web');
  const index = String(first.headers['x-consul-index']);
  const waiting = sites[1].get(`/v1/health/service/web?index=${index}&wait=5m`);
  await settle();
  await sites[0].put('/v1/agent/service/register', web);
  world.runFor(500);
  const woken = await waiting;
  expect(json(woken)).toHaveLength(1);
  expect(Number(woken.headers['x-consul-index'])).toBeGreaterThan(Number(index));

  await sites[0].put('/v1/agent/check/fail/service:web-1?note=broken');
  world.runFor(500);
  expect(json(await sites[1].get('/v1/health/service/web?passing'))).toEqual([]);
  expect(json(await sites[1].get('/v1/health/state/critical'))).toMatchObject([{ ServiceID: 'web-1', Output: 'broken' }]);
});

test('what is registered or written again as it is keeps its index and wakes nobody', async () => {
  const { world, sites } = mesh(2);
  const [here, there] = sites;
  const route = { rules: [{ backendRefs: [{ name: 'web' }] }] };
  const external = { Node: 'db', Address: '10.9.0.1', Service: { Service: 'sql' }, Check: { Name: 'up', Status: 'passing' } };
  const nodeCheck = { Name: 'disk', TTL: '1m', Status: 'passing' };
  const created = await here.api.inject({
    method: 'POST',
    url: '/v1/query',
    payload: JSON.stringify({ Name: 'q', Service: { Service: 'web' } }),
  });
  const { ID } = json<{ ID: string }>(created);
  const writeAll = async (): Promise<void> => {
    const answers = [
      await here.put('/v1/agent/service/register', web),
      await here.put('/v1/agent/check/register', nodeCheck),
      await here.put('/v1/mesh/config/route/r', route),
      await here.put('/v1/catalog/register', external),
      await here.put('/v1/config', { Kind: 'service-defaults', Name: 'web', Protocol: 'http' }),
      await here.put(`/v1/query/${ID}`, { Name: 'q', Service: { Service: 'web' } }),
    ];
    expect(answers.map(({ statusCode }) => statusCode)).toEqual(answers.map(() => 200));
    world.runFor(500);
  };
  await writeAll();
  const lastIndexes = (): number[] => sites.map(({ node }) => node.view().lastIndex);
  const before = lastIndexes();
  await writeAll();
  expect(lastIndexes()).toEqual(before);
  await there.put('/v1/mesh/config/route/r', route);
  expect(lastIndexes()).toEqual(before);
  await here.put('/v1/agent/service/register', { ...web, Port: 8081 });
  expect(lastIndexes()[0]).toBeGreaterThan(before[0] ?? 0);
});

test('services and nodes are found and waited for by their names in any case, as in Consul', async () => {
  const { world, sites } = mesh(2);
  const [here, there] = sites;
  const before = await there.get('/v1/health/service/WEB');
  const waiting = there.get(`/v1/health/service/WEB?index=${String(before.headers['x-consul-index'])}&wait=5m`);
  await settle();
  await here.put('/v1/agent/service/register', { ...web, Name: 'Web' });
  await here.put('/v1/agent/service/register', { ID: 'w2', Name: 'web' });
  world.runFor(500);
  expect(json<unknown[]>(await waiting).length).toBeGreaterThan(0);
  const node = here.node.name.toUpperCase();
  for (const path of ['health/service/wEb', 'catalog/service/WEB', `catalog/node-services/${node}`])
    expect(idsIn(json(await there.get(`/v1/${path}`))), path).toEqual(['w2', 'web-1']);
  expect(json(await there.get('/v1/health/checks/WEB'))).toMatchObject([{ CheckID: 'service:web-1' }]);
  expect(json(await there.get(`/v1/health/node/${node}`))).toHaveLength(2);
  expect(json(await there.get('/v1/catalog/services'))).toEqual({ Web: ['v1'], web: [] });
  // What is registered on this agent is found by its exact name, with Consul too.
  expect((await here.get('/v1/agent/health/service/name/WEB')).statusCode).toBe(404);
  await here.put('/v1/agent/service/deregister/web-1');
  expect(idsIn(json(await here.get('/v1/health/service/WEB')))).toEqual(['w2']);
});

function idsIn(answer: unknown): string[] {
  return [...JSON.stringify(answer).matchAll(/"(?:ServiceID|ID)":"(w2|web-1)"/g)]
    .map(([, id]) => id ?? '')
    .filter((id, at, all) => all.indexOf(id) === at)
    .sort();
}

test('a crashed node stays in the catalog with a critical serfHealth, and its instances stop passing', async () => {
  const { world, sites } = mesh(4);
  await sites[0].put('/v1/agent/service/register', web);
  world.runFor(500);
  sites[0].node.crash();
  world.runFor(3000);
  const { name } = sites[0].node;
  expect(json(await sites[1].get('/v1/health/service/web?passing'))).toEqual([]);
  expect(json(await sites[1].get(`/v1/health/node/${name}`))).toMatchObject([{ CheckID: 'serfHealth', Status: 'critical' }, {}]);
  expect(json<unknown[]>(await sites[1].get('/v1/catalog/nodes'))).toHaveLength(4);
});

test('a deregistered service is gone everywhere, and an unknown id is named', async () => {
  const { world, sites } = mesh(3);
  await sites[0].put('/v1/agent/service/register', web);
  world.runFor(500);
  expect((await sites[1].put('/v1/agent/service/deregister/web-1')).statusCode).toBe(404);
  expect((await sites[0].put('/v1/agent/service/deregister/web-1')).statusCode).toBe(200);
  expect((await sites[0].put('/v1/agent/check/pass/service:web-1')).statusCode).toBe(404);
  world.runFor(500);
  for (const at of sites) {
    expect(json(await at.get('/v1/health/service/web'))).toEqual([]);
    expect(json(await at.get('/v1/catalog/services'))).toEqual({});
    expect(json(await at.get('/v1/health/state/any'))).toHaveLength(3);
  }
});

test('maintenance of a node takes all of its instances out, everywhere, and gives them back', async () => {
  const { world, sites } = mesh(3);
  await sites[0].put('/v1/agent/service/register', web);
  await sites[0].put('/v1/agent/maintenance?enable=true&reason=disk');
  world.runFor(500);
  expect(json(await sites[1].get('/v1/health/service/web?passing'))).toEqual([]);
  expect(json(await sites[1].get('/v1/health/state/critical'))).toMatchObject([{ CheckID: '_node_maintenance', Notes: 'disk' }]);
  await sites[0].put('/v1/agent/maintenance?enable=false');
  world.runFor(500);
  expect(json(await sites[1].get('/v1/health/service/web?passing'))).toHaveLength(1);
});

test('indexes of two agents carry different tags, by which each knows its own', async () => {
  const { world, sites } = mesh(2);
  await sites[0].put('/v1/agent/service/register', web);
  world.runFor(500);
  const [one, two] = await Promise.all(sites.map((at) => at.get('/v1/health/service/web')));
  const [a, b] = [one, two].map((answer) => Number(answer?.headers['x-consul-index']));
  expect(a! % 1024).not.toBe(b! % 1024);
});

test('a config entry written at one agent is read at another, with its author', async () => {
  const { world, sites } = mesh(3);
  const written = json<Record<string, unknown>>(await sites[0].put('/v1/mesh/config/route/shop', { rules: [] }));
  expect(written).toMatchObject({
    kind: 'route',
    name: 'shop',
    value: { rules: [] },
    version: { authorName: sites[0].node.name },
  });
  world.runFor(500);
  expect(json(await sites[1].get('/v1/mesh/config/route/shop'))).toMatchObject({
    value: { rules: [] },
    version: written['version'],
  });
  expect((await sites[1].api.inject({ method: 'DELETE', url: '/v1/mesh/config/route/shop' })).statusCode).toBe(200);
  world.runFor(500);
  expect(json(await sites[0].get('/v1/mesh/config'))).toEqual([]);
  expect((await sites[0].api.inject({ method: 'DELETE', url: '/v1/mesh/config/route/shop' })).statusCode).toBe(404);
});

test('a member that is alive cannot be made to leave, and one that failed can', async () => {
  const { world, sites } = mesh(4);
  const { name } = sites[0].node;
  expect((await sites[1].put(`/v1/agent/force-leave/${name}`)).statusCode).toBe(400);
  sites[0].node.crash();
  world.runUntil(() => sites[1].node.view().memberByName(name)?.status === 'failed', 60_000);
  expect((await sites[1].put(`/v1/agent/force-leave/${name}`)).statusCode).toBe(200);
  expect(json<unknown[]>(await sites[1].get('/v1/catalog/nodes'))).toHaveLength(3);
});
