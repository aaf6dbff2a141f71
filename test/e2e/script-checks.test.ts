/** Script checks with real programs: verdicts, output, and how they end. */

import { runScriptCheck } from '@skein/agent/parts';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from './agent-nodes.ts';
import { isRunning } from './check-stubs.ts';

const patience = (): AbortSignal => AbortSignal.timeout(10_000);
const shell = (script: string) => ({ type: 'script', args: ['sh', '-c', script] }) as const;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'skein-script-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** The process ids that a script wrote to a file, once there are so many. */
async function pidsIn(file: string, count: number): Promise<number[]> {
  let pids: number[] = [];
  await eventually('the script runs', () => {
    try {
      pids = readFileSync(file, 'utf8').trim().split('\n').map(Number);
    } catch {
      return false;
    }
    return pids.length === count;
  });
  return pids;
}

test.each([
  [0, 'passing'],
  [1, 'warning'],
  [2, 'critical'],
  [255, 'critical'],
])('exit code %i is %s, and the output is what the program wrote on either stream', async (code, status) => {
  const verdict = await runScriptCheck(shell(`echo disk; echo full >&2; exit ${code}`), patience());
  expect(verdict.status).toBe(status);
  expect(verdict.output.split('\n').toSorted()).toEqual(['', 'disk', 'full']);
});

test('arguments reach the program as they are, with no shell in between', async () => {
  const args = ['printf', '%s|', '$HOME', 'a b', ';', '*'];
  expect((await runScriptCheck({ type: 'script', args }, patience())).output).toBe('$HOME|a b|;|*|');
});

test('a program that does not exist, may not be run, or was ended by a signal is critical and says so', async () => {
  const missing = await runScriptCheck({ type: 'script', args: [join(dir, 'nothing')] }, patience());
  expect(missing).toMatchObject({ status: 'critical', output: expect.stringContaining('ENOENT') });
  expect(await runScriptCheck({ type: 'script', args: [dir] }, patience())).toMatchObject({ status: 'critical' });
  expect(await runScriptCheck({ type: 'script', args: ['x\0y'] }, patience())).toMatchObject({ status: 'critical' });
  expect(await runScriptCheck(shell('kill -9 $$'), patience())).toEqual({ status: 'critical', output: 'ended by SIGKILL\n' });
});

test('of long output the end is kept, with how much there was', async () => {
  const verdict = await runScriptCheck(shell('head -c 1000000 /dev/zero | tr "\\0" x; echo; echo the end'), patience());
  expect(verdict.status).toBe('passing');
  expect(verdict.output).toMatch(/^Captured 4032 of 1000009 bytes\n\.\.\.\nx+\nthe end\n$/);
  expect(verdict.output.length).toBeLessThanOrEqual(4096);
  const little = { timeoutMs: 10_000, outputLengthMax: 4 };
  expect((await runScriptCheck(shell('echo 123456'), patience(), little)).output).toBe('Captured 4 of 7 bytes\n...\n456\n');
});

test('a script has the environment of the agent but for its secret, and nothing to read', async () => {
  process.env['SKEIN_TOKEN'] = 'secret';
  process.env['CHECK_ME'] = 'kept';
  try {
    const verdict = await runScriptCheck(shell('echo "$CHECK_ME/$SKEIN_TOKEN"; cat'), patience());
    expect(verdict).toEqual({ status: 'passing', output: 'kept/\n' });
  } finally {
    delete process.env['SKEIN_TOKEN'];
    delete process.env['CHECK_ME'];
  }
});

test('at its timeout a script ends with all that it started, and its output so far is shown', async () => {
  const file = join(dir, 'pids');
  const controller = new AbortController();
  const script = shell(`echo began; sleep 300 & echo $! >> ${file}; echo $$ >> ${file}; trap "" TERM; wait; sleep 300`);
  const verdict = runScriptCheck(script, controller.signal, { timeoutMs: 5000, outputLengthMax: 4096 });
  const pids = await pidsIn(file, 2);
  expect(pids.map(isRunning)).toEqual([true, true]);
  controller.abort();
  expect(await verdict).toEqual({ status: 'critical', output: 'Timed out (5s) running check\n\nbegan\n' });
  await eventually('both are gone', () => !pids.some(isRunning));
});

test('what a script leaves running behind itself, with the pipe in hand, holds up no verdict and is ended', async () => {
  const file = join(dir, 'pids');
  const verdict = await runScriptCheck(shell(`sleep 300 & echo $! >> ${file}; echo left; exit 0`), patience());
  expect(verdict).toEqual({ status: 'passing', output: 'left\n' });
  const pids = await pidsIn(file, 1);
  await eventually('it is gone', () => !pids.some(isRunning));
});

test('a run that was ended before it began starts nothing', async () => {
  const verdict = await runScriptCheck(shell(`echo > ${join(dir, 'ran')}`), AbortSignal.abort());
  expect(verdict.status).toBe('critical');
  expect(() => readFileSync(join(dir, 'ran'))).toThrow('ENOENT');
});
