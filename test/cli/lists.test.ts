import { expect, test } from 'vitest';
import { skein } from './fake-io.ts';
import { alder, birch, healthy, instance, members, unreachable } from './fixtures.ts';

const membersReply = { 'GET /v1/mesh/members': { json: members } };

test('members are listed by name with who accuses them, columns aligned', async () => {
  const { out, exitCode } = await skein(['members'], { replies: membersReply });
  expect(exitCode).toBe(0);
  expect(out).toBe(
    [
      'NAME   STATUS   REACHABLE  ADDRESS        EPOCH  ZONE     ID        ACCUSERS',
      'alder  alive    yes        10.0.0.1:7946  1/0    -        AAAA1111  -',
      'birch  suspect  no         10.0.0.2:7946  3/7    north/b  BBBB2222  alder',
      '',
    ].join('\n'),
  );
});

test('members --json has one stable shape, whole ids included', async () => {
  const { out } = await skein(['members', '--json'], { replies: membersReply });
  expect(JSON.parse(out)[1]).toEqual({
    name: 'birch',
    id: birch,
    status: 'suspect',
    reachable: false,
    verified: true,
    address: '10.0.0.2:7946',
    epoch: 3,
    incarnation: 7,
    region: 'north',
    zone: 'b',
    tags: { rack: '7' },
    accusers: [alder],
  });
});

test('a member that nobody has talked to yet is told apart from one that answers', async () => {
  const { out } = await skein(['members'], {
    replies: { 'GET /v1/mesh/members': { json: [{ ...members[1], verified: false }] } },
  });
  expect(out).toContain('alder  alive   unverified  10.0.0.1:7946');
});

test('services count the instances that pass on a node that answers', async () => {
  const replies = {
    'GET /v1/catalog/services': { json: { orders: ['v1', 'v2'], billing: [] } },
    'GET /v1/health/service/orders': { json: [healthy, unreachable] },
    'GET /v1/health/service/billing': { json: [] },
  };
  const { out } = await skein(['services'], { replies });
  expect(out).toBe('NAME     HEALTHY  TAGS\nbilling  0/0      -\norders   1/2      v1,v2\n');
  const json = await skein(['services', '--json'], { replies });
  expect(JSON.parse(json.out)).toEqual([
    { name: 'billing', instances: 0, healthy: 0, tags: [] },
    { name: 'orders', instances: 2, healthy: 1, tags: ['v1', 'v2'] },
  ]);
});

test('a mesh without services says how to register one, and is an empty list in JSON', async () => {
  const replies = { 'GET /v1/catalog/services': { json: {} } };
  expect((await skein(['services'], { replies })).out).toContain('skein service register FILE');
  expect((await skein(['services', '--json'], { replies })).out).toBe('[]\n');
});

test('an instance on an unreachable node is not routable, whatever its own check says', async () => {
  const { out } = await skein(['instances', 'orders'], {
    replies: { 'GET /v1/health/service/orders': { json: [unreachable, healthy] } },
  });
  expect(out.split('\n').map((line) => line.replaceAll(/ {2,}/g, '|'))).toEqual([
    'ID|NODE|ADDRESS|STATUS|ROUTABLE|ZONE|CHECKS',
    'orders-1|alder|10.0.0.1:9001|passing|yes|b|service:orders-1 passing (HTTP GET http://127.0.0.1:9001/health: 200 OK)',
    'orders-2|birch|10.0.0.1:9001|critical|no|b|serfHealth critical (Agent not live or unreachable); service:orders-2 passing',
    '',
  ]);
});

test('a check status that this command does not know never looks healthy', async () => {
  const replies = { 'GET /v1/health/service/orders': { json: [instance('orders-1', 'alder', [['c', 'paused', '']])] } };
  const [row] = JSON.parse((await skein(['instances', 'orders', '--json'], { replies })).out);
  expect(row.status).toBe('paused');
  expect(row.routable).toBe(false);
});

test('instances of a service that nobody registered are a failure that names the next step', async () => {
  const { exitCode, err, out } = await skein(['instances', 'a/b'], { replies: { 'GET /v1/health/service/a%2Fb': { json: [] } } });
  expect(exitCode).toBe(1);
  expect(out).toBe('');
  expect(err).toContain('no instance of service "a/b" is known to the agent at http://127.0.0.1:8500');
  expect(err).toContain('skein services');
});

test('names from other hosts cannot send control sequences to the terminal', async () => {
  const evil = [{ ...members[0], name: 'x\u001b[2J\u0007\ny' }];
  const { out } = await skein(['members'], { replies: { 'GET /v1/mesh/members': { json: evil } } });
  expect(out).toContain('x [2J y');
  // eslint-disable-next-line no-control-regex -- the characters that must not be there
  expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
});

test('fields that are missing or of another type do not break a list', async () => {
  const { out, exitCode } = await skein(['members', '--json'], {
    replies: { 'GET /v1/mesh/members': { json: [{ name: 7, accusers: 'x', tags: [1] }, 'nonsense', null] } },
  });
  expect(exitCode).toBe(0);
  expect(JSON.parse(out)).toHaveLength(1);
  expect(JSON.parse(out)[0]).toMatchObject({ name: '', accusers: [], tags: {} });
});

const colour = '\u001b[';

test.each([
  ['a pipe', {}, false, false],
  ['a terminal', {}, true, true],
  ['a terminal with NO_COLOR', { NO_COLOR: '1' }, true, false],
  ['a terminal with an empty NO_COLOR', { NO_COLOR: '' }, true, true],
  ['a dumb terminal', { TERM: 'dumb' }, true, false],
  ['a pipe with FORCE_COLOR', { FORCE_COLOR: '1' }, false, true],
  ['a terminal with FORCE_COLOR=0', { FORCE_COLOR: '0' }, true, false],
  ['NO_COLOR against FORCE_COLOR', { NO_COLOR: '1', FORCE_COLOR: '1' }, true, false],
])('colour on %s', async (_name, env, isTerminal, expected) => {
  const { out } = await skein(['members'], { replies: membersReply, env, isTerminal });
  expect(out.includes(colour)).toBe(expected);
});

test('JSON is never coloured', async () => {
  const { out } = await skein(['members', '--json'], { replies: membersReply, env: { FORCE_COLOR: '1' }, isTerminal: true });
  expect(out).not.toContain(colour);
});

test('a service whose name holds half a character does not hide the others', async () => {
  const { exitCode, out } = await skein(['services'], {
    replies: {
      'GET /v1/catalog/services': { json: { orders: [], 'a\ud800': [] } },
      'GET /v1/health/service/orders': { json: [healthy] },
      'GET /v1/health/service/a%EF%BF%BD': { json: [] },
    },
  });
  expect(exitCode).toBe(0);
  expect(out).toMatch(/orders +1\/1/);
});

test('members that share a name are marked; one that left shares none', async () => {
  const [birchRow, alderRow] = members;
  const json = [
    { ...alderRow, name: 'web' },
    { ...birchRow, name: 'web' },
    { ...birchRow, name: 'db', id: 'id-3' },
    { ...birchRow, name: 'db', id: 'id-4', status: 'left' },
  ];
  const { out } = await skein(['members'], { replies: { 'GET /v1/mesh/members': { json } } });
  expect(out.match(/^web \(shared\) /gm)).toHaveLength(2);
  expect(out.match(/^db {2,}/gm)).toHaveLength(2);
});
