/** The agent's HTTP API as commands use it: JSON in, JSON out, and failures that say what to do next. */

import { CliFailure, reasonOf, usageFailure } from './failure.ts';
import type { FetchAnswer, Io } from './io.ts';
import { short } from './table.ts';
import { TimeLimit } from './time-limit.ts';

const defaultAddress = '127.0.0.1:8500';
const answerTimeoutMs = 10_000;
const errorTextLength = 2000;

/** What a request sends along. */
interface Payload {
  readonly type: string;
  readonly data: string | Uint8Array<ArrayBuffer>;
}

/** An answer to a blocking query. */
export interface Indexed {
  readonly body: unknown;
  /** When the thing asked for last changed, by the agent's own count: what to wait after. Digits, of any length. */
  readonly index: string;
}

export interface AgentApi {
  /** Where requests go, such as `http://127.0.0.1:8500`. */
  readonly base: string;
  /** Each resolves with the parsed body (undefined when empty, which is a failure of `get`) or rejects with a `CliFailure`. */
  get(path: string, timeoutMs?: number): Promise<unknown>;
  put(path: string, body?: unknown, timeoutMs?: number): Promise<unknown>;
  /** The same for a body that is not JSON. */
  putRaw(path: string, data: Payload['data']): Promise<unknown>;
  delete(path: string): Promise<unknown>;
  /** What is at `path` once it changed after `index`, or a minute is over; at once without. */
  getAfter(path: string, index: string | undefined, signal: AbortSignal): Promise<Indexed>;
  /** The pieces of an answer that goes on until one side ends it, in whatever way; rejects when it does not begin. */
  stream(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined>;
}

/** How long an agent may keep a blocking query. A connection that died unnoticed is given up soon after. */
const waitSeconds = 60;
/** Agents wait up to a sixteenth longer, so that their clients do not come back all at once. */
const waitTimeoutMs = waitSeconds * 1000 * (1 + 1 / 16) + answerTimeoutMs;

/** `option` is the value of `--http-addr`; without it `SKEIN_HTTP_ADDR` counts, then the default. */
export function agentApi(io: Pick<Io, 'env' | 'fetch'>, option: string | undefined): AgentApi {
  const fromEnvironment = io.env['SKEIN_HTTP_ADDR'];
  const given = option ?? (fromEnvironment === '' ? undefined : fromEnvironment) ?? defaultAddress;
  const base = baseUrl(given, option === undefined ? 'SKEIN_HTTP_ADDR' : '--http-addr');

  async function call(method: string, path: string, payload?: Payload, timeoutMs = answerTimeoutMs): Promise<unknown> {
    const { text } = await whole(io, base, { method, path, payload }, timeoutMs);
    return parsed(base, `${method} ${path}`, text);
  }
  return {
    base,
    get: async (path, timeoutMs) => present(base, path, await call('GET', path, undefined, timeoutMs)),
    put: (path, body, timeoutMs) =>
      call('PUT', path, body === undefined ? undefined : { type: 'application/json', data: JSON.stringify(body) }, timeoutMs),
    putRaw: (path, data) => call('PUT', path, { type: 'application/octet-stream', data }),
    delete: (path) => call('DELETE', path),
    getAfter: async (path, index, signal) => {
      const asked = index === undefined ? path : `${path}${path.includes('?') ? '&' : '?'}index=${index}&wait=${waitSeconds}s`;
      const timeoutMs = index === undefined ? answerTimeoutMs : waitTimeoutMs;
      const { answer, text } = await whole(io, base, { method: 'GET', path: asked }, timeoutMs, signal);
      const body = present(base, path, parsed(base, `GET ${path}`, text));
      const told = answer.headers.get('x-consul-index') ?? '';
      if (!/^[1-9]\d{0,19}$/.test(told)) throw notAnAgent(base, `answered GET ${path} without an index to wait after`);
      return { body, index: told };
    },
    stream: async function* (path, signal) {
      const begin = (): Promise<FetchAnswer> => exchange(io, base, { method: 'GET', path, signal }, undefined);
      const answer = await new TimeLimit(undefined, signal).hold(begin);
      if (answer.body !== null) yield* pieces(answer.body, signal);
    },
  };
}

/** Until one side ends it. Whoever reads no more, for whatever reason, lets the connection go. */
async function* pieces(body: NonNullable<FetchAnswer['body']>, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = body.getReader();
  const stop = (): void => void reader.cancel().catch(() => undefined);
  // `fetch` loses sight of its signal (see `TimeLimit`).
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    for (let piece = await reader.read(); piece.value !== undefined; piece = await reader.read()) yield piece.value;
  } catch {
    // Cut off, by us or by the end of the agent: there is no more.
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

/** What answers at `base` did what no agent does. */
export function notAnAgent(base: string, what: string): CliFailure {
  return new CliFailure(`${base} ${what}`, {
    hint: ['is that the HTTP address of a skein agent? its log line "ready" and DATA_DIR/agent.json name it'],
  });
}

/** What was asked for: an agent answers every read with something. */
function present(base: string, path: string, body: unknown): unknown {
  if (body !== undefined) return body;
  throw notAnAgent(base, `answered GET ${path} with nothing`);
}

function parsed(base: string, request: string, text: string): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw notAnAgent(base, `answered ${request} with something that is not JSON`);
  }
}

/** `HOST:PORT`, `:PORT` or an http(s) URL without a path, as a URL without a trailing slash. */
export function baseUrl(address: string, origin: string): string {
  const wrong = (): CliFailure =>
    usageFailure(`${origin} "${address}" is not HOST:PORT or http://HOST:PORT`, `example: --http-addr ${defaultAddress}`);
  const withHost = address.startsWith(':') ? `127.0.0.1${address}` : address;
  const full = withHost.includes('://') ? withHost : `http://${withHost}`;
  if (!URL.canParse(full)) throw wrong();
  const url = new URL(full);
  const isPlain = url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '';
  if ((url.protocol !== 'http:' && url.protocol !== 'https:') || !isPlain) throw wrong();
  if (!withHost.includes('://') && !/:\d+$/.test(withHost)) throw wrong();
  return url.origin;
}

/** Half of a character that needs two UTF-16 units: JSON and YAML can spell it, UTF-8 and so a URL cannot. */
const loneSurrogate = /\p{Surrogate}/gu;

/** A name as one part of a path. Throws a `CliFailure` for one that no URL can hold. */
export function pathPart(name: string): string {
  if (name.search(loneSurrogate) === -1) return encodeURIComponent(name);
  throw usageFailure(
    `the name ${JSON.stringify(name.slice(0, 200))} holds half a character (a lone surrogate)`,
    'correct the name',
  );
}

/** The same for a name that an agent told: with the replacement character, as every other agent sees it. */
export function toldPathPart(name: string): string {
  return encodeURIComponent(name.replace(loneSurrogate, '\ufffd'));
}

interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly payload?: Payload | undefined;
  readonly signal: AbortSignal;
}

/** Resolves with an answer of status 2xx and all of its body. `timeoutMs` is for both. */
function whole(
  io: Pick<Io, 'fetch'>,
  base: string,
  request: Omit<Exchange, 'signal'>,
  timeoutMs: number,
  until?: AbortSignal,
): Promise<{ readonly answer: FetchAnswer; readonly text: string }> {
  const limit = new TimeLimit(timeoutMs, until);
  const read = async (): Promise<{ readonly answer: FetchAnswer; readonly text: string }> => {
    const answer = await exchange(io, base, { ...request, signal: limit.signal }, timeoutMs);
    return { answer, text: await textOf(base, answer, timeoutMs) };
  };
  return limit.hold(read).catch((error: unknown) => {
    throw error instanceof CliFailure ? error : unreachable(base, error, timeoutMs);
  });
}

/** Resolves with an answer of status 2xx, its body not read yet. `timeoutMs`: what its signal stands for, for messages. */
async function exchange(
  io: Pick<Io, 'fetch'>,
  base: string,
  { method, path, payload, signal }: Exchange,
  timeoutMs: number | undefined,
): Promise<FetchAnswer> {
  const answer = await io
    .fetch(`${base}${path}`, {
      method,
      headers: { accept: 'application/json', ...(payload === undefined ? {} : { 'content-type': payload.type }) },
      ...(payload === undefined ? {} : { body: payload.data }),
      redirect: 'error',
      signal,
    })
    .catch((error: unknown) => {
      throw unreachable(base, error, timeoutMs);
    });
  if (answer.status >= 200 && answer.status <= 299) return answer;
  throw refusal(base, `${method} ${path}`, answer.status, await textOf(base, answer, timeoutMs));
}

function textOf(base: string, answer: FetchAnswer, timeoutMs: number | undefined): Promise<string> {
  return answer.text().catch((error: unknown) => {
    throw unreachable(base, error, timeoutMs);
  });
}

function unreachable(base: string, error: unknown, timeoutMs: number | undefined): CliFailure {
  // Browsers' rule, in force here too: requests to the ports of some old services are never sent.
  if (reasonOf(error) === 'bad port') {
    return new CliFailure(`${base} has a port that HTTP clients refuse to talk to, as it belongs to another protocol`, {
      hint: [
        'is it the right port? the log line "ready" of the agent and DATA_DIR/agent.json name it',
        'or give the HTTP API another one: skein agent --http HOST:PORT',
      ],
    });
  }
  const isTimeout = timeoutMs !== undefined && error instanceof Error && error.name === 'TimeoutError';
  const what = isTimeout ? `did not answer within ${timeoutMs / 1000} s` : `cannot be reached (${reasonOf(error)})`;
  return new CliFailure(`the agent at ${base} ${what}`, {
    hint: isTimeout
      ? [`see whether it is busy or stopped: curl ${base}/healthz`]
      : ['start one: skein agent --dev', 'or name the address of a running one: --http-addr HOST:PORT or SKEIN_HTTP_ADDR'],
  });
}

function refusal(base: string, request: string, status: number, text: string): CliFailure {
  const body = short(text.trim(), errorTextLength);
  return new CliFailure(`the agent at ${base} answered ${status} to ${request}${body === '' ? '' : `: ${body}`}`, {
    refusal: { status, text: body },
  });
}
