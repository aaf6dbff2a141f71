/** One member of the reference protocol on a desk: everything it does is seen, and everything that it hears is said by a test. */

import { seededRng } from '@skein/core';
import { SwimNode, swimProfiles } from '@skein/sim';
import type { Claim, Packet, StreamExchange, SwimChange, SwimConfig, SwimMessage } from '@skein/sim';

export class Desk {
  readonly node: SwimNode;
  readonly sent: { readonly to: number; readonly packet: Packet }[] = [];
  readonly exchanges: { readonly to: number; readonly ask: StreamExchange }[] = [];
  readonly changes: SwimChange[] = [];
  nowUs = 0;

  /** A member 0 that knows members 1 to `others`. */
  constructor(config: Partial<SwimConfig>, others: number) {
    this.node = new SwimNode({
      member: 0,
      address: 0,
      config: { ...swimProfiles.lifeguard, pushPullIntervalMs: 0, ...config },
      rng: seededRng(7),
      port: {
        send: (to, packet) => this.sent.push({ to, packet }),
        exchange: (to, ask) => this.exchanges.push({ to, ask }),
        changed: (change) => this.changes.push(change),
        ended: () => {},
      },
      nowUs: 0,
    });
    const members = Array.from({ length: others + 1 }, (_, member) => member);
    this.node.start({ settled: members.map((member) => ({ member, status: 'alive', incarnation: 1, address: member })) });
  }

  hear(...messages: SwimMessage[]): void {
    this.node.receive({ messages, bytes: 100 }, this.nowUs);
  }

  /** Lets `ms` pass, deadline by deadline. `after` runs after each, with what it sent. */
  pass(ms: number, after: (sent: Desk['sent']) => void = () => {}): void {
    const endUs = this.nowUs + ms * 1000;
    for (let dueUs = this.node.nextDeadlineUs(); dueUs !== undefined && dueUs <= endUs; dueUs = this.node.nextDeadlineUs()) {
      this.nowUs = Math.max(this.nowUs, dueUs);
      const from = this.sent.length;
      this.node.tick(this.nowUs);
      after(this.sent.slice(from));
    }
    this.nowUs = endUs;
  }

  /** All that was said of a kind. */
  said<K extends SwimMessage['type']>(type: K): (SwimMessage & { type: K })[] {
    return this.sent.flatMap(({ packet }) =>
      packet.messages.filter((message): message is SwimMessage & { type: K } => message.type === type),
    );
  }

  /** Lets `ms` pass while every ping is answered at once. */
  passInPeace(ms: number): void {
    this.pass(ms, (sent) => {
      for (const { packet } of sent) {
        const [message] = packet.messages;
        if (message?.type === 'ping') this.hear({ type: 'ack', seq: message.seq, bytes: 22 });
      }
    });
  }

  /** When the member changed its mind about one to `to`, in ms, while every ping is answered. */
  runUntilChange(to: SwimChange['to'], withinMs: number): number | undefined {
    const endUs = this.nowUs + withinMs * 1000;
    while (this.nowUs < endUs) {
      const seen = this.changes.length;
      this.passInPeace(1);
      if (this.changes.slice(seen).some((change) => change.to === to)) return this.nowUs / 1000;
    }
    return undefined;
  }
}

/** What is said about a member, as another would. */
export function claim(type: Claim['type'], subject: number, incarnation: number, from: number): Claim {
  return { type, subject, incarnation, from, address: subject, bytes: type === 'alive' ? 76 : 43 };
}
