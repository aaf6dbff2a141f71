/**
 * SWIM's failure detector (Das et al. 2002, 3.1 and 4.3) on warm links: one member is probed each interval, by turns the
 * successor, in the order of ids or on the first ring, and the next of a random round of all whom we watch. A probe without an answer is handed to
 * helpers; only when they get none either is the subject accused. A helper that got no answer has seen the failure
 * itself and accuses too, so that two accusers are found in the time of one probe.
 *
 * Step by step: probe.txt, helper.txt, unlinked-helpers.txt, doubted-link.txt and silent-helpers.txt in test/datadriven.
 */

import type { NodeId } from '../identity.ts';
import { sample } from '../rng.ts';
import type { ProbeOutcome } from '../message.ts';
import type { Turn } from '../turn.ts';
import { RoundTrips } from './round-trips.ts';

export interface ProbeListener {
  /** Whom to probe now, self excluded. */
  probeCandidates(): NodeId[];
  /** Linked members that can be asked about others, the subject excluded. */
  helpers(subject: NodeId): NodeId[];
  isLinked(id: NodeId): boolean;
  isDialing(id: NodeId): boolean;
  /** When it was heard of first, or changed its status last. */
  since(id: NodeId): number;
  isPresent(id: NodeId): boolean;
  /** Whether it is one of `probeCandidates`. */
  isCandidate(id: NodeId): boolean;
  /** Whether everybody is a candidate, and not only those that we watch on rings. */
  isFullMesh(): boolean;
  /** Linked members from whom nothing came since then. */
  silentSince(at: number): NodeId[];
  /** Whether it left our own rotation for want of an answer. */
  isDoubted(id: NodeId): boolean;
  /** How many accuse it. */
  accusers(id: NodeId): number;
  /** The state hash to send along. */
  root(): number;
  /** A ping is on its way: what the others say of its receiver goes along, so that its answer is a refutation. */
  pinged(id: NodeId): void;
  /** We have had no answer from it for as long as that should take. */
  doubted(id: NodeId): void;
  /** Nobody got an answer from it in time. */
  probeFailed(id: NodeId): void;
  /** Others reach it and we do not, though we have a link: that is at fault. */
  linkDoubted(id: NodeId): void;
  /** Helpers were silent: a dial of our own has to decide. */
  testByDial(id: NodeId): void;
  /** It answered, at this epoch and incarnation. */
  answered(id: NodeId, epoch: number): void;
}

/** `direct`: waits for an ack. `indirect`: helpers were asked. `confirm`: others accuse it already, one missed ack is enough. `relay`: we are the helper. */
type Stage = 'direct' | 'indirect' | 'confirm' | 'relay';

interface Probe {
  readonly seq: number;
  readonly subject: NodeId;
  readonly sentAt: number;
  stage: Stage;
  /** Whether we sent a ping ourselves. */
  readonly pinged: boolean;
  /** Whether we were well when it began. */
  readonly isSure: boolean;
  /** The helpers that were asked, and what each of them told last. */
  readonly helpers: Map<NodeId, ProbeOutcome | undefined>;
  /** Whether its asker was told that there is no answer so far. */
  isTold: boolean;
  /** For whom we relay, and their number of the probe. */
  readonly asker: { readonly id: NodeId; readonly seq: number } | undefined;
}

/** How many members are probed at once when one gave no answer: as many as there are links in a large mesh. */
const silentProbes = 24;
/** How many probes may be open at once: own ones are few, the rest are relays for others. */
const openProbesMax = 4096;
/** How many of these for one asker: it probes no more than `silentProbes` at once, and asks each helper once about each. */
const relaysPerAsker = 64;

export class Prober {
  readonly #turn: Turn;
  readonly #listener: ProbeListener;
  readonly #probes = new Map<number, Probe>();
  /** By asker: how many probes we relay for it. */
  readonly #relays = new Map<NodeId, number>();
  readonly #roundTrips: RoundTrips;
  #round: NodeId[] = [];
  #probed = 0;
  #rounds = 0;
  #seq = 0;
  #calledAt = Number.NEGATIVE_INFINITY;

  constructor(turn: Turn, listener: ProbeListener) {
    this.#turn = turn;
    this.#listener = listener;
    this.#roundTrips = new RoundTrips(turn.config);
  }

  start(): void {
    this.#turn.deadlines.set('probe-round', this.#turn.now + 1 + this.#turn.rng.below(this.#turn.config.probeIntervalMs));
  }

  /** The deadline `probe-round`: probes the next member. */
  roundDue(): void {
    this.#turn.again('probe-round', this.#turn.awareness.slow(this.#turn.config.probeIntervalMs));
    const subject = this.#rounds++ % 2 === 0 ? this.#successor() : this.#next();
    if (subject !== undefined && (this.#listener.isLinked(subject) || !this.#isNew(subject))) this.probe(subject, 'direct');
  }

  /** Whether links with it are still being made: a newcomer has a handshake with each of us to do first. */
  #isNew(subject: NodeId): boolean {
    const { now, config } = this.#turn;
    if (this.#listener.accusers(subject) > 0) return false;
    return now - this.#listener.since(subject) < config.probeTimeoutMs + config.indirectTimeoutMs;
  }

  /** Probes a member now. Without a link to it, helpers are asked at once, unless a dial is about to tell. */
  probe(subject: NodeId, stage: 'direct' | 'confirm'): void {
    if (stage === 'confirm' && this.#isProbing(subject)) return;
    if (stage === 'confirm' && this.#waitedInVain(subject)) return this.#listener.probeFailed(subject);
    if (!this.#listener.isLinked(subject)) return this.#probeUnlinked(subject, stage);
    const probe = this.#open(subject, stage, undefined);
    this.#turn.send(subject, { type: 'ping', seq: probe.seq, root: this.#listener.root() }, 'wire');
    this.#listener.pinged(subject);
    const { awareness, config, deadlines, now } = this.#turn;
    const timeoutMs = this.#roundTrips.timeoutMs(subject);
    this.#arm(probe, timeoutMs);
    if (stage === 'direct') deadlines.set(`doubt/${probe.seq}`, now + awareness.allowLag(timeoutMs + config.indirectTimeoutMs));
  }

  #probeUnlinked(subject: NodeId, stage: 'direct' | 'confirm'): void {
    const isDialing = this.#listener.isDialing(subject);
    if (stage === 'direct') {
      if (!isDialing) this.#askHelpers(this.#open(subject, 'indirect', undefined));
      return;
    }
    // Where enough others have a link, they tell. If everybody dialled whom one accuses, a slow host would never recover.
    if (this.#listener.helpers(subject).length >= this.#turn.config.accusersToEvict) return;
    if (isDialing) this.#arm(this.#open(subject, 'confirm', undefined), 2 * this.#turn.config.probeTimeoutMs);
    else this.#listener.testByDial(subject);
  }

  /** A peer asks us to probe for it. */
  pingRequested(from: NodeId, seq: number, subject: NodeId): void {
    if (this.#probes.size >= openProbesMax || subject === this.#turn.self) return;
    if ((this.#relays.get(from) ?? 0) >= relaysPerAsker) return this.#turn.refuse(from, 'too-many-requests');
    // Without a link we know nothing of the subject, unless it just gave us no answer; but the asker learns that it is not
    // the one cut off.
    if (!this.#listener.isLinked(subject))
      return this.#report({ id: from, seq }, subject, this.#listener.isDoubted(subject) ? 'silent' : 'unlinked');
    const probe = this.#open(subject, 'relay', { id: from, seq });
    this.#turn.send(subject, { type: 'ping', seq: probe.seq, root: this.#listener.root() }, 'wire');
    this.#turn.deadlines.set(`nack/${probe.seq}`, this.#turn.now + Math.floor(this.#turn.config.indirectTimeoutMs * 0.8));
    this.#arm(probe, this.#roundTrips.timeoutMs(subject));
  }

  /** Returns how long answers of that member take, in ms, where this one was waited for. */
  acked(from: NodeId, seq: number, epoch: number): number | undefined {
    this.#listener.answered(from, epoch);
    const acked = this.#probes.get(seq);
    if (acked === undefined || acked.subject !== from) return undefined;
    if (acked.stage === 'direct') this.#turn.awareness.improve();
    // Who answers this ping has also answered, or was too busy for, all that were sent before.
    for (const probe of this.#probes.values()) {
      if (probe.subject !== from || probe.seq > seq) continue;
      this.#close(probe);
      if (probe.asker !== undefined) this.#report(probe.asker, from, 'reached');
    }
    return this.#roundTrips.note(from, this.#turn.now - acked.sentAt);
  }

  reported(from: NodeId, seq: number, subject: NodeId, outcome: ProbeOutcome): void {
    const probe = this.#probes.get(seq);
    if (probe === undefined || probe.subject !== subject || probe.stage !== 'indirect' || !probe.helpers.has(from)) return;
    if (outcome === 'reached') {
      this.#close(probe);
      this.#turn.awareness.worsen();
      if (this.#listener.isLinked(subject)) this.#listener.linkDoubted(subject);
      return;
    }
    probe.helpers.set(from, outcome);
    // All have told: there is nothing to wait for. Who is not well itself waits all the same (Lifeguard IV-A).
    if (probe.isSure && count(probe, undefined) === 0) this.#conclude(probe);
  }

  /** The deadline `probe/<seq>`: no answer in time. */
  probeDue(seq: number): void {
    const probe = this.#probes.get(seq);
    if (probe === undefined) return;
    if (!this.#listener.isPresent(probe.subject)) return this.#close(probe);
    switch (probe.stage) {
      case 'direct':
        probe.stage = 'indirect';
        this.#askHelpers(probe);
        // Only now: what this very probe waits for is not to take longer because it failed.
        this.#turn.awareness.worsen();
        return;
      case 'indirect':
        return this.#conclude(probe);
      case 'confirm':
      case 'relay':
        this.#close(probe);
        this.#listener.probeFailed(probe.subject);
        return;
    }
  }

  /** Helpers had no answer either, or none that we know of. */
  #conclude(probe: Probe): void {
    this.#close(probe);
    const missing = count(probe, undefined);
    // Helpers that say nothing at all make it more likely that we are the ones cut off (Lifeguard IV-A), and those that could
    // not try say nothing of the subject: then a dial of our own decides, unless enough others accuse what we could not reach.
    // Where we did not try either, one helper's word is not enough for ours.
    const isVague = 2 * missing > probe.helpers.size || count(probe, 'silent') < (probe.pinged ? 1 : 2);
    const isConfirmed = probe.pinged && this.#listener.accusers(probe.subject) >= this.#turn.config.accusersToEvict;
    if (isVague && !isConfirmed) this.#listener.testByDial(probe.subject);
    else this.#listener.probeFailed(probe.subject);
    this.callOut();
    // Only now: the dial is not to take longer for it.
    this.#turn.awareness.worsen(missing);
  }

  /** The deadline `nack/<seq>`: tell the asker in time that we had no answer so far. */
  nackDue(seq: number): void {
    const probe = this.#probes.get(seq);
    if (probe?.asker === undefined) return;
    probe.isTold = true;
    this.#report(probe.asker, probe.subject, 'silent');
  }

  /** Drops what is open about a member whose link changed or that is gone: a ping on a replaced link gets no answer. */
  forget(subject: NodeId): void {
    this.#roundTrips.forget(subject);
    for (const probe of this.#probes.values()) if (probe.subject === subject) this.#close(probe);
  }

  /**
   * The deadline `doubt/<seq>`: there should have been an answer, from it or by way of helpers, however long the verdict
   * still takes.
   */
  doubtDue(seq: number): void {
    const probe = this.#probes.get(seq);
    if (probe === undefined || !this.#listener.isPresent(probe.subject)) return;
    this.#listener.doubted(probe.subject);
    this.callOut();
  }

  /**
   * Probes those who were silent for a while. Where one is silent others may be, a zone, or everybody if we are cut off: one by
   * one that takes too long.
   */
  callOut(): void {
    if (this.#turn.now - this.#calledAt < this.#turn.config.probeIntervalMs) return;
    this.#calledAt = this.#turn.now;
    const since = this.#turn.now - 2 * this.#turn.config.probeIntervalMs;
    const silent = this.#listener.silentSince(since).filter((id) => !this.#isProbing(id));
    for (const id of sample(silent, silentProbes, this.#turn.rng)) this.probe(id, 'direct');
  }

  #askHelpers(probe: Probe): void {
    const helpers = sample(this.#listener.helpers(probe.subject), this.#turn.config.indirectProbes, this.#turn.rng);
    if (helpers.length === 0) {
      this.#close(probe);
      this.#listener.testByDial(probe.subject);
      return;
    }
    for (const helper of helpers) {
      probe.helpers.set(helper, undefined);
      this.#turn.send(helper, { type: 'ping-request', seq: probe.seq, subject: probe.subject }, 'wire');
    }
    this.#arm(probe, this.#turn.config.indirectTimeoutMs);
  }

  #report(asker: { readonly id: NodeId; readonly seq: number }, subject: NodeId, outcome: ProbeOutcome): void {
    this.#turn.send(asker.id, { type: 'ping-report', seq: asker.seq, subject, outcome }, 'wire');
  }

  #open(subject: NodeId, stage: Stage, asker: Probe['asker']): Probe {
    const probe: Probe = {
      seq: ++this.#seq,
      subject,
      sentAt: this.#turn.now,
      stage,
      pinged: stage !== 'indirect',
      isSure: this.#turn.awareness.score === 0,
      helpers: new Map(),
      isTold: false,
      asker,
    };
    this.#probes.set(probe.seq, probe);
    if (asker !== undefined) this.#relays.set(asker.id, (this.#relays.get(asker.id) ?? 0) + 1);
    return probe;
  }

  #close(probe: Probe): void {
    if (this.#probes.delete(probe.seq) && probe.asker !== undefined) {
      const left = (this.#relays.get(probe.asker.id) ?? 1) - 1;
      if (left > 0) this.#relays.set(probe.asker.id, left);
      else this.#relays.delete(probe.asker.id);
    }
    this.#turn.deadlines.clear(`probe/${probe.seq}`);
    this.#turn.deadlines.clear(`doubt/${probe.seq}`);
    this.#turn.deadlines.clear(`nack/${probe.seq}`);
  }

  #arm(probe: Probe, inMs: number): void {
    this.#turn.deadlines.set(`probe/${probe.seq}`, this.#turn.now + this.#turn.awareness.stretch(inMs));
  }

  #isProbing(subject: NodeId): boolean {
    for (const probe of this.#probes.values()) if (probe.subject === subject && probe.stage !== 'relay') return true;
    return false;
  }

  /**
   * Whether we, as a helper, told already that there is no answer, and are well ourselves, and answers on this link do not take
   * so long: then we are a witness. Else our own timeout decides, as for any other probe.
   */
  #waitedInVain(subject: NodeId): boolean {
    const { awareness, now } = this.#turn;
    const usualMs = this.#roundTrips.usualMs(subject);
    if (awareness.score > 0 || usualMs === undefined) return false;
    for (const probe of this.#probes.values())
      if (probe.subject === subject && probe.isTold && now - probe.sentAt >= awareness.allowLag(usualMs)) return true;
    return false;
  }

  /**
   * The next member in the order of ids, or on the first ring. Everybody watches one successor, every other tick, so
   * somebody probes each member at least that often. Random choice alone leaves a tail: of 32, one in 25 hung hosts waits
   * 1.5 s to be tried, and on rings one in 100 waits 2.3 s.
   */
  #successor(): NodeId | undefined {
    if (!this.#listener.isFullMesh()) return this.#listener.probeCandidates()[0];
    let first: NodeId | undefined;
    let next: NodeId | undefined;
    for (const id of this.#listener.probeCandidates()) {
      if (first === undefined || id < first) first = id;
      if (id > this.#turn.self && (next === undefined || id < next)) next = id;
    }
    return next ?? first;
  }

  /**
   * Round robin over a random order bounds the time to probe everybody (SWIM 4.3). The order stays from round to round,
   * newcomers go in at random places: so a member waits one round at most, not almost two as with a new shuffle each
   * time, which in a mesh of three is half a second.
   */
  #next(): NodeId | undefined {
    for (let attempt = 0; attempt < 2; attempt++) {
      while (this.#probed < this.#round.length) {
        const subject = this.#round[this.#probed++];
        if (subject !== undefined && this.#listener.isCandidate(subject)) return subject;
      }
      const candidates = new Set(this.#listener.probeCandidates());
      this.#round = this.#round.filter((id) => candidates.delete(id));
      for (const id of [...candidates].sort()) this.#round.splice(this.#turn.rng.below(this.#round.length + 1), 0, id);
      this.#probed = 0;
    }
    return undefined;
  }
}

/** How many helpers told this; undefined: how many told nothing yet. */
function count(probe: Probe, outcome: ProbeOutcome | undefined): number {
  let helpers = 0;
  for (const told of probe.helpers.values()) if (told === outcome) helpers++;
  return helpers;
}
