/** A mesh of three agents that lose power all at once, with clients of three languages watching. */

import { Resolver } from 'node:dns/promises';
import { fileURLToPath } from 'node:url';
import type Consul from 'consul';
import type { TestContext } from 'vitest';
import { npmClient, watchService } from './consul-npm.ts';
import { MeshAgents } from './mesh-agents.ts';
import { goClient, pythonClient, systemPython } from './outside-clients.ts';
import { ProgramWatcher } from './watcher.ts';

export const pythonProgram = fileURLToPath(new URL('consul-python/client.py', import.meta.url));

const names = ['one', 'two', 'three'] as const;

const records = ['catalog/services', 'catalog/service/web', 'catalog/nodes', 'kv/?recurse', 'config/service-defaults', 'query'];
const health = ['health/service/web', 'health/state/any'];

/** What an agent says to these that must be the same after a restart: everything but indexes. */
async function told(mesh: MeshAgents, name: string, paths: readonly string[]): Promise<string> {
  const answers = await Promise.all(paths.map(async (path) => [path, await mesh.ask(name, 'GET', `/v1/${path}`)]));
  return JSON.stringify(answers, (key, value: unknown) => (key.endsWith('Index') ? undefined : inKeyOrder(value)), 1);
}

/** Agents may list the keys of one object in different orders. */
function inKeyOrder(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** The ports of what its DNS finds. */
async function found(dns: string): Promise<readonly number[]> {
  const resolver = new Resolver({ timeout: 10_000, tries: 1 });
  resolver.setServers([dns]);
  return (await resolver.resolveSrv('web.service.consul')).map(({ port }) => port).sort((one, other) => one - other);
}

/** A registration of each kind, at each agent, with clients. */
async function populate(mesh: MeshAgents): Promise<void> {
  const [one, two, three] = names.map((name) => npmClient(mesh.http(name))) as [Consul, Consul, Consul];
  for (const [at, client] of [one, two, three].entries()) {
    const check = { name: 'alive', ttl: '1h', timeout: '', status: 'passing', notes: 'by hand' };
    await client.agent.service.register({ name: 'web', id: `web-${at}`, port: 80 + at, tags: [`t${at}`], check });
    await client.agent.check.pass({ id: `service:web-${at}`, note: `output ${at}` });
  }
  const warned = { name: 'warned', ttl: '1h', timeout: '', serviceid: 'web-9' };
  await two.agent.service.register({ name: 'web', id: 'web-9', port: 9, check: warned });
  await two.agent.check.warn({ id: 'service:web-9', note: 'so so' });
  await two.agent.service.register({ name: 'web', id: 'web-off', port: 8 });
  await two.agent.service.maintenance({ id: 'web-off', enable: true, reason: 'a new disk' });
  await one.kv.set('restart/key', 'value');
  await one.catalog.register({ node: 'db.example', address: '10.9.0.1', service: { service: 'db', id: 'db1', port: 5432 } });
  await three.query.create({ name: 'all', service: { service: 'web' } });
  const entry = { Kind: 'service-defaults', Name: 'web', Protocol: 'http' };
  await mesh.ask('three', 'PUT', '/v1/config', entry);
}

export async function restartOfAll(context: TestContext): Promise<void> {
  const { expect } = context;
  const [go, modules] = [await goClient(context), await pythonClient('python3-consul', context)];
  const mesh = new MeshAgents(context.onTestFinished);
  await mesh.start(...names);
  await populate(mesh);

  const goWatcher = ProgramWatcher.start('go', [go, 'watch', mesh.http('one')], {}, context);
  const npm = watchService(npmClient(mesh.http('two')), 'web');
  context.onTestFinished(npm.end);
  const env = { PYTHONPATH: modules, PYTHONDONTWRITEBYTECODE: '1' };
  const python = ProgramWatcher.start('python', [systemPython, pythonProgram, 'watch', mesh.http('three')], env, context);
  const ways = [
    [goWatcher, 'go loop'],
    [goWatcher, 'go watch'],
    [npm.watcher, 'npm'],
    [python, 'python'],
  ] as const;
  const before = ['web-0', 'web-1', 'web-2'];
  await Promise.all(ways.map(([watcher, by]) => watcher.until(before, by)));
  const foundByAll = (): Promise<(readonly number[])[]> => Promise.all(names.map((name) => found(mesh.dns(name))));
  const toldByAll = (paths: readonly string[]): Promise<string[]> => Promise.all(names.map((name) => told(mesh, name, paths)));
  const same = (text: string): readonly string[] => [text, text, text];
  const patience = { timeout: 30_000 };
  await expect.poll(async () => new Set(await toldByAll([...records, ...health])).size, patience).toBe(1);
  const [knownRecords, knownHealth] = [await told(mesh, 'one', records), await told(mesh, 'one', health)];
  const seen = new Map(ways.map(([watcher]) => [watcher, watcher.sights.length]));

  await mesh.kill(...names);
  await mesh.launch(...names);
  // On a busy host the agents may be back further apart than an agent waits for the others.
  await expect.poll(() => toldByAll(records), patience).toEqual(same(knownRecords));
  await expect.poll(() => toldByAll(health), patience).toEqual(same(knownHealth));
  await expect.poll(foundByAll, patience).toEqual(names.map(() => [9, 80, 81, 82]));

  await npmClient(mesh.http('one')).agent.service.register({ name: 'web', id: 'web-new', port: 1 });
  const after = [...before, 'web-new'];
  await Promise.all(ways.map(([watcher, by]) => watcher.until(after, by)));
  npm.end();
  await Promise.all([goWatcher.stop(), python.stop()]);
  for (const [watcher, by] of ways) {
    const sights = watcher.sights.slice(seen.get(watcher)).filter((sight) => sight.by === by && sight.error === undefined);
    // An agent that is slow to come back may be out of rotation for a moment; that all others are would be a hasty answer.
    expect(
      sights.filter(({ ids }) => ids.length < 2),
      `${by} was told that the others had gone`,
    ).toEqual([]);
    // Half a minute of patience for the agents, and one answer for each change.
    expect(watcher.requests[by], `requests of ${by}`).toBeLessThan(60);
  }
}
