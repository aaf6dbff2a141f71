/**
 * The probe loop: one member at a time is pinged; when it does not answer within the timeout, others are asked to ping
 * it and it is tried over TCP, until the interval, longer for a member in bad health, is over.
 */

import { accusation, indirectPing, packetOf, pingMessage } from './message.ts';
import type { Claim, Packet, Ping } from './message.ts';
import type { Self } from './self.ts';

interface Probe {
  readonly ping: Ping;
  readonly target: number;
  readonly address: number;
  readonly incarnation: number;
  /** Acks count until then. Set before the ping is sent, so a thread that stops there finds it passed. */
  readonly endUs: number;
  isAcked: boolean;
  isWaiting: boolean;
  nacks: number;
  nacksExpected: number;
  stream: 'none' | 'open' | 'answered' | 'silent';
}

/** What comes of probes. */
export interface Verdicts {
  /** The probed member did not answer. */
  accuse(claim: Claim): void;
  /** The loop is free for the next tick. */
  finished(): void;
}

export class Prober {
  readonly #self: Self;
  readonly #verdicts: Verdicts;
  #probe: Probe | undefined;

  constructor(self: Self, verdicts: Verdicts) {
    this.#self = self;
    this.#verdicts = verdicts;
  }

  /** Pings `target`. */
  start(target: number): void {
    const self = this.#self;
    const { config, roster } = self;
    const factor = config.awareness ? self.health.factor : 1;
    const ping = pingMessage(self.nextSeq(), target, self.address);
    const probe: Probe = {
      ping,
      target,
      address: roster.address(target),
      incarnation: roster.incarnation(target),
      endUs: self.nowUs + config.probeIntervalMs * 1000 * factor,
      isAcked: false,
      isWaiting: false,
      nacks: 0,
      nacksExpected: 0,
      stream: 'none',
    };
    this.#probe = probe;
    const packet = this.#direct(probe);
    self.gate.pass(() => {
      self.port.send(probe.address, packet);
      const timeoutUs = config.probeTimeoutMs * 1000 * (config.awarenessScalesTimeout ? factor : 1);
      this.#wait(probe, Math.min(self.nowUs + timeoutUs, probe.endUs), () => this.#askOthers(probe));
    });
  }

  /** An ack arrived. Returns whether it is for the probe under way. */
  ack(seq: number): boolean {
    const probe = this.#probe;
    if (probe === undefined || probe.ping.seq !== seq) return false;
    if (this.#self.nowUs >= probe.endUs) return true;
    probe.isAcked = true;
    if (probe.isWaiting) this.#end(probe, true);
    return true;
  }

  nack(seq: number): void {
    const probe = this.#probe;
    if (probe?.ping.seq === seq && this.#self.nowUs < probe.endUs) probe.nacks++;
  }

  /** To a suspected member, a buddy says that it is suspected, rather than what else is new. */
  #direct(probe: Probe): Packet {
    const { config, roster, member } = this.#self;
    if (!config.buddy || roster.isAlive(probe.target)) return this.#self.withClaims(probe.ping);
    return packetOf([probe.ping, accusation('suspect', probe.target, probe.incarnation, member)]);
  }

  /** Goes on at `atUs`, unless an ack comes first. */
  #wait(probe: Probe, atUs: number, next: () => void): void {
    const self = this.#self;
    if (probe.isAcked) {
      this.#end(probe, true);
      return;
    }
    if (self.nowUs >= atUs) {
      next();
      return;
    }
    probe.isWaiting = true;
    self.deadlines.add(atUs, () => {
      if (this.#probe !== probe) return;
      probe.isWaiting = false;
      next();
    });
  }

  #askOthers(probe: Probe): void {
    const self = this.#self;
    const { config, roster } = self;
    const helpers = roster.random(
      config.indirectChecks,
      (member) => member !== self.member && member !== probe.target && roster.isAlive(member),
    );
    const wantsNack = config.nackAfterMs > 0;
    probe.nacksExpected = wantsNack ? helpers.length : 0;
    const ask = (at: number): void => {
      const helper = helpers[at];
      if (helper === undefined) {
        this.#tryStream(probe);
        this.#wait(probe, probe.endUs, () => this.#conclude(probe));
        return;
      }
      const packet = self.withClaims(indirectPing(probe.ping, probe.address, wantsNack));
      const address = roster.address(helper);
      self.gate.pass(() => {
        self.port.send(address, packet);
        ask(at + 1);
      });
    };
    ask(0);
  }

  #tryStream(probe: Probe): void {
    const { config, nowUs, port } = this.#self;
    if (!config.streamPing || nowUs >= probe.endUs) return;
    probe.stream = 'open';
    port.exchange(probe.address, {
      request: probe.ping,
      deadlineUs: probe.endUs,
      done: (answer) => {
        probe.stream = answer?.type === 'ack' && answer.seq === probe.ping.seq ? 'answered' : 'silent';
        if (this.#probe === probe && !probe.isWaiting && this.#self.nowUs >= probe.endUs) this.#conclude(probe);
      },
    });
  }

  /** The interval is over. An attempt over TCP whose thread is stopped is waited for. */
  #conclude(probe: Probe): void {
    if (probe.stream !== 'open') this.#end(probe, probe.isAcked || probe.stream === 'answered');
  }

  #end(probe: Probe, isAlive: boolean): void {
    const { health, member } = this.#self;
    this.#probe = undefined;
    if (isAlive) health.apply(-1);
    else {
      this.#verdicts.accuse(accusation('suspect', probe.target, probe.incarnation, member));
      health.apply(probe.nacksExpected > 0 ? Math.max(0, probe.nacksExpected - probe.nacks) : 1);
    }
    this.#verdicts.finished();
  }
}
