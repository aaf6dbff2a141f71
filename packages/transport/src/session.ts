/**
 * One connection, from open to close: first the hello exchange on its wire stream, then, once both sides are
 * admitted, a link that carries messages. Every event comes at most once after `close`, and none late.
 */

import type { Connection, Stream } from '@libp2p/interface';
import type { Message, NodeId, SyncMessage } from '@skein/core';
import { limits, nodeId } from '@skein/core';
import type { Arbiter, Terms } from './admission.ts';
import { Admission } from './admission.ts';
import { decodeGreeting, decodeMessage, encodeGreeting } from './codec/frame.ts';
import type { Greeting } from './codec/greetings.ts';
import { greetingBytes } from './codec/greetings.ts';
import type { SyncBudget } from './exchange.ts';
import { maxSyncStreams, SyncLane } from './sync-lane.ts';
import type { TrafficCounts } from './traffic-counts.ts';
import { WireStream } from './wire-stream.ts';

export const wireProtocol = '/skein/wire/1';
/** How long the last frames, such as a refusal, may take to reach the peer before the connection is cut. */
const farewellMs = 500;
/** How long a replaced connection stays, for the peer to replace it too. Cutting it first would look like a loss. */
const replacedMs = 2_000;

/** Why a session ended. `refused`: in the hello, by either side. */
export interface Ending {
  readonly refused: boolean;
  readonly reason: string;
  readonly detail: string;
}

export interface SessionEvents {
  admitted(session: Session): void;
  message(session: Session, message: Message): void;
  /** Something of the peer was refused. The session may go on. */
  refused(session: Session, reason: string, detail: string): void;
  congestion(session: Session, state: 'congested' | 'writable'): void;
  /** It is over. Comes exactly once. */
  ended(session: Session, ending: Ending): void;
}

export interface SessionOptions {
  readonly connection: Connection;
  readonly role: 'dialler' | 'listener';
  readonly terms: Terms;
  /** When its connection was opened, on the clock of `now`. */
  readonly openedAtMs: number;
  readonly helloTimeoutMs: number;
  readonly arbiter: (session: Session) => Arbiter;
  readonly budget: SyncBudget;
  readonly counts: TrafficCounts;
  readonly events: SessionEvents;
  readonly now: () => number;
}

export class Session {
  readonly peer: NodeId;
  readonly connection: Connection;
  readonly openedAtMs: number;
  readonly #options: SessionOptions;
  readonly #admission: Admission;
  readonly #sync: SyncLane;
  readonly #helloTimer: NodeJS.Timeout;
  #wire: WireStream | undefined;
  #stream: Stream | undefined;
  /** Sync streams of a listener whose welcome is still under way. */
  #early: Stream[] = [];
  #state: 'greeting' | 'admitted' | 'ended' = 'greeting';
  #epoch = 0;
  #wallMs = 0;
  #admittedAtMs = 0;

  constructor(options: SessionOptions) {
    const { connection } = options;
    this.#options = options;
    this.connection = connection;
    this.peer = nodeId(connection.remotePeer.toString());
    this.openedAtMs = options.openedAtMs;
    this.#admission = new Admission(options.role, options.terms, this.peer, options.arbiter(this));
    this.#sync = new SyncLane(connection, options.budget, options.counts, {
      message: (message) => options.events.message(this, message),
      refused: (reason, detail) => options.events.refused(this, reason, detail),
    });
    connection.addEventListener('close', () => this.#end({ refused: false, reason: 'closed', detail: 'the connection closed' }));
    this.#helloTimer = setTimeout(() => this.#helloExpired(), options.helloTimeoutMs);
  }

  /** The address of the other end, for logs. */
  get address(): string {
    return this.connection.remoteAddr.toString();
  }

  get admitted(): boolean {
    return this.#state === 'admitted';
  }

  /** The boot epoch that the peer stated. */
  get epoch(): number {
    return this.#epoch;
  }

  /** The wall clock that the peer stated, milliseconds since 1970; 0 where it did not. */
  get wallMs(): number {
    return this.#wallMs;
  }

  get admittedAtMs(): number {
    return this.#admittedAtMs;
  }

  get pendingBytes(): number {
    return this.#wire?.pendingBytes ?? 0;
  }

  /** Gives the session its wire stream. A dialler says hello on it. */
  attach(stream: Stream): void {
    if (this.#wire !== undefined || this.#state !== 'greeting') {
      stream.abort(new Error('one wire stream per connection'));
      if (this.#state !== 'ended') this.#options.events.refused(this, 'second-stream', 'a second wire stream');
      return;
    }
    this.#stream = stream;
    this.#wire = new WireStream(stream, {
      frameLimit: () => (this.#state === 'admitted' ? limits.wireFrameBytes : greetingBytes),
      frame: (body) => this.#take(body),
      overLong: () => this.#overLong(),
      stuck: () => setImmediate(() => this.abort('stuck', 'the peer reads nothing and our write buffer is full')),
      congested: () => this.#later('congested'),
      writable: () => this.#later('writable'),
      ended: (reason) => this.abort('closed', reason),
    });
    if (this.#options.role === 'dialler') this.#greet(this.#admission.begin());
  }

  /** Takes a sync stream that the peer opened. */
  acceptSync(stream: Stream): void {
    if (this.#state === 'admitted') {
      this.#sync.accept(stream);
      return;
    }
    // A listener may use the link as soon as it said welcome, and a dialler may see the stream first.
    if (this.#state === 'greeting' && this.#options.role === 'dialler' && this.#early.length < maxSyncStreams) {
      this.#early.push(stream);
      return;
    }
    stream.abort(new Error('not admitted'));
    this.#options.events.refused(this, 'not-admitted', 'a sync stream before the hello');
  }

  sendWire(body: Uint8Array, droppable: boolean): void {
    if (this.#state !== 'admitted' || this.#wire === undefined) return;
    if (!this.#wire.send(body, droppable)) return;
    this.#options.counts.framesOut++;
    this.#options.counts.bytesOut += body.length;
  }

  sendSync(message: SyncMessage, body: Uint8Array): void {
    if (this.#state === 'admitted') this.#sync.send(message, body);
  }

  flush(): void {
    this.#wire?.flush();
  }

  /** Refuses the peer by name: it is told, then the connection closes. `told` is what it may know of the detail. */
  refuse(reason: string, detail: string, told = detail): void {
    if (this.#state === 'ended') return;
    const refused = this.#state === 'greeting';
    if (refused) this.#greet({ type: 'refusal', reason, detail: told.slice(0, 256) });
    void this.close({ refused, reason, detail });
  }

  /** Ends after what was sent has gone out. Resolves when the connection is closed, in bounded time. */
  async close(ending: Ending): Promise<void> {
    if (this.#state === 'ended') return;
    const stream = this.#stream;
    // The peer closes the connection, or its end of the stream if it is ending too, once it has read all.
    const closed = closing(stream === undefined ? [] : [this.connection, stream], farewellMs);
    this.#wire?.flush();
    this.#end(ending);
    stream?.close({ signal: AbortSignal.timeout(farewellMs) }).catch(() => undefined);
    await closed;
    abortConnection(this.connection, ending.detail);
  }

  /** Ends it because a newer connection of the same peer took its place. */
  replace(): void {
    this.#end({ refused: false, reason: 'replaced', detail: 'a newer connection took its place' });
    void closing([this.connection], replacedMs).then(() => abortConnection(this.connection, 'replaced'));
  }

  /** Cuts the connection now. The session ends with this reason. */
  abort(reason: string, detail: string): void {
    this.#end({ refused: false, reason, detail }, true);
  }

  /** A timer may be late because we were: what waits in the socket is read first. */
  #helloExpired(): void {
    setImmediate(() => {
      if (this.#state === 'greeting') this.refuse('hello-timeout', 'no complete hello in time');
    });
  }

  #take(body: Uint8Array): boolean {
    if (this.#state === 'greeting') return this.#takeGreeting(body);
    const { counts, events } = this.#options;
    counts.framesIn++;
    counts.bytesIn += body.length;
    const decoded = decodeMessage('wire', body);
    if (decoded.kind === 'message') events.message(this, decoded.message);
    else if (decoded.kind === 'unknown') counts.unknownMessages++;
    else events.refused(this, 'bad-frame', `${decoded.reason}: ${decoded.detail}`);
    return this.#state === 'admitted';
  }

  #takeGreeting(body: Uint8Array): boolean {
    const decoded = decodeGreeting(body);
    if (decoded.kind !== 'message') {
      this.refuse('bad-hello', decoded.kind === 'unknown' ? 'not a hello' : `${decoded.reason}: ${decoded.detail}`);
      return false;
    }
    const step = this.#admission.take(decoded.message);
    if (step.next === 'wait') {
      this.#greet(step.send);
      return true;
    }
    if (step.next === 'refused') {
      if (step.send === undefined) this.#end({ refused: true, reason: step.reason, detail: step.detail }, true);
      else this.refuse(step.reason, step.detail, step.send.detail);
      return false;
    }
    clearTimeout(this.#helloTimer);
    if (step.send !== undefined) {
      this.#greet(step.send);
      // Before anything that `admitted` sets off on other streams.
      this.flush();
      if (this.#state === 'ended') return false;
    }
    this.#state = 'admitted';
    this.#epoch = step.theirs.epoch;
    this.#wallMs = step.theirs.wallMs;
    this.#admittedAtMs = this.#options.now();
    this.#options.events.admitted(this);
    for (const stream of this.#early.splice(0)) this.acceptSync(stream);
    return this.admitted;
  }

  #greet(greeting: Greeting): void {
    this.#wire?.send(encodeGreeting(greeting), false);
  }

  #overLong(): void {
    const detail = `a frame is empty or longer than ${this.#state === 'admitted' ? limits.wireFrameBytes : greetingBytes} bytes`;
    if (this.#state === 'greeting') {
      this.refuse('bad-hello', detail);
      return;
    }
    this.#options.events.refused(this, 'over-long-frame', detail);
    this.abort('over-long-frame', detail);
  }

  /** Not from within a call of `send`: whoever sends is in the middle of something. */
  #later(state: 'congested' | 'writable'): void {
    setImmediate(() => {
      if (this.#state === 'admitted') this.#options.events.congestion(this, state);
    });
  }

  #end(ending: Ending, cut = false): void {
    if (this.#state === 'ended') return;
    this.#detach();
    if (cut) abortConnection(this.connection, ending.detail);
    this.#options.events.ended(this, ending);
  }

  #detach(): void {
    this.#state = 'ended';
    clearTimeout(this.#helloTimer);
    this.#wire?.detach();
    for (const stream of this.#early.splice(0)) stream.abort(new Error('not admitted'));
    this.#sync.close();
  }
}

interface Closable {
  readonly status: string;
  addEventListener(type: 'close', listener: () => void): void;
}

/** Resolves when one of these closes, or after so long. At once when one is closed, or there is none. */
async function closing(parts: readonly Closable[], timeoutMs: number): Promise<void> {
  if (parts.length === 0 || parts.some(({ status }) => status !== 'open')) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(done, timeoutMs);
    for (const part of parts) part.addEventListener('close', done);
  });
}

/** Aborting never throws, whatever state the connection is in. */
export function abortConnection(connection: Connection, why: string): void {
  try {
    connection.abort(new Error(why));
  } catch {
    // It is closed already.
  }
}
