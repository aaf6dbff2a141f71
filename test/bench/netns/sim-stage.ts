/** The same hosts in the simulator. */

import { World } from '@skein/sim';
import type { Quantiles, SimNode } from '@skein/sim';
import { Beliefs } from '../../e2e/netns/beliefs.ts';
import type { Stage } from '../../e2e/netns/stories.ts';

/** As the wire between namespaces does it: some 0.1 ms a way. */
const wireUs: Quantiles = { p0: 60, p50: 100, p90: 150, p99: 400, max: 2000 };
const settleMs = 6000;

export class SimStage implements Stage {
  readonly size: number;
  readonly beliefs = new Beliefs();
  readonly #world: World;
  readonly #nodes: readonly SimNode[];

  /** `cpuUs`: what each input costs a host, one after the other; 0 is nothing. */
  constructor(options: { readonly size: number; readonly seed: number; readonly cpuUs: number }) {
    this.size = options.size;
    this.#world = new World({
      seed: options.seed,
      network: 'lan',
      onEvent: (node, event) => {
        if (event.type !== 'member-changed' && event.type !== 'reachability-changed') return;
        const what = event.type === 'member-changed' ? event.to : event.reachable ? 'in' : 'out';
        const subject = Number(event.name.slice('host-'.length));
        this.beliefs.take({ atMs: this.#world.nowMs, observer: node.index, subject, what, reason: event.reason });
      },
    });
    this.#world.network.setDefault({ latency: wireUs });
    this.#nodes = this.#world.mesh(options.size);
    for (const node of this.#nodes) node.slowCpu(options.cpuUs);
    this.#world.runFor(settleMs);
  }

  nowMs(): number {
    return this.#world.nowMs;
  }

  cut(from: readonly number[], to: readonly number[]): Promise<void> {
    this.#world.network.cut(this.#hosts(from), this.#hosts(to));
    return Promise.resolve();
  }

  lose(percent: number): Promise<void> {
    this.#world.network.setDefault({ loss: percent / 100 });
    return Promise.resolve();
  }

  delay(ms: number): Promise<void> {
    this.#world.network.setDefault({ latency: later(ms * 1000) });
    return Promise.resolve();
  }

  heal(): Promise<void> {
    this.#world.network.heal();
    this.#world.network.setDefault({ latency: wireUs });
    return Promise.resolve();
  }

  hang(host: number): void {
    this.#nodes[host]?.pause();
  }

  wake(host: number): void {
    this.#nodes[host]?.resume();
  }

  pass(ms: number): Promise<void> {
    this.#world.runFor(ms);
    return Promise.resolve();
  }

  until(what: string, holds: () => boolean, withinMs: number): Promise<number> {
    const startMs = this.#world.nowMs;
    const tookMs = this.#world.runUntil(holds, withinMs);
    if (tookMs !== undefined) return Promise.resolve(this.beliefs.lastMs);
    return Promise.reject(new Error(`not within ${withinMs / 1000} s: ${what}\n${this.beliefs.story(startMs - withinMs)}`));
  }

  #hosts(numbers: readonly number[]): SimNode[] {
    return numbers.flatMap((host) => this.#nodes[host] ?? []);
  }
}

function later(byUs: number): Quantiles {
  const { p0, p50, p90, p99, max } = wireUs;
  return { p0: p0 + byUs, p50: p50 + byUs, p90: p90 + byUs, p99: p99 + byUs, max: max + byUs };
}
