/** One anti-entropy exchange on a stream of its own: bounded messages, bounded time, small pieces. */

import type { Stream } from '@libp2p/interface';
import { limits } from '@skein/core';
import { pipe } from 'it-pipe';
import { drained } from './drain.ts';
import { encodeFrames, FrameReader } from './framing.ts';

/** A probe waits at most for one such piece, not for a whole message. */
const pieceBytes = 16_384;
/** The whole exchange, both ways. */
const exchangeDeadlineMs = 30_000;

/** Bytes of incomplete messages held over all exchanges of a transport. */
export interface SyncBudget {
  held: number;
}

const budgetBytes = 67_108_864;

export interface ExchangeEvents {
  /** One message. Returns false when it broke the rules: the exchange ends. */
  message(body: Uint8Array): boolean;
  refused(reason: string, detail: string): void;
  ended(): void;
}

export class Exchange {
  readonly #budget: SyncBudget;
  readonly #events: ExchangeEvents;
  readonly #reader = new FrameReader();
  readonly #deadline = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #stream: Stream | undefined;
  #queue: Uint8Array[] = [];
  #writing = false;
  /** Nothing more will be sent. */
  #finished = false;
  #ended = false;
  #counted = 0;

  constructor(budget: SyncBudget, events: ExchangeEvents) {
    this.#budget = budget;
    this.#events = events;
    this.#timer = setTimeout(() => this.#expire(), exchangeDeadlineMs);
  }

  get signal(): AbortSignal {
    return this.#deadline.signal;
  }

  /** Gives the exchange its stream, and attaches to it at once. */
  attach(stream: Stream): void {
    if (this.#ended || stream.status !== 'open') {
      stream.abort(new Error('the exchange is over'));
      this.end();
      return;
    }
    this.#stream = stream;
    stream.addEventListener('message', (event) => this.#take(event.data));
    stream.addEventListener('close', () => this.end());
    stream.addEventListener('remoteCloseWrite', () => this.finish());
    this.#write();
  }

  /** Queues one message. */
  send(body: Uint8Array): boolean {
    if (this.#ended || this.#finished || this.#queue.length >= limits.exchangeMessages) return false;
    this.#queue.push(body);
    this.#write();
    return true;
  }

  /** Closes our direction once what is queued was written. */
  finish(): void {
    this.#finished = true;
    this.#write();
  }

  /** Ends the exchange now. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#budget.held -= this.#counted;
    this.#queue = [];
    this.#deadline.abort();
    if (this.#stream?.status === 'open') this.#stream.abort(new Error('the exchange is over'));
    this.#events.ended();
  }

  #expire(): void {
    this.#events.refused('sync-timeout', 'an exchange took too long');
    this.end();
  }

  #write(): void {
    if (this.#writing || this.#stream === undefined || this.#ended) return;
    this.#writing = true;
    this.#drainQueue(this.#stream).then(
      () => {
        this.#writing = false;
        if (this.#queue.length > 0) this.#write();
      },
      () => this.end(),
    );
  }

  async #drainQueue(stream: Stream): Promise<void> {
    const next = (): Uint8Array | undefined => this.#queue.shift();
    const { signal } = this;
    await pipe(
      (function* frames() {
        for (let body = next(); body !== undefined; body = next()) yield encodeFrames([body]);
      })(),
      function* pieces(frames: Iterable<Uint8Array>) {
        for (const frame of frames) {
          for (let start = 0; start < frame.length; start += pieceBytes) yield frame.subarray(start, start + pieceBytes);
        }
      },
      async (pieces: Iterable<Uint8Array>) => {
        for (const piece of pieces) {
          if (!stream.send(piece)) await drained(stream, signal);
          if (signal.aborted) return;
        }
      },
    );
    if (this.#finished && this.#queue.length === 0) await stream.close({ signal });
  }

  #take(data: Uint8Array | { subarray(): Uint8Array }): void {
    if (this.#ended) return;
    let broken = false;
    const ok = this.#reader.push(
      data instanceof Uint8Array ? data : data.subarray(),
      () => limits.syncMessageBytes,
      (body) => {
        broken = !this.#events.message(body);
        return !broken && !this.#ended;
      },
    );
    if (this.#ended) return;
    if (!ok) {
      if (!broken) this.#events.refused('over-long-frame', 'a message on the sync lane is empty or too long');
      this.end();
      return;
    }
    this.#budget.held += this.#reader.held - this.#counted;
    this.#counted = this.#reader.held;
    if (this.#budget.held > budgetBytes) {
      this.#events.refused('sync-overload', 'too many messages are under way on the sync lane');
      this.end();
    }
  }
}
