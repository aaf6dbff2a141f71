/** Everything a command touches outside itself. The process has the real one, tests a scripted one. */

import { constants } from 'node:fs';
import { access, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { folderLibrary } from './sim/library.ts';
import type { Library } from './sim/library.ts';

export interface FetchInit {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
  readonly redirect: 'error';
  readonly signal: AbortSignal;
}

export interface Io {
  /** The program and first arguments that start this command again, as a process of its own. */
  readonly self: readonly [program: string, ...args: string[]];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Results. Never throws; a reader that went away ends the process quietly. */
  out(text: string): void;
  /** Messages, progress and errors. */
  err(text: string): void;
  /** Whether a person reads `out`, and `err`. */
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  /** Size of that terminal; 80 by 24 where there is none. */
  columns(): number;
  rows(): number;
  /** The text of a file, or of standard input for `-`. */
  read(path: string): Promise<string>;
  /** Writes a file, over what was there. */
  write(path: string, text: string): Promise<void>;
  /** Rejects where `write` could not open the file, of which nothing is changed. */
  checkWritable(path: string): Promise<void>;
  /** From now on standard output has results only: what anybody else prints there goes to standard error. */
  keepOutput(): void;
  /** The simulations that come with the command. */
  readonly simulations: Library;
  /** Calls `stop` at the first Ctrl-C, which then does not end the process, once nothing synchronous runs. Returns how to listen no more. */
  onInterrupt(stop: () => void): () => void;
  fetch(url: string, init: FetchInit): Promise<{ readonly status: number; text(): Promise<string> }>;
}

/** `main`: where the running program is; the build puts simulations beside it. */
export function processIo(main: string): Io {
  // `console` asks for the method each time, so that it can be kept from standard output.
  const write = process.stdout.write.bind(process.stdout);
  return {
    self: [process.execPath, ...process.execArgv, process.argv[1] ?? ''],
    env: process.env,
    out: (chunk) => void write(chunk),
    err: (chunk) => void process.stderr.write(chunk),
    outIsTerminal: process.stdout.isTTY,
    errIsTerminal: process.stderr.isTTY,
    columns: () => process.stdout.columns ?? 80,
    rows: () => process.stdout.rows ?? 24,
    read: (path) => (path === '-' ? text(process.stdin) : readFile(path, 'utf8')),
    write: (path, content) => writeFile(path, content),
    checkWritable,
    keepOutput: () => void (process.stdout.write = process.stderr.write.bind(process.stderr)),
    simulations: folderLibrary(new URL('./simulations/', main)),
    onInterrupt: (stop) => {
      process.once('SIGINT', stop);
      return () => void process.removeListener('SIGINT', stop);
    },
    fetch: (url, init) => fetch(url, init),
  };
}

async function checkWritable(path: string): Promise<void> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined) return await access(dirname(path), constants.W_OK);
  if (found.isDirectory()) throw Object.assign(new Error('it is a folder'), { code: 'EISDIR' });
  await access(path, constants.W_OK);
}
