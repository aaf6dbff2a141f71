/** How an attempt on an instance ended, and what that says about the instance. */

export type Outcome =
  /** It answered, below 400. */
  | 'success'
  /** It answered 4xx: the caller's mistake says nothing against the instance. */
  | 'client-error'
  /** It answered 5xx. */
  | 'server-error'
  /** No answer in time. */
  | 'timeout'
  /** The connection could not be made: nothing was sent. */
  | 'connect-failed'
  /** The connection broke, or what came was not an answer. */
  | 'broken'
  /** Says nothing: the caller went away, or a kept connection turned out to be closed. */
  | 'cancelled';

/** The outcome of an answer with this HTTP status. */
export function outcomeOf(status: number): Outcome {
  return status < 400 ? 'success' : status < 500 ? 'client-error' : 'server-error';
}

/** What an outcome changed about its instance. */
export type Transition =
  /** Out of rotation for some 10 s or more. */
  | 'ejected'
  /** Not preferred for a second: a connection to it just failed. */
  | 'avoided'
  /** Back in rotation, after its trial request went well. */
  | 'returned';
