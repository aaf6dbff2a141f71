/**
 * Repair: two nodes compare hashes of what they know and exchange only what differs. It runs when a link comes up,
 * when a probe shows another root than ours, when a push reveals a gap, and now and then anyway.
 *
 * One exchange carries only so much (`limits.exchangeMessages`). Where more differs than that, whoever opened it opens the
 * next at once, for as long as each leaves less to do than the one before.
 *
 * Step by step: anti-entropy.txt and gap.txt in test/datadriven.
 */

import type { MeshClock } from '../config/mesh-clock.ts';
import type { NodeId } from '../identity.ts';
import { limits } from '../limits.ts';
import type { DigestEntry, Gossip, Have, SyncDigest, SyncFacts, SyncOpen, SyncPull, SyncWant } from '../message.ts';
import { sample } from '../rng.ts';
import { utf8Length } from '../text.ts';
import type { Turn } from '../turn.ts';
import { isSubjectKey, memberKey, subjectsOf } from './facts.ts';
import { compareStamps, type Knowledge } from './knowledge.ts';
import { Pulls } from './pulls.ts';

export interface AntiEntropyListener {
  isWritable(id: NodeId): boolean;
  /** What we know about these subjects, in messages of bounded size, at least one; of many, what one exchange carries. */
  write(wants: readonly SyncWant[]): readonly Gossip[];
  /** Facts from an exchange. */
  merge(facts: Gossip, from: NodeId): void;
  /** An exchange with this peer came to its end. */
  synced(peer: NodeId): void;
  /** Linked members, to compare with one of them. */
  partners(): readonly NodeId[];
}

/** A peer is not compared with again sooner than this, unless its link is new; twice as late after each time in vain. */
const againMs = 500;
/** An exchange without progress is given up after this. */
const exchangeMs = 30_000;

interface Exchange {
  readonly peer: NodeId;
  /** Whether all was compared; else only something named was asked for. */
  readonly whole: boolean;
  readonly until: number;
  /** What was asked for and did not come yet. */
  readonly missing: Set<string>;
  /** How much differs, and of that how much found no room, and whether anything did. */
  differing: number;
  left: number;
  moved: boolean;
  /** How much differed in the exchange that this one goes on from. */
  readonly differedBefore: number;
}

/** The last comparison with a peer, and the roots that gave rise to it. */
interface Compared {
  readonly at: number;
  readonly ours: number;
  readonly theirs: number | undefined;
  readonly againMs: number;
}

export class AntiEntropy {
  readonly #turn: Turn;
  readonly #knowledge: Knowledge;
  readonly #clock: MeshClock;
  readonly #listener: AntiEntropyListener;
  /** Exchanges that we opened, by number. */
  readonly #open = new Map<number, Exchange>();
  readonly #compared = new Map<NodeId, Compared>();
  readonly #pulls = new Pulls();
  #completed = 0;

  /** `clock`: exchanges keep it informed of what time it is for others. */
  constructor(turn: Turn, knowledge: Knowledge, clock: MeshClock, listener: AntiEntropyListener) {
    this.#turn = turn;
    this.#knowledge = knowledge;
    this.#clock = clock;
    this.#listener = listener;
  }

  start(): void {
    this.#armRound();
  }

  /** How many comparisons of ours ended. */
  get completed(): number {
    return this.#completed;
  }

  /** The deadline `sync-round`. */
  roundDue(): void {
    this.#armRound();
    const [partner] = sample(this.#listener.partners(), 1, this.#turn.rng);
    if (partner !== undefined) this.compare(partner);
  }

  /** Opens an exchange with a linked peer. */
  compare(peer: NodeId): void {
    const last = this.#compared.get(peer);
    this.#compare(peer, last?.theirs, last?.againMs ?? againMs);
  }

  #compare(peer: NodeId, theirs: number | undefined, waitMs: number, differedBefore = Infinity): void {
    if (!this.#listener.isWritable(peer) || this.#isBusy(peer)) return;
    this.#compared.set(peer, { at: this.#turn.now, ours: this.#knowledge.root, theirs, againMs: waitMs });
    const exchange = this.#begin(peer, true, [], differedBefore);
    this.#turn.send(peer, { type: 'sync-open', exchange, buckets: this.#knowledge.buckets(), wallMs: this.#clock.ownMs }, 'sync');
  }

  /**
   * A probe carried this peer's root. Of two that differ, the one with the greater id opens the exchange. An exchange
   * that changed neither root has nothing to repair (one side keeps a row that the other dropped by age), so the next
   * one waits longer.
   */
  rootHeard(peer: NodeId, root: number): void {
    const ours = this.#knowledge.root;
    if (root === ours || this.#turn.self < peer) return;
    const last = this.#compared.get(peer);
    const isVain = last !== undefined && last.ours === ours && last.theirs === root;
    if (last !== undefined && this.#turn.now - last.at < (isVain ? last.againMs : againMs)) return;
    this.#compare(peer, root, isVain ? Math.min(last.againMs * 2, this.#turn.config.syncIntervalMs) : againMs);
  }

  /** A peer has news of these. What we lack, we ask it for. */
  advertised(from: NodeId, { entries }: Have): void {
    for (const { key, stamp } of entries) {
      if (!isSubjectKey(key)) return this.#turn.refuse(from, 'bad-key');
      if (compareStamps(stamp, this.#knowledge.stamp(key) ?? []) > 0) this.gap(key, from, false);
    }
  }

  /** We lack versions of a catalog that `from` has. */
  gap(key: string, from: NodeId, whole: boolean): void {
    this.#pulls.note(key, from, whole ? [] : (this.#knowledge.stamp(key) ?? []), this.#turn.now);
  }

  /** At the end of each step: asks for the gaps that showed in it. */
  settle(): void {
    if (this.#pulls.isIdle) return;
    for (const [peer, wants] of this.#pulls.take((id) => !this.#listener.isWritable(id) || !this.#isBusy(id))) {
      if (!this.#listener.isWritable(peer)) continue;
      this.#turn.send(peer, { type: 'sync-pull', exchange: this.#begin(peer, false, wants, Infinity), wants }, 'sync');
    }
  }

  /** A subject is gone. */
  forgetSubject(key: string): void {
    this.#pulls.forgetSubject(key);
  }

  /** The link to this peer is gone. */
  forget(peer: NodeId): void {
    this.#compared.delete(peer);
    this.#pulls.forget(peer);
    for (const [exchange, { peer: with_ }] of this.#open) if (with_ === peer) this.#open.delete(exchange);
  }

  // --- the steps of an exchange ---

  opened(from: NodeId, message: SyncOpen): void {
    this.#clock.heard(from, message.wallMs);
    const buckets = this.#knowledge.differing(message.buckets);
    if (buckets.length === 0) return this.#sendFacts(from, message.exchange, this.#listener.write([]), [], true);
    this.#turn.send(from, { type: 'sync-digest', exchange: message.exchange, ...this.#digest(buckets) }, 'sync');
  }

  /** What we know in these buckets, or in the first of them where all does not fit into one message. */
  #digest(buckets: readonly number[]): Pick<SyncDigest, 'buckets' | 'entries'> {
    const entries = this.#knowledge.entries(buckets).slice(0, limits.digestEntries);
    let bytes = 0;
    for (const [at, entry] of entries.entries()) {
      bytes += digestSize(entry);
      if (bytes <= limits.digestBytes) continue;
      const last = this.#knowledge.bucketOf(entry.key);
      const rest = entries.slice(at + 1).findIndex(({ key }) => this.#knowledge.bucketOf(key) !== last);
      if (rest < 0) break;
      return { buckets: buckets.slice(0, buckets.indexOf(last) + 1), entries: entries.slice(0, at + 1 + rest) };
    }
    return { buckets, entries };
  }

  digested(from: NodeId, message: SyncDigest): void {
    const open = this.#open.get(message.exchange);
    // One digest an exchange: what is given is bounded by that.
    if (open?.peer !== from || open.differing > 0) return;
    const theirs = new Map<string, DigestEntry>();
    const wants: SyncWant[] = [];
    let digestBytes = 0;
    let wantBytes = 0;
    for (const entry of message.entries) {
      digestBytes += digestSize(entry);
      theirs.set(entry.key, entry);
      const ours = this.#knowledge.stamp(entry.key) ?? [];
      if (compareStamps(entry.stamp, ours) <= 0 || !isSubjectKey(entry.key)) continue;
      if (wants.length < limits.wantsPerMessage && wantBytes < limits.wantBytes) {
        wants.push({ key: entry.key, have: ours });
        wantBytes += digestSize(entry);
      } else open.left++;
    }
    // There was no room for further buckets.
    if (digestBytes > limits.digestBytes) open.left++;
    const gives: SyncWant[] = [];
    for (const { key, stamp } of this.#knowledge.entries(message.buckets)) {
      const have = theirs.get(key)?.stamp ?? [];
      if (compareStamps(stamp, have) > 0) gives.push({ key, have });
    }
    open.differing = gives.length + wants.length + open.left;
    const facts = this.#listener.write(orderForReceipt(gives));
    const given = new Set(facts.flatMap((each) => [...subjectsOf(each)])).size;
    open.moved = given > 0;
    open.left += gives.length - given;
    // To go on makes sense once it has taken these in, which its answer to any question tells.
    if (open.moved && given < gives.length && wants.length === 0) wants.push({ key: memberKey(from), have: [] });
    for (const { key } of wants) open.missing.add(key);
    this.#sendFacts(from, message.exchange, facts, wants, wants.length === 0);
    if (wants.length === 0) this.#end(message.exchange, from);
  }

  pulled(from: NodeId, message: SyncPull | SyncFacts): void {
    this.#sendFacts(from, message.exchange, this.#listener.write(orderForReceipt(message.wants)), [], true);
  }

  /** Steps 3 and 4. The opener's facts come with its wants; the other side's end the exchange. */
  factsCame(from: NodeId, message: SyncFacts): void {
    this.#listener.merge(message.facts, from);
    const open = this.#open.get(message.exchange);
    if (open?.peer === from) for (const key of subjectsOf(message.facts)) if (open.missing.delete(key)) open.moved = true;
    if (message.wants.length > 0) this.pulled(from, message);
    else if (message.last) this.#end(message.exchange, from);
  }

  #sendFacts(to: NodeId, exchange: number, messages: readonly Gossip[], wants: readonly SyncWant[], last: boolean): void {
    messages.forEach((facts, i) => {
      const final = i === messages.length - 1;
      this.#turn.send(to, { type: 'sync-facts', exchange, facts, wants: final ? wants : [], last: final && last }, 'sync');
    });
  }

  /** Of two nodes, one uses odd numbers and the other even ones: an answer is never taken for that to an exchange of ours. */
  #begin(peer: NodeId, whole: boolean, wants: readonly SyncWant[], differedBefore: number): number {
    const exchange = 2 * this.#turn.nextNumber() + Number(this.#turn.self > peer);
    const missing = new Set(wants.map(({ key }) => key));
    const until = this.#turn.now + exchangeMs;
    this.#open.set(exchange, { peer, whole, until, missing, differing: missing.size, left: 0, moved: false, differedBefore });
    return exchange;
  }

  /** Whether as many exchanges with it are open as may be. Those that came to nothing are given up by then. */
  #isBusy(peer: NodeId): boolean {
    let open = 0;
    for (const [exchange, { peer: with_, until }] of this.#open) {
      if (until <= this.#turn.now) this.#open.delete(exchange);
      else if (with_ === peer) open++;
    }
    return open >= limits.exchangesPerPeer;
  }

  #end(exchange: number, peer: NodeId): void {
    const open = this.#open.get(exchange);
    if (open?.peer !== peer) return;
    this.#open.delete(exchange);
    const { whole, missing, left, moved, differing, differedBefore } = open;
    if (missing.size + left > 0 && moved && differing < differedBefore) {
      const last = this.#compared.get(peer);
      return this.#compare(peer, last?.theirs, last?.againMs ?? againMs, whole ? differing : Infinity);
    }
    if (!whole) return;
    this.#completed++;
    this.#listener.synced(peer);
  }

  #armRound(): void {
    const { syncIntervalMs } = this.#turn.config;
    this.#turn.again('sync-round', Math.floor(syncIntervalMs / 2) + this.#turn.rng.below(syncIntervalMs));
  }
}

/** About how many bytes an entry of a digest takes, encoded. */
function digestSize({ key, stamp }: DigestEntry): number {
  return utf8Length(key) + 8 * stamp.length + 8;
}

/** Members before catalogs: an owner must be known before what it owns. */
function orderForReceipt(wants: readonly SyncWant[]): readonly SyncWant[] {
  return [...wants.filter((want) => want.key.startsWith('m/')), ...wants.filter((want) => !want.key.startsWith('m/'))];
}
