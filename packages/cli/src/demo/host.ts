/** One host of the demo: an agent and an instance of the sample service beside it, each a process of its own. */

import { join } from 'node:path';
import { agentApi } from '../agent-api.ts';
import type { AgentApi } from '../agent-api.ts';
import type { Io } from '../io.ts';
import { numberAt, objectAt, textAt } from '../json-value.ts';
import { startChild } from './child.ts';
import type { Child } from './child.ts';

const readyWithinMs = 30_000;
/** Leaving takes the time to tell the others; after this it is ended by force. */
const stopWithinMs = 5000;

/** What all hosts of one demo share. */
export interface HostSetup {
  readonly io: Io;
  readonly directory: string;
  readonly mesh: string;
  readonly token: string;
  /** A process of a host that should be up has ended, and the other one with it. */
  readonly onLoss: (what: string, child: Child) => void;
}

export interface RunningAgent {
  readonly child: Child;
  readonly api: AgentApi;
  /** `host:port` others join through. */
  readonly gossip: string;
  readonly proxy: { readonly host: string; readonly port: number };
}

export class Host {
  readonly agentName: string;
  readonly instance: string;
  readonly dataDir: string;
  readonly #setup: HostSetup;
  #agent: RunningAgent | undefined;
  #orders: Child | undefined;
  #ordersPort = 0;
  #isDown = false;

  constructor(number: number, setup: HostSetup) {
    this.agentName = `agent-${number}`;
    this.instance = `orders-${number}`;
    this.dataDir = join(setup.directory, this.agentName);
    this.#setup = setup;
  }

  /** The agent as it was started last. */
  get agent(): RunningAgent {
    if (this.#agent === undefined) throw new Error(`${this.agentName} was not started`);
    return this.#agent;
  }

  /** Where the instance listens; the same after a restart. */
  get ordersPort(): number {
    return this.#ordersPort;
  }

  isUp(): boolean {
    return this.#agent?.child.isRunning() === true;
  }

  children(): readonly Child[] {
    return [this.#agent?.child, this.#orders].filter((child) => child !== undefined);
  }

  async startOrders(): Promise<void> {
    const args = ['demo-orders', '--name', this.instance, '--port', String(this.#ordersPort)];
    this.#orders = this.#start(this.instance, args);
    this.#ordersPort = numberAt(await this.#orders.ready, 'port');
  }

  /** Without `seed` it finds the mesh through the peers in its data directory. */
  async startAgent(seed: string | undefined): Promise<void> {
    const anyPort = '127.0.0.1:0';
    const listen = ['--bind', anyPort, '--http', anyPort, '--proxy', anyPort, '--dns', anyPort];
    const args = ['agent', '--name', this.agentName, '--mesh', this.#setup.mesh, '--data-dir', this.dataDir, ...listen];
    const rest = ['--profile', 'local', '--log-format', 'json', '--while-stdin', ...(seed === undefined ? [] : ['--join', seed])];
    this.#isDown = false;
    // The token goes by the environment: arguments are visible to every user of this machine.
    const child = this.#start(this.agentName, [...args, ...rest], { SKEIN_TOKEN: this.#setup.token });
    const listeners = objectAt(await child.ready, 'listeners');
    const proxy = new URL(`http://${textAt(listeners, 'proxy')}`);
    this.#agent = {
      child,
      api: agentApi(this.#setup.io, textAt(listeners, 'http')),
      gossip: textAt(listeners, 'gossip'),
      proxy: { host: proxy.hostname, port: Number(proxy.port) },
    };
  }

  async register(): Promise<void> {
    const url = `http://127.0.0.1:${this.#ordersPort}/health`;
    await this.agent.api.put('/v1/agent/service/register', {
      Name: 'orders',
      ID: this.instance,
      Address: '127.0.0.1',
      Port: this.#ordersPort,
      Tags: ['demo'],
      Check: { HTTP: url, Interval: '1s', Timeout: '1s' },
    });
  }

  /** Both processes end now, as on a host that lost power. */
  kill(): void {
    this.#isDown = true;
    for (const child of this.children()) child.kill('SIGKILL');
  }

  /** Says goodbye to the mesh and ends. */
  async stop(): Promise<void> {
    this.#isDown = true;
    for (const child of this.children()) child.kill('SIGTERM');
    const force = setTimeout(() => this.kill(), stopWithinMs);
    await Promise.all(this.children().map((child) => child.exited));
    clearTimeout(force);
  }

  #start(name: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Child {
    return startChild({
      name,
      command: this.#setup.io.self,
      args,
      env,
      readyWithinMs,
      onExit: (child, how) => {
        if (this.#isDown) return;
        // A host is lost as a whole: its instance ends with its agent.
        this.kill();
        this.#setup.onLoss(`${name} ${how}`, child);
      },
    });
  }
}
