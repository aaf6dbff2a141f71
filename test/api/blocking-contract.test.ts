/**
 * The contract of blocking queries that Consul's clients rely on, rule by rule, on every path that can wait, over real
 * nodes in a simulated mesh. What belongs to the machinery alone (limits, coalescing of foreign indexes, bad
 * parameters) is in `blocking.test.ts`.
 */

import { createApi } from '@skein/api';
import type { Api, InjectedAnswer } from '@skein/api';
import { World } from '@skein/sim';
import type { SimNode } from '@skein/sim';
import { describe, expect, test } from 'vitest';
import { FakeAgent, FakeEvents, FakeTimers, settle } from './fake-agent.ts';

interface Site {
  readonly world: World;
  readonly node: SimNode;
  /** The other node of the mesh. */
  readonly peer: SimNode;
  readonly timers: FakeTimers;
  readonly api: Api;
  get(path: string): Promise<InjectedAnswer>;
  put(path: string, body?: unknown): Promise<void>;
  /** Lets news from the other node come in. */
  pass(spanMs: number): Promise<void>;
}

/** A mesh of three, seen through the API of the first. It has the services `web`, with a check, and `db`. */
async function mesh(jitter = 0): Promise<Site> {
  const world = new World({ seed: 5, network: 'lan', profile: 'local' });
  const [node, peer] = world.mesh(3) as [SimNode, SimNode, SimNode];
  world.runFor(3000);
  const timers = new FakeTimers();
  const parts = { agent: new FakeAgent(), events: new FakeEvents(), timers, random: () => jitter };
  const api = createApi({ port: node, ...parts, listen: '127.0.0.1:0', allowedHosts: [] });
  const site: Site = {
    world,
    node,
    peer,
    timers,
    api,
    get: (url) => api.inject({ method: 'GET', url }),
    put: async (url, body) => {
      const payload = body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) };
      const { statusCode, body: text } = await api.inject({
        method: url.startsWith('/v1/query') ? 'POST' : 'PUT',
        url,
        ...payload,
      });
      if (statusCode !== 200) throw new Error(`${url}: ${statusCode} ${text}`);
    },
    pass: async (spanMs) => {
      world.runFor(spanMs);
      await settle();
    },
  };
  await site.put(register, { ID: 'web-1', Name: 'web', Port: 1, Check: { TTL: '1h', Status: 'passing' } });
  await site.put(register, { ID: 'db-1', Name: 'db', Port: 1, Check: { TTL: '1h', Status: 'passing' } });
  await site.put('/v1/kv/dir/key', '1');
  await site.put('/v1/kv/other', '1');
  return site;
}

const register = '/v1/agent/service/register';
let serial = 0;

type Change = (site: Site) => Promise<void>;

const again =
  (name: string): Change =>
  (site) =>
    site.put(register, { ID: `${name}-1`, Name: name, Port: ++serial });
const newService: Change = (site) => site.put(register, { Name: `new-${++serial}` });
const newNode: Change = (site) => site.put('/v1/catalog/register', { Node: `ext-${++serial}`, Address: '10.9.9.9' });
/** To a status that it does not have. */
const check =
  (name: string): Change =>
  async (site) => {
    const checks = JSON.parse((await site.get('/v1/agent/checks')).body) as Record<string, { readonly Status: string }>;
    const verb = checks[`service:${name}-1`]?.Status === 'passing' ? 'warn' : 'pass';
    await site.put(`/v1/agent/check/${verb}/service:${name}-1`);
  };
const key =
  (name: string): Change =>
  (site) =>
    site.put(`/v1/kv/${name}`, String(++serial));
const config =
  (name: string): Change =>
  (site) =>
    site.put('/v1/config', { Kind: 'service-defaults', Name: name, Protocol: ['tcp', 'http'][++serial % 2] });
const query: Change = (site) => site.put('/v1/query', { Name: `q-${++serial}`, Service: { Service: 'web' } });
const event =
  (name: string): Change =>
  (site) =>
    site.put(`/v1/event/fire/${name}`, String(++serial));

interface Path {
  readonly path: string;
  /** Something that a reader of the path sees. */
  readonly change: Change;
  /** Something beside it. */
  readonly other: Change;
}

/** Every path that waits for an index. `NODE` is this agent's node. */
const paths: readonly Path[] = [
  { path: '/v1/catalog/nodes', change: newNode, other: newService },
  { path: '/v1/catalog/services', change: newService, other: check('web') },
  { path: '/v1/catalog/service/web', change: again('web'), other: again('db') },
  { path: '/v1/catalog/node/NODE', change: again('web'), other: newNode },
  { path: '/v1/catalog/node-services/NODE', change: again('web'), other: newNode },
  { path: '/v1/health/service/web', change: check('web'), other: check('db') },
  { path: '/v1/health/service/web?passing', change: check('web'), other: newService },
  { path: '/v1/health/checks/web', change: check('web'), other: check('db') },
  { path: '/v1/health/node/NODE', change: check('web'), other: newNode },
  { path: '/v1/health/state/any', change: check('web'), other: key('other') },
  { path: '/v1/kv/dir/key', change: key('dir/key'), other: key('other') },
  { path: '/v1/kv/dir/key?raw', change: key('dir/key'), other: key('dir/key2') },
  { path: '/v1/kv/dir/?recurse', change: key('dir/key'), other: key('other') },
  { path: '/v1/kv/dir/?keys', change: key('dir/new'), other: key('other') },
  { path: '/v1/config/service-defaults', change: config('web'), other: query },
  { path: '/v1/config/service-defaults/web', change: config('web'), other: config('db') },
  { path: '/v1/query', change: query, other: config('web') },
  { path: '/v1/event/list', change: event('deploy'), other: newService },
  { path: '/v1/event/list?name=deploy', change: event('deploy'), other: event('test') },
  { path: '/v1/coordinate/nodes', change: newNode, other: newService },
  { path: '/v1/mesh/members', change: newNode, other: newService },
];

/** Paths of what does not exist yet, and what makes it exist. */
const missing: readonly Path[] = [
  { path: '/v1/catalog/service/none', change: (site) => site.put(register, { Name: 'none' }), other: again('db') },
  { path: '/v1/health/service/none', change: (site) => site.put(register, { Name: 'none' }), other: again('db') },
  { path: '/v1/health/checks/none', change: (site) => site.put(register, { Name: 'none' }), other: check('db') },
  { path: '/v1/catalog/connect/web', change: again('web'), other: again('db') },
  { path: '/v1/health/connect/web', change: again('web'), other: again('db') },
  { path: '/v1/health/ingress/web', change: again('web'), other: again('db') },
  { path: '/v1/catalog/gateway-services/web', change: again('web'), other: again('db') },
  {
    path: '/v1/catalog/node/none',
    change: (site) => site.put('/v1/catalog/register', { Node: 'none', Address: '10.9.9.9' }),
    other: newService,
  },
  { path: '/v1/kv/none', change: key('none'), other: key('other') },
  { path: '/v1/kv/none/?keys', change: key('none/x'), other: key('other') },
  { path: '/v1/kv/none/?recurse', change: key('none/x'), other: key('other') },
  { path: '/v1/config/service-defaults/none', change: config('none'), other: config('db') },
  { path: '/v1/event/list?name=none', change: event('none'), other: event('test') },
];

const all = [...paths, ...missing];

function at(site: Site, path: string, more = ''): string {
  const named = path.replace('NODE', site.node.name);
  return more === '' ? named : `${named}${named.includes('?') ? '&' : '?'}${more}`;
}

function indexOf(answer: InjectedAnswer): number {
  return Number(answer.headers['x-consul-index']);
}

/** A request under way: `answer` stays undefined until it is answered. */
async function start(site: Site, url: string): Promise<{ answer: InjectedAnswer | undefined }> {
  const request: { answer: InjectedAnswer | undefined } = { answer: undefined };
  void site.get(url).then((answer) => (request.answer = answer));
  await settle();
  return request;
}

/** A mesh, and what its API says now of a path. */
async function asked({ path }: Path, jitter = 0): Promise<{ site: Site; first: InjectedAnswer; index: number }> {
  const site = await mesh(jitter);
  const first = await site.get(at(site, path));
  return { site, first, index: indexOf(first) };
}

/** After a change, so that the current one does not share its window with it. */
async function quiet(site: Site): Promise<void> {
  await site.timers.pass(50);
  await site.timers.pass(50);
}

test.each(all)('B1: without an index, or with 0, $path answers at once', async ({ path }) => {
  const site = await mesh();
  for (const more of ['', 'index=0', 'index=0&wait=10m', 'wait=10m', 'index='])
    expect((await site.get(at(site, path, more))).headers).toHaveProperty('x-consul-index');
  expect(site.timers.pending).toBe(0);
});

test.each(all)('B2: with its current index $path hangs until that changes', async (each) => {
  const { site, index } = await asked(each);
  const request = await start(site, at(site, each.path, `index=${index}`));
  expect(request.answer).toBeUndefined();
  await each.change(site);
  await settle();
  expect(indexOf(request.answer!)).toBeGreaterThan(index);
});

describe.each([
  ['', 300_000],
  ['wait=1s', 1000],
  ['wait=2m', 120_000],
  ['wait=0s', 300_000],
  ['wait=11m', 600_000],
  ['wait=9999h', 600_000],
] as const)('B3: "%s" waits %i ms, and up to a sixteenth longer, never more', (wait, waitMs) => {
  test.each([
    [0, 0],
    [0.999_999, waitMs / 16],
  ])('with jitter %d', async (jitter, moreMs) => {
    const each = paths[5]!;
    const { site, index } = await asked(each, jitter);
    const request = await start(site, at(site, each.path, `index=${index}&${wait}`));
    await site.timers.pass(waitMs + Math.floor(moreMs) - 2);
    expect(request.answer).toBeUndefined();
    await site.timers.pass(2);
    expect(request.answer).toBeDefined();
  });
});

test.each(all)('B4: $path does not return before its wait is over, when nothing of it changed', async (each) => {
  const { site, index } = await asked(each);
  const request = await start(site, at(site, each.path, `index=${index}&wait=1m`));
  for (let turn = 0; turn < 5; turn++) await each.other(site);
  await site.pass(5000);
  expect(request.answer).toBeUndefined();
  await site.timers.pass(60_000);
  expect(request.answer).toBeDefined();
});

test.each(all)('B5: when its wait is over, $path has the same body and the same index', async (each) => {
  const { site, first, index } = await asked(each);
  const request = await start(site, at(site, each.path, `index=${index}&wait=10s`));
  await each.other(site);
  await site.timers.pass(10_000);
  expect([request.answer!.statusCode, request.answer!.body]).toEqual([first.statusCode, first.body]);
  expect(indexOf(request.answer!)).toBe(index);
});

test.each(all)('B6: each change that $path shows makes its index strictly larger', async (each) => {
  const { site, index } = await asked(each);
  const seen = [index];
  for (let turn = 0; turn < 5; turn++) {
    await each.change(site);
    seen.push(indexOf(await site.get(at(site, each.path))));
  }
  if (each.path.includes('none')) seen.splice(2);
  expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
});

test.each(all)('B7: the index of $path is at least 1 and below 2^53', async (each) => {
  const { index } = await asked(each);
  expect(Number.isSafeInteger(index) && index >= 1).toBe(true);
});

test.each(all)('B8: the index of $path does not move by a change of something else', async (each) => {
  const { site, index } = await asked(each);
  for (let turn = 0; turn < 3; turn++) await each.other(site);
  expect(indexOf(await site.get(at(site, each.path)))).toBe(index);
});

describe('B9: the index of a service moves', () => {
  const web = { ID: 'web-1', Name: 'web', Port: 1, Check: { TTL: '1h', Status: 'passing' } };
  const changes: readonly (readonly [string, Change])[] = [
    ['its port', (site) => site.put(register, { ...web, Port: 2 })],
    ['its address', (site) => site.put(register, { ...web, Address: '10.1.1.1' })],
    ['its tags', (site) => site.put(register, { ...web, Tags: ['v2'] })],
    ['its metadata', (site) => site.put(register, { ...web, Meta: { v: '2' } })],
    ['its weights', (site) => site.put(register, { ...web, Weights: { Passing: 5, Warning: 1 } })],
    ['the status of its check', (site) => site.put('/v1/agent/check/fail/service:web-1')],
    ['one more check', (site) => site.put('/v1/agent/check/register', { Name: 'more', TTL: '1h', ServiceID: 'web-1' })],
    ['one check less', (site) => site.put('/v1/agent/check/deregister/service:web-1')],
    ['a check of its node', (site) => site.put('/v1/agent/check/register', { Name: 'disk', TTL: '1h' })],
    ['maintenance', (site) => site.put('/v1/agent/service/maintenance/web-1?enable=true')],
    ['maintenance of its node', (site) => site.put('/v1/agent/maintenance?enable=true')],
    ['the metadata of its node', async ({ node }) => void node.dispatch({ type: 'set-tags', tags: { rack: '9' } })],
    ['another instance', (site) => site.put(register, { ID: 'web-2', Name: 'web' })],
    ['the end of its last instance', (site) => site.put('/v1/agent/service/deregister/web-1')],
  ];
  test.each(changes)('by %s', async (_what, change) => {
    const { site, first, index } = await asked(paths[5]!);
    const request = await start(site, `/v1/health/service/web?index=${index}`);
    await change(site);
    await settle();
    expect(indexOf(request.answer!)).toBeGreaterThan(index);
    expect(request.answer!.body).not.toBe(first.body);
  });

  test.each([
    ['fails', (peer: SimNode) => peer.crash(), 5000],
    ['gets other metadata', (peer: SimNode) => void peer.dispatch({ type: 'set-tags', tags: { rack: '9' } }), 1000],
    ['leaves', (peer: SimNode) => void peer.dispatch({ type: 'leave' }), 5000],
  ])('when another node that has it %s', async (_what, change, spanMs) => {
    const site = await mesh();
    const instance = { ID: 'far-1', Name: 'far', Port: 1 };
    const parts = { agent: new FakeAgent(), events: new FakeEvents(), timers: new FakeTimers() };
    const there = createApi({ port: site.peer, ...parts, listen: '127.0.0.1:0', allowedHosts: [] });
    await there.inject({ method: 'PUT', url: register, payload: JSON.stringify(instance) });
    await site.pass(1000);
    const first = await site.get('/v1/health/service/far');
    const request = await start(site, `/v1/health/service/far?index=${indexOf(first)}`);
    change(site.peer);
    await site.pass(spanMs);
    expect(indexOf(request.answer!)).toBeGreaterThan(indexOf(first));
    await quiet(site);
    expect((await site.get('/v1/health/service/far')).body).not.toBe(first.body);
  });
});

test.each([
  '/v1/health/service/web',
  '/v1/health/checks/web',
  '/v1/health/node/NODE',
  '/v1/health/state/any',
  '/v1/catalog/service/web',
])('B10: the output of a check alone, after its first, moves no index of %s', async (path) => {
  const site = await mesh();
  await site.put('/v1/agent/check/pass/service:web-1?note=first');
  const index = indexOf(await site.get(at(site, path)));
  const request = await start(site, at(site, path, `index=${index}&wait=1m`));
  for (const note of ['a', 'b', 'c']) await site.put(`/v1/agent/check/pass/service:web-1?note=${note}`);
  await site.pass(2000);
  expect(request.answer).toBeUndefined();
  expect(indexOf(await site.get(at(site, path)))).toBe(index);
});

test.each(missing)('B11: what does not exist, $path, is waited for like what does, with an index of its own', async (each) => {
  const { site, index } = await asked(each);
  const request = await start(site, at(site, each.path, `index=${index}`));
  await each.other(site);
  await settle();
  expect(request.answer).toBeUndefined();
  await each.change(site);
  await settle();
  expect(indexOf(request.answer!)).toBeGreaterThan(index);
});

test('B11: a service keeps its index after its last instance is gone', async () => {
  const site = await mesh();
  await site.put('/v1/agent/service/deregister/web-1');
  const gone = await site.get('/v1/health/service/web');
  expect(gone.body).toBe('[]');
  await again('db')(site);
  expect(indexOf(await site.get('/v1/health/service/web'))).toBe(indexOf(gone));
});

test.each(all)(
  'B12: $path answers an index larger than any, and one of another agent, within a second, with its own',
  async (each) => {
    const { site, index } = await asked(each);
    for (const foreign of [index + 1024 * 1000, index + 1, '9007199254740993', '18446744073709551615']) {
      const request = await start(site, at(site, each.path, `index=${foreign}&wait=5m`));
      expect(request.answer).toBeUndefined();
      await site.timers.pass(1000);
      expect(indexOf(request.answer!)).toBe(index);
    }
  },
);

test.each(all)('B13: changes of $path that follow each other within 50 ms wake once', async (each) => {
  const { site, index } = await asked(each);
  const first = await start(site, at(site, each.path, `index=${index}`));
  await each.change(site);
  await settle();
  const next = await start(site, at(site, each.path, `index=${indexOf(first.answer!)}`));
  if (each.path.includes('none')) return;
  await each.change(site);
  await each.change(site);
  await settle();
  expect(next.answer).toBeUndefined();
  await site.timers.pass(50);
  expect(indexOf(next.answer!)).toBe(indexOf(await site.get(at(site, each.path))));
});

test.each(all)('B14: nothing is left of a wait at $path once it is over', async (each) => {
  const { site, index } = await asked(each);
  for (let turn = 0; turn < 3; turn++) {
    const request = await start(site, at(site, each.path, `index=${index}&wait=1s`));
    expect(site.timers.pending).toBe(1);
    await site.timers.pass(1000);
    expect(request.answer).toBeDefined();
  }
  await site.timers.pass(60);
  expect(site.timers.pending).toBe(0);
});

test('B15: a hash is waited for by the rules of an index, and answered with the hash of what is there', async () => {
  const site = await mesh();
  const path = '/v1/agent/service/web-1';
  const first = await site.get(path);
  const hash = String(first.headers['x-consul-contenthash']);
  expect((JSON.parse(first.body) as { ContentHash: string }).ContentHash).toBe(hash);
  expect((await site.get(`${path}?hash=other`)).body).toBe(first.body);
  const request = await start(site, `${path}?hash=${hash}&wait=10m`);
  await again('db')(site);
  await settle();
  expect(request.answer).toBeUndefined();
  await again('web')(site);
  await settle();
  const changed = String(request.answer!.headers['x-consul-contenthash']);
  expect(changed).not.toBe(hash);
  const timedOut = await start(site, `${path}?hash=${changed}&wait=10s`);
  await site.timers.pass(10_000);
  expect(timedOut.answer!.headers['x-consul-contenthash']).toBe(changed);
});
