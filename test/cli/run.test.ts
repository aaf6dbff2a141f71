import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { skein } from './fake-io.ts';

test('--version prints the version of the package and nothing else', async () => {
  const manifest = JSON.parse(readFileSync(new URL('../../packages/cli/package.json', import.meta.url), 'utf8'));
  expect(await skein(['--version'])).toMatchObject({ exitCode: 0, out: `${manifest.version}\n`, err: '' });
});

test.each([
  [[], 'Usage: skein'],
  [['nonsense'], "unknown command 'nonsense'"],
  [['member'], 'Did you mean members?'],
  [['members', '--nope'], "unknown option '--nope'"],
  [['members', 'extra'], 'too many arguments'],
  [['instances'], "missing required argument 'service'"],
  [['service'], 'Usage: skein service'],
  [['config', 'apply'], "missing required argument 'file'"],
  [['agent', '--bind'], 'argument missing'],
  [['agent', '--dev', '--tag', 'a'], 'tag "a" is not KEY=VALUE'],
  [['agent', '--dev', '--tag', '=a'], 'tag "=a" is not KEY=VALUE'],
])('%j is wrong usage: exit code 2, told on standard error', async (args, message) => {
  const { exitCode, err, out } = await skein(args);
  expect(exitCode).toBe(2);
  expect(err).toContain(message);
  expect(out).toBe('');
});

const commands = [
  ['agent'],
  ['demo'],
  ['members'],
  ['services'],
  ['instances'],
  ['resolve'],
  ['service', 'register'],
  ['service', 'deregister'],
  ['join'],
  ['leave'],
  ['config', 'apply'],
  ['config', 'get'],
  ['config', 'list'],
  ['config', 'conflicts'],
  ['config', 'diff'],
  ['config', 'delete'],
  ['checks'],
  ['maint'],
  ['maint', 'on'],
  ['maint', 'off'],
  ['monitor'],
  ['event'],
  ['events'],
  ['force-leave'],
  ['kv', 'get'],
  ['kv', 'put'],
  ['kv', 'delete'],
  ['kv', 'list'],
  ['completion'],
  ['token', 'create'],
  ['sim'],
];

test.each(commands.map((words) => [words.join(' ')]))(
  'the help of "%s" has examples and goes to standard output',
  async (words) => {
    const { exitCode, out, err } = await skein([...words.split(' '), '--help']);
    expect(exitCode).toBe(0);
    expect(err).toBe('');
    expect(out).toContain(`Examples:\n  `);
    expect(out).toContain(`skein ${words}`);
  },
);

test('what users should not need is not in the help', async () => {
  const { out } = await skein(['--help']);
  expect(out).not.toContain('demo-orders');
  expect(out).not.toMatch(/^ +complete /m);
  expect((await skein(['agent', '--help'])).out).not.toContain('while-stdin');
});

test('every token is new and has 256 bits', async () => {
  const made = await Promise.all([skein(['token', 'create']), skein(['token', 'create', '--json'])]);
  const tokens = [made[0].out.trim(), JSON.parse(made[1].out).token];
  expect(new Set(tokens).size).toBe(2);
  for (const token of tokens) expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
});

test.each([
  [['--bind', 'nonsense'], '--bind'],
  [['--profile', 'fast'], '--profile'],
  [['--token', 'short', '--dev'], '--token'],
  [['--config', '/nonexistent/skein.yaml'], '/nonexistent/skein.yaml'],
  [['--bind', '0.0.0.0:0'], 'skein token create'],
])('an agent started with %j is wrong usage that names the offender', async (flags, message) => {
  const { exitCode, err } = await skein(['agent', ...flags]);
  expect(exitCode).toBe(2);
  expect(err).toContain(message);
});
