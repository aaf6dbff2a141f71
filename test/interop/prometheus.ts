/**
 * Prometheus, and VictoriaMetrics with an implementation of its own, discover what to scrape through an agent that they
 * take for Consul's. Prometheus is compiled, since Debian's has no discovery through Consul.
 */

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, type TestContext } from 'vitest';
import { eventually } from '../e2e/agent-nodes.ts';
import { CountingProxy } from './counting-proxy.ts';
import { freePort } from './free-port.ts';
import { MeshAgents } from './mesh-agents.ts';
import {
  type AtEnd,
  goProgram,
  missing,
  notBuilt,
  type OutsideProgram,
  scratchDirectory,
  startProgram,
} from './outside-program.ts';

interface Target {
  readonly scrapePool: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly discoveredLabels: Readonly<Record<string, string>>;
  readonly health: string;
}

/** Both read this; VictoriaMetrics has a flag instead of `refresh_interval`, and no filters. */
function configuration(server: string): string {
  const discovery = `server: '${server}', refresh_interval: 1s`;
  const withHealth = 'relabel_configs: [{ source_labels: [__meta_consul_health], target_label: health }]';
  return `
global: { scrape_interval: 1s, scrape_timeout: 500ms }
scrape_configs:
  - job_name: all
    consul_sd_configs: [{ ${discovery} }]
    ${withHealth}
  - job_name: tagged
    consul_sd_configs: [{ ${discovery}, services: [web, cache], tags: [metrics, v2] }]
    ${withHealth}
  - job_name: meta
    consul_sd_configs: [{ ${discovery}, node_meta: { rack: rack-cedar } }]
    ${withHealth}
  - job_name: filtered
    consul_sd_configs: [{ ${discovery}, filter: 'NodeMeta.rack != "rack-birch"', health_filter: 'Node.Meta.rack == "rack-cedar"' }]
    ${withHealth}
  - job_name: passing
    consul_sd_configs: [{ ${discovery}, datacenter: grove, allow_stale: false, token: none, services: [web] }]
    relabel_configs:
      - { source_labels: [__meta_consul_health], regex: passing, action: keep }
      - { source_labels: [__meta_consul_health], target_label: health }
      - { source_labels: [__meta_consul_tags], regex: '.*,v(.+?),.*', target_label: version }
      - { source_labels: [__meta_consul_node], target_label: node }
      - { source_labels: [__meta_consul_service_metadata_scrape_path], regex: (.+), target_label: __metrics_path__ }
`;
}

/** Answers with a metric at /stats; resolves with its port. */
async function exporter(atEnd: AtEnd): Promise<number> {
  const server = createServer((request, response) => {
    response.writeHead(request.url === '/stats' ? 200 : 404, { 'content-type': 'text/plain; version=0.0.4' });
    response.end('requests_total 1\n');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const programs = {
  prometheus: {
    missing: () => notBuilt('prometheus'),
    filters: true,
    start: (atEnd: AtEnd, directory: string, listen: string): OutsideProgram =>
      startProgram(
        atEnd,
        goProgram('prometheus'),
        ['--config.file=config.yml', `--storage.tsdb.path=${join(directory, 'data')}`, `--web.listen-address=${listen}`],
        directory,
      ),
  },
  'victoria-metrics': {
    missing: () => missing('victoria-metrics', ['-version'], 'victoria-metrics'),
    filters: false,
    start: (atEnd: AtEnd, directory: string, listen: string): OutsideProgram =>
      startProgram(
        atEnd,
        'victoria-metrics',
        [
          '-promscrape.config=config.yml',
          '-promscrape.config.strictParse=false',
          `-storageDataPath=${join(directory, 'data')}`,
          `-httpListenAddr=${listen}`,
          '-promscrape.consulSDCheckInterval=1s',
          '-promscrape.suppressScrapeErrors',
        ],
        directory,
      ),
  },
};

/** Instance and health of the targets of the jobs. */
type Wanted = Readonly<Record<'all' | 'tagged' | 'meta' | 'passing', readonly string[]>>;

/** Finds the instances of a mesh with all their labels, and drops them as they fail, leave and die. */
export async function findsTargets(program: keyof typeof programs, { skip, onTestFinished: atEnd }: TestContext): Promise<void> {
  const reason = await programs[program].missing();
  skip(reason !== undefined, reason);
  const mesh = new MeshAgents(atEnd);
  await mesh.start('alder', 'birch', 'cedar');
  const port = await exporter(atEnd);
  const check = { TTL: '10m', Status: 'passing' };
  await mesh.ask('birch', 'PUT', '/v1/agent/service/register', {
    Name: 'web',
    ID: 'web-1',
    Port: port,
    Tags: ['metrics', 'v2'],
    Meta: { 'scrape-path': '/stats' },
    Check: check,
  });
  await mesh.ask('cedar', 'PUT', '/v1/agent/service/register', {
    Name: 'web',
    ID: 'web-2',
    Address: '127.0.0.9',
    Port: port,
    Tags: ['v1', 'metrics'],
    TaggedAddresses: { wan: { Address: '192.0.2.9', Port: 80 } },
    Check: check,
  });
  await mesh.ask('cedar', 'PUT', '/v1/agent/service/register', { Name: 'cache', ID: 'cache-1', Port: 7 });
  await mesh.ask('alder', 'PUT', '/v1/catalog/register', {
    Node: 'printer',
    Address: '192.0.2.7',
    NodeMeta: { floor: '2' },
    Service: { Service: 'print', Port: 9100 },
  });
  const agent = await CountingProxy.start(atEnd, mesh.http('alder'));

  const directory = scratchDirectory(atEnd);
  writeFileSync(join(directory, 'config.yml'), configuration(agent.address));
  const listen = `127.0.0.1:${await freePort()}`;
  const started = programs[program].start(atEnd, directory, listen);
  const targets = async (pool: string): Promise<readonly Target[]> => {
    if (started.hasEnded()) throw new Error(`${program} ended:\n${started.log()}`);
    const answer = await fetch(`http://${listen}/api/v1/targets?state=active`).catch(() => undefined);
    if (answer?.ok !== true) return [];
    const { data } = (await answer.json()) as { data: { activeTargets: readonly Target[] } };
    return data.activeTargets.filter(({ scrapePool, labels }) => (scrapePool ?? labels['job']) === pool);
  };
  /** Instance and health of the targets of each job. */
  const found = async (): Promise<Record<string, readonly string[]>> => {
    const pools = ['all', 'tagged', 'meta', 'filtered', 'passing'];
    const lists = pools.map(async (pool) => {
      const instances = (await targets(pool)).map(
        ({ labels, discoveredLabels }) => `${discoveredLabels['__meta_consul_service_id']} ${labels['health']}`,
      );
      return [pool, instances.sort()] as const;
    });
    return Object.fromEntries(await Promise.all(lists));
  };
  const are = async (what: string, targetsOf: Wanted): Promise<void> => {
    const last = { found: {} };
    const { all, tagged, meta, passing } = targetsOf;
    const wanted = { all, tagged, meta, filtered: programs[program].filters ? meta : all, passing };
    await eventually(what, async () => {
      last.found = await found();
      return JSON.stringify(last.found) === JSON.stringify(wanted);
    }).catch(() => expect(last.found, what).toEqual(wanted));
  };

  await are('the targets are those of the mesh', {
    all: ['cache-1 passing', 'print passing', 'web-1 passing', 'web-2 passing'],
    tagged: ['web-1 passing'],
    meta: ['cache-1 passing', 'web-2 passing'],
    passing: ['web-1 passing', 'web-2 passing'],
  });
  const of = async (pool: string, id: string): Promise<Target | undefined> =>
    (await targets(pool)).find(({ discoveredLabels }) => discoveredLabels['__meta_consul_service_id'] === id);
  const nodeLabels = (node: string): object => ({
    __meta_consul_dc: 'grove',
    __meta_consul_node: node,
    __meta_consul_address: '127.0.0.1',
    __meta_consul_tagged_address_lan: '127.0.0.1',
    __meta_consul_tagged_address_wan: '127.0.0.1',
    __meta_consul_metadata_rack: `rack-${node}`,
    __meta_consul_metadata_region: 'eu',
    __meta_consul_metadata_zone: `zone-${node}`,
  });
  expect((await of('all', 'web-1'))?.discoveredLabels).toMatchObject({
    ...nodeLabels('birch'),
    __address__: `127.0.0.1:${port}`,
    __meta_consul_service: 'web',
    __meta_consul_service_port: String(port),
    __meta_consul_service_metadata_scrape_path: '/stats',
    __meta_consul_tags: ',metrics,v2,',
  });
  expect((await of('all', 'web-2'))?.discoveredLabels).toMatchObject({
    ...nodeLabels('cedar'),
    __address__: `127.0.0.9:${port}`,
    __meta_consul_service_address: '127.0.0.9',
    __meta_consul_tags: ',v1,metrics,',
  });
  expect((await of('all', 'print'))?.discoveredLabels).toMatchObject({
    __address__: '192.0.2.7:9100',
    __meta_consul_node: 'printer',
    __meta_consul_metadata_floor: '2',
  });
  expect((await of('passing', 'web-1'))?.labels).toEqual({
    instance: `127.0.0.1:${port}`,
    job: 'passing',
    health: 'passing',
    node: 'birch',
    version: '2',
  });
  await eventually('web-1 is scraped', async () => (await of('passing', 'web-1'))?.health === 'up');

  await agent.atRest();
  expect(await agent.during(3000)).toEqual([]);

  await mesh.ask('birch', 'PUT', '/v1/agent/check/fail/service:web-1');
  await are('a failed instance is dropped where only passing ones are kept', {
    all: ['cache-1 passing', 'print passing', 'web-1 critical', 'web-2 passing'],
    tagged: ['web-1 critical'],
    meta: ['cache-1 passing', 'web-2 passing'],
    passing: ['web-2 passing'],
  });
  await mesh.ask('cedar', 'PUT', '/v1/agent/service/maintenance/cache-1?enable=true&reason=move');
  await mesh.ask('birch', 'PUT', '/v1/agent/service/deregister/web-1');
  await mesh.ask('birch', 'PUT', '/v1/agent/service/register', {
    Name: 'cache',
    ID: 'cache-2',
    Port: 8,
    Tags: ['v2', 'metrics'],
  });
  await are('what is deregistered is dropped, and what is new is found', {
    all: ['cache-1 maintenance', 'cache-2 passing', 'print passing', 'web-2 passing'],
    tagged: ['cache-2 passing'],
    meta: ['cache-1 maintenance', 'web-2 passing'],
    passing: ['web-2 passing'],
  });
  await mesh.kill('cedar');
  await are('the instances of an agent that was killed are critical', {
    all: ['cache-1 maintenance', 'cache-2 passing', 'print passing', 'web-2 critical'],
    tagged: ['cache-2 passing'],
    meta: ['cache-1 maintenance', 'web-2 critical'],
    passing: [],
  });
  const { requests } = agent;
  expect(requests.length, requests.join('\n')).toBeLessThan(200);
  const metrics = await (await fetch(`http://${listen}/metrics`)).text();
  if (program === 'prometheus') expect(metrics).toMatch(/^prometheus_sd_consul_rpc_failures_total 0$/m);
}
