/**
 * Runs the HTTP and TCP checks registered on this node: each at its interval, the first after a random part of
 * it so that a restart does not start all at once, never two runs of one check at a time, each cut off at its
 * timeout. What a run found goes to the node, which applies the check's thresholds.
 */

import type { CheckDefinition, CheckProbe, CheckStatus, Registration, Rng } from '@skein/core';
import type { Clock } from '../clock.ts';
import { runHttpCheck } from './http.ts';
import { runTcpCheck } from './tcp.ts';
import { type CheckRun, critical, type Verdict } from './verdict.ts';

export interface CheckRunnerOptions {
  readonly clock: Pick<Clock, 'after'>;
  readonly rng: Rng;
  readonly result: (id: CheckDefinition['id'], status: CheckStatus, output: string) => void;
  /** Runs one check once. Default: real HTTP and TCP. */
  readonly run?: CheckRun<CheckProbe>;
}

/** Consul's: what `timeout` and `interval` are when a definition does not say, and the shortest interval. */
const defaultTimeoutMs = 10_000;
const defaultIntervalMs = 10_000;
const shortestIntervalMs = 1000;
/** The first run comes within this time even for a check with a long interval. */
const longestFirstWaitMs = 1000;
/** Runs under way at once; more wait their turn. */
const runsAtOnce = 64;

interface Scheduled {
  readonly definition: CheckDefinition;
  readonly text: string;
  cancelTimer: (() => void) | undefined;
  abort: AbortController | undefined;
  isRemoved: boolean;
}

export class CheckRunner {
  readonly #options: CheckRunnerOptions;
  readonly #run: CheckRun<CheckProbe>;
  readonly #checks = new Map<string, Scheduled>();
  /** Due, but `runsAtOnce` are under way. Each check is in here at most once. */
  readonly #waiting = new Set<Scheduled>();
  #running = 0;
  #isStopped = false;

  constructor(options: CheckRunnerOptions) {
    this.#options = options;
    this.#run = options.run ?? runCheck;
  }

  /** How many checks are scheduled, and how many run now. */
  get counts(): { readonly scheduled: number; readonly running: number } {
    return { scheduled: this.#checks.size, running: this.#running };
  }

  /** A registration is new or changed. The same definition again leaves its schedule as it is. */
  changed(registration: Registration): void {
    if (registration.type !== 'check' || this.#isStopped) return;
    const { definition } = registration;
    const key = `c/${definition.id}`;
    const text = JSON.stringify(definition);
    if (this.#checks.get(key)?.text === text) return;
    this.removed(key);
    if (definition.probe.type !== 'http' && definition.probe.type !== 'tcp') return;
    const check: Scheduled = { definition, text, cancelTimer: undefined, abort: undefined, isRemoved: false };
    this.#checks.set(key, check);
    const first = this.#options.rng.below(Math.min(intervalOf(definition), longestFirstWaitMs));
    this.#schedule(check, first);
  }

  /** A registration is gone; `key` as in `registrationKey`. Its run under way ends and says nothing any more. */
  removed(key: string): void {
    const check = this.#checks.get(key);
    if (check === undefined) return;
    this.#checks.delete(key);
    this.#end(check);
  }

  /** Ends everything, runs under way too. */
  stop(): void {
    this.#isStopped = true;
    for (const check of this.#checks.values()) this.#end(check);
    this.#checks.clear();
  }

  #end(check: Scheduled): void {
    check.isRemoved = true;
    check.cancelTimer?.();
    this.#waiting.delete(check);
    check.abort?.abort();
  }

  #schedule(check: Scheduled, ms: number): void {
    check.cancelTimer = this.#options.clock.after(ms, () => {
      check.cancelTimer = undefined;
      this.#waiting.add(check);
      this.#startWaiting();
    });
  }

  #startWaiting(): void {
    for (const check of this.#waiting) {
      if (this.#running >= runsAtOnce) return;
      this.#waiting.delete(check);
      void this.#runOnce(check);
    }
  }

  async #runOnce(check: Scheduled): Promise<void> {
    const { definition } = check;
    this.#running++;
    check.abort = new AbortController();
    const { signal } = check.abort;
    const timeoutMs = definition.timeoutMs > 0 ? definition.timeoutMs : defaultTimeoutMs;
    const cancelTimeout = this.#options.clock.after(timeoutMs, () => check.abort?.abort());
    let verdict: Verdict;
    try {
      verdict = await this.#run(definition.probe, signal);
    } catch (error) {
      verdict = critical(`the check could not be run: ${(error as Error).message}`);
    }
    cancelTimeout();
    check.abort = undefined;
    this.#running--;
    if (!check.isRemoved) {
      this.#options.result(definition.id, verdict.status, verdict.output);
      // The result may have removed the check: critical for too long.
      if (!check.isRemoved) this.#schedule(check, intervalOf(definition));
    }
    this.#startWaiting();
  }
}

function intervalOf(definition: CheckDefinition): number {
  return Math.max(definition.intervalMs > 0 ? definition.intervalMs : defaultIntervalMs, shortestIntervalMs);
}

const runCheck: CheckRun<CheckProbe> = (probe, signal) => {
  if (probe.type === 'http') return runHttpCheck(probe, signal);
  if (probe.type === 'tcp') return runTcpCheck(probe, signal);
  return Promise.resolve(critical(`a ${probe.type} check has nothing to run`));
};
