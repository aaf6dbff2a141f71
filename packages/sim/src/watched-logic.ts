/**
 * The logic of a node with eyes on it: tells what came in, what the node did about it, and how late the timer was that made
 * it act. Properties that are about messages and timers cannot be read off a view.
 */

import type { Command, CommandResult, Effect, Input, LinkQueue, NodeId, View } from '@skein/core';
import type { NodeLogic } from './node-setup.ts';
import type { Step } from './property.ts';

export class WatchedLogic implements NodeLogic {
  readonly #logic: NodeLogic;
  readonly #watch: (step: Step) => void;
  /** By number of the dial under way: when it is over at the latest. */
  readonly #dialsEnd = new Map<number, number>();

  constructor(logic: NodeLogic, watch: (step: Step) => void) {
    this.#logic = logic;
    this.#watch = watch;
  }

  get self(): NodeId {
    return this.#logic.self;
  }

  get epoch(): number {
    return this.#logic.epoch;
  }

  get view(): View {
    return this.#logic.view;
  }

  linkQueues(): Iterable<LinkQueue> {
    return this.#logic.linkQueues?.() ?? [];
  }

  nextDeadline(): number | undefined {
    return this.#logic.nextDeadline();
  }

  start(now: number): readonly Effect[] {
    return this.#noteDials(this.#logic.start(now), now);
  }

  step(input: Input, now: number): readonly Effect[] {
    const lateMs = this.#lateMs(input, now);
    const nextMs = input.type === 'clock' ? (this.#logic.nextDeadline() ?? now) : now;
    const effects = this.#logic.step(input, now);
    const movesTimers = nextMs > now && this.#logic.nextDeadline() !== nextMs;
    this.#watch({ input, effects: this.#noteDials(effects, now), lateMs, movesTimers });
    return effects;
  }

  dispatch(command: Command, now: number): { readonly result: CommandResult; readonly effects: readonly Effect[] } {
    const answer = this.#logic.dispatch(command, now);
    this.#watch({
      input: { type: 'command', command },
      effects: this.#noteDials(answer.effects, now),
      lateMs: 0,
      movesTimers: false,
    });
    return answer;
  }

  #lateMs(input: Input, now: number): number {
    if (input.type === 'tick') return now - (this.#logic.nextDeadline() ?? now);
    if (input.type !== 'dialed') return 0;
    const endMs = this.#dialsEnd.get(input.dial) ?? now;
    this.#dialsEnd.delete(input.dial);
    return !input.outcome.ok && input.outcome.reason === 'timeout' ? now - endMs : 0;
  }

  #noteDials(effects: readonly Effect[], now: number): readonly Effect[] {
    for (const effect of effects) if (effect.type === 'connect') this.#dialsEnd.set(effect.dial, now + effect.timeoutMs);
    return effects;
  }
}
