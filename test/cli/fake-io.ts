/** A scripted outside world for the command: answers to requests, files, and what was printed. */

import { run, type Io, type Library } from '@skein/cli';

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly body: unknown;
}

type Reply = { readonly status?: number; readonly json?: unknown; readonly text?: string } | Error;

export interface World {
  /** By `METHOD /path`, path with query. What is not listed is answered with 404. */
  readonly replies?: Readonly<Record<string, Reply>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly isTerminal?: boolean;
  /** The program and first arguments that start the command again. */
  readonly self?: Io['self'];
  /** Is given what a Ctrl-C calls. */
  readonly onInterrupt?: (stop: () => void) => void;
  /** What the modules of built-in simulations export. */
  readonly simulations?: Readonly<Record<string, unknown>>;
}

export interface Ran {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
  readonly requests: readonly SeenRequest[];
  /** Files it wrote, by path. */
  readonly written: Readonly<Record<string, string>>;
}

/** Runs one command line in that world. */
export async function skein(args: readonly string[], world: World = {}): Promise<Ran> {
  const requests: SeenRequest[] = [];
  let out = '';
  let err = '';
  const written: Record<string, string> = {};
  const simulations: Library = {
    names: () => Object.keys(world.simulations ?? {}).sort(),
    load: async (name) => world.simulations?.[name],
  };
  const io: Io = {
    self: world.self ?? ['false'],
    env: world.env ?? {},
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    outIsTerminal: world.isTerminal ?? false,
    errIsTerminal: world.isTerminal ?? false,
    columns: () => 100,
    rows: () => 30,
    read: async (path) => {
      const text = world.files?.[path];
      if (text === undefined) throw new Error(`ENOENT: no such file, open '${path}'`);
      return text;
    },
    write: async (path, text) => {
      if (path.startsWith('/full/')) throw failure('ENOSPC', 'no space left on device, write');
      written[path] = text;
    },
    checkWritable: async (path) => {
      if (path.startsWith('/nowhere/')) throw failure('ENOENT', `no such file or directory, access '/nowhere'`);
      if (path.startsWith('/theirs/')) throw failure('EACCES', `permission denied, access '${path}'`);
    },
    keepOutput: () => {},
    simulations,
    onInterrupt: (stop) => {
      world.onInterrupt?.(stop);
      return () => {};
    },
    fetch: async (url, init) => {
      requests.push({ method: init.method, url, body: init.body === undefined ? undefined : JSON.parse(init.body) });
      const { pathname, search } = new URL(url);
      const reply = world.replies?.[`${init.method} ${pathname}${search}`] ?? { status: 404, text: 'not found' };
      if (reply instanceof Error) throw reply;
      const text = reply.json === undefined ? (reply.text ?? '') : JSON.stringify(reply.json);
      return { status: reply.status ?? 200, text: async () => text };
    },
  };
  const exitCode = await run(args, io);
  return { exitCode, out, err, requests, written };
}

function failure(code: string, text: string): Error {
  return Object.assign(new Error(`${code}: ${text}`), { code });
}

/** How Node's `fetch` says that nobody listens. */
export function refused(): Error {
  return new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED 127.0.0.1:8500') });
}
