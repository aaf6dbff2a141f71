import { expect, test } from 'vitest';
import { skein } from './fake-io.ts';

const register = { 'PUT /v1/agent/service/register': {} };
const putRoute = { 'PUT /v1/mesh/config/route/orders': {}, 'PUT /v1/mesh/config/route/billing': {} };

test.each([
  ['YAML', 'name: orders\nport: 9001\n'],
  ['JSON', '{"name":"orders","port":9001}'],
  ["Consul's service wrapper", '{"service":{"name":"orders","port":9001}}'],
  ["Consul's services wrapper", 'services: [{name: orders, port: 9001}]'],
])('a registration in %s is sent as it is written', async (_name, text) => {
  const { exitCode, out, requests } = await skein(['service', 'register', 'orders.yaml'], {
    replies: register,
    files: { 'orders.yaml': text },
  });
  expect(exitCode).toBe(0);
  expect(out).toBe('registered orders\n');
  expect(requests.map(({ body }) => body)).toEqual([{ name: 'orders', port: 9001 }]);
});

test('several documents from standard input are registered in order, and JSON lists their ids', async () => {
  const { out, requests } = await skein(['service', 'register', '-', '--json'], {
    replies: register,
    files: { '-': '---\nName: orders\nID: o1\n---\nName: orders\nId: o2\n---\n' },
  });
  expect(JSON.parse(out)).toEqual({ registered: ['o1', 'o2'] });
  expect(requests).toHaveLength(2);
});

test.each([
  ['a file that is not there', undefined, 'cannot read x.yaml'],
  ['an empty file', '', 'holds no document'],
  ['broken YAML', 'a: [', 'neither YAML nor JSON'],
  ['a duplicate key', 'name: a\nname: b\n', 'the key "name" is there twice'],
  ['an alias within what it stands for', 'services: &a [*a, *a]\n', 'stands for what it is in'],
  ['plain text', 'hello', 'x.yaml is not an object'],
  ['a second document without a name', 'name: a\n---\nport: 1\n', 'x.yaml, document 2 has no "name"'],
  ['a list inside services that holds text', 'services: [a]', 'x.yaml, services[0] is not an object'],
  ['an unknown YAML tag', 'name: !boom a', 'neither YAML nor JSON'],
  ['an alias bomb', `a: &a [${'x,'.repeat(20)}]\nb: &b [${'*a,'.repeat(20)}]\nc: [${'*b,'.repeat(20)}]\n`, 'x.yaml'],
])('%s registers nothing and is wrong usage', async (_name, text, message) => {
  const { exitCode, err, requests } = await skein(['service', 'register', 'x.yaml'], {
    replies: register,
    ...(text === undefined ? {} : { files: { 'x.yaml': text } }),
  });
  expect(exitCode).toBe(2);
  expect(err).toContain(message);
  expect(requests).toEqual([]);
});

test('a refused registration shows the words of the agent and which step failed', async () => {
  const { exitCode, err } = await skein(['service', 'register', 'x.yaml'], {
    replies: { 'PUT /v1/agent/service/register': { status: 400, text: 'unknown key "prot"' } },
    files: { 'x.yaml': 'name: a\nprot: 1' },
  });
  expect(exitCode).toBe(1);
  expect(err).toContain('answered 400 to PUT /v1/agent/service/register: unknown key "prot"');
});

test('ids and addresses are escaped in paths', async () => {
  const { requests } = await skein(['service', 'deregister', 'a/b c'], {
    replies: { 'PUT /v1/agent/service/deregister/a%2Fb%20c': {} },
  });
  expect(requests[0]?.url).toBe('http://127.0.0.1:8500/v1/agent/service/deregister/a%2Fb%20c');
  const joined = await skein(['join', '10.0.0.7:7946', '/ip4/10.0.0.8/tcp/7946'], {
    replies: { 'PUT /v1/agent/join/10.0.0.7%3A7946': {}, 'PUT /v1/agent/join/%2Fip4%2F10.0.0.8%2Ftcp%2F7946': {} },
  });
  expect(joined.exitCode).toBe(0);
  expect(joined.requests).toHaveLength(2);
});

test('leave tells which agent has left', async () => {
  const { out } = await skein(['leave', '--http-addr', ':8501', '--json'], { replies: { 'PUT /v1/agent/leave': {} } });
  expect(JSON.parse(out)).toEqual({ left: 'http://127.0.0.1:8501' });
});

const routeText = 'kind: route\nname: orders\nhostnames: [shop.example]\nrules:\n  - backendRefs: [{ name: orders }]\n';

test('config apply sends everything but kind and name as the value', async () => {
  const { out, requests } = await skein(['config', 'apply', 'r.yaml'], { replies: putRoute, files: { 'r.yaml': routeText } });
  expect(out).toBe('applied route/orders\n');
  expect(requests[0]?.body).toEqual({ hostnames: ['shop.example'], rules: [{ backendRefs: [{ name: 'orders' }] }] });
});

test('config apply sends nothing when any document lacks its kind or name', async () => {
  const { exitCode, err, requests } = await skein(['config', 'apply', 'r.yaml'], {
    replies: putRoute,
    files: { 'r.yaml': `${routeText}---\nkind: route\nrules: []\n` },
  });
  expect(exitCode).toBe(2);
  expect(err).toContain('r.yaml, document 2 has no "name"');
  expect(requests).toEqual([]);
});

test('what config get prints can be applied again', async () => {
  const value = { rules: [{ backendRefs: [{ name: 'orders', weight: 3 }] }] };
  const got = await skein(['config', 'get', 'route', 'orders'], {
    replies: { 'GET /v1/mesh/config/route/orders': { json: { kind: 'route', name: 'orders', value } } },
  });
  const { requests } = await skein(['config', 'apply', '-'], { replies: putRoute, files: { '-': got.out } });
  expect(requests[0]?.body).toEqual(value);
});

test('config list tells of conflicts and of versions that were refused', async () => {
  const entries = [
    { kind: 'route', name: 'a', conflicts: [{}, {}] },
    { kind: 'route', name: 'b', conflicts: [], shadowed: [], quarantined: { reason: 'rules: is missing' } },
  ];
  const { out } = await skein(['config', 'list', 'route'], { replies: { 'GET /v1/mesh/config/route': { json: entries } } });
  expect(out).toBe(
    'KIND   NAME  NOTE\nroute  a     2 concurrent versions\nroute  b     newer version refused: rules: is missing\n',
  );
});

test('config list tells of a match that another route has too', async () => {
  const shadowed = [0, 1].map((match) => ({ rule: 0, match, hostname: '', by: 'a' }));
  const entries = [
    { kind: 'route', name: 'a', shadowed: [] },
    { kind: 'route', name: 'b', shadowed },
  ];
  const { out } = await skein(['config', 'list'], { replies: { 'GET /v1/mesh/config': { json: entries } } });
  expect(out).toBe('KIND   NAME  NOTE\nroute  a     -\nroute  b     has a match of route/a too, which goes first\n');
});

test('config diff tells what would change of each entry, place by place, and writes nothing', async () => {
  const files = { 'r.yaml': `${routeText}---\nkind: route\nname: billing\nrules: []\n` };
  const changes = [
    { path: 'rules[0].backendRefs[0].name', before: 'orders', after: 'billing' },
    { path: 'hostnames', after: ['shop.example'] },
    { path: 'rules[1]', before: {} },
  ];
  const replies = {
    'PUT /v1/mesh/config/route/orders?dry-run': { json: { kind: 'route', name: 'orders', change: 'update', changes } },
    'PUT /v1/mesh/config/route/billing?dry-run': { json: { kind: 'route', name: 'billing', change: 'create', changes: [] } },
  };
  const { out } = await skein(['config', 'diff', 'r.yaml'], { replies, files });
  expect(out).toBe(
    'route/orders changes\n' +
      '  - rules[0].backendRefs[0].name: "orders"\n' +
      '  + rules[0].backendRefs[0].name: "billing"\n' +
      '  + hostnames: ["shop.example"]\n' +
      '  - rules[1]: {}\n' +
      'route/billing is new\n',
  );
  expect(JSON.parse((await skein(['config', 'diff', 'r.yaml', '--json'], { replies, files })).out)).toHaveLength(2);
});

test('config conflicts lists what is disputed, and says so when nothing is', async () => {
  const path = 'GET /v1/mesh/config?conflicts';
  const entries = [{ kind: 'route', name: 'a', conflicts: [{}] }];
  expect((await skein(['config', 'conflicts'], { replies: { [path]: { json: entries } } })).out).toContain(
    '1 concurrent version',
  );
  expect((await skein(['config', 'conflicts'], { replies: { [path]: { json: [] } } })).out).toBe('there are no conflicts\n');
});

test('config delete names what is gone; an unknown entry is a failure with the words of the agent', async () => {
  const { out } = await skein(['config', 'delete', 'route', 'orders'], {
    replies: { 'DELETE /v1/mesh/config/route/orders': {} },
  });
  expect(out).toBe('deleted route/orders\n');
  const unknown = await skein(['config', 'delete', 'route', 'nope']);
  expect(unknown.exitCode).toBe(1);
  expect(unknown.err).toContain('404');
});

test('a name with half a character is wrong usage, and nothing of its file is sent', async () => {
  const { exitCode, err, requests } = await skein(['config', 'apply', 'r.json'], {
    replies: putRoute,
    files: { 'r.json': '[{"kind":"route","name":"orders"},{"kind":"route","name":"a\\ud800b"}]' },
  });
  expect(exitCode).toBe(2);
  expect(err).toContain('"a\\ud800b" holds half a character');
  expect(requests).toEqual([]);
});
