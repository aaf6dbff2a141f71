/**
 * The value of a config entry of kind `route`: which requests go to which services.
 *
 * Shape and field names are those of the `spec` of Gateway API's HTTPRoute, so that a rule can be pasted from there:
 * `hostnames`, `rules[].matches[].{path,headers,method}`, `rules[].backendRefs[].{name,weight}`, `timeouts.request`,
 * `retry.attempts`. A backend's `name` is a service of the mesh. What is not listed here is refused, never ignored.
 */

export interface Route {
  /** `shop.example` or `*.shop.example` (any number of labels); in lower case, without port. Absent: every host. */
  readonly hostnames?: readonly string[];
  /** At least one. */
  readonly rules: readonly RouteRule[];
}

export interface RouteRule {
  /** Shown by `explain`. */
  readonly name?: string;
  /** The rule applies when any one of these holds. Absent: every path. */
  readonly matches?: readonly RouteMatch[];
  /** Where to, in proportion to the weights. At least one. */
  readonly backendRefs: readonly BackendRef[];
  readonly timeouts?: RouteTimeouts;
  readonly retry?: RouteRetry;
}

/** All that is given must hold. */
export interface RouteMatch {
  readonly path?: PathMatch;
  readonly headers?: readonly HeaderMatch[];
  readonly method?: HttpMethod;
}

export interface PathMatch {
  /** `PathPrefix` (the default) compares whole segments: `/order` matches `/order/1`, not `/orders`. */
  readonly type?: 'Exact' | 'PathPrefix';
  /** Compared with the path without its query, both in their normal form (see `normalPath`). */
  readonly value: string;
}

export interface HeaderMatch {
  readonly type?: 'Exact';
  /** In any case. */
  readonly name: string;
  readonly value: string;
}

export const httpMethods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'] as const;
export type HttpMethod = (typeof httpMethods)[number];

export interface BackendRef {
  /** The service. */
  readonly name: string;
  /** A share of the sum of all weights; 1 when absent, 0 for none. */
  readonly weight?: number;
}

export interface RouteTimeouts {
  /** Until the response begins. A duration such as `1m30s`; `0s`: no limit. Default 15 s. */
  readonly request?: string;
}

export interface RouteRetry {
  /** How many times to try again, at most. Default 3; 0 turns retries off. */
  readonly attempts?: number;
}

/** Limits on one route. Beyond them an entry is refused. */
export const routeLimits = {
  hostnames: 16,
  hostnameLength: 253,
  rules: 64,
  matches: 64,
  headers: 16,
  headerNameLength: 256,
  headerValueLength: 4096,
  pathLength: 1024,
  backends: 16,
  nameLength: 128,
  weight: 1_000_000,
  attempts: 10,
} as const;
