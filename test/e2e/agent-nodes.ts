/** Real agents in this process, on free loopback ports, and waiting for what they do. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Agent, type AgentConfig, loadConfig, type Settings, startAgent } from '@skein/agent';
import type { View } from '@skein/core';

export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string };

export interface RunningNode {
  readonly agent: Agent;
  readonly log: LogLine[];
  readonly gossip: string;
  readonly http: string;
  /** Asks the HTTP API. */
  request(method: string, path: string, body?: unknown): Promise<{ readonly status: number; readonly text: string }>;
}

/** Everything a test starts, ended by `close`. */
export class Nodes {
  readonly #agents: Agent[] = [];
  readonly #directories: string[] = [];

  directory(): string {
    const path = mkdtempSync(join(tmpdir(), 'skein-agent-'));
    this.#directories.push(path);
    return join(path, 'data');
  }

  config(settings: Partial<Settings>): AgentConfig {
    const base = {
      bind: '127.0.0.1:0',
      http: '127.0.0.1:0',
      proxy: '127.0.0.1:0',
      dns: '127.0.0.1:0',
      profile: 'local',
      logFormat: 'json',
    } as const;
    return loadConfig({
      flags: { ...base, ...(settings.dataDir === undefined ? { dataDir: this.directory() } : {}), ...settings },
    }).config;
  }

  async start(settings: Partial<Settings>): Promise<RunningNode> {
    const log: LogLine[] = [];
    const agent = await startAgent(this.config({ logLevel: 'debug', ...settings }), {
      logTo: { write: (line) => void log.push(JSON.parse(line) as LogLine) },
    });
    this.#agents.push(agent);
    const { gossip = '', http = '' } = agent.info.listeners;
    return {
      agent,
      log,
      gossip,
      http,
      async request(method, path, body) {
        const answer = await fetch(`http://${http}${path}`, {
          method,
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        return { status: answer.status, text: await answer.text() };
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.stop({ leave: false })));
    for (const path of this.#directories) rmSync(path, { recursive: true, force: true });
  }
}

const deadlineMs = 15_000;

/** Waits until the view of an agent is as wanted, by its own notices of change. Fails with `what` after a deadline. */
export async function seen(node: RunningNode, topic: string, what: string, holds: (view: View) => boolean): Promise<void> {
  const signal = AbortSignal.timeout(deadlineMs);
  let view = node.agent.port.view();
  while (!holds(view)) {
    if (signal.aborted) throw new Error(`not seen on ${node.agent.info.name} in time: ${what}`);
    view = await node.agent.port.changed(topic, view.index(topic), signal);
  }
}

/** Polls something that gives no notice. Fails with `what` after `patienceMs`. */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  patienceMs: number = deadlineMs,
): Promise<void> {
  const until = performance.now() + patienceMs;
  while (!(await holds())) {
    if (performance.now() > until) throw new Error(`did not happen in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
