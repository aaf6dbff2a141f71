/**
 * When an attempt that failed may be made again, on another instance. Two things allow it: nothing was sent, so nothing
 * can happen twice; or the method is idempotent (RFC 9110, 9.2.2), so that twice is as good as once.
 */

const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE']);

export interface FailedAttempt {
  readonly method: string;
  /** Whether any of the request may have reached the instance. */
  readonly sent: boolean;
  /** Whether the caller was already given a part of a response. */
  readonly answered: boolean;
  /** Whether the whole request, as far as it was sent, can be sent once more. */
  readonly replayable: boolean;
  /** Retries made so far, and how many the route allows. */
  readonly retries: number;
  readonly maxRetries: number;
}

/** What stands against a retry, or undefined when nothing does (but the budget, which only counts when `sent`). */
export function whyNoRetry(attempt: FailedAttempt): 'answered' | 'attempts' | 'not-idempotent' | 'not-replayable' | undefined {
  if (attempt.answered) return 'answered';
  if (attempt.retries >= attempt.maxRetries) return 'attempts';
  if (!attempt.sent) return undefined;
  if (!idempotent.has(attempt.method)) return 'not-idempotent';
  return attempt.replayable ? undefined : 'not-replayable';
}
