/**
 * The view as a stream: a snapshot, then what changes, made once for all who read. A delta is what two Views do not
 * share, so it costs what changed between them; it is made while somebody reads, and otherwise when somebody comes back.
 *
 * Nobody is queued for: a stream is a place in the ring of deltas, and who is too slow for the ring gets a snapshot.
 */

import { randomBytes } from 'node:crypto';
import { topics, viewChanges } from '@skein/core';
import type { MeshPort, View } from '@skein/core';
import type { Timers } from '../timers.ts';
import { greeting, heartbeat, StreamReaders } from '../stream/readers.ts';
import { WakeGate } from '../wake-gate.ts';
import { DeltaRing } from './delta-ring.ts';
import { deltaText, isEmpty, snapshotPieces } from './documents.ts';
import { SharedSnapshot } from './shared-snapshot.ts';

/** Deltas kept for those who were away or are slow: at 20 a second, which is as fast as they are made, almost a minute. */
const ringLimits = { deltas: 1024, bytes: 8_388_608 };
/** For how long the ring is kept once nobody reads. */
const forgetAfterMs = 60_000;
/** A port with no room for one more waiter answers without a change; how long until it is asked again. */
const retryMs = 1000;

export interface ViewFeedOptions {
  readonly port: MeshPort;
  readonly timers: Timers;
  /** Default: random. */
  readonly stream?: string;
  readonly limits?: { readonly deltas: number; readonly bytes: number };
}

/** What is remembered while somebody reads, and a while after. */
interface Memory {
  view: View;
  readonly ring: DeltaRing;
  shared: { readonly snapshot: SharedSnapshot; beat: number } | undefined;
}

/** Where a client is: it has all up to `index` of `stream`. */
export interface Cursor {
  readonly stream: string;
  readonly index: number;
}

export class ViewFeed {
  /** Names this life of the agent. */
  readonly stream: string;
  readonly #port: MeshPort;
  readonly #timers: Timers;
  readonly #limits: { readonly deltas: number; readonly bytes: number };
  readonly #gate: WakeGate;
  readonly #readers: StreamReaders;
  #memory: Memory | undefined;
  /** Ends what goes on while there are streams. */
  #following = new AbortController();
  #cancelForget = (): void => undefined;
  #isClosed = false;

  constructor({ port, timers, stream, limits }: ViewFeedOptions) {
    this.#port = port;
    this.#timers = timers;
    this.#limits = limits ?? ringLimits;
    this.#gate = new WakeGate(timers);
    this.#readers = new StreamReaders(timers, {
      first: () => this.#begin(),
      last: () => this.#end(),
      beat: () => this.#dropOldSnapshot(),
    });
    this.stream = stream ?? randomBytes(9).toString('base64url');
  }

  get streams(): number {
    return this.#readers.count;
  }

  /** When anything that is shown last changed, as far as this knows. */
  index(): number {
    return this.#current().ring.index;
  }

  /** Resolves once `index()` is above `afterIndex`, when `signal` aborts, or when nobody can wait at the port. */
  async changed(afterIndex: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.index() <= afterIndex) {
      const seen = this.#port.view().lastIndex;
      const view = await this.#port.changed(topics.any, seen, signal);
      if (view.lastIndex <= seen) return;
    }
  }

  /** The current view as JSON, in pieces, and its index. A stream may go on from there. */
  snapshot(): { readonly index: number; readonly pieces: Iterable<string> } {
    const { view, ring } = this.#current();
    return { index: ring.index, pieces: snapshotPieces({ stream: this.stream, index: ring.index }, view) };
  }

  /**
   * Server-sent events from `cursor` on, or from a snapshot: `snapshot` and `delta`, and comments in between. Goes on until
   * `signal` aborts, and counts as a stream until then, read or not.
   */
  events(cursor: Cursor | undefined, signal: AbortSignal): AsyncIterable<Uint8Array> {
    this.#readers.add(signal);
    return this.#events(cursor?.stream === this.stream ? cursor.index : undefined, signal);
  }

  /** Forgets everything. The streams end by their signals. */
  close(): void {
    this.#isClosed = true;
    this.#cancelForget();
    this.#following.abort();
    this.#memory = undefined;
  }

  async *#events(from: number | undefined, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    let at = from;
    yield greeting;
    while (!signal.aborted) {
      const { ring } = this.#followed();
      if (at === undefined || !ring.reaches(at)) {
        const snapshot = this.#sharedSnapshot();
        yield* pieces(snapshot, signal);
        at = snapshot.index;
        continue;
      }
      const delta = ring.next(at);
      if (delta !== undefined) {
        at = delta.index;
        yield delta.bytes;
        continue;
      }
      if (await this.#readers.next(signal)) yield heartbeat;
    }
  }

  /** What is remembered, brought up to the current view. */
  #current(): Memory {
    const view = this.#port.view();
    if (this.#memory === undefined) {
      this.#memory = { view, ring: new DeltaRing(view.lastIndex, this.#limits), shared: undefined };
      if (this.#readers.count === 0) this.#forgetLater();
      return this.#memory;
    }
    const memory = this.#memory;
    const before = memory.view;
    if (before === view) return memory;
    memory.view = view;
    const changes = viewChanges(before, view);
    if (isEmpty(changes)) return memory;
    // A delta always leads on, also if something should have changed without an index of its own.
    const head = { stream: this.stream, index: Math.max(view.lastIndex, memory.ring.index + 1) };
    const text = deltaText(head, memory.ring.index, view, changes);
    memory.ring.push(head.index, Buffer.from(`event: delta\nid: ${head.stream}:${head.index}\ndata: ${text}\n\n`));
    this.#readers.wake();
    return memory;
  }

  /** What is remembered while there are streams: as of the last window, so that each makes no deltas of its own. */
  #followed(): Memory {
    return this.#memory ?? this.#current();
  }

  /** A snapshot that is not far behind, for many who come at once: what it lacks they get from the ring. */
  #sharedSnapshot(): SharedSnapshot {
    const memory = this.#followed();
    const { ring, shared } = memory;
    if (shared !== undefined && ring.reaches(shared.snapshot.index)) {
      const { snapshot } = shared;
      if (ring.totalBytes - snapshot.madeAtBytes <= snapshot.bytes / 4) return snapshot;
    }
    const head = { stream: this.stream, index: ring.index };
    const snapshot = new SharedSnapshot(ring.index, ring.totalBytes, eventPieces(head, memory.view));
    memory.shared = { snapshot, beat: this.#readers.beats };
    return snapshot;
  }

  // --- while there are streams ---

  #begin(): void {
    this.#cancelForget();
    this.#following = new AbortController();
    void this.#follow(this.#following.signal);
  }

  #end(): void {
    this.#following.abort();
    if (this.#memory !== undefined) this.#forgetLater();
  }

  #dropOldSnapshot(): void {
    const shared = this.#memory?.shared;
    if (shared !== undefined && this.#readers.beats > shared.beat + 1) this.#memory!.shared = undefined;
  }

  /** Makes a delta of each change, or of those of one window. */
  async #follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#current();
      const seen = this.#port.view().lastIndex;
      const view = await this.#port.changed(topics.any, seen, signal);
      if (signal.aborted) return;
      if (view.lastIndex <= seen) await this.#pause(retryMs, signal);
      else await this.#gate.pass({ key: 'view', index: () => this.#port.view().lastIndex }, signal);
    }
  }

  #pause(spanMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const over = (): void => {
        cancel();
        signal.removeEventListener('abort', over);
        resolve();
      };
      const cancel = this.#timers.after(spanMs, over);
      signal.addEventListener('abort', over, { once: true });
    });
  }

  #forgetLater(): void {
    this.#cancelForget();
    if (this.#isClosed) return;
    this.#cancelForget = this.#timers.after(forgetAfterMs, () => {
      this.#memory = undefined;
    });
  }
}

async function* pieces(snapshot: SharedSnapshot, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; !signal.aborted; at++) {
    const piece = snapshot.piece(at);
    if (piece === undefined) return;
    yield piece;
    // A client that takes all at once would let nothing else run.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function* eventPieces(head: { readonly stream: string; readonly index: number }, view: View): Generator<string, void, undefined> {
  yield `event: snapshot\nid: ${head.stream}:${head.index}\ndata: `;
  yield* snapshotPieces(head, view);
  yield '\n\n';
}
