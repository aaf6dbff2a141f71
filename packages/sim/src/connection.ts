/**
 * A stream connection as TCP, Noise and yamux make it. Each direction is ordered and reliable, so loss is delay:
 * a lost segment holds back everything behind it, on both lanes, until a retransmission gets through, 200 ms later, then 400,
 * doubling (RFC 6298). A blocked path or a machine without power is the same thing without end, and the sender
 * notices nothing for a quarter of an hour. Where only the way back is blocked nothing is acknowledged: what the window
 * holds gets there, and from the first retransmission on nothing new. A process that dies closes its ends within one latency.
 *
 * The two lanes share the connection, and so its order and its stalls. Where bandwidth is short, bulk is written in pieces
 * of 16 KiB, each when the one before has left, so a probe is behind one piece at most, and behind what others queued. Of one
 * exchange no more messages wait than the transport holds; one too many is dropped, and the exchange never ends.
 */

import { limits, type Lane, type Message, type NodeId } from '@skein/core';
import { socketsOf } from './host.ts';
import type { Host } from './host.ts';
import type { Path } from './link.ts';
import { messageBytes } from './message-size.ts';

/** What a connection needs from the network around it. */
export interface Wires {
  readonly nowUs: number;
  schedule(atUs: number, run: () => void, queue?: number): void;
  path(from: Host, to: Host): Path;
  /** A message arrived at an open end. `taken` frees its place in the sender's buffer. */
  arrived(end: End, message: Message, taken: () => void): void;
  /** The other side, or the kernel, closed the connection of this end. */
  lost(end: End): void;
  /** What this end read is not what was sent: it closes the connection. */
  garbled(end: End): void;
  /** The send buffer of this end filled up, or has room again. */
  pressure(end: End, state: 'congested' | 'writable'): void;
}

type Segment =
  /** A part of a message on the sync lane; the last part stands for the message. */
  | { readonly type: 'piece'; readonly bytes: number }
  /** `place`: what it takes in the buffer until it was read. */
  | { readonly type: 'data'; readonly message: Message; readonly bytes: number; readonly place: number }
  | { readonly type: 'close' };

/** What a sender may have written that the other process did not read: socket buffers on both sides, and the transport's own. */
const bufferBytesMax = 1_048_576;
const pieceBytes = 16_384;
const packetBytes = 1400;
const rtoMinUs = 200_000;
const rtoMaxUs = 120_000_000;
/** Linux gives up on an unacknowledged connection after 15 retransmissions, and after 8 when its process is gone. */
const giveUpUs = 924_600_000;
const orphanGiveUpUs = 102_200_000;

/** One side of a connection, with the direction in which it sends. */
export class End {
  readonly host: Host;
  /** Whose process this end belongs to; another identity may run on the host later. */
  readonly id: NodeId;
  readonly boot: number;
  /** The other side. */
  far!: End;
  #open = true;
  readonly #wires: Wires;
  #path!: Path;
  /** When the last segment under way arrives: none behind it arrives before. */
  #arrivalUs = 0;
  #buffered = 0;
  /** By exchange: how many of its messages were not read yet. */
  readonly #exchanges = new Map<number, number>();
  #congested = false;
  /** Something that arrived here cannot be decrypted, nor can anything behind it. */
  #isGarbled = false;
  /** Bulk that waits for the piece before it to leave. */
  #bulk: Segment[] = [];
  #isPumping = false;
  /** Whether nothing new is sent until a retransmission is acknowledged. */
  #stalled = false;
  /** What waits for that, oldest first. */
  #waiting: Segment[] = [];
  /** Whether the first of these is what is retransmitted; otherwise that arrived, and only its acknowledgement is missing. */
  #headLost = false;
  #stalledSinceUs = 0;
  #rtoUs = 0;
  /** When the first segment was written that was not acknowledged, nor any after it. */
  #unheardSinceUs: number | undefined;

  constructor(host: Host, wires: Wires) {
    this.host = host;
    this.id = host.id;
    this.boot = host.boot;
    this.#wires = wires;
  }

  /** Joins two ends. Nothing of `b` arrives before `notBeforeUs`, when `a` learns of the connection. */
  static join(a: End, b: End, notBeforeUs: number): void {
    a.far = b;
    b.far = a;
    a.#path = a.#wires.path(a.host, b.host);
    b.#path = b.#wires.path(b.host, a.host);
    b.#arrivalUs = notBeforeUs;
  }

  get open(): boolean {
    return this.#open;
  }

  /** Bytes that were written and not read yet. */
  get bufferedBytes(): number {
    return this.#buffered;
  }

  /** Writes one message and returns its bytes; 0 when the end is closed or the buffer is full and it was dropped. */
  send(message: Message, lane: Lane): number {
    if (!this.#open) return 0;
    const exchange = 'exchange' in message ? message.exchange : undefined;
    const queued = exchange === undefined ? 0 : (this.#exchanges.get(exchange) ?? 0);
    if (queued >= limits.exchangeMessages) return 0;
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
    if (exchange !== undefined) this.#exchanges.set(exchange, queued + 1);
    const segment = { type: 'data', message, bytes, place: bytes } as const;
    if (lane === 'sync' && (this.#bulk.length > 0 || this.#path.isNarrow)) this.#writeBulk(segment);
    else this.#write(segment);
    return bytes;
  }

  /** Closes this end; the other side learns after what was sent. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#bulk = [];
    this.#write({ type: 'close' });
  }

  /** Closes this end so that nobody notices: power was lost, or the other side already knows. */
  drop(): void {
    this.#open = false;
    this.#stalled = false;
    this.#unheardSinceUs = undefined;
    this.#waiting = [];
    this.#bulk = [];
  }

  #write(segment: Segment): void {
    if (this.#stalled) this.#waiting.push(segment);
    else this.#sendPacket([segment], bytesOf(segment));
  }

  /** Sends what fits one packet, or one message: all of it is lost or none. */
  #sendPacket(segments: readonly Segment[], bytes: number): void {
    const delayUs = this.#path.carryUs(bytes, this.#wires.nowUs);
    if (delayUs === undefined) {
      for (const segment of segments) this.#stall(segment);
      return;
    }
    for (const segment of segments) this.#transmit(segment, this.#wires.nowUs + delayUs);
    this.#awaitAcknowledgement();
  }

  #writeBulk(segment: Extract<Segment, { type: 'data' }>): void {
    let left = segment.bytes;
    for (; left > pieceBytes; left -= pieceBytes) this.#bulk.push({ type: 'piece', bytes: pieceBytes });
    this.#bulk.push({ ...segment, bytes: left });
    if (!this.#isPumping) this.#pump();
  }

  /** Writes the next piece of bulk, and itself comes back when that has left. */
  #pump(): void {
    this.#isPumping = false;
    if (this.#stalled) return;
    const segment = this.#bulk.shift();
    if (segment === undefined) return;
    this.#write(segment);
    if (this.#bulk.length === 0 || this.#stalled) return;
    this.#isPumping = true;
    this.#wires.schedule(Math.max(this.#wires.nowUs, this.#path.freeUs), () => this.#pump());
  }

  #transmit(segment: Segment, atUs: number): void {
    this.#arrivalUs = Math.max(atUs, this.#arrivalUs);
    this.#wires.schedule(this.#arrivalUs, () => this.#arrive(segment), socketsOf(this.far.host));
  }

  #arrive(segment: Segment): void {
    const { far } = this;
    if (this.#path.clogged) {
      this.#path.hold(() => this.#arrive(segment));
      return;
    }
    if (!far.host.powered) {
      if (this.host.powered) this.#stall(segment);
      return;
    }
    if (!far.#open) {
      // Data for a socket that is gone is answered by a reset.
      if (segment.type !== 'close' && this.#open) far.#write({ type: 'close' });
      return;
    }
    if (segment.type === 'close') {
      far.drop();
      this.#wires.lost(far);
      return;
    }
    far.#isGarbled ||= this.#path.corrupts(segment.bytes);
    if (far.#isGarbled) {
      // The process finds out when it reads.
      if (far.host.process === 'running' && !far.host.blocked) this.#wires.garbled(far);
      return;
    }
    if (segment.type === 'data') this.#wires.arrived(far, segment.message, () => this.#release(segment.message, segment.place));
  }

  #release(message: Message, bytes: number): void {
    this.#buffered -= bytes;
    if ('exchange' in message) {
      const queued = (this.#exchanges.get(message.exchange) ?? 1) - 1;
      if (queued > 0) this.#exchanges.set(message.exchange, queued);
      else this.#exchanges.delete(message.exchange);
    }
    if (!this.#congested || this.#buffered > bufferBytesMax / 2) return;
    this.#congested = false;
    // The window update travels back.
    this.#wires.schedule(this.#wires.nowUs + this.far.#path.latencyUs(), () => {
      if (this.#open && !this.#congested) this.#wires.pressure(this, 'writable');
    });
  }

  /** An acknowledgement is for all that was sent before, so one that is lost matters only when none follows in time. */
  #awaitAcknowledgement(): void {
    if (this.far.#path.acknowledges()) {
      this.#unheardSinceUs = undefined;
      return;
    }
    if (this.#unheardSinceUs !== undefined) return;
    const sinceUs = this.#wires.nowUs;
    this.#unheardSinceUs = sinceUs;
    this.#wires.schedule(sinceUs + rtoMinUs, () => {
      if (this.#unheardSinceUs !== sinceUs || this.#stalled) return;
      this.#stalled = true;
      this.#headLost = false;
      this.#stalledSinceUs = sinceUs;
      this.#rtoUs = rtoMinUs;
      this.#retransmit();
    });
  }

  #stall(segment: Segment): void {
    this.#waiting.push(segment);
    if (this.#stalled) return;
    this.#stalled = true;
    this.#headLost = true;
    this.#stalledSinceUs = this.#wires.nowUs;
    this.#rtoUs = rtoMinUs;
    this.#wires.schedule(this.#wires.nowUs + this.#rtoUs, () => this.#retransmit());
  }

  #retransmit(): void {
    if (!this.#stalled) return;
    const { nowUs } = this.#wires;
    const delayUs = this.#path.carryUs(1, nowUs);
    if (delayUs !== undefined) {
      const head = this.#headLost ? this.#waiting.shift() : undefined;
      this.#headLost = false;
      if (head !== undefined) this.#transmit(head, nowUs + delayUs);
      if (this.far.#path.acknowledges()) {
        this.#resume();
        return;
      }
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

  /** The stall is over: what waited is sent, as full packets, and may be lost in its turn. */
  #resume(): void {
    this.#stalled = false;
    this.#unheardSinceUs = undefined;
    let packet: Segment[] = [];
    let bytes = 0;
    for (const segment of this.#waiting.splice(0)) {
      if (this.#stalled) {
        this.#waiting.push(segment);
        continue;
      }
      packet.push(segment);
      bytes += bytesOf(segment);
      if (bytes < packetBytes) continue;
      this.#sendPacket(packet, bytes);
      packet = [];
      bytes = 0;
    }
    if (packet.length > 0) this.#sendPacket(packet, bytes);
    if (!this.#isPumping) this.#pump();
  }
}

function bytesOf(segment: Segment): number {
  return segment.type === 'close' ? 1 : segment.bytes;
}
