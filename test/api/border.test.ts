/** The border of the HTTP API: who may ask, methods, sizes, and what errors look like. */

import { expect, test } from 'vitest';
import { createApi } from '@skein/api';
import { FakeAgent, FakeEvents, refused, setup } from './fake-agent.ts';
import { FakePort } from './fake-port.ts';

test.each([
  'localhost',
  'localhost:8500',
  'LOCALHOST:1',
  'localhost.',
  '127.0.0.1:8500',
  '[::1]:8500',
  '10.0.0.1',
  'alpha:8500',
  'mesh.example:1',
])('a request for the host %s is answered', async (host) => {
  const answer = await setup({ allowedHosts: ['Mesh.Example'] }).get('/v1/agent/self', { host });
  expect(answer.statusCode).toBe(200);
});

test.each([
  'evil.example',
  'evil.example:8500',
  'localhost.evil.example',
  'localhost@evil.example',
  '127.0.0.1.evil.example',
  '10.9.9.9',
  '[::2]',
  '[localhost]',
  'localhost:8500:1',
  'localhost, evil.example',
  ':8500',
  'local host',
])('a request for the host %j is refused, also for reading', async (host) => {
  const answer = await setup().get('/v1/agent/self', { host });
  expect(answer.statusCode).toBe(403);
  expect(answer.body).toContain('allowedHosts');
  expect(answer.headers['content-type']).toContain('text/plain');
});

test('an agent that listens everywhere answers for the addresses of its interfaces only', async () => {
  const api = setup({ listen: '0.0.0.0:0' });
  expect((await api.get('/healthz', { host: '127.0.0.1' })).statusCode).toBe(200);
  expect((await api.get('/healthz', { host: '0.0.0.0' })).statusCode).toBe(403);
  expect((await api.get('/healthz', { host: '203.0.113.9' })).statusCode).toBe(403);
});

const leave = '/v1/agent/leave';

test.each([
  { origin: 'http://evil.example' },
  { origin: 'http://localhost:3000' },
  { origin: 'null' },
  { origin: 'http://localhost:8500.evil.example' },
  { 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'same-site' },
  { origin: 'http://localhost:8500', 'sec-fetch-site': 'cross-site' },
])('a write with %j comes from another origin and is refused', async (headers) => {
  const api = setup();
  const answer = await api.put(leave, undefined, { host: 'localhost:8500', ...(headers as Record<string, string>) });
  expect(answer.statusCode).toBe(403);
  expect(api.agent.hasLeft).toBe(false);
});

test.each([
  {},
  { origin: 'http://localhost:8500' },
  { origin: 'https://localhost:8500' },
  { origin: 'http://localhost:8500', 'sec-fetch-site': 'same-origin' },
  { 'sec-fetch-site': 'none' },
])('a write with %j is answered', async (headers) => {
  const api = setup();
  const answer = await api.put(leave, undefined, { host: 'localhost:8500', ...(headers as Record<string, string>) });
  expect([answer.statusCode, api.agent.hasLeft]).toEqual([200, true]);
});

test('a read from another origin is answered without leave to look at it', async () => {
  const answer = await setup().get('/v1/catalog/nodes', { origin: 'http://evil.example', 'sec-fetch-site': 'cross-site' });
  expect(answer.statusCode).toBe(200);
  expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
  expect(answer.headers['x-content-type-options']).toBe('nosniff');
});

test.each([
  ['POST', '/v1/agent/service/register', 'OPTIONS,PUT'],
  ['GET', '/v1/agent/service/deregister/x', 'OPTIONS,PUT'],
  ['GET', '/v1/agent/leave', 'OPTIONS,PUT'],
  ['PUT', '/v1/catalog/nodes', 'OPTIONS,GET'],
  ['PATCH', '/v1/mesh/config/route/x', 'OPTIONS,GET,PUT,DELETE'],
] as const)('%s %s is a 405 that names what is allowed', async (method, url, allow) => {
  const { api } = setup();
  const answer = await api.inject({ method, url });
  expect([answer.statusCode, answer.headers['allow'], answer.body]).toEqual([405, allow, `method ${method} not allowed`]);
  const options = await api.inject({ method: 'OPTIONS', url });
  expect([options.statusCode, options.headers['allow'], options.body]).toEqual([200, allow, '']);
});

test.each(['agent/service/deregister', 'agent/service/maintenance', 'agent/check/pass', 'health/service'])(
  'PUT /v1/%s without what is to follow leads to the path with its slash, as in Consul',
  async (path) => {
    const answer = await setup().api.inject({ method: 'PUT', url: `/v1/${path}?x=1` });
    expect([answer.statusCode, answer.headers['location']]).toEqual([301, `/v1/${path}/?x=1`]);
  },
);

test('HEAD answers like GET, without a body', async () => {
  const answer = await setup().api.inject({ method: 'HEAD', url: '/v1/catalog/nodes' });
  expect([answer.statusCode, answer.body]).toEqual([200, '']);
  expect(answer.headers).toHaveProperty('x-consul-index');
});

test.each(['/', '/v1', '/v2/agent/self', '/v1/catalog', '/v1/operator/raft/configuration', '/v1/agent/self/x'])(
  '%s is unknown: 404 with text',
  async (url) => {
    const answer = await setup().get(url);
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([404, 'text/plain; charset=utf-8']);
    expect(answer.body).toContain(url);
  },
);

test.each([
  ['//v1/agent/self', '/v1/agent/self'],
  ['/v1//catalog/./services?dc=x', '/v1/catalog/services?dc=x'],
  ['/v1/health/service', '/v1/health/service/'],
  ['/v1/catalog//service?tag=a', '/v1/catalog/service/?tag=a'],
  ['/v1//mesh/config?conflicts', '/v1/mesh/config?conflicts'],
  ['/v1/catalog/serv%69ce', '/v1/catalog/service/'],
  ['/v1/c%61talog/serv%69ce?tag=%2F?a', '/v1/catalog/service/?tag=%2F?a'],
])('%s is redirected to %s: a base address may end in a slash', async (url, target) => {
  const answer = await setup().get(url);
  expect([answer.statusCode, answer.headers['location']]).toEqual([301, target]);
});

test('no redirect leads to another host', async () => {
  for (const url of ['//evil.example/v1/agent/self', '//evil.example/../v1/x', '///evil.example']) {
    expect((await setup().get(url)).headers).not.toHaveProperty('location');
  }
});

test.each(['/v1/kv/a%00b', '/v1/kv/a%0Ab', '/v1/agent/service/deregister/%07', '/v1/kv/a%E2%80%8Bb', '/v1/kv/a%C2%A0b'])(
  '%s has a character that cannot be printed: 400, as in Consul',
  async (url) => {
    const api = setup();
    const answers = await Promise.all([api.get(url), api.put(url, 'x')]);
    for (const { statusCode, body } of answers) {
      if (statusCode !== 405) expect([statusCode, body]).toEqual([400, expect.stringContaining('cannot be printed')]);
    }
    expect(answers.some(({ statusCode }) => statusCode === 400)).toBe(true);
    expect(api.port.commands).toEqual([]);
  },
);

test('JSON has no charset, an empty answer has no type, and each answer says the default policy', async () => {
  const api = setup();
  const list = await api.get('/v1/catalog/services');
  expect(list.headers['content-type']).toBe('application/json');
  const written = await api.put('/v1/agent/service/register', { Name: 'web' });
  expect([written.statusCode, written.body]).toEqual([200, '']);
  expect(written.headers).not.toHaveProperty('content-type');
  const bad = await api.get('/v1/health/service/');
  for (const { headers } of [list, written, bad]) expect(headers['x-consul-default-acl-policy']).toBe('allow');
});

test.each([
  '/v1/health/service/',
  '/v1/catalog/service/',
  '/v1/catalog/node/',
  '/v1/health/node/',
  '/v1/health/state/',
  '/v1/health/checks/',
])('%s without a name is refused with what is missing', async (url) => {
  const answer = await setup().get(url);
  expect([answer.statusCode, answer.body]).toEqual([400, expect.stringMatching(/^Missing /)]);
});

test.each(['%zz', '%2', '%', 'a%ff', '%E0%A4%A', '%ed%a0%80'])(
  'a path with %s is not percent-encoded UTF-8: 400 with a text that says so',
  async (part) => {
    for (const path of ['/v1/health/service/', '/v1/kv/', '/nowhere/']) {
      const answer = await setup().get(path + part);
      expect([answer.statusCode, answer.headers['content-type']]).toEqual([400, 'text/plain; charset=utf-8']);
      expect(answer.body).toMatch(/^Invalid URL path: .*percent.*UTF-8/);
    }
  },
);

test.each([`/v1/health/service/web?tag=${'x'.repeat(9000)}`, `/v1/kv/${'x'.repeat(9000)}`])(
  'a URL beyond 8 KiB is refused, wherever it is long',
  async (url) => {
    const answer = await setup().get(url);
    expect([answer.statusCode, answer.body]).toEqual([414, 'The URL is longer than 8192 characters']);
  },
);

test.each([
  '',
  'text',
  ';;;',
  'a/b; c',
  'multipart/form-data',
  'application/json; charset=utf-16',
  'application/json, text/plain',
])('the content type %j is not looked at, as in Consul', async (type) => {
  const api = setup();
  const headers = { 'content-type': type };
  expect((await api.put('/v1/agent/service/register', { Name: 'web' }, headers)).statusCode).toBe(200);
  expect(api.port.commands).toMatchObject([{ type: 'register', instance: { id: 'web' } }]);
  expect((await api.get('/v1/agent/services', headers)).statusCode).toBe(200);
});

test('a body with a byte order mark is not JSON (RFC 8259, section 8.1)', async () => {
  expect(await refused('/v1/agent/service/register', '\uFEFF{"Name":"web"}')).toMatch(
    /^Request decode failed: .*byte order mark/,
  );
});

test('a bug of ours is a 500 without details, and is logged with them', async () => {
  const api = setup();
  api.agent.metrics = () => Promise.reject(new Error('secret detail'));
  const answer = await api.get('/metrics');
  expect([answer.statusCode, answer.body]).toEqual([500, 'Internal error: the agent logged what went wrong']);
  expect(api.logged).toMatchObject([{ msg: 'a request failed', url: '/metrics', error: { message: 'secret detail' } }]);
});

test.each(['', '8500', 'localhost', 'localhost:', 'localhost:99999', 'a b:1', '::1:80'])(
  '%j is not an address to listen on',
  (listen) => {
    const ports = { port: new FakePort(), agent: new FakeAgent(), events: new FakeEvents() };
    expect(() => createApi({ ...ports, listen, allowedHosts: [] })).toThrow(RangeError);
  },
);
