/** The contract of blocking queries, rule by rule, through the API and with time in the test's hands. */

import { nodeId, topics } from '@skein/core';
import { expect, test } from 'vitest';
import type { InjectedAnswer } from '@skein/api';
import { fakeInstance } from './fake-port.ts';
import { json, settle, setup } from './fake-agent.ts';
import type { Setup } from './fake-agent.ts';

const url = '/v1/health/service/web';

function indexOf(answer: InjectedAnswer): number {
  return Number(answer.headers['x-consul-index']);
}

/** A request under way: `answer` stays undefined until it is answered. */
function start(api: Setup, path: string): { answer: InjectedAnswer | undefined } {
  const request: { answer: InjectedAnswer | undefined } = { answer: undefined };
  void api.get(path).then((answer) => (request.answer = answer));
  return request;
}

async function withService(options = {}): Promise<Setup & { index: number }> {
  const api = setup(options);
  api.port.addInstance(api.port.self, fakeInstance('web-1', 'web'));
  return { ...api, index: indexOf(await api.get(url)) };
}

/** Registers a service, and gives the URL that waits for it by hash. */
async function hashUrl(api: Setup): Promise<string> {
  await api.put('/v1/agent/service/register', { Name: 'own' });
  const { headers } = await api.get('/v1/agent/service/own');
  return `/v1/agent/service/own?hash=${String(headers['x-consul-contenthash'])}`;
}

test('a query without index, or with index 0, is answered at once', async () => {
  const api = await withService();
  expect((await api.get(`${url}?index=0&wait=10m`)).statusCode).toBe(200);
  expect(api.timers.pending).toBe(0);
});

test('a query with the current index hangs until the key changes', async () => {
  const api = await withService();
  const request = start(api, `${url}?index=${api.index}`);
  await settle();
  expect(request.answer).toBeUndefined();
  api.port.addInstance(api.port.self, fakeInstance('web-2', 'web'));
  await settle();
  expect(json<unknown[]>(request.answer!)).toHaveLength(2);
});

test('the default wait is 5 minutes with at most a sixteenth of jitter', async () => {
  const api = await withService();
  const request = start(api, `${url}?index=${api.index}`);
  await settle();
  await api.timers.pass(300_000 + 300_000 / 32 - 1);
  expect(request.answer).toBeUndefined();
  await api.timers.pass(1);
  expect(request.answer?.statusCode).toBe(200);
});

test.each(['11m', '24h', '1000000h'])('a wait of %s is cut to 10 minutes', async (wait) => {
  const api = await withService({ random: () => 0 });
  const request = start(api, `${url}?index=${api.index}&wait=${wait}`);
  await settle();
  await api.timers.pass(599_999);
  expect(request.answer).toBeUndefined();
  await api.timers.pass(1);
  expect(request.answer?.statusCode).toBe(200);
});

test('jitter never exceeds a sixteenth of the wait', async () => {
  const api = await withService({ random: () => 0.999_999 });
  const request = start(api, `${url}?index=${api.index}&wait=16s`);
  await settle();
  await api.timers.pass(17_000);
  expect(request.answer?.statusCode).toBe(200);
});

test('a query that timed out has the same body and the same index', async () => {
  const api = await withService();
  const before = await api.get(url);
  const request = start(api, `${url}?index=${api.index}&wait=1s`);
  await settle();
  await api.timers.pass(2000);
  expect(request.answer?.body).toBe(before.body);
  expect(indexOf(request.answer!)).toBe(api.index);
});

test('an index that was passed is answered at once, with a larger one', async () => {
  const api = await withService();
  api.port.addInstance(api.port.self, fakeInstance('web-2', 'web'));
  const answer = await api.get(`${url}?index=${api.index}`);
  expect(indexOf(answer)).toBeGreaterThan(api.index);
});

test('the index is at least 1 and an exact integer, also for what never existed', async () => {
  const api = setup();
  for (const path of ['/v1/health/service/nothing', '/v1/health/state/any', '/v1/event/list', '/v1/catalog/services']) {
    const index = indexOf(await api.get(path));
    expect(Number.isSafeInteger(index) && index >= 1, `${path}: ${index}`).toBe(true);
  }
});

test('a change of one service leaves the index of another as it was', async () => {
  const api = await withService();
  const request = start(api, `${url}?index=${api.index}`);
  await settle();
  api.port.addInstance(api.port.self, fakeInstance('db-1', 'db'));
  await settle();
  expect(request.answer).toBeUndefined();
  expect(indexOf(await api.get(url))).toBe(api.index);
});

test('a service that does not exist yet is waited for like one that does', async () => {
  const api = setup();
  const index = indexOf(await api.get(url));
  const request = start(api, `${url}?index=${index}`);
  await settle();
  expect(request.answer).toBeUndefined();
  api.port.addInstance(api.port.self, fakeInstance('web-1', 'web'));
  await settle();
  expect(json<unknown[]>(request.answer!)).toHaveLength(1);
});

test.each([
  ['larger than any of ours', (index: number) => index + 1024],
  ['beyond exact integers', () => '18446744073709551615'],
  ['smaller, but of another agent', (index: number) => index - 1024 + 1],
  ['larger, and of another agent', (index: number) => index + 1025],
])('an index %s is answered within a second, with ours', async (_what, foreign) => {
  const api = await withService();
  const request = start(api, `${url}?index=${foreign(api.index)}&wait=5m`);
  await settle();
  expect(request.answer).toBeUndefined();
  await api.timers.pass(1000);
  expect(indexOf(request.answer!)).toBe(api.index);
});

test('an index of another agent is answered at the next change', async () => {
  const api = await withService();
  const request = start(api, `${url}?index=${api.index + 1025}&wait=5m`);
  await settle();
  api.port.addInstance(api.port.self, fakeInstance('web-2', 'web'));
  await settle();
  expect(indexOf(request.answer!)).toBeGreaterThan(api.index);
});

test('an index of another agent waits no longer than the client allows', async () => {
  const api = await withService();
  const request = start(api, `${url}?index=${api.index + 1}&wait=200ms`);
  await settle();
  await api.timers.pass(200);
  expect(request.answer?.statusCode).toBe(200);
});

test('a small index made by hand is in the past, not of another agent', async () => {
  const api = await withService();
  expect((await api.get(`${url}?index=1`)).statusCode).toBe(200);
});

test('the first change passes at once, those right after it together', async () => {
  const api = await withService();
  const first = start(api, `${url}?index=${api.index}`);
  await settle();
  api.port.bump(topics.service('web'));
  await settle();
  const index = indexOf(first.answer!);

  const second = start(api, `${url}?index=${index}`);
  await settle();
  api.port.bump(topics.service('web'));
  const third = start(api, `${url}?index=${index}`);
  await settle();
  expect([second.answer, third.answer]).toEqual([undefined, undefined]);
  api.port.bump(topics.service('web'));
  const last = api.port.index(topics.service('web'));
  await api.timers.pass(50);
  expect([indexOf(second.answer!), indexOf(third.answer!)]).toEqual([last, last]);
});

test('a quiet key has nothing left over', async () => {
  const api = await withService();
  const request = start(api, `${url}?index=${api.index}`);
  await settle();
  api.port.bump(topics.service('web'));
  await settle();
  expect(request.answer).toBeDefined();
  await api.timers.pass(50);
  await api.timers.pass(50);
  expect(api.timers.pending).toBe(0);
});

test('B14: ten thousand clients wait at once and are all answered by one change', async () => {
  const api = await withService();
  const requests = Array.from({ length: 10_000 }, () => start(api, `${url}?index=${api.index}`));
  for (let turn = 0; turn < 200 && api.timers.pending < 10_000; turn++) await settle();
  // Ten thousand timers, and one that waits at the mesh for all of them.
  expect([api.timers.pending, api.port.waiting]).toEqual([10_000, 1]);
  api.port.bump(topics.service('web'));
  for (let turn = 0; turn < 200 && requests.some(({ answer }) => answer === undefined); turn++) await settle();
  expect(requests.every(({ answer }) => answer?.statusCode === 200)).toBe(true);
  expect(api.port.waiting).toBe(0);
});

test('B14: clients of one key are one waiter at the mesh for each of its topics, until the last of them goes', async () => {
  const api = setup();
  const state = indexOf(await api.get('/v1/health/state/any'));
  const requests = Array.from({ length: 5 }, () => start(api, `/v1/health/state/any?index=${state}&wait=10s`));
  const longer = start(api, `/v1/health/state/any?index=${state}&wait=20s`);
  await settle();
  expect(api.port.waiting).toBe(2);
  await api.timers.pass(11_000);
  expect(requests.map(({ answer }) => answer?.statusCode)).toEqual([200, 200, 200, 200, 200]);
  expect([longer.answer, api.port.waiting]).toEqual([undefined, 2]);
  await api.timers.pass(11_000);
  expect([longer.answer?.statusCode, api.port.waiting]).toEqual([200, 0]);
});

test('B14: one who joins others who wait is woken by what changed after its own index', async () => {
  const api = await withService();
  const early = start(api, `${url}?index=${api.index}`);
  await settle();
  api.port.bump(topics.service('web'));
  const index = indexOf(await api.get(url));
  const late = start(api, `${url}?index=${index}`);
  await settle();
  expect([early.answer?.statusCode, late.answer]).toEqual([200, undefined]);
  await api.timers.pass(60);
  api.port.bump(topics.service('web'));
  await settle();
  expect(indexOf(late.answer!)).toBeGreaterThan(index);
});

test('B14: more waiting clients than the limit are refused with 429', async () => {
  const api = await withService({ waitersMax: 2 });
  const parked = [start(api, `${url}?index=${api.index}`), start(api, `${url}?index=${api.index}`)];
  await settle();
  const refused = await api.get(`${url}?index=${api.index}`);
  expect(refused.statusCode).toBe(429);
  expect((await api.get(url)).statusCode).toBe(200);
  api.port.bump(topics.service('web'));
  await settle();
  expect(parked.map(({ answer }) => answer?.statusCode)).toEqual([200, 200]);
});

test.each([
  ['an index', () => Promise.resolve(url)],
  ['a hash', hashUrl],
] as const)('a mesh that has no room for a client who waits for %s makes it a 429, never a busy loop', async (_what, path) => {
  const api = await withService();
  const full = await path(api);
  api.port.changed = () => Promise.resolve(api.port.view());
  const asked = full === url ? `${url}?index=${api.index}` : full;
  expect((await api.get(asked)).statusCode).toBe(429);
});

test('events that have no room for a client who waits make it a 429, never a busy loop', async () => {
  const api = setup();
  api.events.changed = () => Promise.resolve();
  expect((await api.get('/v1/event/list?index=1')).statusCode).toBe(429);
});

test('closing the API answers everybody who waits', async () => {
  const api = await withService();
  const request = start(api, `${url}?index=${api.index}`);
  await settle();
  await api.api.close();
  await settle();
  expect(request.answer?.statusCode).toBe(200);
  expect(api.port.waiting).toBe(0);
});

test('one service of the agent is waited for by the hash of its content', async () => {
  const api = setup();
  await api.put('/v1/agent/service/register', { Name: 'web', Port: 1 });
  const before = await api.get('/v1/agent/service/web');
  const hash = String(before.headers['x-consul-contenthash']);
  expect(json(before)).toMatchObject({ ID: 'web', Port: 1, ContentHash: hash });
  const request = start(api, `/v1/agent/service/web?hash=${hash}&wait=1m`);
  await settle();
  await api.put('/v1/agent/service/register', { Name: 'other' });
  await settle();
  expect(request.answer).toBeUndefined();
  await api.put('/v1/agent/service/register', { Name: 'web', Port: 2 });
  await settle();
  expect(json(request.answer!)).toMatchObject({ Port: 2 });
  expect(request.answer?.headers['x-consul-contenthash']).not.toBe(hash);
});

test('one service of the agent is hashed once, however many wait for it and whatever else changes here', async () => {
  const api = setup();
  await api.put('/v1/agent/service/register', { Name: 'web', Check: { TTL: '1m' } });
  const before = await api.get('/v1/agent/service/web');
  const held = api.port.registrations.get('i/web');
  let reads = 0;
  if (held?.type === 'instance') {
    const counted = new Proxy(held.instance, { get: (target, key) => (reads++, Reflect.get(target, key)) });
    api.port.registrations.set('i/web', { type: 'instance', instance: counted });
  }
  const hash = String(before.headers['x-consul-contenthash']);
  const requests = Array.from({ length: 5 }, () => start(api, `/v1/agent/service/web?hash=${hash}&wait=1m`));
  await settle();
  const first = reads;
  for (let change = 0; change < 3; change++) {
    api.port.bump(topics.local);
    await settle();
  }
  expect(first).toBeGreaterThan(0);
  expect([reads, api.port.waiting]).toEqual([first, 1]);
  expect(requests.map(({ answer }) => answer)).toEqual(requests.map(() => undefined));
});

test('waiting by hash ends with 404 when the service goes', async () => {
  const api = setup();
  await api.put('/v1/agent/service/register', { Name: 'web' });
  const hash = String((await api.get('/v1/agent/service/web')).headers['x-consul-contenthash']);
  const request = start(api, `/v1/agent/service/web?hash=${hash}`);
  await settle();
  await api.put('/v1/agent/service/deregister/web');
  await settle();
  expect(request.answer?.statusCode).toBe(404);
});

test('checks by state wait for the members too, since a failed node has a critical check', async () => {
  const api = setup();
  const beta = api.port.addMember('beta');
  const index = indexOf(await api.get('/v1/health/state/any'));
  const request = start(api, `/v1/health/state/critical?index=${index}`);
  await settle();
  beta.status = 'failed';
  api.port.bump(topics.members);
  await settle();
  expect(json(request.answer!)).toMatchObject([{ Node: 'beta', CheckID: 'serfHealth' }]);
});

test('a node that nobody knows is waited for until it comes', async () => {
  const api = setup();
  const before = await api.get('/v1/catalog/node/beta');
  expect(json(before)).toBeNull();
  const request = start(api, `/v1/catalog/node/beta?index=${indexOf(before)}`);
  await settle();
  expect(request.answer).toBeUndefined();
  api.port.addMember('beta');
  await settle();
  expect(json(request.answer!)).toMatchObject({ Node: { Node: 'beta' }, Services: {} });
  expect(indexOf(request.answer!)).toBeGreaterThan(indexOf(before));
});

test('a wait on one node ends when that node changes, and not when another does', async () => {
  const api = setup();
  const beta = api.port.addMember('beta');
  api.port.addMember('gamma');
  const index = indexOf(await api.get('/v1/health/node/beta'));
  const request = start(api, `/v1/health/node/beta?index=${index}`);
  await settle();
  api.port.bump(topics.node(nodeId('12D3Koo-gamma')), topics.members);
  await settle();
  expect(request.answer).toBeUndefined();
  beta.reachable = false;
  api.port.bump(topics.node(beta.id));
  await settle();
  expect(json(request.answer!)).toMatchObject([{ CheckID: 'serfHealth', Status: 'critical' }]);
});

test('the first event wakes who waits for events, and one of another name does not', async () => {
  const api = setup();
  const index = indexOf(await api.get('/v1/event/list?name=deploy'));
  const request = start(api, `/v1/event/list?name=deploy&index=${index}`);
  await settle();
  await api.put('/v1/event/fire/other', 'x');
  await settle();
  expect(request.answer).toBeUndefined();
  await api.put('/v1/event/fire/deploy', 'v2');
  await settle();
  expect(json(request.answer!)).toMatchObject([{ Name: 'deploy', Payload: 'djI=' }]);
});

test.each([
  ['index=x', 'Invalid index'],
  ['index=-1', 'Invalid index'],
  ['index=1.5', 'Invalid index'],
  ['index=18446744073709551616', 'Invalid index'],
  ['index=99999999999999999999', 'Invalid index'],
  ['index=999999999999999999999', 'Invalid index'],
  ['index=0x10', 'Invalid index'],
  ['index=1&wait=10', 'Invalid wait time'],
  ['index=1&wait=soon', 'Invalid wait time'],
])('%s is refused with %s', async (query, text) => {
  const answer = await setup().get(`${url}?${query}`);
  expect([answer.statusCode, answer.body]).toEqual([400, text]);
});

test.each([
  ['/v1/catalog/nodes', topics.members],
  ['/v1/catalog/services', topics.services],
  ['/v1/catalog/service/web', topics.service('web')],
  ['/v1/catalog/connect/web', topics.service('web')],
  ['/v1/catalog/node/alpha', topics.node(nodeId('12D3Koo-alpha'))],
  ['/v1/catalog/node-services/alpha', topics.node(nodeId('12D3Koo-alpha'))],
  ['/v1/health/service/web', topics.service('web')],
  ['/v1/health/connect/web', topics.service('web')],
  ['/v1/health/node/alpha', topics.node(nodeId('12D3Koo-alpha'))],
  ['/v1/health/checks/web', topics.checksOf('web')],
  ['/v1/health/state/any', topics.checks],
  ['/v1/coordinate/nodes', topics.members],
  ['/v1/mesh/members', topics.members],
  ['/v1/mesh/config', topics.config],
])('%s hangs at its own index, wakes by a change of %s alone, and ends by its wait with the same index', async (path, topic) => {
  const api = await withService();
  const before = await api.get(path);
  const index = indexOf(before);
  const woken = start(api, `${path}?index=${index}`);
  await settle();
  api.port.bump('something/else');
  await settle();
  expect(woken.answer).toBeUndefined();
  api.port.bump(topic);
  await settle();
  expect(indexOf(woken.answer!)).toBeGreaterThan(index);

  const timedOut = start(api, `${path}?index=${indexOf(woken.answer!)}&wait=10s`);
  await settle();
  await api.timers.pass(11_000);
  expect(indexOf(timedOut.answer!)).toBe(indexOf(woken.answer!));
  expect(timedOut.answer!.body).toBe((await api.get(path)).body);
});

test('B14: one change wakes only those who wait for what changed', async () => {
  const api = await withService();
  const parked = Array.from({ length: 500 }, (_, at) => start(api, `/v1/health/service/other-${at}?index=1&wait=10m`));
  const concerned = start(api, `${url}?index=${api.index}&wait=10m`);
  await settle();
  expect(api.port.waiting).toBe(501);
  api.port.bump(topics.service('web'));
  await settle();
  expect(concerned.answer?.statusCode).toBe(200);
  expect(parked.every(({ answer }) => answer === undefined)).toBe(true);
  expect(api.port.waiting).toBe(500);
  await api.api.close();
});

test('a wait with a filter or by nearness ends with the entries that it keeps', async () => {
  const api = await withService();
  const request = start(api, `${url}?index=${api.index}&near=_agent&filter=${encodeURIComponent('Service.ID == "web-2"')}`);
  await settle();
  expect(request.answer).toBeUndefined();
  api.port.addInstance(api.port.self, fakeInstance('web-2', 'web'));
  await settle();
  expect(json<unknown[]>(request.answer!)).toMatchObject([{ Service: { ID: 'web-2' } }]);
});

test('the content hash of a service waits no longer than asked, and answers the same hash', async () => {
  const api = setup();
  const path = await hashUrl(api);
  const request = start(api, `${path}&wait=1m`);
  await settle();
  expect(request.answer).toBeUndefined();
  await api.timers.pass(64_000);
  expect(request.answer?.statusCode).toBe(200);
  expect(path.endsWith(String(request.answer?.headers['x-consul-contenthash']))).toBe(true);
});
