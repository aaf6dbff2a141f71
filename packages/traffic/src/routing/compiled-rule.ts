/** A rule, ready to be followed: shares summed up, durations in numbers, defaults filled in. */

import type { Rng } from '@skein/core';
import { parseDurationMs } from './duration.ts';
import type { RouteRule } from './route.ts';

export const routeDefaults = { requestTimeoutMs: 15_000, retries: 3 } as const;

export interface CompiledRule {
  /** The route's name; empty for the implicit rule of a `<service>.mesh` host. */
  readonly route: string;
  /** Its place within the route. */
  readonly index: number;
  readonly name: string;
  /** Only those with a weight. */
  readonly backends: readonly { readonly service: string; readonly weight: number }[];
  /** 0: the rule leads nowhere. */
  readonly totalWeight: number;
  /** Until the response begins; 0: no limit. */
  readonly requestTimeoutMs: number;
  /** Attempts after the first, at most. */
  readonly retries: number;
}

export function compileRule(route: string, index: number, rule: RouteRule): CompiledRule {
  const backends = rule.backendRefs
    .map((ref) => ({ service: ref.name, weight: ref.weight ?? 1 }))
    .filter((backend) => backend.weight > 0);
  const timeout = rule.timeouts?.request;
  return {
    route,
    index,
    name: rule.name ?? '',
    backends,
    totalWeight: backends.reduce((sum, backend) => sum + backend.weight, 0),
    requestTimeoutMs: (timeout === undefined ? undefined : parseDurationMs(timeout)) ?? routeDefaults.requestTimeoutMs,
    retries: rule.retry?.attempts ?? routeDefaults.retries,
  };
}

/** The rule of a `<service>.mesh` host. */
export function implicitRule(service: string): CompiledRule {
  return compileRule('', 0, { backendRefs: [{ name: service }] });
}

/** Whether a rule follows from a host name alone: its service is a host's label, in lower case. */
export function isImplicit(rule: CompiledRule): boolean {
  return rule.route === '';
}

/** The service for one request, by weight; undefined when all weights are 0 (Gateway API: answer 500). */
export function chooseBackend(rule: CompiledRule, rng: Rng): string | undefined {
  const { backends } = rule;
  if (backends.length <= 1) return backends[0]?.service;
  let ticket = rng.below(rule.totalWeight);
  for (const backend of backends) {
    ticket -= backend.weight;
    if (ticket < 0) return backend.service;
  }
  return undefined;
}
