/**
 * Whom a member knows: flat arrays by member number, and the shuffled list from which it probes. Failed members stay
 * in the list, and in the count of members, until the list is next gone through.
 */

import type { Rng } from '@skein/core';
import type { SwimStatus } from './message.ts';

const statuses = ['unknown', 'alive', 'suspect', 'failed', 'left'] as const satisfies readonly SwimStatus[];
const unknown = 0;
const alive = 1;
const suspect = 2;
const failed = 3;
const left = 4;

export class Roster {
  readonly #rng: Rng;
  #status = new Uint8Array(64);
  #incarnation = new Int32Array(64);
  #address = new Int32Array(64);
  #changedUs = new Float64Array(64);
  #list = new Int32Array(64);
  #size = 0;
  #next = 0;

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  /** All in the list, failed ones too: what memberlist takes for the size of the mesh. */
  get size(): number {
    return this.#size;
  }

  status(member: number): SwimStatus {
    return statuses[this.#status[member] ?? unknown] as SwimStatus;
  }

  isAlive(member: number): boolean {
    return this.#status[member] === alive;
  }

  /** Whether the member failed or left. */
  isGone(member: number): boolean {
    return (this.#status[member] as number) >= failed;
  }

  incarnation(member: number): number {
    return this.#incarnation[member] ?? 0;
  }

  address(member: number): number {
    return this.#address[member] ?? member;
  }

  changedUs(member: number): number {
    return this.#changedUs[member] ?? 0;
  }

  members(): readonly number[] {
    return Array.from(this.#list.subarray(0, this.#size));
  }

  /** Takes a member in, at a random place of the list, so that all probe it at another time. */
  add(member: number, address: number): void {
    this.#grow(Math.max(member, this.#size) + 1);
    this.#status[member] = failed;
    this.#address[member] = address;
    this.#incarnation[member] = 0;
    const at = this.#size === 0 ? 0 : this.#rng.below(this.#size);
    this.#list[this.#size] = this.#list[at] as number;
    this.#list[at] = member;
    this.#size++;
  }

  set(member: number, status: SwimStatus, incarnation: number, nowUs: number): void {
    this.#status[member] = statuses.indexOf(status);
    this.#incarnation[member] = incarnation;
    this.#changedUs[member] = nowUs;
  }

  setIncarnation(member: number, incarnation: number): void {
    this.#incarnation[member] = incarnation;
  }

  move(member: number, address: number): void {
    this.#address[member] = address;
  }

  /** The next to probe, round-robin through the shuffled list, or -1. Whoever failed before `sinceUs` is forgotten when it wraps. */
  nextToProbe(self: number, sinceUs: number, forgotten: (member: number) => void): number {
    let checked = 0;
    while (checked < this.#size) {
      if (this.#next >= this.#size) {
        this.#wrap(sinceUs, forgotten);
        checked++;
        continue;
      }
      const member = this.#list[this.#next++] as number;
      if (member !== self && !this.isGone(member)) return member;
      checked++;
    }
    return -1;
  }

  /** Up to `count` distinct members at random, of those that `isWanted`. */
  random(count: number, isWanted: (member: number) => boolean): number[] {
    const size = this.#size;
    const chosen: number[] = [];
    if (size < count * 3) {
      const pool = this.#list.slice(0, size);
      for (let at = 0; at < size && chosen.length < count; at++) {
        const other = at + this.#rng.below(size - at);
        const member = pool[other] as number;
        pool[other] = pool[at] as number;
        if (isWanted(member)) chosen.push(member);
      }
      return chosen;
    }
    for (let tries = 0; tries < 3 * size && chosen.length < count; tries++) {
      const member = this.#list[this.#rng.below(size)] as number;
      if (isWanted(member) && !chosen.includes(member)) chosen.push(member);
    }
    return chosen;
  }

  /** Whether a member that failed or is about to may still be told things. */
  isTold(member: number, failedSinceUs: number): boolean {
    const status = this.#status[member];
    return status === alive || status === suspect || (status === failed && this.changedUs(member) >= failedSinceUs);
  }

  #wrap(sinceUs: number, forgotten: (member: number) => void): void {
    const list = this.#list;
    let kept = 0;
    for (let at = 0; at < this.#size; at++) {
      const member = list[at] as number;
      const status = this.#status[member];
      if ((status === failed || status === left) && this.changedUs(member) < sinceUs) {
        this.#status[member] = unknown;
        forgotten(member);
      } else list[kept++] = member;
    }
    this.#size = kept;
    this.#next = 0;
    for (let at = kept - 1; at > 0; at--) {
      const other = this.#rng.below(at + 1);
      const swap = list[at] as number;
      list[at] = list[other] as number;
      list[other] = swap;
    }
  }

  #grow(needed: number): void {
    if (needed <= this.#status.length) return;
    let length = this.#status.length;
    while (length < needed) length *= 2;
    this.#status = grown(this.#status, new Uint8Array(length));
    this.#incarnation = grown(this.#incarnation, new Int32Array(length));
    this.#address = grown(this.#address, new Int32Array(length));
    this.#changedUs = grown(this.#changedUs, new Float64Array(length));
    this.#list = grown(this.#list, new Int32Array(length));
  }
}

function grown<T extends Uint8Array | Int32Array | Float64Array>(old: T, larger: T): T {
  larger.set(old);
  return larger;
}
