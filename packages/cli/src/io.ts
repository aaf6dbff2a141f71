/** Everything a command touches outside itself. The process has the real one, tests a scripted one. */

import { constants } from 'node:fs';
import { access, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, sep } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { folderLibrary } from './sim/library.ts';
import type { Library } from './sim/library.ts';

export interface FetchInit {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly redirect: 'error';
  readonly signal: AbortSignal;
}

/** The part of a `ReadableStreamDefaultReader` that commands use. */
export interface PieceReader {
  /** Resolves with the next piece, without a value at the end. */
  read(): Promise<{ readonly value?: Uint8Array | undefined }>;
  /** Wants no more: reads that wait come to an end. */
  cancel(): Promise<void>;
}

/** The part of a `Response` that commands read, the body once: as a whole or in pieces. */
export interface FetchAnswer {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body: { getReader(): PieceReader } | null;
  text(): Promise<string>;
}

export interface Io {
  /** The program and first arguments that start this command again, as a process of its own. */
  readonly self: readonly [program: string, ...args: string[]];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Results. Never throws; a reader that went away ends the process quietly. */
  out(chunk: string | Uint8Array): void;
  /** Messages, progress and errors. */
  err(text: string): void;
  /** Whether a person reads `out`, and `err`. */
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  /** Size of that terminal; 80 by 24 where there is none. */
  columns(): number;
  rows(): number;
  /** Calls back whenever that size changed. Returns how to listen no more. */
  onResize(changed: () => void): () => void;
  /** Milliseconds since 1970. */
  wallMs(): number;
  /** Resolves after that time, or as soon as `signal` aborts. */
  sleep(delayMs: number, signal: AbortSignal): Promise<void>;
  /** The text of a file, or of standard input for `-`. */
  read(path: string): Promise<string>;
  /** The same for what need not be text. */
  readBytes(path: string): Promise<Uint8Array<ArrayBuffer>>;
  /** Writes a file, over what was there. */
  write(path: string, text: string): Promise<void>;
  /** Rejects where `write` could not open the file, of which nothing is changed. */
  checkWritable(path: string): Promise<void>;
  /** From now on standard output has results only: what anybody else prints there goes to standard error. */
  keepOutput(): void;
  /** The simulations that come with the command. */
  readonly simulations: Library;
  /**
   * Calls `stop` at the first Ctrl-C, or other signal that asks to end, which then does not end the process, once nothing
   * synchronous runs. Returns how to listen no more.
   */
  onInterrupt(stop: () => void): () => void;
  fetch(url: string, init: FetchInit): Promise<FetchAnswer>;
}

const endSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

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
    // Terminals that do not know their size say 0.
    columns: () => process.stdout.columns || 80,
    rows: () => process.stdout.rows || 24,
    onResize: (changed) => {
      process.stdout.on('resize', changed);
      return () => void process.stdout.off('resize', changed);
    },
    wallMs: () => Date.now(),
    sleep: (delayMs, signal) => delay(delayMs, undefined, { signal }).catch(() => undefined),
    read: (path) => (path === '-' ? text(process.stdin) : readFile(path, 'utf8')),
    readBytes: async (path) => Uint8Array.from(path === '-' ? await buffer(process.stdin) : await readFile(path)),
    write: (path, content) => writeFile(path, content),
    checkWritable,
    keepOutput: () => void (process.stdout.write = process.stderr.write.bind(process.stderr)),
    simulations: folderLibrary(new URL('./simulations/', main)),
    onInterrupt: (stop) => {
      const forget = (): void => {
        for (const name of endSignals) process.off(name, onSignal);
      };
      // Only the first: another one ends the process, as if nobody listened.
      const onSignal = (): void => {
        forget();
        stop();
      };
      for (const name of endSignals) process.on(name, onSignal);
      return forget;
    },
    fetch: (url, init) => fetch(url, init),
  };
}

async function checkWritable(path: string): Promise<void> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined && !path.endsWith('/') && !path.endsWith(sep)) return await access(dirname(path), constants.W_OK);
  if (found === undefined || found.isDirectory()) throw Object.assign(new Error('it is a folder'), { code: 'EISDIR' });
  await access(path, constants.W_OK);
}
