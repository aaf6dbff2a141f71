/**
 * One connection to an instance, which carries one request at a time. Its own reader of HTTP instead of node:http's client:
 * measured, that halves the CPU of a proxied request, and it alone can say whether a request was sent before the
 * connection failed, which decides whether it may be repeated.
 */

import net from 'node:net';
import { ResponseParser, type ResponseReader } from './response-parser.ts';

export type UpstreamFailure =
  /** No connection was made; nothing was sent. */
  | 'connect-failed'
  /** A connection kept from earlier had been closed by the instance; not one byte of a response came. */
  | 'stale'
  /** The connection broke, or the response was malformed. */
  | 'broken';

/** Who uses the connection for one exchange. */
export interface UpstreamUser extends ResponseReader {
  /** Connected: send the request now. */
  ready(connection: UpstreamConnection): void;
  /** All that came so far was given, and more is to come. */
  received(): void;
  /** What was written has gone out. */
  drained(): void;
  /** The exchange is over; nothing more will be called. */
  failed(failure: UpstreamFailure, detail: string): void;
}

/** Where connections go when they are free or gone. */
export interface ConnectionHome {
  free(connection: UpstreamConnection): void;
  gone(connection: UpstreamConnection): void;
}

export class UpstreamConnection implements ResponseReader {
  readonly socket: net.Socket;
  /** Until when it may be used again; for its home. */
  usableUntilMs = 0;
  readonly #home: ConnectionHome;
  readonly #parser: ResponseParser;
  #user: UpstreamUser | undefined;
  #connected = false;
  #used = false;
  #requestDone = false;
  #switched = false;
  #error = '';
  #connectTimer: NodeJS.Timeout | undefined;

  constructor(address: string, port: number, connectTimeoutMs: number, home: ConnectionHome) {
    this.#home = home;
    this.#parser = new ResponseParser(this);
    this.socket = net.connect({ host: address, port, noDelay: true });
    this.#connectTimer = setTimeout(() => {
      this.#error = `no connection within ${connectTimeoutMs} ms`;
      this.socket.destroy();
    }, connectTimeoutMs);
    this.socket.on('connect', () => {
      clearTimeout(this.#connectTimer);
      this.#connected = true;
      this.#user?.ready(this);
    });
    this.socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.socket.on('drain', () => this.#user?.drained());
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#error ||= error.code ?? error.message;
    });
    this.socket.on('end', () => {
      if (this.#switched || this.#parser.close()) return;
      this.#error ||= 'the instance closed the connection';
      this.socket.destroy();
    });
    this.socket.on('close', () => this.#closed());
  }

  /** How long the instance says it keeps a free connection; Infinity when it does not say. */
  get keepAliveMs(): number {
    return this.#parser.keepAliveMs;
  }

  /** Takes a user on, for one exchange. Calls `ready` at once when connected. */
  use(user: UpstreamUser): void {
    this.#user = user;
    if (this.#connected) user.ready(this);
  }

  /** Sends the head of a request, in latin1. `complete`: there is no body. */
  sendHead(text: string, bodyless: boolean, complete: boolean): void {
    this.#parser.expect(bodyless);
    this.#requestDone = complete;
    this.socket.write(text, 'latin1');
  }

  /** Sends a piece of the body. False: wait for `drained`. */
  send(bytes: Buffer): boolean {
    return this.socket.write(bytes);
  }

  /** The request is complete. */
  finish(): void {
    this.#requestDone = true;
  }

  /** Ends the exchange from our side, without a word to its user. */
  abandon(): void {
    this.#user = undefined;
    this.socket.destroy();
  }

  head(status: number, reason: string, headers: string[]): void {
    this.#user?.head(status, reason, headers);
  }

  data(chunk: Buffer): void {
    this.#user?.data(chunk);
  }

  end(last: Buffer | undefined): void {
    const user = this.#user;
    this.#user = undefined;
    user?.end(last);
  }

  switched(reason: string, headers: string[], rest: Buffer): void {
    this.#switched = true;
    const user = this.#user;
    this.#user = undefined;
    this.socket.removeAllListeners('data');
    this.socket.removeAllListeners('drain');
    user?.switched(reason, headers, rest);
  }

  #receive(chunk: Buffer): void {
    const wrong = this.#parser.feed(chunk);
    if (this.#switched) return;
    if (wrong !== undefined) {
      this.#error = wrong;
      this.socket.destroy();
    } else if (this.#user === undefined) {
      this.#release();
    } else {
      this.#user.received();
    }
  }

  /** After a response: keep the connection if both messages are complete. */
  #release(): void {
    if (!this.#parser.reusable || !this.#requestDone || this.socket.destroyed) {
      this.socket.destroy();
      return;
    }
    this.#used = true;
    if (this.socket.isPaused()) this.socket.resume();
    this.#home.free(this);
  }

  #closed(): void {
    clearTimeout(this.#connectTimer);
    this.#home.gone(this);
    const user = this.#user;
    this.#user = undefined;
    if (user === undefined) return;
    const detail = this.#error || 'the connection was closed';
    if (!this.#connected) user.failed('connect-failed', detail);
    else user.failed(this.#used && !this.#parser.started ? 'stale' : 'broken', detail);
  }
}
