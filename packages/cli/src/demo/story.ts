/**
 * The demo itself: three hosts form a mesh, serve a steady stream of requests, lose one host to SIGKILL and get
 * it back. Everything is real: processes, sockets, the HTTP API, the proxy.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readInstances, readMembers } from '../catalog-read.ts';
import { createToken } from '../commands/token.ts';
import { CliFailure, reasonOf } from '../failure.ts';
import type { Io } from '../io.ts';
import { TimeLimit } from '../time-limit.ts';
import { tailHint } from './child.ts';
import { Host } from './host.ts';
import { startLoad } from './load.ts';
import type { Load } from './load.ts';
import { milliseconds } from './screen.ts';
import type { Screen } from './screen.ts';
import { spreadOf, StepList } from './summary.ts';
import type { KillResult, RestartResult, Summary } from './summary.ts';
import { pause, until } from './wait.ts';

const hostCount = 3;
const requestsPerSecond = 100;
const convergeWithinMs = 30_000;
const measureEveryMs = 10;
const frameEveryMs = 250;
/** How long the stream runs undisturbed before the kill, between kill and restart, and after. */
const calmMs = { before: 4000, down: 3000, after: 3000 } as const;

export interface StoryOptions {
  readonly io: Io;
  readonly screen: Screen;
  /** Aborts when the user wants to stop. */
  readonly interrupted: AbortSignal;
  /** Called after the last step; the mesh runs on until it resolves. */
  readonly stay: (stage: Stage) => Promise<void>;
}

/** What is up when the story is over. */
export interface Stage {
  readonly hosts: readonly Host[];
  readonly directory: string;
}

/** Plays the demo and cleans up. Rejects only for a bug: what goes wrong is in the summary. */
export async function playStory(options: StoryOptions): Promise<Summary> {
  const startedAtMs = performance.now();
  const story = new Story(options);
  let error: unknown;
  try {
    await story.play();
  } catch (thrown) {
    error = thrown;
  }
  await story.end();
  const summary = story.summary(Math.round(performance.now() - startedAtMs));
  return error === undefined ? summary : { ...summary, ok: false, error: failureText(error) };
}

function failureText(error: unknown): string {
  return [reasonOf(error), ...(error instanceof CliFailure ? error.hint : [])].join('\n');
}

class Story {
  readonly #options: StoryOptions;
  readonly #directory = mkdtempSync(join(tmpdir(), 'skein-demo-'));
  readonly #stop = new AbortController();
  readonly #hosts: readonly Host[];
  readonly #list = new StepList();
  #isPlaying = true;
  #load: Load | undefined;
  #frames: Promise<void> = Promise.resolve();
  #members: readonly string[] = [];
  #instances: readonly string[] = [];
  #kill: KillResult | undefined;
  #restart: RestartResult | undefined;

  constructor(options: StoryOptions) {
    this.#options = options;
    const setup = {
      io: options.io,
      directory: this.#directory,
      mesh: 'demo',
      token: createToken(),
      onLoss: (what: string, child: { readonly name: string; tail(): readonly string[] }) => {
        options.screen.event(what);
        if (this.#isPlaying) this.#stop.abort(new CliFailure(what, { hint: tailHint(child.name, child.tail()) }));
      },
    };
    this.#hosts = Array.from({ length: hostCount }, (_, index) => new Host(index + 1, setup));
    const { interrupted } = options;
    const stop = (): void => this.#stop.abort(new CliFailure('stopped before it was over'));
    if (interrupted.aborted) stop();
    else interrupted.addEventListener('abort', stop, { once: true });
    // However this process ends, nothing of the demo stays behind.
    process.once('exit', () => this.#sweep());
  }

  async play(): Promise<void> {
    const { screen } = this.#options;
    screen.event(`starting ${hostCount} agents as separate processes, joined by a fresh token through agent-1`);
    await this.#step(
      'agents started',
      () => this.#startHosts(),
      () => this.#hosts.map((host) => host.agentName).join(', '),
    );
    await this.#step(
      'members see each other',
      () => this.#waitForMembers(),
      (names) => `${names.join(', ')} on every agent`,
    );
    await this.#step(
      'instances registered',
      () => this.#register(),
      (ids) => `${ids.join(', ')} pass their checks on every agent`,
    );
    await this.#step(
      'route applied',
      () => this.#applyRoute(),
      () => '/order goes to orders; written on agent-2, used on agent-1',
    );
    await this.#step(
      'every instance serves',
      () => this.#serve(),
      (text) => text,
    );
    const host = this.#hosts[hostCount - 1] as Host;
    await this.#step(
      'host killed',
      () => this.#killHost(host),
      ({ leftRotationMs, failedRequests }) =>
        `out of rotation after ${milliseconds(leftRotationMs)}, ${failedRequests} requests failed while it was down`,
    );
    await this.#step(
      'host restarted',
      () => this.#restartHost(host),
      ({ seenMs, servedMs }) => `back in rotation after ${milliseconds(seenMs)}, served after ${milliseconds(servedMs)}`,
    );
    await this.#step(
      'no request failed',
      () => this.#checkLoad(),
      (total) => `${total} requests, 0 failed`,
    );
    this.#isPlaying = false;
    await this.#options.stay({ hosts: this.#hosts, directory: this.#directory });
  }

  /** Stops everything and removes what it left on disk. */
  async end(): Promise<void> {
    this.#isPlaying = false;
    this.#stop.abort(new CliFailure('the demo is over'));
    await this.#load?.stop();
    await this.#frames;
    await Promise.all(this.#hosts.map((host) => host.stop()));
    this.#sweep();
  }

  summary(durationMs: number): Summary {
    const load = this.#load?.stats();
    const names = this.#hosts.map((host) => host.instance);
    const perInstance = Object.fromEntries(names.map((name) => [name, load?.byInstance.get(name)?.requests ?? 0]));
    const round = (ms: number): number => Math.round(ms * 100) / 100;
    return {
      ok: this.#list.steps.every((step) => step.ok),
      members: this.#members,
      instances: this.#instances,
      requests: {
        total: load?.requests ?? 0,
        failed: load?.failed ?? 0,
        perInstance,
        spread: spreadOf(Object.values(perInstance)),
        latencyMs: { p50: round(load?.p50Ms ?? 0), p99: round(load?.p99Ms ?? 0) },
      },
      ...(this.#kill === undefined ? {} : { kill: this.#kill }),
      ...(this.#restart === undefined ? {} : { restart: this.#restart }),
      steps: this.#list.steps,
      durationMs,
    };
  }

  async #step<T>(name: string, run: () => Promise<T>, detailOf: (value: T) => string): Promise<T> {
    const value = await this.#list.run(name, run, detailOf);
    this.#options.screen.event(`${name}: ${detailOf(value)}`);
    return value;
  }

  #until<T>(what: string, ask: () => Promise<T | undefined>, everyMs = 50): Promise<T> {
    const hint = (): readonly string[] =>
      this.#hosts.flatMap((host) => host.children()).flatMap((child) => tailHint(child.name, child.tail().slice(-4)));
    return until({ what, withinMs: convergeWithinMs, everyMs, signal: this.#stop.signal, hint }, ask);
  }

  async #startHosts(): Promise<void> {
    const orders = Promise.all(this.#hosts.map((host) => host.startOrders()));
    const [first, ...others] = this.#hosts;
    await first?.startAgent(undefined);
    await Promise.all([orders, ...others.map((host) => host.startAgent(first?.agent.gossip))]);
    this.#stop.signal.throwIfAborted();
  }

  async #waitForMembers(): Promise<readonly string[]> {
    const seen = await Promise.all(
      this.#hosts.map((host) =>
        this.#until(`${host.agentName} to see ${hostCount} members`, async () => {
          const usable = (await readMembers(host.agent.api)).filter(
            (member) => member.status === 'alive' && member.reachable && member.verified,
          );
          return usable.length === hostCount ? usable.map((member) => member.name) : undefined;
        }),
      ),
    );
    this.#members = seen[0] ?? [];
    return this.#members;
  }

  async #register(): Promise<readonly string[]> {
    await Promise.all(this.#hosts.map((host) => host.register()));
    const seen = await Promise.all(
      this.#hosts.map((host) =>
        this.#until(`${host.agentName} to see ${hostCount} healthy instances of orders`, async () => {
          const ids = await this.#inRotation(host);
          return ids.length === hostCount ? ids : undefined;
        }),
      ),
    );
    this.#instances = seen[0] ?? [];
    return this.#instances;
  }

  async #inRotation(host: Host): Promise<readonly string[]> {
    const instances = await readInstances(host.agent.api, 'orders');
    return instances.filter((instance) => instance.routable && instance.status === 'passing').map((instance) => instance.id);
  }

  async #applyRoute(): Promise<void> {
    const [first, second] = this.#hosts as readonly [Host, Host];
    await second.agent.api.put('/v1/mesh/config/route/order', routeToOrders);
    await this.#until('the route /order to be used by the proxy of agent-1', async () => {
      const { host, port } = first.agent.proxy;
      const limit = new TimeLimit(2000);
      return limit.hold(async () => {
        const response = await fetch(`http://${host}:${port}/order/0`, { signal: limit.signal });
        await response.arrayBuffer();
        return response.ok ? true : undefined;
      });
    });
  }

  async #serve(): Promise<string> {
    const [first] = this.#hosts as readonly [Host];
    this.#load = startLoad(first.agent.proxy, requestsPerSecond);
    this.#frames = this.#showFrames(first);
    await pause(calmMs.before, this.#stop.signal);
    const load = this.#load;
    await this.#until('every instance to answer a request', async () =>
      this.#hosts.every((host) => load.stats().byInstance.has(host.instance)) ? true : undefined,
    );
    const counts = this.#hosts.map((host) => `${host.instance} ${this.#served(host)}`);
    return `${requestsPerSecond} requests/s through agent-1: ${counts.join(', ')}`;
  }

  async #showFrames(first: Host): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const instances = await readInstances(first.agent.api, 'orders').catch(() => []);
      const load = this.#load?.stats();
      if (load !== undefined && load.requests > 0 && instances.length > 0) this.#options.screen.frame({ load, instances });
      await pause(frameEveryMs, this.#stop.signal).catch(() => undefined);
    }
  }

  async #killHost(host: Host): Promise<KillResult> {
    const failedBefore = this.#failed();
    const survivors = this.#hosts.filter((other) => other !== host);
    const killedAtMs = performance.now();
    host.kill();
    this.#options.screen.event(`killed ${host.agentName} and ${host.instance} with SIGKILL`);
    const times = await Promise.all(
      survivors.map((survivor) =>
        this.#until(
          `${survivor.agentName} to stop routing to ${host.instance}`,
          async () => {
            const ids = await this.#inRotation(survivor);
            return ids.includes(host.instance) ? undefined : performance.now() - killedAtMs;
          },
          measureEveryMs,
        ),
      ),
    );
    const leftRotationMs = Math.round(Math.max(...times));
    this.#options.screen.event(`${host.instance} left rotation everywhere after ${milliseconds(leftRotationMs)}`);
    await pause(calmMs.down, this.#stop.signal);
    this.#kill = {
      agent: host.agentName,
      instance: host.instance,
      signal: 'SIGKILL',
      leftRotationMs,
      failedRequests: this.#failed() - failedBefore,
    };
    return this.#kill;
  }

  async #restartHost(host: Host): Promise<RestartResult> {
    const [first] = this.#hosts as readonly [Host];
    const servedBefore = this.#served(host);
    this.#options.screen.event(`restarting ${host.agentName} from its data directory, without a seed`);
    const startedAtMs = performance.now();
    const since = (): number => Math.round(performance.now() - startedAtMs);
    const seen = this.#until(
      `agent-1 to route to ${host.instance} again`,
      async () => ((await this.#inRotation(first)).includes(host.instance) ? since() : undefined),
      measureEveryMs,
    );
    const [seenMs] = await Promise.all([seen, host.startOrders(), host.startAgent(undefined)]);
    const servedMs = await this.#until(
      `${host.instance} to answer a request again`,
      async () => (this.#served(host) > servedBefore ? since() : undefined),
      measureEveryMs,
    );
    this.#restart = { agent: host.agentName, seenMs, servedMs };
    this.#options.screen.event(`${host.instance} is back in rotation after ${milliseconds(seenMs)} and serves`);
    await pause(calmMs.after, this.#stop.signal);
    this.#members = await this.#waitForMembers();
    return this.#restart;
  }

  async #checkLoad(): Promise<number> {
    const { failed, failures, requests } = (this.#load as Load).stats();
    if (failed > 0) throw new CliFailure(`${failed} of ${requests} requests failed`, { hint: failures });
    return requests;
  }

  #failed(): number {
    return this.#load?.stats().failed ?? 0;
  }

  #served(host: Host): number {
    return this.#load?.stats().byInstance.get(host.instance)?.requests ?? 0;
  }

  #sweep(): void {
    for (const host of this.#hosts) if (host.children().some((child) => child.isRunning())) host.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

const routeToOrders = {
  rules: [{ matches: [{ path: { type: 'PathPrefix', value: '/order' } }], backendRefs: [{ name: 'orders' }] }],
};
