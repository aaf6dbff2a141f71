/** What the users of npm's `consul` do with it, against two agents: one to write through, and one to read through. */

import Consul from 'consul';
import { expect } from 'vitest';
import { eventually } from '../e2e/agent-nodes.ts';
import { Watcher } from './watcher.ts';

const ttlCheck = { name: 'alive', ttl: '10m', timeout: '' };

interface Entry {
  readonly Node: { readonly Node: string };
  readonly Service: { readonly ID: string; readonly Address: string; readonly Port: number; readonly Tags: readonly string[] };
  readonly Checks: readonly { readonly CheckID: string; readonly Status: string; readonly Output: string }[];
}

/** Both agents' clients, and where the first one's HTTP API is. */
export interface Clients {
  readonly here: Consul;
  readonly there: Consul;
  readonly address: string;
}

export interface NpmWatch {
  readonly watcher: Watcher;
  readonly end: () => void;
}

export function npmClient(address: string): Consul {
  const [host = '', port = ''] = address.split(':');
  return new Consul({ host, port: Number(port) });
}

/** Watches the passing instances of a service, as the client does it by itself. */
export function watchService(client: Consul, service: string): NpmWatch {
  const watcher = new Watcher('npm');
  let requests = 0;
  const method = (options: object): unknown => {
    requests++;
    return client.health.service(options as { service: string });
  };
  const options = { service, passing: 'true', wait: '10s' };
  const watch = client.watch({ method, options, backoffFactor: 50, backoffMax: 1000 });
  watch.on('error', (error: Error) => watcher.take({ by: 'npm', ids: [], error: error.message }));
  watch.on('change', (entries: readonly Entry[], response: { readonly headers: Readonly<Record<string, string>> }) => {
    const index = Number(response.headers['x-consul-index']);
    watcher.take({ by: 'npm', ids: entries.map(({ Service }) => Service.ID).sort(), index });
  });
  return {
    watcher,
    end: () => {
      watch.end();
      watcher.end({ npm: requests });
    },
  };
}

async function entriesOf(client: Consul, options: { service: string; passing?: boolean }): Promise<readonly Entry[]> {
  return (await client.health.service(options)) as readonly Entry[];
}

export async function servicesAndChecks(clients: Clients): Promise<void> {
  const { watcher, end } = watchService(clients.there, 'npm');
  try {
    await watchedServices(clients, watcher);
  } finally {
    end();
  }
  expect(watcher.errors).toEqual([]);
}

async function watchedServices({ here, there, address }: Clients, watcher: Watcher): Promise<void> {
  await watcher.until([]);
  const definition = { name: 'npm', id: 'npm-1', address: '127.0.0.1', port: 8080, tags: ['v1'], meta: { version: '2' } };
  await here.agent.service.register({ ...definition, check: { ...ttlCheck, status: 'passing' } });
  await watcher.until(['npm-1']);
  const [entry] = await entriesOf(there, { service: 'npm' });
  expect(entry?.Service).toMatchObject({ ID: 'npm-1', Address: '127.0.0.1', Port: 8080, Tags: ['v1'], Meta: { version: '2' } });

  await here.agent.check.fail({ id: 'service:npm-1', note: 'a bad day' });
  await watcher.until([]);
  expect((await here.agent.checks())['service:npm-1']).toMatchObject({ Status: 'critical', Output: 'a bad day' });
  await here.agent.check.warn({ id: 'service:npm-1', note: 'better' });
  await eventually('a warning', async () => (await there.health.checks('npm'))[0]?.Status === 'warning');
  expect(await there.health.state('warning')).toMatchObject([{ CheckID: 'service:npm-1', ServiceTags: ['v1'] }]);
  await here.agent.check.pass('service:npm-1');
  await watcher.until(['npm-1']);

  await here.agent.check.register({ ...ttlCheck, name: 'second', checkid: 'second', serviceid: 'npm-1' });
  await watcher.until([]);
  await here.agent.check.deregister('second');
  await watcher.until(['npm-1']);
  const checks = [
    { name: 'tcp', tcp: address, interval: '1s', timeout: '1s' },
    { name: 'http', http: `http://${address}/v1/status/leader`, interval: '1s', timeout: '5s' },
  ];
  await here.agent.service.register({ ...definition, id: 'npm-2', checks });
  await watcher.until(['npm-1', 'npm-2']);
  const second = (await entriesOf(there, { service: 'npm' })).find(({ Service }) => Service.ID === 'npm-2');
  expect(second?.Checks.map(({ CheckID }) => CheckID)).toEqual(['serfHealth', 'service:npm-2:1', 'service:npm-2:2']);

  await here.agent.service.maintenance({ id: 'npm-2', enable: true, reason: 'a new disk' });
  await watcher.until(['npm-1']);
  await here.agent.service.maintenance({ id: 'npm-2', enable: false });
  await watcher.until(['npm-1', 'npm-2']);
  await here.agent.maintenance({ enable: true, reason: 'a new kernel' });
  await watcher.until([]);
  await here.agent.maintenance(false);
  await watcher.until(['npm-1', 'npm-2']);

  await here.agent.service.deregister('npm-2');
  await watcher.until(['npm-1']);
  await expect(here.agent.service.deregister('npm-2')).rejects.toMatchObject({ statusCode: 404 });
  await expect(here.agent.check.pass('service:npm-2')).rejects.toMatchObject({ statusCode: 404 });
  expect(Object.keys(await here.agent.services())).toEqual(['npm-1']);
}

export async function catalog({ here, there }: Clients): Promise<void> {
  const self = (await here.agent.self()) as { Config: { NodeName: string } };
  const node = self.Config.NodeName;
  expect(await here.agent.members()).toMatchObject([{ Status: 1 }, { Status: 1 }]);
  expect(await there.catalog.datacenters()).toEqual(['grove']);
  expect(await there.catalog.node.list()).toHaveLength(2);
  expect(await there.catalog.node.services(node)).toMatchObject({
    Node: { Node: node },
    Services: { 'npm-1': { Service: 'npm' } },
  });
  expect(await there.catalog.service.list()).toMatchObject({ npm: ['v1'] });
  expect(await there.catalog.service.nodes('npm')).toMatchObject([{ Node: node, ServiceID: 'npm-1', ServicePort: 8080 }]);
  expect((await there.health.node(node)).map(({ CheckID }) => CheckID)).toEqual(['serfHealth', 'service:npm-1']);
  expect(await here.status.leader()).toMatch(/^127\.0\.0\.1:\d+$/);
  expect(await here.status.peers()).toHaveLength(2);

  await here.catalog.register({
    node: 'db.example',
    address: '10.9.0.1',
    service: { service: 'db', id: 'db1', port: 5432 },
    check: { name: 'tcp', checkid: 'db1:tcp', serviceid: 'db1', status: 'passing' },
  });
  await eventually('an external service', async () => (await entriesOf(there, { service: 'db', passing: true })).length === 1);
  await there.catalog.deregister({ node: 'db.example' });
  await eventually('it is gone', async () => (await there.catalog.node.list()).length === 2);

  const { ID } = await here.query.create({ name: 'npm', service: { service: 'npm', near: '_agent', onlypassing: true } });
  expect(await here.query.execute('npm')).toMatchObject({ Service: 'npm', Nodes: [{ Service: { ID: 'npm-1' } }], Failovers: 0 });
  // Its types have forgotten this method.
  await (here.query as unknown as { destroy(id: string): Promise<void> }).destroy(ID);
  expect(await here.query.list()).toEqual([]);
}

export async function store({ here, there }: Clients): Promise<void> {
  const watch = there.watch({ method: there.kv.get.bind(there.kv), options: { key: 'npm/key', wait: '10s' } });
  const seen: (string | undefined)[] = [];
  const failures: unknown[] = [];
  watch.on('change', (pair: { readonly Value: string } | undefined) => seen.push(pair?.Value));
  watch.on('error', (error: unknown) => failures.push(error));
  try {
    await eventually('a watch of a key that is not there', () => seen.length > 0);
    expect(await here.kv.set('npm/key', 'one')).toBe(true);
    await eventually('a watch of a key', () => seen.at(-1) === 'one');
    const pair = (await here.kv.get('npm/key')) as { ModifyIndex: number };
    // The client makes undefined of a `false`.
    expect(await here.kv.set({ key: 'npm/key', value: 'two', cas: pair.ModifyIndex + 1 } as never)).toBeUndefined();
    expect(await here.kv.set({ key: 'npm/key', value: 'two', cas: pair.ModifyIndex, flags: 3 } as never)).toBe(true);
    await eventually('the next value', () => seen.at(-1) === 'two');
    expect(await there.kv.get('npm/key')).toMatchObject({ Key: 'npm/key', Value: 'two', Flags: 3, LockIndex: 0 });
    expect(await here.kv.set('npm/tree/a b', Buffer.from([0, 255]))).toBe(true);
    await eventually('both keys', async () => (await there.kv.keys('npm/')).length === 2);
    expect(await there.kv.keys({ key: 'npm/', separator: '/' })).toEqual(['npm/key', 'npm/tree/']);
    expect(await here.kv.get({ key: 'npm/tree/a b', raw: true } as never)).toEqual(Buffer.from([0, 255]));
    expect(await here.kv.del('npm/key')).toBe(true);
    await eventually('a key that is gone', () => seen.at(-1) === undefined);
    expect(await here.kv.del({ key: 'npm/', recurse: true })).toBe(true);
    expect(await here.kv.get({ key: 'npm/', recurse: true })).toBeUndefined();
    expect(failures).toEqual([]);
  } finally {
    watch.end();
  }
  await expect(here.kv.set({ key: 'npm/lock', value: 'x', acquire: 'session' })).rejects.toMatchObject({ statusCode: 501 });
  // The client shows texts of less than 80 characters; of a longer one it says the status, and keeps the body.
  const absent = { statusCode: 501, response: { body: expect.stringContaining('needs consensus') as string } };
  await expect(here.session.create()).rejects.toMatchObject(absent);
  await expect(here.transaction.create([{ KV: { Verb: 'set', Key: 'a', Value: 'b' } }] as never)).rejects.toMatchObject(absent);
}

export async function events({ here, there }: Clients): Promise<void> {
  const watch = there.watch({ method: there.event.list.bind(there.event), options: { name: 'npm-deploy', wait: '10s' } });
  let seen = 0;
  watch.on('change', (list: readonly unknown[]) => (seen = list.length));
  watch.on('error', () => undefined);
  try {
    expect(await here.event.fire('npm-deploy', 'v1')).toMatchObject({ Name: 'npm-deploy', Payload: 'v1' });
    await eventually('a watch of events', () => seen === 1);
    await here.event.fire({ name: 'npm-deploy', payload: 'v2' });
    await eventually('the next event', () => seen === 2);
    expect(await there.event.list('npm-deploy')).toMatchObject([{ Payload: 'v1' }, { Payload: 'v2' }]);
  } finally {
    watch.end();
  }
}
