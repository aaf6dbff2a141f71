/** User events: fired through the transport, kept in a ring of the last 256, waited for by blocking queries. */

import type { EventsPort, UserEvent } from '@skein/api';
import type { CancelSignal, View } from '@skein/core';
import { type MeshMessage, type Transport, TransportError } from '@skein/transport';
import { AgentError } from './errors.ts';
import { filterProblem, filtersMatch } from './event-filter.ts';

export interface EventsOptions {
  readonly publish: Transport['publish'];
  readonly view: () => View;
  readonly nodeName: string;
}

/** As many as Consul keeps. */
const ringSize = 256;
/** Ids remembered to drop what arrives twice. */
const seenLimit = 4096;
const waitersLimit = 4096;

export class Events implements EventsPort {
  readonly #options: EventsOptions;
  readonly #ring: UserEvent[] = [];
  readonly #seen = new Set<string>();
  readonly #waiters = new Set<() => void>();
  #lastIndex = 0;

  constructor(options: EventsOptions) {
    this.#options = options;
  }

  async fire(event: Parameters<EventsPort['fire']>[0]): Promise<UserEvent> {
    const problem = filterProblem(event);
    if (problem !== undefined) throw new AgentError('invalid-event', problem);
    let message: MeshMessage;
    try {
      message = await this.#options.publish(event);
    } catch (error) {
      if (!(error instanceof TransportError) || error.code !== 'event-too-large') throw error;
      throw new AgentError('invalid-event', error.message, { cause: error });
    }
    return this.received(message) ?? asUserEvent(message, this.#lastIndex);
  }

  /** Takes an event in. Undefined when it was here before, or is not meant for this node. */
  received(message: MeshMessage): UserEvent | undefined {
    if (this.#seen.has(message.id)) return undefined;
    this.#seen.add(message.id);
    if (this.#seen.size > seenLimit) {
      const [oldest] = this.#seen;
      if (oldest !== undefined) this.#seen.delete(oldest);
    }
    const view = this.#options.view();
    const services = view.instancesOf(view.self).map(({ instance }) => instance);
    if (!filtersMatch(message, { node: this.#options.nodeName, services })) return undefined;
    const event = asUserEvent(message, ++this.#lastIndex);
    this.#ring.push(event);
    if (this.#ring.length > ringSize) this.#ring.shift();
    for (const wake of this.#waiters) wake();
    return event;
  }

  list(): readonly UserEvent[] {
    return [...this.#ring];
  }

  changed(afterIndex: number, signal: CancelSignal): Promise<void> {
    if (this.#lastIndex > afterIndex || signal.aborted || this.#waiters.size >= waitersLimit) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiters.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiters.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }

  /** Ends all waiting. */
  stop(): void {
    for (const wake of this.#waiters) wake();
  }
}

function asUserEvent(message: MeshMessage, index: number): UserEvent {
  const { id, name, payload, nodeFilter, serviceFilter, tagFilter } = message;
  return { id, name, payload, nodeFilter, serviceFilter, tagFilter, index };
}
