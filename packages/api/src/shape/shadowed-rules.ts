/**
 * Matches of routes that never decide, since a rule of another route has the very same match and goes first. Nobody
 * refuses such a pair: the two routes may have been written at once on two sides of a partition.
 */

import type { RouteTable } from '@skein/traffic';

export interface ShadowedMatch {
  /** Places in the route: `rules[rule].matches[match]`. */
  readonly rule: number;
  readonly match: number;
  /** Empty for any host. */
  readonly hostname: string;
  /** The name of the route that goes first. */
  readonly by: string;
}

/** More say nothing new about a route. */
const matchesPerRoute = 16;

type Candidate = ReturnType<RouteTable['candidates']> extends Iterable<infer C> ? C : never;

/** By the name of the route whose matches they are. */
export function shadowedMatches(table: RouteTable): ReadonlyMap<string, readonly ShadowedMatch[]> {
  const first = new Map<string, string>();
  const shadowed = new Map<string, ShadowedMatch[]>();
  // Candidates of one host come in their order of precedence.
  for (const candidate of table.candidates()) {
    const key = keyOf(candidate);
    const { name } = candidate.entry;
    const by = first.get(key);
    if (by === undefined) first.set(key, name);
    if (by === undefined || by === name) continue;
    const list = shadowed.get(name) ?? [];
    shadowed.set(name, list);
    const { rule, matchIndex, hostname } = candidate;
    if (list.length < matchesPerRoute) list.push({ rule: rule.index, match: matchIndex, hostname, by });
  }
  return shadowed;
}

function keyOf({ hostname, exactPath, path, method, headers }: Candidate): string {
  return JSON.stringify([hostname, exactPath, path, method, headers.map((header) => JSON.stringify(header)).sort()]);
}
