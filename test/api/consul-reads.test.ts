/** Reads of Consul's API beyond the plain lists: filters and nearness by endpoint, coordinates, local health, what is absent. */

import { nodeId, topics } from '@skein/core';
import type { Coordinate } from '@skein/core';
import { expect, test } from 'vitest';
import { fakeInstance } from './fake-port.ts';
import { json, setup } from './fake-agent.ts';
import type { Setup } from './fake-agent.ts';

type Rows = Record<string, unknown>[];

/** A coordinate so many milliseconds from the middle. */
function at(distanceMs: number): Coordinate {
  return { positionUs: [distanceMs * 1000, 0, 0, 0, 0, 0, 0, 0], heightUs: 100, adjustmentUs: 0, errorPpm: 200_000 };
}

/** alpha, ourselves, at 0 ms; beta at 40, gamma at 10, delta nowhere. Each has an instance of `web`. */
function mesh(): Setup {
  const api = setup();
  const { port } = api;
  port.members.get(port.self)!.coordinate = at(0);
  port.addMember('beta', { address: '10.0.0.2', tags: { rack: 'r2' }, coordinate: at(40) });
  port.addMember('delta', { address: '10.0.0.4' });
  port.addMember('gamma', { address: '10.0.0.3', coordinate: at(10) });
  for (const name of ['beta', 'delta', 'gamma', 'alpha']) {
    const tags = [name === 'gamma' ? 'v2' : 'v1'];
    port.addInstance(nodeId(`12D3Koo-${name}`), fakeInstance(`web-${name}`, 'web', { tags }), [
      name === 'beta' ? 'warning' : 'passing',
    ]);
  }
  return api;
}

const filter = (text: string): string => `filter=${encodeURIComponent(text)}`;

test.each([
  ['/v1/catalog/nodes', 'Meta.rack == r2', ['beta']],
  ['/v1/catalog/service/web', 'v2 in ServiceTags', ['gamma']],
  ['/v1/health/node/beta', 'ServiceID is empty', undefined],
  ['/v1/health/node/beta', 'ServiceName == web', ['beta']],
  ['/v1/health/checks/web', 'Status == warning', ['beta']],
  ['/v1/health/state/any', 'CheckID == serfHealth and Node matches "^g"', ['gamma']],
])('%s is filtered by %s', async (path, text, nodes) => {
  const answer = await mesh().get(`${path}?${filter(text)}`);
  if (nodes === undefined) expect(answer.statusCode).toBe(400);
  else expect(json<Rows>(answer).map((row) => row['Node'])).toEqual(nodes);
});

test('health/service is filtered over node, service and checks', async () => {
  const api = mesh();
  const ids = async (text: string): Promise<unknown[]> =>
    json<{ Service: { ID: string } }[]>(await api.get(`/v1/health/service/web?${filter(text)}`)).map(({ Service }) => Service.ID);
  expect(await ids('Node.Node == beta')).toEqual(['web-beta']);
  expect(await ids('Service.Tags contains v2 or Checks.Status == warning')).toEqual(['web-beta', 'web-gamma']);
  expect(await ids('Checks.Output contains nothing')).toEqual([]);
});

test('catalog/node and catalog/node-services are filtered by the fields of services', async () => {
  const api = mesh();
  api.port.addInstance(nodeId('12D3Koo-beta'), fakeInstance('db-1', 'db', { port: 5432 }));
  expect(json(await api.get(`/v1/catalog/node/beta?${filter('Port == 5432')}`))).toMatchObject({ Services: { 'db-1': {} } });
  const list = json<{ Services: Rows }>(await api.get(`/v1/catalog/node-services/beta?${filter('Service == db')}`));
  expect(list).toMatchObject({ Node: { Node: 'beta' }, Services: [{ ID: 'db-1' }] });
  expect(list.Services).toHaveLength(1);
});

test('catalog/services is filtered by instance, and shows the tags of those kept', async () => {
  const api = mesh();
  expect(json(await api.get(`/v1/catalog/services?${filter('Node == gamma')}`))).toEqual({ web: ['v2'] });
  expect(json(await api.get(`/v1/catalog/services?${filter('ServiceName == db')}`))).toEqual({});
});

test('agent/services, agent/checks and agent/members are filtered', async () => {
  const api = mesh();
  await api.put('/v1/agent/service/register', { Name: 'one', Tags: ['a'], Check: { TTL: '30s' } });
  await api.put('/v1/agent/service/register', { Name: 'two', Port: 99 });
  const keys = async (path: string): Promise<string[]> => Object.keys(json<object>(await api.get(path)));
  expect(await keys(`/v1/agent/services?${filter('a in Tags')}`)).toEqual(['one']);
  expect(await keys(`/v1/agent/services?${filter('Port == 99')}`)).toEqual(['two']);
  expect(await keys(`/v1/agent/checks?${filter('ServiceName == two')}`)).toEqual([]);
  expect(await keys(`/v1/agent/checks?${filter('Status == critical')}`)).toEqual(['service:one']);
  const members = json<Rows>(await api.get(`/v1/agent/members?${filter('Tags.rack == r2')}`));
  expect(members.map((member) => member['Name'])).toEqual(['beta']);
});

test('a filter that cannot be applied is refused before anybody waits, and where there is no filter, any is', async () => {
  const api = mesh();
  const answer = await api.get(`/v1/health/service/web?index=1&${filter('Nod.Node == x')}`);
  expect([answer.statusCode, answer.body]).toEqual([
    400,
    'Failed to create boolean expression evaluator: Selector "Nod" is not valid; there are Node, Service, Checks',
  ]);
  for (const path of ['/v1/event/list', '/v1/coordinate/nodes', '/v1/mesh/members', '/v1/agent/self']) {
    expect((await api.get(`${path}?${filter('A == b')}`)).statusCode, path).toBe(400);
  }
});

test.each([
  ['_agent', ['alpha', 'gamma', 'beta', 'delta']],
  ['beta', ['beta', 'gamma', 'alpha', 'delta']],
])('near=%s sorts by the round trips to be expected, nodes without a coordinate last', async (near, order) => {
  const api = mesh();
  const nodes = async (path: string): Promise<unknown[]> =>
    json<Rows>(await api.get(`${path}${path.includes('?') ? '&' : '?'}near=${near}`)).map((row) => row['Node']);
  expect(await nodes('/v1/catalog/nodes')).toEqual(order);
  expect(await nodes('/v1/catalog/service/web')).toEqual(order);
  expect(await nodes('/v1/health/checks/web')).toEqual(order);
  expect(await nodes(`/v1/health/state/any?${filter('CheckID == serfHealth')}`)).toEqual(order);
  const entries = json<{ Node: { Node: string } }[]>(await api.get(`/v1/health/service/web?near=${near}`));
  expect(entries.map(({ Node }) => Node.Node)).toEqual(order);
});

test.each(['nobody', 'delta'])('near=%s, which has no known place, leaves the order as it is', async (near) => {
  const api = mesh();
  expect((await api.get(`/v1/health/service/web?near=${near}`)).body).toBe((await api.get('/v1/health/service/web')).body);
});

test('the order by nearness follows coordinates that moved, though no index did', async () => {
  const api = mesh();
  const first = async (): Promise<unknown> => json<Rows>(await api.get('/v1/health/service/web?near=beta'))[1]?.['Node'];
  expect(await first()).toMatchObject({ Node: 'gamma' });
  api.port.members.get(nodeId('12D3Koo-gamma'))!.coordinate = at(-200);
  expect(await first()).toMatchObject({ Node: 'alpha' });
});

test.each(['/v1/health/service/web?passing', '/v1/catalog/service/web', '/v1/health/node/gamma', '/v1/catalog/node/gamma'])(
  '%s shows a change with the index that it moves, and costs no serialising until then',
  async (url) => {
    const api = mesh();
    const gamma = api.port.members.get(nodeId('12D3Koo-gamma'))!;
    const changed = (): void => api.port.bump(topics.service('web'), topics.members, topics.node(gamma.id));
    const before = await api.get(url);
    expect((await api.get(`${url}${url.includes('?') ? '&' : '?'}stale`)).body).toBe(before.body);
    gamma.address = '10.7.7.7';
    gamma.reachable = false;
    changed();
    const after = await api.get(url);
    expect(after.body).not.toBe(before.body);
    gamma.reachable = true;
    changed();
    expect((await api.get(url)).body).not.toBe(after.body);
    gamma.address = '10.7.7.8';
    changed();
    const fresh = await api.get(url);
    if (!url.includes('health/node')) expect(fresh.body).toContain('10.7.7.8');
    expect(JSON.parse((await api.get(`${url}${url.includes('?') ? '&' : '?'}pretty`)).body)).toEqual(JSON.parse(fresh.body));
  },
);

test('answers to different questions at one index are told apart', async () => {
  const api = mesh();
  const count = async (query: string): Promise<number> => json<Rows>(await api.get(`/v1/health/service/web?${query}`)).length;
  expect(await count('')).toBe(await count('passing=false'));
  const others = ['tag=none', 'node-meta=none:x', filter('Node.Node == none'), 'tag=none&passing'];
  for (const query of others) expect(await count(query), query).toBe(0);
  expect(await count('')).toBeGreaterThan(0);
  expect((await api.get('/v1/catalog/service/web')).body).not.toBe((await api.get('/v1/health/service/web')).body);
});

test('the list of services by node metadata follows the nodes, of which its own index says nothing', async () => {
  const api = mesh();
  const url = '/v1/catalog/services?node-meta=rack:r9';
  const before = await api.get(url);
  expect(json(before)).toEqual({});
  api.port.members.get(nodeId('12D3Koo-gamma'))!.tags = { rack: 'r9' };
  api.port.bump(topics.instances);
  const after = await api.get(`${url}&index=${String(before.headers['x-consul-index'])}`);
  expect(json(after)).toHaveProperty('web');
});

test('coordinates are in seconds, and only of nodes that have one', async () => {
  const api = mesh();
  const nodes = json<Rows>(await api.get('/v1/coordinate/nodes'));
  expect(nodes.map((row) => row['Node'])).toEqual(['alpha', 'beta', 'gamma']);
  expect(nodes[1]).toEqual({
    Node: 'beta',
    Segment: '',
    Coord: { Vec: [0.04, 0, 0, 0, 0, 0, 0, 0], Error: 0.2, Adjustment: 0, Height: 0.0001 },
  });
  expect(json(await api.get('/v1/coordinate/node/beta'))).toEqual([nodes[1]]);
  expect((await api.get('/v1/coordinate/node/delta')).statusCode).toBe(404);
  expect((await api.get('/v1/coordinate/node/nobody')).statusCode).toBe(404);
  expect(json(await api.get('/v1/coordinate/datacenters'))).toMatchObject([
    { Datacenter: 'testmesh', AreaID: 'wan', Coordinates: [{ Node: 'alpha.testmesh' }, {}, {}] },
  ]);
  expect(json(await api.get('/v1/agent/self'))).toMatchObject({ Coord: { Height: 0.0001 } });
});

test('a node of the catalog is found by its id too', async () => {
  const api = mesh();
  const [, beta] = json<Rows>(await api.get('/v1/catalog/nodes'));
  expect(json(await api.get(`/v1/catalog/node/${String(beta?.['ID'])}`))).toMatchObject({ Node: { Node: 'beta' } });
});

test('catalog/node-services has a list for a known node, and says null for an unknown one', async () => {
  const api = mesh();
  expect(json(await api.get('/v1/catalog/node-services/beta'))).toMatchObject({
    Node: { Node: 'beta' },
    Services: [{ ID: 'web-beta', Service: 'web', Tags: ['v1'] }],
  });
  expect(json(await api.get('/v1/catalog/node-services/nobody'))).toEqual({ Node: null, Services: [] });
});

test('nothing is mesh-native and there are no gateways, so that their lists are empty, and blocking', async () => {
  const api = mesh();
  for (const path of ['health/connect', 'health/ingress', 'catalog/connect', 'catalog/gateway-services']) {
    const answer = await api.get(`/v1/${path}/web`);
    expect(json(answer), path).toEqual([]);
    expect(answer.headers['x-consul-index'], path).toMatch(/^\d+$/);
  }
});

async function withHealth(statuses: Readonly<Record<string, string>>): Promise<Setup> {
  const api = setup();
  for (const [id, Status] of Object.entries(statuses)) {
    await api.put('/v1/agent/service/register', { ID: id, Name: 'web', Check: { TTL: '30s', Status } });
  }
  return api;
}

test.each([
  ['passing', 200],
  ['warning', 429],
  ['critical', 503],
])('agent/health/service answers %s with status %d, as JSON and as text', async (status, code) => {
  const api = await withHealth({ 'web-1': status });
  const answer = await api.get('/v1/agent/health/service/id/web-1');
  expect([answer.statusCode, answer.headers['x-consul-reason']]).toEqual([code, status]);
  expect(JSON.parse(answer.body)).toMatchObject({
    AggregatedStatus: status,
    Service: { ID: 'web-1', Service: 'web' },
    Checks: [{ CheckID: 'service:web-1', Status: status, ServiceName: 'web' }],
  });
  for (const text of [
    await api.get('/v1/agent/health/service/id/web-1?format=text'),
    await api.get('/v1/agent/health/service/name/web', { accept: 'text/plain' }),
  ]) {
    expect([text.statusCode, text.body]).toEqual([code, status]);
  }
});

test('by name the worst instance counts, by id the one, and the checks of the node count for all', async () => {
  const api = await withHealth({ 'web-1': 'passing', 'web-2': 'warning' });
  expect((await api.get('/v1/agent/health/service/id/web-1')).statusCode).toBe(200);
  const byName = await api.get('/v1/agent/health/service/name/web');
  expect([byName.statusCode, (JSON.parse(byName.body) as unknown[]).length]).toEqual([429, 2]);
  await api.put('/v1/agent/maintenance?enable=true');
  const inMaintenance = await api.get('/v1/agent/health/service/id/web-1?format=text');
  expect([inMaintenance.statusCode, inMaintenance.body]).toEqual([503, 'maintenance']);
});

test('the health of a service that is not registered here is 404, in both forms', async () => {
  const api = setup();
  const byId = await api.get('/v1/agent/health/service/id/none');
  expect([byId.statusCode, JSON.parse(byId.body)]).toEqual([404, { AggregatedStatus: 'critical', Service: null, Checks: null }]);
  const byName = await api.get('/v1/agent/health/service/name/none?format=text');
  expect([byName.statusCode, byName.body]).toEqual([404, 'ServiceName none Not Found']);
  expect((await api.get('/v1/agent/health/service/id/')).statusCode).toBe(400);
});

test('the version is the level of the API, with the own one beside it', async () => {
  expect(json(await setup().get('/v1/agent/version'))).toMatchObject({ HumanVersion: '1.21.4', Skein: '0.1.0' });
});

test('metrics come as Prometheus text, or in the form of Consul', async () => {
  const api = setup();
  api.agent.metrics = () =>
    Promise.resolve(
      '# TYPE a gauge\na{x="1",y="q\\"q"} 5\n# TYPE b_total counter\nb_total 7\n# TYPE h histogram\nh_bucket{le="1"} 3\n',
    );
  expect((await api.get('/v1/agent/metrics?format=prometheus')).body).toContain('b_total 7');
  expect(json(await api.get('/v1/agent/metrics'))).toMatchObject({
    Timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000 UTC$/),
    Gauges: [{ Name: 'a', Value: 5, Labels: { x: '1' } }],
    Counters: [{ Name: 'b_total', Sum: 7 }],
    Points: [],
    Samples: [],
  });
  expect(json(await api.get('/v1/agent/host'))).toMatchObject({ Memory: { total: expect.any(Number) }, CPU: expect.any(Array) });
});

test('reload asks the agent, and says why it did not work', async () => {
  const api = setup();
  expect((await api.put('/v1/agent/reload')).statusCode).toBe(200);
  expect(api.agent.reloads).toBe(1);
  api.agent.reloadError = Object.assign(new Error('no such file'), { code: 'reload-failed' });
  const failed = await api.put('/v1/agent/reload');
  expect([failed.statusCode, failed.body]).toEqual([500, 'no such file']);
});

test.each([
  ['PUT', '/v1/session/create', 501, 'consensus'],
  ['GET', '/v1/session/list', 501, 'consensus'],
  ['PUT', '/v1/session/renew/abc', 501, 'consensus'],
  ['PUT', '/v1/txn', 501, 'consensus'],
  ['GET', '/v1/acl/token/self', 401, 'ACL support disabled'],
  ['PUT', '/v1/acl/bootstrap', 401, 'ACL support disabled'],
  ['POST', '/v1/acl/login', 401, 'ACL support disabled'],
  ['PUT', '/v1/agent/token/default', 401, 'ACL support disabled'],
  ['GET', '/v1/agent/connect/ca/roots', 500, 'Connect must be enabled'],
] as const)('%s %s says why it is not there', async (method, url, status, text) => {
  const answer = await setup().api.inject({ method, url });
  expect(answer.statusCode).toBe(status);
  expect(answer.headers['content-type']).toContain('text/plain');
  expect(answer.body).toContain(text);
});

test.each(['token=secret', 'max_stale=10s', 'leader', 'stale&max_stale=1m', 'segment=_all', 'datacenter=testmesh&dc=elsewhere'])(
  '%s is taken as given',
  async (query) => {
    expect((await mesh().get(`/v1/agent/members?${query}`)).statusCode).toBe(200);
  },
);

test('tokens are taken from each of their carriers', async () => {
  for (const headers of [{ 'x-consul-token': 'secret' }, { authorization: 'Bearer secret' }]) {
    expect((await mesh().get('/v1/catalog/nodes', headers)).statusCode).toBe(200);
  }
});

test('max_stale that is no duration is refused', async () => {
  const answer = await mesh().get('/v1/catalog/nodes?max_stale=soon');
  expect([answer.statusCode, answer.body]).toEqual([400, 'Invalid max_stale value "soon"']);
});
