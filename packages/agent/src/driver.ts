/**
 * The shell around the pure node: gives it inputs and the time, performs its effects in order, keeps its one
 * wake-up, and lets readers wait for a change of the view. The ring closes here: input, step, effects, view, readers.
 *
 * A step calls nothing back, so steps never nest; what an effect sets off synchronously is stepped at once,
 * and its effects are performed behind those already waiting.
 */

import {
  assertNever,
  topics,
  type CancelSignal,
  type Command,
  type CommandResult,
  type Effect,
  type Input,
  type MeshEvent,
  type MeshNode,
  type MeshPort,
  type NodeId,
  type Persist,
  type View,
} from '@skein/core';
import type { Transport } from '@skein/transport';
import type { Clock } from './clock.ts';

export interface DriverOptions {
  readonly node: Pick<MeshNode, 'self' | 'start' | 'step' | 'dispatch' | 'nextDeadline' | 'view' | 'epoch' | 'healthScore'>;
  readonly clock: Clock;
  /** The node's own setting: a tick later than this is given only after the sockets were read. */
  readonly lateTickMs: number;
  readonly transport: Pick<Transport, 'send' | 'connect' | 'disconnect'>;
  readonly persist: (change: Persist) => void;
  /** Every event, after the waiting readers of a changed view were woken. */
  readonly event: (event: MeshEvent) => void;
}

const clockIntervalMs = 1000;
/** Readers that may wait at once. One too many is answered at once, as if its wait had run out. */
const waitersLimit = 16_384;

interface Waiter {
  readonly afterIndex: number;
  readonly wake: () => void;
}

export class Driver implements MeshPort {
  readonly self: NodeId;
  readonly #options: DriverOptions;
  readonly #queue: Effect[] = [];
  #isPerforming = false;
  #isStopped = false;
  #cancelWakeUp: (() => void) | undefined;
  #wakeUpAt = Infinity;
  #isDraining = false;
  #cancelClock: (() => void) | undefined;
  readonly #waiters = new Map<string, Set<Waiter>>();
  #waiterCount = 0;
  #lastLagMs = 0;

  constructor(options: DriverOptions) {
    this.#options = options;
    this.self = options.node.self;
  }

  /** The boot epoch to state in a hello. */
  get epoch(): number {
    return this.#options.node.epoch;
  }

  /** How well the node is itself: 0, well, to 8. */
  get healthScore(): number {
    return this.#options.node.healthScore;
  }

  /** The worst lag of the event loop in the last whole second. */
  get lagMs(): number {
    return this.#lastLagMs;
  }

  /** Publishes what was restored and dials; call once, when the transport listens. */
  start(): void {
    const { node, clock } = this.#options;
    clock.takeLagMs();
    this.#perform(node.start(clock.now()));
    this.#cancelClock = clock.after(clockIntervalMs, () => this.#tellClock());
  }

  /** Gives the node nothing more, and every waiting reader its answer. Idempotent. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelWakeUp?.();
    this.#cancelClock?.();
    for (const waiters of this.#waiters.values()) for (const waiter of waiters) waiter.wake();
  }

  /** Takes one input in and performs what comes of it. Ignored after `stop`. */
  input(input: Input): void {
    if (this.#isStopped) return;
    this.#perform(this.#options.node.step(input, this.#options.clock.now()));
  }

  view(): View {
    return this.#options.node.view;
  }

  dispatch(command: Command): CommandResult {
    if (this.#isStopped) return { ok: false, code: 'leaving', message: 'this agent has stopped' };
    const { result, effects } = this.#options.node.dispatch(command, this.#options.clock.now());
    this.#perform(effects);
    return result;
  }

  changed(topic: string, afterIndex: number, signal: CancelSignal): Promise<View> {
    const isDue = this.view().index(topic) > afterIndex || signal.aborted;
    if (isDue || this.#isStopped || this.#waiterCount >= waitersLimit) return Promise.resolve(this.view());
    return new Promise((resolve) => {
      const waiters = this.#waiters.get(topic) ?? new Set();
      this.#waiters.set(topic, waiters);
      const waiter: Waiter = {
        afterIndex,
        wake: () => {
          if (!waiters.delete(waiter)) return;
          this.#waiterCount--;
          if (waiters.size === 0 && this.#waiters.get(topic) === waiters) this.#waiters.delete(topic);
          signal.removeEventListener('abort', waiter.wake);
          resolve(this.view());
        },
      };
      waiters.add(waiter);
      this.#waiterCount++;
      signal.addEventListener('abort', waiter.wake, { once: true });
    });
  }

  #perform(effects: readonly Effect[]): void {
    for (const effect of effects) this.#queue.push(effect);
    if (this.#isPerforming) return;
    this.#isPerforming = true;
    try {
      for (let next = 0; next < this.#queue.length; next++) this.#performOne(this.#queue[next] as Effect);
    } finally {
      this.#queue.length = 0;
      this.#isPerforming = false;
    }
    this.#scheduleWakeUp();
  }

  #performOne(effect: Effect): void {
    const { transport, persist, event } = this.#options;
    switch (effect.type) {
      case 'send':
        return transport.send(effect.to, effect.message, effect.lane);
      case 'connect':
        return transport.connect(effect);
      case 'disconnect':
        return transport.disconnect(effect.to, effect.reason);
      case 'persist':
        return persist(effect.persist);
      case 'emit':
        if (effect.event.type === 'view-changed') this.#wakeReaders(effect.event.topics);
        return event(effect.event);
      default:
        return assertNever(effect);
    }
  }

  #wakeReaders(touched: readonly string[]): void {
    // Many changes may come before anybody looks: without a reader that waits, no view is made.
    if (this.#waiterCount === 0) return;
    for (const topic of [...touched, topics.any]) {
      const waiters = this.#waiters.get(topic);
      if (waiters === undefined) continue;
      const index = this.view().index(topic);
      for (const waiter of waiters) if (index > waiter.afterIndex) waiter.wake();
    }
  }

  #scheduleWakeUp(): void {
    const { node, clock } = this.#options;
    const deadline = node.nextDeadline() ?? Infinity;
    if (this.#isStopped || this.#isDraining || deadline === this.#wakeUpAt) return;
    this.#cancelWakeUp?.();
    this.#cancelWakeUp = undefined;
    this.#wakeUpAt = deadline;
    if (deadline === Infinity) return;
    this.#cancelWakeUp = clock.after(Math.max(0, deadline - clock.now()), () => this.#wakeUp(deadline));
  }

  #wakeUp(deadline: number): void {
    this.#cancelWakeUp = undefined;
    this.#wakeUpAt = Infinity;
    if (this.#options.clock.now() - deadline <= this.#options.lateTickMs) return this.#tick();
    // The answer that would clear a peer may already lie in a socket: timers fire before it is read.
    this.#isDraining = true;
    this.#options.clock.afterPoll(() => {
      this.#isDraining = false;
      this.#tick();
    });
  }

  #tick(): void {
    const { node, clock } = this.#options;
    const deadline = node.nextDeadline();
    // A timer may fire a fraction early, and what was read meanwhile may have moved the deadline.
    if (deadline !== undefined && deadline <= clock.now()) this.input({ type: 'tick' });
    else this.#scheduleWakeUp();
  }

  #tellClock(): void {
    const { clock } = this.#options;
    this.#lastLagMs = clock.takeLagMs();
    // So that what the next view has to show does not pile up where nobody looks.
    this.view();
    this.#cancelClock = clock.after(clockIntervalMs, () => this.#tellClock());
    this.input({ type: 'clock', lagMs: this.#lastLagMs, wallMs: clock.wallMs() });
  }
}
