/**
 * The network of a world: who is linked to whom, and how the effects `send`, `connect` and `disconnect` become
 * inputs of other nodes. It keeps the contract of the real transport: one connection per pair, every dial
 * answered once and after the `linked` input of its link, nothing delivered on a link that is not linked.
 */

import type { DialFailure, DialOutcome, Effect, Lane, Message, NodeId } from '@skein/core';
import { assert } from '@skein/core';
import { End } from './connection.ts';
import type { Wires } from './connection.ts';
import { dial } from './dial.ts';
import type { DialResult, Exchange } from './dial.ts';
import type { Host, Site } from './host.ts';
import { LinkTable } from './link.ts';
import type { LinkSettings, Path } from './link.ts';
import type { NetworkName } from './quantiles.ts';
import type { Randomness } from './randomness.ts';

/** Virtual time, as the network needs it. */
export interface Timeline {
  readonly nowUs: number;
  /**
   * `queue`: what keeps its order even in a world that shuffles what happens at one time, a positive number. 0, the default,
   * comes before all others.
   */
  schedule(atUs: number, run: () => void, queue?: number): void;
}

type ConnectEffect = Extract<Effect, { type: 'connect' }>;

/** Counts since the world began. */
export interface NetworkFigures {
  readonly messages: number;
  readonly bytes: number;
  /** Sent without a link, or into a full buffer. */
  readonly dropped: number;
  /** Of these, those that a full buffer had no room for. */
  readonly overflowed: number;
  /** Connections that ended since bytes were changed on their way. */
  readonly garbled: number;
  readonly dials: number;
  readonly handshakes: number;
}

/** CPU of one handshake on one side: what `npm run bench -- handshake` sees on a cold process, and a quarter more than later. */
const handshakeUs = 8_000;
/** Inbound connections that the transport lets wait for their handshake. */
const pendingHandshakesMax = 256;

export class Network implements Wires, Exchange {
  readonly #timeline: Timeline;
  readonly #links: LinkTable;
  /** By host index: its end of the connection to each peer it is linked with. */
  readonly #ends: Map<NodeId, End>[] = [];
  readonly #listeners = new Map<string, Host>();
  #hostnames = new Set<string>();
  readonly #flaps = new Set<() => void>();
  readonly #busyUntilUs: number[] = [];
  /** By host index: the most that one of its ends ever held. */
  readonly #mostBufferedBytes: number[] = [];
  readonly #figures = { messages: 0, bytes: 0, dropped: 0, overflowed: 0, garbled: 0, dials: 0, handshakes: 0 };

  constructor(timeline: Timeline, randomness: Randomness, network: NetworkName) {
    this.#timeline = timeline;
    this.#links = new LinkTable(network, randomness);
  }

  get nowUs(): number {
    return this.#timeline.nowUs;
  }

  get figures(): NetworkFigures {
    return this.#figures;
  }

  schedule(atUs: number, run: () => void, queue?: number): void {
    this.#timeline.schedule(atUs, run, queue);
  }

  /** Makes a host known under its addresses, and under none that it had before. Who comes last has an address. */
  attach(host: Host): void {
    if (this.#ends[host.index] === undefined) {
      this.#ends[host.index] = new Map();
      this.#busyUntilUs[host.index] = 0;
    } else {
      for (const [address, listener] of this.#listeners) if (listener === host) this.#listeners.delete(address);
      this.#hostnames = new Set([...this.#listeners.keys()].map(hostname));
    }
    for (const address of host.addresses) {
      this.#listeners.set(address, host);
      this.#hostnames.add(hostname(address));
    }
  }

  path(from: Site, to: Site): Path {
    return this.#links.path(from, to);
  }

  // ---- settings and faults

  /** Settings of all links that have no more specific ones. Fields not named stay as they are. */
  setDefault(settings: Partial<LinkSettings>): void {
    this.#links.setDefault(settings);
  }

  /** Settings of the links from one zone to another, in that direction. Replaces earlier ones. */
  setZones(from: string, to: string, settings: Partial<LinkSettings>): void {
    this.#links.setZones(from, to, settings);
  }

  /** Settings of the link from one host to another, in that direction. Replaces earlier ones. */
  setLink(from: Site, to: Site, settings: Partial<LinkSettings>): void {
    this.#links.setPair(from, to, settings);
  }

  /** Silence between hosts of different groups. A host in no group keeps all its paths. Returns the way to heal it. */
  split(...groups: readonly (readonly Site[])[]): () => void {
    const heals = groups.map((group) =>
      this.#links.cut(
        group,
        groups.filter((other) => other !== group).flatMap((other) => other),
      ),
    );
    return () => {
      for (const heal of heals) heal();
    };
  }

  /** Silence in one direction only. Returns the way to heal it. */
  cut(from: readonly Site[], to: readonly Site[]): () => void {
    return this.#links.cut(from, to);
  }

  /** As `cut`, for `onMs`, then not for `offMs`, and so on. Returns the way to end it. */
  flap(from: readonly Site[], to: readonly Site[], period: { readonly onMs: number; readonly offMs: number }): () => void {
    assert(period.onMs > 0 && period.offMs > 0, 'a path flaps in steps of 1 ms at least');
    let heal: (() => void) | undefined;
    const stop = (): void => {
      this.#flaps.delete(stop);
      heal?.();
    };
    const turn = (): void => {
      if (!this.#flaps.has(stop)) return;
      heal?.();
      heal = heal === undefined ? this.cut(from, to) : undefined;
      this.schedule(this.nowUs + (heal === undefined ? period.offMs : period.onMs) * 1000, turn);
    };
    this.#flaps.add(stop);
    turn();
    return stop;
  }

  /** Holds what is under way, and what is sent meanwhile, until the function that it returns is called; then it arrives, in order. */
  clog(from: readonly Site[], to: readonly Site[]): () => void {
    return this.#links.clog(from, to);
  }

  /** Changes bytes of packets in one direction, with this chance for each. Returns the way to end it. */
  corrupt(from: readonly Site[], to: readonly Site[], share: number): () => void {
    return this.#links.override(from, to, { corrupt: share });
  }

  /**
   * Other settings on the directed paths between two sets of hosts, above all that were set. Where several override a
   * field, the latest wins, and undoing it, by the function that it returns, restores the other.
   */
  override(from: readonly Site[], to: readonly Site[], settings: Partial<LinkSettings>): () => void {
    return this.#links.override(from, to, settings);
  }

  /** Ends all cuts, clogs and overrides, and all settings but the default latency: what the network had at first holds. */
  heal(): void {
    for (const stop of this.#flaps) stop();
    this.#links.heal();
  }

  // ---- effects of nodes

  /** Performs a `send` effect: dropped when there is no link. */
  send(from: Host, to: NodeId, message: Message, lane: Lane): void {
    const end = this.#ends[from.index]?.get(to);
    const bytes = end?.send(message, lane) ?? 0;
    this.#figures.messages++;
    this.#figures.bytes += bytes;
    if (bytes > 0) {
      const { bufferedBytes = 0 } = end ?? {};
      if (bufferedBytes > this.mostBufferedBytes(from)) this.#mostBufferedBytes[from.index] = bufferedBytes;
      return;
    }
    this.#figures.dropped++;
    if (end?.open === true) this.#figures.overflowed++;
  }

  /** The most bytes that any connection of a host ever held, from its writing to their reading. */
  mostBufferedBytes(host: Site): number {
    return this.#mostBufferedBytes[host.index] ?? 0;
  }

  /** Performs a `connect` effect: always answered by a `dialed` input, unless the process ends before. */
  connect(from: Host, effect: ConnectEffect): void {
    this.#figures.dials++;
    if (!effect.fresh && effect.to !== undefined && this.isLinked(from, effect.to)) {
      this.#answer(from, effect, { ok: true, id: effect.to });
      return;
    }
    dial(this, from, effect, (result) => this.#dialed(from, effect, result));
  }

  /** Links two hosts without a dial, as if they had been linked long ago. */
  join(a: Host, b: Host): void {
    const near = new End(a, this);
    const far = new End(b, this);
    End.join(near, far, this.nowUs);
    this.#link(near);
    this.#link(far);
  }

  /** Performs a `disconnect` effect: both sides are told that the link is lost. */
  disconnect(from: Host, to: NodeId): void {
    const end = this.#ends[from.index]?.get(to);
    if (end === undefined) return;
    end.close();
    this.schedule(this.nowUs, () => this.lost(end));
  }

  /** The process of `host` ended: the kernel closes its connections, or, without power, nobody hears of it. */
  detach(host: Host, how: 'close' | 'silent'): void {
    const ends = this.#ends[host.index] as Map<NodeId, End>;
    for (const end of ends.values()) {
      if (how === 'close') end.close();
      else end.drop();
    }
    ends.clear();
    this.#busyUntilUs[host.index] = 0;
  }

  isLinked(host: Host, peer: NodeId): boolean {
    return this.#ends[host.index]?.has(peer) === true;
  }

  /** Whom a host is linked with, in the order of their links. */
  peers(host: Host): readonly NodeId[] {
    return [...(this.#ends[host.index]?.keys() ?? [])];
  }

  // ---- what connections and dials ask

  resolve(address: string): Host | DialFailure {
    const host = this.#listeners.get(address);
    if (host !== undefined) return host.dialOutOnly ? 'timeout' : host;
    if (!/^[^\s:]+:\d{1,5}$|^\[[0-9a-f:]+\]:\d{1,5}$/i.test(address)) return 'unresolvable';
    if (this.#hostnames.has(hostname(address))) return 'refused';
    // An unused address in a site is silent; a name nobody has does not resolve.
    return /^[\d.]+$|^\[/.test(hostname(address)) ? 'timeout' : 'unresolvable';
  }

  isCrowded(host: Host): boolean {
    return (this.#busyUntilUs[host.index] ?? 0) - this.nowUs > pendingHandshakesMax * handshakeUs;
  }

  handshakeDoneUs(host: Host): number {
    const doneUs = Math.max(this.nowUs, this.#busyUntilUs[host.index] ?? 0) + handshakeUs;
    this.#busyUntilUs[host.index] = doneUs;
    return doneUs;
  }

  arrived(end: End, message: Message, taken: () => void): void {
    end.host.receive({ type: 'message', from: end.far.id, message }, taken);
  }

  lost(end: End): void {
    const ends = this.#ends[end.host.index] as Map<NodeId, End>;
    const peer = end.far.id;
    if (ends.get(peer) !== end) return;
    ends.delete(peer);
    end.host.receive({ type: 'peer', id: peer, state: 'lost' });
  }

  garbled(end: End): void {
    this.#figures.garbled++;
    end.close();
    this.lost(end);
  }

  pressure(end: End, state: 'congested' | 'writable'): void {
    this.schedule(this.nowUs, () => {
      const peer = end.far.id;
      if (this.#ends[end.host.index]?.get(peer) === end) end.host.receive({ type: 'peer', id: peer, state });
    });
  }

  // ---- admission

  /** The hello of `from` was read at the other side, or the dial failed. */
  #dialed(from: Host, effect: ConnectEffect, result: DialResult): void {
    if (!result.ok) {
      this.#answer(from, effect, result);
      return;
    }
    const { acceptor } = result;
    this.#figures.handshakes++;
    const answeredUs = this.nowUs + this.path(acceptor, from).latencyUs();
    const failure = refusal(from, acceptor, effect.to);
    if (failure !== undefined) {
      this.schedule(answeredUs, () => this.#answer(from, effect, failure));
      return;
    }
    const known = this.#ends[acceptor.index]?.get(from.id);
    if (!effect.fresh && known !== undefined && known.far.open && known.far.boot === from.boot) {
      // Both dialled at once: the connection that was admitted first stays.
      this.schedule(answeredUs, () => this.#answer(from, effect, this.#linkedOutcome(from, acceptor)));
      return;
    }
    const near = new End(from, this);
    const far = new End(acceptor, this);
    End.join(near, far, answeredUs);
    // Before anything that the other side sends at once, so that nothing arrives on a link that is not linked yet.
    this.schedule(answeredUs, () => {
      if (from.boot !== near.boot || from.process === 'stopped') {
        near.close();
        return;
      }
      if (near.open) this.#link(near);
      this.#answer(from, effect, this.#linkedOutcome(from, acceptor));
    });
    this.#link(far);
  }

  #linkedOutcome(host: Host, peer: Host): DialOutcome {
    if (this.isLinked(host, peer.id)) return { ok: true, id: peer.id };
    return { ok: false, reason: 'refused', detail: 'the connection was closed during the hello' };
  }

  /** Admits an end. A connection that it replaces is dropped without a word: the pair stays linked. */
  #link(end: End): void {
    const { id, host } = end.far;
    const ends = this.#ends[end.host.index] as Map<NodeId, End>;
    ends.get(id)?.drop();
    ends.set(id, end);
    end.host.receive({ type: 'peer', id, state: 'linked', epoch: host.epoch, wallMs: host.wallMs });
  }

  #answer(host: Host, effect: ConnectEffect, outcome: DialOutcome): void {
    const { boot } = host;
    this.schedule(this.nowUs, () => {
      if (host.boot === boot) host.receive({ type: 'dialed', dial: effect.dial, outcome });
    });
  }
}

function refusal(from: Host, acceptor: Host, wanted: NodeId | undefined): DialOutcome | undefined {
  if (wanted !== undefined && wanted !== acceptor.id) {
    return { ok: false, reason: 'wrong-peer', detail: `${acceptor.id} answers there` };
  }
  if (from.mesh === acceptor.mesh) return undefined;
  return { ok: false, reason: 'rejected', detail: `wrong-mesh: ${acceptor.id} belongs to mesh ${acceptor.mesh}` };
}

function hostname(address: string): string {
  return address.slice(0, address.lastIndexOf(':'));
}
