/**
 * A stream connection as TCP, Noise and yamux make it. Each direction is ordered and reliable, so loss is delay:
 * a lost segment holds back everything behind it until a retransmission gets through, 200 ms later, then 400,
 * doubling (RFC 6298). A blocked path or a machine without power is the same thing without end, and the sender
 * notices nothing for a quarter of an hour. Where only the way back is blocked nothing is acknowledged: what the window
 * holds gets there, and from the first retransmission on nothing new. A process that dies closes its ends within one latency.
 *
 * The two lanes share the connection, and so its stalls. Apart from those neither waits for the other: bulk is
 * written in pieces of 16 KiB, so a probe is behind one piece at most.
 */

import type { Lane, Message } from '@skein/core';
import type { Host } from './host.ts';
import type { Path } from './link.ts';
import { messageBytes } from './message-size.ts';

/** What a connection needs from the network around it. */
export interface Wires {
  readonly nowUs: number;
  schedule(atUs: number, run: () => void): void;
  path(from: Host, to: Host): Path;
  /** A message arrived at an open end. `taken` frees its place in the sender's buffer. */
  arrived(end: End, message: Message, taken: () => void): void;
  /** The other side, or the kernel, closed the connection of this end. */
  lost(end: End): void;
  /** The send buffer of this end filled up, or has room again. */
  pressure(end: End, state: 'congested' | 'writable'): void;
}

type Segment =
  | { readonly type: 'data'; readonly message: Message; readonly lane: Lane; readonly bytes: number }
  | { readonly type: 'close' };

/** What a sender may have written that the other process did not read: socket buffers on both sides, and the transport's own. */
const bufferBytesMax = 1_048_576;
const rtoMinUs = 200_000;
const rtoMaxUs = 120_000_000;
/** Linux gives up on an unacknowledged connection after 15 retransmissions, and after 8 when its process is gone. */
const giveUpUs = 924_600_000;
const orphanGiveUpUs = 102_200_000;

/** One side of a connection, with the direction in which it sends. */
export class End {
  readonly host: Host;
  readonly boot: number;
  /** The other side. */
  far!: End;
  #open = true;
  readonly #wires: Wires;
  #path!: Path;
  #wireArrivalUs = 0;
  #syncArrivalUs = 0;
  #buffered = 0;
  #congested = false;
  /** What waits for a retransmission to get through, oldest first. */
  #waiting: Segment[] = [];
  #stalledSinceUs = 0;
  #rtoUs = 0;
  /** When the first segment was written whose acknowledgement cannot come back. */
  #unheardSinceUs: number | undefined;

  constructor(host: Host, wires: Wires) {
    this.host = host;
    this.boot = host.boot;
    this.#wires = wires;
  }

  /** Joins two ends. Nothing of `b` arrives before `notBeforeUs`, when `a` learns of the connection. */
  static join(a: End, b: End, notBeforeUs: number): void {
    a.far = b;
    b.far = a;
    a.#path = a.#wires.path(a.host, b.host);
    b.#path = b.#wires.path(b.host, a.host);
    b.#wireArrivalUs = notBeforeUs;
    b.#syncArrivalUs = notBeforeUs;
  }

  get open(): boolean {
    return this.#open;
  }

  /** Writes one message and returns its bytes; 0 when the end is closed or the buffer is full and it was dropped. */
  send(message: Message, lane: Lane): number {
    if (!this.#open) return 0;
    const bytes = messageBytes(message);
    if (this.#buffered + bytes > bufferBytesMax && this.#buffered > 0) {
      if (!this.#congested) {
        this.#congested = true;
        this.#wires.pressure(this, 'congested');
      }
      // Probes are small and keep their place: without them a slow reader would look like a failed one.
      if (message.type === 'gossip' || lane === 'sync' || this.#buffered + bytes > bufferBytesMax * 2) return 0;
    }
    this.#buffered += bytes;
    this.#write({ type: 'data', message, lane, bytes });
    return bytes;
  }

  /** Closes this end; the other side learns after what was sent. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#write({ type: 'close' });
  }

  /** Closes this end so that nobody notices: power was lost, or the other side already knows. */
  drop(): void {
    this.#open = false;
    this.#waiting = [];
  }

  #write(segment: Segment): void {
    if (this.#waiting.length > 0) this.#waiting.push(segment);
    else if (this.#isUnheard() || !this.#path.open || this.#path.loses(segment.type === 'data' ? segment.bytes : 1))
      this.#stall(segment);
    else this.#transmit(segment, this.#wires.nowUs + this.#path.latencyUs());
  }

  #transmit(segment: Segment, atUs: number): void {
    let arrivalUs = atUs;
    if (segment.type === 'close') {
      arrivalUs = Math.max(atUs, this.#wireArrivalUs, this.#syncArrivalUs);
      this.#wireArrivalUs = arrivalUs;
      this.#syncArrivalUs = arrivalUs;
    } else if (segment.lane === 'wire') {
      arrivalUs = this.#wireArrivalUs = Math.max(atUs, this.#wireArrivalUs);
    } else {
      arrivalUs = this.#syncArrivalUs = Math.max(atUs, this.#syncArrivalUs);
    }
    this.#wires.schedule(arrivalUs, () => this.#arrive(segment));
  }

  #arrive(segment: Segment): void {
    const { far } = this;
    if (!far.host.powered) {
      if (this.host.powered) this.#stall(segment);
      return;
    }
    if (!far.#open) {
      // Data for a socket that is gone is answered by a reset.
      if (segment.type === 'data' && this.#open) far.#write({ type: 'close' });
      return;
    }
    if (segment.type === 'close') {
      far.drop();
      this.#wires.lost(far);
      return;
    }
    this.#wires.arrived(far, segment.message, () => this.#release(segment.bytes));
  }

  #release(bytes: number): void {
    this.#buffered -= bytes;
    if (!this.#congested || this.#buffered > bufferBytesMax / 2) return;
    this.#congested = false;
    // The window update travels back.
    this.#wires.schedule(this.#wires.nowUs + this.far.#path.latencyUs(), () => {
      if (this.#open && !this.#congested) this.#wires.pressure(this, 'writable');
    });
  }

  /** Whether a retransmission is due of what the other side may well have, but cannot say so. */
  #isUnheard(): boolean {
    if (this.far.#path.open) {
      this.#unheardSinceUs = undefined;
      return false;
    }
    this.#unheardSinceUs ??= this.#wires.nowUs;
    return this.#wires.nowUs - this.#unheardSinceUs >= rtoMinUs;
  }

  #stall(segment: Segment): void {
    this.#waiting.push(segment);
    if (this.#waiting.length > 1) return;
    this.#stalledSinceUs = this.#wires.nowUs;
    this.#rtoUs = rtoMinUs;
    this.#wires.schedule(this.#wires.nowUs + this.#rtoUs, () => this.#retransmit());
  }

  #retransmit(): void {
    const first = this.#waiting[0];
    if (first === undefined) return;
    const { nowUs } = this.#wires;
    if (this.#path.open && this.far.#path.open && !this.#path.loses(1)) {
      const arrivalUs = nowUs + this.#path.latencyUs();
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const segment of waiting) this.#transmit(segment, arrivalUs);
      return;
    }
    if (nowUs - this.#stalledSinceUs > (this.#open ? giveUpUs : orphanGiveUpUs)) {
      const wasOpen = this.#open;
      this.drop();
      if (wasOpen) this.#wires.lost(this);
      return;
    }
    this.#rtoUs = Math.min(this.#rtoUs * 2, rtoMaxUs);
    this.#wires.schedule(nowUs + this.#rtoUs, () => this.#retransmit());
  }
}
