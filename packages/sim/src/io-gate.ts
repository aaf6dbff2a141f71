/** The gate between a process and the network: while it is shut, what comes and what should go waits, both in order. */

import type { Effect, Input } from '@skein/core';

/** An effect that the network performs. */
export type NetworkEffect = Exclude<Effect, { type: 'emit' | 'persist' }>;

export interface HeldInput {
  readonly input: Input;
  /** Frees its place in the sender's buffer. */
  readonly taken: (() => void) | undefined;
}

/** Effects that may wait. What does not fit is dropped, as by a full buffer. Senders' buffers bound what comes. */
const effectsMax = 65_536;

export class IoGate {
  #isShut = false;
  #inputs: HeldInput[] = [];
  #effects: NetworkEffect[] = [];

  get isShut(): boolean {
    return this.#isShut;
  }

  shut(): void {
    this.#isShut = true;
  }

  /** Lets everything through again, and hands out what waited. */
  open(): { readonly inputs: readonly HeldInput[]; readonly effects: readonly NetworkEffect[] } {
    const held = { inputs: this.#inputs, effects: this.#effects };
    this.#isShut = false;
    this.clear();
    return held;
  }

  /** Whether the gate kept the input. A process has its own timers and buffers, and hears of these as ever. */
  holdsInput(held: HeldInput): boolean {
    if (!this.#isShut || !isFromOutside(held.input)) return false;
    this.#inputs.push(held);
    return true;
  }

  /** Whether the gate kept the effect. A dial starts as ever, and gets nowhere. */
  holdsEffect(effect: NetworkEffect): boolean {
    if (!this.#isShut || effect.type === 'connect') return false;
    if (this.#effects.length < effectsMax) this.#effects.push(effect);
    return true;
  }

  /** The process ended, and what waited with it. */
  clear(): void {
    this.#inputs = [];
    this.#effects = [];
  }
}

function isFromOutside(input: Input): boolean {
  if (input.type === 'dialed') return input.outcome.ok || input.outcome.reason !== 'timeout';
  return input.type === 'message' || (input.type === 'peer' && input.state !== 'congested');
}
