/** Runs a plan twice and says where the two runs part, which they never may. */

import type { RunReport } from './run-plan.ts';

/** Enough lines for any run that a person looks at. */
const traceLines = 1_000_000;

/** The first state change in which two runs differ, or undefined when they are the same run. `run` is called twice. */
export function checkDeterminism(run: (options: { readonly traceLines: number }) => RunReport): string | undefined {
  const first = run({ traceLines });
  const second = run({ traceLines });
  if (first.traceHash === second.traceHash) return undefined;
  const at = first.trace.findIndex((line, index) => line !== second.trace[index]);
  const lines = `${first.trace[at] ?? 'the end'}\n${second.trace[at] ?? 'the end'}`;
  return at < 0
    ? `two runs of seed ${first.plan.seed} changed the same states and differ in messages or times: ${first.traceHash}, ${second.traceHash}`
    : `two runs of seed ${first.plan.seed} part at state change ${at + 1}:\n${lines}`;
}
