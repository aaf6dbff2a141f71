/** What one run of a check found, and limits on what it may say. */

import type { CheckStatus } from '@skein/core';
import { limits } from '@skein/core';

export interface Verdict {
  readonly status: CheckStatus;
  readonly output: string;
}

/** Runs one kind of check once. Resolves with a verdict whatever happens, soon after `signal` aborts; never rejects. */
export type CheckRun<Probe> = (probe: Probe, signal: AbortSignal) => Promise<Verdict>;

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
