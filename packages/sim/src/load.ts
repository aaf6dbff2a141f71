/**
 * Requests between simulated applications. Each picks as the proxy and the client do, from the view of its own node; the
 * truth decides how it ends: whether the process behind the instance runs, and whether packets get there and back.
 */

import { seededRng } from '@skein/core';
import { Balancer } from '@skein/traffic';
import type { Lease } from '@skein/traffic';
import type { PlannedLoad } from './plan.ts';
import { hash32, hashText } from './randomness.ts';
import type { SimNode } from './sim-node.ts';
import type { World } from './world.ts';

/** Requests of one service, counted at their end. */
export interface CallFigures {
  readonly calls: number;
  /** Answered, at once or after a retry. */
  readonly ok: number;
  /** The client knew no instance to send it to. */
  readonly refused: number;
  /** Attempts at an instance whose process does not run, and at one that cannot be reached or does not answer. */
  readonly toGone: number;
  readonly toSilent: number;
}

type Counts = { -readonly [K in keyof CallFigures]: number };

const loadStream = hashText('load');

export class Load {
  readonly #world: World;
  /** Whether a node is cut off from its own network. */
  readonly #isBlocked: (node: number) => boolean;
  /** Hears of the end of each request. */
  readonly #called: () => void;
  readonly #counts = new Map<string, Counts>();
  readonly #balancers = new Map<number, { readonly boot: number; readonly balancer: Balancer }>();
  readonly #byId: ReadonlyMap<string, SimNode>;

  constructor(world: World, around: { isBlocked(node: number): boolean; called(): void }) {
    this.#world = world;
    this.#isBlocked = (node) => around.isBlocked(node);
    this.#called = () => around.called();
    this.#byId = new Map(world.nodes.map((node) => [node.id, node]));
  }

  /** The figures of now: later requests do not change them. */
  figures(service: string): CallFigures {
    return { ...this.#count(service) };
  }

  /** Starts a load now. It ends with the world. */
  begin(load: PlannedLoad): void {
    for (const [at, index] of load.from.entries()) {
      const client = this.#world.nodes[index];
      if (client === undefined) continue;
      const next = (): void => {
        if (client.isRunning) {
          this.#call(client, load);
          this.#called();
        }
        this.#world.at(this.#world.nowMs + load.everyMs, next);
      };
      // Spread over the interval, or all would call in step.
      this.#world.at(this.#world.nowMs + Math.floor((load.everyMs * at) / load.from.length), next);
    }
  }

  #call(client: SimNode, { service, retries }: PlannedLoad): void {
    const counts = this.#count(service);
    const balancer = this.#balancer(client);
    const nowMs = this.#world.nowMs;
    const tried: Lease[] = [];
    counts.calls++;
    for (let attempt = 0; attempt <= retries; attempt++) {
      const lease = balancer.pick(client.view(), service, tried, nowMs);
      if (typeof lease === 'string') {
        if (attempt === 0) counts.refused++;
        return;
      }
      tried.push(lease);
      const owner = this.#byId.get(balancer.instance(lease)?.owner ?? '');
      const end = this.#attempt(client, owner);
      balancer.done(lease, end === 'ok' ? 'success' : end === 'gone' ? 'connect-failed' : 'timeout', nowMs);
      if (end === 'ok') {
        counts.ok++;
        return;
      }
      if (end === 'gone') counts.toGone++;
      else counts.toSilent++;
    }
  }

  #attempt(client: SimNode, owner: SimNode | undefined): 'ok' | 'gone' | 'silent' {
    if (owner === client) return 'ok';
    if (owner === undefined) return 'gone';
    const { network } = this.#world;
    const isOpen = network.path(client, owner).open && network.path(owner, client).open;
    if (!isOpen || owner.process === 'paused' || this.#isBlocked(owner.index) || this.#isBlocked(client.index)) return 'silent';
    return owner.process === 'running' ? 'ok' : 'gone';
  }

  #balancer(client: SimNode): Balancer {
    const known = this.#balancers.get(client.index);
    if (known?.boot === client.boot) return known.balancer;
    const seed = hash32(this.#world.randomness.seed, loadStream, client.index, client.boot);
    const balancer = new Balancer({ rng: seededRng(seed) });
    this.#balancers.set(client.index, { boot: client.boot, balancer });
    return balancer;
  }

  #count(service: string): Counts {
    let counts = this.#counts.get(service);
    if (counts === undefined) {
      counts = { calls: 0, ok: 0, refused: 0, toGone: 0, toSilent: 0 };
      this.#counts.set(service, counts);
    }
    return counts;
  }
}
