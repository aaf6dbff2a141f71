/** Finds what a source file imports and exports from elsewhere, and whether the import still exists after types are erased. */

import { code } from './tokens.ts';
import type { Token } from './tokens.ts';

export interface Import {
  readonly specifier: string;
  /**
   * True only for `import type` and `export type`. With verbatimModuleSyntax, `import { type A } from 'b'` still loads b
   * at run time, so it counts as an import of a value.
   */
  readonly typeOnly: boolean;
  /** The names of what is imported apart from types, as the other file calls them; `*` for all of it. */
  readonly values: readonly string[];
  readonly line: number;
}

export function importsOf(text: string): Import[] {
  const words = code(text);
  const found: Import[] = [];
  for (const [at, token] of words.entries()) {
    if (token.kind !== 'word' || isProperty(words, at)) continue;
    if (token.text === 'import' || token.text === 'require') found.push(...importAt(words, at));
    if (token.text === 'export') found.push(...exportAt(words, at));
  }
  return found;
}

function isProperty(words: readonly Token[], at: number): boolean {
  const before = words[at - 1]?.text;
  const after = words[at + 1]?.text;
  return before === '.' || before === '?.' || after === ':';
}

function importAt(words: readonly Token[], at: number): Import[] {
  const next = words[at + 1];
  if (next?.text === '(') return asImport(words[at + 2], false, ['*']);
  if (words[at]?.text === 'require' || next?.text === '.') return [];
  if (next?.kind === 'string') return asImport(next, false, ['*']);
  const from = fromAfter(words, at + 1);
  const typeOnly = next?.text === 'type' && words[at + 2]?.text !== 'from';
  return asImport(words[from], typeOnly, valueNames(words.slice(at + 1, from - 1)));
}

function exportAt(words: readonly Token[], at: number): Import[] {
  const typeOnly = words[at + 1]?.text === 'type';
  const start = at + (typeOnly ? 2 : 1);
  const first = words[start]?.text;
  if (first !== '*' && first !== '{') return [];
  const end = first === '*' ? start : words.findIndex((token, index) => index > start && token.text === '}');
  const after = words[end + 1]?.text;
  if (after !== 'from' && after !== 'as') return [];
  const from = fromAfter(words, end);
  return asImport(words[from], typeOnly, valueNames(words.slice(start, from - 1)));
}

/** Where the string is that follows the next `from`; -1 when there is none. */
function fromAfter(words: readonly Token[], start: number): number {
  const from = words.findIndex((token, at) => at >= start && token.text === 'from' && words[at + 1]?.kind === 'string');
  return from < 0 ? -1 : from + 1;
}

/** Of `a, { b as c, type D }`: a and b. */
function valueNames(clause: readonly Token[]): string[] {
  return clause.flatMap((token, at) => {
    const before = clause[at - 1]?.text;
    if (token.text === '*') return ['*'];
    return token.kind === 'word' && (before === undefined || before === '{' || before === ',') && token.text !== 'type'
      ? [token.text]
      : [];
  });
}

function asImport(token: Token | undefined, typeOnly: boolean, values: readonly string[]): Import[] {
  if (token?.kind !== 'string') return [];
  return [{ specifier: token.text.slice(1, -1), typeOnly, values: typeOnly ? [] : values, line: token.line }];
}
