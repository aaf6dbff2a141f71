/**
 * The body of a request on its way to an instance. Up to 64 KiB are kept, so that a retry can send them again; a longer
 * body streams through and is gone. Nothing is read faster than it is sent on.
 */

import type { IncomingMessage } from 'node:http';
import type { UpstreamConnection } from './upstream/connection.ts';

const maxKeptBytes = 65_536;

export class RequestBody {
  /** Whether all that was sent so far could be sent once more. */
  replayable = true;
  complete = false;
  readonly #request: IncomingMessage;
  readonly #chunked: boolean;
  readonly #onProgress: () => void;
  #kept: Buffer[] = [];
  #bytes = 0;
  #connection: UpstreamConnection | undefined;

  /** `onProgress` is called with each piece that came, and when the body is complete. */
  constructor(request: IncomingMessage, chunked: boolean, onProgress: () => void) {
    this.#request = request;
    this.#chunked = chunked;
    this.#onProgress = onProgress;
    request.on('data', (chunk: Buffer) => this.#receive(chunk));
    request.on('end', () => {
      this.complete = true;
      this.#finish();
      this.#onProgress();
    });
  }

  /** Sends what is kept, and from now on all that comes. */
  attach(connection: UpstreamConnection): void {
    this.#connection = connection;
    let flowing = true;
    for (const chunk of this.#kept) flowing = this.#send(connection, chunk);
    this.#forget();
    if (this.complete) this.#finish();
    else if (flowing) this.#request.resume();
  }

  /** Whether the caller is the one that is waited for. */
  get awaited(): boolean {
    return !this.complete && !this.#request.isPaused();
  }

  /** The connection failed or is no longer wanted. */
  detach(): void {
    this.#connection = undefined;
  }

  /** The connection takes more. */
  drained(): void {
    if (this.#connection !== undefined) this.#request.resume();
  }

  /** Nobody wants the rest; it is read and dropped, so that the caller's connection can be used again. */
  drop(): void {
    this.#connection = undefined;
    this.#request.removeAllListeners('data');
    this.#request.resume();
    this.#kept = [];
  }

  #receive(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.replayable) this.#kept.push(chunk);
    const flowing = this.#connection === undefined ? this.#bytes < maxKeptBytes : this.#send(this.#connection, chunk);
    if (this.#connection !== undefined) this.#forget();
    if (!flowing) this.#request.pause();
    this.#onProgress();
  }

  #forget(): void {
    if (this.#bytes <= maxKeptBytes) return;
    this.replayable = false;
    this.#kept = [];
  }

  #send(connection: UpstreamConnection, chunk: Buffer): boolean {
    if (!this.#chunked) return connection.send(chunk);
    const { socket } = connection;
    socket.cork();
    socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
    socket.write(chunk);
    const flowing = socket.write('\r\n', 'latin1');
    socket.uncork();
    return flowing;
  }

  #finish(): void {
    if (this.#connection === undefined) return;
    if (this.#chunked) this.#connection.socket.write('0\r\n\r\n', 'latin1');
    this.#connection.finish();
  }
}
