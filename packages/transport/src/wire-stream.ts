/**
 * The one long-lived stream of a link. Frames of one turn of the event loop go out in one send. The write buffer is
 * bounded twice: above the first mark gossip is dropped and the peer is congested, above the second it is given up.
 */

import type { Stream } from '@libp2p/interface';
import { encodeFrames, FrameReader } from './framing.ts';

/** Gossip is dropped above this, and taken again below half of it. */
const congestedBytes = 1_048_576;
/** Probes are queued up to this. A peer that reads nothing at all gets here. */
const hardLimitBytes = 2_097_152;

export interface WireEvents {
  /** The longest frame that is accepted now. */
  frameLimit(): number;
  /** One frame. Returns false to read no more. */
  frame(body: Uint8Array): boolean;
  overLong(): void;
  /** The hard limit was reached: the peer does not read. */
  stuck(): void;
  congested(): void;
  writable(): void;
  /** The stream ended, from either side. Comes once. */
  ended(reason: string): void;
}

export class WireStream {
  readonly #stream: Stream;
  readonly #events: WireEvents;
  readonly #reader = new FrameReader();
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #flushing: NodeJS.Immediate | undefined;
  #congested = false;
  #ended = false;

  /** Attaches its listeners at once: a stream without them buffers and then aborts. */
  constructor(stream: Stream, events: WireEvents) {
    this.#stream = stream;
    this.#events = events;
    stream.addEventListener('message', (event) => this.#take(event.data));
    stream.addEventListener('drain', () => setImmediate(() => this.#checkDrained()));
    stream.addEventListener('idle', () => setImmediate(() => this.#checkDrained()));
    stream.addEventListener('remoteCloseWrite', () => this.#end('the peer closed the stream'));
    stream.addEventListener('close', (event) => this.#end(event.error?.message ?? 'the stream closed'));
  }

  /** Bytes that were given to `send` and not yet to the connection. */
  get pendingBytes(): number {
    return this.#ended ? 0 : this.#queuedBytes + this.#stream.writeBufferLength;
  }

  get congested(): boolean {
    return this.#congested;
  }

  /** Queues a frame. `droppable` ones are dropped while the peer is congested. Returns whether it was queued. */
  send(body: Uint8Array, droppable: boolean): boolean {
    if (this.#ended) return false;
    const pending = this.pendingBytes;
    if (!this.#congested && pending > congestedBytes) {
      this.#congested = true;
      this.#events.congested();
    }
    if (this.#congested && droppable) return false;
    if (pending > hardLimitBytes) {
      this.#events.stuck();
      return false;
    }
    this.#queue.push(body);
    this.#queuedBytes += body.length;
    this.#flushing ??= setImmediate(() => this.flush());
    return true;
  }

  /** Hands over what is queued now instead of at the end of this turn. */
  flush(): void {
    clearImmediate(this.#flushing);
    this.#flushing = undefined;
    if (this.#queue.length === 0) return;
    const bytes = encodeFrames(this.#queue);
    this.#queue = [];
    this.#queuedBytes = 0;
    try {
      this.#stream.send(bytes);
    } catch (error) {
      this.#end(error instanceof Error ? error.message : 'the stream could not be written');
    }
  }

  /** Stops: no event comes after this. The caller closes the connection. */
  detach(): void {
    this.#ended = true;
    clearImmediate(this.#flushing);
    this.#queue = [];
    this.#queuedBytes = 0;
  }

  #take(data: Uint8Array | { subarray(): Uint8Array }): void {
    if (this.#ended) return;
    let stopped = false;
    const whole = this.#reader.push(
      data instanceof Uint8Array ? data : data.subarray(),
      () => this.#events.frameLimit(),
      (body) => {
        const goOn = this.#events.frame(body) && !this.#ended;
        stopped = !goOn;
        return goOn;
      },
    );
    if (!whole && !stopped) this.#events.overLong();
  }

  #checkDrained(): void {
    if (this.#ended || !this.#congested || this.pendingBytes > congestedBytes / 2) return;
    this.#congested = false;
    this.#events.writable();
  }

  #end(reason: string): void {
    if (this.#ended) return;
    this.detach();
    this.#events.ended(reason);
  }
}
