/** The agent as a process: signals, exit codes, kill -9. */

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AgentProcess } from './agent-child.ts';
import { eventually } from './agent-nodes.ts';

const token = 'a-token-of-enough-length';

let dir: string;
let processes: AgentProcess[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'skein-process-'));
  processes = [];
});
afterEach(async () => {
  for (const process of processes) {
    process.kill('SIGKILL');
    await process.exit;
  }
  rmSync(dir, { recursive: true, force: true });
});

function agent(name: string, args: readonly string[] = [], env: Record<string, string> = {}): AgentProcess {
  const started = new AgentProcess(['--name', name, '--data-dir', join(dir, name), ...args], { SKEIN_TOKEN: token, ...env });
  processes.push(started);
  return started;
}

test('SIGTERM leaves the mesh and ends with 0, and the others remember it as left', async () => {
  const a = agent('a');
  const { gossip, http } = await a.ready();
  const b = agent('b', ['--join', gossip]);
  await b.ready();
  const statusOfB = async (): Promise<string | undefined> => {
    const members = (await (await fetch(`http://${http}/v1/mesh/members`)).json()) as { name: string; status: string }[];
    return members.find((member) => member.name === 'b')?.status;
  };
  await eventually('b is alive', async () => (await statusOfB()) === 'alive');
  b.kill('SIGTERM');
  expect(await b.exit).toEqual({ code: 0, signal: null });
  expect(b.said('left the mesh')).toBeDefined();
  await eventually('b has left', async () => (await statusOfB()) === 'left');
});

test('a second signal stops at once, and says so by its exit code', async () => {
  const a = agent('a');
  const { gossip } = await a.ready();
  const b = agent('b', ['--join', gossip, '--profile', 'wan']);
  await eventually('b is in sync', () => b.said('in sync with the mesh') !== undefined);
  b.kill('SIGINT');
  await eventually('b leaves', () => b.said('leaving the mesh') !== undefined);
  b.kill('SIGTERM');
  expect(await b.exit).toEqual({ code: 1, signal: null });
  expect(b.said('left the mesh')).toBeUndefined();
});

test('kill -9 right after a write was answered loses nothing: same identity, next epoch, the service is there', async () => {
  const before = agent('a');
  const { http } = await before.ready();
  const body = JSON.stringify({ Name: 'orders', Port: 7, Tags: ['t'] });
  const answer = await fetch(`http://${http}/v1/agent/service/register`, { method: 'PUT', body });
  before.kill('SIGKILL');
  expect(answer.status).toBe(200);
  await before.exit;
  const after = agent('a');
  const services = await (await fetch(`http://${(await after.ready()).http}/v1/agent/services`)).json();
  expect(services).toMatchObject({ orders: { Port: 7, Tags: ['t'] } });
  expect(after.said('ready')?.['id']).toBe(before.said('ready')?.['id']);
  expect([before, after].map((process) => process.said('ready')?.['epoch'])).toEqual([1, 2]);
});

test('SIGHUP applies what can change, names what waits for a restart, and survives a broken file', async () => {
  const file = join(dir, 'agent.yaml');
  writeFileSync(file, 'tags: {rack: "1"}\n');
  const a = agent('a', ['--config', file]);
  await a.ready();
  writeFileSync(file, 'tags: {rack: "2"}\nzone: east\n');
  a.kill('SIGHUP');
  await eventually('reloaded', () => a.said('settings reloaded') !== undefined);
  expect(a.said('settings reloaded')).toMatchObject({ applied: ['tags'], needRestart: ['zone'] });
  writeFileSync(file, 'tags: [');
  a.kill('SIGHUP');
  await eventually('refused', () => a.said('settings were not reloaded: the ones before stay') !== undefined);
  a.kill('SIGTERM');
  expect((await a.exit).code).toBe(0);
});

test('SIGHUP during the start ends nothing, and reloads once the agent runs', async () => {
  const file = join(dir, 'agent.yaml');
  writeFileSync(file, 'tags: {rack: "1"}\n');
  const a = agent('a', ['--config', file]);
  // The lock is taken early in a start.
  await eventually('the start', () => existsSync(join(dir, 'a', 'lock')));
  writeFileSync(file, 'tags: {rack: "2"}\n');
  a.kill('SIGHUP');
  await a.ready();
  await eventually('reloaded', () => a.said('settings reloaded') !== undefined);
  a.kill('SIGTERM');
  expect((await a.exit).code).toBe(0);
});

test('an agent outlives the reader of its log', async () => {
  const a = agent('a');
  const { http } = await a.ready();
  a.stopReading();
  for (let n = 0; n < 3; n++) a.kill('SIGHUP');
  await eventually('lines were dropped', async () =>
    /^skein_log_lines_dropped_total [1-9]/m.test(await (await fetch(`http://${http}/metrics`)).text()),
  );
  a.kill('SIGTERM');
  expect(await a.exit).toEqual({ code: 0, signal: null });
});

test('the token is in no log line and no message', async () => {
  const a = agent('a', ['--log-level', 'trace']);
  const { gossip } = await a.ready();
  const b = agent('b', ['--join', gossip, '--log-level', 'trace'], { SKEIN_TOKEN: `${token}-other` });
  await eventually('the refusal', () => JSON.stringify(a.log).includes('wrong-token'));
  for (const process of [a, b]) process.kill('SIGTERM');
  await Promise.all([a.exit, b.exit]);
  expect(JSON.stringify([a.log, b.log, a.errors, b.errors])).not.toContain(token);
});

test('what keeps an agent from starting is one message and an exit code: 2 for settings, 1 for the rest', async () => {
  const a = agent('a');
  const { http } = await a.ready();
  const taken = agent('c', ['--http', http]);
  expect((await taken.exit).code).toBe(1);
  expect(taken.errors).toMatch(new RegExp(`--http ${http} is in use`));
  const locked = agent('a');
  expect((await locked.exit).code).toBe(1);
  expect(locked.errors).toContain('--data-dir');
  const open = agent('d', ['--bind', '0.0.0.0:0'], { SKEIN_TOKEN: '' });
  expect((await open.exit).code).toBe(2);
  expect(open.errors).toContain('skein token create');
  for (const process of [taken, locked, open]) expect(process.errors).not.toMatch(/\n\s+at /);
});
