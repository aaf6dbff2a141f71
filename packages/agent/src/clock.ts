/** Time for everything in the agent that waits, so that tests can turn the hands themselves. */

import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface Clock {
  /** Monotonic, in whole milliseconds. Counts on through changes of the wall clock. */
  now(): number;
  /** Milliseconds since 1970. */
  wallMs(): number;
  /** Calls `run` once after `ms`; the answer cancels it. Never keeps the process alive by itself. */
  after(ms: number, run: () => void): () => void;
  /** Calls `run` once the sockets that are readable now were read. */
  afterPoll(run: () => void): void;
  /** How late the event loop was at worst since the last call, in milliseconds. */
  takeLagMs(): number;
}

/** `setTimeout` turns a longer delay into 1 ms. */
const longestTimerMs = 2_147_483_647;
/** How often the lag is looked at, which wakes the process: at 20 ms it was a sixth of the CPU of an agent at rest. */
const lagResolutionMs = 50;

/** The real one. Start it once an agent; `stop` ends the measuring of the event loop. */
export function systemClock(): Clock & { stop(): void } {
  const histogram = monitorEventLoopDelay({ resolution: lagResolutionMs });
  histogram.enable();
  return {
    now: () => Math.floor(performance.now()),
    wallMs: () => Date.now(),
    after(ms, run) {
      const timer = setTimeout(run, Math.min(Math.max(ms, 0), longestTimerMs)).unref();
      return () => clearTimeout(timer);
    },
    afterPoll: (run) => void setImmediate(run),
    takeLagMs() {
      const worst = histogram.max / 1e6;
      histogram.reset();
      return Math.max(0, Math.round(worst - lagResolutionMs));
    },
    stop: () => void histogram.disable(),
  };
}
