/**
 * Which links this node has and dials, to have those that the topology wants, built in the background at a bounded rate.
 *
 * A member without a link is dialled with back-off, for as long as it is remembered: hosts come back, partitions
 * heal. Of two nodes that hear of each other, the one with the greater id dials first, and the other only if that
 * did not help (one side may not be dialable). A link that breaks is evidence: both sides dial at once.
 *
 * Step by step: join.txt, lost-link.txt and restart.txt in test/datadriven.
 */

import type { CommandResult } from '../command.ts';
import type { KnownPeer } from '../effect.ts';
import type { NodeId } from '../identity.ts';
import type { DialFailure, DialOutcome } from '../input.ts';
import { limits } from '../limits.ts';
import type { Turn } from '../turn.ts';

export interface LinkListener {
  linked(id: NodeId, epoch: number): void;
  lost(id: NodeId): void;
  /** A dial to a member failed. `evidence`: it followed a broken link or a failed probe. */
  dialFailed(id: NodeId, reason: DialFailure, evidence: boolean): void;
  /** The link with a member carried no answer, and neither did a dial of our own: we at least cannot reach it. */
  unreached(id: NodeId): void;
  /** Whether a link with it is to be had for as long as it is known. */
  isWanted(id: NodeId): boolean;
  /** Whether the mesh is so small that others may need the links that we do not: then each that there is stays. */
  isSmall(): boolean;
  /** Where a member can be dialled; undefined when it is not to be dialled (any more). */
  addressesOf(id: NodeId): readonly string[] | undefined;
}

interface Link {
  /** When something last came over it. */
  heardAt: number;
  congested: boolean;
  /** Probes since its last answer that others could answer for it. */
  doubts: number;
}

/** Somebody to dial: a member or remembered peer by id, or a seed by address. */
interface Target {
  readonly key: string;
  readonly to: NodeId | undefined;
  /** Addresses of a seed or remembered peer; a member's come from its record. */
  readonly addresses: readonly string[];
  attempts: number;
  dialing: boolean;
  evidence: boolean;
  fresh: boolean;
  joined: boolean;
  /** Whether there ever was a link to it in this boot. */
  met: boolean;
  /** Whether it is dialled once, to see, and not again. */
  once: boolean;
  /** Who answered at a seed's address last. */
  answeredBy: NodeId | undefined;
  /** For how long a seed that brings nobody new is let be, and whether that was. */
  restMs: number;
  rested: boolean;
}

/** Dials to somebody never met that may time out before it counts: in a burst of joins everybody is slow to accept. */
const strangerTimeouts = 3;
/** A healthy node hears from somebody several times within this part of a probe's time. */
const deafShare = 0.8;
const deafMaxMs = 60_000;
/** The longest wait between two dials while there is no link at all. */
const aloneRedialMaxMs = 4000;
/** The longest time for which a seed's name is not looked through again. */
const nameRestMaxMs = 300_000;
/** A link that is not needed stays for so long: newcomers need the one they joined by, and views differ for a moment. */
const spareMs = 30_000;

export class Links {
  readonly #turn: Turn;
  readonly #listener: LinkListener;
  readonly #links = new Map<NodeId, Link>();
  readonly #targets = new Map<string, Target>();
  /** Dials under way, and when each has to be over. */
  readonly #dials = new Map<number, { readonly target: Target; readonly until: number }>();
  /** Targets whose time has come, waiting for a free dial. */
  readonly #waiting = new Map<string, Target>();
  /** When something last came over any link. */
  #heardAt = Number.NEGATIVE_INFINITY;
  /** When something came again after a silence in which a probe could have failed. */
  #recoveredAt = Number.NEGATIVE_INFINITY;
  /** Links that are not wanted, and since when, oldest first. */
  readonly #spare = new Map<NodeId, number>();

  constructor(turn: Turn, listener: LinkListener) {
    this.#turn = turn;
    this.#listener = listener;
  }

  has(id: NodeId): boolean {
    return this.#links.has(id);
  }

  /** Whether there is a link that takes bulk data now. */
  isWritable(id: NodeId): boolean {
    return this.#links.get(id)?.congested === false;
  }

  ids(): IterableIterator<NodeId> {
    return this.#links.keys();
  }

  get size(): number {
    return this.#links.size;
  }

  // --- what is wanted ---

  /** Adds seeds: addresses that are dialled whoever answers there. Refuses all of them when one is wrong or they are too many. */
  join(addresses: readonly string[]): CommandResult {
    const bad = addresses.find((address) => address.length > limits.addressLength || !/^(\/.+|.+:\d{1,5})$/.test(address));
    if (bad !== undefined)
      return { ok: false, code: 'invalid-address', message: `"${bad}" is not an address: give host:port, as in 10.0.0.7:7946` };
    const fresh = new Set(addresses.filter((address) => !this.#targets.has(seedKey(address))));
    let known = 0;
    for (const target of this.#targets.values()) if (target.to === undefined) known++;
    if (known + fresh.size > limits.seeds) {
      const message = `more than ${limits.seeds} addresses to join: a few are enough to find the others`;
      return { ok: false, code: 'limit-exceeded', message };
    }
    for (const address of addresses) {
      const target = this.#target(seedKey(address), undefined, [address]);
      target.joined = false;
      target.answeredBy = undefined;
      this.#dialSoon(target, 0);
    }
    return { ok: true };
  }

  /** Peers of an earlier boot: dialled until they are heard of, one way or another. */
  addKnownPeers(peers: readonly KnownPeer[]): void {
    for (const peer of peers) {
      if (peer.id === this.#turn.self || peer.addresses.length === 0) continue;
      this.#dialSoon(this.#target(memberKey(peer.id), peer.id, peer.addresses), this.#turn.rng.below(100));
    }
  }

  /** A member is present and wants a link, `inMs` from now. */
  want(id: NodeId, inMs: number): void {
    this.#spare.delete(id);
    if (this.#links.has(id)) return;
    const target = this.#target(memberKey(id), id, []);
    target.attempts = 0;
    target.once = false;
    const patience = this.#turn.self > id ? 0 : this.#turn.config.dialTimeoutMs;
    this.#dialSoon(target, patience + inMs);
  }

  /** A member needs no link any more: one that there is may stay for a while. */
  unwant(id: NodeId): void {
    if (this.#links.has(id)) this.#keepSpare(id);
    else this.drop(id);
  }

  /** Dials a member that needs no link, once, to see whether it is there and knows the same. */
  visit(id: NodeId): void {
    if (this.#links.has(id)) return;
    const isKnown = this.#targets.has(memberKey(id));
    const target = this.#target(memberKey(id), id, []);
    // In a mesh that was large, there may be many more of the gone than of those who are left.
    if (!isKnown) target.once = true;
    this.#dialSoon(target, 0);
  }

  /** The deadline `trim`: closes links that are not needed, but for the newest few. */
  trimDue(): void {
    const { now, config } = this.#turn;
    let extra = this.#spare.size - config.longLinks;
    if (extra > 0 && this.#listener.isSmall()) return this.#turn.deadlines.set('trim', now + spareMs);
    for (const [id, since] of this.#spare) {
      if (extra-- <= 0) return;
      if (since + spareMs > now) return this.#turn.deadlines.set('trim', since + spareMs);
      this.#spare.delete(id);
      this.#turn.perform({ type: 'disconnect', to: id, reason: 'not needed' });
    }
  }

  #keepSpare(id: NodeId): void {
    this.#spare.delete(id);
    this.#spare.set(id, this.#turn.now);
    if (this.#spare.size > this.#turn.config.longLinks) this.#turn.deadlines.setEarlier('trim', this.#turn.now + spareMs);
  }

  /**
   * A link carried no answer though others have one from its member. The second time in a row it is replaced: a busy
   * host answers late once in a while, and a handshake more would make it busier.
   */
  doubt(id: NodeId): void {
    const link = this.#links.get(id);
    if (link === undefined || ++link.doubts < 2) return;
    const target = this.#target(memberKey(id), id, []);
    target.fresh = true;
    this.#dialSoon(target, 0);
  }

  /** Dials as evidence about a member: the outcome counts as a probe's. */
  test(id: NodeId): void {
    const target = this.#target(memberKey(id), id, []);
    target.evidence = true;
    target.fresh = this.#links.has(id);
    this.#dialSoon(target, 0);
  }

  isDialing(id: NodeId): boolean {
    const key = memberKey(id);
    return this.#targets.get(key)?.dialing === true || this.#waiting.has(key);
  }

  /** A member left or is forgotten. */
  drop(id: NodeId): void {
    const key = memberKey(id);
    this.#targets.delete(key);
    this.#waiting.delete(key);
    this.#turn.deadlines.clear(`dial/${key}`);
  }

  /** A failed member gave no answer for long: its link is of no use, and in the way of the dials that find it again. */
  giveUp(id: NodeId): void {
    if (this.#links.has(id)) this.#turn.perform({ type: 'disconnect', to: id, reason: 'failed' });
  }

  // --- what happened ---

  linked(id: NodeId, epoch: number): void {
    this.#links.set(id, { heardAt: this.#turn.now, congested: false, doubts: 0 });
    const target = this.#target(memberKey(id), id, []);
    target.attempts = 0;
    target.evidence = false;
    target.fresh = false;
    target.once = false;
    target.met = true;
    this.#waiting.delete(target.key);
    this.#turn.deadlines.clear(`dial/${target.key}`);
    if (!this.#listener.isWanted(id)) this.#keepSpare(id);
    this.#turn.emit({ type: 'link-changed', id, linked: true });
    this.#listener.linked(id, epoch);
  }

  lost(id: NodeId): void {
    if (!this.#links.delete(id)) return;
    this.#spare.delete(id);
    this.#turn.emit({ type: 'link-changed', id, linked: false });
    this.#listener.lost(id);
    if (this.#listener.addressesOf(id) !== undefined && this.#listener.isWanted(id)) this.test(id);
    else this.drop(id);
    if (this.#links.size === 0) this.#redialSeeds();
  }

  /** It answered on its link: a dial under way to test it proves nothing any more, and must not cost the link. */
  answered(id: NodeId): void {
    const link = this.#links.get(id);
    if (link === undefined) return;
    link.doubts = 0;
    const target = this.#targets.get(memberKey(id));
    if (target !== undefined) target.evidence = false;
  }

  /** Something came over its link. */
  heard(id: NodeId): void {
    const link = this.#links.get(id);
    if (link === undefined) return;
    const { now, config } = this.#turn;
    link.heardAt = now;
    if (now - this.#heardAt > config.probeTimeoutMs + config.indirectTimeoutMs) this.#recoveredAt = now;
    this.#heardAt = now;
  }

  get heardAgainAt(): number {
    return this.#recoveredAt;
  }

  /**
   * Whether nothing came from anybody lately, or only began to come again: then it may be us who cannot be reached, and
   * silence says nothing of others. After a long time it does not matter any more whose fault it is.
   */
  get isDeaf(): boolean {
    const { now, config } = this.#turn;
    if (now - this.#recoveredAt < config.probeTimeoutMs + config.indirectTimeoutMs) return true;
    const silentMs = now - this.#heardAt;
    return silentMs > deafShare * config.probeTimeoutMs && silentMs < deafMaxMs;
  }

  /** Those from whom nothing came since then. */
  silentSince(at: number): NodeId[] {
    const silent: NodeId[] = [];
    for (const [id, { heardAt }] of this.#links) if (heardAt < at) silent.push(id);
    return silent;
  }

  setCongested(id: NodeId, congested: boolean): void {
    const link = this.#links.get(id);
    if (link !== undefined) link.congested = congested;
  }

  dialed(dial: number, outcome: DialOutcome): void {
    const { target, until } = this.#dials.get(dial) ?? {};
    if (target === undefined || until === undefined) return;
    this.#dials.delete(dial);
    target.dialing = false;
    this.#turn.cameLate(this.#turn.now - until);
    if (outcome.ok) this.#dialSucceeded(target, outcome.id);
    else this.#dialMissed(target, outcome.reason, outcome.detail);
    this.#dialWaiting();
  }

  /** The deadline `dial/<key>` passed. */
  dialDue(key: string): void {
    const target = this.#targets.get(key);
    if (target === undefined || target.dialing) return;
    if (target.to !== undefined && this.#links.has(target.to) && !target.fresh) return;
    if (!target.rested && this.#isUseless(target)) return this.#restSeed(target);
    target.rested = false;
    this.#waiting.set(key, target);
    this.#dialWaiting();
  }

  /**
   * A name may stand for several hosts, some of which found each other alone, each side ready and in sync: it is looked through
   * again, ever less often.
   */
  #restSeed(target: Target): void {
    const { redialMaxMs } = this.#turn.config;
    if (!isName(target.addresses[0] ?? '')) return this.#dialSoon(target, redialMaxMs);
    target.restMs = Math.min(nameRestMaxMs, Math.max(redialMaxMs, 2 * target.restMs));
    target.rested = true;
    this.#dialSoon(target, target.restMs);
  }

  // --- dialling ---

  /** A seed that brings nobody new: who answered there is known, or it was us and there is somebody to ask. */
  #isUseless({ answeredBy }: Target): boolean {
    if (answeredBy === undefined) return false;
    if (answeredBy === this.#turn.self) return this.#links.size > 0;
    return this.#links.has(answeredBy) || this.#listener.addressesOf(answeredBy) !== undefined;
  }

  #dialSucceeded(target: Target, id: NodeId): void {
    target.attempts = 0;
    target.evidence = false;
    target.fresh = false;
    if (target.to !== undefined) return;
    const address = target.addresses[0] ?? '';
    if (!target.joined) this.#turn.emit({ type: 'seed-joined', address, id });
    target.joined = true;
    // Once who answered there is gone and forgotten, the address may be the only way back to the others.
    target.answeredBy = id;
    this.#dialSoon(target, this.#turn.config.redialMaxMs);
  }

  #dialMissed(target: Target, reason: DialFailure, detail: string): void {
    target.attempts++;
    const isPatient = reason === 'timeout' && !target.met && target.attempts < strangerTimeouts;
    const evidence = target.evidence && !isPatient;
    const isUndecided = target.evidence && isPatient;
    const isFresh = target.fresh;
    target.evidence = false;
    target.fresh = false;
    const retryInMs = this.#backOffMs(target.attempts);
    if (target.to === undefined) {
      // Every host may be given the same list of seeds, its own address among them. A name that several hosts share, or a
      // balancer, may lead to another one next time.
      const isOurs = reason === 'self';
      const isNews = !isOurs || target.answeredBy !== this.#turn.self;
      target.answeredBy = isOurs ? this.#turn.self : undefined;
      this.#dialSoon(target, retryInMs);
      const { attempts } = target;
      if (isNews)
        this.#turn.emit({ type: 'seed-failed', address: target.addresses[0] ?? '', reason, detail, attempts, retryInMs });
      return;
    }
    if (this.#targets.get(target.key) !== target) return;
    if (this.#links.has(target.to)) {
      if (!evidence) return isFresh && this.#isSilent(target.to) ? this.#listener.unreached(target.to) : undefined;
      // The old link gave no answer and no new one can be had: an answer on it after all would be stale.
      this.#turn.perform({ type: 'disconnect', to: target.to, reason: 'no answer' });
    } else if (target.once || !this.#listener.isWanted(target.to)) {
      if (isUndecided) {
        target.evidence = true;
        return this.#dialSoon(target, retryInMs);
      }
      this.drop(target.to);
      if (!evidence) return;
    } else {
      this.#dialSoon(target, retryInMs);
    }
    this.#listener.dialFailed(target.to, reason, evidence);
  }

  /** Whether its link still gives no answer: one that came meanwhile counts for more than a dial. */
  #isSilent(id: NodeId): boolean {
    return (this.#links.get(id)?.doubts ?? 0) > 1;
  }

  #redialSeeds(): void {
    for (const target of this.#targets.values()) {
      if (target.to !== undefined || target.dialing) continue;
      target.answeredBy = undefined;
      this.#dialSoon(target, this.#backOffMs(1));
    }
  }

  #target(key: string, to: NodeId | undefined, addresses: readonly string[]): Target {
    const known = this.#targets.get(key);
    if (known !== undefined) return known;
    const target: Target = {
      key,
      to,
      addresses,
      attempts: 0,
      dialing: false,
      evidence: false,
      fresh: false,
      joined: false,
      met: false,
      once: false,
      answeredBy: undefined,
      restMs: 0,
      rested: false,
    };
    this.#targets.set(key, target);
    return target;
  }

  #dialSoon(target: Target, inMs: number): void {
    if (target.dialing) return;
    if (inMs === 0) this.dialDue(target.key);
    else this.#turn.deadlines.set(`dial/${target.key}`, this.#turn.now + inMs);
  }

  /** Starts what may start. Dials that are evidence go first and have room of their own: a crash shows on many links at once. */
  #dialWaiting(): void {
    if (this.#waiting.size === 0) return;
    const { dialsAtOnce } = this.#turn.config;
    for (const evidence of [true, false]) {
      const room = evidence ? dialsAtOnce * 4 : dialsAtOnce;
      for (const [key, target] of this.#waiting) {
        if (this.#dials.size >= room) break;
        if (target.evidence !== evidence) continue;
        this.#waiting.delete(key);
        this.#dial(target);
      }
    }
  }

  #dial(target: Target): void {
    const heard = target.to === undefined ? undefined : this.#listener.addressesOf(target.to);
    const addresses = heard ?? target.addresses;
    if (addresses.length === 0) {
      this.#targets.delete(target.key);
      // It can only dial us. Where that is no link, silence is all the evidence there will ever be.
      if (target.evidence && target.to !== undefined) this.#listener.dialFailed(target.to, 'unresolvable', true);
      return;
    }
    const { dialTimeoutMs, probeTimeoutMs } = this.#turn.config;
    // A dial that decides about a member has the time that a probe and its helpers have; twice that without a link, where
    // the other side may be busy with many others. One that only adds a link may wait longer than anybody is slow.
    const decideMs = (target.fresh ? 2 : 4) * probeTimeoutMs;
    const timeoutMs = target.evidence ? Math.min(dialTimeoutMs, this.#turn.awareness.stretch(decideMs)) : dialTimeoutMs;
    const dial = this.#turn.nextNumber();
    target.dialing = true;
    this.#dials.set(dial, { target, until: this.#turn.now + timeoutMs });
    this.#turn.perform({
      type: 'connect',
      dial,
      to: target.to,
      addresses,
      fresh: target.fresh,
      timeoutMs,
    });
  }

  /** Doubles from redialMinMs to redialMaxMs, less up to half, so that many nodes do not dial in step. */
  #backOffMs(attempts: number): number {
    const { redialMinMs, redialMaxMs } = this.#turn.config;
    // Who is alone has nothing better to do; a seed that many newcomers dial at once refuses most of them at first.
    const most = this.#links.size === 0 ? Math.min(redialMaxMs, aloneRedialMaxMs) : redialMaxMs;
    const full = Math.min(most, redialMinMs * (1 << Math.min(20, attempts)));
    return full - this.#turn.rng.below(Math.max(1, Math.floor(full / 2)));
  }
}

function seedKey(address: string): string {
  return `seed/${address}`;
}

/** Whether an address has the name of a host in it, and not an IP address. */
function isName(address: string): boolean {
  return !/^(\d+\.\d+\.\d+\.\d+|\[.*\]):\d+$|^\/ip[46]\//.test(address);
}

function memberKey(id: NodeId): string {
  return `member/${id}`;
}
