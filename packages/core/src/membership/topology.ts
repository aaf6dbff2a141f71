/**
 * Who should have a link with whom. A small mesh links everybody with everybody. A large one arranges its members on a
 * few rings, each a random order that all nodes derive alike from the ids, and links each member with those next to it.
 *
 * On every ring a member watches the next few, so those that watch one member on one ring are linked with each other
 * as well: each can ask the others about it, without a dial. Several rings make the links a random graph, in which news
 * is everywhere after some log N hops, and which falls apart only when almost everybody is gone.
 * (Rings as in Rapid, Suresh et al. 2018, 4.1; its observers are one a ring and cannot ask each other.)
 */

import { hashText, mix } from '../hash.ts';
import type { NodeId } from '../identity.ts';
import type { MeshConfig } from '../mesh-config.ts';

/** A mesh that was small for so long links everybody with everybody again, however large it was before. */
const smallMs = 300_000;

export interface TopologyListener {
  /** Everybody present but ourselves. */
  present(): Iterable<NodeId>;
  /** How many these are, but for those that nobody but others tells of. */
  presentCount(): number;
  /** A link with this member is needed. */
  wanted(id: NodeId): void;
  /** A link with this member is no longer needed. */
  unwanted(id: NodeId): void;
}

interface Neighbour {
  readonly id: NodeId;
  /** How far round the ring it is, from us. */
  readonly distance: number;
}

/** Everybody in the order of each ring. */
export type RingOrders = readonly (readonly NodeId[])[];

/** One ring, as far as it concerns us: who comes after and who before us, nearest first. */
interface Ring {
  readonly seed: number;
  readonly own: number;
  after: Neighbour[];
  before: Neighbour[];
}

export class Topology {
  readonly #self: NodeId;
  readonly #config: MeshConfig;
  readonly #listener: TopologyListener;
  readonly #rings: readonly Ring[];
  /** On how many sides of how many rings each neighbour is. */
  #neighbours = new Map<NodeId, number>();
  #isFull = true;
  /** On rings: since when so few are present that others may have a full mesh. */
  #smallSince: number | undefined;

  constructor(self: NodeId, mesh: string, config: MeshConfig, listener: TopologyListener) {
    this.#self = self;
    this.#config = config;
    this.#listener = listener;
    this.#rings = Array.from({ length: config.rings }, (_, ring) => {
      const seed = hashText(`${mesh}/${ring}/`);
      return { seed, own: position(self, seed), after: [], before: [] };
    });
  }

  /** Whether everybody is linked with everybody. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Whether so few are present that who starts now links with everybody. */
  get isSmall(): boolean {
    return this.#listener.presentCount() <= this.#config.fullMeshLeave;
  }

  /**
   * Looked at now and then. Who was there when the mesh was large is on rings, and who came since is not: the one dials
   * what the other does not need. After a while of this size all are alike.
   */
  lookAgain(now: number): void {
    if (this.#isFull || !this.isSmall) this.#smallSince = undefined;
    else if (now - (this.#smallSince ??= now) >= smallMs) this.#useFullMesh();
  }

  /** Whether a link with this member, who is present, is needed. */
  isWanted(id: NodeId): boolean {
    return this.#isFull || this.#neighbours.has(id);
  }

  /** On rings: those we share links with. */
  neighbours(): IterableIterator<NodeId> {
    return this.#neighbours.keys();
  }

  /** On rings: those whom we watch, each once. */
  subjects(): NodeId[] {
    const subjects = new Set<NodeId>();
    for (let step = 0; step < this.#config.ringReach; step++) {
      for (const { after } of this.#rings) {
        const next = after[step];
        if (next !== undefined) subjects.add(next.id);
      }
    }
    return [...subjects];
  }

  /** On rings: whether we watch this member. */
  isSubject(id: NodeId): boolean {
    return this.#rings.some(({ after }) => after.some((next) => next.id === id));
  }

  /** On rings: those neighbours of ours that watch this subject of ours too. */
  coObservers(subject: NodeId): NodeId[] {
    const observers = new Set<NodeId>();
    for (const { after, before } of this.#rings) {
      const step = after.findIndex((next) => next.id === subject);
      if (step < 0) continue;
      for (const { id } of after.slice(0, step)) observers.add(id);
      // The one k places before us reaches ringReach - k places beyond us.
      for (const { id } of before.slice(0, this.#config.ringReach - step - 1)) observers.add(id);
    }
    observers.delete(subject);
    return [...observers];
  }

  /** Everybody present in the order of each ring: what many nodes that know the same need to work out only once. */
  orders(): RingOrders {
    const ids = [this.#self, ...this.#listener.present()];
    return this.#rings.map(({ seed }) => [...ids].sort((a, b) => position(a, seed) - position(b, seed) || (a < b ? -1 : 1)));
  }

  /** Everybody of these orders is present from the start. */
  settle(orders: RingOrders): void {
    if (this.isSmall) {
      for (const id of this.#listener.present()) this.#listener.wanted(id);
      return;
    }
    this.#isFull = false;
    const { ringReach } = this.#config;
    this.#rings.forEach((ring, number) => {
      const order = orders[number] ?? [];
      const self = placeIn(order, ring.own, ring.seed);
      // Some more than the nearest: who is at our very place may be on either side of it.
      for (let step = -ringReach - 2; step <= ringReach + 2; step++) {
        const id = order[(self + step + order.length) % order.length];
        if (id !== undefined && id !== this.#self) this.#offer(ring, id);
      }
    });
  }

  /** A member is present that was not. */
  add(id: NodeId): void {
    if (id === this.#self) return;
    if (this.#isFull) return this.isSmall ? this.#listener.wanted(id) : this.#useRings();
    if (!this.isSmall) this.#smallSince = undefined;
    for (const ring of this.#rings) this.#offer(ring, id);
  }

  #offer(ring: Ring, id: NodeId): void {
    const at = position(id, ring.seed);
    this.#insert(ring.after, { id, distance: (at - ring.own) >>> 0 });
    this.#insert(ring.before, { id, distance: (ring.own - at) >>> 0 });
  }

  /** A member is present no longer. */
  remove(id: NodeId): void {
    if (this.#isFull || id === this.#self) return;
    if (this.#listener.presentCount() < this.#config.fullMeshReturn) return this.#useFullMesh();
    if (!this.#neighbours.has(id)) return;
    for (const ring of this.#rings) {
      if (![...ring.after, ...ring.before].some((neighbour) => neighbour.id === id)) continue;
      ring.after = ring.after.filter((neighbour) => neighbour.id !== id);
      ring.before = ring.before.filter((neighbour) => neighbour.id !== id);
    }
    this.#neighbours.delete(id);
    this.#listener.unwanted(id);
    this.#refill();
  }

  #useRings(): void {
    this.#isFull = false;
    this.#refill();
    for (const id of this.#listener.present()) if (!this.#neighbours.has(id)) this.#listener.unwanted(id);
  }

  #useFullMesh(): void {
    this.#isFull = true;
    this.#smallSince = undefined;
    this.#neighbours = new Map();
    for (const ring of this.#rings) {
      ring.after = [];
      ring.before = [];
    }
    for (const id of this.#listener.present()) this.#listener.wanted(id);
  }

  /** Looks through everybody for those who take the places that are free. Rare: only a neighbour's end leaves one. */
  #refill(): void {
    for (const id of this.#listener.present()) {
      if (id === this.#self) continue;
      for (const ring of this.#rings) this.#offer(ring, id);
    }
  }

  #insert(side: Neighbour[], entry: Neighbour): void {
    const last = side[this.#config.ringReach - 1];
    if (last !== undefined && !isNearer(entry, last)) return;
    if (side.some((known) => known.id === entry.id)) return;
    const at = side.findIndex((known) => isNearer(entry, known));
    side.splice(at < 0 ? side.length : at, 0, entry);
    const gone = side.length > this.#config.ringReach ? side.pop() : undefined;
    const times = this.#neighbours.get(entry.id) ?? 0;
    this.#neighbours.set(entry.id, times + 1);
    if (times === 0) this.#listener.wanted(entry.id);
    if (gone !== undefined) this.#release(gone.id);
  }

  #release(id: NodeId): void {
    const times = this.#neighbours.get(id) ?? 0;
    if (times > 1) this.#neighbours.set(id, times - 1);
    else if (this.#neighbours.delete(id)) this.#listener.unwanted(id);
  }
}

function position(id: NodeId, seed: number): number {
  return mix(hashText(id, seed));
}

/** The first place of an order that is not before this position. */
function placeIn(order: readonly NodeId[], own: number, seed: number): number {
  let low = 0;
  let high = order.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (position(order[middle] as NodeId, seed) < own) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isNearer(a: Neighbour, b: Neighbour): boolean {
  return a.distance < b.distance || (a.distance === b.distance && a.id < b.id);
}
