/** Waiting with a deadline: the demo never hangs, and says what it waited for. */

import { setTimeout as delay } from 'node:timers/promises';
import { CliFailure, reasonOf } from '../failure.ts';

export interface Wait {
  /** Completes the message "waited 10 s for ...". */
  readonly what: string;
  readonly withinMs: number;
  readonly everyMs?: number;
  /** Ends the wait with the signal's reason. */
  readonly signal: AbortSignal;
  /** Lines that help when it takes too long. */
  readonly hint: () => readonly string[];
}

/** Asks until the answer is not undefined. A failure to ask counts as "not yet" and is told when time is up. */
export async function until<T>(wait: Wait, ask: () => Promise<T | undefined>): Promise<T> {
  const endsAtMs = performance.now() + wait.withinMs;
  let lastReason = '';
  for (;;) {
    wait.signal.throwIfAborted();
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
      lastReason = '';
    } catch (error) {
      lastReason = `: ${reasonOf(error)}`;
    }
    wait.signal.throwIfAborted();
    if (performance.now() > endsAtMs) {
      throw new CliFailure(`waited ${wait.withinMs / 1000} s for ${wait.what}${lastReason}`, { hint: wait.hint() });
    }
    await pause(wait.everyMs ?? 50, wait.signal);
  }
}

/** Rejects with the signal's reason when it aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
  signal.throwIfAborted();
}
