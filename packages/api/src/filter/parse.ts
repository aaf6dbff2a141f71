/**
 * Reads a filter by go-bexpr's grammar (hashicorp/go-bexpr 0.1.2, `grammar.peg`), by recursive descent. Time is
 * linear in the length: where the grammar tries alternatives, what was read decides, or one attempt more.
 */

import { filterLimits, FilterError } from './expression.ts';
import type { Expression, Match, MatchOperator } from './expression.ts';
import { unquote } from './unquote.ts';

/** Throws a `FilterError` that names the place when `text` is no expression. */
export function parseFilter(text: string): Expression {
  if (text.length > filterLimits.length) {
    throw new FilterError(`the filter has ${text.length} characters; the limit is ${filterLimits.length}`);
  }
  return new Parser(text).parse();
}

/** Thrown within the parser: no expression can be read from here. */
class NoMatch extends Error {}

/** Operators between a selector and a value; whether blanks must stand around them. */
const selectorFirst: readonly (readonly [words: readonly string[], MatchOperator])[] = [
  [['contains'], 'In'],
  [['not', 'contains'], 'Not In'],
  [['matches'], 'Matches'],
  [['not', 'matches'], 'Not Matches'],
];
const blank = /[ \t\r\n]+/y;
const identifier = /[a-zA-Z][a-zA-Z0-9_]*/y;
const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?/y;

class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;
  #matches = 0;
  /** The furthest place where something was missing, and what. */
  #missing = { at: 0, what: new Set<string>() };

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Expression {
    try {
      this.#blank();
      const expression = this.#or();
      this.#blank();
      if (this.#at < this.#text.length) this.#miss('the end');
      return expression;
    } catch (error) {
      throw error instanceof NoMatch ? this.#failure() : error;
    }
  }

  #or(): Expression {
    return this.#chain('or', () => this.#and());
  }

  #and(): Expression {
    return this.#chain('and', () => this.#not());
  }

  /** Chains group to the right, which only their evaluation order shows. */
  #chain(type: 'and' | 'or', operand: () => Expression): Expression {
    const left = operand();
    const start = this.#at;
    if (!this.#words([type], true)) {
      this.#at = start;
      return left;
    }
    return this.#nested(() => ({ type, left, right: this.#chain(type, operand) }));
  }

  #not(): Expression {
    const start = this.#at;
    const matches = this.#matches;
    if (this.#literal('not') && this.#blank()) {
      try {
        const operand = this.#nested(() => this.#not());
        return operand.type === 'not' ? operand.operand : { type: 'not', operand };
      } catch (error) {
        if (!(error instanceof NoMatch)) throw error;
        // A field or a bare value may be called `not`.
        this.#matches = matches;
      }
    }
    this.#at = start;
    return this.#grouping();
  }

  #grouping(): Expression {
    if (!this.#literal('(')) return this.#match();
    this.#blank();
    const inner = this.#nested(() => this.#or());
    this.#blank();
    if (!this.#literal(')')) throw this.#error('Unmatched parentheses');
    return inner;
  }

  #match(): Match {
    if (++this.#matches > filterLimits.matches) {
      throw new FilterError(`the filter has more than ${filterLimits.matches} matches`);
    }
    const selector = this.#selector();
    const found = selector === undefined ? undefined : this.#operatorAfterSelector(selector);
    return found ?? this.#valueFirst(selector);
  }

  #operatorAfterSelector(selector: readonly string[]): Match | undefined {
    const start = this.#at;
    this.#blank();
    for (const [literal, operator] of [
      ['==', 'Equal'],
      ['!=', 'Not Equal'],
    ] as const) {
      if (!this.#literal(literal)) continue;
      this.#blank();
      return { type: 'match', selector, operator, value: this.#value() };
    }
    for (const [words, operator] of selectorFirst) {
      this.#at = start;
      if (this.#words(words, true)) return { type: 'match', selector, operator, value: this.#value() };
    }
    for (const [words, operator] of [
      [['is', 'empty'], 'Is Empty'],
      [['is', 'not', 'empty'], 'Is Not Empty'],
    ] as const) {
      this.#at = start;
      if (this.#words(words, false)) return { type: 'match', selector, operator, value: undefined };
    }
    this.#at = start;
    return undefined;
  }

  /** `value in selector`. What was read as a selector may have been a bare value. */
  #valueFirst(bare: readonly string[] | undefined): Match {
    const value = bare === undefined ? this.#value() : bare.join('.');
    const start = this.#at;
    for (const [words, operator] of [
      [['in'], 'In'],
      [['not', 'in'], 'Not In'],
    ] as const) {
      this.#at = start;
      if (!this.#words(words, true)) continue;
      const selector = this.#selector();
      if (selector === undefined) throw this.#error('Invalid selector');
      return { type: 'match', selector, operator, value };
    }
    this.#at = start;
    this.#blank();
    return this.#miss(bare === undefined ? '"in" or "not in"' : 'an operator');
  }

  #selector(): readonly string[] | undefined {
    const first = this.#pattern(identifier);
    if (first === undefined) return undefined;
    const path = [first];
    for (;;) {
      const start = this.#at;
      if (this.#literal('.')) {
        const name = this.#pattern(identifier);
        if (name === undefined) {
          this.#at = start;
          return path;
        }
        path.push(name);
      } else if (this.#literal('[')) path.push(this.#index());
      else return path;
    }
  }

  #index(): string {
    this.#blank();
    const key = this.#string();
    if (key === undefined) throw this.#error('Invalid index');
    this.#blank();
    if (!this.#literal(']')) throw this.#error('Unclosed index expression');
    return key;
  }

  #value(): string {
    const selector = this.#selector();
    if (selector !== undefined) return selector.join('.');
    const digits = this.#pattern(number);
    if (digits !== undefined) {
      if (!/^[ \t\r\n)]?$/.test(this.#text[this.#at] ?? '')) throw this.#error('Invalid number literal');
      return digits;
    }
    return this.#string() ?? this.#miss('a value');
  }

  #string(): string | undefined {
    const quote = this.#text[this.#at];
    if (quote !== '`' && quote !== '"') return undefined;
    const end = this.#text.indexOf(quote, this.#at + 1);
    if (end === -1) throw this.#error('Unterminated string literal');
    const literal = unquote(quote, this.#text.slice(this.#at + 1, end));
    if (literal === undefined) throw this.#error('invalid syntax in a string literal');
    this.#at = end + 1;
    return literal;
  }

  /** Blanks, then words with blanks between them, and after the last one if `endsInBlank`. */
  #words(words: readonly string[], endsInBlank: boolean): boolean {
    for (const word of words) {
      const isHere = this.#blank() && this.#literal(word);
      if (!isHere) return false;
    }
    return !endsInBlank || this.#blank();
  }

  #blank(): boolean {
    return this.#pattern(blank) !== undefined;
  }

  #literal(literal: string): boolean {
    if (!this.#text.startsWith(literal, this.#at)) return false;
    this.#at += literal.length;
    return true;
  }

  #pattern(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #nested<T>(read: () => T): T {
    if (++this.#depth > filterLimits.depth) throw new FilterError(`the filter is nested deeper than ${filterLimits.depth}`);
    try {
      return read();
    } finally {
      this.#depth--;
    }
  }

  #miss(what: string): never {
    if (this.#at > this.#missing.at) this.#missing = { at: this.#at, what: new Set() };
    this.#missing.what.add(what);
    throw new NoMatch();
  }

  #failure(): FilterError {
    this.#at = this.#missing.at;
    return this.#error(`no match found, expected: ${[...this.#missing.what].join(' or ')}`);
  }

  /** Line and column count from 1, the offset from 0, as go-bexpr has them. */
  #error(what: string): FilterError {
    const before = this.#text.slice(0, this.#at).split('\n');
    return new FilterError(`${before.length}:${(before.at(-1) ?? '').length + 1} (${this.#at}): ${what}`);
  }
}
