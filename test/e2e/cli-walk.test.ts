/**
 * The walk that the README describes, block by block as it is written there; only the ports, the data directories and
 * the way the command is started are replaced, so that it can run beside anything else.
 */

import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const ports = [7946, 7947, 8500, 8501, 8080, 8081, 8600, 8601, 9001];
const stepWithinMs = 20_000;

/** The shell blocks of the section "By hand", with free ports, and the environment to run them in. */
async function readBlocks(): Promise<{ readonly blocks: readonly string[]; readonly env: NodeJS.ProcessEnv }> {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const from = readme.indexOf('## By hand');
  const section = readme.slice(from, readme.indexOf('\n## ', from));
  const free = await freePorts(ports.length);
  const text = section
    .replaceAll('npx skein', `'${process.execPath}' '${join(root, 'packages/cli/bin/skein.js')}'`)
    .replaceAll(/(?<=:|listen\()\d{4}\b|(?<="Port": )\d{4}/g, (port) => String(free[ports.indexOf(Number(port))]));
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('SKEIN_'));
  return {
    blocks: [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => match[1] ?? ''),
    // Where commands find the first agent when its port is not the default.
    env: { ...Object.fromEntries(own), SKEIN_HTTP_ADDR: `127.0.0.1:${free[ports.indexOf(8500)]}` },
  };
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const found = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return found;
}

interface Terminal {
  readonly process: ChildProcess;
  readonly output: () => string;
}

interface Place {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Runs a block that stays in the foreground. Its whole process group ends with the test. */
function open(block: string, place: Place): Terminal {
  const child = spawn('bash', ['-c', block], { ...place, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  onTestFinished(() => {
    try {
      process.kill(-(child.pid ?? 0), 'SIGKILL');
    } catch {
      // It has ended already.
    }
  });
  return { process: child, output: () => output };
}

/** Runs a block to its end; resolves with what it printed. */
function type(block: string, place: Place): Promise<string> {
  return new Promise((resolve) => {
    execFile('bash', ['-c', block], { ...place, timeout: stepWithinMs }, (_error, out, err) => resolve(out + err));
  });
}

/** People look again when a screen does not show yet what they wait for; so does this. */
async function sees(what: RegExp, look: () => Promise<string> | string): Promise<void> {
  const endsAtMs = performance.now() + stepWithinMs;
  for (;;) {
    const text = await look();
    if (what.test(text)) return;
    if (performance.now() > endsAtMs) throw new Error(`waited ${stepWithinMs} ms for ${what}; last seen:\n${text}`);
    await delay(200);
  }
}

test('the walk in the README works as it is written', { timeout: 120_000 }, async () => {
  const cwd = mkdtempSync(join(tmpdir(), 'skein-walk-'));
  onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
  const { blocks, env } = await readBlocks();
  const place = { cwd, env };
  const [
    build = '',
    first = '',
    second = '',
    register = '',
    look = '',
    route = '',
    kill = '',
    restart = '',
    leave = '',
    ...more
  ] = blocks;
  expect(more).toEqual([]);
  expect(build.split('\n')[0]).toBe('npm install && npm run build');
  expect(await type(build.split('\n').slice(1).join('\n'), place)).toBe('');

  const alder = open(first, place);
  await sees(/ready/, alder.output);
  const birch = open(second, place);
  await sees(/ready/, birch.output);

  const service = open(`${register}wait`, place);
  await sees(/alder +alive +yes[^]*birch +alive +yes[^]*orders-1 +birch +\S+ +passing +yes[^]*hello from orders/, () =>
    type(look, place),
  );
  await sees(/hello from orders/, () => type(route, place));

  expect(await type(kill, place)).toContain('NAME');
  const withoutKill = kill.split('\n').slice(1).join('\n');
  await sees(/birch +(suspect|failed) +no[^]*orders-1 +birch +\S+ +critical +no[^]*503/, () => type(withoutKill, place));

  const again = open(restart, place);
  await sees(/ready/, again.output);
  const [request = '', bye = '', members = ''] = leave.split('\n');
  await sees(/hello from orders/, () => type(request, place));
  expect(await type(bye, place)).toContain('has left the mesh');
  await once(again.process, 'close');
  await sees(/birch +left/, () => type(members, place));
  expect(service.output()).not.toContain('Request decode failed');
});

test('what changes is followed: lists, the log and events, over a restart of the agent', { timeout: 120_000 }, async () => {
  const cwd = mkdtempSync(join(tmpdir(), 'skein-walk-'));
  onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
  const [gossip = 0, http = 0, dns = 0] = await freePorts(3);
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('SKEIN_'));
  const env = { ...Object.fromEntries(own), SKEIN_HTTP_ADDR: `127.0.0.1:${http}`, SKEIN_DNS: `127.0.0.1:${dns}` };
  const place = { cwd, env };
  const skein = `'${process.execPath}' '${join(root, 'packages/cli/bin/skein.js')}'`;
  const start = `exec ${skein} agent --name alder --data-dir data --bind 127.0.0.1:${gossip} --http 127.0.0.1:${http} --proxy 127.0.0.1:0`;

  const first = open(start, place);
  await sees(/ready/, first.output);
  const watches = {
    members: open(`exec ${skein} members --watch --json`, place),
    services: open(`exec ${skein} services --watch`, place),
    instances: open(`exec ${skein} instances orders --watch`, place),
    checks: open(`exec ${skein} checks orders --watch`, place),
    events: open(`exec ${skein} events --watch`, place),
  };
  const log = open(`exec ${skein} monitor --log-level debug`, place);
  await sees(/^\[\{.*"name":"alder".*\}\]\n/, watches.members.output);
  await sees(/no services are registered/, watches.services.output);
  await sees(/no instance of service "orders" is known/, watches.instances.output);
  await sees(/no such event yet/, watches.events.output);

  const registration = JSON.stringify({ name: 'orders', id: 'orders-1', port: 9, check: { ttl: '1h', status: 'passing' } });
  await type(`echo '${registration}' | ${skein} service register -`, place);
  await sees(/orders +1\/1/, watches.services.output);
  await sees(/orders-1 +alder +\S+ +passing +yes/, watches.instances.output);
  await sees(/passing +service:orders-1 +alder +orders-1 +orders/, watches.checks.output);
  await sees(/\[DEBUG\] registration-changed/, log.output);
  expect(await type(`${skein} maint on orders-1 --reason disk; ${skein} maint`, place)).toMatch(
    /instance +orders-1 +orders +disk/,
  );
  await sees(/critical +_service_maintenance:orders-1 +alder +orders-1 +orders +disk/, watches.checks.output);
  expect(await type(`${skein} maint off orders-1; ${skein} maint`, place)).toContain('nothing is in maintenance');
  await type(`${skein} event deploy v42`, place);
  await sees(/deploy +v42/, watches.events.output);

  process.kill(first.process.pid ?? 0, 'SIGKILL');
  await once(log.process, 'close');
  expect(log.process.exitCode).toBe(1);
  expect(log.output()).toContain('ended its log');
  await sees(/trying again in/, watches.services.output);
  const second = open(start, place);
  await sees(/ready/, second.output);
  for (const { output } of Object.values(watches)) await sees(/answers again/, output);
  await type(`${skein} service deregister orders-1`, place);
  await sees(/answers again[^]*no instance of service "orders" is known/, watches.instances.output);

  for (const [name, { process: watch, output }] of Object.entries(watches)) {
    watch.kill('SIGINT');
    if (watch.exitCode === null) await once(watch, 'close');
    expect(watch.exitCode, `${name}: ${output()}`).toBe(0);
  }
});
