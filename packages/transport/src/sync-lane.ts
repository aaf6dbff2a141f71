/**
 * The sync lane of one link: which exchange a message belongs to. An exchange is named by a number that its initiator
 * chose, so both sides may use the same number at once; each has a stream of its own, opened by its initiator.
 */

import type { Connection, Stream } from '@libp2p/interface';
import { limits, type SyncMessage } from '@skein/core';
import { decodeMessage } from './codec/frame.ts';
import { deadline } from './deadline.ts';
import type { SyncBudget } from './exchange.ts';
import { Exchange } from './exchange.ts';
import type { TrafficCounts } from './traffic-counts.ts';

export const syncProtocol = '/skein/sync/1';
/** Streams that each side may have opened. Those of exchanges that just ended still close while the next ones open. */
export const maxSyncStreams = 2 * limits.exchangesPerPeer;
const openTimeoutMs = 5_000;

export interface SyncEvents {
  message(message: SyncMessage): void;
  refused(reason: string, detail: string): void;
}

interface Open {
  readonly exchange: Exchange;
  /** Counts up with each message that came in and was not answered yet; 0 when we owe nothing. */
  owed: number;
}

export class SyncLane {
  readonly #connection: Connection;
  readonly #budget: SyncBudget;
  readonly #counts: TrafficCounts;
  readonly #events: SyncEvents;
  readonly #ours = new Map<number, Open>();
  readonly #theirs = new Map<number, Open>();
  /** Streams of the peer whose first message has not come yet. */
  readonly #unnamed = new Set<Exchange>();
  #messages = 0;

  constructor(connection: Connection, budget: SyncBudget, counts: TrafficCounts, events: SyncEvents) {
    this.#connection = connection;
    this.#budget = budget;
    this.#counts = counts;
    this.#events = events;
  }

  /** Sends a message on the stream of its exchange; opens one for the first message of an exchange of ours. */
  send(message: SyncMessage, body: Uint8Array): void {
    const initial = message.type === 'sync-open' || message.type === 'sync-pull';
    const open = initial ? this.#begin(message.exchange) : this.#openFor(message);
    if (open === undefined || !open.exchange.send(body)) {
      this.#events.refused('sync-dropped', `${message.type} of exchange ${message.exchange} has no stream`);
      return;
    }
    open.owed = 0;
    this.#counts.framesOut++;
    this.#counts.bytesOut += body.length;
    if (message.type === 'sync-facts' && message.last) open.exchange.finish();
  }

  /** Takes a stream that the peer opened. */
  accept(stream: Stream): void {
    if (this.#theirs.size + this.#unnamed.size >= maxSyncStreams) {
      stream.abort(new Error('too many exchanges'));
      this.#events.refused('sync-busy', `more than ${maxSyncStreams} exchanges at once`);
      return;
    }
    let open: Open | undefined;
    let number: number | undefined;
    const exchange = new Exchange(this.#budget, {
      message: (body) => {
        const message = this.#decode(body);
        if (typeof message === 'boolean') return message;
        if (open === undefined) {
          if (!this.#mayOpen(message)) return this.#broken(`${message.type} cannot open exchange ${message.exchange}`);
          open = { exchange, owed: 0 };
          number = message.exchange;
          this.#unnamed.delete(exchange);
          this.#theirs.set(number, open);
        }
        return this.#deliver(open, number, message);
      },
      refused: (reason, detail) => this.#events.refused(reason, detail),
      ended: () => {
        this.#unnamed.delete(exchange);
        if (number !== undefined && this.#theirs.get(number) === open) this.#theirs.delete(number);
      },
    });
    this.#unnamed.add(exchange);
    exchange.attach(stream);
  }

  close(): void {
    for (const exchange of this.#unnamed) exchange.end();
    for (const { exchange } of [...this.#ours.values(), ...this.#theirs.values()]) exchange.end();
  }

  #begin(number: number): Open | undefined {
    if (this.#ours.size >= maxSyncStreams || this.#ours.has(number)) return undefined;
    const exchange = new Exchange(this.#budget, {
      message: (body) => {
        const message = this.#decode(body);
        return typeof message === 'boolean' ? message : this.#deliver(open, number, message);
      },
      refused: (reason, detail) => this.#events.refused(reason, detail),
      ended: () => this.#ours.delete(number),
    });
    const open: Open = { exchange, owed: 0 };
    this.#ours.set(number, open);
    const opening = deadline(openTimeoutMs, exchange.signal);
    this.#connection
      .newStream(syncProtocol, { signal: opening.signal })
      .then(
        (stream) => exchange.attach(stream),
        () => exchange.end(),
      )
      .finally(opening.clear);
    return open;
  }

  /** The exchange that an answer belongs to: the one in which the oldest message waits for an answer. */
  #openFor(message: SyncMessage): Open | undefined {
    const theirs = this.#theirs.get(message.exchange);
    const ours = this.#ours.get(message.exchange);
    if (message.type === 'sync-digest') return theirs;
    if (theirs === undefined || ours === undefined) return theirs ?? ours;
    if (theirs.owed === 0 || ours.owed === 0) return ours.owed > 0 ? ours : theirs;
    return theirs.owed < ours.owed ? theirs : ours;
  }

  /** The message, or whether the exchange goes on without it. */
  #decode(body: Uint8Array): SyncMessage | boolean {
    this.#counts.framesIn++;
    this.#counts.bytesIn += body.length;
    const decoded = decodeMessage('sync', body);
    if (decoded.kind === 'message') return decoded.message as SyncMessage;
    if (decoded.kind === 'unknown') {
      this.#counts.unknownMessages++;
      return true;
    }
    return this.#broken(`${decoded.reason}: ${decoded.detail}`, 'bad-frame');
  }

  #mayOpen(message: SyncMessage): boolean {
    const initial = message.type === 'sync-open' || message.type === 'sync-pull';
    return initial && !this.#theirs.has(message.exchange);
  }

  #deliver(open: Open, number: number | undefined, message: SyncMessage): boolean {
    if (message.exchange !== number) return this.#broken(`exchange ${message.exchange} on the stream of ${number}`);
    open.owed = ++this.#messages;
    this.#events.message(message);
    return true;
  }

  #broken(detail: string, reason = 'bad-sync'): boolean {
    this.#events.refused(reason, detail);
    return false;
  }
}
