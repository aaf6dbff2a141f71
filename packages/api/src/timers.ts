/** Time as the API uses it, so that tests can hold it in their hands. */

export interface Timers {
  /** Calls back once, after at least so many milliseconds. Returns what cancels that; cancelling late does nothing. */
  after(delayMs: number, callback: () => void): () => void;
}

export const platformTimers: Timers = {
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
