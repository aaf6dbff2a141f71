/**
 * Regular expressions as Go has them (RE2), with bounded cost: the engine never backtracks, and what an expression
 * compiles to is limited. All expressions that come from clients and from other hosts are run by it: they share a thread
 * with everything else that the agent does.
 */

import { RE2JS } from 're2js';

export const patternLimits = {
  /** Characters. */
  length: 512,
  /** Instructions that it compiles to: `a{500}` has 500. */
  size: 4096,
} as const;

/** An expression that Go's `regexp` would not compile, or that is too large. */
export class PatternError extends Error {
  override readonly name: string = 'PatternError';
}

/** One expression, not anchored. A match costs at most `size` times the characters of the text. */
export class Pattern {
  /** Instructions. */
  readonly size: number;
  readonly #compiled: RE2JS;

  constructor(compiled: RE2JS) {
    this.#compiled = compiled;
    this.size = compiled.programSize();
  }

  /** Whether it matches anywhere in the text. */
  test(text: string): boolean {
    return this.#compiled.test(text);
  }

  /** The first match and its groups, by number; a group that took no part is empty, as in Go. Empty without a match. */
  groups(text: string): readonly string[] {
    const matcher = this.#compiled.matcher(text);
    if (!matcher.find()) return [];
    return Array.from({ length: matcher.groupCount() + 1 }, (_, number) => matcher.group(number) ?? '');
  }
}

/** Throws a `PatternError`. */
export function compilePattern(source: string): Pattern {
  if (source.length > patternLimits.length) {
    throw new PatternError(`a regular expression has ${source.length} characters; the limit is ${patternLimits.length}`);
  }
  const pattern = new Pattern(compile(source));
  if (pattern.size > patternLimits.size) {
    throw new PatternError(`a regular expression has ${pattern.size} instructions; the limit is ${patternLimits.size}`);
  }
  return pattern;
}

function compile(source: string): RE2JS {
  try {
    return RE2JS.compile(source);
  } catch (error) {
    throw new PatternError(error instanceof Error ? error.message : String(error));
  }
}
