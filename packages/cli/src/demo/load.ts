/** A steady stream of real requests through one proxy, and what came of them. */

import { Agent, get } from 'node:http';
import { isObject, textAt } from '../json-value.ts';

const requestTimeoutMs = 5000;
/** Requests that may be under way at once. More would only measure this process; they count as failed. */
const inFlightLimit = 256;
/** Latencies kept, per instance and in all: about 20 s of the stream. */
const samplesKept = 2048;
const failuresKept = 20;

export interface Tally {
  readonly requests: number;
  /** Of the last requests, in ms; 0 before the first. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface LoadStats extends Tally {
  readonly failed: number;
  /** The first failures, for people. */
  readonly failures: readonly string[];
  /** Answered requests by the instance that answered. */
  readonly byInstance: ReadonlyMap<string, Tally>;
}

export interface Load {
  stats(): LoadStats;
  /** Sends no more and resolves when what is under way is over. */
  stop(): Promise<void>;
}

/** Sends GET requests at `perSecond`, whether or not earlier ones have been answered. */
export function startLoad(target: { readonly host: string; readonly port: number }, perSecond: number): Load {
  // First in, first out: every open connection is in use all the time, so none times out while it idles.
  const agent = new Agent({ keepAlive: true, maxSockets: inFlightLimit, scheduling: 'fifo' });
  const all = new Samples();
  const byInstance = new Map<string, Samples>();
  const failures: string[] = [];
  let sent = 0;
  let inFlight = 0;
  let failed = 0;
  let drained = (): void => undefined;

  const settle = (outcome: Outcome): void => {
    inFlight -= 1;
    if (inFlight === 0) drained();
    if (outcome.type === 'failed') return fail(outcome.reason);
    all.add(outcome.ms);
    const samples = byInstance.get(outcome.instance) ?? new Samples();
    byInstance.set(outcome.instance, samples);
    samples.add(outcome.ms);
  };
  const fail = (reason: string): void => {
    failed += 1;
    if (failures.length < failuresKept) failures.push(reason);
  };
  const send = (): void => {
    sent += 1;
    if (inFlight >= inFlightLimit) return fail(`${inFlightLimit} requests wait for an answer`);
    inFlight += 1;
    request(agent, { ...target, path: `/order/${sent}` }, settle);
  };

  const startedAtMs = performance.now();
  // A late timer sends what is due, so that a busy machine gets the same number of requests.
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedAtMs) / 1000) * perSecond);
    for (let missing = due - sent; missing > 0; missing -= 1) send();
  }, 1000 / perSecond);

  return {
    stats: () => ({
      requests: all.count + failed,
      p50Ms: all.quantile(0.5),
      p99Ms: all.quantile(0.99),
      failed,
      failures,
      byInstance: new Map(
        [...byInstance].map(([name, samples]): [string, Tally] => [
          name,
          { requests: samples.count, p50Ms: samples.quantile(0.5), p99Ms: samples.quantile(0.99) },
        ]),
      ),
    }),
    stop: async () => {
      clearInterval(timer);
      if (inFlight > 0) await new Promise<void>((resolve) => (drained = resolve));
      agent.destroy();
    },
  };
}

type Outcome =
  | { readonly type: 'answered'; readonly instance: string; readonly ms: number }
  | { readonly type: 'failed'; readonly reason: string };

/** Calls `settle` once. */
function request(
  agent: Agent,
  target: { readonly host: string; readonly port: number; readonly path: string },
  settle: (outcome: Outcome) => void,
): void {
  const startedAtMs = performance.now();
  let isSettled = false;
  const once = (outcome: Outcome): void => {
    if (isSettled) return;
    isSettled = true;
    clearTimeout(timer);
    settle(outcome);
  };
  const failed = (error: Error): void => once({ type: 'failed', reason: `GET ${target.path}: ${error.message}` });
  const sending = get({ ...target, agent }, (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('error', failed);
    response.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      if (response.statusCode !== 200) return failed(new Error(`status ${response.statusCode}: ${body.trim().slice(0, 200)}`));
      once({ type: 'answered', instance: instanceIn(body), ms: performance.now() - startedAtMs });
    });
  });
  sending.on('error', failed);
  const timer = setTimeout(() => sending.destroy(new Error(`no answer within ${requestTimeoutMs / 1000} s`)), requestTimeoutMs);
}

function instanceIn(body: string): string {
  try {
    const value: unknown = JSON.parse(body);
    return isObject(value) ? textAt(value, 'instance') : '';
  } catch {
    return '';
  }
}

/** The last latencies of a stream. */
class Samples {
  count = 0;
  readonly #kept: number[] = [];

  add(ms: number): void {
    this.#kept[this.count % samplesKept] = ms;
    this.count += 1;
  }

  /** 0 when there is nothing yet. */
  quantile(share: number): number {
    const sorted = this.#kept.toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  }
}
