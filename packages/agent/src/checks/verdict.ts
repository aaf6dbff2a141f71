/** What one run of a check found, and limits on what it may say. */

import type { CheckStatus } from '@skein/core';
import { limits } from '@skein/core';

export interface Verdict {
  readonly status: CheckStatus;
  readonly output: string;
}

/** What a run may take. */
export interface RunBounds {
  /** For messages: `signal` is what ends the run. */
  readonly timeoutMs: number;
  /** How much of what the other side says is kept, in UTF-16 units. */
  readonly outputLengthMax: number;
}

export const defaultBounds: RunBounds = { timeoutMs: 10_000, outputLengthMax: limits.outputLength };

/** Runs one kind of check once. Resolves with a verdict whatever happens, soon after `signal` aborts; never rejects. */
export type CheckRun<Probe> = (probe: Probe, signal: AbortSignal, bounds?: RunBounds) => Promise<Verdict>;

export function critical(output: string): Verdict {
  return { status: 'critical', output: output.slice(0, limits.outputLength) };
}

/** The code of a failed connection and what it means, such as `ECONNREFUSED: connect ECONNREFUSED 127.0.0.1:1`. */
export function failureText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  // Several addresses of one name were tried: the message is empty then.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  if (first !== undefined) return failureText(first);
  return code === undefined || error.message.includes(code) ? error.message : `${code}: ${error.message}`;
}
