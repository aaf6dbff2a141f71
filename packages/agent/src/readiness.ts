/** Whether this agent is ready: joined and in sync, or alone by choice. And when it last heard from anybody. */

import type { DialFailure, MeshEvent } from '@skein/core';
import type { Clock } from './clock.ts';

export interface ReadinessOptions {
  readonly clock: Pick<Clock, 'now'>;
  readonly seeds: readonly string[];
  /** How many peers earlier boots knew. */
  readonly knownPeers: number;
  /** Why changes do not reach the disk; undefined when they do. */
  readonly storageFailure: () => string | undefined;
}

/** Seeds named in a reason. */
const seedsNamed = 4;

export class Readiness {
  readonly #options: ReadinessOptions;
  /** Seeds other than ourselves, with how their last dial ended. */
  readonly #seeds = new Map<string, 'untried' | 'joined' | DialFailure>();
  #isSynced = false;
  #isStopping = false;
  #isRegistering = false;
  #lastHeard: number | undefined;

  constructor(options: ReadinessOptions) {
    this.#options = options;
    for (const seed of options.seeds) this.#seeds.set(seed, 'untried');
  }

  event(event: MeshEvent): void {
    if (event.type === 'synced') this.#isSynced = true;
    else if (event.type === 'seed-failed' && event.reason === 'self') this.#seeds.delete(event.address);
    else if ((event.type === 'seed-joined' || event.type === 'seed-failed') && this.#options.seeds.includes(event.address)) {
      // Also one that was ourselves before: a balancer may lead elsewhere now.
      this.#seeds.set(event.address, event.type === 'seed-joined' ? 'joined' : event.reason);
    }
  }

  /** A peer said something. */
  heard(): void {
    this.#lastHeard = this.#options.clock.now();
  }

  /** Whether this node knows what the mesh knows: in sync with a peer, or alone by choice. */
  get isSynced(): boolean {
    return this.#isSynced || this.#isAlone();
  }

  /** Whether service files are being registered for the first time: before that, what runs here is known in part. */
  registering(isRegistering: boolean): void {
    this.#isRegistering = isRegistering;
  }

  stopping(): void {
    this.#isStopping = true;
  }

  /** 0 when alone by choice. */
  lastContactMs(): number {
    if (this.#lastHeard !== undefined) return this.#options.clock.now() - this.#lastHeard;
    return this.#isAlone() ? 0 : Infinity;
  }

  state(): { readonly ready: boolean; readonly reason: string } {
    if (this.#isStopping) return { ready: false, reason: 'leaving the mesh' };
    if (this.#isRegistering) return { ready: false, reason: 'registering what the service files say' };
    const failure = this.#options.storageFailure();
    if (failure !== undefined) return { ready: false, reason: `writes do not reach the disk: ${failure}` };
    if (this.#isSynced) return { ready: true, reason: 'joined and in sync' };
    if (this.#isAlone()) return { ready: true, reason: 'alone: no seeds and no known peers' };
    const states = [...this.#seeds];
    const failed = states.filter(([, state]) => state !== 'untried' && state !== 'joined');
    if (failed.length > 0 && failed.length === states.length) {
      const named = failed.slice(0, seedsNamed).map(([address, reason]) => `${address} (${reason})`);
      return { ready: false, reason: `seeds unreachable: ${named.join(', ')}${failed.length > seedsNamed ? ', ...' : ''}` };
    }
    return { ready: false, reason: states.length === 0 ? 'joining: no peer of earlier starts answered yet' : 'joining' };
  }

  #isAlone(): boolean {
    return this.#seeds.size === 0 && this.#options.knownPeers === 0;
  }
}
