/** The filter language as a tree. It is go-bexpr 0.1.2, the version that Consul 1.21 has: no `any`, no `all`, no JSON pointers. */

/** go-bexpr's names, which its error texts show. `contains` is `In` with its sides swapped. */
export type MatchOperator = 'Equal' | 'Not Equal' | 'In' | 'Not In' | 'Is Empty' | 'Is Not Empty' | 'Matches' | 'Not Matches';

export interface Match {
  readonly type: 'match';
  /** At least one name. */
  readonly selector: readonly string[];
  readonly operator: MatchOperator;
  /** As it was written, without quotes. Undefined for `is empty` and `is not empty`. */
  readonly value: string | undefined;
}

export type Expression =
  | Match
  | { readonly type: 'not'; readonly operand: Expression }
  | { readonly type: 'and' | 'or'; readonly left: Expression; readonly right: Expression };

/** What a filter may cost. Longer ones are refused. */
export const filterLimits = {
  /** Characters of the whole expression. */
  length: 4096,
  /** Parentheses, `not`s and links of one `and` or `or` chain within each other. */
  depth: 128,
  /** Matches in one expression. */
  matches: 128,
  /** Instructions times characters that one request may spend on regular expressions, some tenths of a second; compiling them counts too. */
  patternSteps: 20_000_000,
} as const;

/** A filter that cannot be applied. The message is for whoever wrote it, in go-bexpr's words where it has some. */
export class FilterError extends Error {
  override readonly name: string = 'FilterError';
}

/** As error texts show a selector. */
export function selectorText(selector: readonly string[]): string {
  return JSON.stringify(selector.join('.'));
}
