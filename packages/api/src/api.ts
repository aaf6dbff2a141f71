/**
 * The HTTP API of one agent: routes over a `MeshPort`, served by fastify. This file is the border between HTTP and
 * the rest: who may ask, how large a request may be, and what errors look like.
 */

import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { fastify } from 'fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { MeshPort } from '@skein/core';
import { AnswerTurns } from './answer-turns.ts';
import { BlockingQueries, clientGone } from './blocking.ts';
import type { ApiContext } from './context.ts';
import type { DnsPolicy } from './dns/policy.ts';
import { EventFeed } from './event-feed.ts';
import { guard, hostOf } from './guard.ts';
import { ownHosts } from './own-hosts.ts';
import { openApiDocument } from './openapi.ts';
import type { AgentPort, EventsPort } from './ports.ts';
import { Reader } from './reader.ts';
import { badRequest, Refusal, refusalOf } from './refusal.ts';
import type { Answer, ApiRequest, Route } from './route.ts';
import { absentRoutes } from './routes/absent.ts';
import { agentCheckRoutes } from './routes/agent-check.ts';
import { agentFactRoutes } from './routes/agent-fact.ts';
import { agentHealthRoutes } from './routes/agent-health.ts';
import { agentRoutes } from './routes/agent.ts';
import { agentServiceRoutes } from './routes/agent-service.ts';
import { catalogWriteRoutes } from './routes/catalog-write.ts';
import { catalogRoutes } from './routes/catalog.ts';
import { configRoutes } from './routes/config.ts';
import { coordinateRoutes } from './routes/coordinate.ts';
import { eventRoutes } from './routes/event.ts';
import { healthRoutes } from './routes/health.ts';
import { kvRoutes } from './routes/kv.ts';
import { meshConfigStatusRoutes } from './routes/mesh-config-status.ts';
import { meshConfigRoutes } from './routes/mesh-config.ts';
import { meshEventRoutes } from './routes/mesh-event.ts';
import { meshExplainRoutes } from './routes/mesh-explain.ts';
import { meshMemberRoutes } from './routes/mesh-member.ts';
import { meshResolveRoutes } from './routes/mesh-resolve.ts';
import { meshViewRoutes } from './routes/mesh-view.ts';
import { monitorRoutes } from './routes/monitor.ts';
import { preparedQueryRoutes } from './routes/prepared-query.ts';
import { operationsRoutes } from './routes/operations.ts';
import { statusRoutes } from './routes/status.ts';
import { notPercentEncoded, redirectTarget, requirePrintable } from './url-path.ts';
import { cutWhenStalled } from './stream/stall.ts';
import { platformLoop, platformTimers } from './timers.ts';
import type { EventLoop, Timers } from './timers.ts';
import { UnderWay } from './under-way.ts';
import { ViewFeed } from './view-feed/view-feed.ts';

export interface ApiOptions {
  readonly port: MeshPort;
  readonly agent: AgentPort;
  readonly events: EventsPort;
  /** `HOST:PORT` to listen on; `[HOST]:PORT` for IPv6. Port 0 takes a free one. */
  readonly listen: string;
  /** Host names, beyond the agent's own addresses, under which it may be asked. Without ports. */
  readonly allowedHosts: readonly string[];
  /** What Consul's clients see as the datacenter. Default: the name of the mesh. */
  readonly datacenter?: string;
  /** Told about requests that failed through no fault of their own. */
  readonly log?: (entry: { readonly msg: string; readonly [field: string]: unknown }) => void;
  /** Whether clients may register checks that run programs. Default false. */
  readonly scriptChecks?: boolean;
  /** How DNS answers, for what tells of it. Default: all as in Consul. */
  readonly dnsPolicy?: DnsPolicy;
  /** Default: the platform's. */
  readonly timers?: Timers;
  /** Default: the platform's. */
  readonly eventLoop?: EventLoop;
  /** Numbers from 0 to below 1, for jitter. Default `Math.random`. */
  readonly random?: () => number;
  /** Blocking queries that may wait at once; one more is refused with 429. Default 16 384. */
  readonly waitersMax?: number;
  /** Open connections; one more is closed at once. Default 20 480: everybody who may wait, and some. */
  readonly connectionsMax?: number;
}

export interface InjectedRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE' | 'PATCH' | 'OPTIONS';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly payload?: string | Uint8Array;
}

export interface InjectedAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

export interface Api {
  /** Starts to listen; resolves with the address in use, `HOST:PORT`. Rejects when it is taken. */
  listen(): Promise<string>;
  /**
   * Takes no more requests, answers who waits, as many as two seconds are enough for, and closes the connections of the
   * others. Resolves once all are closed.
   */
  close(): Promise<void>;
  /** Serves a request without a socket. */
  inject(request: InjectedRequest): Promise<InjectedAnswer>;
}

const bodyBytesMax = 524_288;
const urlLengthMax = 8192;
const headerBytesMax = 16_384;
/** A whole request must arrive within this time; answers may take as long as they wait. */
const requestTimeoutMs = 30_000;
/** How long a connection is quiet before the peer's host is asked whether it is still there. */
const keepAliveProbeMs = 60_000;
/** How often requests that still arrive are looked at: so much later one may be refused. */
const requestCheckMs = 1000;
/** How long `close` waits for answers under way before it cuts their connections. */
const closeTimeoutMs = 2000;
const methods = ['GET', 'PUT', 'POST', 'DELETE', 'PATCH', 'TRACE'] as const;

/** Builds the API; nothing is opened before `listen`. Throws a `RangeError` when `listen` is not `HOST:PORT`. */
export function createApi(options: ApiOptions): Api {
  const address = listenAddress(options.listen);
  const timers = options.timers ?? platformTimers;
  const underWay = new UnderWay();
  const feed = new ViewFeed({ port: options.port, timers });
  const eventFeed = new EventFeed({ agent: options.agent, timers, stream: feed.stream });
  const app = fastify({
    bodyLimit: bodyBytesMax,
    requestTimeout: requestTimeoutMs,
    routerOptions: {
      // Names in a path are bounded by the length of the whole URL.
      maxParamLength: urlLengthMax,
      // Handlers read the query themselves: a bare `?passing` and a repeated `?tag` mean something.
      querystringParser: () => ({}),
    },
    http: {
      maxHeaderSize: headerBytesMax,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveProbeMs,
      // The smaller of this and the time for the request is that of the headers, the other that of the whole.
      headersTimeout: requestTimeoutMs,
      connectionsCheckingInterval: requestCheckMs,
    },
    clientErrorHandler: refuseMalformed,
    frameworkErrors: (error, _request, reply) => {
      const { status, message } = error.code === 'FST_ERR_MAX_PARAM_LENGTH' ? urlTooLong() : notPercentEncoded();
      sendText(reply, status, message);
    },
  });
  app.server.maxConnections = options.connectionsMax ?? 20_480;
  takeAnyBody(app);
  guardRequests(app, options, address.host);
  const routes = allRoutes(options, timers, { feed, eventFeed });
  const elsewhere = redirectTarget(routes.map(({ path }) => path));
  app.setNotFoundHandler((request, reply) => {
    // Asks about no path, but what the server can do.
    if (request.method === 'OPTIONS' && request.url === '*') return reply.code(200).send();
    const target = elsewhere(request.url);
    if (target !== undefined) return reply.code(301).header('Location', target).send();
    return sendText(reply, 404, `Invalid URL path: ${request.url.slice(0, 200)} does not exist`);
  });
  app.setErrorHandler((error, request, reply) => sendError(error, { request, reply, log: options.log }));
  addRoutes(app, routes, underWay, timers);
  return {
    listen: async () => {
      await app.listen({ host: address.host, port: address.port });
      return boundAddress(app);
    },
    close: async () => {
      underWay.close();
      feed.close();
      eventFeed.close();
      const cancel = timers.after(closeTimeoutMs, () => app.server.closeAllConnections());
      await app.close();
      cancel();
    },
    inject: async (request) => {
      const { payload, headers, ...line } = request;
      const answer = await app.inject({
        ...line,
        headers: { host: 'localhost', ...headers },
        ...(payload === undefined ? {} : { payload: typeof payload === 'string' ? payload : Buffer.from(payload) }),
      });
      return { statusCode: answer.statusCode, headers: answer.headers, body: answer.body };
    },
  };
}

function allRoutes(options: ApiOptions, timers: Timers, feeds: Pick<ApiContext, 'feed' | 'eventFeed'>): readonly Route[] {
  const { port, agent, events } = options;
  const datacenter = options.datacenter ?? agent.info().mesh;
  const random = options.random ?? Math.random;
  const blocking = new BlockingQueries({
    timers,
    random,
    waitersMax: options.waitersMax ?? 16_384,
  });
  const turns = new AnswerTurns(options.eventLoop ?? platformLoop);
  const reader = new Reader({ port, agent, datacenter, blocking, turns });
  const { scriptChecks = false, dnsPolicy = {} } = options;
  const context: ApiContext = { port, agent, events, datacenter, reader, ...feeds, random, scriptChecks, dnsPolicy };
  const routes = [
    agentRoutes,
    agentServiceRoutes,
    agentCheckRoutes,
    agentHealthRoutes,
    agentFactRoutes,
    catalogRoutes,
    coordinateRoutes,
    catalogWriteRoutes,
    healthRoutes,
    statusRoutes,
    eventRoutes,
    kvRoutes,
    preparedQueryRoutes,
    configRoutes,
    meshConfigRoutes,
    meshConfigStatusRoutes,
    meshMemberRoutes,
    meshExplainRoutes,
    meshResolveRoutes,
    meshViewRoutes,
    meshEventRoutes,
    monitorRoutes,
    operationsRoutes,
    absentRoutes,
  ].flatMap((routesOf) => routesOf(context));
  const description = { method: 'GET', path: '/v1/mesh/openapi.json' } as const;
  const served = [...routes, description];
  return [...routes, { ...description, handle: () => ({ json: openApiDocument(agent.info().version, served) }) }];
}

/** Consul ignores the content type: `curl -d` sends a wrong one, and others what is no type at all. */
function takeAnyBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addHook('onRequest', (request, _reply, done) => {
    delete request.raw.headers['content-type'];
    done();
  });
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
}

function guardRequests(app: FastifyInstance, options: ApiOptions, listenHost: string): void {
  const { agent, port } = options;
  const isOwnHost = ownHosts({
    listenHost,
    allowedHosts: options.allowedHosts,
    named: () => [agent.info().name, port.view().member(port.self)?.address ?? ''],
  });
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers({ 'X-Content-Type-Options': 'nosniff', 'X-Consul-Default-ACL-Policy': 'allow' });
    try {
      guard(request, { isOwnHost });
      // Whoever stands between, and we, might each go by another one (RFC 9112, section 3.2).
      if (isRepeated(request.raw.rawHeaders, 'host')) throw badRequest('The request has more than one Host header');
      if (request.url.length > urlLengthMax) throw urlTooLong();
      done();
    } catch (error) {
      done(error as Error);
    }
  });
}

/** Adds the routes, and for each path what Consul answers to OPTIONS and to methods that it does not have. */
function addRoutes(app: FastifyInstance, routes: readonly Route[], underWay: UnderWay, timers: Timers): void {
  const urls = new Set(routes.map(({ path }) => path));
  for (const url of urls) {
    const here = routes.filter(({ path }) => path === url);
    for (const route of here) {
      app.route({
        method: route.method,
        url,
        handler: async (request, reply) => {
          const { signal, release } = underWay.add(reply.raw);
          let isStream = false;
          try {
            const answer = await route.handle(apiRequest(request, signal));
            isStream = answer.stream !== undefined;
            if (isStream) reply.raw.once('close', release);
            return send(reply, request, withStallLimit(answer, reply, timers));
          } catch (error) {
            if (error !== clientGone) throw error;
            return reply.hijack();
          } finally {
            if (!isStream) release();
          }
        },
      });
    }
    const allowed: readonly string[] = here.map(({ method }) => method);
    const allow = ['OPTIONS', ...allowed].join(',');
    addSlash(app, url, urls);
    app.options(url, (_request, reply) => reply.header('Allow', allow).send());
    app.route({
      method: methods.filter((method) => !allowed.includes(method)),
      url,
      handler: (request, reply) => sendText(reply.header('Allow', allow), 405, `method ${request.method} not allowed`),
    });
  }
}

/** `/x` leads to `/x/`, also where it is below another path that is open at its end, as in Go. */
function addSlash(app: FastifyInstance, url: string, urls: ReadonlySet<string>): void {
  const bare = url.replace(/\/\*$/, '');
  if (bare === url || urls.has(bare)) return;
  // The path that was meant, not the one that was written: that may be percent-encoded, and so of another length.
  const target = (asked: string): string => `${bare}/${asked.slice(asked.search(/\?|$/))}`;
  app.route({
    method: [...methods, 'OPTIONS'],
    url: bare,
    handler: ({ url: asked }, reply) => reply.redirect(target(asked), 301),
  });
}

function apiRequest(request: FastifyRequest, signal: AbortSignal): ApiRequest {
  const { url } = request;
  const question = url.indexOf('?');
  const params = request.params as Readonly<Record<string, string>>;
  const rest = params['*'] ?? '';
  requirePrintable(rest);
  return {
    method: request.method,
    rest,
    query: new URLSearchParams(question === -1 ? '' : url.slice(question + 1)),
    accept: request.headers.accept ?? '',
    remoteAddress: request.ip,
    lastEventId: textOf(request.headers['last-event-id']),
    body: request.body instanceof Uint8Array ? request.body : undefined,
    signal,
  };
}

/** `rawHeaders`: names and values in turn. */
function isRepeated(rawHeaders: readonly string[], name: string): boolean {
  return rawHeaders.filter((text, at) => at % 2 === 0 && text.toLowerCase() === name).length > 1;
}

function withStallLimit(answer: Answer, reply: FastifyReply, timers: Timers): Answer {
  const { stream, stallMs } = answer;
  if (stream === undefined || stallMs === undefined) return answer;
  return { ...answer, stream: cutWhenStalled(stream, stallMs, timers, () => reply.raw.destroy()) };
}

function urlTooLong(): Refusal {
  return new Refusal(414, `The URL is longer than ${urlLengthMax} characters`);
}

function textOf(header: string | readonly string[] | undefined): string {
  return typeof header === 'string' ? header : (header?.[0] ?? '');
}

function send(reply: FastifyReply, request: FastifyRequest, answer: Answer): FastifyReply {
  reply.code(answer.status ?? 200);
  const isJson = 'json' in answer || answer.jsonBytes !== undefined;
  const isEmpty = answer.text === undefined && answer.bytes === undefined && answer.stream === undefined;
  const type = isJson ? 'application/json' : isEmpty ? undefined : 'text/plain; charset=utf-8';
  reply.headers({ ...(type === undefined ? {} : { 'content-type': type }), ...answer.headers });
  if (answer.stream !== undefined) return reply.send(Readable.from(answer.stream));
  if (answer.bytes !== undefined) return reply.send(answer.bytes);
  if (!isJson) return reply.send(answer.text);
  const isPretty = /[?&]pretty(?:[=&]|$)/.test(request.url);
  const { json, jsonBytes } = answer;
  // To a text, fastify would add a charset, which JSON does not have and some clients do not expect.
  if (!isPretty) return reply.send(jsonBytes ?? Buffer.from(JSON.stringify(json)));
  const value: unknown = jsonBytes === undefined ? json : JSON.parse(Buffer.from(jsonBytes).toString());
  return reply.send(Buffer.from(`${JSON.stringify(value, null, 4)}\n`));
}

function sendText(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).header('content-type', 'text/plain; charset=utf-8').send(text);
}

/** What is no HTTP gets the same kind of answer as everything else that is refused. */
function refuseMalformed(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) return void socket.destroy();
  const [status, text] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', `The headers are longer than ${headerBytesMax} bytes`]
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', `The request did not arrive within ${requestTimeoutMs / 1000} s`]
        : ['400 Bad Request', 'The request is not HTTP/1.1 as RFC 9112 has it'];
  const head = `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${text.length}\r\nConnection: close`;
  socket.end(`${head}\r\n\r\n${text}`);
}

interface Failure {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly log: ApiOptions['log'];
}

function sendError(error: unknown, { request, reply, log }: Failure): FastifyReply {
  const refusal = refusalOf(error) ?? transportRefusal(error);
  if (refusal !== undefined) return sendText(reply, refusal.status, refusal.message);
  log?.({ msg: 'a request failed', method: request.method, url: request.url.slice(0, 200), error });
  return sendText(reply, 500, 'Internal error: the agent logged what went wrong');
}

/** fastify's own refusals: too large a body, a length that does not match, a broken content type. */
function transportRefusal(error: unknown): Refusal | undefined {
  if (!(error instanceof Error) || !('statusCode' in error) || typeof error.statusCode !== 'number') return undefined;
  if (error.statusCode < 400 || error.statusCode > 499) return undefined;
  const text = error.statusCode === 413 ? `Request body too large: at most ${bodyBytesMax} bytes` : error.message;
  return new Refusal(error.statusCode, text);
}

function listenAddress(text: string): { readonly host: string; readonly port: number } {
  const match = /^(.+):(\d{1,5})$/.exec(text);
  const host = hostOf((match?.[1] ?? '').toLowerCase());
  const port = Number(match?.[2] ?? -1);
  if (host === undefined || port < 0 || port > 65_535) throw new RangeError(`cannot listen on "${text}": it is not HOST:PORT`);
  return { host, port };
}

function boundAddress(app: FastifyInstance): string {
  const bound = app.server.address();
  if (bound === null || typeof bound === 'string') throw new TypeError('the HTTP API is not bound to a port');
  return bound.family === 'IPv6' ? `[${bound.address}]:${bound.port}` : `${bound.address}:${bound.port}`;
}
