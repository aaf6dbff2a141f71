import { expect, test, vi } from 'vitest';
import { refused, skein } from './fake-io.ts';

const list = 'GET /v1/mesh/members';

test('an agent that is not there is named with its address, and how to start one', async () => {
  const { exitCode, err, out } = await skein(['members'], { replies: { [list]: refused() } });
  expect(exitCode).toBe(1);
  expect(out).toBe('');
  expect(err).toContain('the agent at http://127.0.0.1:8500 cannot be reached (connect ECONNREFUSED 127.0.0.1:8500)');
  expect(err).toContain('skein agent --dev');
  expect(err).toContain('SKEIN_HTTP_ADDR');
});

test('a port that fetch refuses is told apart from an agent that is not there', async () => {
  const badPort: unknown = await fetch('http://127.0.0.1:1/').catch((error: unknown) => error);
  const { exitCode, err } = await skein(['members', '--http-addr', '127.0.0.1:1'], { replies: { [list]: badPort as Error } });
  expect(exitCode).toBe(1);
  expect(err).toContain('http://127.0.0.1:1 has a port that HTTP clients refuse');
  expect(err).toContain('--http HOST:PORT');
  expect(err).not.toContain('bad port');
});

test('an answer that begins and does not end is given up when its time is over', async () => {
  vi.useFakeTimers();
  const ran = skein(['members'], { replies: { [list]: { endless: true } } });
  await vi.advanceTimersByTimeAsync(10_000);
  vi.useRealTimers();
  const { exitCode, err } = await ran;
  expect(exitCode).toBe(1);
  expect(err).toContain('http://127.0.0.1:8500 did not answer within 10 s');
});

test('Ctrl-C ends a log that never begins, and one whose refusal never ends', async () => {
  for (const reply of ['hang', { status: 500, endless: true }] as const) {
    let interrupt = (): void => {};
    const ran = skein(['monitor'], {
      replies: { 'GET /v1/agent/monitor?loglevel=info': reply },
      onInterrupt: (stop) => (interrupt = stop),
      onRequest: () => setImmediate(() => interrupt()),
    });
    expect(await ran).toMatchObject({ exitCode: 0, out: '', err: '' });
  }
});

test('an agent that does not answer in time is named with its address', async () => {
  const timeout = Object.assign(new Error('The operation was aborted due to timeout'), { name: 'TimeoutError' });
  const { exitCode, err } = await skein(['members'], { replies: { [list]: timeout } });
  expect(exitCode).toBe(1);
  expect(err).toContain('http://127.0.0.1:8500 did not answer within 10 s');
});

test.each([
  [400, 'Invalid service name'],
  [403, 'Host not allowed'],
  [500, ''],
])('the body of a %i answer is shown', async (status, text) => {
  const { exitCode, err } = await skein(['members'], { replies: { [list]: { status, text } } });
  expect(exitCode).toBe(1);
  expect(err).toContain(`answered ${status} to ${list}${text === '' ? '\n' : `: ${text}`}`);
});

test('what an agent or a host in between says does not drive the terminal, and has an end', async () => {
  const text = `\u001b[31mred\u0007\u009b2J\nnext${'x'.repeat(100_000)}`;
  const { err } = await skein(['members'], { replies: { [list]: { status: 500, text } } });
  expect(err).toContain(`answered 500 to ${list}:  [31mred  2J\nnextxxx`);
  expect(err.length).toBeLessThan(2200);
});

test.each([[{}], [null], [[1]], [[[]]], ['text']])('%j is no list of an agent', async (json) => {
  const replies = Object.fromEntries(
    ['mesh/members', 'catalog/services', 'health/state/any', 'event/list', 'mesh/config/status'].map((path) => [
      `GET /v1/${path}`,
      { index: 5, json },
    ]),
  );
  for (const args of [
    ['members'],
    ['members', '--watch'],
    ['services', '--watch'],
    ['checks'],
    ['events'],
    ['config', 'status'],
    ['config', 'status', '--watch'],
  ]) {
    const { exitCode, out, err } = await skein(args, { replies });
    expect([args, exitCode, out]).toEqual([args, 1, '']);
    expect(err).toContain('with something else than an agent');
    expect(err).toContain('is that the HTTP address of a skein agent?');
  }
});

test('something that is not an agent is told apart from an agent', async () => {
  const { exitCode, err } = await skein(['members'], { replies: { [list]: { text: '<html>' } } });
  expect(exitCode).toBe(1);
  expect(err).toContain('something that is not JSON');
});

test.each([['members'], ['services'], ['checks']])(
  '%s of what answers with nothing is a failure that says so',
  async (command) => {
    const paths = ['/v1/mesh/members', '/v1/mesh/view', '/v1/health/state/any', '/v1/catalog/services'];
    const replies = Object.fromEntries(paths.map((path) => [`GET ${path}`, { status: 204, text: '' }]));
    const { exitCode, err, out } = await skein([command], { replies });
    expect([exitCode, out]).toEqual([1, '']);
    expect(err).toContain('with nothing');
    expect(err).toContain('is that the HTTP address of a skein agent?');
  },
);

test.each([
  [['--http-addr', '10.0.0.1:8600'], {}, 'http://10.0.0.1:8600'],
  [['--http-addr', ':8600'], {}, 'http://127.0.0.1:8600'],
  [['--http-addr', 'https://mesh.example'], {}, 'https://mesh.example'],
  [['--http-addr', '[::1]:8500'], {}, 'http://[::1]:8500'],
  [[], { SKEIN_HTTP_ADDR: '10.0.0.2:8500' }, 'http://10.0.0.2:8500'],
  [[], { SKEIN_HTTP_ADDR: '' }, 'http://127.0.0.1:8500'],
  [['--http-addr', '127.0.0.1:80'], { SKEIN_HTTP_ADDR: '10.0.0.2:8500' }, 'http://127.0.0.1'],
])('the agent asked with %j and %j is %s', async (args, env, base) => {
  const { requests } = await skein(['members', ...args], {
    replies: { [list]: { json: [] } },
    env,
  });
  expect(requests[0]?.url).toBe(`${base}/v1/mesh/members`);
});

test.each(['localhost', 'ftp://x:1', 'http://x:1/path', 'http://user@x:1', 'x:99999', 'a b:1', ''])(
  'the address %j is refused as wrong usage before anything is sent',
  async (address) => {
    const { exitCode, err, requests } = await skein(['members', '--http-addr', address]);
    expect(exitCode).toBe(2);
    expect(err).toContain(`--http-addr "${address}"`);
    expect(requests).toEqual([]);
  },
);
