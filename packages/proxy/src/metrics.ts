/** Rate, errors and duration, per service (as callers saw it) and per instance (each attempt). Plain data for `/metrics`. */

import type { InstanceState, Outcome } from '@skein/traffic';
import type { InstanceView } from '@skein/core';
import type { ProxyErrorCode } from './errors.ts';

/** Upper bounds, in ms; one more bucket counts the rest. */
export const latencyBoundsMs = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000] as const;

export interface LatencyStats {
  readonly count: number;
  readonly sumMs: number;
  /** One count per bound of `latencyBoundsMs`, then the rest. Not cumulative. */
  readonly buckets: readonly number[];
}

/** Answers by the first digit of their status. */
export type StatusClasses = Readonly<Record<'1xx' | '2xx' | '3xx' | '4xx' | '5xx', number>>;

export interface InstanceStats {
  readonly id: string;
  readonly node: string;
  readonly address: string;
  readonly port: number;
  readonly answers: StatusClasses;
  /** Attempts that got no whole answer, by how they ended. */
  readonly failures: Readonly<Record<'connect-failed' | 'timeout' | 'broken' | 'cancelled', number>>;
  readonly ejections: number;
  /** From the attempt's start to the end of the answer. */
  readonly latency: LatencyStats;
  /** How balancing sees it now; undefined when it has left the catalog. */
  readonly balancing: InstanceState | undefined;
}

export interface ServiceStats {
  readonly service: string;
  /** What callers got, the proxy's own errors included. */
  readonly answers: StatusClasses;
  /** Callers that went away before their answer was complete. */
  readonly cancelled: number;
  readonly retries: number;
  /** From the request's head to the end of the answer. */
  readonly latency: LatencyStats;
  readonly instances: readonly InstanceStats[];
}

export interface ProxyStats {
  readonly inFlight: number;
  readonly requests: number;
  /** The proxy's own answers, by code. */
  readonly errors: Readonly<Partial<Record<ProxyErrorCode, number>>>;
  readonly services: readonly ServiceStats[];
}

class Latency {
  readonly #buckets = new Float64Array(latencyBoundsMs.length + 1);
  #count = 0;
  #sumMs = 0;

  record(ms: number): void {
    let bucket = 0;
    while (bucket < latencyBoundsMs.length && ms > (latencyBoundsMs[bucket] as number)) bucket++;
    this.#buckets[bucket] = (this.#buckets[bucket] as number) + 1;
    this.#count++;
    this.#sumMs += ms;
  }

  stats(): LatencyStats {
    return { count: this.#count, sumMs: this.#sumMs, buckets: [...this.#buckets] };
  }
}

class Classes {
  readonly #counts = new Float64Array(6);

  count(status: number): void {
    const digit = Math.min(5, Math.max(1, Math.floor(status / 100)));
    this.#counts[digit] = (this.#counts[digit] as number) + 1;
  }

  stats(): StatusClasses {
    const [, one = 0, two = 0, three = 0, four = 0, five = 0] = this.#counts;
    return { '1xx': one, '2xx': two, '3xx': three, '4xx': four, '5xx': five };
  }
}

export class InstanceMetrics {
  readonly #answers = new Classes();
  readonly #latency = new Latency();
  readonly #failures = { 'connect-failed': 0, timeout: 0, broken: 0, cancelled: 0 };
  ejections = 0;
  /** As last seen. */
  instance: InstanceView;

  constructor(instance: InstanceView) {
    this.instance = instance;
  }

  /** An attempt ended. `status` is 0 when no answer came. */
  attempt(outcome: Outcome, status: number, latencyMs: number): void {
    if (outcome === 'connect-failed' || outcome === 'timeout' || outcome === 'broken' || outcome === 'cancelled') {
      this.#failures[outcome]++;
      return;
    }
    this.#answers.count(status);
    this.#latency.record(latencyMs);
  }

  stats(balancing: InstanceState | undefined): InstanceStats {
    const { instance, nodeName, address, port } = this.instance;
    return {
      id: instance.id,
      node: nodeName,
      address,
      port,
      answers: this.#answers.stats(),
      failures: { ...this.#failures },
      ejections: this.ejections,
      latency: this.#latency.stats(),
      balancing,
    };
  }
}

/** Instances remembered per service after they left; the one that joined first goes first. */
const maxInstances = 4096;

export class ServiceMetrics {
  readonly service: string;
  readonly #answers = new Classes();
  readonly #latency = new Latency();
  readonly #instances = new Map<string, InstanceMetrics>();
  cancelled = 0;
  retries = 0;

  constructor(service: string) {
    this.service = service;
  }

  answer(status: number, latencyMs: number): void {
    this.#answers.count(status);
    this.#latency.record(latencyMs);
  }

  of(instance: InstanceView): InstanceMetrics {
    const key = `${instance.owner}/${instance.instance.id}`;
    let metrics = this.#instances.get(key);
    if (metrics === undefined) {
      if (this.#instances.size >= maxInstances) this.#instances.delete(this.#instances.keys().next().value ?? '');
      metrics = new InstanceMetrics(instance);
      this.#instances.set(key, metrics);
    }
    metrics.instance = instance;
    return metrics;
  }

  stats(states: readonly InstanceState[]): ServiceStats {
    for (const state of states) this.of(state.instance);
    const byKey = new Map(states.map((state) => [`${state.instance.owner}/${state.instance.instance.id}`, state]));
    return {
      service: this.service,
      answers: this.#answers.stats(),
      cancelled: this.cancelled,
      retries: this.retries,
      latency: this.#latency.stats(),
      instances: Array.from(this.#instances, ([key, metrics]) => metrics.stats(byKey.get(key))),
    };
  }
}
