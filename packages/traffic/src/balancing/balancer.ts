/**
 * Which instance takes a request: power of two choices over the requests that *we* have in flight (Mitzenmacher 2001:
 * remote load that is older than some 14 service times is worse than our own count), over what the view says may be used
 * and our own outcomes advise. A pick reads no clock and allocates nothing; the same calls with the same seed give the
 * same picks.
 */

import { type InstanceView, type Rng, type View, topics } from '@skein/core';
import type { Outcome, Transition } from './outcome.ts';
import { Outliers, mayEject } from './outlier.ts';
import { type PickRefusal, ServicePool } from './service-pool.ts';
import { type Lease, Slots, block } from './slots.ts';

export interface BalancerOptions {
  readonly rng: Rng;
  /** Requests in flight per instance, at most. Default 1024. */
  readonly maxInFlight?: number;
}

/** How balancing sees one instance. */
export interface InstanceState {
  readonly instance: InstanceView;
  readonly weight: number;
  readonly inFlight: number;
  /** Failures in a row; a failed connection counts twice. */
  readonly failures: number;
  readonly ejections: number;
  /** `on-trial`: its block ended, and one request is to show whether it is back. */
  readonly state: 'open' | 'avoided' | 'ejected' | 'on-trial' | 'not-routable' | 'no-weight';
  /** When the block ends; 0 when there is none. */
  readonly blockedUntilMs: number;
}

export class Balancer {
  readonly #rng: Rng;
  readonly #maxInFlight: number;
  readonly #slots = new Slots();
  readonly #outliers: Outliers;
  readonly #pools = new Map<string, ServicePool>();
  readonly #poolOf: (ServicePool | undefined)[] = [];
  #view: View | undefined;
  #servicesIndex = 0;

  constructor(options: BalancerOptions) {
    this.#rng = options.rng;
    this.#maxInFlight = options.maxInFlight ?? 1024;
    this.#outliers = new Outliers(this.#slots, options.rng);
  }

  /**
   * An instance for one attempt, not among those of `exclude` (the leases of earlier attempts). Each lease must be given
   * back with `done`, once. `nowMs` never goes back.
   */
  pick(view: View, service: string, exclude: readonly Lease[], nowMs: number): Lease | PickRefusal {
    const pool = this.#pool(view, service, nowMs);
    return pool === undefined ? 'no-instances' : pool.pick(exclude, this.#rng, nowMs);
  }

  /** The instance of a lease, as the last view showed it; undefined when it has left the catalog since. */
  instance(lease: Lease): InstanceView | undefined {
    const slot = this.#slots.slotOf(lease);
    return slot < 0 ? undefined : this.#slots.instances[slot];
  }

  /** An attempt ended. The answer says what that changed. */
  done(lease: Lease, outcome: Outcome, nowMs: number): Transition | undefined {
    const slot = this.#slots.slotOf(lease);
    const pool = slot < 0 ? undefined : this.#poolOf[slot];
    if (pool === undefined) return undefined;
    this.#slots.inFlight[slot] = (this.#slots.inFlight[slot] as number) - 1;
    const trial = this.#slots.isTrial(lease);
    const transition = this.#outliers.judge(slot, outcome, trial, mayEject(pool.routable, pool.ejected), nowMs);
    // Sorted at once, because the cap must count this ejection when the next outcome comes.
    // A failed connection may have made a block longer, which is no transition.
    if (transition !== undefined || trial || outcome === 'connect-failed') pool.sort(nowMs);
    return transition;
  }

  /** The instances of a service, in the order of the view, with what speaks against each. For people and metrics. */
  inspect(view: View, service: string, nowMs: number): readonly InstanceState[] {
    const pool = this.#pool(view, service, nowMs);
    return pool === undefined ? [] : Array.from(pool.slots, (slot) => this.#describe(slot, nowMs));
  }

  #pool(view: View, service: string, nowMs: number): ServicePool | undefined {
    if (view !== this.#view) this.#use(view);
    let pool = this.#pools.get(service);
    if (pool === undefined) {
      if (view.service(service) === undefined) return undefined;
      pool = new ServicePool(service, this.#slots, this.#outliers, this.#maxInFlight);
      this.#pools.set(service, pool);
    }
    for (const slot of pool.refresh(view, nowMs)) this.#poolOf[slot] = pool;
    return pool;
  }

  /** Forgets services that left the catalog. */
  #use(view: View): void {
    this.#view = view;
    const index = view.index(topics.services);
    if (index === this.#servicesIndex) return;
    this.#servicesIndex = index;
    for (const pool of this.#pools.values()) {
      if (view.service(pool.name) !== undefined) continue;
      pool.clear();
      this.#pools.delete(pool.name);
    }
  }

  #describe(slot: number, nowMs: number): InstanceState {
    const slots = this.#slots;
    const instance = slots.instances[slot] as InstanceView;
    const blockedUntilMs = slots.blockedUntilMs[slot] as number;
    return {
      instance,
      weight: slots.weight[slot] as number,
      inFlight: slots.inFlight[slot] as number,
      failures: slots.failures[slot] as number,
      ejections: slots.ejections[slot] as number,
      state: this.#state(slot, instance, nowMs),
      blockedUntilMs,
    };
  }

  #state(slot: number, instance: InstanceView, nowMs: number): InstanceState['state'] {
    const slots = this.#slots;
    if (!instance.routable) return 'not-routable';
    if (slots.blocked[slot] === block.none) return slots.weight[slot] === 0 ? 'no-weight' : 'open';
    if (nowMs >= (slots.blockedUntilMs[slot] as number)) return 'on-trial';
    return slots.blocked[slot] === block.ejected ? 'ejected' : 'avoided';
  }
}
