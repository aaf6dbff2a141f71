/** What the regular expressions of one filter may cost: a request shares its thread with everything else that the agent does. */

import { compilePattern, PatternError } from '../pattern.ts';
import type { Pattern } from '../pattern.ts';
import { filterLimits, FilterError } from './expression.ts';

/** What compiling costs in steps: some microseconds for each instruction, and more for each character, which may stand for a class of many. */
const compileSteps = { instruction: 500, character: 2000 } as const;

/** What the matches of one request may still cost, in instructions times characters, their compilation included. */
export class StepBudget {
  #left: number = filterLimits.patternSteps;
  readonly #compiled = new Map<string, Pattern>();

  /** A test of texts that is paid from here, and throws a `FilterError` when that is used up; also for what is no expression. */
  matches(source: string): (text: string) => boolean {
    const pattern = this.#pattern(source);
    return (text) => {
      this.#pay(pattern.size * (text.length + 1), 'take too long on these many values; match less');
      return pattern.test(text);
    };
  }

  /** Equal ones are compiled once. */
  #pattern(source: string): Pattern {
    const known = this.#compiled.get(source);
    if (known !== undefined) return known;
    const pattern = compiled(source);
    this.#compiled.set(source, pattern);
    const steps = pattern.size * compileSteps.instruction + source.length * compileSteps.character;
    this.#pay(steps, 'are too many for their size; use fewer, or shorter ones');
    return pattern;
  }

  #pay(steps: number, why: string): void {
    this.#left -= steps;
    if (this.#left < 0) throw new FilterError(`the regular expressions of the filter ${why}`);
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
