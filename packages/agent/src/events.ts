/**
 * User events: fired through the transport, kept in a ring of the last 256, waited for by blocking queries.
 *
 * Consul makes the index of an answer from the id of its last event: the two halves of the UUID, xored. Clients in Go do
 * the same to find the events that they have not seen, and break on an id that is no UUID. But an index must also grow. So
 * an event carries a stamp, by a hybrid clock, and its id is a UUID whose halves xor to that.
 */

import { createHash } from 'node:crypto';
import { type EventsPort, type UserEvent, Waiters } from '@skein/api';
import { type CancelSignal, indexAt, type View } from '@skein/core';
import { type MeshMessage, type Transport, TransportError } from '@skein/transport';
import { AgentError } from './errors.ts';
import { filterProblem, filtersMatch } from './event-filter.ts';

export interface EventsOptions {
  readonly publish: Transport['publish'];
  readonly view: () => View;
  readonly nodeName: string;
  /** Milliseconds since 1970. */
  readonly wallMs: () => number;
}

/** As many as Consul keeps. */
const ringSize = 256;
/** Ids remembered to drop what arrives twice. */
const seenLimit = 4096;
const waitersLimit = 4096;
/** Stamps are like the indexes of views: below this is a tag of the node. */
const tagRange = 1024;
/** A stamp further ahead of our clock is not believed: a wrong clock elsewhere must not drive ours. */
const skewMs = 300_000;

export class Events implements EventsPort {
  readonly #options: EventsOptions;
  readonly #ring: UserEvent[] = [];
  readonly #seen = new Set<string>();
  readonly #waiters = new Waiters();
  #lastIndex = 1;
  /** The latest stamp of any event, also of those that were not meant for this node. */
  #lastStamp = 0;

  constructor(options: EventsOptions) {
    this.#options = options;
  }

  async fire(event: Parameters<EventsPort['fire']>[0]): Promise<UserEvent> {
    const problem = filterProblem(event);
    if (problem !== undefined) throw new AgentError('invalid-event', problem);
    let message: MeshMessage;
    try {
      message = await this.#options.publish({ ...event, stamp: this.#nextStamp() });
    } catch (error) {
      if (!(error instanceof TransportError) || error.code !== 'event-too-large') throw error;
      throw new AgentError('invalid-event', error.message, { cause: error });
    }
    return this.received(message) ?? asUserEvent(message, message.stamp, this.#lastIndex);
  }

  /** Takes an event in. Undefined when it was here before, or is not meant for this node. */
  received(message: MeshMessage): UserEvent | undefined {
    if (this.#seen.has(message.id)) return undefined;
    this.#seen.add(message.id);
    if (this.#seen.size > seenLimit) {
      const [oldest] = this.#seen;
      if (oldest !== undefined) this.#seen.delete(oldest);
    }
    const isBelieved = message.stamp <= indexAt(this.#options.wallMs() + skewMs);
    if (isBelieved) this.#lastStamp = Math.max(this.#lastStamp, message.stamp);
    const view = this.#options.view();
    const services = view.instancesOf(view.self).map(({ instance }) => instance);
    if (!filtersMatch(message, { node: this.#options.nodeName, services })) return undefined;
    // Only of two events fired at the very same time one may come with the lower stamp: it still wakes those who wait.
    this.#lastIndex = Math.max(this.#lastIndex + 1, isBelieved ? message.stamp : 0);
    const event = asUserEvent(message, message.stamp === 0 ? this.#lastIndex : message.stamp, this.#lastIndex);
    this.#ring.push(event);
    if (this.#ring.length > ringSize) this.#ring.shift();
    this.#waiters.wake();
    return event;
  }

  list(): readonly UserEvent[] {
    return [...this.#ring];
  }

  changed(afterIndex: number, signal: CancelSignal): Promise<void> {
    if (this.#lastIndex > afterIndex || this.#waiters.size >= waitersLimit) return Promise.resolve();
    return this.#waiters.next(signal);
  }

  /** Later than every event seen, and than the time. */
  #nextStamp(): number {
    const afterLast = this.#lastStamp - (this.#lastStamp % tagRange) + tagRange;
    const stamp = Math.max(indexAt(this.#options.wallMs()), afterLast) + tagOf(this.#options.view().self);
    this.#lastStamp = stamp;
    return stamp;
  }

  /** Ends all waiting. */
  stop(): void {
    this.#waiters.wake();
  }
}

function asUserEvent(message: MeshMessage, stamp: number, index: number): UserEvent {
  const { name, payload, nodeFilter, serviceFilter, tagFilter } = message;
  return { id: eventUuid(message.id, stamp), name, payload, nodeFilter, serviceFilter, tagFilter, index };
}

/** A UUID (version 8, RFC 9562), the same on every agent: one half a hash of the event's own id, the other that xor the stamp. */
export function eventUuid(id: string, stamp: number): string {
  const digest = createHash('sha256').update(id).digest();
  const half = digest.readBigUInt64BE() & 0x3fff_ffff_ffff_0fffn;
  // Version 8, and variant 0b10, which the xor carries over: a stamp has 53 bits.
  const first = half | 0x8000_0000_0000_8000n;
  const hex = [first, first ^ BigInt(stamp)].map((part) => part.toString(16).padStart(16, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

function tagOf(self: string): number {
  return createHash('sha256').update(self).digest().readUInt16BE() % tagRange;
}
