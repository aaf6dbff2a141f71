/**
 * Answers are made one after the other, some milliseconds of them in each turn of the event loop. One change may wake ten
 * thousand clients, each with a filter of its own: to answer them in one go takes longer than peers wait for the answer to
 * a probe.
 */

import type { EventLoop } from './timers.ts';

/** How long answers are made before everything else gets its turn. */
export const answeringMs = 10;

/** Whether a request has waited for a change, or asks what there is: the one kind does not wait behind all of the other. */
export type Lane = 'woken' | 'new';

export class AnswerTurns {
  readonly #loop: EventLoop;
  readonly #waiting: Readonly<Record<Lane, (() => void)[]>> = { woken: [], new: [] };
  /** Which goes first now, if both have somebody. */
  #first: Lane = 'new';
  /** When the first answer of this turn of the loop was begun. */
  #startedMs: number | undefined;
  /** Paused: this turn of the loop has had its answers, and somebody waits for the next one. */
  #state: 'idle' | 'making' | 'paused' = 'idle';

  constructor(loop: EventLoop) {
    this.#loop = loop;
  }

  /** Resolves when the caller may make its answer, in one go. In a lane, whoever came first goes first. */
  next(lane: Lane): Promise<void> {
    if (this.#state === 'idle' && !this.#isSpent()) {
      this.#begin();
      return Promise.resolve();
    }
    if (this.#state === 'idle') this.#state = 'paused';
    return new Promise((resolve) => this.#waiting[lane].push(resolve));
  }

  #isSpent(): boolean {
    return this.#startedMs !== undefined && this.#loop.nowMs() - this.#startedMs >= answeringMs;
  }

  #begin(): void {
    this.#state = 'making';
    if (this.#startedMs === undefined) {
      this.#startedMs = this.#loop.nowMs();
      this.#loop.afterPoll(() => this.#turned());
    }
    // A tick that a microtask asks for comes when all microtasks have run: those that make the answer, and send it.
    queueMicrotask(() => process.nextTick(() => this.#made()));
  }

  #made(): void {
    if (this.#waiting.new.length + this.#waiting.woken.length === 0) this.#state = 'idle';
    else if (this.#isSpent()) this.#state = 'paused';
    else this.#wakeNext();
  }

  #turned(): void {
    this.#startedMs = undefined;
    if (this.#state === 'paused') this.#wakeNext();
  }

  #wakeNext(): void {
    const other = this.#first === 'new' ? 'woken' : 'new';
    const lane = this.#waiting[this.#first].length > 0 ? this.#first : other;
    this.#first = lane === 'new' ? 'woken' : 'new';
    const wake = this.#waiting[lane].shift();
    this.#begin();
    wake?.();
  }
}
