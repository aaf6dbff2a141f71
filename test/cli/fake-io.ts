/** A scripted outside world for the command: answers to requests, files, signals, and what was printed. */

import { ReadableStream } from 'node:stream/web';
import { run, type FetchAnswer, type Io, type Library } from '@skein/cli';

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  /** JSON parsed, other text as it is. */
  readonly body: unknown;
}

/**
 * What a request meets: an answer, an error, or one that comes while it waits: `interrupt` a Ctrl-C, `hang` nothing. A request
 * that waits ends with its signal.
 */
export type Reply =
  | {
      readonly status?: number;
      readonly json?: unknown;
      readonly text?: string;
      /** Of a blocking query. */
      readonly index?: number | string;
      /** Its body never ends, whatever becomes of the signal, of which `fetch` may have lost sight. */
      readonly endless?: boolean;
      /** An answer that is streamed: its pieces, and how it goes on after them. */
      readonly chunks?: readonly string[];
      readonly after?: 'end' | 'interrupt' | Error;
    }
  | Error
  | 'interrupt'
  | 'hang';

export interface World {
  /**
   * By `METHOD /path`, path with query; what waits for a change is under its path without `index` and `wait`. A list is
   * met one after the other, its last one again and again. What is not listed is answered with 404.
   */
  readonly replies?: Readonly<Record<string, Reply | readonly Reply[]>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly isTerminal?: boolean;
  /** Default: `isTerminal`. */
  readonly errIsTerminal?: boolean;
  /** Size of the terminal. Default 100 by 30. */
  readonly columns?: () => number;
  readonly rows?: () => number;
  /** The program and first arguments that start the command again. */
  readonly self?: Io['self'];
  /** Is given what a Ctrl-C calls. */
  readonly onInterrupt?: (stop: () => void) => void;
  /** Is given what a change of the terminal's size calls. */
  readonly onResize?: (changed: () => void) => void;
  /** Is told each request before it is answered. */
  readonly onRequest?: (request: SeenRequest, soFar: { readonly out: string; readonly err: string }) => void;
  /** What the modules of built-in simulations export. */
  readonly simulations?: Readonly<Record<string, unknown>>;
}

export interface Ran {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
  readonly requests: readonly SeenRequest[];
  /** How long it asked to sleep, each time. Nobody sleeps here. */
  readonly sleptMs: readonly number[];
  /** Files it wrote, by path. */
  readonly written: Readonly<Record<string, string>>;
}

/** When the world begins; each look at the clock is a second later. */
const beginMs = Date.UTC(2026, 0, 1);

/** Runs one command line in that world. */
export async function skein(args: readonly string[], world: World = {}): Promise<Ran> {
  const requests: SeenRequest[] = [];
  const sleptMs: number[] = [];
  let out = '';
  let err = '';
  let looks = 0;
  const stops = new Set<() => void>();
  const written: Record<string, string> = {};
  const turns = new Map<string, number>();
  const simulations: Library = {
    names: () => Object.keys(world.simulations ?? {}).sort(),
    load: async (name) => world.simulations?.[name],
  };
  const interrupt = (): void => {
    for (const stop of stops) stop();
  };
  const replyTo = (key: string): Reply => {
    const replies = world.replies?.[key] ?? { status: 404, text: 'not found' };
    if (!Array.isArray(replies)) return replies as Reply;
    const turn = turns.get(key) ?? 0;
    turns.set(key, turn + 1);
    return (replies as readonly Reply[])[Math.min(turn, replies.length - 1)] as Reply;
  };
  const readText = async (path: string): Promise<string> => {
    const text = world.files?.[path];
    if (text === undefined) throw new Error(`ENOENT: no such file, open '${path}'`);
    return text;
  };
  const io: Io = {
    self: world.self ?? ['false'],
    env: world.env ?? {},
    out: (chunk) => void (out += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8')),
    err: (text) => void (err += text),
    outIsTerminal: world.isTerminal ?? false,
    errIsTerminal: world.errIsTerminal ?? world.isTerminal ?? false,
    columns: world.columns ?? (() => 100),
    rows: world.rows ?? (() => 30),
    onResize: (changed) => {
      world.onResize?.(changed);
      return () => {};
    },
    wallMs: () => beginMs + 1000 * looks++,
    sleep: async (delayMs) => void sleptMs.push(delayMs),
    read: readText,
    readBytes: async (path) => Uint8Array.from(Buffer.from(await readText(path))),
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
      stops.add(stop);
      world.onInterrupt?.(stop);
      return () => void stops.delete(stop);
    },
    fetch: async (url, { method, body, signal }) => {
      const request = { method, url, body: bodyOf(body) };
      requests.push(request);
      world.onRequest?.(request, { out, err });
      const { pathname, search } = new URL(url);
      const query = search.replace(/[?&]index=\d+&wait=\w+$/, '');
      const reply = replyTo(`${method} ${pathname}${query}`);
      if (reply instanceof Error) throw reply;
      if (typeof reply === 'string') {
        const ended = aborted(signal);
        if (reply === 'interrupt') interrupt();
        return ended;
      }
      return answerOf(reply, signal, interrupt);
    },
  };
  const exitCode = await run(args, io);
  return { exitCode, out, err, requests, sleptMs, written };
}

/** Never resolves; rejects when `signal` aborts. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const fail = (): void => reject(new DOMException('This operation was aborted', 'AbortError'));
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
}

function answerOf(reply: Exclude<Reply, Error | string>, signal: AbortSignal, interrupt: () => void): FetchAnswer {
  const text = reply.json === undefined ? (reply.text ?? '') : JSON.stringify(reply.json);
  const index = reply.index === undefined ? null : String(reply.index);
  return {
    status: reply.status ?? 200,
    headers: { get: (name) => (name.toLowerCase() === 'x-consul-index' ? index : null) },
    body: reply.chunks === undefined ? null : ReadableStream.from(streamed(reply, signal, interrupt)),
    text: () => (reply.endless === true ? new Promise(() => undefined) : Promise.resolve(text)),
  };
}

async function* streamed(
  { chunks = [], after = 'end' }: Exclude<Reply, Error | string>,
  signal: AbortSignal,
  interrupt: () => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const chunk of chunks) yield Buffer.from(chunk, 'latin1');
  if (after instanceof Error) throw after;
  if (after === 'end') return;
  const ended = aborted(signal);
  interrupt();
  await ended;
}

function bodyOf(body: string | Uint8Array | undefined): unknown {
  if (body === undefined) return undefined;
  const text = typeof body === 'string' ? body : Buffer.from(body).toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function failure(code: string, text: string): Error {
  return Object.assign(new Error(`${code}: ${text}`), { code });
}

/** How Node's `fetch` says that nobody listens. */
export function refused(): Error {
  return new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED 127.0.0.1:8500') });
}
