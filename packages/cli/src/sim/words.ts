/** The words after an experiment's name, held against those that it takes, before anything runs. */

import type { Experiment, ExperimentWord, SaidWords } from '@skein/sim';
import { usageFailure } from '../failure.ts';
import { nearest } from './nearest.ts';

/**
 * Reads the words, each with its value behind it or after `=`. Throws a usage failure for one that does not fit, which
 * names `command` as the way to see what fits.
 */
export function readWords({ name, words = {} }: Experiment, args: readonly string[], command: string): SaidWords {
  const helpHint = `see: ${command} ${name} --help`;
  const said = new Map<string, string>();
  const left = args.flatMap((arg) => (arg.startsWith('--') && arg.includes('=') ? split(arg) : [arg]));
  for (let at = 0; at < left.length; at++) {
    const word = left[at] ?? '';
    const declared = Object.hasOwn(words, word) ? words[word] : undefined;
    if (declared === undefined) throw unknownWord({ name, words }, word, helpHint);
    if (said.has(word)) throw usageFailure(`${word} is said twice`);
    if (!takesValue(declared)) said.set(word, '');
    else said.set(word, checked(word, left[++at], declared));
  }
  for (const word of said.keys())
    for (const other of words[word]?.not ?? [])
      if (said.has(other)) throw usageFailure(`${word} and ${other} cannot be said together`, helpHint);
  const valueOf = (word: string): string | undefined => {
    if (!Object.hasOwn(words, word)) throw new Error(`${name} asks for ${word}, which is not among its words`);
    return said.get(word);
  };
  return {
    has: (word) => valueOf(word) !== undefined,
    number: (word) => {
      const value = valueOf(word);
      return value === undefined ? undefined : Number(value);
    },
    choice: valueOf,
  };
}

/** The words that an experiment takes, a line each. */
export function wordsText({ words = {} }: Experiment): string {
  const lines = Object.entries(words).map(([word, declared]) => [`${word}${valueText(declared)}`, whatText(declared)] as const);
  const width = Math.max(0, ...lines.map(([word]) => word.length));
  return lines.map(([word, what]) => `  ${word.padEnd(width)}  ${what}\n`).join('');
}

function split(arg: string): readonly string[] {
  const at = arg.indexOf('=');
  return [arg.slice(0, at), arg.slice(at + 1)];
}

function takesValue({ number, choice }: ExperimentWord): boolean {
  return number !== undefined || choice !== undefined;
}

function checked(word: string, value: string | undefined, { number, choice = [] }: ExperimentWord): string {
  const given = value === undefined ? `nothing follows ${word}` : `${word} ${value}`;
  if (number === undefined) {
    if (value !== undefined && choice.includes(value)) return value;
    throw usageFailure(`${given}: it has to be one of ${choice.join(', ')}`);
  }
  const [least, most] = number;
  if (value !== undefined && /^\d{1,15}$/.test(value) && Number(value) >= least && Number(value) <= most) return value;
  throw usageFailure(`${given}: it has to be a whole number from ${least} to ${most}`);
}

function unknownWord(
  { name, words }: { readonly name: string; readonly words: Readonly<Record<string, ExperimentWord>> },
  word: string,
  helpHint: string,
): Error {
  const known = Object.keys(words);
  const what = word.startsWith('-') ? 'unknown option' : 'unexpected argument';
  const near = nearest(word, known);
  const takes = known.length === 0 ? `${name} takes no words of its own` : `${name} takes: ${known.join(', ')}`;
  return usageFailure(`${what} '${word}'${near === undefined ? '' : `; did you mean "${near}"?`}`, takes, helpHint);
}

function valueText({ number, choice }: ExperimentWord): string {
  if (number !== undefined) return ' N';
  return choice === undefined ? '' : ` ${choice.join('|')}`;
}

function whatText({ what, number, not = [] }: ExperimentWord): string {
  const range = number === undefined ? '' : ` (${number[0]} to ${number[1]})`;
  return `${what}${range}${not.length === 0 ? '' : `; not with ${not.join(', ')}`}`;
}
