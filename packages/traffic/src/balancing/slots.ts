/**
 * One slot per instance that is balanced over, of all services: typed arrays, so that a pick touches numbers only. A slot
 * keeps its state while views come and go. When its instance leaves the catalog the slot is reused under a new generation,
 * which makes the leases of the former one void.
 */

import type { InstanceView } from '@skein/core';

/** Names one attempt in flight: slot, generation, and whether it is the trial of a blocked instance. */
export type Lease = number & { readonly lease: unique symbol };

const slotBits = 2_097_152;
const generations = 1_073_741_824;

export class Slots {
  readonly instances: (InstanceView | undefined)[] = [];
  inFlight: Int32Array<ArrayBuffer> = new Int32Array(64);
  weight: Float64Array<ArrayBuffer> = new Float64Array(64);
  /** Failures in a row; a failed connection counts twice. */
  failures: Int32Array<ArrayBuffer> = new Int32Array(64);
  /** How many times it was ejected, less one per quiet interval since. */
  ejections: Int32Array<ArrayBuffer> = new Int32Array(64);
  /** One of `block`. */
  blocked: Uint8Array<ArrayBuffer> = new Uint8Array(64);
  blockedUntilMs: Float64Array<ArrayBuffer> = new Float64Array(64);
  returnedAtMs: Float64Array<ArrayBuffer> = new Float64Array(64);
  /** 1 while its trial request is in flight. */
  trial: Uint8Array<ArrayBuffer> = new Uint8Array(64);
  readonly #generation: number[] = [];
  readonly #free: number[] = [];

  /** A fresh slot for an instance. */
  take(instance: InstanceView): number {
    const slot = this.#free.pop() ?? this.instances.length;
    if (slot >= this.inFlight.length) this.#grow();
    this.instances[slot] = instance;
    this.#generation[slot] ??= 0;
    this.inFlight[slot] = 0;
    this.weight[slot] = 0;
    this.failures[slot] = 0;
    this.ejections[slot] = 0;
    this.blocked[slot] = block.none;
    this.blockedUntilMs[slot] = 0;
    this.returnedAtMs[slot] = 0;
    this.trial[slot] = 0;
    return slot;
  }

  release(slot: number): void {
    this.instances[slot] = undefined;
    this.#generation[slot] = ((this.#generation[slot] ?? 0) + 1) % generations;
    this.#free.push(slot);
  }

  lease(slot: number, trial: boolean): Lease {
    return (((this.#generation[slot] as number) * 2 + Number(trial)) * slotBits + slot) as Lease;
  }

  /** The slot of a lease, or -1 when its instance is gone. */
  slotOf(lease: Lease): number {
    const slot = lease % slotBits;
    const generation = Math.floor(lease / slotBits / 2);
    return this.#generation[slot] === generation && this.instances[slot] !== undefined ? slot : -1;
  }

  isTrial(lease: Lease): boolean {
    return Math.floor(lease / slotBits) % 2 === 1;
  }

  #grow(): void {
    const capacity = this.inFlight.length * 2;
    this.inFlight = copyInto(new Int32Array(capacity), this.inFlight);
    this.weight = copyInto(new Float64Array(capacity), this.weight);
    this.failures = copyInto(new Int32Array(capacity), this.failures);
    this.ejections = copyInto(new Int32Array(capacity), this.ejections);
    this.blocked = copyInto(new Uint8Array(capacity), this.blocked);
    this.blockedUntilMs = copyInto(new Float64Array(capacity), this.blockedUntilMs);
    this.returnedAtMs = copyInto(new Float64Array(capacity), this.returnedAtMs);
    this.trial = copyInto(new Uint8Array(capacity), this.trial);
  }
}

/** Why an instance is kept back by our own evidence. */
export const block = { none: 0, avoided: 1, ejected: 2 } as const;

function copyInto<T extends { set(from: T): void }>(to: T, from: T): T {
  to.set(from);
  return to;
}
