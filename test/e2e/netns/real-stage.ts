/**
 * Real agents, run as users run them, one in each network namespace: the bundled command, a token, the `lan` profile.
 * What they believe is read from their logs as it happens, and asked over their HTTP API where it must be so now.
 */

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { nowMs, Process } from '../../bench/mesh/process.ts';
import { pause, within } from '../../bench/mesh/sightings.ts';
import { Beliefs } from './beliefs.ts';
import type { Stage } from './stories.ts';
import { Wire } from './wire.ts';

/** Of no use outside namespaces that have no way out. */
const token = 'netns-netns-netns-netns-netns';
const readyMs = 20_000;
/** Long enough that links are made and what a start taught agents about their own slowness is forgotten. */
const settleMs = 3000;

export interface RealStageOptions {
  /** The folder of the repository. */
  readonly root: string;
  readonly size: number;
  /** Decides which packets are lost. */
  readonly seed: number;
}

export class RealStage implements Stage {
  readonly size: number;
  readonly beliefs = new Beliefs();
  readonly #root: string;
  readonly #wire: Wire;
  readonly #folder = mkdtempSync(join(tmpdir(), 'skein-netns-'));
  readonly #agents: Process[] = [];

  private constructor({ root, size }: RealStageOptions, wire: Wire) {
    this.#root = root;
    this.size = size;
    this.#wire = wire;
  }

  /** Starts a mesh and waits until all agents agree that all are well. */
  static async open(options: RealStageOptions): Promise<RealStage> {
    const wire = await Wire.lay(join(options.root, 'test/e2e/netns'), options.size, options.seed);
    const stage = new RealStage(options, wire);
    try {
      for (let host = 0; host < stage.size; host++) await stage.#start(host);
      await stage.agreed();
      await pause(settleMs);
      return stage;
    } catch (error) {
      await stage.close();
      throw error;
    }
  }

  nowMs(): number {
    return nowMs();
  }

  cut(from: readonly number[], to: readonly number[]): Promise<void> {
    return this.#wire.cut(from, to);
  }

  lose(percent: number): Promise<void> {
    return this.#wire.lose(this.#hosts, this.#hosts, percent);
  }

  delay(ms: number): Promise<void> {
    return this.#wire.delay(this.#hosts, this.#hosts, ms);
  }

  heal(): Promise<void> {
    return this.#wire.heal();
  }

  hang(host: number): void {
    this.#agents[host]?.signal('SIGSTOP');
  }

  wake(host: number): void {
    this.#agents[host]?.signal('SIGCONT');
  }

  pass(ms: number): Promise<void> {
    return pause(ms);
  }

  async until(what: string, holds: () => boolean, withinMs: number): Promise<number> {
    const startMs = nowMs();
    let stop = (): void => undefined;
    const reached = new Promise<void>((resolve) => {
      const look = (): void => void (holds() && resolve());
      stop = this.beliefs.onChange(look);
      look();
    });
    await within(reached, withinMs, () => `${what}\n${this.beliefs.story(startMs - withinMs)}`).finally(stop);
    return this.beliefs.lastMs;
  }

  /** Waits until each of these agents, or of all, answers over its API that these members, and no others, can be sent traffic. */
  async agreed(hosts: readonly number[] = this.#hosts): Promise<void> {
    const script = join(this.#root, 'test/e2e/netns/agreed.mjs');
    const names = hosts.map((host) => `host-${host}`);
    const ask = async (host: number): Promise<unknown> => {
      const [command, ...args] = this.#wire.on(host, [process.execPath, script, ...names]);
      return promisify(execFile)(command, args, { timeout: readyMs, killSignal: 'SIGKILL' }).catch((error: unknown) => {
        const story = `${this.beliefs.story(0)}\n${this.#agents[host]?.tail}`;
        throw new Error(
          `the agent on host ${host} does not say that all of ${names.join()} are well: ${String(error)}\n${story}`,
        );
      });
    };
    await Promise.all(hosts.map(ask));
  }

  async close(): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.kill()));
    this.#wire.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #hosts(): readonly number[] {
    return Array.from({ length: this.size }, (_, host) => host);
  }

  async #start(host: number): Promise<void> {
    const name = `host-${host}`;
    const flags = [
      '--name',
      name,
      '--mesh',
      'netns',
      '--data-dir',
      join(this.#folder, name),
      '--token',
      token,
      '--profile',
      'lan',
    ];
    const gossip = `${this.#wire.address(host)}:7946`;
    const ports = [
      '--bind',
      gossip,
      '--http',
      '127.0.0.1:8500',
      '--proxy',
      '127.0.0.1:0',
      '--dns',
      '127.0.0.1:0',
      '--log-format',
      'json',
    ];
    const seeds = host === 0 ? [] : ['--join', `${this.#wire.address(0)}:7946`];
    const script = join(this.#root, 'packages/cli/dist/skein.js');
    const command = [process.execPath, script, 'agent', ...flags, ...ports, ...seeds];
    const environment = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('SKEIN_')));
    const [program, ...args] = this.#wire.on(host, command);
    const agent = new Process(program, args, environment);
    this.#agents[host] = agent;
    const isReady = new Promise<void>((resolve, reject) => {
      void agent.exited.then(() => reject(new Error(`${name} ended:\n${agent.tail}`)));
      agent.onLine((text, cameMs) => {
        const line = parse(text);
        if (line.msg === 'ready') resolve();
        const subject = /^host-(\d+)$/.exec(line.name ?? '')?.[1];
        const what = line.msg === 'member changed' ? line.to : rotation[line.msg ?? ''];
        if (subject === undefined || what === undefined) return;
        const atMs = line.time === undefined ? cameMs : Date.parse(line.time);
        this.beliefs.take({ atMs, observer: host, subject: Number(subject), what, reason: line.reason ?? '' });
      });
    });
    await within(isReady, readyMs, () => `${name} is ready\n${agent.tail}`);
  }
}

const rotation: Readonly<Record<string, string | undefined>> = {
  'member is out of rotation': 'out',
  'member is back in rotation': 'in',
};

interface LogLine {
  readonly msg?: string;
  /** ISO 8601 with milliseconds. */
  readonly time?: string;
  /** Of the member that a line is about. */
  readonly name?: string;
  readonly to?: string;
  readonly reason?: string;
}

function parse(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return {};
  }
}
