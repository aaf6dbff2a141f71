/** What the parts of one member share. */

import type { Rng } from '@skein/core';
import type { SwimConfig } from './config.ts';
import type { Deadlines } from './deadlines.ts';
import type { Gate } from './gate.ts';
import type { Health } from './health.ts';
import type { Packet, StreamMessage, SwimMessage, SwimStatus } from './message.ts';
import type { Roster } from './roster.ts';

/** What a member asks of the host that it runs on. Hosts are numbers too. */
export interface SwimPort {
  send(to: number, packet: Packet): void;
  /**
   * One question over a TCP connection of its own. `done` is called once: with the answer, or with nothing at the
   * deadline. While the member's threads are stopped it is called when they go on.
   */
  exchange(to: number, ask: StreamExchange): void;
  /** This member changed its mind about one, because of what `from` said. */
  changed(change: SwimChange): void;
  /** It has left, or was told that it is out: its process ends. */
  ended(): void;
}

export interface StreamExchange {
  readonly request: StreamMessage;
  readonly deadlineUs: number;
  readonly done: (answer: StreamMessage | undefined) => void;
}

export interface SwimChange {
  readonly subject: number;
  readonly from: SwimStatus;
  readonly to: SwimStatus;
  readonly incarnation: number;
  readonly accuser: number;
}

/** One member, as its parts see it. */
export interface Self {
  readonly member: number;
  readonly address: number;
  readonly config: SwimConfig;
  readonly rng: Rng;
  readonly nowUs: number;
  readonly deadlines: Deadlines;
  readonly gate: Gate;
  readonly roster: Roster;
  readonly health: Health;
  readonly port: SwimPort;
  /** A number for a ping, used once. */
  nextSeq(): number;
  /** `message` and as many waiting claims as fit with it. */
  withClaims(message: SwimMessage): Packet;
}
