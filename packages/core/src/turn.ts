/**
 * One turn of a node: the time of the step under way and the effects gathered so far. Every part of the node
 * writes here and nowhere else; `MeshNode` hands the list out at the one exit of a step.
 */

import { Deadlines } from './deadlines.ts';
import { Awareness } from './membership/awareness.ts';
import type { Effect, Persist } from './effect.ts';
import type { MeshEvent } from './event.ts';
import type { NodeId } from './identity.ts';
import type { Lane, Message } from './message.ts';
import type { MeshConfig } from './mesh-config.ts';
import type { Rng } from './rng.ts';
import type { Notary, Signed, SignableType } from './signed.ts';
import { SignatureChecks } from './signature-checks.ts';

/** After a stall, however long, what waited is read within this. */
const readingMaxMs = 5000;

export interface TurnOptions {
  readonly mesh: string;
  readonly config: MeshConfig;
  readonly notary: Notary;
  readonly rng: Rng;
}

export class Turn {
  readonly mesh: string;
  readonly config: MeshConfig;
  readonly notary: Notary;
  readonly rng: Rng;
  readonly self: NodeId;
  readonly deadlines = new Deadlines(() => this.now);
  readonly awareness = new Awareness();
  readonly #checks: SignatureChecks;
  now: number;
  #verdictsAt = Number.NEGATIVE_INFINITY;
  #isLate = false;
  #effects: Effect[] = [];
  #exchange = 0;

  constructor(options: TurnOptions, now: number) {
    this.mesh = options.mesh;
    this.config = options.config;
    this.notary = options.notary;
    this.#checks = new SignatureChecks(options.notary);
    this.rng = options.rng;
    this.self = options.notary.id;
    this.now = now;
  }

  /** A step begins. Whatever its input is: when a deadline should have come long ago, we stood still. */
  begin(now: number): void {
    this.now = now;
    this.#isLate = false;
    this.cameLate(this.lateMs);
  }

  /** How late the earliest deadline is. */
  get lateMs(): number {
    return this.now - (this.deadlines.next() ?? this.now);
  }

  /** Something of ours came so late: what refutes a verdict may wait in our sockets, so that none is given for a while. */
  cameLate(lateMs: number): void {
    const { lateTickMs, probeIntervalMs } = this.config;
    if (lateMs <= lateTickMs) return;
    this.#isLate = true;
    this.#verdictsAt = Math.max(this.#verdictsAt, this.now + Math.max(Math.min(lateMs, readingMaxMs), probeIntervalMs));
  }

  /** Whether this very step came late. */
  get isLate(): boolean {
    return this.#isLate;
  }

  /** No verdict on others is given before this time. */
  get verdictsAt(): number {
    return this.#verdictsAt;
  }

  /** Sets a deadline that sets itself again: one that is due at once would leave time for nothing else. */
  again(key: string, inMs: number): void {
    this.deadlines.set(key, this.now + Math.max(1, inMs));
  }

  send(to: NodeId, message: Message, lane: Lane): void {
    this.#effects.push({ type: 'send', to, message, lane });
  }

  emit(event: MeshEvent): void {
    this.#effects.push({ type: 'emit', event });
  }

  persist(persist: Persist): void {
    this.#effects.push({ type: 'persist', persist });
  }

  perform(effect: Effect): void {
    this.#effects.push(effect);
  }

  /** Reports that a peer said something that does not hold. */
  refuse(from: NodeId, reason: string): void {
    this.emit({ type: 'message-refused', from, reason });
  }

  /** Whether what a peer passed on was signed by its author. If not, or if too much from this peer was not, it is refused. */
  verified(type: SignableType, author: NodeId, signed: Signed<unknown>, from: NodeId): boolean {
    const failure = this.#checks.check({ type, author, signed }, from, this.now);
    if (failure !== undefined) this.refuse(from, failure);
    return failure === undefined;
  }

  /** A number for a new anti-entropy exchange or dial, unique in this boot. */
  nextNumber(): number {
    return ++this.#exchange;
  }

  take(): readonly Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
