/** Sizes, file docs, thin index files, and words that must not reach a commit. */

import { code, tokens } from './tokens.ts';
import type { Token } from './tokens.ts';
import type { SourceFile } from './workspace.ts';

const linesMax = 500;
/** The two central stories, which read better whole. */
const longFiles: Readonly<Record<string, number>> = {
  'packages/core/src/node.ts': 700,
  'packages/core/src/membership/membership.ts': 700,
};

export function sizeFaults(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const lines = file.text.split('\n').length - (file.text.endsWith('\n') ? 1 : 0);
    const limit = longFiles[file.path] ?? linesMax;
    return lines > limit ? [`${file.path}: ${lines} lines, over ${limit}; split it by noun`] : [];
  });
}

/** A file begins with a comment that says what it holds and why. */
export function fileDocFaults(files: readonly SourceFile[]): string[] {
  return files
    .filter((file) => !/^(?:#!.*\n)?\/\*\*[\s*]*[^\s*/]/.test(file.text))
    .map((file) => `${file.path}: no file doc; begin with /** what it holds and why */`);
}

/** An index.ts names what is public and holds nothing itself; at most it loads a file that the others need first. */
export function indexFaults(files: readonly SourceFile[]): string[] {
  return files
    .filter((file) => /(?:^|\/)index\.ts$/.test(file.path))
    .flatMap((file) => {
      const words = code(file.text);
      const other = words.findIndex((_, at) => startsStatement(words, at) && !isReExport(words, at));
      return other < 0
        ? []
        : [`${file.path}:${words[other]?.line}: an index.ts is only re-exports; move this to a file of its own`];
    });
}

function startsStatement(words: readonly Token[], at: number): boolean {
  const before = words[at - 1];
  return before === undefined || before.text === ';' || (before.kind === 'string' && words[at]?.text !== ';');
}

function isReExport(words: readonly Token[], at: number): boolean {
  if (words[at]?.text === 'import') return words[at + 1]?.kind === 'string';
  if (words[at]?.text !== 'export') return false;
  const start = words[at + 1]?.text === 'type' ? at + 2 : at + 1;
  if (words[start]?.text === '*') return true;
  if (words[start]?.text !== '{') return false;
  const end = words.findIndex((token, index) => index > start && token.text === '}');
  return words[end + 1]?.text === 'from' || end === start + 1;
}

/** Names that say nothing of what is inside; a file is named for its noun. */
export function nameFaults(files: readonly SourceFile[]): string[] {
  const drawer = /(?:^|\/)(?:utils?|helpers?|common|misc|types|shared|constants|interfaces)(?:\.ts|\/)/;
  return files
    .filter((file) => drawer.test(file.path) || /[A-Z_]/.test(file.path.replace(/^.*\//, '')))
    .map((file) => `${file.path}: name a file for the one noun it holds, in kebab-case`);
}

interface BannedText {
  readonly pattern: RegExp;
  readonly why: string;
}

/** Brackets inside the patterns keep this file from finding itself. */
const bannedTexts: readonly BannedText[] = [
  {
    pattern: /(?<![\w.~*-])\/(?:wor[k]|roo[t]|hom[e]|User[s])\/[\w.-]/,
    why: 'a path of one machine; derive it, or take it as an argument',
  },
  { pattern: /\b[A-Z]:\\User[s]\\/, why: 'a path of one machine; derive it, or take it as an argument' },
  {
    pattern:
      /\b(?:registry\.(?:npmj[s]|yarnpk[g])|proxy\.golan[g]|deb\.debia[n]|(?:files\.)?python[h]osted|static\.crate[s]|repo\d?\.mave[n])\b/,
    why: 'the host of a package registry; name packages, not where they come from',
  },
  { pattern: /\b(?:TOD[O]|FIXM[E]|XX[X]|HAC[K])\b/, why: 'unfinished work; finish it, or write it down as an issue' },
];

/** Machine paths, registry hosts and notes of unfinished work, in any text file. */
export function textFaults(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) =>
    file.text.split('\n').flatMap((line, at) => {
      const banned = bannedTexts.find(({ pattern }) => pattern.test(line));
      return banned === undefined ? [] : [`${file.path}:${at + 1}: ${banned.pattern.exec(line)?.[0]}: ${banned.why}`];
    }),
  );
}

const suites = new Set(['test', 'it', 'describe', 'suite', 'bench']);
const silencers = new Set(['skip', 'only', 'todo', 'fails']);

/** Tests that were switched off, or that switch off the others. `skipIf` with a reason is how a missing program is met. */
export function silencedFaults(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const words = tokens(file.text).filter((token) => token.kind !== 'comment');
    return words.flatMap((token, at) => {
      const root = token.kind === 'word' && silencers.has(token.text) ? chainRoot(words, at) : token.text;
      const silenced =
        root !== token.text ? suites.has(root) : token.kind === 'word' && /^(?:x(?:it|test|describe)|fit|fdescribe)$/.test(root);
      return silenced ? [`${file.path}:${token.line}: ${root}.${token.text} switches tests off`] : [];
    });
  });
}

/** The first word of `a.b.c`, seen from c. */
function chainRoot(words: readonly Token[], at: number): string {
  let start = at;
  while (words[start - 1]?.text === '.' && words[start - 2]?.kind === 'word') start -= 2;
  return words[start]?.text ?? '';
}
