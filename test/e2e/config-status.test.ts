/** `config status` and `config history` of real agents: while a host hangs, after one was killed, and after a restart. */

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AgentProcess } from './agent-child.ts';
import { eventually } from './agent-nodes.ts';

const bundle = fileURLToPath(new URL('../../packages/cli/dist/skein.js', import.meta.url));

let dir: string;
let processes: AgentProcess[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'skein-config-'));
  processes = [];
});
afterEach(async () => {
  for (const process of processes) {
    process.kill('SIGKILL');
    await process.exit;
  }
  rmSync(dir, { recursive: true, force: true });
});

interface Host {
  readonly process: AgentProcess;
  readonly gossip: string;
  readonly http: string;
}

async function start(name: string, join_: string, gossip = '127.0.0.1:0'): Promise<Host> {
  const args = ['--name', name, '--data-dir', join(dir, name), '--bind', gossip];
  const process = new AgentProcess([...args, ...(join_ === '' ? [] : ['--join', join_])], {
    SKEIN_TOKEN: 'a-token-of-enough-length',
  });
  processes.push(process);
  return { process, ...(await process.ready()) };
}

async function get(host: Host, path: string): Promise<unknown> {
  return (await fetch(`http://${host.http}/v1/mesh/config/${path}`)).json();
}

async function write(host: Host, backend: string): Promise<void> {
  const body = JSON.stringify({ rules: [{ backendRefs: [{ name: backend }] }] });
  const answer = await fetch(`http://${host.http}/v1/mesh/config/route/shop`, { method: 'PUT', body });
  expect(answer.status).toBe(200);
}

interface Status {
  readonly applied: number;
  readonly of: number;
  readonly digest: string;
  readonly nodes: readonly { readonly name: string; readonly state: string }[];
}

function isStatus(host: Host, what: string, holds: (status: Status) => boolean): Promise<void> {
  return eventually(`${what}, as ${host.process.said('ready')?.['agent'] as string} sees it`, async () =>
    holds((await get(host, 'status')) as Status),
  );
}

const isComplete = ({ applied, of }: Status): boolean => applied === 3 && of === 3;

function backends(rows: unknown): string[] {
  const versions = rows as { state: string; value: { rules: { backendRefs: { name: string }[] }[] } | null }[];
  return versions.map(({ state, value }) => `${state} ${value?.rules[0]?.backendRefs[0]?.name ?? 'deleted'}`);
}

function skein(...args: readonly string[]): Promise<{ code: number; out: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [bundle, ...args], (error, out) => resolve({ code: Number(error?.code ?? 0), out }));
  });
}

test('an agent knows where its config arrived and where not, and what it was before, over hangs, kills and restarts', async () => {
  const a = await start('a', '');
  const b = await start('b', a.gossip);
  const c = await start('c', a.gossip);
  await isStatus(a, 'all are there', isComplete);
  await write(a, 'one');
  for (const host of [a, b, c])
    await isStatus(host, 'the route is everywhere', (status) => isComplete(status) && status.digest !== 'none');
  const { digest } = (await get(c, 'status')) as Status;
  expect(await skein('config', 'status', '--http-addr', a.http)).toEqual({
    code: 0,
    out: `3 of 3 nodes: 1 entry in force, digest ${digest}\n`,
  });

  c.process.kill('SIGSTOP');
  await write(b, 'two');
  await isStatus(a, 'c is out of reach, and b has it', ({ applied, nodes }) => {
    const [only, ...more] = nodes;
    return applied === 2 && only?.name === 'c' && only.state === 'unreachable' && more.length === 0;
  });
  const partial = await skein('config', 'status', '--http-addr', a.http);
  expect(partial.code).toBe(1);
  expect(partial.out).toMatch(/^2 of 3 nodes: .*\nNODE .*\nc +unreachable /);
  c.process.kill('SIGCONT');
  for (const host of [a, b, c]) await isStatus(host, 'c has it too', isComplete);

  b.process.kill('SIGKILL');
  await b.process.exit;
  await fetch(`http://${c.http}/v1/mesh/config/route/shop`, { method: 'DELETE' });
  await isStatus(a, 'b is out of reach', ({ applied, digest: now }) => applied === 2 && now === 'none');
  const again = await start('b', a.gossip, b.gossip);
  for (const host of [a, again, c]) await isStatus(host, 'the route is gone everywhere', isComplete);
  for (const host of [a, again, c])
    expect(backends(await get(host, 'route/shop?history'))).toEqual(['current deleted', 'superseded two', 'superseded one']);
}, 90_000);
