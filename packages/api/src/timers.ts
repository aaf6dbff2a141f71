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

/** The event loop, for what has to share it. */
export interface EventLoop {
  /** Milliseconds from any start, never less than before. */
  nowMs(): number;
  /** Calls back once, after what waits to be read from the network has been read. */
  afterPoll(run: () => void): void;
}

export const platformLoop: EventLoop = {
  nowMs: () => performance.now(),
  afterPoll: (run) => void setImmediate(run),
};
