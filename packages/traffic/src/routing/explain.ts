/** Why a request goes where it goes, and why not elsewhere: the same table and the same comparison as `match`. */

import { type CompiledRule, isImplicit } from './compiled-rule.ts';
import { hostOf } from './host.ts';
import { normalPath } from './path.ts';
import { type Candidate, type Fit, type RouteRequest, type RouteTable, fit, headerOf } from './route-table.ts';

export interface ExplainedCandidate {
  readonly route: string;
  readonly rule: number;
  readonly match: number;
  readonly hostname: string;
  readonly path: string;
  readonly pathType: 'Exact' | 'PathPrefix' | 'CharacterPrefix';
  readonly method: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** `chosen`; `outranked` (it matches, another goes first); or what it fails on. */
  readonly verdict: 'chosen' | 'outranked' | 'host' | Exclude<Fit, 'match'>;
  /** For people. */
  readonly reason: string;
}

export interface RouteExplanation {
  readonly host: string;
  readonly path: string;
  readonly method: string;
  /** What decides; undefined: nothing does, and the answer is 404. */
  readonly rule: CompiledRule | undefined;
  /** Whether the host alone decided (`<service>.mesh`). */
  readonly implicit: boolean;
  /** Those of the request's host in order of precedence, then the others. */
  readonly candidates: readonly ExplainedCandidate[];
}

export function explainRoute(table: RouteTable, asked: RouteRequest): RouteExplanation {
  const request = { host: asked.host, path: normalPath(asked.path), method: asked.method, headers: asked.headers };
  const plan = table.plan(request.host);
  const host = hostOf(request.host);
  const explained: ExplainedCandidate[] = [];
  let chosen: Candidate | undefined;
  const ofHost = new Set(plan.lists.flat());
  for (const candidate of ofHost) {
    const answer = fit(candidate, request);
    if (answer === 'match' && chosen === undefined) {
      chosen = candidate;
      explained.push(describe(candidate, 'chosen', 'matches, and nothing that goes before it does'));
    } else if (answer === 'match') {
      explained.push(describe(candidate, 'outranked', `matches, but ${whyAfter(chosen as Candidate, candidate)}`));
    } else {
      explained.push(describe(candidate, answer, whyNot(candidate, answer, request)));
    }
  }
  for (const candidate of table.candidates()) {
    if (ofHost.has(candidate)) continue;
    const reason =
      candidate.hostname === '' ? `a route for any host does not take ${host}` : `${host} is not ${candidate.hostname}`;
    explained.push(describe(candidate, 'host', reason));
  }
  const rule = chosen?.rule ?? plan.fallback;
  return {
    host,
    path: request.path,
    method: request.method,
    rule,
    implicit: rule !== undefined && isImplicit(rule),
    candidates: explained,
  };
}

function describe(candidate: Candidate, verdict: ExplainedCandidate['verdict'], reason: string): ExplainedCandidate {
  return {
    route: candidate.rule.route,
    rule: candidate.rule.index,
    match: candidate.matchIndex,
    hostname: candidate.hostname,
    path: candidate.path === '' ? '/' : candidate.path,
    pathType: candidate.exactPath ? 'Exact' : candidate.characterPrefix === true ? 'CharacterPrefix' : 'PathPrefix',
    method: candidate.method,
    headers: candidate.headers,
    verdict,
    reason,
  };
}

function whyNot(candidate: Candidate, answer: Exclude<Fit, 'match'>, request: RouteRequest): string {
  if (answer === 'path') {
    return candidate.exactPath ? `the path is not ${candidate.path}` : `the path is not under ${candidate.path}`;
  }
  if (answer === 'method') return `the method is not ${candidate.method}`;
  const missing = candidate.headers.find(([name, value]) => headerOf(request, name) !== value);
  return missing === undefined ? 'a header differs' : `the header ${missing[0]} is not ${missing[1]}`;
}

/** The first part of the precedence in which `winner` is ahead. */
function whyAfter(winner: Candidate, loser: Candidate): string {
  const name = `route ${winner.rule.route}`;
  if (loser.characterPrefix !== undefined) {
    if (winner.characterPrefix !== undefined) return `${name} has an earlier rule that matches`;
    return `${name} names the host, and goes before Consul's entries of the service`;
  }
  if (winner.hostname !== loser.hostname) return `${name} names the host more exactly`;
  if (winner.exactPath !== loser.exactPath) return `${name} names the path exactly`;
  if (winner.path.length !== loser.path.length) return `${name} has the longer path`;
  if ((winner.method === '') !== (loser.method === '')) return `${name} names the method`;
  if (winner.headers.length !== loser.headers.length) return `${name} has more headers`;
  if (winner.entry !== loser.entry) return `${name} is older, or comes first by name`;
  return 'an earlier rule or match of the same route goes first';
}
