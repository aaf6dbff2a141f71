/**
 * Filters made from their text: parsed, checked against the fields of an answer, and applied to its entries as they
 * are sent. All that can be wrong with a filter is found before the first entry is looked at.
 */

import { isRecord } from '@skein/core';
import { FilterError, selectorText } from './expression.ts';
import type { Expression, Match, MatchOperator } from './expression.ts';
import type { Field, Fields } from './fields.ts';
import { parseBoolean } from '../go-boolean.ts';
import { patternLimits } from '../pattern.ts';
import { parseFilter } from './parse.ts';
import { StepBudget } from './step-budget.ts';

/** Whether an entry is kept. Throws a `FilterError` when the regular expressions have taken too long. */
export type Keep = (entry: unknown) => boolean;

/** Throws a `FilterError` for a text that is no filter, or does not fit the fields. */
export function compileFilter(text: string, fields: Fields): Keep {
  try {
    return compile(parseFilter(text), { type: 'object', fields }, new StepBudget());
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    throw new FilterError(`Failed to create boolean expression evaluator: ${error.message}`);
  }
}

/** The entries of an object that a filter keeps; all of them without one. */
export function keptEntries(
  entries: Readonly<Record<string, unknown>>,
  keep: Keep | undefined,
): Readonly<Record<string, unknown>> {
  return keep === undefined ? entries : Object.fromEntries(Object.entries(entries).filter(([, value]) => keep(value)));
}

/** The entries of a list that a filter keeps; all of them without one. */
export function keptItems<T>(items: readonly T[], keep: Keep | undefined): readonly T[] {
  return keep === undefined ? items : items.filter(keep);
}

function compile(expression: Expression, field: Field, budget: StepBudget): Keep {
  if (expression.type === 'match') return walk(expression, field, 0, budget);
  if (expression.type === 'not') {
    const keep = compile(expression.operand, field, budget);
    return (entry) => !keep(entry);
  }
  const left = compile(expression.left, field, budget);
  const right = compile(expression.right, field, budget);
  return expression.type === 'and' ? (entry) => left(entry) && right(entry) : (entry) => left(entry) || right(entry);
}

/** A test of what stands where the first `depth` names of the selector lead. */
function walk(match: Match, field: Field, depth: number, budget: StepBudget): Keep {
  const name = match.selector[depth];
  if (name === undefined) return leaf(match, field, budget);
  if (field.type === 'map') {
    const keep = walk(match, field.value, depth + 1, budget);
    const whenMissing = missing(match.operator);
    return (value) => (isRecord(value) && Object.hasOwn(value, name) ? keep(value[name]) : whenMissing);
  }
  const inner = 'fields' in field && Object.hasOwn(field.fields, name) ? field.fields[name] : undefined;
  if (inner === undefined) {
    throw new FilterError(`Selector ${selectorText(match.selector.slice(0, depth + 1))} is not valid${known(field)}`);
  }
  const keep = walk(match, inner, depth + 1, budget);
  const ofObject: Keep = (value) => keep(isRecord(value) ? value[name] : undefined);
  return field.type === 'list' ? (value) => Array.isArray(value) && value.some(ofObject) : ofObject;
}

function known(field: Field): string {
  return 'fields' in field ? `; there are ${Object.keys(field.fields).join(', ')}` : '';
}

/** What go-bexpr 0.1.2 says of a key that a map does not have: also that it matches any regular expression. */
function missing(operator: MatchOperator): boolean {
  return operator !== 'Equal' && operator !== 'In' && operator !== 'Is Not Empty';
}

function leaf(match: Match, field: Field, budget: StepBudget): Keep {
  const negated = negations[match.operator];
  if (negated !== undefined) {
    const keep = leaf({ ...match, operator: negated }, field, budget);
    return (value) => !keep(value);
  }
  const value = match.value ?? '';
  if (field.type === 'text') {
    if (match.operator === 'Equal') return (text) => (text ?? '') === value;
    if (match.operator === 'In') return (text) => (typeof text === 'string' ? text.includes(value) : value === '');
    if (match.operator === 'Matches') {
      const matches = budget.matches(value);
      return (text) => matches(typeof text === 'string' ? text : '');
    }
  } else if (field.type === 'integer' && match.operator === 'Equal') {
    const wanted = coerce(match, parseInteger, 'ParseInt');
    if (Number.isNaN(wanted)) throw notCoerced(match, 'ParseInt', 'value out of range');
    return (number) => (number ?? 0) === wanted;
  } else if (field.type === 'boolean' && match.operator === 'Equal') {
    const wanted = coerce(match, parseBoolean, 'ParseBool');
    return (boolean) => (boolean ?? false) === wanted;
  } else if (field.type === 'texts' || field.type === 'map' || field.type === 'list') {
    if (match.operator === 'Is Empty') return isEmpty;
    if (match.operator === 'In' && field.type === 'texts') return (texts) => Array.isArray(texts) && texts.includes(value);
    if (match.operator === 'In' && field.type === 'map') return (map) => isRecord(map) && Object.hasOwn(map, value);
  }
  throw new FilterError(`Invalid match operator "${match.operator}" for selector ${selectorText(match.selector)}`);
}

const negations: Partial<Record<MatchOperator, MatchOperator>> = {
  'Not Equal': 'Equal',
  'Not In': 'In',
  'Is Not Empty': 'Is Empty',
  'Not Matches': 'Matches',
};

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) ? value.length === 0 : !isRecord(value) || Object.keys(value).length === 0;
}

function coerce<T>(match: Match, parse: (text: string) => T | undefined, go: string): T {
  const text = match.value ?? '';
  const value = parse(text);
  if (value !== undefined) return value;
  throw notCoerced(match, go, 'invalid syntax');
}

function notCoerced({ value = '', selector }: Match, go: string, why: string): FilterError {
  const shown = JSON.stringify(value.slice(0, patternLimits.length));
  return new FilterError(
    `Failed to coerce value ${shown} for selector ${selectorText(selector)}: strconv.${go}: parsing ${shown}: ${why}`,
  );
}

/** Go's `ParseInt` with base 0: decimal, `0x`, `0o`, `0b`, a leading zero for octal, and `_` between digits. */
const integer = /^([+-]?)(0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0(?:_?[0-7])*|[1-9](?:_?[0-9])*)$/;

/** Undefined for what is no number, NaN for one that has no room in 64 bits. */
function parseInteger(text: string): number | undefined {
  const [, sign, literal] = integer.exec(text) ?? [];
  if (literal === undefined) return undefined;
  const digits = literal.replaceAll('_', '');
  const size = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits}` : digits);
  const value = sign === '-' ? -size : size;
  return BigInt.asIntN(64, value) === value ? Number(value) : Number.NaN;
}
