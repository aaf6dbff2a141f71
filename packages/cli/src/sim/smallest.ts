/** The smallest story that still fails: what broke a run, told to be pasted into a test. */

import { failureText, planSize, runPlan, shrink, tellScenario } from '@skein/sim';
import type { DrawnScenario, Failure, FaultPlan, Scenario, Shrunk } from '@skein/sim';
import { guarded } from '@skein/sim/guard';

export interface Smallest {
  /** For `chaos.replay`, and for `replay`. */
  readonly plan: FaultPlan;
  readonly failure: Failure;
  /** How many runs it took to find. */
  readonly runs: number;
  /** What ended that before nothing was left to try, if anything did. */
  readonly stopped?: Shrunk['stopped'];
  /** Cause, scenario and command, for people. */
  readonly story: string;
}

/** Time to make a failing plan small. A run is never interrupted. */
const shrinkMs = 30_000;

/** Makes the plan that failed in this way small. `tell` is told how far it is. */
export function smallestOf(
  scenario: Scenario | DrawnScenario,
  failed: { readonly seed: string; readonly nodes?: number; readonly failure: Failure; readonly again: string },
  tell: (text: string) => void,
): Smallest {
  const { seed, failure, again } = failed;
  // Taken here: while a simulation runs, the clock is out of its reach.
  const now = performance.now.bind(performance);
  const endMs = now() + shrinkMs;
  let runs = 0;
  return guarded(() => {
    const { plan, properties } = tellScenario(scenario, failed);
    const small = shrink(
      plan,
      failure,
      (each, stopAt) => {
        const { nodes, faults, writes } = planSize(each);
        tell(`making it small, run ${++runs}: ${nodes} nodes, ${faults} faults, ${writes} writes`);
        return runPlan(each, { properties, stopAt });
      },
      { isOver: () => now() >= endMs },
    );
    const asked = properties.find(({ name }) => name === failure.property);
    return { ...small, story: failureText(scenario.name, { ...small, seed, asked, again }) };
  });
}
