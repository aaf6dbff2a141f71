/**
 * Our agents, run as users run them: the bundled command with a data directory, a token and the `lan` profile. What an
 * agent believes is asked over its HTTP API by blocking queries, as any client would.
 */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Agent, Contender, Suspicion } from './contender.ts';
import { nowMs, Process } from './process.ts';
import { Sightings } from './sightings.ts';
import { ApiClient } from './watch.ts';

/** Of no use outside a benchmark that runs on loopback. */
const token = 'bench-bench-bench-bench-bench';

interface Listeners {
  readonly gossip: string;
  readonly http: string;
}

class SkeinAgent implements Agent {
  readonly name: string;
  readonly process: Process;
  readonly listening: Promise<number>;
  readonly ready: Promise<number>;
  readonly seen = new Sightings();
  readonly #dataDir: string;
  #listeners: Listeners | undefined;
  #api: ApiClient | undefined;

  constructor(root: string, folder: string, name: string, seed: SkeinAgent | undefined) {
    this.name = name;
    this.#dataDir = join(folder, name);
    const join_ = seed === undefined ? [] : ['--join', seed.listeners.gossip];
    const flags = ['--name', name, '--mesh', 'bench', '--data-dir', this.#dataDir, '--token', token, '--profile', 'lan'];
    const ports = ['--bind', '127.0.0.1:0', '--http', '127.0.0.1:0', '--proxy', '127.0.0.1:0'];
    const script = join(root, 'packages/cli/dist/skein.js');
    this.process = new Process(
      process.execPath,
      [script, 'agent', ...flags, ...ports, '--log-format', 'json', ...join_],
      ownEnvironment(),
    );
    const ended = this.process.exited.then(() => {
      throw new Error(`${name} ended:\n${this.process.tail}`);
    });
    this.listening = Promise.race([this.seen.when('listening'), ended]);
    this.ready = Promise.race([this.seen.when('ready'), ended]);
    for (const each of [ended, this.listening, this.ready]) each.catch(() => undefined);
  }

  /** Known once it listens. */
  get listeners(): Listeners {
    this.#listeners ??= (
      JSON.parse(readFileSync(join(this.#dataDir, 'agent.json'), 'utf8')) as { listeners: Listeners }
    ).listeners;
    return this.#listeners;
  }

  get api(): ApiClient {
    this.#api ??= new ApiClient(this.listeners.http);
    return this.#api;
  }

  /** Turns the answers of this agent into sightings, from now on. */
  watch(): void {
    const routed = new Set<string>();
    void this.api.follow('/v1/health/service/bench?passing=1', ({ body, atMs }) => {
      const names = new Set((JSON.parse(body) as { Node: { Node: string } }[]).map((entry) => entry.Node.Node));
      for (const name of names) this.seen.note(`routed ${name}`, atMs);
      for (const name of routed) if (!names.has(name)) this.seen.note(`evicted ${name}`, atMs);
      routed.clear();
      for (const name of names) routed.add(name);
    });
    void this.api.follow('/v1/health/service/change?passing=1', ({ body, atMs }) => {
      for (const entry of JSON.parse(body) as { Service: { Tags: string[] } }[])
        this.seen.note(`change ${entry.Service.Tags[0]}`, atMs);
    });
    void this.api.follow('/v1/catalog/nodes', ({ body, atMs }) => {
      for (const node of JSON.parse(body) as { Node: string }[]) this.seen.note(`joined ${node.Node}`, atMs);
    });
  }

  unwatch(): void {
    this.#api?.close();
  }
}

export function startSkein(root: string): Contender {
  const folder = mkdtempSync(join(tmpdir(), 'skein-bench-'));
  const agents = new Map<string, SkeinAgent>();
  const suspicions: Suspicion[] = [];
  const ours = (agent: Agent): SkeinAgent => agent as SkeinAgent;

  return {
    name: 'skein',
    changeIs: 'registration',
    launch(name, seed) {
      const agent = new SkeinAgent(root, folder, name, seed === undefined ? undefined : ours(seed));
      agents.set(name, agent);
      agent.process.onLine((text, cameMs) => {
        const line = parseLine(text);
        const atMs = typeof line['time'] === 'number' ? line['time'] : cameMs;
        if (line['msg'] === 'listening') agent.seen.note('listening', atMs);
        if (line['msg'] === 'ready') {
          agent.seen.note('ready', atMs);
          agent.watch();
        }
        if (line['event'] === 'member-changed' && line['to'] === 'suspect')
          suspicions.push({ subject: String(line['member']), atMs });
      });
      return agent;
    },
    serve: (agent) => register(ours(agent), { Name: 'bench', ID: 'bench', Address: '127.0.0.1', Port: 9 }),
    joined: (observer, subject) => ours(observer).seen.when(`joined ${subject}`),
    routed: (observer, subject) => ours(observer).seen.when(`routed ${subject}`),
    evicted: (observer, subject) => ours(observer).seen.when(`evicted ${subject}`),
    async change(agent, id) {
      const startMs = nowMs();
      await register(ours(agent), { Name: 'change', ID: 'change', Address: '127.0.0.1', Port: 9, Tags: [id] });
      return startMs;
    },
    unchange: async (agent) => void (await ours(agent).api.mustCall('PUT', '/v1/agent/service/deregister/change')),
    changed: (observer, id) => ours(observer).seen.when(`change ${id}`),
    suspicions: () => suspicions,
    forget(agent) {
      ours(agent).unwatch();
      agents.delete(agent.name);
    },
    async close() {
      for (const agent of agents.values()) agent.unwatch();
      await Promise.all([...agents.values()].map((agent) => agent.process.kill()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function register(agent: SkeinAgent, service: Readonly<Record<string, unknown>>): Promise<void> {
  await agent.api.mustCall('PUT', '/v1/agent/service/register', service);
}

/** Without the settings that a developer has for agents of their own. */
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('SKEIN_')));
}

function parseLine(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
