/**
 * Our agents, run as users run them: the bundled command with a data directory, a token and the `lan` profile. What an
 * agent believes is asked over its HTTP API by blocking queries, as any client would.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Agent, Contender, Suspicion } from './contender.ts';
import { nowMs } from './process.ts';
import type { Process } from './process.ts';
import { Sightings } from './sightings.ts';
import { launchSkein } from './skein-process.ts';
import type { Listeners } from './skein-process.ts';
import { ApiClient } from './watch.ts';

/** Of no use outside a benchmark that runs on loopback. */
const token = 'bench-bench-bench-bench-bench';

class SkeinAgent implements Agent {
  readonly name: string;
  readonly process: Process;
  readonly listening: Promise<number>;
  readonly ready: Promise<number>;
  readonly seen = new Sightings();
  #listeners: Listeners | undefined;
  #api: ApiClient | undefined;

  constructor(root: string, folder: string, name: string, seed: SkeinAgent | undefined) {
    this.name = name;
    const seeds = seed === undefined ? [] : ['--join', seed.listeners.gossip];
    const flags = ['--name', name, '--mesh', 'bench', '--data-dir', join(folder, name), '--token', token, '--profile', 'lan'];
    this.process = launchSkein(root, [...flags, ...seeds]).process;
    const ended = this.process.exited.then(() => {
      throw new Error(`${name} ended:\n${this.process.tail}`);
    });
    // It says so once all its listeners are open, and joins from then on.
    this.ready = Promise.race([this.seen.when('ready'), ended]);
    this.listening = this.ready;
    for (const each of [ended, this.ready]) each.catch(() => undefined);
  }

  /** Known once it is ready. */
  get listeners(): Listeners {
    if (this.#listeners === undefined) throw new Error(`${this.name} is not ready`);
    return this.#listeners;
  }

  set listeners(listeners: Listeners) {
    this.#listeners = listeners;
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
        const atMs = line.time === undefined ? cameMs : Date.parse(line.time);
        if (line.msg === 'ready' && line.listeners !== undefined) {
          agent.listeners = line.listeners;
          agent.seen.note('ready', atMs);
          agent.watch();
        }
        const isSuspected = line.msg === 'member changed' && (line.to === 'suspect' || line.to === 'failed');
        if (isSuspected || line.msg === 'member is out of rotation')
          suspicions.push({ subject: line.name ?? '', atMs, told: `at ${name}: ${text}` });
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

/** The fields of a log line that matter here. */
interface LogLine {
  readonly msg?: string;
  /** ISO 8601 with milliseconds. */
  readonly time?: string;
  readonly listeners?: Listeners;
  /** Of the member that a line is about. */
  readonly name?: string;
  readonly to?: string;
}

function parseLine(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return {};
  }
}
