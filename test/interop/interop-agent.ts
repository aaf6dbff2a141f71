/** Agents for outside clients: processes of the bundle that users start, in one mesh, on ports that they keep. */

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AgentProcess } from '../e2e/agent-child.ts';
import type { LogLine } from '../e2e/agent-nodes.ts';
import type { AtEnd } from './outside-program.ts';

const bundle = fileURLToPath(new URL('../../packages/cli/dist/skein.js', import.meta.url));
const token = 'a-token-for-interop-tests';
const membersTimeoutMs = 30_000;

/** What a mesh needs of the test it runs in: `test.concurrent` gives each its own. */
export interface Ending {
  readonly onTestFinished: AtEnd;
}

export class InteropAgent {
  readonly name: string;
  readonly #args: readonly string[];
  #process: AgentProcess;
  #listeners: Readonly<Record<string, string>> = {};

  constructor(name: string, args: readonly string[]) {
    this.name = name;
    this.#args = ['--name', name, '--token', token, ...args];
    this.#process = new AgentProcess(this.#args);
  }

  /** `HOST:PORT` of its HTTP API. */
  get http(): string {
    return this.#listeners['http'] ?? '';
  }

  /** `HOST:PORT` of its DNS. */
  get dns(): string {
    return this.#listeners['dns'] ?? '';
  }

  get gossip(): string {
    return this.#listeners['gossip'] ?? '';
  }

  get log(): readonly LogLine[] {
    return this.#process.log;
  }

  /** Resolves once it listens. */
  async ready(): Promise<this> {
    this.#listeners = await this.#process.ready();
    return this;
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#process.exit;
  }

  /** Starts it again after `kill`, with the data and the ports that it had. Resolves once it listens. */
  restart(): Promise<this> {
    const { gossip = '', ...others } = this.#listeners;
    const ports = Object.entries({ bind: gossip, ...others }).flatMap(([name, address]) => [`--${name}`, address]);
    this.#process = new AgentProcess([...this.#args, ...ports]);
    return this.ready();
  }

  /** Asks its HTTP API; resolves with the decoded answer. Fails on any status but 200. */
  async get(path: string): Promise<unknown> {
    const answer = await fetch(`http://${this.http}${path}`, { signal: AbortSignal.timeout(20_000) });
    if (answer.status !== 200) throw new Error(`GET ${path} of ${this.name}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  /** Waits, with blocking queries, until it believes that `count` members can be sent traffic. */
  async untilMembers(count: number): Promise<void> {
    const signal = AbortSignal.timeout(membersTimeoutMs);
    for (let index = '0'; ;) {
      const answer = await fetch(`http://${this.http}/v1/mesh/members?index=${index}&wait=10s`, { signal });
      const members = (await answer.json()) as { status: string; reachable: boolean; verified: boolean }[];
      const usable = members.filter(({ status, reachable, verified }) => status === 'alive' && reachable && verified);
      if (usable.length === count) return;
      index = answer.headers.get('x-consul-index') ?? '0';
    }
  }
}

/** Starts agents of these names that know each other; they end with the test. */
export async function startMesh<const Names extends readonly string[]>(
  names: Names,
  { onTestFinished }: Ending,
): Promise<{ readonly [At in keyof Names]: InteropAgent }> {
  if (!existsSync(bundle)) throw new Error(`${bundle} is missing: npm run build`);
  const directory = mkdtempSync(join(tmpdir(), 'skein-interop-'));
  const agents: InteropAgent[] = [];
  onTestFinished(async () => {
    await Promise.all(agents.map((agent) => agent.kill()));
    rmSync(directory, { recursive: true, force: true });
  });
  for (const name of names) {
    const seed = agents[0]?.gossip;
    const joining = seed === undefined ? [] : ['--join', seed];
    const agent = new InteropAgent(name, ['--mesh', 'interop', '--data-dir', join(directory, name), ...joining]);
    agents.push(agent);
    await agent.ready();
  }
  await Promise.all(agents.map((agent) => agent.untilMembers(names.length)));
  return agents as { readonly [At in keyof Names]: InteropAgent };
}
