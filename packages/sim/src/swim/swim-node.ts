/**
 * One member of the reference protocol: SWIM with Lifeguard as memberlist does it, a state machine with no clock, no
 * sockets and no randomness of its own. Inputs carry the time in microseconds; what it does goes out through its port.
 *
 * memberlist is several threads that share this state: one that probes, one that gossips, one for full exchanges, one
 * that reads packets. Each of them stops where it sends while `setBlocked` holds, and timers go on.
 *
 * Read next: `prober.ts`, `knowledge.ts`, `suspicion.ts`, `broadcasts.ts`.
 */

import type { Rng } from '@skein/core';
import { Broadcasts } from './broadcasts.ts';
import type { SwimConfig } from './config.ts';
import { Deadlines } from './deadlines.ts';
import { Gate } from './gate.ts';
import { Health } from './health.ts';
import { Knowledge } from './knowledge.ts';
import { ackMessage, compoundHeaderBytes, compoundPartBytes, packetOf, stateMessage } from './message.ts';
import type { MemberState, Packet, StreamMessage, SwimMessage, SwimStatus } from './message.ts';
import { Prober } from './prober.ts';
import { Relay } from './relay.ts';
import { Roster } from './roster.ts';
import type { Self, SwimPort } from './self.ts';
import { Ticker } from './ticker.ts';
import { pushPullUs, retransmitLimit } from './timing.ts';

export interface SwimNodeOptions {
  /** Its number, which is its name. */
  readonly member: number;
  /** The number of the host that it runs on. */
  readonly address: number;
  readonly config: SwimConfig;
  readonly rng: Rng;
  readonly port: SwimPort;
  readonly nowUs: number;
}

const leaveTimeoutUs = 5_000_000;

export class SwimNode {
  readonly #self: Self;
  readonly #roster: Roster;
  readonly #broadcasts = new Broadcasts();
  readonly #deadlines = new Deadlines();
  readonly #gate = new Gate();
  readonly #health: Health;
  readonly #knowledge: Knowledge;
  readonly #prober: Prober;
  readonly #relay: Relay;
  readonly #probing: Ticker;
  readonly #gossiping: Ticker | undefined;
  #nowUs: number;
  #seq = 0;

  constructor(options: SwimNodeOptions) {
    const { config, rng, nowUs } = options;
    this.#nowUs = nowUs;
    this.#roster = new Roster(rng);
    this.#health = new Health(config);
    const now = (): number => this.#nowUs;
    this.#self = {
      member: options.member,
      address: options.address,
      config,
      rng,
      get nowUs(): number {
        return now();
      },
      deadlines: this.#deadlines,
      gate: this.#gate,
      roster: this.#roster,
      health: this.#health,
      port: options.port,
      nextSeq: () => ++this.#seq,
      withClaims: (message) => this.#withClaims(message),
    };
    this.#knowledge = new Knowledge(this.#self, this.#broadcasts, () => this.#queued());
    this.#prober = new Prober(this.#self, {
      accuse: (claim) => this.#knowledge.take(claim),
      finished: () => this.#probing.finished(this.#nowUs, true),
    });
    this.#relay = new Relay(this.#self);
    const ticks = (intervalMs: number): { readonly firstUs: number; readonly intervalUs: number } => {
      const intervalUs = intervalMs * 1000;
      return { firstUs: nowUs + rng.below(intervalUs), intervalUs };
    };
    this.#probing = new Ticker(this.#deadlines, ticks(config.probeIntervalMs), () => this.#probe());
    this.#gossiping =
      config.gossipIntervalMs === 0
        ? undefined
        : new Ticker(this.#deadlines, ticks(config.gossipIntervalMs), () => this.#gossip());
  }

  /** Starts to live. With `seeds`, hosts to join through; with `settled`, in the middle of a mesh that has these members. */
  start(options: { readonly seeds?: readonly number[]; readonly settled?: readonly MemberState[] }): void {
    const { config, rng } = this.#self;
    if (options.settled === undefined) this.#knowledge.appear();
    else this.#knowledge.settle(options.settled);
    this.#probing.arm(this.#nowUs);
    if (config.pushPullIntervalMs > 0) {
      this.#deadlines.add(this.#nowUs + rng.below(config.pushPullIntervalMs * 1000), () => this.#schedulePushPull());
    }
    if (options.seeds !== undefined && options.seeds.length > 0) this.#join(options.seeds, 0);
  }

  // ---- inputs

  /** The thread that reads took a packet. It takes none while `setBlocked` holds. */
  receive(packet: Packet, nowUs: number): void {
    this.#nowUs = nowUs;
    for (const message of packet.messages) this.#handle(message);
  }

  /** A question arrived over TCP. `reply` is called when it is answered, perhaps later, perhaps never. */
  answer(request: StreamMessage, nowUs: number, reply: (answer: StreamMessage) => void): void {
    this.#nowUs = nowUs;
    this.#gate.pass(() => {
      if (request.type === 'ping') {
        if (request.target !== this.#self.member) return;
        this.#gate.pass(() => reply(ackMessage(request.seq)));
      } else if (request.type === 'state') {
        const answer = stateMessage(this.#knowledge.states());
        this.#gate.pass(() => {
          reply(answer);
          this.#knowledge.merge(request.members);
        });
      }
    });
  }

  /** Goes on with a thread of this member, now or when its threads may. */
  resume(nowUs: number, run: () => void): void {
    this.#nowUs = nowUs;
    this.#gate.pass(run);
  }

  /** Meets all deadlines up to `nowUs`. */
  tick(nowUs: number): void {
    this.#nowUs = nowUs;
    this.#deadlines.run(nowUs);
  }

  /** Lifeguard's anomaly: its threads stop before they send and after they receive, until this is undone. */
  setBlocked(isBlocked: boolean, nowUs: number): void {
    this.#nowUs = nowUs;
    if (isBlocked) this.#gate.shut();
    else this.#gate.open();
  }

  /** Tells the others that it goes, then ends. */
  leave(nowUs: number): void {
    this.#nowUs = nowUs;
    const { member, port } = this.#self;
    let isOver = false;
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      port.ended();
    };
    const others = this.#roster.members().some((other) => other !== member && !this.#roster.isGone(other));
    this.#knowledge.leave(end);
    this.#deadlines.add(nowUs + (others ? leaveTimeoutUs : 0), end);
  }

  // ---- state

  nextDeadlineUs(): number | undefined {
    return this.#deadlines.nextUs();
  }

  status(member: number): SwimStatus {
    return this.#roster.status(member);
  }

  /** How many it takes for alive or suspect, itself included. */
  get aliveCount(): number {
    return this.#roster.members().filter((member) => !this.#roster.isGone(member)).length;
  }

  /** Its own incarnation. */
  get incarnation(): number {
    return this.#knowledge.incarnation;
  }

  /** Its local health score: 0 is well. */
  get healthScore(): number {
    return this.#health.score;
  }

  // ---- packets

  #handle(message: SwimMessage): void {
    switch (message.type) {
      case 'ping':
        if (message.target !== this.#self.member) return;
        this.#self.port.send(message.source, this.#withClaims(ackMessage(message.seq)));
        return;
      case 'ack':
        if (!this.#prober.ack(message.seq)) this.#relay.ack(message.seq);
        return;
      case 'nack':
        this.#prober.nack(message.seq);
        return;
      case 'indirect-ping':
        this.#relay.ask(message);
        return;
      default:
        this.#knowledge.take(message);
    }
  }

  #withClaims(message: SwimMessage): Packet {
    if (this.#broadcasts.size === 0) return packetOf([message]);
    const messages: SwimMessage[] = [message];
    this.#takeClaims(messages, this.#self.config.packetBytes - message.bytes - compoundHeaderBytes);
    return packetOf(messages);
  }

  #takeClaims(into: SwimMessage[], bytes: number): void {
    const { config } = this.#self;
    const limit = config.multicast ? 1 : retransmitLimit(config, this.#roster.size);
    this.#broadcasts.take(into, { bytes, overhead: compoundPartBytes, countMax: config.claimsPerPacketMax }, limit);
  }

  // ---- loops

  #probe(): void {
    const { config, member } = this.#self;
    const sinceUs = this.#nowUs - config.gossipToFailedMs * 1000;
    const target = this.#roster.nextToProbe(member, sinceUs, (gone) => this.#knowledge.forget(gone));
    if (target < 0) this.#probing.finished(this.#nowUs, true);
    else this.#prober.start(target);
  }

  #queued(): void {
    if (this.#self.config.multicast) this.#multicast();
    else this.#gossiping?.arm(this.#nowUs);
  }

  #gossip(): void {
    const { config, gate, member, port } = this.#self;
    const sinceUs = this.#nowUs - config.gossipToFailedMs * 1000;
    const targets = this.#roster.random(config.gossipNodes, (other) => other !== member && this.#roster.isTold(other, sinceUs));
    const tell = (at: number): void => {
      const target = targets[at];
      const claims: SwimMessage[] = [];
      if (target !== undefined) this.#takeClaims(claims, config.packetBytes - compoundHeaderBytes);
      if (target === undefined || claims.length === 0) {
        this.#gossiping?.finished(this.#nowUs, this.#broadcasts.size > 0);
        return;
      }
      const packet = packetOf(claims);
      const address = this.#roster.address(target);
      gate.pass(() => {
        port.send(address, packet);
        tell(at + 1);
      });
    };
    tell(0);
  }

  #multicast(): void {
    const { config, gate, member, port } = this.#self;
    const claims: SwimMessage[] = [];
    this.#takeClaims(claims, config.packetBytes);
    const packet = packetOf(claims);
    for (const other of this.#roster.members()) {
      if (other === member || this.#roster.isGone(other)) continue;
      gate.pass(() => port.send(this.#roster.address(other), packet));
    }
  }

  #schedulePushPull(): void {
    const atUs = this.#nowUs + pushPullUs(this.#self.config, this.#roster.size);
    this.#deadlines.add(atUs, () => this.#pushPull());
  }

  #pushPull(): void {
    const { member } = this.#self;
    const [partner] = this.#roster.random(1, (other) => other !== member && this.#roster.isAlive(other));
    if (partner === undefined) this.#schedulePushPull();
    else this.#exchange(this.#roster.address(partner), () => this.#schedulePushPull());
  }

  /** Tries the seeds in turn until one answers, and all of them again later when none did. */
  #join(seeds: readonly number[], at: number): void {
    const seed = seeds[at];
    if (seed === undefined) {
      this.#deadlines.add(this.#nowUs + this.#self.config.joinRetryMs * 1000, () => this.#join(seeds, 0));
      return;
    }
    this.#exchange(seed, (isDone) => {
      if (!isDone) this.#join(seeds, at + 1);
    });
  }

  #exchange(address: number, done: (isDone: boolean) => void): void {
    const { config, port } = this.#self;
    port.exchange(address, {
      request: stateMessage(this.#knowledge.states()),
      deadlineUs: this.#nowUs + config.streamTimeoutMs * 1000,
      done: (answer) => {
        if (answer?.type === 'state') this.#knowledge.merge(answer.members);
        done(answer?.type === 'state');
      },
    });
  }
}
