/** Service files and checks with a real agent: a directory that is edited, kill -9, restarts, programs that hang. */

import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AgentProcess } from './agent-child.ts';
import { eventually } from './agent-nodes.ts';
import { certificate, isRunning, Stubs } from './check-stubs.ts';

let dir: string;
let services: string;
let agents: AgentProcess[];
const stubs = new Stubs();

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'skein-files-'));
  services = join(dir, 'services.d');
  mkdirSync(services);
  agents = [];
});
afterEach(async () => {
  for (const agent of agents) {
    agent.kill('SIGKILL');
    await agent.exit;
  }
  stubs.close();
  rmSync(dir, { recursive: true, force: true });
});

interface Running {
  readonly agent: AgentProcess;
  readonly url: string;
}

async function start(args: readonly string[] = [], env: Record<string, string> = {}): Promise<Running> {
  const agent = new AgentProcess(['--name', 'a', '--data-dir', join(dir, 'data'), '--services', services, ...args], env);
  agents.push(agent);
  const { http } = await agent.ready();
  return { agent, url: `http://${http}` };
}

function write(name: string, text: string | object): void {
  writeFileSync(join(services, name), typeof text === 'string' ? text : JSON.stringify(text));
}

async function get<T>({ url }: Running, path: string): Promise<T> {
  return (await (await fetch(`${url}${path}`)).json()) as T;
}

async function put({ url }: Running, path: string, body?: object): Promise<number> {
  return (await fetch(`${url}${path}`, { method: 'PUT', ...(body === undefined ? {} : { body: JSON.stringify(body) }) })).status;
}

async function serviceIds(running: Running): Promise<string[]> {
  return Object.keys(await get<object>(running, '/v1/agent/services')).toSorted();
}

async function statusOf(running: Running, id: string): Promise<string | undefined> {
  const checks = await get<Record<string, { Status: string }>>(running, '/v1/agent/checks');
  return checks[id]?.Status;
}

async function becomes(running: Running, ids: readonly string[]): Promise<void> {
  await eventually(`services are ${ids.join()}`, async () => (await serviceIds(running)).join() === ids.join());
}

test('files are registered when the agent is ready, and followed as they are written, renamed over, broken and removed', async () => {
  write('web.yaml', 'service:\n  name: web\n  port: 80\n');
  const running = await start();
  expect(await serviceIds(running)).toEqual(['web']);
  write('db.json', { services: [{ name: 'db' }, { name: 'cache' }] });
  await becomes(running, ['cache', 'db', 'web']);
  // As editors save: written beside, then moved over.
  writeFileSync(join(services, '.db.json.swp'), '{"services":[{"name":"db"}]}');
  renameSync(join(services, '.db.json.swp'), join(services, 'db.json'));
  await becomes(running, ['db', 'web']);
  write('web.yaml', 'service: [');
  await eventually('it is said', () => running.agent.said('a service file is bad') !== undefined);
  expect(running.agent.said('a service file is bad')).toMatchObject({
    file: join(services, 'web.yaml'),
    reason: expect.stringContaining('neither YAML nor JSON'),
  });
  expect(await serviceIds(running)).toEqual(['db', 'web']);
  rmSync(join(services, 'web.yaml'));
  await becomes(running, ['db']);
});

test('after kill -9 files, registrations of clients, the state of checks and maintenance are there again', async () => {
  const address = await stubs.tcp();
  write('web.yaml', { service: { name: 'web', check: { id: 'alive', tcp: address, interval: '1s' } } });
  write('gone.yaml', { service: { name: 'gone' } });
  const before = await start();
  await put(before, '/v1/agent/service/register', { Name: 'api', Check: { CheckID: 't', TTL: '1h' } });
  await put(before, '/v1/agent/check/pass/t?note=well');
  await put(before, '/v1/agent/service/maintenance/web?enable=true&reason=disk');
  await eventually('alive', async () => (await statusOf(before, 'alive')) === 'passing');
  // A change of state is on disk a second later at most; a registration makes it durable at once.
  await put(before, '/v1/agent/service/register', { Name: 'late' });
  before.agent.kill('SIGKILL');
  await before.agent.exit;
  rmSync(join(services, 'gone.yaml'));
  write('web.yaml', 'service: {name: web');

  const after = await start();
  expect(await serviceIds(after)).toEqual(['api', 'late', 'web']);
  expect(await statusOf(after, 'alive')).toBe('passing');
  const checks = await get<object>(after, '/v1/agent/checks');
  expect(checks).toMatchObject({
    t: { Status: 'passing', Output: 'well' },
    '_service_maintenance:web': { Status: 'critical', Notes: 'disk' },
  });
  const health = await get<unknown[]>(after, '/v1/health/service/web?passing');
  expect(health).toEqual([]);
  await put(after, '/v1/agent/service/maintenance/web?enable=false');
  expect(await get<unknown[]>(after, '/v1/health/service/web?passing')).toHaveLength(1);
});

test('SIGHUP gives back what a client took away', async () => {
  write('web.yaml', { service: { name: 'web' } });
  const running = await start();
  await put(running, '/v1/agent/service/deregister/web');
  expect(await serviceIds(running)).toEqual([]);
  running.agent.kill('SIGHUP');
  await becomes(running, ['web']);
});

test('scripts of files run where files may have them, those of clients do not, and a hanging one ends with the agent', async () => {
  const pidFile = join(dir, 'pid');
  write('web.yaml', {
    service: {
      name: 'web',
      checks: [
        { id: 'ok', args: ['sh', '-c', 'echo fine'], interval: '1s' },
        { id: 'hangs', args: ['sh', '-c', `echo $$ > ${pidFile}; sleep 300`], interval: '1s', timeout: '1h' },
      ],
    },
  });
  const running = await start(['--enable-local-script-checks']);
  await eventually('the script passes', async () => (await statusOf(running, 'ok')) === 'passing');
  const theirs = { Name: 'x', Check: { Args: ['true'], Interval: '1s' } };
  expect(await put(running, '/v1/agent/service/register', theirs)).toBe(400);
  let pid = 0;
  await eventually('the other one hangs', () => {
    try {
      pid = Number(readFileSync(pidFile, 'utf8'));
    } catch {
      return false;
    }
    return pid > 0;
  });
  running.agent.kill('SIGTERM');
  expect(await running.agent.exit).toMatchObject({ code: 0 });
  await eventually('it is gone', () => !isRunning(pid));
  // Without the setting nothing of it is run, though it is registered.
  const without = await start();
  await eventually('it is refused', async () => (await statusOf(without, 'ok')) === 'critical');
});

test('an alias follows its service, and a certificate of a known signer passes under its server name alone', async () => {
  const ca = join(dir, 'ca.pem');
  writeFileSync(ca, certificate.cert);
  const address = await stubs.tls();
  const tls = { tcp: address, tcp_use_tls: true, interval: '1s' };
  write('db.yaml', {
    services: [
      { name: 'db', checks: [{ id: 'named', ...tls, tls_server_name: 'check.test' }] },
      { name: 'front', checks: [{ id: 'as-db', alias_service: 'db' }] },
      { name: 'wrong', checks: [{ id: 'unnamed', ...tls }] },
    ],
  });
  const running = await start([], { NODE_EXTRA_CA_CERTS: ca });
  await eventually('the alias passes', async () => (await statusOf(running, 'as-db')) === 'passing');
  expect([await statusOf(running, 'named'), await statusOf(running, 'unnamed')]).toEqual(['passing', 'critical']);
  stubs.close();
  await eventually('the alias fails', async () => (await statusOf(running, 'as-db')) === 'critical');
});
