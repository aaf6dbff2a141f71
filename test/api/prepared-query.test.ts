/** `/v1/query` as Consul's clients use it, over real nodes in a simulated mesh. */

import { createApi } from '@skein/api';
import type { Api, InjectedAnswer } from '@skein/api';
import { World } from '@skein/sim';
import { describe, expect, test } from 'vitest';
import { FakeAgent, FakeEvents, FakeTimers, json, settle } from './fake-agent.ts';

function mesh(count = 1): { world: World; apis: [Api, ...Api[]]; names: string[] } {
  const world = new World({ seed: 5, network: 'lan', profile: 'local' });
  const nodes = world.mesh(count);
  const apis = nodes.map((port) => {
    const parts = { agent: new FakeAgent(), timers: new FakeTimers(), events: new FakeEvents(), random: () => 0 };
    return createApi({ port, ...parts, listen: '127.0.0.1:0', allowedHosts: [] });
  });
  world.runFor(3000);
  return { world, apis: apis as [Api, ...Api[]], names: nodes.map(({ name }) => name) };
}

const send = (api: Api, method: 'GET' | 'PUT' | 'POST' | 'DELETE', url: string, body?: unknown): Promise<InjectedAnswer> =>
  api.inject({ method, url, ...(body === undefined ? {} : { payload: JSON.stringify(body) }) });

interface Found {
  readonly Service: string;
  readonly DNS: unknown;
  readonly Datacenter: string;
  readonly Failovers: number;
  readonly Nodes: { readonly Node: { readonly Node: string }; readonly Service: { readonly ID: string } }[];
}

async function execute(api: Api, name: string): Promise<string[]> {
  const found = json<Found>(await send(api, 'GET', `/v1/query/${name}`));
  return found.Nodes.map(({ Service }) => Service.ID).sort();
}

async function create(api: Api, query: unknown): Promise<string> {
  return json<{ ID: string }>(await send(api, 'POST', '/v1/query', query)).ID;
}

async function register(api: Api, id: string, more: object = {}): Promise<void> {
  const body = { ID: id, Name: 'web', Port: 80, Check: { TTL: '1m', Status: 'passing' }, ...more };
  expect((await send(api, 'PUT', '/v1/agent/service/register', body)).statusCode).toBe(200);
}

describe('a query', () => {
  test('is created with an id, read, replaced and deleted, at any agent', async () => {
    const { world, apis } = mesh(2);
    const [one, two = one] = apis;
    const id = await create(one, { Name: 'q', Service: { Service: 'web', Tags: ['a', '!b'] }, DNS: { TTL: '10s' } });
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    world.runFor(500);
    expect(json(await send(two, 'GET', `/v1/query/${id}`))).toMatchObject([
      { ID: id, Name: 'q', Session: '', Token: '', Service: { Service: 'web', Tags: ['a', '!b'] }, DNS: { TTL: '10s' } },
    ]);
    expect((await send(two, 'PUT', `/v1/query/${id}`, { Name: 'r', Service: { Service: 'db' } })).statusCode).toBe(200);
    world.runFor(500);
    expect(json(await send(one, 'GET', '/v1/query'))).toMatchObject([
      { ID: id, Name: 'r', Service: { Service: 'db', Tags: [] }, DNS: { TTL: '' } },
    ]);
    expect((await send(one, 'DELETE', `/v1/query/${id}`)).statusCode).toBe(200);
    expect(json(await send(one, 'GET', '/v1/query'))).toEqual([]);
    const gone = await send(one, 'GET', `/v1/query/${id}`);
    expect([gone.statusCode, gone.body]).toEqual([404, 'Query not found']);
  });

  test('that asks for what is mesh-native finds nothing, whether it says so itself or whoever executes it', async () => {
    const { apis } = mesh();
    await register(apis[0], 'web1');
    await create(apis[0], { Name: 'plain', Service: { Service: 'web' } });
    await create(apis[0], { Name: 'native', Service: { Service: 'web', Connect: true } });
    for (const asked of ['plain/execute', 'plain/execute?connect', 'plain/execute?connect=', 'plain/execute?connect=false'])
      expect(await execute(apis[0], asked), asked).toEqual(['web1']);
    for (const asked of ['plain/execute?connect=true', 'native/execute', 'native/execute?connect=false'])
      expect(await execute(apis[0], asked), asked).toEqual([]);
    expect((await send(apis[0], 'GET', '/v1/query/plain/execute?connect=maybe')).statusCode).toBe(400);
  });

  test('list is waited for', async () => {
    const { apis } = mesh();
    const index = String((await send(apis[0], 'GET', '/v1/query')).headers['x-consul-index']);
    const waiting = send(apis[0], 'GET', `/v1/query?index=${index}`);
    await settle();
    await create(apis[0], { Name: 'q', Service: { Service: 'web' } });
    expect(json<unknown[]>(await waiting)).toHaveLength(1);
  });

  test.each([
    ['an unknown key', { Name: 'q', Service: { Service: 'web' }, Nope: 1 }, 400, 'unknown key "Nope"'],
    ['no service', { Name: 'q' }, 400, 'Must provide a Service name to query'],
    ['no name', { Service: { Service: 'web' } }, 400, 'Must be bound to a session'],
    ['a session', { Name: 'q', Session: 's', Service: { Service: 'web' } }, 501, 'sessions'],
    ['an id', { ID: 'x', Name: 'q', Service: { Service: 'web' } }, 400, 'ID must be empty when creating'],
    ['a bad TTL', { Name: 'q', Service: { Service: 'web' }, DNS: { TTL: 'x' } }, 400, "Bad DNS TTL 'x'"],
    ['a negative TTL', { Name: 'q', Service: { Service: 'web' }, DNS: { TTL: '-1s' } }, 400, 'must be >=0'],
    ['a negative NearestN', { Name: 'q', Service: { Service: 'w', Failover: { NearestN: -1 } } }, 400, "Bad NearestN '-1'"],
    ['a template of no type', { Name: 'q', Template: { Type: 'x' }, Service: { Service: 'w' } }, 400, "Bad Template.Type 'x'"],
    [
      'a template with what is no expression',
      { Name: 'q', Template: { Type: 'name_prefix_match', Regexp: '([' }, Service: { Service: 'w' } },
      400,
      'Bad Regexp: error parsing regexp: missing closing ]',
    ],
    [
      'a template with a look-ahead, which RE2 does not have',
      { Name: 'q', Template: { Type: 'name_prefix_match', Regexp: '(?=a)' }, Service: { Service: 'w' } },
      400,
      'Bad Regexp',
    ],
    [
      'a template with an unknown placeholder',
      { Name: 'q', Template: { Type: 'name_prefix_match' }, Service: { Service: '${x}' } },
      400,
      'Bad format',
    ],
  ])('with %s is refused, and nothing is kept', async (_what, body, status, text) => {
    const { apis } = mesh();
    const answer = await send(apis[0], 'POST', '/v1/query', body);
    expect([answer.statusCode, answer.body]).toEqual([status, expect.stringContaining(text)]);
    expect(json(await send(apis[0], 'GET', '/v1/query'))).toEqual([]);
  });

  test('with a name or id that another has is refused', async () => {
    const { apis } = mesh();
    const id = await create(apis[0], { Name: 'q', Service: { Service: 'web' } });
    for (const name of ['q', id]) {
      const answer = await send(apis[0], 'POST', '/v1/query', { Name: name, Service: { Service: 'web' } });
      expect(answer.body).toContain(`name '${name}' aliases an existing query`);
    }
    expect((await send(apis[0], 'PUT', `/v1/query/${id}`, { Name: 'q', Service: { Service: 'x' } })).statusCode).toBe(200);
    expect((await send(apis[0], 'PUT', '/v1/query/nope', { Name: 'n', Service: { Service: 'x' } })).body).toBe(
      "Cannot modify non-existent prepared query: 'nope'",
    );
  });
});

describe('execution', () => {
  test('finds what is not critical, by id and by name, with the words of the query', async () => {
    const { apis, names } = mesh();
    const [api] = apis;
    await register(api, 'up');
    await register(api, 'down', { Check: { TTL: '1m' } });
    await register(api, 'warn', { Check: { TTL: '1m', Status: 'warning' } });
    const id = await create(api, {
      Name: 'q',
      Service: { Service: 'web', Failover: { NearestN: 3, Datacenters: ['dc9'] } },
      DNS: { TTL: '5s' },
    });
    await create(api, { Name: 'strict', Service: { Service: 'web', OnlyPassing: true } });
    await create(api, { Name: 'lenient', Service: { Service: 'web', IgnoreCheckIDs: ['service:down'] } });
    expect(await execute(api, 'q/execute')).toEqual(['up', 'warn']);
    expect(await execute(api, `${id}/execute`)).toEqual(['up', 'warn']);
    expect(await execute(api, 'strict/execute')).toEqual(['up']);
    expect(await execute(api, 'lenient/execute')).toEqual(['down', 'up', 'warn']);
    expect(await execute(api, 'q/execute?limit=1')).toHaveLength(1);
    const found = json<Found>(await send(api, 'GET', '/v1/query/q/execute'));
    expect(found).toMatchObject({ Service: 'web', DNS: { TTL: '5s' }, Datacenter: 'testmesh', Failovers: 0 });
    expect(found.Nodes[0]?.Node.Node).toBe(names[0]);
  });

  test('keeps to tags, forbidden tags and metadata', async () => {
    const { apis } = mesh();
    const [api] = apis;
    await register(api, 'one', { Tags: ['A', 'b'], Meta: { v: '1' } });
    await register(api, 'two', { Tags: ['a'], Meta: { v: '2' } });
    await create(api, { Name: 'tags', Service: { Service: 'web', Tags: ['a', '!B'] } });
    await create(api, { Name: 'meta', Service: { Service: 'web', ServiceMeta: { v: '1' } } });
    await create(api, { Name: 'node', Service: { Service: 'web', NodeMeta: { rack: 'x' } } });
    expect(await execute(api, 'tags/execute')).toEqual(['two']);
    expect(await execute(api, 'meta/execute')).toEqual(['one']);
    expect(await execute(api, 'node/execute')).toEqual([]);
  });

  test('near a node puts that node first, whoever is asked', async () => {
    const { world, apis, names } = mesh(3);
    for (const [at, api] of apis.entries()) await register(api, `web-${at}`);
    await create(apis[0], { Name: 'near', Service: { Service: 'web', Near: names[1] } });
    world.runFor(5000);
    const first = async (url: string): Promise<string | undefined> =>
      json<Found>(await send(apis[2] ?? apis[0], 'GET', url)).Nodes[0]?.Node.Node;
    expect(await first('/v1/query/near/execute')).toBe(names[1]);
    expect(await first(`/v1/query/near/execute?near=${names[2]}`)).toBe(names[2]);
  });

  test('of a template answers for every name with its prefix, the longest first', async () => {
    const { apis } = mesh();
    const [api] = apis;
    await register(api, 'web-eu', { Name: 'web', Tags: ['eu'] });
    const type = 'name_prefix_match';
    await create(api, { Name: '', Template: { Type: type }, Service: { Service: '${name.full}' } });
    const Template = { Type: type, Regexp: '^geo-(.+?)-([^-]*)$', RemoveEmptyTags: true };
    const id = await create(api, {
      Name: 'geo-',
      Template,
      Service: { Service: '${match(1)}', Tags: ['${match(2)}', '${match(7)}'] },
    });
    expect(await execute(api, 'web/execute')).toEqual(['web-eu']);
    expect(await execute(api, 'geo-web-eu/execute')).toEqual(['web-eu']);
    expect(await execute(api, 'geo-web-us/execute')).toEqual([]);
    expect(json(await send(api, 'GET', '/v1/query/geo-web-/explain'))).toMatchObject({
      Query: { ID: id, Service: { Service: 'web', Tags: [] } },
    });
    expect((await send(api, 'GET', `/v1/query/${id}/execute`)).body).toContain('only be resolved up by name');
  });

  test('of a template reads its expression as RE2 does, and no name makes it run for long', async () => {
    const { apis } = mesh();
    const [api] = apis;
    await register(api, 'web-eu');
    const Template = { Type: 'name_prefix_match', Regexp: '^(?P<service>(?i:WEB))(?:(-+)+)+x?$' };
    await create(api, { Name: 'web-', Template, Service: { Service: '${match(1)}' } });
    expect(await execute(api, 'web---/execute')).toEqual(['web-eu']);
    expect(await execute(api, `web${'-'.repeat(240)}y/execute`)).toEqual([]);
  });

  test('of what does not exist is 404, with a bad limit 400, and is only ever a GET', async () => {
    const { apis } = mesh();
    const [api] = apis;
    const missing = await send(api, 'GET', '/v1/query/none/execute');
    expect([missing.statusCode, missing.body]).toEqual([404, 'Query not found']);
    expect((await send(api, 'GET', '/v1/query/none/execute?limit=x')).statusCode).toBe(404);
    await create(api, { Name: 'q', Service: { Service: 'web' } });
    const limit = await send(api, 'GET', '/v1/query/q/execute?limit=x');
    expect([limit.statusCode, limit.body]).toEqual([400, 'Bad limit: strconv.Atoi: parsing "x": invalid syntax']);
    const put = await send(api, 'PUT', '/v1/query/q/execute');
    expect([put.statusCode, put.headers['allow']]).toEqual([405, 'OPTIONS,GET']);
  });
});
