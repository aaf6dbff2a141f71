/**
 * Traffic: given a View and a request, which rule applies, which instance takes it, whether to try again. Pure; time comes
 * in as `nowMs`, chance as an `Rng`. Used by the proxy, the client and `explain`, so that all give the same answer.
 *
 * Read next: `routing/route-table.ts`, `balancing/balancer.ts`, `balancing/outlier.ts`, `resilience/retry-rule.ts`.
 */

export { Balancer } from './balancing/balancer.ts';
export type { BalancerOptions, InstanceState } from './balancing/balancer.ts';
export { outcomeOf } from './balancing/outcome.ts';
export type { Outcome, Transition } from './balancing/outcome.ts';
export type { PickRefusal } from './balancing/service-pool.ts';
export type { Lease } from './balancing/slots.ts';
export { RetryBudget } from './resilience/retry-budget.ts';
export { whyNoRetry } from './resilience/retry-rule.ts';
export type { FailedAttempt } from './resilience/retry-rule.ts';
export { chainKinds } from './routing/chain-entry.ts';
export { chooseBackend, isImplicit } from './routing/compiled-rule.ts';
export type { CompiledRule } from './routing/compiled-rule.ts';
export { normalPath } from './routing/path.ts';
export { explainRoute } from './routing/explain.ts';
export type { ExplainedCandidate, RouteExplanation } from './routing/explain.ts';
export { ServiceNames } from './routing/host.ts';
export type {
  BackendRef,
  HeaderMatch,
  HttpMethod,
  PathMatch,
  Route,
  RouteMatch,
  RouteRetry,
  RouteRule,
  RouteTimeouts,
} from './routing/route.ts';
export { RouteTable, routeTableOf } from './routing/route-table.ts';
export type { RouteRequest } from './routing/route-table.ts';
export { validateConfig, validateRoute } from './routing/validate-route.ts';
