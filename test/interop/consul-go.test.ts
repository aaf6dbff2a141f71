/**
 * HashiCorp's own Go client against two real agents: it registers a service with one and finds it through the
 * other. The program is in `consul-go/`; it is built here, which needs Go and, the first time, the network.
 */

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';

const run = promisify(execFile);
const skein = fileURLToPath(new URL('../../packages/cli/dist/skein.js', import.meta.url));
const program = fileURLToPath(new URL('consul-go/', import.meta.url));
const token = 'a-token-for-interop-tests';
const buildTimeoutMs = 240_000;
const readyTimeoutMs = 20_000;

interface Listeners {
  readonly gossip: string;
  readonly http: string;
}

/** Starts an agent and resolves with its listeners once it says that it is ready. */
async function startAgent(name: string, directory: string, seed: string | undefined): Promise<Listeners> {
  const any = '127.0.0.1:0';
  const identity = ['--name', name, '--mesh', 'interop', '--token', token, '--data-dir', join(directory, name)];
  const listeners = ['--bind', any, '--http', any, '--proxy', any, '--dns', any];
  const joining = seed === undefined ? [] : ['--join', seed];
  const child = spawn(
    process.execPath,
    [skein, 'agent', ...identity, ...listeners, ...joining, '--profile', 'local', '--log-format', 'json'],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'close');
  });
  const tail: string[] = [];
  return new Promise((resolve, reject) => {
    const fail = (what: string): void => reject(new Error(`${name} ${what}:\n${tail.join('\n')}`));
    const timer = setTimeout(() => fail('was not ready in time'), readyTimeoutMs);
    child.once('close', (code) => {
      clearTimeout(timer);
      fail(`ended with ${code}`);
    });
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        tail.push(line);
        if (tail.length > 20) tail.shift();
        const entry = line.startsWith('{') ? (JSON.parse(line) as { msg?: string; listeners?: Listeners }) : {};
        if (entry.msg !== 'ready' || entry.listeners === undefined) return;
        clearTimeout(timer);
        resolve(entry.listeners);
      });
    }
  });
}

/** Waits, with blocking queries, until an agent believes that `count` members can be sent traffic. */
async function untilMembers(http: string, count: number): Promise<void> {
  for (let index = '0'; ;) {
    const answer = await fetch(`http://${http}/v1/mesh/members?index=${index}&wait=10s`, { signal: AbortSignal.timeout(15_000) });
    const members = (await answer.json()) as { status: string; reachable: boolean; verified: boolean }[];
    const usable = members.filter(({ status, reachable, verified }) => status === 'alive' && reachable && verified);
    if (usable.length === count) return;
    index = answer.headers.get('x-consul-index') ?? '0';
  }
}

/** Why the program cannot be built here; undefined once its modules are at hand. */
async function missing(): Promise<string | undefined> {
  try {
    await run('go', ['version']);
  } catch {
    return 'Go is not installed: apt-get install golang-go, or https://go.dev/dl';
  }
  try {
    await run('go', ['mod', 'download'], { cwd: program, timeout: buildTimeoutMs });
    return undefined;
  } catch (error) {
    return `the modules of the Go program cannot be fetched: ${error instanceof Error ? error.message.slice(0, 500) : 'unknown'}`;
  }
}

test(
  "Consul's Go client registers with one agent and finds the service through another",
  { timeout: 420_000 },
  async ({ skip }) => {
    const reason = await missing();
    if (reason !== undefined && process.env['SKEIN_REQUIRE_INTEROP'] === '1') throw new Error(reason);
    skip(reason !== undefined, reason);
    expect(existsSync(skein), `${skein} is missing: npm run build`).toBe(true);

    const directory = mkdtempSync(join(tmpdir(), 'skein-consul-go-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const binary = join(directory, 'consul-go');
    await run('go', ['build', '-o', binary, '.'], { cwd: program, timeout: buildTimeoutMs });

    const first = await startAgent('first', directory, undefined);
    const second = await startAgent('second', directory, first.gossip);
    await Promise.all([untilMembers(first.http, 2), untilMembers(second.http, 2)]);

    const { stdout } = await run(binary, [first.http, second.http], { timeout: 60_000 });
    expect(stdout).toContain('OK Health().Service() through the other agent\n');
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('OK deregistered, and gone from the other agent');
  },
);
