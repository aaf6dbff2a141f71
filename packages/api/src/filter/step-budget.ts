/** What the regular expressions of one filter may cost: a request shares its thread with everything else that the agent does. */

import { compilePattern, PatternError } from '../pattern.ts';
import type { Pattern } from '../pattern.ts';
import { filterLimits, FilterError } from './expression.ts';

/** What the matches of one request may still cost, in instructions times characters. */
export class StepBudget {
  #left: number = filterLimits.patternSteps;

  /** A test of texts that is paid from here, and throws a `FilterError` when that is used up; also for what is no expression. */
  matches(source: string): (text: string) => boolean {
    const pattern = compiled(source);
    return (text) => {
      this.#left -= pattern.size * (text.length + 1);
      if (this.#left < 0)
        throw new FilterError('the regular expressions of the filter take too long on these many values; match less');
      return pattern.test(text);
    };
  }
}

function compiled(source: string): Pattern {
  try {
    return compilePattern(source);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new FilterError(`Failed to compile regular expression ${JSON.stringify(source.slice(0, 200))}: ${error.message}`);
  }
}
