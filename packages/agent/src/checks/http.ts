/** HTTP checks, by Consul's verdicts: 2xx is passing, 429 warning, all else critical. */

import http from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import { type CheckProbe, limits } from '@skein/core';
import { tlsOptions } from './probe-tls.ts';
import { type CheckRun, critical, defaultBounds, failureText, type Verdict } from './verdict.ts';

export type HttpProbe = Extract<CheckProbe, { type: 'http' }>;

/** As Go's clients, and so Consul's checks: the tenth answer may not lead on. */
const requestsMax = 10;
/** Of the headers of an answer. Go reads 10 MB. */
const headerBytesMax = 1_048_576;
/** Consul's name: access logs and rate limits of services know it. */
const ownHeaders = { 'user-agent': 'Consul Health Check', accept: 'text/plain, text/*, */*' };
/** Meant for one origin: not sent on to another one. */
const privateHeaders = new Set(['authorization', 'cookie', 'proxy-authorization']);
/** Said by the request itself, from its body: Go's clients, and so Consul's checks, do not take them from a header either. */
const framingHeaders = new Set(['content-length', 'transfer-encoding']);

/** As Go's clients: other answers of 3xx are final, whatever location they name. */
const redirects = new Set([301, 302, 303, 307, 308]);

interface Step {
  readonly url: URL;
  readonly method: string;
  readonly body: string;
  readonly sameOrigin: boolean;
}

export const runHttpCheck: CheckRun<HttpProbe> = async (probe, signal, bounds = defaultBounds) => {
  let url: URL;
  try {
    url = new URL(probe.url);
  } catch {
    return critical(`the check's URL "${probe.url}" is not a URL`);
  }
  const origin = url.origin;
  let step: Step = { url, method: probe.method === '' ? 'GET' : probe.method.toUpperCase(), body: probe.body, sameOrigin: true };
  try {
    for (let requests = 0; requests < requestsMax; requests++) {
      if (step.url.protocol !== 'http:' && step.url.protocol !== 'https:') return critical(`${step.url.protocol} is not HTTP`);
      const answer = await request(probe, step, { signal, bodyLengthMax: bounds.outputLengthMax });
      if ('verdict' in answer) return answer.verdict;
      const next = new URL(answer.location, step.url);
      // As every client does: 301, 302 and 303 turn into a GET, 307 and 308 repeat the request.
      const repeats = answer.status === 307 || answer.status === 308 || step.method === 'HEAD';
      step = {
        url: next,
        method: repeats ? step.method : 'GET',
        body: repeats ? step.body : '',
        sameOrigin: next.origin === origin,
      };
    }
    return critical(`${probe.url}: stopped after ${requestsMax} redirects`);
  } catch (error) {
    const why = signal.aborted ? 'no complete answer in time' : failureText(error);
    return critical(`${step.method} ${step.url.href}: ${why}`);
  }
};

type Answer = { readonly verdict: Verdict } | { readonly status: number; readonly location: string };

interface Bounds {
  readonly signal: AbortSignal;
  readonly bodyLengthMax: number;
}

function request(probe: HttpProbe, step: Step, { signal: runSignal, bodyLengthMax }: Bounds): Promise<Answer> {
  return new Promise((resolve, reject) => {
    // Of this request alone: all that one run is redirected to would listen to the run's, and Node warns of the eleventh.
    const signal = AbortSignal.any([runSignal]);
    // The platform's request takes the signal too, but once a connection is no longer its own it does not say so. A status
    // that came is the verdict, though the body may have no end.
    let end = (): void => reject(new Error('ended'));
    if (signal.aborted) return end();
    signal.addEventListener('abort', () => end(), { once: true });
    const client = step.url.protocol === 'https:' ? https : http;
    const options = {
      method: step.method,
      headers: headersOf(probe, step),
      signal,
      // A connection of its own each time: a check of a kept one would say nothing of new ones.
      agent: false as const,
      maxHeaderSize: headerBytesMax,
      // As lenient as Go, with lines that end in LF alone and the like: nobody else reads this connection.
      insecureHTTPParser: true,
      ...tlsOptions(
        { serverName: step.sameOrigin ? (probe.tlsServerName ?? '') : '', skipVerify: probe.skipTlsVerify },
        step.url.hostname.replace(/^\[|\]$/g, ''),
      ),
    };
    const headOf = (response: http.IncomingMessage): string =>
      `HTTP ${step.method} ${step.url.href}: ${response.statusCode ?? 0} ${response.statusMessage ?? ''} Output: `;
    let isAnswered = false;
    const outgoing = client.request(step.url, options, (response) => {
      isAnswered = true;
      const status = response.statusCode ?? 0;
      const { location } = response.headers;
      if (probe.followRedirects && redirects.has(status) && location !== undefined) {
        response.destroy();
        resolve({ status, location });
        return;
      }
      const head = headOf(response);
      let body = '';
      const finish = (): void => {
        response.destroy();
        resolve({
          verdict: { status: verdictOf(status), output: `${head}${body.slice(0, bodyLengthMax)}`.slice(0, limits.outputLength) },
        });
      };
      end = finish;
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
        // Enough to show; a stream without end must not hold the check.
        if (body.length >= bodyLengthMax) finish();
      });
      response.on('end', finish);
      // Also one that breaks off.
      response.on('error', finish);
      response.on('close', finish);
    });
    // 101, or an answer to CONNECT: what follows is not HTTP any more, and whoever listens gets the connection.
    for (const event of ['upgrade', 'connect']) {
      outgoing.on(event, (response: http.IncomingMessage, socket: Duplex) => {
        socket.on('error', () => undefined);
        socket.destroy();
        resolve({ verdict: critical(headOf(response)) });
      });
    }
    outgoing.on('error', (error) => {
      // What is wrong with a body, such as the size of a chunk, is told here too.
      if (isAnswered) end();
      else reject(error);
    });
    outgoing.on('close', () => {
      if (!isAnswered) reject(new Error('the connection was closed without an answer'));
    });
    outgoing.end(step.body === '' ? undefined : step.body);
  });
}

function headersOf(probe: HttpProbe, step: Step): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = { ...ownHeaders };
  for (const [name, values] of Object.entries(probe.headers)) {
    const lower = name.toLowerCase();
    if (framingHeaders.has(lower)) continue;
    if (!step.sameOrigin && (privateHeaders.has(lower) || lower === 'host')) continue;
    headers[lower] = lower === 'host' || lower === 'user-agent' ? (values[0] ?? '') : [...values];
  }
  // With GET and DELETE the platform says nothing of a body, and it would be read as the next request.
  if (step.body !== '') headers['content-length'] = String(Buffer.byteLength(step.body));
  return headers;
}

function verdictOf(status: number): Verdict['status'] {
  return status >= 200 && status < 300 ? 'passing' : status === 429 ? 'warning' : 'critical';
}
