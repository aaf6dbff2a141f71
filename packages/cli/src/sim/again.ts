/** The command that shows something again, as the user can type it where this one was typed. */

import type { Io } from '../io.ts';

/** The words that start `skein sim`: of a script of npm, and of `npx`, the command is on no path. */
export function commandWords({ env }: Pick<Io, 'env'>): string {
  if (env['npm_lifecycle_event'] === 'simulate') return 'npm run simulate --';
  return env['npm_command'] === 'exec' ? 'npx skein sim' : 'skein sim';
}

/** `command` with words behind it, each of which a shell takes for one. */
export function commandLine(command: string, words: readonly string[]): string {
  return [command, ...words.map((word) => (/^[\w./:@%+=,~^-]+$/.test(word) ? word : quoted(word)))].join(' ');
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
