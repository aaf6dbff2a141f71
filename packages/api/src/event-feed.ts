/** The last things that happened in the mesh, as this agent saw them, and those that happen from now on. */

import { indexAt, registrationKey } from '@skein/core';
import type { MeshEvent } from '@skein/core';
import type { AgentPort } from './ports.ts';
import { greeting, heartbeat, StreamReaders } from './stream/readers.ts';
import type { Timers } from './timers.ts';
import { Waiters } from './waiters.ts';
import type { Cursor } from './view-feed/view-feed.ts';

/** Events kept, for those who come late, were away, or are slow. */
export const eventsMax = 512;

export interface EventRow {
  readonly index: number;
  /** When this agent saw it, in ms since 1970. */
  readonly timeMs: number;
  readonly type: string;
  readonly [field: string]: unknown;
}

interface Held {
  readonly row: EventRow;
  /** Made when the first stream gets there, for all. */
  bytes: Uint8Array | undefined;
}

export interface EventFeedOptions {
  readonly agent: AgentPort;
  readonly timers: Timers;
  /** Names this life of the agent. */
  readonly stream: string;
}

export class EventFeed {
  readonly stream: string;
  readonly #readers: StreamReaders;
  readonly #waiting = new Waiters();
  readonly #forget: () => void;
  #held: Held[] = [];
  #index: number;

  constructor({ agent, timers, stream }: EventFeedOptions) {
    this.stream = stream;
    this.#readers = new StreamReaders(timers);
    // Like those of views, so that they grow across restarts.
    this.#index = Math.max(1024, indexAt(agent.info().startedAtMs));
    this.#forget = agent.followMesh((event, timeMs) => this.#take(event, timeMs));
  }

  get streams(): number {
    return this.#readers.count;
  }

  /** That of the last event; one below the first before there is any. */
  index(): number {
    return this.#index;
  }

  /** Oldest first. */
  list(): readonly EventRow[] {
    return this.#held.map(({ row }) => row);
  }

  /** Resolves when there was an event after this index, or `signal` aborts. */
  changed(afterIndex: number, signal: AbortSignal): Promise<void> {
    return this.#index > afterIndex ? Promise.resolve() : this.#waiting.next(signal);
  }

  /** Server-sent events after `cursor`, or all that are kept, and then each. Counts as a stream until `signal` aborts. */
  events(cursor: Cursor | undefined, signal: AbortSignal): AsyncIterable<Uint8Array> {
    this.#readers.add(signal);
    return this.#events(cursor, signal);
  }

  close(): void {
    this.#forget();
  }

  async *#events(cursor: Cursor | undefined, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    yield greeting;
    // One who comes for the first time asks for what there is; one who was here knows what it had.
    let at = cursor === undefined ? this.#floor() : cursor.stream === this.stream ? cursor.index : -1;
    while (!signal.aborted) {
      if (at < this.#floor() || at > this.#index) {
        at = this.#floor();
        yield Buffer.from(`event: lost\nid: ${this.stream}:${at}\ndata: {}\n\n`);
        continue;
      }
      const next = this.#held[this.#held.length - (this.#index - at)];
      if (next === undefined) {
        if (await this.#readers.next(signal)) yield heartbeat;
        continue;
      }
      at = next.row.index;
      yield (next.bytes ??= Buffer.from(`id: ${this.stream}:${at}\ndata: ${JSON.stringify(next.row)}\n\n`));
    }
  }

  /** The index after which everything is kept. */
  #floor(): number {
    return this.#index - this.#held.length;
  }

  #take(event: MeshEvent, timeMs: number): void {
    const shown = shownOf(event);
    if (shown === undefined) return;
    const row: EventRow = { index: ++this.#index, timeMs, ...shown };
    this.#held.push({ row, bytes: undefined });
    if (this.#held.length > eventsMax) this.#held.shift();
    this.#readers.wake();
    this.#waiting.wake();
  }
}

/** What is told of an event, if it is told at all: what peers sent amiss is counted, and views have a stream of their own. */
function shownOf(event: MeshEvent): { readonly type: string; readonly key?: string } | undefined {
  switch (event.type) {
    case 'view-changed':
    case 'message-refused':
      return undefined;
    // Definitions of checks hold headers, and those hold secrets.
    case 'registration-changed':
      return { type: event.type, key: registrationKey(event.registration) };
    default:
      return event;
  }
}
