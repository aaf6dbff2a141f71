/**
 * One request from its head to the end of its answer: find the rule, pick an instance, send, pass the answer on; when an
 * attempt fails and it is safe, try another instance. Once a part of an answer went out there is no way back, and a broken
 * answer is broken off, so that the caller can tell.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { InstanceView } from '@skein/core';
import { type Lease, type Outcome, outcomeOf, type PickRefusal, type RouteRequest, whyNoRetry } from '@skein/traffic';
import type { DataPlane } from './data-plane.ts';
import { type ProxyErrorCode, errorText, proxyErrors } from './errors.ts';
import type { RequestHead } from './headers.ts';
import type { InstanceMetrics, ServiceMetrics } from './metrics.ts';
import { RequestBody } from './request-body.ts';
import type { UpstreamConnection, UpstreamFailure, UpstreamUser } from './upstream/connection.ts';

/** Takes over a connection that changed its protocol. */
export type Tunnel = (upstream: UpstreamConnection, reason: string, headers: string[], rest: Buffer, closed: () => void) => void;

interface Attempt {
  readonly lease: Lease;
  readonly instance: InstanceView;
  readonly metrics: InstanceMetrics;
  readonly startMs: number;
  sent: boolean;
}

/** What routing sees of a request. A class, since an object literal with a getter costs a hidden class each. */
class RequestToRoute implements RouteRequest {
  readonly host: string;
  readonly path: string;
  readonly method: string;
  readonly #request: IncomingMessage;

  constructor(head: RequestHead, request: IncomingMessage) {
    this.host = head.host;
    this.path = head.path;
    this.method = request.method ?? 'GET';
    this.#request = request;
  }

  /** Parsed by Node when a route asks for one. */
  get headers(): IncomingMessage['headers'] {
    return this.#request.headers;
  }
}

export class Exchange implements UpstreamUser {
  readonly #plane: DataPlane;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #head: RequestHead;
  readonly #method: string;
  readonly #tunnel: Tunnel | undefined;
  readonly #startMs: number;
  #service: ServiceMetrics | undefined;
  #body: RequestBody | undefined;
  #requestTimeoutMs = 0;
  #maxRetries = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Runs while a body is on its way, in either direction. */
  #idleTimer: NodeJS.Timeout | undefined;
  #connection: UpstreamConnection | undefined;
  #attempt: Attempt | undefined;
  #tried: Lease[] = [];
  #retries = 0;
  #staleRetry = false;
  #status = 0;
  #flushed = false;
  #over = false;
  #lastFailure: { readonly code: ProxyErrorCode; readonly detail: string } | undefined;

  constructor(
    plane: DataPlane,
    request: IncomingMessage,
    response: ServerResponse,
    head: RequestHead,
    tunnel: Tunnel | undefined,
  ) {
    this.#plane = plane;
    this.#request = request;
    this.#response = response;
    this.#head = head;
    this.#method = request.method ?? 'GET';
    this.#tunnel = tunnel;
    this.#startMs = plane.nowMs();
    response.on('close', () => this.#callerGone());
  }

  run(): void {
    const { path } = this.#head;
    this.#plane.budget.request(this.#startMs);
    const rule = this.#plane.route(new RequestToRoute(this.#head, this.#request));
    if (rule === undefined) return this.#fail('no-route', `no route takes ${this.#method} ${path} for this host`);
    const service = this.#plane.serviceOf(rule);
    if (service === undefined) return this.#fail('no-backend', `all backends of route ${rule.route} have weight 0`);
    if (!this.#plane.knows(service)) {
      return rule.route === ''
        ? this.#fail('no-route', `there is no service ${service}, and no route takes the path for this host`)
        : this.#fail('no-instances', `service ${service} of route ${rule.route} has no instances`);
    }
    this.#service = this.#plane.service(service);
    this.#requestTimeoutMs = rule.requestTimeoutMs;
    this.#maxRetries = rule.retries;
    if (this.#head.chunked || this.#head.contentLength > 0) {
      this.#body = new RequestBody(this.#request, this.#head.chunked, () => this.#bodyMoved());
      this.#startIdleTimer();
    } else {
      this.#startTimer();
    }
    this.#try(false);
  }

  ready(connection: UpstreamConnection): void {
    this.#connection = connection;
    if (this.#attempt !== undefined) this.#attempt.sent = true;
    const { target, lines, chunked, contentLength } = this.#head;
    const framing = chunked ? 'transfer-encoding: chunked\r\n' : contentLength >= 0 ? `content-length: ${contentLength}\r\n` : '';
    const text = `${this.#method} ${target} HTTP/1.1\r\n${lines}${framing}\r\n`;
    connection.sendHead(text, this.#method === 'HEAD', this.#body === undefined);
    this.#body?.attach(connection);
  }

  received(): void {
    // Node keeps a head back until there is a body; a stream of events may have none for long.
    if (this.#status === 0 || this.#flushed) return;
    this.#flushed = true;
    this.#response.flushHeaders();
  }

  drained(): void {
    this.#idleTimer?.refresh();
    this.#body?.drained();
  }

  head(status: number, reason: string, headers: string[]): void {
    clearTimeout(this.#timer);
    this.#status = status;
    this.#startIdleTimer();
    this.#response.writeHead(status, reason, headers);
  }

  data(chunk: Buffer): void {
    this.#flushed = true;
    this.#idleTimer?.refresh();
    if (this.#response.write(chunk)) return;
    const socket = this.#connection?.socket;
    if (socket === undefined || socket.isPaused()) return;
    socket.pause();
    this.#response.once('drain', () => {
      this.#idleTimer?.refresh();
      socket.resume();
    });
  }

  end(last: Buffer | undefined): void {
    this.#settle(outcomeOf(this.#status), this.#status);
    this.#finish(this.#status);
    if (last === undefined) this.#response.end();
    else this.#response.end(last);
  }

  switched(reason: string, headers: string[], rest: Buffer): void {
    const connection = this.#connection as UpstreamConnection;
    if (this.#tunnel === undefined) {
      connection.abandon();
      return this.failed('broken', 'it changed the protocol without being asked');
    }
    this.#stopTimers();
    this.#over = true;
    this.#service?.answer(101, this.#plane.nowMs() - this.#startMs);
    this.#tunnel(connection, reason, headers, rest, () => this.#settle('success', 101));
  }

  failed(failure: UpstreamFailure, detail: string): void {
    const attempt = this.#attempt as Attempt;
    const { address, port, instance } = attempt.instance;
    this.#settle(failure === 'stale' ? 'cancelled' : failure, 0);
    this.#lastFailure = {
      code: failure === 'connect-failed' ? 'connect-failed' : 'upstream-broken',
      detail: `instance ${instance.id} at ${address}:${port}: ${detail}`,
    };
    const whyNot = whyNoRetry({
      method: this.#method,
      sent: attempt.sent,
      answered: this.#response.headersSent,
      replayable: this.#body?.replayable !== false,
      retries: this.#retries,
      maxRetries: this.#maxRetries,
    });
    if (whyNot !== undefined) return this.#giveUp();
    // A closed connection says nothing against its instance; a new one does not count as another try, once.
    if (failure === 'stale' && !this.#staleRetry) {
      this.#staleRetry = true;
      return this.#try(true);
    }
    if (attempt.sent && !this.#plane.budget.tryRetry(this.#plane.nowMs())) return this.#giveUp();
    this.#tried.push(attempt.lease);
    this.#retries++;
    if (this.#service !== undefined) this.#service.retries++;
    return this.#try(failure === 'stale');
  }

  #try(fresh: boolean): void {
    const service = this.#service as ServiceMetrics;
    const nowMs = this.#plane.nowMs();
    const lease = this.#plane.pick(service.service, this.#tried, nowMs);
    if (typeof lease === 'string') return this.#refused(lease, service.service);
    const { connections, instance, metrics } = this.#plane.open(lease, service);
    this.#attempt = { lease, instance, metrics, startMs: nowMs, sent: false };
    this.#connection = connections.acquire(this, fresh);
    return undefined;
  }

  #refused(refusal: PickRefusal, service: string): void {
    if (this.#lastFailure !== undefined) return this.#giveUp();
    switch (refusal) {
      case 'none-routable':
        return this.#fail('none-routable', `no instance of service ${service} may take traffic`);
      case 'overloaded':
        return this.#fail('overloaded', `every instance of service ${service} has too many requests in flight`);
      default:
        return this.#fail('no-instances', `service ${service} has no instances`);
    }
  }

  #giveUp(): void {
    const { code, detail } = this.#lastFailure ?? { code: 'upstream-broken', detail: 'no answer' };
    const tries = this.#retries === 0 ? '' : ` (after ${this.#retries + 1} tries)`;
    this.#fail(code, `${detail}${tries}`);
  }

  #startTimer(): void {
    if (this.#requestTimeoutMs === 0 || this.#over || this.#response.headersSent) return;
    this.#timer = setTimeout(() => this.#timedOut(), this.#requestTimeoutMs);
  }

  /** A piece of the request's body came, or its end. Then the answer's own time begins. */
  #bodyMoved(): void {
    this.#idleTimer?.refresh();
    if (this.#body?.complete !== true) return;
    if (this.#status === 0) this.#stopIdleTimer();
    this.#startTimer();
  }

  #startIdleTimer(): void {
    if (this.#over) return;
    if (this.#idleTimer === undefined) this.#idleTimer = setTimeout(() => this.#stalled(), this.#plane.idleTimeoutMs);
    else this.#idleTimer.refresh();
  }

  /** Forgets the timer too: to refresh one that was cleared would start it again. */
  #stopIdleTimer(): void {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = undefined;
  }

  #stopTimers(): void {
    clearTimeout(this.#timer);
    this.#stopIdleTimer();
  }

  /** Nothing moved for too long: who is waited for, the caller or the instance? */
  #stalled(): void {
    const { idleTimeoutMs } = this.#plane;
    const unread = this.#connection?.socket.isPaused() === true;
    const byCaller = unread || this.#body?.awaited === true;
    const instance = this.#attempt?.instance;
    this.#connection?.abandon();
    this.#settle(byCaller || this.#attempt?.sent !== true ? 'cancelled' : 'timeout', 0);
    if (byCaller) {
      return this.#fail('request-stalled', `the caller ${unread ? 'took' : 'sent'} nothing for ${idleTimeoutMs} ms`);
    }
    const who =
      instance === undefined ? 'the instance' : `instance ${instance.instance.id} at ${instance.address}:${instance.port}`;
    this.#fail('upstream-timeout', `${who} paused for ${idleTimeoutMs} ms`);
  }

  #timedOut(): void {
    const instance = this.#attempt?.instance;
    const sent = this.#attempt?.sent === true;
    this.#connection?.abandon();
    this.#settle(sent ? 'timeout' : 'cancelled', 0);
    const where = instance === undefined ? '' : ` from instance ${instance.instance.id} at ${instance.address}:${instance.port}`;
    this.#fail('upstream-timeout', `no answer${where} within ${this.#requestTimeoutMs} ms`);
  }

  #callerGone(): void {
    if (this.#over) return;
    this.#connection?.abandon();
    this.#settle('cancelled', 0);
    if (this.#service !== undefined) this.#service.cancelled++;
    this.#finish(0);
  }

  /** Gives the lease back. */
  #settle(outcome: Outcome, status: number): void {
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    this.#attempt = undefined;
    this.#connection = undefined;
    this.#body?.detach();
    const nowMs = this.#plane.nowMs();
    attempt.metrics.attempt(outcome, status, nowMs - attempt.startMs);
    this.#plane.done(attempt.lease, this.#service?.service ?? '', attempt.instance, attempt.metrics, outcome, nowMs);
  }

  /** The answer is decided; `status` 0: there is nobody to give it to. */
  #finish(status: number): void {
    this.#over = true;
    this.#stopTimers();
    if (status !== 0) this.#service?.answer(status, this.#plane.nowMs() - this.#startMs);
    if (this.#body?.complete === false) this.#body.drop();
  }

  #fail(code: ProxyErrorCode, detail: string): void {
    const { status } = proxyErrors[code];
    const { host, path } = this.#head;
    this.#plane.countError(code);
    this.#plane.log({ type: 'request-failed', code, method: this.#method, host, path, detail });
    const unread = this.#body === undefined ? this.#head.chunked || this.#head.contentLength > 0 : !this.#body.complete;
    this.#finish(status);
    if (this.#response.headersSent) {
      this.#response.destroy();
      return;
    }
    answerError(this.#response, code, errorText(code, this.#plane.agent.name, host, detail), unread);
  }
}

/** Writes one of the proxy's own answers. `close`: the connection cannot be used again. */
export function answerError(response: ServerResponse, code: ProxyErrorCode, text: string, close: boolean): void {
  const { status } = proxyErrors[code];
  if (close) response.shouldKeepAlive = false;
  const headers = [
    'content-type',
    'text/plain; charset=utf-8',
    'content-length',
    String(Buffer.byteLength(text)),
    'x-skein-error',
    code,
  ];
  if (status === 503) headers.push('retry-after', '1');
  response.writeHead(status, headers);
  response.end(text);
}
