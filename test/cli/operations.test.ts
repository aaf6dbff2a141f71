/** Checks, maintenance, the log, events, keys, and removing a member. */

import { expect, test } from 'vitest';
import { skein } from './fake-io.ts';
import { healthy, unreachable } from './fixtures.ts';

function check(node: string, id: string, status: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { Node: node, CheckID: id, Name: id, Status: status, Output: '', ServiceID: '', ServiceName: '', Notes: '', ...more };
}

const allChecks = {
  'GET /v1/health/state/any': {
    json: [
      check('birch', 'serfHealth', 'passing'),
      check('alder', 'service:orders-1', 'warning', { ServiceID: 'orders-1', ServiceName: 'orders', Output: 'slow\nvery' }),
      check('alder', 'disk', 'paused'),
      check('alder', '_node_maintenance', 'critical', { Notes: 'new disk' }),
    ],
  },
};

test('checks are listed worst first, a status of another version before all, notes where there is no output', async () => {
  const { out, exitCode } = await skein(['checks'], { replies: allChecks });
  expect(exitCode).toBe(0);
  expect(
    out
      .trimEnd()
      .split('\n')
      .map((line) => line.replaceAll(/ {2,}/g, '|')),
  ).toEqual([
    'STATUS|CHECK|NODE|INSTANCE|SERVICE|OUTPUT',
    'paused|disk|alder|-|-|-',
    'critical|_node_maintenance|alder|-|-|new disk',
    'warning|service:orders-1|alder|orders-1|orders|slow very',
    'passing|serfHealth|birch|-|-|-',
  ]);
});

test('checks --status keeps one status, and no such check is no failure', async () => {
  const { out } = await skein(['checks', '--status', 'warning', '--json'], { replies: allChecks });
  expect(JSON.parse(out)).toEqual([
    {
      id: 'service:orders-1',
      name: 'service:orders-1',
      status: 'warning',
      output: 'slow\nvery',
      node: 'alder',
      service: 'orders',
      serviceId: 'orders-1',
      notes: '',
    },
  ]);
  const none = await skein(['checks', '--status', 'critical'], { replies: { 'GET /v1/health/state/any': { json: [] } } });
  expect(none).toMatchObject({ exitCode: 0, out: 'no check is critical\n' });
});

test('checks of a service include those of its nodes, each once', async () => {
  const json = [healthy, healthy, unreachable].map((entry) => {
    const { Node, Checks } = entry as { Node: { Node: string }; Checks: Record<string, unknown>[] };
    return { Checks: Checks.map((each) => ({ ...each, Node: Node.Node })) };
  });
  const { out } = await skein(['checks', 'orders', '--json'], { replies: { 'GET /v1/health/service/orders': { json } } });
  expect(JSON.parse(out).map(({ node, id }: Record<string, string>) => `${node} ${id}`)).toEqual([
    'birch serfHealth',
    'alder serfHealth',
    'alder service:orders-1',
    'birch service:orders-2',
  ]);
});

test('checks of a service that nobody registered are a failure, of an unknown status wrong usage', async () => {
  const unknown = await skein(['checks', 'nope'], { replies: { 'GET /v1/health/service/nope': { json: [] } } });
  expect(unknown.exitCode).toBe(1);
  expect(unknown.err).toContain('skein services');
  const status = await skein(['checks', '--status', 'broken']);
  expect(status.exitCode).toBe(2);
  expect(status.err).toContain('passing, warning, critical');
});

test.each([
  [['on'], '/v1/agent/maintenance?enable=true', 'this node is in maintenance now\n'],
  [['on', '--reason', 'new disk'], '/v1/agent/maintenance?enable=true&reason=new+disk', 'this node is in maintenance now\n'],
  [['on', 'a/b'], '/v1/agent/service/maintenance/a%2Fb?enable=true', 'a/b is in maintenance now\n'],
  [['off'], '/v1/agent/maintenance?enable=false', 'this node is not in maintenance any more\n'],
  [['off', 'web-1'], '/v1/agent/service/maintenance/web-1?enable=false', 'web-1 is not in maintenance any more\n'],
])('maint %j is PUT %s', async (args, path, said) => {
  const { exitCode, out, requests } = await skein(['maint', ...args], { replies: { [`PUT ${path}`]: {} } });
  expect({ exitCode, out }).toEqual({ exitCode: 0, out: said });
  expect(requests).toEqual([{ method: 'PUT', url: `http://127.0.0.1:8500${path}`, body: undefined }]);
});

test('maint alone lists what is in maintenance, and its options and those of on are told apart', async () => {
  const replies = {
    'GET /v1/agent/checks': {
      json: {
        serfHealth: check('alder', 'serfHealth', 'passing'),
        '_service_maintenance:web-1': check('alder', '_service_maintenance:web-1', 'critical', {
          ServiceName: 'web',
          Notes: 'upgrade',
        }),
        _node_maintenance: check('alder', '_node_maintenance', 'critical', { Notes: 'new disk' }),
      },
    },
    'PUT /v1/agent/maintenance?enable=true': {},
  };
  const { out } = await skein(['maint'], { replies });
  expect(
    out
      .trimEnd()
      .split('\n')
      .map((line) => line.replaceAll(/ {2,}/g, '|')),
  ).toEqual(['WHAT|ID|SERVICE|REASON', 'node|alder|-|new disk', 'instance|web-1|web|upgrade']);
  expect(JSON.parse((await skein(['maint', '--json'], { replies })).out)[1]).toEqual({
    scope: 'instance',
    id: 'web-1',
    service: 'web',
    reason: 'upgrade',
  });
  const on = await skein(['maint', 'on', '--json'], { replies });
  expect(JSON.parse(on.out)).toEqual({ maintenance: true, instance: null, reason: '' });
  const none = await skein(['maint'], { replies: { 'GET /v1/agent/checks': { json: {} } } });
  expect(none).toMatchObject({ exitCode: 0, out: 'nothing is in maintenance on this agent\n' });
});

const log = 'GET /v1/agent/monitor?loglevel=info';

test('the log is shown line by line however it is cut into pieces, and Ctrl-C ends it well', async () => {
  const chunks = ['2026-01-01T00:00:00.000Z [INFO] re', 'ady\n2026-01-01T00:00:01.000Z [WARN] n\u00c3', '\u00bc: a=1\n'];
  const { exitCode, out, err } = await skein(['monitor'], { replies: { [log]: { chunks, after: 'interrupt' } } });
  expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' });
  expect(out).toBe('2026-01-01T00:00:00.000Z [INFO] ready\n2026-01-01T00:00:01.000Z [WARN] nü: a=1\n');
});

test('the level of a line of the log is coloured on a terminal, and no line drives it', async () => {
  const chunks = ['2026-01-01T00:00:00.000Z [WARN] x\u001b[2Jy\n'];
  const { out } = await skein(['monitor'], { replies: { [log]: { chunks, after: 'interrupt' } }, isTerminal: true });
  expect(out).toBe('\u001b[2m2026-01-01T00:00:00.000Z\u001b[22m \u001b[33m[WARN]\u001b[39m x [2Jy\n');
});

test('monitor --json prints the lines as the agent wrote them', async () => {
  const line = '{"level":"debug","msg":"x"}\n';
  const replies = { 'GET /v1/agent/monitor?loglevel=debug&logjson=': { chunks: [line], after: 'interrupt' } } as const;
  expect((await skein(['monitor', '--json', '--log-level', 'debug'], { replies })).out).toBe(line);
});

test.each([
  ['ends', 'end'],
  ['is cut off', new TypeError('terminated')],
] as const)('a log that %s is a failure that says so', async (_how, after) => {
  const { exitCode, err } = await skein(['monitor'], { replies: { [log]: { chunks: ['a\n'], after } } });
  expect(exitCode).toBe(1);
  expect(err).toContain('ended its log');
});

test('a level of the log that there is not is wrong usage', async () => {
  const { exitCode, err, requests } = await skein(['monitor', '--log-level', 'loud']);
  expect({ exitCode, requests }).toEqual({ exitCode: 2, requests: [] });
  expect(err).toContain('trace, debug, info, warn, error');
});

const fired = { ID: 'e.1', Name: 'deploy', Payload: 'djQy', NodeFilter: '', ServiceFilter: 'orders', TagFilter: '', LTime: 3 };

test('an event is sent with its payload as it is and its filters', async () => {
  const path = '/v1/event/fire/deploy?service=%5Eorders%24&tag=v1';
  const { out, requests } = await skein(['event', 'deploy', 'v42', '--service', '^orders$', '--tag', 'v1'], {
    replies: { [`PUT ${path}`]: { json: fired } },
  });
  expect(out).toBe('sent deploy, id e.1\n');
  expect(requests).toEqual([{ method: 'PUT', url: `http://127.0.0.1:8500${path}`, body: 'v42' }]);
  const piped = await skein(['event', 'deploy', '-'], {
    replies: { 'PUT /v1/event/fire/deploy': { json: fired } },
    files: { '-': 'from a pipe' },
  });
  expect(piped.requests[0]?.body).toBe('from a pipe');
});

test('events are listed with their payloads as text, and can be watched', async () => {
  const one = { index: 4, json: [fired] };
  const { out } = await skein(['events', 'deploy', '--json'], { replies: { 'GET /v1/event/list?name=deploy': one } });
  expect(JSON.parse(out)).toEqual([{ name: 'deploy', id: 'e.1', payload: 'v42', node: '', service: 'orders', tag: '' }]);
  const watched = await skein(['events', '--watch'], { replies: { 'GET /v1/event/list': [one, 'interrupt'] } });
  expect(watched.out).toMatch(/deploy +v42 +- +orders +- +e\.1\n$/);
  const none = await skein(['events'], { replies: { 'GET /v1/event/list': { json: [] } } });
  expect(none).toMatchObject({ exitCode: 0, out: expect.stringContaining('skein event NAME') });
});

const entry = { Key: 'a/b', Value: Buffer.from('x\n').toString('base64'), Flags: 7, CreateIndex: 3, ModifyIndex: 5 };

test('kv get prints the value byte for byte, kv get --json what is known about it', async () => {
  const replies = { 'GET /v1/kv/a%2Fb': { json: [entry] } };
  expect((await skein(['kv', 'get', 'a/b'], { replies })).out).toBe('x\n');
  expect(JSON.parse((await skein(['kv', 'get', 'a/b', '--json'], { replies })).out)).toEqual({
    key: 'a/b',
    value: 'x\n',
    valueBase64: 'eAo=',
    flags: 7,
    createIndex: 3,
    modifyIndex: 5,
  });
});

test('a key that there is not is a failure for get, and an empty list for list', async () => {
  const get = await skein(['kv', 'get', 'nope'], { replies: { 'GET /v1/kv/nope': { status: 404 } } });
  expect(get.exitCode).toBe(1);
  expect(get.err).toContain('there is no key "nope"');
  const list = await skein(['kv', 'list', '--json'], { replies: { 'GET /v1/kv/?keys': { status: 404 } } });
  expect(list).toMatchObject({ exitCode: 0, out: '[]\n' });
});

test('an agent without keys is told apart from a key that there is not', async () => {
  const text = 'Invalid URL path: /v1/kv/nope does not exist';
  const { err } = await skein(['kv', 'get', 'nope'], { replies: { 'GET /v1/kv/nope': { status: 404, text } } });
  expect(err).toContain(text);
});

test('a value is put as text, from a file or from standard input, and --cas guards it', async () => {
  const world = {
    replies: { 'PUT /v1/kv/k': { json: true }, 'PUT /v1/kv/k?cas=5': { json: false } },
    files: { 'v.txt': 'from a file', '-': 'from a pipe' },
  };
  const bodies = ['plain', '@v.txt', '-'].map(async (value) => (await skein(['kv', 'put', 'k', value], world)).requests[0]?.body);
  expect(await Promise.all(bodies)).toEqual(['plain', 'from a file', 'from a pipe']);
  const lost = await skein(['kv', 'put', 'k', 'v', '--cas', '5'], world);
  expect(lost.exitCode).toBe(1);
  expect(lost.err).toContain('not as it was at index 5');
  expect((await skein(['kv', 'put', 'k', '@none'], world)).exitCode).toBe(2);
  expect((await skein(['kv', 'put', 'k', 'v', '--cas', 'x'], world)).exitCode).toBe(2);
});

test('keys are deleted one by one or all below, and listed', async () => {
  const replies = {
    'DELETE /v1/kv/a': { json: true },
    'DELETE /v1/kv/a%2F?recurse': { json: true },
    'GET /v1/kv/a%2F?keys': { json: ['a/b', 'a/c'] },
  };
  expect((await skein(['kv', 'delete', 'a'], { replies })).out).toBe('deleted a\n');
  expect((await skein(['kv', 'delete', 'a/', '--recurse'], { replies })).exitCode).toBe(0);
  expect((await skein(['kv', 'list', 'a/'], { replies })).out).toBe('a/b\na/c\n');
});

test('force-leave removes by name, and shows why the agent refuses', async () => {
  const done = await skein(['force-leave', 'birch'], { replies: { 'PUT /v1/agent/force-leave/birch': {} } });
  expect(done).toMatchObject({ exitCode: 0, out: expect.stringContaining('removed birch') });
  const refusal = await skein(['force-leave', 'oak'], {
    replies: { 'PUT /v1/agent/force-leave/oak': { status: 404, text: 'No node found' } },
  });
  expect(refusal.exitCode).toBe(1);
  expect(refusal.err).toContain('No node found');
});
