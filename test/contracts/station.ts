/** A started transport and all that it reported, for tests to wait on. */

import type { DialOutcome, Input, Message, NodeId } from '@skein/core';
import type { MeshMessage, Transport } from '@skein/transport';

const waitMs = 10_000;

/** A started transport and all that it reported. */
export class Station {
  readonly transport: Transport;
  readonly inputs: Input[] = [];
  readonly events: MeshMessage[] = [];
  readonly refusals: { reason: string; peer: NodeId | undefined; address: string; detail: string }[] = [];
  readonly #waiting = new Set<() => void>();
  #dials = 0;
  /** Called with each input, in the way a driver is. */
  react: (input: Input) => void = () => undefined;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  get id(): NodeId {
    return this.transport.id;
  }

  get address(): string {
    return this.transport.listening()[0] as string;
  }

  async start(): Promise<this> {
    await this.transport.start({
      input: (input) => {
        this.inputs.push(input);
        this.react(input);
        this.#wake();
      },
      message: (event) => {
        this.events.push(event);
        this.#wake();
      },
      refused: (refusal) => {
        this.refusals.push(refusal);
        this.#wake();
      },
    });
    return this;
  }

  /** Resolves once `look` gives something; looks again after everything that happens here. */
  async until<T>(what: string, look: () => T | undefined | false, withinMs = waitMs): Promise<T> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        const found = look();
        if (found === undefined || found === false) return;
        clearTimeout(deadline);
        clearInterval(poll);
        this.#waiting.delete(check);
        resolve(found);
      };
      const deadline = setTimeout(() => {
        clearInterval(poll);
        this.#waiting.delete(check);
        const refusals = JSON.stringify(this.transport.stats().refusals);
        reject(new Error(`${what}: not seen in time; ${this.inputs.length} inputs, refusals ${refusals}`));
      }, withinMs);
      // Counters of the transport change without an event.
      const poll = setInterval(check, 20);
      this.#waiting.add(check);
      check();
    });
  }

  async dial(
    to: Station | undefined,
    addresses: readonly string[],
    more: { fresh?: boolean; timeoutMs?: number } = {},
  ): Promise<DialOutcome> {
    const dial = ++this.#dials;
    const timeoutMs = more.timeoutMs ?? 5000;
    this.transport.connect({ dial, to: to?.id, addresses, fresh: more.fresh ?? false, timeoutMs });
    const outcome = (): DialOutcome | undefined => {
      for (const input of this.inputs) if (input.type === 'dialed' && input.dial === dial) return input.outcome;
      return undefined;
    };
    return this.until(`dialed ${dial}`, outcome, timeoutMs + waitMs);
  }

  async linkedTo(other: Station, times = 1): Promise<void> {
    await this.until(`linked ${times} times`, () => this.states(other).filter((state) => state === 'linked').length >= times);
  }

  states(other: Station): string[] {
    return this.inputs.flatMap((input) => (input.type === 'peer' && input.id === other.id ? [input.state] : []));
  }

  from(other: Station): Message[] {
    return this.inputs.flatMap((input) => (input.type === 'message' && input.from === other.id ? [input.message] : []));
  }

  /** Publishes until `others` all have it: a link carries events a moment after it is made. */
  async publishUntilSeen(name: string, others: readonly Station[]): Promise<void> {
    const event = { stamp: 7, name, payload: new Uint8Array([1]), nodeFilter: '', serviceFilter: '', tagFilter: '' };
    for (let attempt = 0; attempt < 40; attempt++) {
      await this.transport.publish(event);
      const arrived = others.map((other) => other.until(name, () => other.events.some((seen) => seen.name === name)));
      const all = Promise.all(arrived).then(() => true);
      all.catch(() => false);
      const done = await Promise.race([all, new Promise((resolve) => setTimeout(() => resolve(false), 250))]);
      if (done === true) return;
    }
    throw new Error(`the event ${name} did not reach everybody`);
  }

  #wake(): void {
    for (const check of this.#waiting) check();
  }
}
