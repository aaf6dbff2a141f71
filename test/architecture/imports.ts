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
  if (next?.text === '(') return asImport(words[at + 2], false);
  if (words[at]?.text === 'require' || next?.text === '.') return [];
  if (next?.kind === 'string') return asImport(next, false);
  const from = fromAfter(words, at + 1);
  return asImport(from, next?.text === 'type' && words[at + 2]?.text !== 'from');
}

function exportAt(words: readonly Token[], at: number): Import[] {
  const typeOnly = words[at + 1]?.text === 'type';
  const start = at + (typeOnly ? 2 : 1);
  const first = words[start]?.text;
  if (first !== '*' && first !== '{') return [];
  const end = first === '*' ? start : closing(words, start);
  const after = words[end + 1]?.text;
  return after === 'from' || after === 'as' ? asImport(fromAfter(words, end), typeOnly) : [];
}

/** The string that follows the next `from`; an import clause is never longer than the names of one file. */
function fromAfter(words: readonly Token[], start: number): Token | undefined {
  for (let at = start; at < Math.min(words.length, start + 1000); at++) {
    if (words[at]?.text === 'from' && words[at + 1]?.kind === 'string') return words[at + 1];
  }
  return undefined;
}

function closing(words: readonly Token[], start: number): number {
  const end = words.findIndex((token, at) => at > start && token.text === '}');
  return end < 0 ? start : end;
}

function asImport(token: Token | undefined, typeOnly: boolean): Import[] {
  if (token?.kind !== 'string') return [];
  return [{ specifier: token.text.slice(1, -1), typeOnly, line: token.line }];
}
