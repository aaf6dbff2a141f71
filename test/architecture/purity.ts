/**
 * What the pure packages may not say. Their code must do the same for the same inputs on every machine and every
 * version of Node, so they have no clock, no randomness, no locale and no waiting of their own. The compiler hides most
 * of Node from them (`types: []`); this catches what the language itself still offers.
 */

import { code } from './tokens.ts';
import type { Token } from './tokens.ts';
import type { SourceFile } from './workspace.ts';

/** Globals, with what to do instead. */
const bannedWords: Readonly<Record<string, string>> = {
  Date: 'time is a parameter',
  performance: 'time is a parameter',
  setTimeout: 'return a deadline',
  setInterval: 'return a deadline',
  setImmediate: 'return a deadline',
  queueMicrotask: 'return an effect',
  process: 'what a node needs comes in its options',
  Buffer: 'use Uint8Array',
  console: 'emit an event',
  Intl: 'its answers depend on the host',
  WeakRef: 'what it holds depends on the garbage collector',
  FinalizationRegistry: 'when it calls depends on the garbage collector',
  globalThis: 'name what you need as a parameter',
  eval: 'write the code',
  Function: 'write the code, or the type of the function',
  async: 'return effects',
  await: 'return effects',
};

/** Methods whose answer depends on the host's locale. */
const bannedProperties = new Set([
  'localeCompare',
  'toLocaleString',
  'toLocaleLowerCase',
  'toLocaleUpperCase',
  'toLocaleDateString',
  'toLocaleTimeString',
]);

/** Their last bits differ between versions of V8, or every time. */
const bannedMath: Readonly<Record<string, string>> = {
  random: 'take an Rng',
  pow: 'it differs between engines; multiply, or use a table',
};

/** Where a promise belongs to a port that readers wait on. */
const portFile = /(?:^|[/-])port\.ts$/;

export function purityFaults(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const words = code(file.text);
    return words.flatMap((token, at) => {
      const reason = banAt(words, at, portFile.test(file.path));
      return reason === undefined ? [] : [`${file.path}:${token.line}: ${reason}`];
    });
  });
}

function banAt(words: readonly Token[], at: number, isPort: boolean): string | undefined {
  const token = words[at];
  const before = words[at - 1];
  const after = words[at + 1];
  if (token?.kind === 'punct') {
    return token.text === '**' || token.text === '**='
      ? `'${token.text}' differs between engines; multiply, or use a table`
      : undefined;
  }
  if (token?.kind !== 'word') return undefined;
  if (before?.text === '.' || before?.text === '?.') {
    const math = words[at - 2]?.text === 'Math' ? bannedMath[token.text] : undefined;
    if (math !== undefined) return `Math.${token.text}: ${math}`;
    return bannedProperties.has(token.text) ? `${token.text}: compare code units instead, it depends on the host` : undefined;
  }
  if (token.text === 'Math' && after?.text !== '.') return 'Math may only be used as Math.NAME';
  if (token.text === 'import' && after?.text === '(') return 'import(): import at the top of the file';
  if (isPropertyKey(before, after, words[at + 2])) return undefined;
  if (token.text === 'Promise')
    return isPort ? undefined : 'Promise: only the ports that readers wait on have promises (port.ts, *-port.ts)';
  const reason = Object.hasOwn(bannedWords, token.text) ? bannedWords[token.text] : undefined;
  return reason === undefined ? undefined : `${token.text}: ${reason}`;
}

/** `{ process: 1 }`, `readonly process?: T` and `get process()` only name a property. */
function isPropertyKey(before: Token | undefined, after: Token | undefined, next: Token | undefined): boolean {
  if (before?.text === 'get' || before?.text === 'set') return true;
  const opens = before !== undefined && ['{', ',', ';', '(', 'readonly'].includes(before.text);
  return opens && (after?.text === ':' || (after?.text === '?' && next?.text === ':'));
}
