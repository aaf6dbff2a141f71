/**
 * All routes of a view, compiled into one immutable table. The same candidates, in the same order and with the same
 * comparison, answer `match` and `explain`.
 *
 * Precedence (as in Gateway API): host (exact, longest wildcard, then any) - exact path - longest prefix -
 * method - number of headers - older version of the entry in force - name - order within the route.
 *
 * `<service>.mesh` leads to the service. A route that names such a host, exactly or by wildcard, goes first; a route for
 * any host never takes it, or a catch-all would silently answer for another service. Then come the routes of the service's
 * Consul entries, in their own order (`service-chain.ts`), whose splits and redirects hold for backends of all routes.
 */

import { type ConfigEntry, type View, compareVersions, topics } from '@skein/core';
import { chainKinds } from './chain-entry.ts';
import { type CompiledRule, compileRule, implicitRule } from './compiled-rule.ts';
import { hostOf, meshSuffix } from './host.ts';
import { normalPath } from './path.ts';
import type { Route, RouteMatch } from './route.ts';
import { ServiceChains } from './service-chain.ts';
import { validateRoute } from './validate-route.ts';

/** What routing looks at. Header names in lower case; of several lines with one name, their values joined by `, `. */
export interface RouteRequest {
  /** The authority: `Host`, or what the request's target names. With or without port. */
  readonly host: string;
  /** Without query, in its normal form (`normalPath`). */
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** One match of one rule under one hostname. */
export interface Candidate {
  readonly entry: ConfigEntry;
  readonly rule: CompiledRule;
  readonly matchIndex: number;
  /** Exact name, `*.suffix`, or empty for any host. */
  readonly hostname: string;
  readonly exactPath: boolean;
  /** A prefix has no final slash, so that `/` is empty. */
  readonly path: string;
  /** The prefix is compared by characters, not by segments: Consul's way. */
  readonly characterPrefix?: boolean;
  readonly method: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** What a request fails on first, or that it matches. */
export type Fit = 'match' | 'path' | 'method' | 'header';

interface HostPlan {
  /** Lists in order of precedence, each in order itself. Shared with other plans, since hosts come from outside. */
  readonly lists: readonly (readonly Candidate[])[];
  /** Applies when no candidate does. */
  readonly fallback: CompiledRule | undefined;
}

/** Plans kept for hosts seen; hosts come from outside, so there is a limit. */
const plansLimit = 1024;

export class RouteTable {
  /** The view's index of routes that this table was compiled from. */
  readonly index: number;
  /** Entries that could not be compiled, with the reason. They do not apply. */
  readonly problems: readonly { readonly name: string; readonly reason: string }[];
  /** By hostname, each list in order of precedence; `''` holds those for any host. */
  readonly #byHost: ReadonlyMap<string, readonly Candidate[]>;
  readonly #plans = new Map<string, HostPlan>();
  readonly #chains: ServiceChains;

  constructor(entries: Iterable<ConfigEntry>, index: number, chains = new ServiceChains()) {
    this.index = index;
    this.#chains = chains;
    const problems: { name: string; reason: string }[] = [];
    const byHost = new Map<string, Candidate[]>();
    for (const entry of entries) {
      const reason = validateRoute(entry.value);
      if (reason !== undefined) problems.push({ name: entry.name, reason });
      else for (const candidate of compileEntry(entry, entry.value as Route, chains)) addTo(byHost, candidate);
    }
    for (const list of byHost.values()) list.sort(byPrecedence);
    this.#byHost = byHost;
    this.problems = [...problems, ...chains.problems];
  }

  /** The rule that decides about a request; undefined when none does. */
  match(request: RouteRequest): CompiledRule | undefined {
    const plan = this.plan(request.host);
    for (const list of plan.lists) {
      for (const candidate of list) if (fit(candidate, request) === 'match') return candidate.rule;
    }
    return plan.fallback;
  }

  /** What applies to a host, in order of precedence. */
  plan(host: string): HostPlan {
    let plan = this.#plans.get(host);
    if (plan === undefined) {
      if (this.#plans.size >= plansLimit) this.#plans.clear();
      plan = this.#makePlan(hostOf(host));
      this.#plans.set(host, plan);
    }
    return plan;
  }

  /** Every candidate, for any host. */
  *candidates(): Iterable<Candidate> {
    for (const list of this.#byHost.values()) yield* list;
  }

  #makePlan(host: string): HostPlan {
    const names = [host];
    for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) names.push(`*${host.slice(dot)}`);
    const ofMesh = host.endsWith(meshSuffix) && host.length > meshSuffix.length;
    if (!ofMesh) names.push('');
    const lists = names.map((name) => this.#byHost.get(name) ?? []).filter((list) => list.length > 0);
    if (!ofMesh) return { lists, fallback: undefined };
    const label = host.slice(0, -meshSuffix.length);
    const service = this.#chains.named(label);
    if (service === undefined) return { lists, fallback: implicitRule(label) };
    return { lists: [...lists, [...routedCandidates(this.#chains, service, host)]], fallback: this.#chains.fallback(service) };
  }
}

/** What a table is compiled from. */
const sources = ['route', ...chainKinds].map((kind) => topics.configKind(kind));

/** The table for a view: `previous` itself as long as no route changed. */
export function routeTableOf(view: View, previous: RouteTable | undefined): RouteTable {
  let index = 0;
  for (const topic of sources) index = Math.max(index, view.index(topic));
  if (previous?.index === index) return previous;
  const chains = new ServiceChains();
  for (const kind of chainKinds) chains.add(kind, view.configEntries(kind));
  return new RouteTable(view.configEntries('route'), index, chains);
}

/** How a request fits one candidate whose host it has. */
export function fit(candidate: Candidate, request: RouteRequest): Fit {
  const { path } = candidate;
  if (candidate.exactPath) {
    if (request.path !== path) return 'path';
  } else if (path !== '') {
    if (!request.path.startsWith(path)) return 'path';
    if (candidate.characterPrefix !== true && request.path.length > path.length && request.path.charCodeAt(path.length) !== 0x2f)
      return 'path';
  }
  if (candidate.method !== '' && candidate.method !== request.method) return 'method';
  for (const [name, value] of candidate.headers) {
    if (headerOf(request, name) !== value) return 'header';
  }
  return 'match';
}

/** The value of a header as rules see it. */
export function headerOf(request: RouteRequest, name: string): string | undefined {
  const sent = request.headers[name];
  return typeof sent === 'object' ? sent.join(', ') : sent;
}

/** Orders candidates of one hostname; negative when `a` goes first. */
function byPrecedence(a: Candidate, b: Candidate): number {
  return (
    Number(b.exactPath) - Number(a.exactPath) ||
    b.path.length - a.path.length ||
    Number(b.method !== '') - Number(a.method !== '') ||
    b.headers.length - a.headers.length ||
    compareVersions(a.entry.version, b.entry.version) ||
    (a.entry.name < b.entry.name ? -1 : a.entry.name > b.entry.name ? 1 : 0) ||
    a.rule.index - b.rule.index ||
    a.matchIndex - b.matchIndex
  );
}

/** The routes of a service's router as candidates for its host, in their order. */
function* routedCandidates(chains: ServiceChains, service: string, hostname: string): Iterable<Candidate> {
  for (const { entry, rule, path, exactPath, methods, headers } of chains.routes(service)) {
    for (const [matchIndex, method] of methods.entries())
      yield { entry, rule, matchIndex, hostname, exactPath, path, characterPrefix: !exactPath, method, headers };
  }
}

function* compileEntry(entry: ConfigEntry, route: Route, chains: ServiceChains): Iterable<Candidate> {
  const hostnames = route.hostnames === undefined || route.hostnames.length === 0 ? [''] : new Set(route.hostnames);
  for (const [index, value] of route.rules.entries()) {
    const rule = compileRule(entry.name, index, { ...value, backendRefs: chains.backends(value.backendRefs) });
    const matches: readonly RouteMatch[] = value.matches === undefined || value.matches.length === 0 ? [{}] : value.matches;
    for (const hostname of hostnames) {
      for (const [matchIndex, match] of matches.entries()) {
        const exactPath = match.path?.type === 'Exact';
        const path = normalPath(match.path?.value ?? '/');
        yield {
          entry,
          rule,
          matchIndex,
          hostname,
          exactPath,
          path: exactPath || !path.endsWith('/') ? path : path.slice(0, -1),
          method: match.method ?? '',
          headers: (match.headers ?? []).map((header) => [header.name.toLowerCase(), header.value] as const),
        };
      }
    }
  }
}

function addTo(byHost: Map<string, Candidate[]>, candidate: Candidate): void {
  const list = byHost.get(candidate.hostname);
  if (list === undefined) byHost.set(candidate.hostname, [candidate]);
  else list.push(candidate);
}
