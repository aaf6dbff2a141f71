/** Many runs, looked at together: which failed, and what none of them ever met. */

import { addCoverage, noCoverage, uncovered } from './coverage.ts';
import type { Coverage } from './coverage.ts';
import type { Failure } from './property.ts';
import type { FaultPlan } from './plan.ts';
import type { Seed } from './randomness.ts';
import type { RunReport } from './run-plan.ts';

export interface CampaignReport {
  readonly runs: number;
  /** The failing runs, each with what broke first. */
  readonly failures: readonly { readonly plan: FaultPlan; readonly failure: Failure }[];
  readonly coverage: Coverage;
  /** Rare things that happened in no run, and `sometimes` properties that did not: a campaign with any proves less than it seems. */
  readonly uncovered: readonly (keyof Coverage)[];
  readonly never: readonly string[];
  /** Properties that not every run has to do with, and in how many they had. In none: they hold, and say nothing. */
  readonly armed: Readonly<Record<string, number>>;
  /** Faults that happened, and those that made no sense when their time came. */
  readonly faults: number;
  readonly skipped: number;
  readonly events: number;
  readonly virtualMs: number;
}

/** Runs every seed. `isOver` is asked between runs. */
export function campaign(
  seeds: Iterable<Seed>,
  run: (seed: Seed) => RunReport,
  isOver: () => boolean = () => false,
): CampaignReport {
  const failures: { readonly plan: FaultPlan; readonly failure: Failure }[] = [];
  const happened = new Map<string, boolean>();
  const armed: Record<string, number> = {};
  let coverage = noCoverage();
  let runs = 0;
  let faults = 0;
  let skipped = 0;
  let events = 0;
  let virtualMs = 0;
  for (const seed of seeds) {
    if (isOver()) break;
    const report = run(seed);
    runs++;
    faults += report.figures.faults;
    skipped += report.figures.skipped;
    events += report.figures.events;
    virtualMs += report.figures.virtualMs;
    coverage = addCoverage(coverage, report.coverage);
    for (const [name, did] of Object.entries(report.happened)) happened.set(name, did || happened.get(name) === true);
    for (const [name, is] of Object.entries(report.armed)) armed[name] = (armed[name] ?? 0) + Number(is);
    const [failure] = report.failures;
    if (failure !== undefined) failures.push({ plan: report.plan, failure });
  }
  const never = [...happened].filter(([, did]) => !did).map(([name]) => name);
  return { runs, failures, coverage, uncovered: uncovered(coverage), never, armed, faults, skipped, events, virtualMs };
}
