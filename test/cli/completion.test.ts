/** What Tab offers, asked the way the scripts of the shells ask. */

import { array, assert, asyncProperty, constantFrom, oneof, string } from 'fast-check';
import { expect, test } from 'vitest';
import { refused, skein, type World } from './fake-io.ts';
import { members } from './fixtures.ts';

const replies = {
  'GET /v1/catalog/services': { json: { orders: ['v1'], 'order-log': [], billing: [] } },
  'GET /v1/mesh/members': { json: members },
  'GET /v1/agent/services': { json: { 'orders-1': { Service: 'orders' }, 'web-1': { Service: 'web' } } },
  'GET /v1/mesh/config/route': { json: [{ kind: 'route', name: 'orders' }] },
  'GET /v1/kv/?keys&separator=%2F': { json: ['limits/', 'motd'] },
  'GET /v1/kv/limits%2F?keys&separator=%2F': { json: ['limits/orders'] },
};

/** The values offered for these words, the last one under the cursor; `:files` where files fit. */
async function offered(words: readonly string[], world: World = { replies }): Promise<readonly string[]> {
  const { out, err, exitCode } = await skein(['complete', 'zsh', '--', ...words], world);
  expect({ err, exitCode }).toEqual({ err: '', exitCode: 0 });
  return out
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('\t')[0] ?? '');
}

test.each([
  [['mem'], ['members']],
  [['ma'], ['maint']],
  [
    ['maint', ''],
    ['on', 'off'],
  ],
  [
    ['maint', 'on', ''],
    ['orders-1', 'web-1'],
  ],
  [['service', 'de'], ['deregister']],
  [['service', 'deregister', 'w'], ['web-1']],
  [['service', 'register', ''], [':files']],
  [
    ['instances', 'order'],
    ['orders', 'order-log'],
  ],
  [['instances', 'orders', ''], []],
  [['instances', '--json', 'b'], ['billing']],
  [['instances', '--http-addr', '127.0.0.1:8500', 'b'], ['billing']],
  [
    ['force-leave', ''],
    ['birch', 'alder'],
  ],
  [
    ['checks', '--status', ''],
    ['passing', 'warning', 'critical'],
  ],
  [['checks', '--status=c'], ['--status=critical']],
  [['checks', '--sta'], ['--status']],
  [['checks', '--', '--sta'], []],
  [['agent', '--profile', 'w'], ['wan']],
  [['agent', '--log-level', 'si'], ['silent']],
  [
    ['agent', '--log-format', ''],
    ['pretty', 'json'],
  ],
  [['agent', '--config', ''], [':files']],
  [['agent', '--data-dir', './x'], [':files']],
  [['agent', '--name', ''], []],
  [['monitor', '--log-level', 'd'], ['debug']],
  [['config', 'get', ''], ['route']],
  [['config', 'get', 'route', ''], ['orders']],
  [
    ['kv', 'get', ''],
    ['limits/', 'motd'],
  ],
  [['kv', 'get', 'limits/o'], ['limits/orders']],
  [
    ['completion', ''],
    ['bash', 'zsh', 'fish'],
  ],
  [['join', ''], []],
  [['nonsense', ''], []],
  [['constructor', ''], []],
])('after %j comes %j', async (words, values) => {
  expect(await offered(words)).toEqual(values);
});

test('commands and options are offered with what they do, hidden ones not', async () => {
  const { out } = await skein(['complete', 'fish', '--', '']);
  expect(out).toMatch(/^members\twho is in the mesh/m);
  expect(out).not.toMatch(/^(?:complete|demo-orders)\t/m);
  const options = await skein(['complete', 'fish', '--', 'agent', '-']);
  expect(options.out).toMatch(/^--join\t/m);
  expect(options.out).toMatch(/^--help\t/m);
  expect(options.out).not.toContain('while-stdin');
});

test('simulations are offered by name, or as files', async () => {
  expect(await offered(['sim', 'sp'], { simulations: { 'split-and-heal': {}, gossip: {} } })).toEqual([
    'split-and-heal',
    ':files',
  ]);
});

test('the agent that the line names is asked, before the one of the environment', async () => {
  const env = { SKEIN_HTTP_ADDR: '10.0.0.1:8500' };
  for (const words of [['--http-addr', '10.0.0.2:8500'], ['--http-addr=10.0.0.2:8500']]) {
    const { requests } = await skein(['complete', 'zsh', '--', 'instances', ...words, ''], { replies, env });
    expect(requests.map(({ url }) => url)).toEqual(['http://10.0.0.2:8500/v1/catalog/services']);
  }
});

test.each([
  ['is away', refused()],
  ['refuses', { status: 403, text: 'Permission denied' }],
  ['is none', { text: '<html>' }],
  ['is odd', { json: [1, null, 'x'] }],
])('an agent that %s adds nothing, without a word', async (_what, reply) => {
  const world = { replies: { 'GET /v1/catalog/services': reply } };
  expect(await offered(['instances', ''], world)).toEqual([]);
  expect(await offered(['instances', '--j'], world)).toEqual(['--json']);
});

test('an address that is none adds nothing either', async () => {
  expect(await offered(['instances', '--http-addr', 'http://x/y', ''])).toEqual([]);
});

test('names that a shell would take for more than a word are not offered', async () => {
  const names = ['$(reboot)', '`x`', 'a b', "a'b", 'a;b', '-rf', '~root', '=ls', 'a\nb', 'a\tb', '*', 'a&b', 'fine.name-1', ''];
  const json = Object.fromEntries(names.map((name) => [name, []]));
  expect(await offered(['instances', ''], { replies: { 'GET /v1/catalog/services': { json } } })).toEqual(['fine.name-1']);
});

/** As bash asks: with the line up to the cursor. */
async function inBash(line: string): Promise<readonly string[]> {
  const { out } = await skein(['complete', 'bash', '--', line], { replies });
  return out
    .split('\n')
    .slice(0, -1)
    .map((each) => each.split('\t')[0] ?? '');
}

test.each([
  ['skein mem', ['members']],
  ['skein  instances   b', ['billing']],
  ['skein instances "ord', ['orders', 'order-log']],
  ["skein instances 'ord", ['orders', 'order-log']],
  ['skein instances o\\rder-', ['order-log']],
  ['skein instances --http-addr 127.0.0.1:8500 b', ['billing']],
  ['skein instances "a b" ', []],
])('the line %j of bash offers %j', async (line, values) => {
  expect(await inBash(line)).toEqual(values);
});

test('no line, however odd, makes completion fail', async () => {
  const piece = oneof(
    constantFrom('skein', 'sim', 'config', 'get', 'kv', '--', '--http-addr', '--status=', '-', '"', "'", '\\', ' ', '=', ':'),
    string({ maxLength: 6 }),
  );
  await assert(
    asyncProperty(array(piece, { maxLength: 12 }), async (pieces) => {
      for (const words of [
        ['bash', '--', pieces.join('')],
        ['zsh', '--', ...pieces, ''],
      ]) {
        const { exitCode, err } = await skein(['complete', ...words], { replies });
        expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' });
      }
    }),
    { numRuns: 200 },
  );
});

test('each shell has a script, another one is wrong usage', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { exitCode, out } = await skein(['completion', shell]);
    expect(exitCode).toBe(0);
    expect(out).toContain(`skein complete ${shell} -- `);
  }
  const { exitCode, err } = await skein(['completion', 'csh']);
  expect(exitCode).toBe(2);
  expect(err).toContain('bash, zsh, fish');
});
