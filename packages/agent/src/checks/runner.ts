/**
 * Runs the checks registered on this node that are to be run: each at its interval, the first after a random part of
 * it so that a restart does not start all at once, never two runs of one check at a time, each cut off at its
 * timeout. What a run found goes to the node, which applies the check's thresholds.
 */

import type { CheckDefinition, CheckProbe, CheckStatus, Registration, Rng } from '@skein/core';
import type { Clock } from '../clock.ts';
import { isRun, runCheck } from './kinds.ts';
import { Lane, type LaneName, type LaneRun } from './lanes.ts';
import { type CheckRun, critical, defaultBounds, type RunBounds, type Verdict } from './verdict.ts';

export type CheckRegistration = Extract<Registration, { type: 'check' }>;

export interface CheckRunnerOptions {
  readonly clock: Pick<Clock, 'after'>;
  readonly rng: Rng;
  readonly result: (id: CheckDefinition['id'], status: CheckStatus, output: string) => void;
  /** Why a check is not to be run, such as a script where scripts are off; undefined when it is. Default: all are run. */
  readonly refusal?: (registration: CheckRegistration) => string | undefined;
  /** Runs one check once. Default: for real. */
  readonly run?: CheckRun<CheckProbe>;
}

/** Consul's: what `timeout` and `interval` are when a definition does not say, and the shortest interval. */
const defaultTimeoutMs = defaultBounds.timeoutMs;
const defaultIntervalMs = 10_000;
const shortestIntervalMs = 1000;
/** The first run comes within this time even for a check with a long interval. */
const longestFirstWaitMs = 1000;
/** How long a run may take to end once it was aborted: a script's pipes are drained for a second. */
const abortMsMax = 2000;
/** Part of the interval by which each wait is longer or shorter: checks that once came together drift apart. */
const jitter = 0.05;

interface Scheduled {
  definition: CheckDefinition;
  readonly lane: Lane;
  readonly run: LaneRun;
  readonly refusal: string | undefined;
  cancelTimer: (() => void) | undefined;
  abort: AbortController | undefined;
  /** The run under way is cut short, for another to be run. */
  isCut: boolean;
  isRemoved: boolean;
}

export class CheckRunner {
  readonly #options: CheckRunnerOptions;
  readonly #run: CheckRun<CheckProbe>;
  readonly #checks = new Map<string, Scheduled>();
  readonly #lanes: Readonly<Record<LaneName, Lane>>;
  #isStopped = false;

  constructor(options: CheckRunnerOptions) {
    this.#options = options;
    this.#run = options.run ?? runCheck;
    this.#lanes = { socket: new Lane('socket', options.clock), script: new Lane('script', options.clock) };
  }

  /** How many checks are scheduled, and how many run now. */
  get counts(): { readonly scheduled: number; readonly running: number } {
    return { scheduled: this.#checks.size, running: this.#lanes.socket.running + this.#lanes.script.running };
  }

  /** A registration is new or changed. Where what is asked, and how often, is as before, its schedule stays as it is. */
  changed(registration: Registration): void {
    if (registration.type !== 'check' || this.#isStopped) return;
    const { definition } = registration;
    const key = `c/${definition.id}`;
    const known = this.#checks.get(key);
    if (known !== undefined && scheduleText(known.definition) === scheduleText(definition)) {
      known.definition = definition;
      return;
    }
    this.removed(key);
    if (!isRun(definition.probe)) return;
    const check: Scheduled = {
      definition,
      lane: definition.probe.type === 'script' ? this.#lanes.script : this.#lanes.socket,
      run: { start: () => this.#runOnce(check), cut: () => cut(check), isSlow: false },
      // A refusal is a result like others, or a check with a threshold would stay what it was.
      refusal: this.#options.refusal?.(registration),
      cancelTimer: undefined,
      abort: undefined,
      isCut: false,
      isRemoved: false,
    };
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
    check.lane.drop(check.run);
    check.abort?.abort();
  }

  #schedule(check: Scheduled, ms: number): void {
    check.cancelTimer = this.#options.clock.after(ms, () => {
      check.cancelTimer = undefined;
      check.lane.add(check.run);
    });
  }

  /** Whether it was cut short, and the check is still to be run. */
  async #runOnce(check: Scheduled): Promise<boolean> {
    const { probe, timeoutMs: given, outputLengthMax = defaultBounds.outputLengthMax } = check.definition;
    const timeoutMs = given > 0 ? given : defaultTimeoutMs;
    const abort = new AbortController();
    check.abort = abort;
    const cancelTimeout = this.#options.clock.after(timeoutMs, () => abort.abort());
    const verdict =
      check.refusal === undefined
        ? await this.#endingRun(probe, abort.signal, { timeoutMs, outputLengthMax })
        : critical(check.refusal);
    cancelTimeout();
    check.abort = undefined;
    if (check.isRemoved) return false;
    if (check.isCut) {
      check.isCut = false;
      return true;
    }
    this.#options.result(check.definition.id, verdict.status, verdict.output);
    // The result may have removed the check: critical for too long.
    if (!check.isRemoved) this.#schedule(check, this.#wait(check.definition));
    return false;
  }

  /** One run, given up when it does not end soon after its abort, or it would keep its place from others for ever. */
  #endingRun(probe: CheckProbe, signal: AbortSignal, bounds: RunBounds): Promise<Verdict> {
    const run = async (): Promise<Verdict> => this.#run(probe, signal, bounds);
    return new Promise((resolve) => {
      let cancelWait = (): void => undefined;
      const end = (verdict: Verdict): void => {
        cancelWait();
        resolve(verdict);
      };
      const giveUp = (): void => end(critical(`the check did not end within its timeout of ${bounds.timeoutMs} ms`));
      signal.addEventListener('abort', () => (cancelWait = this.#options.clock.after(abortMsMax, giveUp)), { once: true });
      run().then(end, (error: Error) => end(critical(`the check could not be run: ${error.message}`)));
    });
  }

  #wait(definition: CheckDefinition): number {
    const intervalMs = intervalOf(definition);
    const spreadMs = Math.round(intervalMs * jitter);
    return intervalMs - spreadMs + this.#options.rng.below(2 * spreadMs + 1);
  }
}

function cut(check: Scheduled): void {
  check.isCut = true;
  check.abort?.abort();
}

/** What a change of means that a check starts over. */
function scheduleText({ probe, intervalMs, timeoutMs }: CheckDefinition): string {
  return JSON.stringify([probe, intervalMs, timeoutMs]);
}

function intervalOf(definition: CheckDefinition): number {
  return Math.max(definition.intervalMs > 0 ? definition.intervalMs : defaultIntervalMs, shortestIntervalMs);
}
