/** Pings on behalf of others: the answer is passed on, and its absence told when that was asked for. */

import { ackMessage, nackMessage, pingMessage } from './message.ts';
import type { IndirectPing } from './message.ts';
import type { Self } from './self.ts';

export class Relay {
  readonly #self: Self;
  /** By the number of our ping: whom to answer, with which number. */
  readonly #open = new Map<number, IndirectPing>();

  constructor(self: Self) {
    this.#self = self;
  }

  ask(asked: IndirectPing): void {
    const self = this.#self;
    const { config } = self;
    const seq = self.nextSeq();
    this.#open.set(seq, asked);
    self.port.send(asked.address, self.withClaims(pingMessage(seq, asked.target, self.address)));
    const waitMs = asked.nack ? config.nackAfterMs : config.probeTimeoutMs;
    self.deadlines.add(self.nowUs + waitMs * 1000, () => {
      if (!this.#open.delete(seq) || !asked.nack) return;
      const packet = self.withClaims(nackMessage(asked.seq));
      self.gate.pass(() => self.port.send(asked.source, packet));
    });
  }

  ack(seq: number): void {
    const asked = this.#open.get(seq);
    if (asked === undefined) return;
    this.#open.delete(seq);
    this.#self.port.send(asked.source, this.#self.withClaims(ackMessage(asked.seq)));
  }
}
