/** Where in a user's file an error came from, as `file:line`. */

import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Where this command is itself: its own frames say nothing about a user's file. */
const own = fileURLToPath(new URL('..', import.meta.url));

/** Whether a user means a file: a path has a slash or ends as a file of JavaScript or TypeScript does. */
export function isPath(wanted: string): boolean {
  return /[/\\]|\.[cm]?[jt]s$/.test(wanted);
}

/** `path:line: ` of what was thrown while `path`, as the user wrote it, was loaded or run; nothing where that is not known. */
export function placePrefix(error: unknown, path: string): string {
  if (!isPath(path) || !(error instanceof Error)) return '';
  const full = resolve(path);
  const places = [...(error.stack ?? '').matchAll(/(?<=^|\s|\()((?:file:\/\/)?(?:\/|[A-Z]:[/\\])[^\n():]*):(\d+)/gm)].map(
    ([, file = '', line]) => ({
      file: file.startsWith('file://') ? pathOf(file) : file,
      line,
    }),
  );
  const inFile = places.find(({ file }) => file === full);
  if (inFile !== undefined) return `${path}:${inFile.line}: `;
  const line = error instanceof SyntaxError ? syntaxLine(full) : undefined;
  if (line !== undefined) return `${path}:${line}: `;
  // A file that it imports.
  const other = places.find(({ file }) => !file.startsWith(own) && !file.includes('node_modules'));
  return other === undefined ? '' : `${other.file}:${other.line}: `;
}

function pathOf(url: string): string {
  try {
    return fileURLToPath(url);
  } catch {
    return url;
  }
}

/** Node tells the line of a syntax error only to a terminal, so it is asked again in a process of its own. */
function syntaxLine(full: string): string | undefined {
  const { stderr } = spawnSync(process.execPath, ['--check', full], { encoding: 'utf8', timeout: 10_000 });
  const [first = ''] = (stderr ?? '')
    .split('\n')
    .filter((line) => line.startsWith(full) || line.startsWith(pathToFileURL(full).href));
  return /:(\d+)$/.exec(first)?.[1];
}
