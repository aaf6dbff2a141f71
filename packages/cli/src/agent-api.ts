/** The agent's HTTP API as commands use it: JSON in, JSON out, and failures that say what to do next. */

import { CliFailure, reasonOf, usageFailure } from './failure.ts';
import type { Io } from './io.ts';

const defaultAddress = '127.0.0.1:8500';
const answerTimeoutMs = 10_000;
const errorTextLength = 2000;

export interface AgentApi {
  /** Where requests go, such as `http://127.0.0.1:8500`. */
  readonly base: string;
  /** Each resolves with the parsed body (undefined when empty) or rejects with a `CliFailure`. */
  get(path: string): Promise<unknown>;
  put(path: string, body?: unknown, timeoutMs?: number): Promise<unknown>;
  delete(path: string): Promise<unknown>;
}

/** `option` is the value of `--http-addr`; without it `SKEIN_HTTP_ADDR` counts, then the default. */
export function agentApi(io: Pick<Io, 'env' | 'fetch'>, option: string | undefined): AgentApi {
  const fromEnvironment = io.env['SKEIN_HTTP_ADDR'];
  const given = option ?? (fromEnvironment === '' ? undefined : fromEnvironment) ?? defaultAddress;
  const base = baseUrl(given, option === undefined ? 'SKEIN_HTTP_ADDR' : '--http-addr');

  async function call(method: string, path: string, body: unknown, timeoutMs: number): Promise<unknown> {
    const answer = await exchange(io, base, { method, path, body, timeoutMs });
    if (answer.status < 200 || answer.status > 299) throw refusal(base, `${method} ${path}`, answer);
    if (answer.text.trim() === '') return undefined;
    try {
      return JSON.parse(answer.text);
    } catch {
      throw new CliFailure(`${base} answered ${method} ${path} with something that is not JSON`, {
        hint: ['is that the HTTP address of a skein agent? its log line "ready" and DATA_DIR/agent.json name it'],
      });
    }
  }
  return {
    base,
    get: (path) => call('GET', path, undefined, answerTimeoutMs),
    put: (path, body, timeoutMs = answerTimeoutMs) => call('PUT', path, body, timeoutMs),
    delete: (path) => call('DELETE', path, undefined, answerTimeoutMs),
  };
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
  readonly body: unknown;
  readonly timeoutMs: number;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function exchange(io: Pick<Io, 'fetch'>, base: string, request: Exchange): Promise<Answer> {
  const hasBody = request.body !== undefined;
  try {
    const response = await io.fetch(`${base}${request.path}`, {
      method: request.method,
      headers: { accept: 'application/json', ...(hasBody ? { 'content-type': 'application/json' } : {}) },
      ...(hasBody ? { body: JSON.stringify(request.body) } : {}),
      redirect: 'error',
      signal: AbortSignal.timeout(request.timeoutMs),
    });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    // Browsers' rule, in force here too: requests to the ports of some old services are never sent.
    if (reasonOf(error) === 'bad port') {
      throw new CliFailure(`${base} has a port that HTTP clients refuse to talk to, as it belongs to another protocol`, {
        hint: [
          'is it the right port? the log line "ready" of the agent and DATA_DIR/agent.json name it',
          'or give the HTTP API another one: skein agent --http HOST:PORT',
        ],
      });
    }
    const isTimeout = error instanceof Error && error.name === 'TimeoutError';
    const what = isTimeout ? `did not answer within ${request.timeoutMs / 1000} s` : `cannot be reached (${reasonOf(error)})`;
    throw new CliFailure(`the agent at ${base} ${what}`, {
      hint: isTimeout
        ? [`see whether it is busy or stopped: curl ${base}/healthz`]
        : ['start one: skein agent --dev', 'or name the address of a running one: --http-addr HOST:PORT or SKEIN_HTTP_ADDR'],
    });
  }
}

function refusal(base: string, request: string, answer: Answer): CliFailure {
  const body = answer.text.trim().slice(0, errorTextLength);
  return new CliFailure(`the agent at ${base} answered ${answer.status} to ${request}${body === '' ? '' : `: ${body}`}`);
}
