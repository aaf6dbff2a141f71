/**
 * Regular expressions as Go has them (RE2), with bounded cost: the engine never backtracks, and one request has a
 * budget for all of its matches, since it shares its thread with everything else that the agent does.
 */

import { RE2JS } from 're2js';
import { filterLimits, FilterError } from './expression.ts';

/** What the matches of one request may still cost, in instructions times characters. */
export class StepBudget {
  #left: number = filterLimits.patternSteps;

  /** Throws a `FilterError` when it is used up. */
  spend(steps: number): void {
    this.#left -= steps;
    if (this.#left < 0)
      throw new FilterError('the regular expressions of the filter take too long on these many values; match less');
  }
}

/** A test of texts. Throws a `FilterError` for what Go's `regexp` would not compile, or what is too large. */
export function compilePattern(pattern: string, budget: StepBudget): (text: string) => boolean {
  if (pattern.length > filterLimits.patternLength) {
    throw new FilterError(`a regular expression has ${pattern.length} characters; the limit is ${filterLimits.patternLength}`);
  }
  const compiled = compile(pattern);
  const size = compiled.programSize();
  if (size > filterLimits.patternSize) {
    throw new FilterError(`a regular expression has ${size} instructions; the limit is ${filterLimits.patternSize}`);
  }
  return (text) => {
    budget.spend(size * (text.length + 1));
    return compiled.test(text);
  };
}

function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FilterError(`Failed to compile regular expression ${JSON.stringify(pattern)}: ${reason}`);
  }
}
