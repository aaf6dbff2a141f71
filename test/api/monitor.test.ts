/** The log of the agent over HTTP. */

import { expect, test } from 'vitest';
import { FakeAgent, settle, setup } from './fake-agent.ts';

function line(level: string, msg: string, fields: Record<string, unknown> = {}): string {
  return JSON.stringify({ level, time: '2026-01-01T00:00:00.000Z', agent: 'alpha', ...fields, msg });
}

/** Reads the log while `during` runs; resolves with what came. */
async function monitored(query: string, during: (log: (text: string) => void) => void): Promise<string> {
  const agent = new FakeAgent();
  const http = setup({ agent });
  const answer = http.get(`/v1/agent/monitor${query}`);
  await settle();
  during((text) => {
    for (const { take } of agent.followers) take(text);
  });
  await settle();
  await http.api.close();
  const { statusCode, body, headers } = await answer;
  expect(statusCode).toBe(200);
  expect(headers['content-type']).toContain('text/plain');
  expect(agent.followers.size).toBe(0);
  return body;
}

test('lines come as text, a line each, with their fields and without the name of the agent', async () => {
  const body = await monitored('', (log) => {
    log(line('info', 'ready'));
    log(line('warn', 'two\nlines', { id: 'a', reason: 'not "here"', count: 2, empty: '' }));
  });
  expect(body).toBe(
    '2026-01-01T00:00:00.000Z [INFO] ready\n' +
      '2026-01-01T00:00:00.000Z [WARN] two lines: id=a reason="not \\"here\\"" count=2 empty=""\n',
  );
});

test('with logjson they come as they are logged', async () => {
  const text = line('debug', 'x');
  expect(await monitored('?logjson&loglevel=debug', (log) => log(text))).toBe(`${text}\n`);
});

test.each([
  ['', 'info'],
  ['?loglevel=trace', 'trace'],
  ['?loglevel=WARN', 'warn'],
  ['?loglevel=err', 'error'],
])('the query %j follows the log from %s up', async (query, level) => {
  const agent = new FakeAgent();
  const http = setup({ agent });
  const answer = http.get(`/v1/agent/monitor${query}`);
  await settle();
  expect([...agent.followers].map((follower) => follower.level)).toEqual([level]);
  await http.api.close();
  await answer;
});

test('a level that there is not is refused in the words of Consul', async () => {
  const answer = await setup().get('/v1/agent/monitor?loglevel=loud');
  expect(answer.statusCode).toBe(400);
  expect(answer.body).toContain('Unknown log level: loud');
});

test('a reader that is too slow loses lines and is told how many, and nothing else waits for it', async () => {
  const body = await monitored('?logjson', (log) => {
    for (let at = 0; at < 1000; at++) log(line('info', String(at)));
  });
  const lines = body
    .trimEnd()
    .split('\n')
    .map((text) => JSON.parse(text));
  const lost = lines.at(-1).lost;
  expect(lines.slice(0, -1).map(({ msg }) => msg)).toEqual(Array.from({ length: 1000 - lost }, (_, at) => String(at)));
  expect(lost).toBeGreaterThan(0);
});

test('a reader too many is refused until another one goes', async () => {
  const agent = new FakeAgent();
  const http = setup({ agent });
  const answers = Array.from({ length: 16 }, () => http.get('/v1/agent/monitor'));
  await settle();
  expect((await http.get('/v1/agent/monitor')).statusCode).toBe(429);
  await http.api.close();
  await Promise.all(answers);
  expect(agent.followers.size).toBe(0);
});
