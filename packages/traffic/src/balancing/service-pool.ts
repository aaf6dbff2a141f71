/**
 * The instances of one service as balancing sees them, sorted into:
 *
 * - open: routable and nothing against them; picks are drawn from here;
 * - on trial: blocked until now, waiting for one request that shows whether they are back;
 * - reserve: routable but blocked or of weight 0; used only when no open one is left. Our own evidence says "prefer
 *   another", and where there is no other, trying beats refusing.
 *
 * Instances that are not routable are never used, not even when none is (no panic mode): the mesh's evidence comes from
 * their owner's checks and from other members, who saw them fail, while Envoy's panic answers for a lone, possibly
 * mistaken checker. The answer then is 503 with the reason.
 */

import { type InstanceView, type Rng, type View, topics } from '@skein/core';
import { AliasTable } from './alias-table.ts';
import type { Outliers } from './outlier.ts';
import { type Lease, type Slots, block } from './slots.ts';

export type PickRefusal =
  /** The service is not in the catalog. A service is the sum of its instances: unknown and empty are one. */
  | 'no-instances'
  /** Instances exist, none may be used: critical checks, or their nodes are gone. */
  | 'none-routable'
  /** All that may be used were tried already. */
  | 'all-excluded'
  /** All that may be used have too many requests in flight. */
  | 'overloaded';

const none: readonly number[] = [];

export class ServicePool {
  readonly name: string;
  readonly #topic: string;
  #view: View | undefined;
  /** The view's index of the service, as of the last refresh. */
  #index = 0;
  readonly #slots: Slots;
  readonly #outliers: Outliers;
  readonly #maxInFlight: number;
  readonly #byKey = new Map<string, number>();
  #open: number[] = [];
  #reserve: number[] = [];
  #trials: number[] = [];
  #alias: AliasTable | undefined;
  #routable = 0;
  #ejected = 0;
  /** When the next block ends: the lists are sorted anew then. */
  #nextEndMs = Infinity;

  constructor(name: string, slots: Slots, outliers: Outliers, maxInFlight: number) {
    this.name = name;
    this.#topic = topics.service(name);
    this.#slots = slots;
    this.#outliers = outliers;
    this.#maxInFlight = maxInFlight;
  }

  get routable(): number {
    return this.#routable;
  }

  get ejected(): number {
    return this.#ejected;
  }

  /** The slots, in the order of the view. */
  get slots(): Iterable<number> {
    return this.#byKey.values();
  }

  /**
   * Takes the instances of a new view over, if its index of this service is another. State stays with each instance that
   * kept its id and address. Answers the slots of new instances.
   */
  refresh(view: View, nowMs: number): readonly number[] {
    if (view === this.#view) return none;
    this.#view = view;
    const index = view.index(this.#topic);
    if (index === this.#index) return none;
    this.#index = index;
    return this.#sync(view.service(this.name)?.instances ?? [], nowMs);
  }

  /** Gives all slots back. The pool must not be used after. */
  clear(): void {
    this.#sync([], 0);
  }

  pick(exclude: readonly Lease[], rng: Rng, nowMs: number): Lease | PickRefusal {
    if (nowMs >= this.#nextEndMs) this.sort(nowMs);
    const slots = this.#slots;
    // A retry needs its best chance, so trials are for first attempts.
    const trial = exclude.length === 0 ? this.#trials.pop() : undefined;
    if (trial !== undefined) {
      slots.trial[trial] = 1;
      return this.#lend(trial, true);
    }
    const open = this.#drawOpen(exclude, rng);
    if (open >= 0) return this.#lend(open, false);
    if (this.#byKey.size === 0) return 'no-instances';
    if (this.#routable === 0) return 'none-routable';
    if (this.#open.some((slot) => !this.#excluded(slot, exclude))) return 'overloaded';
    const reserve = this.#reserve.find((slot) => this.#usable(slot, exclude));
    if (reserve !== undefined) return this.#lend(reserve, false);
    return this.#reserve.some((slot) => !this.#excluded(slot, exclude)) ? 'overloaded' : 'all-excluded';
  }

  #sync(instances: readonly InstanceView[], nowMs: number): readonly number[] {
    const slots = this.#slots;
    const added: number[] = [];
    const before = new Map(this.#byKey);
    this.#byKey.clear();
    for (const instance of instances) {
      const key = `${instance.owner}/${instance.address}:${instance.port}/${instance.instance.id}`;
      let slot = before.get(key);
      if (slot === undefined) {
        slot = slots.take(instance);
        added.push(slot);
      } else {
        before.delete(key);
        if (instance.routable && slots.instances[slot]?.routable === false) this.#outliers.forgive(slot, nowMs);
        slots.instances[slot] = instance;
      }
      slots.weight[slot] = weightOf(instance);
      this.#byKey.set(key, slot);
    }
    for (const slot of before.values()) slots.release(slot);
    this.sort(nowMs);
    return added;
  }

  /** Sorts the instances into the lists. Costs O(instances); needed after a change or the end of a block only. */
  sort(nowMs: number): void {
    const { instances, blocked, blockedUntilMs, trial, weight } = this.#slots;
    this.#open = [];
    this.#reserve = [];
    this.#trials = [];
    this.#routable = 0;
    this.#ejected = 0;
    this.#nextEndMs = Infinity;
    for (const slot of this.#byKey.values()) {
      if (instances[slot]?.routable !== true) continue;
      this.#routable++;
      if (blocked[slot] === block.ejected) this.#ejected++;
      if (blocked[slot] === block.none) {
        ((weight[slot] as number) > 0 ? this.#open : this.#reserve).push(slot);
        continue;
      }
      this.#reserve.push(slot);
      const untilMs = blockedUntilMs[slot] as number;
      if (nowMs < untilMs) this.#nextEndMs = Math.min(this.#nextEndMs, untilMs);
      else if (trial[slot] === 0) this.#trials.push(slot);
    }
    this.#reserve.sort((a, b) => (blockedUntilMs[a] as number) - (blockedUntilMs[b] as number));
    const weights = this.#open.map((slot) => weight[slot] as number);
    this.#alias = weights.some((each) => each !== weights[0]) ? new AliasTable(weights) : undefined;
  }

  #lend(slot: number, trial: boolean): Lease {
    this.#slots.inFlight[slot] = (this.#slots.inFlight[slot] as number) + 1;
    return this.#slots.lease(slot, trial);
  }

  /**
   * Two different ones at random, then the one with fewer requests in flight per weight; the first drawn when equal,
   * so that an idle service is shared by weight alone. Up to three draws, then all are looked at. -1: none is usable.
   */
  #drawOpen(exclude: readonly Lease[], rng: Rng): number {
    const open = this.#open;
    if (open.length === 0) return -1;
    for (let draws = 0; draws < 3 && open.length > 1; draws++) {
      const first = this.#alias === undefined ? rng.below(open.length) : this.#alias.draw(rng);
      const a = open[first] as number;
      const b = open[this.#second(first, rng)] as number;
      const usableA = this.#usable(a, exclude);
      const usableB = this.#usable(b, exclude);
      if (usableA && usableB) return this.#busier(a, b) ? b : a;
      if (usableA) return a;
      if (usableB) return b;
    }
    const start = rng.below(open.length);
    let best = -1;
    for (let offset = 0; offset < open.length; offset++) {
      const slot = open[(start + offset) % open.length] as number;
      if (this.#usable(slot, exclude) && (best < 0 || this.#busier(best, slot))) best = slot;
    }
    return best;
  }

  #second(first: number, rng: Rng): number {
    const count = this.#open.length;
    for (let draws = 0; this.#alias !== undefined && draws < 3; draws++) {
      const place = this.#alias.draw(rng);
      if (place !== first) return place;
    }
    const place = rng.below(count - 1);
    return place < first ? place : place + 1;
  }

  #busier(a: number, b: number): boolean {
    const { inFlight, weight } = this.#slots;
    return (inFlight[a] as number) * (weight[b] as number) > (inFlight[b] as number) * (weight[a] as number);
  }

  #usable(slot: number, exclude: readonly Lease[]): boolean {
    return (this.#slots.inFlight[slot] as number) < this.#maxInFlight && !this.#excluded(slot, exclude);
  }

  #excluded(slot: number, exclude: readonly Lease[]): boolean {
    for (const lease of exclude) if (this.#slots.slotOf(lease) === slot) return true;
    return false;
  }
}

/** Consul's weights: one for passing, one for warning. */
function weightOf({ instance, status }: InstanceView): number {
  return Math.max(0, status === 'warning' ? instance.weights.warning : instance.weights.passing);
}
