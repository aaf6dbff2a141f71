/**
 * Every read that is kept or waited for shows what changed: over random changes of a small mesh, what one API answers that
 * lives on is what a new one answers, an answer that differs has a later index, and who waited for it was woken.
 */

import { createApi } from '@skein/api';
import type { Api } from '@skein/api';
import { seededRng } from '@skein/core';
import type { Rng } from '@skein/core';
import { World } from '@skein/sim';
import type { SimNode } from '@skein/sim';
import { expect, test } from 'vitest';
import { FakeAgent, FakeEvents, FakeTimers } from './fake-agent.ts';

const filters: Readonly<Record<string, readonly string[]>> = {
  'catalog/services': [
    'ServiceMeta.k == "1"',
    'ServicePort == 7',
    'NodeMeta.m == "1"',
    'Address == "10.6.0.1"',
    '"a" in ServiceTags',
    'ServiceWeights.Passing == 2',
  ],
  'catalog/nodes': ['Meta.m == "1"', 'Address == "10.6.0.1"'],
  'catalog/service/web': ['ServiceMeta.k == "1"', 'NodeMeta.m == "1"', 'ServicePort == 7'],
  'catalog/node-services/ext': ['"a" in Tags', 'Port == 7'],
  'catalog/node/host-1': ['"a" in Tags', 'Meta.k == "1"'],
  'health/service/web': ['Checks.Status == "critical"', 'Node.Meta.m == "1"', '"a" in Service.Tags', 'Checks.Output == "x"'],
  'health/checks/web': ['"a" in ServiceTags', 'Notes == "n"', 'Output == "x"'],
  'health/state/any': ['"a" in ServiceTags', 'ServiceName == "web"', 'Notes == "n"', 'Output == "x"'],
  'health/node/host-1': ['"a" in ServiceTags', 'Status == "critical"'],
};
const lists = [
  ...Object.keys(filters),
  'catalog/service/db',
  'catalog/node/host-0',
  'catalog/node/ext',
  'catalog/node/nobody',
  'catalog/node-services/host-2',
  'health/service/db',
  'health/node/ext',
  'health/node/host-0',
  'health/checks/db',
  'health/state/passing',
  'health/state/critical',
  'health/service/web?passing',
  'health/service/web?tag=a',
  'catalog/service/web?tag=b',
  'mesh/members',
  'mesh/config',
  'mesh/config/status',
];
const withNodeMeta = ['catalog/services', 'catalog/nodes', 'catalog/service/web', 'health/service/web', 'health/checks/web'];
const paths = [
  ...lists,
  ...withNodeMeta.map((path) => `${path}?node-meta=m:1`),
  'health/state/any?node-meta=m:1',
  ...Object.entries(filters).flatMap(([path, texts]) => texts.map((text) => `${path}?filter=${encodeURIComponent(text)}`)),
].map((path) => `/v1/${path}`);

/** What has no index, and is kept too: what DNS answers, the hashes of instances, prepared queries. */
const kept = [
  ...['A', 'SRV', 'ANY'].flatMap((type) => ['web', 'db', 'a.web.service.consul'].map((name) => `name=${name}&type=${type}`)),
  ...['host-0', 'host-1', 'ext', 'nobody'].map((node) => `name=${node}.node.consul&type=ANY`),
]
  .map((query) => `/v1/mesh/resolve?${query}`)
  .concat('/v1/agent/service/s1', '/v1/agent/checks', '/v1/agent/services');

function apiOf(node: SimNode, timers = new FakeTimers()): Api {
  const parts = { agent: new FakeAgent(), events: new FakeEvents(), timers, random: () => 0 };
  return createApi({ port: node, ...parts, listen: '127.0.0.1:0', allowedHosts: [] });
}

/** One random change somewhere in the mesh, by name. `host-0` is whom the readers ask, and goes on running. */
function change({ world, nodes }: Mesh, rng: Rng): { readonly name: string; readonly make: () => Promise<unknown> | undefined } {
  const pick = <T>(...from: readonly T[]): T => from[rng.below(from.length)]!;
  const node = pick(...nodes.filter(({ isRunning }) => isRunning));
  const put = async (url: string, body?: unknown): Promise<unknown> =>
    apiOf(node).inject({ method: 'PUT', url: `/v1/${url}`, ...(body === undefined ? {} : { payload: JSON.stringify(body) }) });
  const [service, id, status] = [pick('web', 'db'), pick('s1', 's2'), pick('passing', 'warning', 'critical')];
  const fields = {
    Port: pick(7, 8),
    Tags: pick([], ['a'], ['a', 'b'], ['b', 'a']),
    Meta: { k: pick('1', '2') },
    Weights: { Passing: pick(1, 2), Warning: 1 },
  };
  const check = { CheckID: pick('c1', 'c2'), Name: pick('m', 'n'), TTL: '90s', Status: status, Notes: pick('', 'n') };
  const external = { Node: pick('ext', 'EXT', 'other', 'host-1'), Address: pick('10.6.0.1', '10.6.0.2'), SkipNodeUpdate: true };
  const restart = (replace: boolean): undefined => {
    const stopped = nodes.find(({ process }) => process === 'stopped');
    stopped?.restart({ replace });
    return undefined;
  };
  const stop = (how: 'crash' | 'leave'): undefined => {
    const running = nodes.slice(1).filter(({ isRunning }) => isRunning);
    if (running.length > 1) pick(...running)[how]();
    return undefined;
  };
  const changes: Readonly<Record<string, () => Promise<unknown> | undefined>> = {
    'a service is registered': () => put('agent/service/register', { Name: service, ID: id, ...fields }),
    'a service is registered with a check': () =>
      put('agent/service/register', { Name: service, ID: id, ...fields, Check: check }),
    'a service is deregistered': () => put(`agent/service/deregister/${id}`),
    'a check of a service is registered': () => put('agent/check/register', { ...check, ServiceID: id }),
    'a check of the host is registered': () => put('agent/check/register', { ...check, CheckID: 'host' }),
    'a check is deregistered': () => put(`agent/check/deregister/${pick('c1', 'c2', 'host')}`),
    'a check is reported': () =>
      put(`agent/check/update/${pick('c1', 'c2', 'host')}`, { Status: status, Output: pick('x', 'y') }),
    'a host is put into maintenance or out of it': () => put(`agent/maintenance?enable=${String(pick(true, false))}`),
    'an external node is written': () =>
      put('catalog/register', { ...external, SkipNodeUpdate: false, NodeMeta: { m: pick('1', '2') } }),
    'an external service is written': () =>
      put('catalog/register', { ...external, Service: { ID: 'e1', Service: service, ...fields } }),
    'an external check is written': () =>
      put('catalog/register', {
        ...external,
        Check: { CheckID: pick('k1', 'k2'), Name: 'k', Status: status, ServiceID: pick('', 'e1'), Output: pick('x', 'y') },
      }),
    'something external is deregistered': () =>
      put('catalog/deregister', { Node: external.Node, ...pick({}, { ServiceID: 'e1' }, { CheckID: 'k1' }) }),
    'a route is written': () => put('mesh/config/route/r', { rules: [{ backendRefs: [{ name: pick('web', 'db') }] }] }),
    'a host gets other labels': () => {
      node.dispatch({ type: 'set-tags', tags: { m: pick('1', '2') } });
      return undefined;
    },
    'a host fails': () => stop('crash'),
    'a host leaves': () => stop('leave'),
    'a host comes back': () => restart(false),
    'a host is set up anew under its old name': () => restart(true),
    'time passes': () => {
      world.runFor(pick(1000, 20_000));
      return undefined;
    },
  };
  const name = pick(...Object.keys(changes));
  return { name, make: changes[name]! };
}

interface Mesh {
  readonly world: World;
  readonly nodes: readonly SimNode[];
}

interface Seen {
  readonly body: string;
  readonly index: number;
  /** Whether who waits for the next change was woken. */
  isWoken: boolean;
}

async function settleBriefly(): Promise<void> {
  for (let turn = 0; turn < 6; turn++) await new Promise((resolve) => setImmediate(resolve));
}

const steps = 45;

test.each([1, 2])(
  'whatever changes in a mesh, no reader is shown or left with what was before (seed %i)',
  async (seed) => {
    const rng = seededRng(seed);
    const world = new World({ seed, network: 'lan', profile: 'local' });
    const nodes = world.mesh(4);
    world.runFor(3000);
    const timers = new FakeTimers();
    const api = apiOf(nodes[0]!, timers);
    const ask = async (of: Api, path: string): Promise<{ body: string; index: number }> => {
      const { body, headers, statusCode } = await of.inject({ method: 'GET', url: path });
      expect(statusCode, `${path}: ${body}`).toBe(200);
      return { body, index: Number(headers['x-consul-index']) };
    };
    const seen = new Map<string, Seen>();
    const look = async (path: string): Promise<void> => {
      const now: Seen = { ...(await ask(api, path)), isWoken: false };
      seen.set(path, now);
      const separator = path.includes('?') ? '&' : '?';
      const url = `${path}${separator}index=${now.index}&wait=10m`;
      void api.inject({ method: 'GET', url }).then(() => (now.isWoken = true));
    };
    for (const path of paths) await look(path);
    for (let step = 0; step < steps; step++) {
      const { name, make } = change({ world, nodes }, rng);
      await make();
      world.runFor(300);
      await timers.pass(100);
      await settleBriefly();
      const fresh = apiOf(nodes[0]!);
      for (const url of kept) {
        const [before, now] = await Promise.all([api, fresh].map((each) => each.inject({ method: 'GET', url })));
        expect(before, `step ${step}, ${name}: ${url}`).toMatchObject({ statusCode: now?.statusCode, body: now?.body });
      }
      for (const path of paths) {
        const before = seen.get(path)!;
        const now = await ask(api, path);
        const what = `step ${step}, ${name}: ${path}`;
        expect(now, what).toEqual(await ask(fresh, path));
        expect(now.index, what).toBeGreaterThanOrEqual(before.index);
        if (now.body !== before.body) {
          expect(now.index, `the index does not move; ${what}`).toBeGreaterThan(before.index);
          expect(before.isWoken, `nobody is woken; ${what}`).toBe(true);
        }
        if (before.isWoken) await look(path);
      }
    }
    await api.close();
  },
  60_000,
);
