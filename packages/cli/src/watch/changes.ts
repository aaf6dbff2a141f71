/**
 * What an agent answers to some paths, again whenever one of them changed: by blocking queries, so that a quiet mesh
 * costs one parked request a path, and over restarts of the agent.
 */

import type { AgentApi, Indexed } from '../agent-api.ts';
import { CliFailure } from '../failure.ts';
import type { Io } from '../io.ts';

export interface ChangesOptions<T> {
  readonly io: Pick<Io, 'sleep'>;
  readonly api: Pick<AgentApi, 'getAfter'>;
  readonly paths: readonly string[];
  /** What is made of the bodies of all paths, in their order. */
  readonly read: (bodies: readonly unknown[]) => T | Promise<T>;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** The agent does not answer, and is asked again after `retryMs`. */
  readonly lost: (failure: CliFailure, retryMs: number) => void;
  /** It answers again. */
  readonly found: () => void;
}

const retryMsMin = 500;
const retryMsMax = 10_000;
/** Before asking again for what did not change: an agent that does not wait must not be asked without a pause. */
const unchangedPauseMs = 250;

/** One path, with the question about it that is under way. */
interface Watched {
  readonly path: string;
  latest: Indexed | undefined;
  next: Promise<{ readonly watched: Watched; readonly answer: Indexed }> | undefined;
}

/**
 * Yields what `read` makes, at first and after each answer for one of the paths: also after one without a change, which
 * comes about once a minute. Throws the failure of the first round, and refusals (4xx) of any: those do not go away by
 * asking again.
 */
export async function* changes<T>(options: ChangesOptions<T>): AsyncGenerator<T, void, undefined> {
  let hasAnswered = false;
  let retryMs = retryMsMin;
  for (;;) {
    // Of a round that failed nothing is kept: after a restart the agent counts anew.
    const round = new AbortController();
    const signal = AbortSignal.any([options.signal, round.signal]);
    try {
      for await (const state of rounds(options, signal)) {
        if (hasAnswered && retryMs > retryMsMin) options.found();
        hasAnswered = true;
        retryMs = retryMsMin;
        yield state;
      }
    } catch (error) {
      if (options.signal.aborted) return;
      if (!(error instanceof CliFailure) || !hasAnswered || isFinal(error)) throw error;
      options.lost(error, retryMs);
      await options.io.sleep(retryMs, options.signal);
      retryMs = Math.min(retryMs * 2, retryMsMax);
    } finally {
      round.abort();
    }
    if (options.signal.aborted) return;
  }
}

async function* rounds<T>({ api, io, paths, read }: ChangesOptions<T>, signal: AbortSignal): AsyncGenerator<T, void, undefined> {
  const all = paths.map((path): Watched => ({ path, latest: undefined, next: undefined }));
  await Promise.all(all.map(async (watched) => (watched.latest = await api.getAfter(watched.path, undefined, signal))));
  for (;;) {
    yield await untilAborted(Promise.resolve(read(all.map(({ latest }) => latest?.body))), signal);
    for (const watched of all) watched.next ??= ask(api, watched, signal);
    const { watched, answer } = await Promise.race(all.map(({ next }) => next as NonNullable<typeof next>));
    const isSame = answer.index === watched.latest?.index;
    Object.assign(watched, { latest: answer, next: undefined });
    if (isSame) await io.sleep(unchangedPauseMs, signal);
  }
}

function ask(api: Pick<AgentApi, 'getAfter'>, watched: Watched, signal: AbortSignal): NonNullable<Watched['next']> {
  const asked = api.getAfter(watched.path, watched.latest?.index, signal).then((answer) => ({ watched, answer }));
  // The race may be over when this one fails; the next race hears of it.
  asked.catch(() => undefined);
  return asked;
}

/** Whoever ends it does not wait for an answer that is under way. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = (): void => reject(signal.reason as Error);
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', end));
  });
}

/** Too many requests is the one refusal that passes. */
function isFinal({ refusal }: CliFailure): boolean {
  return refusal !== undefined && refusal.status < 500 && refusal.status !== 429;
}
