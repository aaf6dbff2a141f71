/** A mesh whose agents are all killed and started again, under clients that watch it and are not told. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { expect, type TestContext } from 'vitest';
import { eventually } from '../e2e/agent-nodes.ts';
import { freePort } from './free-port.ts';
import { MeshAgents } from './mesh-agents.ts';
import { goProgram, notBuilt, scratchDirectory, startProgram } from './outside-program.ts';

const agents = ['alder', 'birch', 'cedar'] as const;
/** Prometheus tries again 15 s after a failure, and passes on what it found every 5 s. */
const patienceMs = 45_000;

/** One line for each time it is written, so that a moment's loss shows. */
const template = `{{ range service "web|any" }} {{ .ID }}/{{ .Status }}{{ end }} services={{ range services }}{{ .Name }},{{ end }} limit={{ keyOrDefault "limit" "none" }}
`;

interface Target {
  readonly discoveredLabels: Readonly<Record<string, string>>;
}

/** Nothing that was registered is lost, and who watches goes on. */
export async function goesOnAfterRestart({ skip, onTestFinished: atEnd }: TestContext): Promise<void> {
  for (const reason of [notBuilt('prometheus'), notBuilt('consul-template')]) skip(reason !== undefined, reason);
  const mesh = new MeshAgents(atEnd);
  await mesh.start(...agents);
  for (const [n, agent] of agents.entries()) {
    const check = { TTL: '10m', Status: n === 2 ? 'warning' : 'passing', Notes: 'kept' };
    const body = { Name: 'web', ID: `web-${n}`, Port: 8000 + n, Tags: [agent], Meta: { n: String(n) }, Check: check };
    await mesh.ask(agent, 'PUT', '/v1/agent/service/register', body);
  }
  await mesh.ask('birch', 'PUT', '/v1/agent/service/maintenance/web-1?enable=true&reason=disk');
  await mesh.ask('cedar', 'PUT', '/v1/agent/check/register', { Name: 'disk', TTL: '10m', Status: 'critical' });
  await mesh.ask('birch', 'PUT', '/v1/catalog/register', {
    Node: 'printer',
    Address: '192.0.2.7',
    Service: { Service: 'print', Port: 9100 },
  });
  await mesh.ask('cedar', 'PUT', '/v1/kv/limit', '10');
  await mesh.ask('birch', 'PUT', '/v1/config', { Kind: 'service-resolver', Name: 'web', RequestTimeout: '3s' });
  await mesh.ask('alder', 'POST', '/v1/query', { Name: 'nearest', Service: { Service: 'web', Near: '_agent' } });

  const directory = scratchDirectory(atEnd);
  writeFileSync(join(directory, 'template'), template);
  const consulTemplate = startProgram(
    atEnd,
    goProgram('consul-template'),
    ['-consul-addr', mesh.http('alder'), '-template', 'template:output:cat output >> written'],
    directory,
  );
  const discovery = `[{ server: '${mesh.http('alder')}', refresh_interval: 1s }]`;
  writeFileSync(join(directory, 'config.yml'), `scrape_configs: [{ job_name: all, consul_sd_configs: ${discovery} }]\n`);
  const listen = `127.0.0.1:${await freePort()}`;
  const prometheus = startProgram(
    atEnd,
    goProgram('prometheus'),
    ['--config.file=config.yml', `--storage.tsdb.path=${join(directory, 'data')}`, `--web.listen-address=${listen}`],
    directory,
  );
  const written = (): readonly string[] => {
    if (consulTemplate.hasEnded()) throw new Error(`consul-template ended:\n${consulTemplate.log()}`);
    try {
      return readFileSync(join(directory, 'written'), 'utf8').trimEnd().split('\n');
    } catch {
      return [];
    }
  };
  const scraped = async (): Promise<string> => {
    if (prometheus.hasEnded()) throw new Error(`Prometheus ended:\n${prometheus.log()}`);
    const answer = await fetch(`http://${listen}/api/v1/targets?state=active`).catch(() => undefined);
    if (answer?.ok !== true) return '';
    const { data } = (await answer.json()) as { data: { activeTargets: readonly Target[] } };
    const ids = data.activeTargets.map(({ discoveredLabels }) => String(discoveredLabels['__meta_consul_service_id']));
    return ids.sort().join(' ');
  };

  const before = ' web-0/passing web-1/maintenance web-2/critical services=print,web, limit=10';
  await eventually('consul-template wrote what is so', () => written().at(-1) === before);
  const targets = 'print web-0 web-1 web-2';
  await eventually('Prometheus found what is so', async () => (await scraped()) === targets, patienceMs);
  const known = await knowledge(mesh);
  const index = (await fetch(`http://${mesh.http('alder')}/v1/health/service/web`)).headers.get('x-consul-index');

  await mesh.kill(...agents);
  const linesBefore = written().length;
  // Both notice that the agent is away.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const seen = new Set<string>();
  const watching = setInterval(() => void scraped().then((ids) => seen.add(ids)), 250);
  try {
    const comingBack = firstAnswer(`http://${mesh.http('alder')}/v1/health/service/web?index=${index}&wait=20s`);
    // All at once: for one that comes back much later than the others nobody waits, and on a busy host a start takes long.
    await mesh.start(...agents);
    expect((await comingBack).map(({ Service }) => Service.ID)).toEqual(['web-0', 'web-1', 'web-2']);
    await eventually('all agents know again what they knew', async () => isDeepStrictEqual(await knowledge(mesh), known)).catch(
      async () => expect(await knowledge(mesh)).toEqual(known),
    );
    await mesh.ask('cedar', 'PUT', '/v1/agent/service/register', { Name: 'web', ID: 'web-3', Port: 8003 });
    const after = before.replace(' services', ' web-3/critical services');
    await eventually('consul-template goes on', () => written().at(-1) === after, patienceMs);
    await eventually('Prometheus goes on', async () => (await scraped()) === `${targets} web-3`, patienceMs);
    expect(written().slice(linesBefore), 'no line without what was there all the time').toEqual([after]);
    expect([targets, `${targets} web-3`], 'no target was dropped in between').toEqual(expect.arrayContaining([...seen]));
  } finally {
    clearInterval(watching);
  }
}

/** Asks until somebody answers. */
async function firstAnswer(url: string): Promise<readonly { readonly Service: { readonly ID: string } }[]> {
  for (;;) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer !== undefined) return (await answer.json()) as readonly { readonly Service: { readonly ID: string } }[];
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What every agent answers about the whole mesh, less indexes and what is measured. */
async function knowledge(mesh: MeshAgents): Promise<readonly unknown[]> {
  const paths = [
    '/v1/agent/services',
    '/v1/agent/checks',
    '/v1/catalog/nodes',
    '/v1/health/service/web',
    '/v1/health/state/any',
    '/v1/catalog/service/print',
    '/v1/kv/?recurse',
    '/v1/config/service-resolver',
    '/v1/query',
  ];
  return Promise.all(
    agents.flatMap((agent) =>
      paths.map(async (path) => {
        const answer = await mesh.ask(agent, 'GET', path);
        const stable = JSON.stringify(answer, (key, value: unknown) =>
          ['CreateIndex', 'ModifyIndex', 'proxy'].includes(key) ? undefined : value,
        );
        return { agent, path, answer: JSON.parse(stable) as unknown };
      }),
    ),
  );
}
