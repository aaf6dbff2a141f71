/** What Consul's clients write besides definitions: results, maintenance, membership, events and config. */

import { expect, test } from 'vitest';
import { json, refused, setup } from './fake-agent.ts';
import type { Setup } from './fake-agent.ts';

const register = '/v1/agent/service/register';
const registerCheck = '/v1/agent/check/register';

test.each([
  ['', false],
  ['?replace-existing-checks', true],
  ['?replace-existing-checks=1', true],
  ['?replace-existing-checks=true', true],
  ['?replace-existing-checks=false', false],
])('%j decides whether other checks of the service go: %s', async (query, replaceChecks) => {
  const api = setup();
  await api.put(`${register}${query}`, { Name: 'web' });
  expect(api.port.commands).toMatchObject([{ type: 'register', replaceChecks }]);
});

test('a write answers after it is durable, and says so when the disk refuses', async () => {
  const api = setup();
  await api.put(register, { Name: 'web' });
  expect(api.agent.durableCalls).toBe(1);
  api.agent.durableError = Object.assign(new Error('the disk is full'), { code: 'storage-failed' });
  const answer = await api.put(register, { Name: 'web' });
  expect([answer.statusCode, answer.body]).toEqual([503, 'the disk is full']);
});

test.each([
  ['invalid-registration', 400],
  ['limit-exceeded', 413],
  ['leaving', 503],
] as const)('a refusal of the mesh, %s, answers %d with its message', async (code, status) => {
  const api = setup();
  api.port.refuse = { code, message: 'the reason and the next step' };
  const answer = await api.put(register, { Name: 'web' });
  expect([answer.statusCode, answer.body]).toEqual([status, 'the reason and the next step']);
  expect(api.agent.durableCalls).toBe(0);
});

test("an unknown id answers 404 in Consul's words", async () => {
  const api = setup();
  const service = await api.put('/v1/agent/service/deregister/nope');
  expect([service.statusCode, service.body]).toEqual([
    404,
    'Unknown service ID "nope". Ensure that the service ID is passed, not the service name.',
  ]);
  const check = await api.put('/v1/agent/check/deregister/nope');
  expect([check.statusCode, check.body]).toEqual([
    404,
    'Unknown check ID "nope". Ensure that the check ID is passed, not the check name.',
  ]);
  expect((await api.get('/v1/agent/service/nope')).statusCode).toBe(404);
  const unknown = await api.put('/v1/agent/service/maintenance/nope?enable=true');
  expect([unknown.statusCode, unknown.body]).toEqual([
    404,
    'Unknown service ID "nope". Ensure that the service ID is passed, not the service name.',
  ]);
  api.port.refuse = { code: 'not-a-ttl-check', message: 'no' };
  const ttl = await api.put('/v1/agent/check/pass/c');
  expect([ttl.statusCode, ttl.body]).toEqual([500, 'CheckID "c" does not have associated TTL']);
});

test('ids with slashes and spaces are whole ids', async () => {
  const api = setup();
  await api.put(register, { ID: 'host/web 1', Name: 'web' });
  expect(json(await api.get('/v1/agent/service/host%2Fweb%201'))).toMatchObject({ ID: 'host/web 1' });
  expect((await api.put('/v1/agent/service/deregister/host/web%201')).statusCode).toBe(200);
  expect(json(await api.get('/v1/agent/services'))).toEqual({});
});

test('a check is registered alone, by name, for a service or for the node', async () => {
  const api = setup();
  await api.put(registerCheck, { Name: 'mem', TTL: '15s', ServiceID: 'web', Notes: 'n' });
  await api.put(registerCheck, { ID: 'own-id', Name: 'disk', TCP: 'localhost:1', Interval: '10s' });
  expect(api.port.commands).toMatchObject([
    { type: 'register-check', definition: { id: 'mem', name: 'mem', instanceId: 'web', notes: 'n' } },
    { type: 'register-check', definition: { id: 'own-id', name: 'disk', instanceId: undefined, probe: { type: 'tcp' } } },
  ]);
  expect(await refused(registerCheck, { TTL: '15s' })).toBe('Missing check name');
  expect(await refused(registerCheck, { Name: 'x' })).toContain('Invalid check: TTL must be > 0');
});

test('results of TTL checks carry their note; the node cuts it to what is kept', async () => {
  const api = setup();
  await api.put('/v1/agent/check/pass/c?note=fine');
  await api.put('/v1/agent/check/warn/c');
  await api.put('/v1/agent/check/fail/c?note=a%20b%26c');
  await api.put('/v1/agent/check/update/c', { Status: 'warning', Output: 'x'.repeat(5000) });
  expect(api.port.commands).toMatchObject([
    { type: 'update-ttl', id: 'c', status: 'passing', output: 'fine' },
    { type: 'update-ttl', id: 'c', status: 'warning', output: '' },
    { type: 'update-ttl', id: 'c', status: 'critical', output: 'a b&c' },
    { type: 'update-ttl', id: 'c', status: 'warning', output: 'x'.repeat(5000) },
  ]);
  expect(await refused('/v1/agent/check/update/c', { Status: 'ok' })).toContain("Invalid check status: 'ok'");
  expect(await refused('/v1/agent/check/update/c', { Output: 'x' })).toContain("Invalid check status: ''");
  expect(await refused('/v1/agent/check/update/', { Status: 'passing' })).toBe('Missing check ID');
});

test('maintenance of a service is a critical check with the reason as its note', async () => {
  const api: Setup = setup();
  await api.put(register, { ID: 'web-1', Name: 'web' });
  await api.put('/v1/agent/service/maintenance/web-1?enable=true&reason=upgrade');
  await api.put('/v1/agent/service/maintenance/web-1?enable=true&reason=other');
  expect(json(await api.get('/v1/agent/checks'))).toMatchObject({
    '_service_maintenance:web-1': {
      Name: 'Service Maintenance Mode',
      Status: 'critical',
      Notes: 'upgrade',
      ServiceID: 'web-1',
      Type: 'maintenance',
      Interval: '',
    },
  });
  await api.put('/v1/agent/service/maintenance/web-1?enable=false');
  await api.put('/v1/agent/service/maintenance/web-1?enable=false');
  expect(json(await api.get('/v1/agent/checks'))).toEqual({});
  expect(api.port.commands.map(({ type }) => type)).toEqual(['register', 'register-check', 'deregister-check']);
});

test('maintenance of the node is a check of no service, and needs to know whether on or off', async () => {
  const api = setup();
  await api.put('/v1/agent/maintenance?enable=true');
  expect(json(await api.get('/v1/agent/checks'))).toMatchObject({
    _node_maintenance: { Name: 'Node Maintenance Mode', ServiceID: '', Notes: expect.stringContaining('no reason was provided') },
  });
  const answers = await Promise.all(['', '?enable', '?enable=maybe'].map((query) => api.put(`/v1/agent/maintenance${query}`)));
  expect(answers.map(({ statusCode, body }) => `${statusCode} ${body}`)).toEqual([
    '400 Missing value for enable',
    '400 Invalid value for enable: ""',
    '400 Invalid value for enable: "maybe"',
  ]);
});

test('join passes an address on, with the default port for a bare address', async () => {
  const api = setup();
  await api.put('/v1/agent/join/10.0.0.7:7000');
  await api.put('/v1/agent/join/host-a.example');
  await api.put(`/v1/agent/join/${encodeURIComponent('/ip4/10.0.0.1/tcp/7946')}`);
  expect(api.port.commands).toEqual([
    { type: 'join', addresses: ['10.0.0.7:7000'] },
    { type: 'join', addresses: ['host-a.example:7946'] },
    { type: 'join', addresses: ['/ip4/10.0.0.1/tcp/7946'] },
  ]);
  expect((await api.put('/v1/agent/join/')).statusCode).toBe(400);
  expect((await api.put('/v1/agent/join/a:1?wan=1')).statusCode).toBe(400);
});

test('leave asks the agent to leave', async () => {
  const api = setup();
  expect((await api.put('/v1/agent/leave')).statusCode).toBe(200);
  expect(api.agent.hasLeft).toBe(true);
});

test('force-leave finds a member by name or id, and the failed one of several', async () => {
  const api = setup();
  const gone = api.port.addMember('beta', { id: '12D3Koo-old' as never, status: 'failed' });
  api.port.addMember('beta');
  await api.put('/v1/agent/force-leave/beta?prune');
  await api.put(`/v1/agent/force-leave/${gone.id}`);
  expect(api.port.commands).toEqual([
    { type: 'force-leave', node: gone.id },
    { type: 'force-leave', node: gone.id },
  ]);
  const answer = await api.put('/v1/agent/force-leave/nobody');
  expect([answer.statusCode, answer.body]).toEqual([404, expect.stringContaining("No node found with name 'nobody'")]);
});

test.each([['failed'], ['alive']] as const)(
  'force-leave by a name that several %s members have asks for the id and lists them',
  async (status) => {
    const api = setup();
    for (const id of ['12D3Koo-b2', '12D3Koo-b1']) api.port.addMember('beta', { id: id as never, status });
    const answer = await api.put('/v1/agent/force-leave/beta');
    expect([answer.statusCode, answer.body]).toEqual([
      400,
      expect.stringContaining(`give the id of the one that is meant: 12D3Koo-b1 (${status}), 12D3Koo-b2 (${status})`),
    ]);
    expect(api.port.commands).toEqual([]);
    expect((await api.put('/v1/agent/force-leave/12D3Koo-b2')).statusCode).toBe(200);
    expect(api.port.commands).toEqual([{ type: 'force-leave', node: '12D3Koo-b2' }]);
  },
);

test('force-leave takes an id for an id, even where another member has it for a name', async () => {
  const api = setup();
  api.port.addMember('12D3Koo-b1', { id: '12D3Koo-a' as never, status: 'failed' });
  api.port.addMember('beta', { id: '12D3Koo-b1' as never, status: 'failed' });
  await api.put('/v1/agent/force-leave/12D3Koo-b1');
  expect(api.port.commands).toEqual([{ type: 'force-leave', node: '12D3Koo-b1' }]);
});

test('an event is fired with its payload and filters, and listed by name', async () => {
  const api = setup();
  const fired = json(await api.put('/v1/event/fire/deploy?node=web-.*&service=web&tag=v1', 'hello'));
  expect(fired).toEqual({
    ID: 'event-1',
    Name: 'deploy',
    Payload: 'aGVsbG8=',
    NodeFilter: 'web-.*',
    ServiceFilter: 'web',
    TagFilter: 'v1',
    Version: 1,
    LTime: 2,
  });
  await api.put('/v1/event/fire/restart');
  expect(json(await api.get('/v1/event/list'))).toMatchObject([{ Name: 'deploy' }, { Name: 'restart', Payload: null }]);
  expect(json(await api.get('/v1/event/list?name=deploy'))).toEqual([fired]);
  expect((await api.put('/v1/event/fire/')).statusCode).toBe(400);
});

test('an event that breaks a rule is a 400 with the reason', async () => {
  const api = setup();
  api.events.rejectWith = Object.assign(new Error('the payload is longer than 512 bytes'), { code: 'invalid-event' });
  const answer = await api.put('/v1/event/fire/deploy', 'x');
  expect([answer.statusCode, answer.body]).toEqual([400, 'the payload is longer than 512 bytes']);
});

test('config entries are written, deleted and refused by the mesh', async () => {
  const api = setup();
  await api.put('/v1/mesh/config/route/team%2Fshop', { rules: [] });
  await api.api.inject({ method: 'DELETE', url: '/v1/mesh/config/route/shop' });
  expect(api.port.commands).toEqual([
    { type: 'apply-config', kind: 'route', name: 'team/shop', value: { rules: [] } },
    { type: 'delete-config', kind: 'route', name: 'shop' },
  ]);
  api.port.refuse = { code: 'invalid-config', message: 'rules[0].backends is empty' };
  const invalid = await api.put('/v1/mesh/config/route/shop', {});
  expect([invalid.statusCode, invalid.body]).toEqual([400, 'rules[0].backends is empty']);
  api.port.refuse = { code: 'unknown-config', message: 'there is no route "x"' };
  expect((await api.api.inject({ method: 'DELETE', url: '/v1/mesh/config/route/x' })).statusCode).toBe(404);
  expect((await api.put('/v1/mesh/config/route', {})).statusCode).toBe(400);
});

test.each([
  ['nope', '"nope". Known kinds: route'],
  ['Route', '"Route"; did you mean "route"? Known kinds: route'],
  ['service-router', 'written with PUT /v1/config'],
  ['HTTPRoute', 'did you mean "route"?'],
  ['roue', 'did you mean "route"?'],
  ['constructor', 'Known kinds: route'],
])(
  'a config entry of the unknown kind %s is refused and not written; one that a peer wrote can be deleted',
  async (kind, words) => {
    const api = setup();
    const answer = await api.put(`/v1/mesh/config/${kind}/x`, { rules: [] });
    expect([answer.statusCode, answer.body]).toEqual([400, expect.stringContaining(words)]);
    expect(api.port.commands).toEqual([]);
    expect((await api.api.inject({ method: 'DELETE', url: `/v1/mesh/config/${kind}/x` })).statusCode).toBe(200);
  },
);

test.each([
  'nonsense',
  'nonsense:',
  'a:0',
  'a:65536',
  'a:99999999',
  'a:x',
  ':7946',
  'a b:1',
  'http://a:1',
  '[::1',
  '::1',
  'a:1:2',
  '/ip4/1.2.3.4',
  '/tcp/7946',
  '/',
])('joining through "%s", which is no address, is refused with the next step', async (address) => {
  const api = setup();
  const answer = await api.put(`/v1/agent/join/${encodeURIComponent(address)}`);
  expect([answer.statusCode, answer.body]).toEqual([400, expect.stringContaining('HOST:PORT')]);
  expect(api.port.commands).toEqual([]);
});

test.each([
  ['10.0.0.7', '10.0.0.7:7946'],
  ['[::1]', '[::1]:7946'],
  ['[fd00::1]:1', '[fd00::1]:1'],
  ['node-7.example:65535', 'node-7.example:65535'],
  ['/ip4/10.0.0.8/tcp/7946', '/ip4/10.0.0.8/tcp/7946'],
  ['/dns4/node.example/tcp/7946/p2p/12D3KooWabc', '/dns4/node.example/tcp/7946/p2p/12D3KooWabc'],
])('%s is an address to join through', async (given, sent) => {
  const api = setup();
  expect((await api.put(`/v1/agent/join/${encodeURIComponent(given)}`)).statusCode).toBe(200);
  expect(api.port.commands).toEqual([{ type: 'join', addresses: [sent] }]);
});
