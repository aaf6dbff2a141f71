/** The demo as users start it: real agents, real requests, a real kill. */

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { run } from '@skein/cli';
import { expect, onTestFinished, test } from 'vitest';

const bundle = fileURLToPath(new URL('../../packages/cli/dist/skein.js', import.meta.url));
const demoWithinMs = 90_000;

/** A directory for temporary files that must be empty again when the demo is over. */
function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'skein-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function startDemo(args: readonly string[], directory: string): ChildProcess {
  const child = spawn(process.execPath, [bundle, 'demo', ...args], {
    env: { ...process.env, TMPDIR: directory, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** The process ids of the agents of the demo that keeps its files in `directory`. */
function agentPids(directory: string): readonly number[] {
  return readdirSync(directory).flatMap((demo) =>
    readdirSync(join(directory, demo)).map((agent) => {
      const facts: unknown = JSON.parse(readFileSync(join(directory, demo, agent, 'agent.json'), 'utf8'));
      return (facts as { pid: number }).pid;
    }),
  );
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function eventually(what: string, isTrue: () => boolean, withinMs: number): Promise<void> {
  const endsAtMs = performance.now() + withinMs;
  while (!isTrue()) {
    if (performance.now() > endsAtMs) throw new Error(`waited ${withinMs} ms for ${what}`);
    await delay(50);
  }
}

test('demo --once: every step holds, and the summary is the last line', { timeout: demoWithinMs }, async () => {
  const directory = scratch();
  const child = startDemo(['--once'], directory);
  const [out, err, [code]] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'close')]);
  const summary = JSON.parse(out.trimEnd().split('\n').at(-1) ?? '');
  expect(summary.error).toBeUndefined();
  expect(summary.steps.filter((step: { ok: boolean }) => !step.ok)).toEqual([]);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(summary).toMatchObject({
    ok: true,
    members: ['agent-1', 'agent-2', 'agent-3'],
    instances: ['orders-1', 'orders-2', 'orders-3'],
    requests: { failed: 0 },
    kill: { agent: 'agent-3', instance: 'orders-3', signal: 'SIGKILL', failedRequests: 0 },
    restart: { agent: 'agent-3' },
  });
  const { perInstance, total, spread } = summary.requests;
  expect(Object.values<number>(perInstance).reduce((a, b) => a + b, 0)).toBe(total);
  expect(Math.min(...Object.values<number>(perInstance))).toBeGreaterThan(0);
  expect(spread.most).toBeLessThan(0.7);
  expect(summary.steps.map((step: { name: string }) => step.name)).toEqual([
    'agents started',
    'members see each other',
    'instances registered',
    'route applied',
    'every instance serves',
    'host killed',
    'host restarted',
    'no request failed',
  ]);
  expect(readdirSync(directory)).toEqual([]);
});

test(
  'on a terminal the demo redraws a table, stays up with lines to try, and ends clean',
  { timeout: demoWithinMs },
  async () => {
    const directory = scratch();
    const before = process.env['TMPDIR'];
    process.env['TMPDIR'] = directory;
    onTestFinished(() => {
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
    });
    let out = '';
    let pids: readonly number[] = [];
    const isDone = run(['demo'], {
      self: [process.execPath, bundle],
      env: { NO_COLOR: '1' },
      out: (chunk) => {
        out += chunk;
        if (pids.length > 0 || !out.includes('Ctrl-C ends it all.')) return;
        pids = agentPids(directory);
        process.emit('SIGHUP');
      },
      err: (chunk) => expect.unreachable(chunk),
      outIsTerminal: true,
      errIsTerminal: true,
      columns: () => 110,
      rows: () => 50,
      onResize: () => () => {},
      wallMs: () => Date.now(),
      sleep: async () => undefined,
      read: async () => '',
      readBytes: async () => new Uint8Array(0),
      write: async () => undefined,
      checkWritable: async () => undefined,
      keepOutput: () => {},
      simulations: { names: () => [], load: async () => undefined },
      onInterrupt: () => () => {},
      fetch: (url, init) => fetch(url, init),
    });
    expect(await isDone).toBe(0);
    // eslint-disable-next-line no-control-regex -- the sequence that moves the cursor up to draw again
    expect(out.match(/\u001b\[\d+A/g)?.length).toBeGreaterThan(20);
    expect(out).toMatch(/INSTANCE +AGENT +HEALTH +IN ROTATION +REQUESTS +SHARE +P50 +P99/);
    expect(out).toMatch(/orders-3 left rotation everywhere after \d/);
    expect(out).toMatch(/curl http:\/\/127\.0\.0\.1:\d+\/order\/1/);
    expect(out.endsWith('\u001b[?25h')).toBe(true);
    expect(pids).toHaveLength(3);
    expect(pids.filter(isRunning)).toEqual([]);
    expect(readdirSync(directory)).toEqual([]);
  },
);

test('a demo that is killed leaves no process behind', { timeout: demoWithinMs }, async () => {
  const directory = scratch();
  const child = startDemo([], directory);
  let out = '';
  child.stdout?.on('data', (chunk) => (out += String(chunk)));
  await eventually('the members', () => out.includes('members see each other'), 60_000);
  const pids = agentPids(directory);
  expect(pids.filter(isRunning)).toHaveLength(3);
  child.kill('SIGKILL');
  await eventually('the agents to end', () => !pids.some(isRunning), 15_000);
});
