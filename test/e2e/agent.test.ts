import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { topics } from '@skein/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventually, Nodes, seen } from './agent-nodes.ts';

const token = 'a-token-of-enough-length';
let nodes: Nodes;
let servers: Server[];

beforeEach(() => {
  nodes = new Nodes();
  servers = [];
});
afterEach(async () => {
  await nodes.close();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

/** An HTTP service whose status the test sets; status 0 never answers. */
async function service(): Promise<{ status: number; readonly port: number }> {
  const state = { status: 200, port: 0 };
  const server = createServer((_request, response) => {
    if (state.status !== 0) response.writeHead(state.status).end('hello');
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  state.port = (server.address() as AddressInfo).port;
  return state;
}

describe('joining', () => {
  test('agents that know one address see each other, and what is registered on one is routable on all', async () => {
    const a = await nodes.start({ name: 'a', token });
    const b = await nodes.start({ name: 'b', token, join: [a.gossip] });
    const c = await nodes.start({ name: 'c', token, join: [a.gossip] });
    for (const node of [a, b, c]) await seen(node, topics.members, 'three members', (view) => view.aliveCount === 3);
    expect(await a.request('PUT', '/v1/agent/service/register', { Name: 'orders', Port: 9 })).toMatchObject({ status: 200 });
    const isRoutable = (view: Parameters<Parameters<typeof seen>[3]>[0]): boolean =>
      view.service('orders')?.instances[0]?.routable === true;
    for (const node of [a, b, c]) await seen(node, topics.service('orders'), 'the instance', isRoutable);
    await eventually('readiness of all', async () =>
      (await Promise.all([a, b, c].map((node) => node.request('GET', '/readyz')))).every(({ status }) => status === 200),
    );
  });

  test('a wrong token is refused, named on both sides, and neither sees the other', async () => {
    const a = await nodes.start({ name: 'a', token });
    const b = await nodes.start({ name: 'b', token: `${token}-not`, join: [a.gossip] });
    await eventually('both logs name it', () =>
      [a, b].every(({ log }) => log.some((line) => JSON.stringify(line).includes('wrong-token'))),
    );
    expect(a.agent.port.view().aliveCount).toBe(1);
    await eventually('the reason in /readyz', async () =>
      /seeds unreachable.*rejected/.test((await b.request('GET', '/readyz')).text),
    );
    expect(JSON.stringify([...a.log, ...b.log])).not.toContain(token);
  });

  test('a seed that is down is named, tried again, and joined once it is there', async () => {
    const first = await nodes.start({ name: 'a', token });
    const { gossip } = first;
    await first.agent.stop({ leave: false });
    const b = await nodes.start({ name: 'b', token, join: [gossip] });
    await eventually('the seed in the log', () => b.log.some((line) => line.msg.includes('seed') && line['address'] === gossip));
    expect(await b.request('GET', '/readyz')).toMatchObject({ status: 503, text: expect.stringContaining(gossip) });
    await nodes.start({ name: 'a2', token, bind: gossip });
    await seen(b, topics.members, 'the seed', (view) => view.aliveCount === 2);
    await eventually('ready', async () => (await b.request('GET', '/readyz')).status === 200);
  });

  test('an agent without seeds is ready at once, also with its own address as its only seed', async () => {
    const a = await nodes.start({ name: 'a', dev: true });
    expect(await a.request('GET', '/readyz')).toMatchObject({ status: 200 });
    expect((await a.request('PUT', `/v1/agent/join/${a.gossip}`)).status).toBe(200);
    await eventually('it is told', () => a.log.some((line) => line.msg === 'a seed is this agent itself'));
    expect(await a.request('GET', '/readyz')).toMatchObject({ status: 200 });
  });
});

describe('checks', () => {
  test('an HTTP check follows its service, and a hanging one turns critical at its timeout', async () => {
    const target = await service();
    const a = await nodes.start({ name: 'a', token });
    const check = { HTTP: `http://127.0.0.1:${target.port}/`, Interval: '1s', Timeout: '300ms' };
    await a.request('PUT', '/v1/agent/service/register', { Name: 'web', Port: target.port, Check: check });
    const is = (status: string) => (view: Parameters<Parameters<typeof seen>[3]>[0]) =>
      view.service('web')?.instances[0]?.status === status;
    await seen(a, topics.service('web'), 'passing', is('passing'));
    target.status = 429;
    await seen(a, topics.service('web'), 'warning', is('warning'));
    target.status = 0;
    await seen(a, topics.service('web'), 'critical', is('critical'));
    target.status = 200;
    await seen(a, topics.service('web'), 'passing again', is('passing'));
  });
});

describe('restart', () => {
  test('every agent restarted at once, with no seeds, is the same mesh with the same services', async () => {
    const directories = [nodes.directory(), nodes.directory(), nodes.directory()];
    const first = await nodes.start({ name: 'n0', token, dataDir: directories[0] });
    const rest = await Promise.all(
      [1, 2].map((n) => nodes.start({ name: `n${n}`, token, dataDir: directories[n], join: [first.gossip] })),
    );
    const before = [first, ...rest];
    for (const node of before) await seen(node, topics.members, 'three members', (view) => view.aliveCount === 3);
    await before[1]?.request('PUT', '/v1/agent/service/register', { Name: 'orders', Port: 7 });
    const gossip = before.map((node) => node.gossip);
    const ids = before.map((node) => node.agent.info.id);
    await eventually('peers are written down', () =>
      directories.every((path) => {
        try {
          return ids.filter((id) => readFileSync(join(path, 'peers.json'), 'utf8').includes(id)).length === 2;
        } catch {
          return false;
        }
      }),
    );
    await Promise.all(before.map((node) => node.agent.stop({ leave: false })));
    const after = await Promise.all(
      directories.map((dataDir, n) => nodes.start({ name: `n${n}`, token, dataDir, bind: gossip[n] })),
    );
    expect(after.map((node) => node.agent.info.id)).toEqual(ids);
    for (const node of after) {
      await seen(node, topics.members, 'three members', (view) => view.aliveCount === 3);
      await seen(node, topics.service('orders'), 'the service', (view) => view.service('orders')?.instances.length === 1);
    }
    expect(after.map((node) => node.log.find((line) => line.msg === 'ready')?.['epoch'])).toEqual([2, 2, 2]);
  });
});

describe('leaving', () => {
  test('an agent that leaves is remembered as left, not failed', async () => {
    const a = await nodes.start({ name: 'a', token });
    const b = await nodes.start({ name: 'b', token, join: [a.gossip] });
    await seen(a, topics.members, 'two members', (view) => view.aliveCount === 2);
    await b.agent.stop({ leave: true });
    await seen(a, topics.members, 'left', (view) => view.memberByName('b')?.status === 'left');
  });

  test('the API can ask for it: the answer comes, then everything stops', async () => {
    const a = await nodes.start({ name: 'a', token });
    expect((await a.request('PUT', '/v1/agent/leave')).status).toBe(200);
    await a.agent.stopped;
    await expect(a.request('GET', '/healthz')).rejects.toThrow();
  });

  test('a stop without leave cuts a leave short', async () => {
    const a = await nodes.start({ name: 'a', token, profile: 'wan' });
    const b = await nodes.start({ name: 'b', token, profile: 'wan', join: [a.gossip] });
    await seen(b, topics.members, 'two members', (view) => view.aliveCount === 2);
    const leaving = b.agent.stop({ leave: true });
    await b.agent.stop({ leave: false });
    await leaving;
    expect(b.log.some((line) => line.msg === 'left the mesh')).toBe(false);
    expect(b.log.at(-1)?.msg).toBe('stopped');
  });
});

describe('starting', () => {
  test.each(['bind', 'http', 'proxy'] as const)(
    'a taken %s address is refused by name, and nothing is left running',
    async (name) => {
      const taken = createTcpServer();
      await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
      const address = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
      const dataDir = nodes.directory();
      await expect(nodes.start({ name: 'a', token, dataDir, [name]: address })).rejects.toMatchObject({
        code: 'port-in-use',
        message: expect.stringMatching(new RegExp(`--${name} ${address} is in use`)),
      });
      taken.close();
      await expect(nodes.start({ name: 'a', token, dataDir, [name]: address })).resolves.toBeDefined();
    },
  );

  test('a data directory in use is refused', async () => {
    const dataDir = nodes.directory();
    await nodes.start({ name: 'a', token, dataDir });
    await expect(nodes.start({ name: 'b', token, dataDir })).rejects.toMatchObject({ code: 'data-dir-locked' });
  });

  test('the chosen ports are in the log, in agent/self and in agent.json', async () => {
    const dataDir = nodes.directory();
    const a = await nodes.start({ name: 'a', token, dataDir });
    const { listeners } = a.agent.info;
    expect(a.log.find((line) => line.msg === 'ready')?.['listeners']).toEqual(listeners);
    for (const listener of ['gossip', 'http', 'proxy']) expect(listeners[listener]).toMatch(/^127\.0\.0\.1:[1-9]\d+$/);
    await eventually('agent.json', () => {
      try {
        return (
          JSON.stringify(JSON.parse(readFileSync(join(dataDir, 'agent.json'), 'utf8')).listeners) === JSON.stringify(listeners)
        );
      } catch {
        return false;
      }
    });
    expect((await a.request('GET', '/v1/agent/self')).text).toContain(a.http);
  });
});

test('a disk that refuses writes is said to the writer and in /readyz, and forgotten once it takes them again', async () => {
  const dataDir = nodes.directory();
  const a = await nodes.start({ name: 'a', token, dataDir });
  const folder = join(dataDir, 'registrations');
  renameSync(folder, `${folder}.away`);
  writeFileSync(folder, 'a file where the folder was');
  const refused = await a.request('PUT', '/v1/agent/service/register', { Name: 'orders', Port: 9 });
  expect(refused).toMatchObject({ status: 503, text: expect.stringContaining(folder) });
  expect(await a.request('GET', '/readyz')).toMatchObject({ status: 503, text: expect.stringContaining('disk') });
  expect(await a.request('GET', '/healthz')).toMatchObject({ status: 200 });
  renameSync(folder, `${folder}.file`);
  renameSync(`${folder}.away`, folder);
  expect((await a.request('PUT', '/v1/agent/service/register', { Name: 'orders', Port: 9 })).status).toBe(200);
  expect(await a.request('GET', '/readyz')).toMatchObject({ status: 200 });
  await a.agent.stop({ leave: false });
  const again = await nodes.start({ name: 'a', token, dataDir });
  expect(again.agent.port.view().service('orders')?.instances).toHaveLength(1);
});

test('an event fired on one agent is listed on the others where its filters match', async () => {
  const a = await nodes.start({ name: 'a', token });
  const b = await nodes.start({ name: 'b', token, join: [a.gossip] });
  await seen(b, topics.members, 'two members', (view) => view.aliveCount === 2);
  const names = async (node: typeof a): Promise<string[]> =>
    (JSON.parse((await node.request('GET', '/v1/event/list')).text) as { Name: string }[]).map((event) => event.Name);
  // Links carry events a moment after they carry members.
  await eventually('an event passes', async () => {
    await a.request('PUT', '/v1/event/fire/hello?node=b');
    return (await names(b)).includes('hello');
  });
  expect(await names(a)).toEqual([]);
  expect((await a.request('PUT', '/v1/event/fire/x?node=(a')).status).toBe(400);
});

test('the settings that can change while running do, and the others are named', async () => {
  const a = await nodes.start({ name: 'a', token });
  const changed = { ...nodes.config({ name: 'a', token }), tags: { rack: '9' }, zone: 'z' };
  const report = a.agent.reload(changed);
  expect(report.applied).toContain('tags');
  expect(report.needRestart).toContain('zone');
  await seen(a, topics.members, 'the tag', (view) => view.member(view.self)?.record.tags['rack'] === '9');
});

test('metrics are in the format that Prometheus reads, and count members, instances and links', async () => {
  const a = await nodes.start({ name: 'a', token });
  const b = await nodes.start({ name: 'b', token, join: [a.gossip] });
  await seen(b, topics.members, 'two members', (view) => view.aliveCount === 2);
  const { text } = await b.request('GET', '/metrics');
  expect(text).toContain('skein_members{status="alive"} 2');
  expect(text).toContain('skein_links 1');
  for (const line of text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))) {
    expect(line).toMatch(/^[a-z_]+(?:\{(?:[a-z]+="[^"]*",?)*\})? [-+.\deInfNa]+$/);
  }
});
