/** `/v1/config`: Consul's config entries as clients write them, and what routing makes of them. */

import { createApi } from '@skein/api';
import type { Api, InjectedAnswer } from '@skein/api';
import type { MeshPort } from '@skein/core';
import { World } from '@skein/sim';
import { validateConfig } from '@skein/traffic';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FakeAgent, FakeEvents, FakeTimers, json, settle } from './fake-agent.ts';

function one(): Api {
  return oneWithPort().api;
}

function oneWithPort(): { readonly api: Api; readonly port: MeshPort } {
  const world = new World({ seed: 5, network: 'lan', profile: 'local', validateConfig });
  const [port] = world.mesh(1);
  if (port === undefined) throw new Error('no node');
  const parts = { agent: new FakeAgent(), timers: new FakeTimers(), events: new FakeEvents(), random: () => 0 };
  world.runFor(1000);
  return { api: createApi({ port, ...parts, listen: '127.0.0.1:0', allowedHosts: [] }), port };
}

const get = (api: Api, url: string): Promise<InjectedAnswer> => api.inject({ method: 'GET', url });
const remove = (api: Api, url: string): Promise<InjectedAnswer> => api.inject({ method: 'DELETE', url });
const put = (api: Api, body: unknown, query = ''): Promise<InjectedAnswer> =>
  api.inject({ method: 'PUT', url: `/v1/config${query}`, payload: typeof body === 'string' ? body : JSON.stringify(body) });

async function accepted(api: Api, body: unknown): Promise<InjectedAnswer> {
  const answer = await put(api, body);
  expect(json(answer), JSON.stringify(body)).toBe(true);
  return answer;
}

interface Explained {
  readonly rule: {
    readonly route: string;
    readonly requestTimeoutMs: number;
    readonly retries: number;
    readonly backends: { readonly service: string; readonly weight: number; readonly totalWeight: number }[];
  } | null;
}

/** Where a request goes: percent by service. */
async function target(api: Api, url: string, more = ''): Promise<Record<string, number>> {
  const { rule } = json<Explained>(await get(api, `/v1/mesh/explain?url=${encodeURIComponent(url)}${more}`));
  return Object.fromEntries(
    (rule?.backends ?? []).map(({ service, weight, totalWeight }) => [service, (100 * weight) / totalWeight]),
  );
}

describe('an entry', () => {
  test('in CamelCase or snake_case is shown as Consul shows it, durations as text', async () => {
    const api = one();
    await accepted(api, {
      kind: 'service-router',
      name: 'web',
      routes: [
        {
          match: { http: { path_prefix: '/admin', methods: ['get'] } },
          destination: { service: 'admin', request_timeout: 1.5e9, num_retries: 2 },
        },
      ],
      meta: { snake_key: 'kept' },
    });
    const shown = json<Record<string, unknown>>(await get(api, '/v1/config/service-router/web'));
    expect(shown).toEqual({
      Kind: 'service-router',
      Name: 'web',
      Meta: { snake_key: 'kept' },
      Routes: [
        {
          Match: { HTTP: { PathPrefix: '/admin', Methods: ['GET'] } },
          Destination: { Service: 'admin', RequestTimeout: '1.5s', NumRetries: 2 },
        },
      ],
      CreateIndex: expect.any(Number),
      ModifyIndex: expect.any(Number),
    });
    expect(json(await get(api, '/v1/config/service-router'))).toEqual([shown]);
    expect(json(await get(api, '/v1/config/'))).toEqual([shown]);
    expect(json(await get(api, '/v1/config/service-splitter'))).toEqual([]);
  });

  test('that a client read and writes back is the same, and wakes nobody', async () => {
    const api = one();
    await accepted(api, {
      Kind: 'service-intentions',
      Name: 'db',
      Sources: [
        { Name: '*', Action: 'deny' },
        { Name: 'web', Action: 'allow' },
      ],
    });
    const first = await get(api, '/v1/config/service-intentions/db');
    expect(json(first)).toMatchObject({
      Sources: [
        { Name: 'web', Action: 'allow', Type: 'consul', Precedence: 9 },
        { Name: '*', Action: 'deny', Type: 'consul', Precedence: 8 },
      ],
    });
    await accepted(api, json(first));
    expect((await get(api, '/v1/config/service-intentions/db')).body).toBe(first.body);
  });

  test('is written with cas only where its index is the one that was read', async () => {
    const api = one();
    const body = { Kind: 'service-resolver', Name: 'web', RequestTimeout: '2s' };
    expect(json(await put(api, body, '?cas=7'))).toBe(false);
    expect(json(await put(api, body, '?cas=0'))).toBe(true);
    // What it says already is no conflict, whatever the index.
    const before = await get(api, '/v1/config/service-resolver/web');
    expect(json(await put(api, body, '?cas=0'))).toBe(true);
    expect(json(await put(api, body, '?cas=7'))).toBe(true);
    expect((await get(api, '/v1/config/service-resolver/web')).body).toBe(before.body);
    expect(json(await put(api, { ...body, RequestTimeout: '3s' }, '?cas=0'))).toBe(false);
    const { ModifyIndex } = json<{ ModifyIndex: number }>(await get(api, '/v1/config/service-resolver/web'));
    expect(json(await put(api, { ...body, RequestTimeout: '3s' }, `?cas=${ModifyIndex}`))).toBe(true);
    expect(json(await remove(api, `/v1/config/service-resolver/web?cas=${ModifyIndex}`))).toBe(false);
    expect(json(await remove(api, '/v1/config/service-resolver/web'))).toEqual({});
    expect(json(await remove(api, '/v1/config/service-resolver/web'))).toEqual({});
    const gone = await get(api, '/v1/config/service-resolver/web');
    expect([gone.statusCode, gone.body]).toEqual([404, 'Config entry not found for "service-resolver" / "web"']);
    // Whoever waits for an entry goes on from the index of its absence.
    expect(Number(gone.headers['x-consul-index'])).toBeGreaterThan(0);
  });

  test('is waited for by kind, and another kind does not answer', async () => {
    const api = one();
    const index = String((await get(api, '/v1/config/service-defaults')).headers['x-consul-index']);
    const waiting = get(api, `/v1/config/service-defaults?index=${index}`);
    await settle();
    await accepted(api, { Kind: 'service-resolver', Name: 'web' });
    await accepted(api, { Kind: 'service-defaults', Name: 'web', Protocol: 'http' });
    expect(json(await waiting)).toMatchObject([{ Name: 'web', Protocol: 'http' }]);
  });

  test('is selected by a filter where Consul has one, and a filter that is not there is refused', async () => {
    const api = one();
    await accepted(api, { Kind: 'service-defaults', Name: 'web', Protocol: 'http', Meta: { team: 'a' } });
    await accepted(api, { Kind: 'service-defaults', Name: 'db', Protocol: 'tcp', MaxInboundConnections: 5 });
    const listed = async (filter: string): Promise<unknown> =>
      json<{ Name: string }[]>(await get(api, `/v1/config/service-defaults?filter=${encodeURIComponent(filter)}`)).map(
        ({ Name }) => Name,
      );
    expect(await listed('Protocol == http')).toEqual(['web']);
    expect(await listed('Meta.team == a')).toEqual(['web']);
    expect(await listed('MaxInboundConnections == 5 or Name == web')).toEqual(['db', 'web']);
    for (const [path, text] of [
      ['service-defaults?filter=Bogus==x', 'Selector "Bogus" is not valid'],
      ['service-router?filter=Name==web', 'filtering not supported for config entry kind=service-router'],
      ['?filter=Name==web', 'filtering not supported for config entry kind='],
    ] as const) {
      const answer = await get(api, `/v1/config/${path}`);
      expect([answer.statusCode, answer.body]).toEqual([400, expect.stringContaining(text)]);
    }
  });

  test('that changes nothing here is kept, and says so', async () => {
    const api = one();
    const answer = await accepted(api, { Kind: 'service-defaults', Name: 'web', Protocol: 'grpc', MaxInboundConnections: 5 });
    expect(answer.headers['x-skein-not-applied']).toBe('Protocol, MaxInboundConnections');
    const read = await get(api, '/v1/config/service-defaults/web');
    expect(read.headers['x-skein-not-applied']).toBe('Protocol, MaxInboundConnections');
    expect(json(await get(api, '/v1/mesh/config'))).toMatchObject([
      { kind: 'service-defaults', notApplied: ['Protocol', 'MaxInboundConnections'] },
    ]);
    const router = await accepted(api, { Kind: 'service-router', Name: 'web' });
    expect(router.headers['x-skein-not-applied']).toBeUndefined();
  });
});

describe('an entry whose name is given in another case', () => {
  const router = (Name: string, Service: string): unknown => ({
    Kind: 'service-router',
    Name,
    Routes: [{ Destination: { Service } }],
  });
  const names = async (api: Api): Promise<unknown> =>
    json<{ Name: string }[]>(await get(api, '/v1/config/service-router')).map(({ Name }) => Name);

  test('is the same one: the second write replaces the first and is in force', async () => {
    const api = one();
    await accepted(api, router('WEB', 'old'));
    const { CreateIndex } = json<{ CreateIndex: number }>(await get(api, '/v1/config/service-router/wEb'));
    await accepted(api, router('web', 'new'));
    expect(await names(api)).toEqual(['web']);
    expect(json(await get(api, '/v1/config/service-router/Web'))).toMatchObject({ Name: 'web', CreateIndex });
    expect(await target(api, 'http://web.mesh/')).toEqual({ new: 100 });
    expect(json(await put(api, router('Web', 'third'), '?cas=0'))).toBe(false);
    expect(json(await remove(api, '/v1/config/service-router/WeB'))).toEqual({});
    expect(await names(api)).toEqual([]);
    expect(await target(api, 'http://web.mesh/')).toEqual({ web: 100 });
  });

  test('leads to the service as it was spelled last', async () => {
    const api = one();
    await accepted(api, { Kind: 'service-router', Name: 'WEB' });
    await accepted(api, { Kind: 'service-router', Name: 'web' });
    expect(await target(api, 'http://web.mesh/')).toEqual({ web: 100 });
  });

  test('is one with those of other kinds about the service', async () => {
    const api = one();
    await accepted(api, { Kind: 'service-router', Name: 'WEB' });
    await accepted(api, { Kind: 'service-splitter', Name: 'web', Splits: [{ Weight: 100, Service: 'canary' }] });
    await accepted(api, { Kind: 'service-resolver', Name: 'Canary', Redirect: { Service: 'b' } });
    expect(await target(api, 'http://web.mesh/')).toEqual({ b: 100 });
  });

  test('splits over its service in any case once', async () => {
    const api = one();
    const Splits = [
      { Weight: 50, Service: 'web' },
      { Weight: 50, Service: 'canary' },
    ];
    await accepted(api, { Kind: 'service-splitter', Name: 'Web', Splits });
    expect(await target(api, 'http://web.mesh/')).toEqual({ web: 50, canary: 50 });
  });

  test('wakes whoever waits for it', async () => {
    for (const [before, body] of [
      [{ Kind: 'service-router', Name: 'other' }, router('WEB', 'a')],
      [router('wEB', 'a'), router('Web', 'b')],
    ]) {
      const api = one();
      await accepted(api, before);
      const index = String((await get(api, '/v1/config/service-router/web')).headers['x-consul-index']);
      const waiting = get(api, `/v1/config/service-router/web?index=${index}`);
      await settle();
      await accepted(api, body);
      expect(json(await waiting)).toMatchObject(body as object);
    }
  });

  test('and that another agent wrote meanwhile is listed, the later one is in force, and the next write settles it', async () => {
    const { api, port } = oneWithPort();
    const meanwhile = (name: string, to: string): unknown =>
      port.dispatch({ type: 'apply-config', kind: 'service-router', name, value: router(name, to) });
    for (const [first, second] of [
      ['WEB', 'web'],
      ['web', 'WEB'],
    ] as const) {
      meanwhile(first, 'first');
      meanwhile(second, 'second');
      expect(await names(api)).toEqual(['WEB', 'web']);
      expect(json(await get(api, '/v1/config/service-router/web'))).toMatchObject({ Name: second });
      expect(json(await get(api, '/v1/config/service-router/WEB'))).toMatchObject({ Name: second });
      expect(await target(api, 'http://web.mesh/')).toEqual({ second: 100 });
      await accepted(api, router('wEb', 'third'));
      expect(await names(api)).toEqual(['wEb']);
      expect(await target(api, 'http://web.mesh/')).toEqual({ third: 100 });
      meanwhile(first, 'again');
      meanwhile(second, 'again');
      await remove(api, '/v1/config/service-router/web');
      expect(await names(api)).toEqual([]);
    }
  });
});

describe('routing', () => {
  test('follows a router in the order of its routes, with prefixes by character, and then the service itself', async () => {
    const api = one();
    await accepted(api, {
      Kind: 'service-router',
      Name: 'Web',
      Routes: [
        { Match: { HTTP: { PathExact: '/order/new' } }, Destination: { Service: 'new' } },
        { Match: { HTTP: { PathPrefix: '/order' } }, Destination: { Service: 'order', RequestTimeout: '1m', NumRetries: 1 } },
        { Match: { HTTP: { PathPrefix: '/order/list' } }, Destination: { Service: 'never' } },
        { Match: { HTTP: { Methods: ['PUT', 'POST'] } }, Destination: { Service: 'writer' } },
        { Match: { HTTP: { Header: [{ Name: 'X-Beta', Exact: '1' }] } }, Destination: { Service: 'beta' } },
      ],
    });
    expect(await target(api, 'http://web.mesh/order/new')).toEqual({ new: 100 });
    expect(await target(api, 'http://web.mesh/order/list')).toEqual({ order: 100 });
    expect(await target(api, 'http://web.mesh/orders')).toEqual({ order: 100 });
    expect(await target(api, 'http://web.mesh/x', '&method=POST')).toEqual({ writer: 100 });
    expect(await target(api, 'http://web.mesh/x', '&header=x-beta:1')).toEqual({ beta: 100 });
    expect(await target(api, 'http://web.mesh/x')).toEqual({ Web: 100 });
    expect(await target(api, 'http://other.mesh/order')).toEqual({ other: 100 });
    const { rule } = json<Explained>(await get(api, '/v1/mesh/explain?url=http://web.mesh/order'));
    expect(rule).toMatchObject({ route: 'service-router/Web', requestTimeoutMs: 60_000, retries: 1 });
  });

  test('follows splits, splits of splits, and redirects, for routes of the mesh too', async () => {
    const api = one();
    await accepted(api, { Kind: 'service-splitter', Name: 'web', Splits: [{ Weight: 90 }, { Weight: 10, Service: 'canary' }] });
    await accepted(api, {
      Kind: 'service-splitter',
      Name: 'canary',
      Splits: [
        { Weight: 50, Service: 'a' },
        { Weight: 50, Service: 'old' },
      ],
    });
    await accepted(api, { Kind: 'service-resolver', Name: 'old', Redirect: { Service: 'b' } });
    expect(await target(api, 'http://web.mesh/')).toEqual({ web: 90, a: 5, b: 5 });
    expect(await target(api, 'http://old.mesh/')).toEqual({ b: 100 });
    const route = { hostnames: ['shop.example'], rules: [{ backendRefs: [{ name: 'web' }] }] };
    await api.inject({ method: 'PUT', url: '/v1/mesh/config/route/shop', payload: JSON.stringify(route) });
    expect(await target(api, 'http://shop.example/')).toEqual({ web: 90, a: 5, b: 5 });
    await remove(api, '/v1/config/service-splitter/web');
    expect(await target(api, 'http://web.mesh/')).toEqual({ web: 100 });
    expect(await target(api, 'http://shop.example/')).toEqual({ web: 100 });
  });

  test('lets a route that names the host go first', async () => {
    const api = one();
    await accepted(api, { Kind: 'service-router', Name: 'web', Routes: [{ Destination: { Service: 'routed' } }] });
    expect(await target(api, 'http://web.mesh/')).toEqual({ routed: 100 });
    const route = { hostnames: ['web.mesh'], rules: [{ backendRefs: [{ name: 'native' }] }] };
    await api.inject({ method: 'PUT', url: '/v1/mesh/config/route/web', payload: JSON.stringify(route) });
    expect(await target(api, 'http://web.mesh/')).toEqual({ native: 100 });
  });

  test('ends in circles of redirects and splits without harm', async () => {
    const api = one();
    await accepted(api, { Kind: 'service-resolver', Name: 'a', Redirect: { Service: 'b' } });
    await accepted(api, { Kind: 'service-resolver', Name: 'b', Redirect: { Service: 'a' } });
    await accepted(api, { Kind: 'service-splitter', Name: 'c', Splits: [{ Weight: 100, Service: 'd' }] });
    await accepted(api, { Kind: 'service-splitter', Name: 'd', Splits: [{ Weight: 100, Service: 'c' }] });
    for (const name of ['a', 'b', 'c', 'd']) expect(Object.values(await target(api, `http://${name}.mesh/`))).toEqual([100]);
  });
});

describe('a bad entry', () => {
  const router = (http: object, destination: object = {}): unknown => ({
    Kind: 'service-router',
    Name: 'web',
    Routes: [{ Match: { HTTP: http }, Destination: destination }],
  });
  test.each([
    ['without a kind', { Name: 'x' }, 'Payload does not contain a kind/Kind key at the top level'],
    ['of a kind that is no text', { Kind: 1 }, 'Kind value in payload is not a string'],
    ['of no kind', { Kind: 'nope', Name: 'x' }, 'invalid config entry kind: nope'],
    ['for sidecars', { Kind: 'proxy-defaults', Name: 'global' }, 'there are no sidecar proxies here'],
    ['without a name', { Kind: 'service-defaults' }, 'Name is required'],
    ['with an unknown key', { Kind: 'service-defaults', Name: 'x', Nope: 1 }, 'unknown key "Nope"'],
    ['without splits', { Kind: 'service-splitter', Name: 'x' }, 'no splits configured'],
    [
      'of splits below 100',
      { Kind: 'service-splitter', Name: 'x', Splits: [{ Weight: 99 }] },
      'the sum of all split weights must be 100, not 99',
    ],
    [
      'of one split twice',
      { Kind: 'service-splitter', Name: 'x', Splits: [{ Weight: 50 }, { Weight: 50, Service: 'x' }] },
      'split destination occurs more than once',
    ],
    ['of two paths', router({ PathExact: '/a', PathPrefix: '/b' }), 'at most one of PathExact, PathPrefix, or PathRegex'],
    ['of a path without slash', router({ PathPrefix: 'a' }), `Route[0] PathPrefix doesn't start with '/': "a"`],
    ['without a source', { Kind: 'service-intentions', Name: 'x' }, 'At least one source is required'],
    [
      'of no action',
      { Kind: 'service-intentions', Name: 'x', Sources: [{ Name: 'a' }] },
      "Sources[0].Action must be set to 'allow' or 'deny'",
    ],
    [
      'that matches by expression',
      router({ PathRegex: '/a.*' }),
      'Routes[0].Match.HTTP.PathRegex: this version cannot follow it',
    ],
    ['that matches query parameters', router({ QueryParam: [{ Name: 'a', Exact: '1' }] }), 'Routes[0].Match.HTTP.QueryParam'],
    ['that matches part of a header', router({ Header: [{ Name: 'a', Prefix: '1' }] }), 'Routes[0].Match.HTTP.Header[0].Prefix'],
    ['that rewrites', router({ PathPrefix: '/a' }, { PrefixRewrite: '/' }), 'Routes[0].Destination.PrefixRewrite'],
    [
      'with subsets',
      { Kind: 'service-resolver', Name: 'x', Subsets: { v1: { Filter: 'a == b' } } },
      'Subsets: this version cannot follow it',
    ],
    [
      'with failover',
      { Kind: 'service-resolver', Name: 'x', Failover: { '*': { Datacenters: ['b'] } } },
      'Failover: this version cannot follow it',
    ],
  ])('%s is 400, names what is wrong and is not kept', async (_what, body, text) => {
    const api = one();
    const answer = await put(api, body);
    expect([answer.statusCode, answer.body]).toEqual([400, expect.stringContaining(text)]);
    expect(json(await get(api, '/v1/config/'))).toEqual([]);
  });

  test('of any JSON is refused or kept, and never breaks routing', async () => {
    const api = one();
    const kind = fc.constantFrom(
      'service-router',
      'service-splitter',
      'service-resolver',
      'service-defaults',
      'service-intentions',
    );
    const body = fc
      .record({ Kind: kind, Name: fc.constantFrom('a', 'b', '') })
      .chain((head) =>
        fc
          .record(
            { Routes: fc.jsonValue(), Splits: fc.jsonValue(), Redirect: fc.jsonValue(), Sources: fc.jsonValue() },
            { requiredKeys: [] },
          )
          .map((rest) => ({ ...head, ...rest })),
      );
    await fc.assert(
      fc.asyncProperty(body, async (value) => {
        expect([200, 400]).toContain((await put(api, value)).statusCode);
        expect((await get(api, '/v1/mesh/explain?url=http://a.mesh/')).statusCode).toBe(200);
      }),
      { numRuns: 200 },
    );
  });

  test('from a peer is not applied, and the last good one stays', () => {
    for (const kind of ['service-router', 'service-splitter', 'service-resolver']) {
      fc.assert(
        fc.property(fc.jsonValue(), (value) => {
          const reason = validateConfig(kind, 'web', value);
          expect(reason === undefined || reason.length > 0).toBe(true);
        }),
      );
      expect(validateConfig(kind, 'web', null)).toBe('must be an object');
    }
  });

  test('to read or delete is named', async () => {
    const api = one();
    expect((await get(api, '/v1/config/nope')).body).toBe('invalid config entry kind: nope');
    expect(json(await get(api, '/v1/config/proxy-defaults'))).toEqual([]);
    expect((await get(api, '/v1/config/proxy-defaults/global')).statusCode).toBe(404);
    expect((await remove(api, '/v1/config/service-router')).body).toBe('Must provide both a kind and name to delete');
    expect((await put(api, '{')).statusCode).toBe(400);
    expect((await put(api, { Kind: 'service-resolver', Name: 'x' }, '?cas=x')).statusCode).toBe(400);
  });
});
