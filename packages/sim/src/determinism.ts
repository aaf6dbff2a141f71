/** Runs a story twice and says where the two runs part, which they never may. */

import type { FaultPlan } from './plan.ts';
import type { RunReport } from './run-plan.ts';

/** Enough lines for any run that a person looks at. */
const traceLines = 1_000_000;

/**
 * The first part of the plan, or else the first state change, or else the first verdict, in which two runs differ, or
 * undefined when they are the same run. `run` is called twice; where it tells a script, it tells it each time.
 */
export function checkDeterminism(run: (options: { readonly traceLines: number }) => RunReport): string | undefined {
  const first = run({ traceLines });
  const second = run({ traceLines });
  const told = planDifference(first.plan, second.plan);
  if (told !== undefined)
    return `one script told two plans for seed ${first.plan.seed}: ${told}; what it draws has to come from sim.random`;
  if (first.traceHash === second.traceHash) return verdictDifference(first, second);
  const at = first.trace.findIndex((line, index) => line !== second.trace[index]);
  const lines = `${first.trace[at] ?? 'the end'}\n${second.trace[at] ?? 'the end'}`;
  return at < 0
    ? `two runs of seed ${first.plan.seed} changed the same states and differ in messages or times: ${first.traceHash}, ${second.traceHash}`
    : `two runs of seed ${first.plan.seed} part at state change ${at + 1}:\n${lines}`;
}

/** What two runs that did the same were judged to be: a property that keeps count of its own judges by more than it sees. */
function verdictDifference(first: RunReport, second: RunReport): string | undefined {
  const [ones, others] = [verdicts(first), verdicts(second)];
  const name = [...ones.keys(), ...others.keys()].find((each) => ones.get(each) !== others.get(each));
  if (name === undefined) return undefined;
  const said = [ones, others].map((each) => each.get(name) ?? 'not asked');
  return `two runs of seed ${first.plan.seed} did the same, and '${name}' came out as ${said[0]}, then as ${said[1]}; what a property answers has to come from the scene`;
}

/** By property. Of those that are built in there are only failures. */
function verdicts({ failures, outcomes, happened }: RunReport): ReadonlyMap<string, string> {
  const all = new Map(outcomes.map(({ property, state, found, sinceMs, atMs }) => [property, text(state, found, sinceMs, atMs)]));
  for (const { property, found, atMs } of failures) all.set(property, text('failed', found, undefined, atMs));
  for (const [property, did] of Object.entries(happened))
    all.set(property, `${all.get(property) ?? 'asked'}, ${did ? 'which happened' : 'which never happened'}`);
  return all;
}

function text(state: string, found: string | undefined, sinceMs: number | undefined, atMs: number): string {
  const why = found === undefined ? '' : ` (${found})`;
  const since = sinceMs === undefined ? '' : `since ${sinceMs} ms, `;
  return `${state}${why} ${since}at ${atMs} ms`;
}

/** Which field of a plan differs; of a list, its first entry that does. */
function planDifference(first: FaultPlan, second: FaultPlan): string | undefined {
  for (const key of Object.keys(first) as (keyof FaultPlan)[]) {
    const [one, other] = [first[key], second[key]];
    if (JSON.stringify(one) === JSON.stringify(other)) continue;
    if (!Array.isArray(one) || !Array.isArray(other)) return differs(key, one, other);
    const [ones, others]: [readonly unknown[], readonly unknown[]] = [one, other];
    for (let at = 0; at < Math.max(ones.length, others.length); at++)
      if (JSON.stringify(ones[at]) !== JSON.stringify(others[at])) return differs(`${key}[${at}]`, ones[at], others[at]);
  }
  return undefined;
}

function differs(path: string, one: unknown, other: unknown): string {
  return `${path} is ${JSON.stringify(one) ?? 'absent'}, then ${JSON.stringify(other) ?? 'absent'}`;
}
