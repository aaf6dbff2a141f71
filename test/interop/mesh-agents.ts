/** A mesh of agents as processes of their own, which are killed and come back with the same data and the same ports. */

import { join } from 'node:path';
import { expect } from 'vitest';
import { AgentProcess } from '../e2e/agent-child.ts';
import { eventually } from '../e2e/agent-nodes.ts';
import { freePort } from './free-port.ts';
import { type AtEnd, scratchDirectory } from './outside-program.ts';

const token = 'a-token-for-interop-tests';

interface Ports {
  readonly gossip: number;
  readonly http: number;
  readonly dns: number;
  readonly proxy: number;
}

export class MeshAgents {
  readonly #directory: string;
  readonly #ports = new Map<string, Ports>();
  readonly #running = new Map<string, AgentProcess>();

  constructor(atEnd: AtEnd) {
    this.#directory = scratchDirectory(atEnd);
    atEnd(async () => {
      await Promise.all([...this.#running.keys()].map((name) => this.kill(name)));
    });
  }

  /** Starts agents, for the first time or again, and waits until each knows all that run. */
  async start(...names: readonly string[]): Promise<void> {
    await this.launch(...names);
    await eventually('all agents know each other', async () => {
      const counts = await Promise.all([...this.#running.keys()].map((name) => this.#usableMembers(name)));
      return counts.every((count) => count === this.#running.size);
    });
  }

  /** Starts agents and waits only until they listen. */
  async launch(...names: readonly string[]): Promise<void> {
    const started: AgentProcess[] = [];
    for (const name of names) {
      const ports = this.#ports.get(name) ?? (await freshPorts());
      const seeds = [...this.#ports.values()].filter((other) => other !== ports);
      this.#ports.set(name, ports);
      const identity = ['--name', name, '--mesh', 'grove', '--token', token, '--data-dir', join(this.#directory, name)];
      const at = { '--bind': ports.gossip, '--http': ports.http, '--dns': ports.dns, '--proxy': ports.proxy };
      const listeners = Object.entries(at).flatMap(([flag, port]) => [flag, `127.0.0.1:${port}`]);
      const joining = seeds.flatMap(({ gossip }) => ['--join', `127.0.0.1:${gossip}`]);
      const place = ['--region', 'eu', '--zone', `zone-${name}`, '--tag', `rack=rack-${name}`];
      const agent = new AgentProcess([...identity, ...listeners, ...joining, ...place]);
      this.#running.set(name, agent);
      started.push(agent);
    }
    await Promise.all(started.map((agent) => agent.ready()));
  }

  /** `kill -9`, as far as its host is concerned. */
  async kill(...names: readonly string[]): Promise<void> {
    const agents = names.flatMap((name) => this.#running.get(name) ?? []);
    for (const name of names) this.#running.delete(name);
    for (const agent of agents) agent.kill('SIGKILL');
    await Promise.all(agents.map((agent) => agent.exit));
  }

  http(name: string): string {
    return `127.0.0.1:${this.#ports.get(name)?.http}`;
  }

  dns(name: string): string {
    return `127.0.0.1:${this.#ports.get(name)?.dns}`;
  }

  /** Asks an agent and expects that it answers with 200. Resolves with the JSON of the answer, if that is what it is. */
  async ask(name: string, method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await fetch(`http://${this.http(name)}${path}`, {
      method,
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    expect(`${answer.status} ${text}`).toMatch(/^200 /);
    return (answer.headers.get('content-type') ?? '').includes('json') ? JSON.parse(text) : text;
  }

  async #usableMembers(name: string): Promise<number> {
    const members = (await this.ask(name, 'GET', '/v1/mesh/members')) as {
      readonly status: string;
      readonly reachable: boolean;
      readonly verified: boolean;
    }[];
    return members.filter(({ status, reachable, verified }) => status === 'alive' && reachable && verified).length;
  }
}

async function freshPorts(): Promise<Ports> {
  return { gossip: await freePort(), http: await freePort(), dns: await freePort(), proxy: await freePort() };
}
