/** How long news takes to each of many agents: from a change of a service to the first word of an agent that it changed. */

import type { MeshEvent } from '@skein/core';
import type { SimNode, World } from '@skein/sim';

interface Wave {
  readonly atMs: number;
  readonly reached: Uint8Array;
  waiting: number;
}

const prefix = 'service/';

export class Spread {
  readonly #world: World;
  readonly #agents: number;
  /** By service: its last change, while some agent has not told of it. */
  readonly #waves = new Map<string, Wave>();
  /** By delay in ms: how many agents of all changes. */
  readonly #delays: number[] = [];
  #reached = 0;
  /** Agents that did not tell of a change in time, over all changes. */
  late = 0;

  constructor(world: World, agents: number) {
    this.#world = world;
    this.#agents = agents;
  }

  /** Agents that have not told of what changed last. */
  get waiting(): number {
    let waiting = 0;
    for (const wave of this.#waves.values()) waiting += wave.waiting;
    return waiting;
  }

  /** A service is about to change. Whoever did not tell of its last change by now is late. */
  begin(service: string): void {
    this.late += this.#waves.get(service)?.waiting ?? 0;
    this.#waves.set(service, { atMs: this.#world.nowMs, reached: new Uint8Array(this.#agents), waiting: this.#agents });
  }

  /** Whoever is waited for still, is late. */
  giveUp(): void {
    this.late += this.waiting;
    this.#waves.clear();
  }

  see(node: SimNode, event: MeshEvent): void {
    if (event.type !== 'view-changed' || this.#waves.size === 0) return;
    for (const topic of event.topics) {
      if (!topic.startsWith(prefix)) continue;
      const service = topic.slice(prefix.length);
      const wave = this.#waves.get(service);
      if (wave === undefined || wave.reached[node.index] === 1) continue;
      wave.reached[node.index] = 1;
      const delayMs = this.#world.nowMs - wave.atMs;
      this.#delays[delayMs] = (this.#delays[delayMs] ?? 0) + 1;
      this.#reached++;
      if (--wave.waiting === 0) this.#waves.delete(service);
    }
  }

  /** The delay, in ms, of this part of all agents and changes. Undefined: they were late. */
  quantileMs(part: number): number | undefined {
    let left = Math.ceil((this.#reached + this.late) * part);
    for (const [delayMs, count = 0] of this.#delays.entries()) {
      left -= count;
      if (left <= 0) return delayMs;
    }
    return undefined;
  }

  /** The longest delay of those that were not late. */
  get lastMs(): number {
    return Math.max(0, this.#delays.length - 1);
  }
}
