/** Lists with `--watch`: on pipes, as JSON, on terminals, and while the agent is away. */

import { expect, test } from 'vitest';
import { refused, skein, type Reply } from './fake-io.ts';
import { healthy, members, unreachable } from './fixtures.ts';

const [birch, alder] = members;
const list = 'GET /v1/mesh/members';

function row(name: string, status: string): Record<string, unknown> {
  return { ...alder, name, status };
}

function watch(replies: readonly Reply[], args: readonly string[] = [], world = {}): ReturnType<typeof skein> {
  return skein(['members', '--watch', ...args], { replies: { [list]: replies }, ...world });
}

test('a list in a pipe is shown again on each change, below the time, until Ctrl-C', async () => {
  const { exitCode, out, err, requests } = await watch([
    { index: 5, json: [row('alder', 'alive')] },
    { index: 8, json: [row('alder', 'suspect')] },
    'interrupt',
  ]);
  expect(exitCode).toBe(0);
  expect(err).toBe('');
  expect(out.split('\n').map((line) => line.split(/ {2,}/).slice(0, 2).join(' '))).toEqual([
    '2026-01-01T00:00:00Z',
    'NAME STATUS',
    'alder alive',
    '2026-01-01T00:00:01Z',
    'NAME STATUS',
    'alder suspect',
    '',
  ]);
  expect(requests.map(({ url }) => url.replace('http://127.0.0.1:8500', ''))).toEqual([
    '/v1/mesh/members',
    '/v1/mesh/members?index=5&wait=60s',
    '/v1/mesh/members?index=8&wait=60s',
  ]);
});

test('with --json each state is one document on one line', async () => {
  const { out } = await watch(
    [{ index: 5, json: [row('alder', 'alive')] }, { index: 8, json: [row('alder', 'left')] }, 'interrupt'],
    ['--json'],
  );
  const documents = out.trimEnd().split('\n');
  expect(documents.map((line) => JSON.parse(line)[0].status)).toEqual(['alive', 'left']);
});

test('an answer without a change shows nothing, and an agent that never waits is not asked without a pause', async () => {
  const same = { index: 5, json: [row('alder', 'alive')] };
  const { out, sleptMs } = await watch([same, same, same, 'interrupt'], ['--json']);
  expect(out.trimEnd().split('\n')).toHaveLength(1);
  expect(sleptMs).toEqual([250, 250]);
});

test('an index beyond what a number holds is kept to the digit', async () => {
  const { requests } = await watch([{ index: '18446744073709551615', json: [] }, 'interrupt']);
  expect(requests.at(-1)?.url).toContain('index=18446744073709551615&');
});

test('an index that went back is taken over', async () => {
  const { requests } = await watch([{ index: 9, json: [] }, { index: 3, json: [] }, 'interrupt']);
  expect(requests.at(-1)?.url).toContain('index=3&');
});

test('an agent that restarts is asked again with ever longer pauses, told once each, and read afresh', async () => {
  const { exitCode, out, err, sleptMs, requests } = await watch(
    [
      { index: 500, json: [row('alder', 'alive')] },
      refused(),
      refused(),
      { status: 503, text: 'not ready' },
      { index: 7, json: [row('birch', 'alive')] },
      'interrupt',
    ],
    ['--json'],
  );
  expect(exitCode).toBe(0);
  expect(sleptMs).toEqual([500, 1000, 2000]);
  expect(err.trimEnd().split('\n')).toEqual([
    'skein: the agent at http://127.0.0.1:8500 cannot be reached (connect ECONNREFUSED 127.0.0.1:8500); trying again in 0.5 s',
    'skein: the agent at http://127.0.0.1:8500 cannot be reached (connect ECONNREFUSED 127.0.0.1:8500); trying again in 1 s',
    'skein: the agent at http://127.0.0.1:8500 answered 503 to GET /v1/mesh/members: not ready; trying again in 2 s',
    'skein: the agent at http://127.0.0.1:8500 answers again',
  ]);
  expect(
    out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)[0].name),
  ).toEqual(['alder', 'birch']);
  expect(requests.map(({ url }) => new URL(url).search)).toEqual(['', '?index=500&wait=60s', '', '', '', '?index=7&wait=60s']);
});

test('the pauses grow up to ten seconds', async () => {
  const away = Array.from({ length: 8 }, refused);
  const { sleptMs } = await watch([{ index: 5, json: [] }, ...away, { index: 6, json: [] }, 'interrupt']);
  expect(sleptMs).toEqual([500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000]);
});

test.each([
  ['that is not there at first', [refused()], 'cannot be reached'],
  [
    'that refuses',
    [
      { index: 5, json: [] },
      { status: 403, text: 'Permission denied' },
    ],
    'Permission denied',
  ],
  ['of another kind, without an index', [{ json: [] }], 'without an index'],
] as const)('an agent %s is a failure, not something to wait for', async (_what, replies, message) => {
  const { exitCode, err, sleptMs } = await watch(replies);
  expect(exitCode).toBe(1);
  expect(err).toContain(message);
  expect(sleptMs).toEqual([]);
});

test('a refusal because too many wait passes by itself', async () => {
  const { exitCode, sleptMs } = await watch([{ index: 5, json: [] }, { status: 429 }, { index: 5, json: [] }, 'interrupt']);
  expect({ exitCode, sleptMs }).toEqual({ exitCode: 0, sleptMs: [500] });
});

test('Ctrl-C before the first answer ends it as well as later', async () => {
  expect(await watch(['interrupt'])).toMatchObject({ exitCode: 0, out: '', err: '' });
});

test('Ctrl-C does not wait for what is asked after a change', async () => {
  const ran = await skein(['services', '--watch', '--json'], {
    replies: {
      'GET /v1/catalog/services': { index: 3, json: { orders: [] } },
      'GET /v1/health/state/any': { index: 4, json: [] },
      'GET /v1/health/service/orders': 'interrupt',
    },
  });
  expect(ran).toMatchObject({ exitCode: 0, out: '', err: '' });
});

test('services wait for names and for checks, keep the request that did not answer, and count again', async () => {
  const { out, requests } = await skein(['services', '--watch', '--json'], {
    replies: {
      'GET /v1/catalog/services': [{ index: 3, json: { orders: [] } }, 'hang'],
      'GET /v1/health/state/any': [{ index: 4, json: [] }, { index: 5, json: [] }, 'interrupt'],
      'GET /v1/health/service/orders': [{ json: [healthy] }, { json: [unreachable] }],
    },
  });
  expect(
    out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)[0].healthy),
  ).toEqual([1, 0]);
  expect(requests.filter(({ url }) => url.includes('/v1/catalog/services?index=3'))).toHaveLength(1);
});

test('services survive an agent that goes between telling of a change and being asked for it', async () => {
  const { exitCode, out, sleptMs } = await skein(['services', '--watch', '--json'], {
    replies: {
      'GET /v1/catalog/services': { index: 3, json: { orders: [] } },
      'GET /v1/health/state/any': [{ index: 4, json: [] }, { index: 5, json: [] }, { index: 6, json: [] }, 'interrupt'],
      'GET /v1/health/service/orders': [{ json: [healthy] }, refused(), { json: [unreachable] }],
    },
  });
  expect(exitCode).toBe(0);
  expect(sleptMs).toContain(500);
  expect(
    out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)[0].healthy),
  ).toEqual([1, 0]);
});

test('instances of a service that nobody registered yet are waited for', async () => {
  const { exitCode, out } = await skein(['instances', 'orders', '--watch'], {
    replies: { 'GET /v1/health/service/orders': [{ index: 1, json: [] }, { index: 2, json: [healthy] }, 'interrupt'] },
  });
  expect(exitCode).toBe(0);
  expect(out).toContain('no instance of service "orders" is known\n');
  expect(out).toMatch(/orders-1 +alder/);
});

/** A terminal that understands what a watch writes. */
class Terminal {
  readonly rows: string[] = [];
  normal = '';
  #row = 0;
  #column = 0;
  #isAlternate = false;

  write(text: string): void {
    // eslint-disable-next-line no-control-regex -- sequences begin with a control character
    for (const [piece, parameters = '', final = ''] of text.matchAll(/\u001b\[([?\d;]*)([A-Za-z])|[^]/gu)) {
      if (!piece.startsWith('\u001b')) this.#put(piece);
      else if (final === 'H') [this.#row, this.#column] = [Number(parameters.split(';')[0]) - 1, 0];
      else if (final === 'K') this.rows[this.#row] = (this.rows[this.#row] ?? '').slice(0, this.#column);
      else if (final === 'J') this.rows.length = 0;
      else if (parameters === '?1049') this.#isAlternate = final === 'h';
    }
  }

  #put(char: string): void {
    if (!this.#isAlternate) this.normal += char;
    else {
      const line = this.rows[this.#row] ?? '';
      this.rows[this.#row] = line.slice(0, this.#column).padEnd(this.#column) + char + line.slice(this.#column + 1);
      this.#column++;
    }
  }
}

const terminal = { isTerminal: true, env: { NO_COLOR: '1' } };

test('on a terminal only lines that changed are written again, and the last state stays when it ends', async () => {
  const screens: string[][] = [];
  const written: string[] = [];
  let seen = 0;
  const { out, exitCode } = await watch(
    [
      { index: 5, json: [row('alder', 'alive'), row('birch', 'alive')] },
      { index: 8, json: [row('alder', 'alive'), row('birch', 'failed')] },
      { index: 9, json: [row('alder', 'alive')] },
      'interrupt',
    ],
    [],
    {
      ...terminal,
      onRequest: (_request: unknown, soFar: { out: string }) => {
        const screen = new Terminal();
        screen.write(soFar.out);
        screens.push(screen.rows.map((line) => line.trimEnd()));
        written.push(soFar.out.slice(seen));
        seen = soFar.out.length;
      },
    },
  );
  expect(exitCode).toBe(0);
  expect(screens[1]?.[0]).toBe('skein members  2026-01-01T00:00:00Z  Ctrl-C ends');
  expect(screens[1]?.[2]).toMatch(/^NAME +STATUS/);
  expect(screens[2]?.slice(3).map((line) => line.split(/ +/).slice(0, 2))).toEqual([
    ['alder', 'alive'],
    ['birch', 'failed'],
  ]);
  expect(written[2]).toContain('birch');
  expect(screens[3]?.[4]).toBe('');
  const screen = new Terminal();
  screen.write(out);
  expect(screen.normal).toMatch(/^NAME +STATUS[^\n]*\nalder +alive[^\n]*\n$/);
  expect(out).toContain('\u001b[?25h');
});

test('a line that stays as it was is not written again', async () => {
  const written: string[] = [];
  const rows = (status: string): unknown[] => [{ ...birch, name: 'aaa', status: 'failed' }, row('bbb', status)];
  await watch([{ index: 5, json: rows('alive') }, { index: 8, json: rows('failed') }, 'interrupt'], [], {
    ...terminal,
    onRequest: (_request: unknown, soFar: { out: string }) => void written.push(soFar.out),
  });
  const change = (written[2] ?? '').slice(written[1]?.length);
  expect(change).toContain('bbb');
  expect(change).not.toContain('aaa');
});

test('what does not fit the terminal is left out and counted, and lines are cut', async () => {
  let screen = new Terminal();
  const json = Array.from({ length: 20 }, (_, at) => row(`node-${String(at).padStart(2, '0')}`, 'alive'));
  await watch([{ index: 5, json }, 'interrupt'], [], {
    ...terminal,
    rows: () => 10,
    columns: () => 20,
    onRequest: (_request: unknown, soFar: { out: string }) => {
      screen = new Terminal();
      screen.write(soFar.out);
    },
  });
  expect(screen.rows).toHaveLength(9);
  expect(screen.rows.every((line) => line.length <= 20)).toBe(true);
  expect(screen.rows.at(-1)).toBe('… 15 more lines');
});

test('a terminal that changes its size is drawn afresh', async () => {
  let resize = (): void => undefined;
  let columns = 100;
  let screen = new Terminal();
  await watch([{ index: 5, json: [row('alder', 'alive')] }, { index: 6, json: [row('alder', 'left')] }, 'interrupt'], [], {
    ...terminal,
    columns: () => columns,
    onResize: (changed: () => void) => (resize = changed),
    onRequest: (_request: unknown, soFar: { out: string }) => {
      screen = new Terminal();
      screen.write(soFar.out);
      columns = 13;
      resize();
    },
  });
  expect(screen.rows[0]).toBe('skein members');
  expect(screen.rows[3]?.trimEnd()).toBe('alder  left');
});

test('on a terminal the loss of the agent is said in the last row, and gone when it answers', async () => {
  const errors: string[] = [];
  const { err } = await watch(
    [{ index: 5, json: [row('alder', 'alive')] }, refused(), { index: 7, json: [row('alder', 'alive')] }, 'interrupt'],
    [],
    { ...terminal, onRequest: (_request: unknown, soFar: { err: string }) => void errors.push(soFar.err) },
  );
  expect(err).toBe('skein: the agent at http://127.0.0.1:8500 cannot be reached (connect ECONNREFUSED 127.0.0.1:8500); t');
  expect(errors.at(-1)).toBe(err);
});

test.each([
  ['NO_COLOR', { NO_COLOR: '1' }, false],
  ['nothing', {}, true],
])('colour in a watch with %s set', async (_name, env, isColoured) => {
  const { out } = await watch([{ index: 5, json: [row('alder', 'alive')] }, 'interrupt'], [], { isTerminal: true, env });
  expect(out.includes('\u001b[32m')).toBe(isColoured);
});

test('a dumb terminal gets one state after the other', async () => {
  const { out } = await watch([{ index: 5, json: [row('alder', 'alive')] }, 'interrupt'], [], {
    isTerminal: true,
    env: { TERM: 'dumb' },
  });
  expect(out).not.toContain('\u001b');
});
