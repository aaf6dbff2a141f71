/**
 * Who is in the mesh, and how each member is: SWIM's suspicion with refutation (Das et al. 2002, 4.2), over
 * signed records and signed accusations.
 *
 * A member speaks only for itself: its record says alive, leaving or left, under (epoch, incarnation). Others
 * accuse. An accusation makes its subject suspect; a timer that runs out while it stands makes it failed; a
 * record with a higher incarnation, which only the subject can sign, refutes it. A record of a higher epoch
 * (a later boot) supersedes everything said before.
 *
 * There are two speeds. `reachable` decides on routing: two accusers, or our own failed dial, clear it at once,
 * and a refutation restores it, later each time where that happens often (hold-down.ts). `status` decides on membership and is conservative.
 *
 * Step by step: refute.txt, left.txt and force-leave.txt in test/datadriven.
 */

import { assert } from '../assert.ts';
import type { CommandResult } from '../command.ts';
import type { NodeId } from '../identity.ts';
import { LayeredMap } from '../layered-map.ts';
import { limits } from '../limits.ts';
import type { MemberFact } from '../message.ts';
import type { Signed } from '../signed.ts';
import type { Turn } from '../turn.ts';
import { AccusationBudget, relayOf } from './accusation-budget.ts';
import type { Accusation, AccusationReason } from './accusation.ts';
import type { Coordinate } from './coordinate.ts';
import { holdKey, reapKey, suspectKey, testKey } from './deadline-keys.ts';
import { Defence } from './defence.ts';
import { EpochRaises } from './epoch-raises.ts';
import { HoldDown } from './hold-down.ts';
import { firstRecord, labelsDiffer, validateLabels, type OwnLabels } from './labels.ts';
import { counted, hasLeft, isPresent, noAccusations, ownRow, without, type Member, type MembershipBase } from './member.ts';
import { compareRecords, isSameClaim, isTwin, type MemberRecord, type MemberStatus } from './member-record.ts';
import { Names } from './names.ts';
import { Restraint, type RestraintListener } from './restraint.ts';
import { confirmationsOf, suspicionMs } from './suspicion.ts';
import { absentMs, tombstoneMs, Tombstones, tombstonesMax } from './tombstones.ts';
import { Witnesses } from './witnesses.ts';

/** What membership tells the rest of the node. `from` is whom we had the news from, undefined for our own; `toAll`: we tell everybody for its author. */
export interface MembershipListener extends RestraintListener {
  recordNews(id: NodeId, from: NodeId | undefined, toAll?: boolean): void;
  accusationNews(subject: NodeId, accuser: NodeId, from: NodeId | undefined): void;
  /** Something about a member that readers can see changed. `routing`: its instances may be affected. */
  memberTouched(member: Member, routing: boolean): void;
  /** A member joined the table or came back: it wants a link. */
  memberPresent(member: Member): void;
  /** Others accuse it: a probe of our own confirms or clears. */
  memberSuspected(member: Member): void;
  /** How many members this node watches: the links it has. */
  watched(): number;
  /** What is held against it may be our own fault, or untrue: it is probed. */
  probeAgain(id: NodeId): void;
  /** Its suspicion ran out. */
  memberFailed(member: Member): void;
  /** It left, or was reaped: its catalog goes. `forgotten`: its row is gone too. */
  memberAbsent(member: Member, forgotten: boolean): void;
  /** It says other than what we hold under one and the same claim: another host has its key too. */
  memberDoubled(id: NodeId): void;
  /** Our epoch was raised: everything we own must be published again. */
  epochRaised(): void;
}

export class Membership {
  readonly #turn: Turn;
  readonly #listener: MembershipListener;
  readonly #members: LayeredMap<NodeId, Member>;
  readonly #self: Member;
  /** Members alive or suspect, this one included. */
  #alive: number;
  readonly #budget: AccusationBudget;
  readonly #holdDown: HoldDown;
  readonly #restraint: Restraint;
  readonly #witnesses: Witnesses;
  #presentCount: number;
  readonly #names: Names;
  readonly #tombstones = new Tombstones();
  #accusationSequence = 0;
  readonly #epochRaises = new EpochRaises();
  readonly #defence: Defence;

  /** `base`: whom it knows from the start. */
  constructor(turn: Turn, labels: OwnLabels, epoch: number, listener: MembershipListener, base?: MembershipBase) {
    this.#turn = turn;
    this.#members = new LayeredMap(base?.members);
    this.#names = new Names(base?.named);
    this.#listener = listener;
    this.#restraint = new Restraint(turn, listener);
    this.#defence = new Defence(turn);
    this.#witnesses = new Witnesses(turn.now, turn.config.accusationRefillMs);
    this.#budget = new AccusationBudget(turn.config.accusationRefillMs);
    const { probeTimeoutMs, indirectTimeoutMs, refuteIntervalMs } = turn.config;
    this.#holdDown = new HoldDown(probeTimeoutMs + indirectTimeoutMs, 2 * refuteIntervalMs);
    this.#self = ownRow(turn.notary.sign('member', firstRecord(turn.mesh, turn.self, labels, epoch)), turn.now);
    this.#members.set(turn.self, this.#self);
    this.#names.claim(this.#self, this.#members);
    this.#alive = this.#members.size;
    this.#presentCount = this.#members.size;
  }

  /** What others who know the same may share. Undefined while anybody is away, doubted or not verified. */
  base(): MembershipBase | undefined {
    const members = new Map<NodeId, Member>();
    for (const [id, member] of this.#members) {
      if (member.status !== 'alive' || !member.reachable || member.accusations.size > 0) return undefined;
      members.set(id, Object.freeze({ ...member, coordinate: undefined }));
    }
    return { members, named: this.#names.base() };
  }

  /** The row of a member, to be changed: one that is shared is copied first. */
  #row(id: NodeId): Member | undefined {
    return this.#members.writable(id, (shared) => ({ ...shared }));
  }

  get self(): Member {
    return this.#self;
  }

  get(id: NodeId): Member | undefined {
    return this.#members.get(id);
  }

  isPresent(id: NodeId): boolean {
    const member = this.#members.get(id);
    return member !== undefined && isPresent(member);
  }

  /** A member told where it is in the space of round trips. */
  locate(id: NodeId, coordinate: Coordinate): void {
    const member = this.#row(id);
    if (member !== undefined) member.coordinate = coordinate;
  }

  /** Where a member can be dialled; undefined for one that left or is not known. */
  addressesOf(id: NodeId): readonly string[] | undefined {
    const member = this.#members.get(id);
    return member === undefined || hasLeft(member) ? undefined : member.signed.value.addresses;
  }

  all(): IterableIterator<Member> {
    return this.#members.values();
  }

  get size(): number {
    return this.#members.size;
  }

  /** Whether this node doubts more members than it may accuse: most likely it is the one that is cut off, or sick. Ends with an answer. */
  get isIsolated(): boolean {
    return this.#restraint.isIsolated;
  }

  /** Members that take part, this one included. */
  get presentCount(): number {
    return this.#presentCount;
  }

  /** Members alive or suspect, this one included. */
  get aliveCount(): number {
    return this.#alive;
  }

  /** Those that take part and that we did not only hear of. */
  get metCount(): number {
    return this.#presentCount - this.#witnesses.unmet;
  }

  /** Whether a row is too old to be told to others: the second half of a tombstone's life is silent, so that rows end everywhere. */
  isSilent(member: Member): boolean {
    return absentMs(member, this.#turn.now) > tombstoneMs(hasLeft(member), this.#turn.config) / 2;
  }

  /** All rows that are. Those of a base are not: everybody was well. */
  *silent(): IterableIterator<Member> {
    for (const member of this.#members.owned()) if (this.isSilent(member)) yield member;
  }

  /** How long ago it left or failed; 0 while it is present. */
  absentMs(member: Member): number {
    return absentMs(member, this.#turn.now);
  }

  // --- claims of the subject ---

  /** Merges a record that came from a peer, and whether that peer verified it. */
  merge(fact: MemberFact, from: NodeId): void {
    const record = fact.record.value;
    const known = this.#members.get(record.id);
    if (record.mesh !== this.#turn.mesh) return this.#turn.refuse(from, 'other-mesh');
    if (record.id === this.#turn.self) return this.#mergeOwn(fact.record, from);
    if (known !== undefined && compareRecords(record, known.signed.value) <= 0) {
      if (fact.verified && record.epoch === known.signed.value.epoch) this.#verify(record.id, from);
      // No digest shows the difference: only we can tell it, and what it hears proves to it that its epoch is in use.
      if (from === record.id && isTwin(fact.record, known.signed)) this.#listener.memberDoubled(record.id);
      return;
    }
    if (known === undefined && this.#members.size >= limits.members) return this.#turn.refuse(from, 'member-limit');
    // Others have forgotten it: whoever took it in again would tell them, and it would never end.
    if (known === undefined && fact.absentMs >= tombstoneMs(record.status === 'left', this.#turn.config)) return;
    if (!this.#turn.verified('member', record.id, fact.record, from)) return;
    // Over its own link, whose hello proved key and epoch, a record is its own verification.
    const verified = fact.verified || from === record.id;
    // A newcomer, or a new boot, has no link but ours yet: we tell all others for it.
    const isOursToTell = from === record.id && record.epoch > (known?.signed.value.epoch ?? 0);
    const row = this.#row(record.id);
    if (row === undefined) this.#admit(fact, verified, from);
    else this.#supersede(row, fact.record, verified);
    this.#listener.recordNews(record.id, from, isOursToTell);
    this.#boundTombstones();
  }

  #admit({ record, absentMs: goneMs }: MemberFact, verified: boolean, from: NodeId): void {
    const { id, status } = record.value;
    const since = this.#turn.now - goneMs;
    if (from !== id) this.#witnesses.heardOf(id, this.#turn.now);
    const member: Member = {
      id,
      signed: record,
      status,
      verified,
      reachable: false,
      accusations: noAccusations,
      doubt: undefined,
      coordinate: undefined,
      since,
      absentSince: status === 'left' || goneMs === 0 ? undefined : since,
    };
    this.#members.set(id, member);
    this.#alive += counted(status);
    if (isPresent(member)) this.#presentCount++;
    this.#witnesses.setPresent(id, isPresent(member));
    member.reachable = this.#isReachable(member);
    this.#reportStatus(member, undefined, 'heard of');
    // Where nobody accuses it any more nobody else will say that it is gone.
    if (status === 'left' || member.absentSince !== undefined) this.#armReap(member);
    if (isPresent(member)) this.#listener.memberPresent(member);
    this.#listener.memberTouched(member, true);
    this.#reportNameConflict(member);
  }

  #supersede(member: Member, signed: Signed<MemberRecord>, verified: boolean): void {
    const before = member.signed.value;
    const after = signed.value;
    const reboot = after.epoch > before.epoch;
    const refuted = member.accusations.size > 0;
    if (reboot) this.#holdDown.forget(member.id);
    const wasPresent = isPresent(member);
    member.signed = signed;
    // It leaves under the claim that failed: no correct member does, and it is not back by that.
    if (member.status === 'failed' && isSameClaim(before, after) && after.status !== 'left')
      return this.#listener.memberTouched(member, false);
    member.verified = verified || (member.verified && !reboot);
    this.#isBack(member);
    this.#clearAccusations(member, reboot || after.status !== 'alive');
    this.#setStatus(member, after.status, reboot ? 'restarted' : refuted ? 'refuted' : 'said so');
    this.#updateReachable(member, reboot ? 'restarted' : refuted ? 'refuted' : 'said so');
    this.#listener.memberTouched(member, reboot || labelsDiffer(before, after));
    if (before.name !== after.name) this.#reportNameConflict(member);
    if (isPresent(member) && (reboot || !wasPresent)) this.#listener.memberPresent(member);
  }

  /** Somebody tells us about ourselves: an echo, or proof that our persisted epoch or incarnation was lost. */
  #mergeOwn(signed: Signed<MemberRecord>, from: NodeId): void {
    const own = this.#self.signed.value;
    const theirs = signed.value;
    const order = compareRecords(theirs, own);
    if (order < 0 || (order === 0 && !isTwin(signed, this.#self.signed))) return;
    if (!this.#turn.verified('member', this.#turn.self, signed, from)) return;
    // A claim of a later boot, one of ours that goes beyond all that we said in this boot, or the same with another content: the
    // epoch was in use before, and how far it went nobody knows. It may have ended with our leaving.
    this.outlive(theirs.epoch);
  }

  /**
   * Something signed by us proves that this epoch was in use before: ours was lost, and the next one after it begins.
   * Seldom, since two hosts with one and the same key would outbid each other for ever.
   */
  outlive(epoch: number): void {
    const { now, config } = this.#turn;
    if (epoch < this.#self.signed.value.epoch || !this.#epochRaises.take(now, config.refuteIntervalMs)) return;
    this.#defence.clear();
    this.#turn.persist({ type: 'epoch', epoch: epoch + 1 });
    this.#resign({ epoch: epoch + 1, incarnation: 0 });
    this.#listener.epochRaised();
    if (this.#epochRaises.isOutbid) this.#turn.emit({ type: 'identity-in-use', epoch: epoch + 1 });
  }

  // --- accusations ---

  /**
   * We cannot reach a member: out of our own rotation at once, and accused, unless enough others do so already or we have
   * more against others than one node may.
   */
  accuse(id: NodeId, reason: AccusationReason): void {
    const member = this.#row(id);
    if (member === undefined || member === this.#self || !isPresent(member)) return;
    if (this.#restraint.isLate(id)) return;
    const isSaid = member.accusations.has(this.#turn.self) || this.#restraint.holds(id) || this.#isBacked(member);
    if (isSaid && member.doubt !== undefined) return;
    member.doubt ??= reason;
    this.#restraint.doubts(id);
    this.#accuseOrWithhold(member, reason);
    this.#updateReachable(member, `doubted by us: ${reason}`);
    this.#listener.memberTouched(member, false);
  }

  /**
   * We got no answer from it in time: it leaves our own rotation at once. Whether we also accuse it takes longer, the more so
   * the less well we are ourselves.
   */
  doubt(id: NodeId, reason: AccusationReason): void {
    const member = this.#row(id);
    if (member === undefined || member === this.#self || !isPresent(member)) return;
    if (member.doubt !== undefined || this.#restraint.isLateDoubt(id)) return;
    member.doubt = reason;
    this.#restraint.doubts(id);
    this.#updateReachable(member, `doubted by us: ${reason}`);
    this.#listener.memberTouched(member, false);
  }

  #accuseOrWithhold(member: Member, reason: AccusationReason): void {
    if (this.#isBacked(member)) return;
    // A refusal was heard; in a mesh of two there is nobody else to hear from.
    if (reason !== 'dial-refused' && this.#presentCount > 2 && this.#restraint.isUnheard(member.id)) return;
    const cap = this.#accusationCap();
    if (!this.#budget.affords(this.#turn.self, cap, this.#turn.now))
      return this.#restraint.withhold(member.id, Math.min(cap + 1, this.#presentCount - 1));
    this.#sign(member, reason);
    this.#suspect(member, `accused by us: ${reason}`);
    this.#listener.accusationNews(member.id, this.#turn.self, undefined);
  }

  #sign(member: Member, reason: AccusationReason): void {
    const { epoch, incarnation } = member.signed.value;
    const { mesh, self, notary } = this.#turn;
    const value = { mesh, accuser: self, subject: member.id, epoch, incarnation, reason, sequence: ++this.#accusationSequence };
    member.accusations = new Map(member.accusations).set(self, notary.sign('accusation', value));
    if (isPresent(member)) this.#budget.open(self, member.id, this.#turn.now);
  }

  /** What one accuser may have open or refuted at a time: a few, or one in twenty of many links. */
  #accusationCap(): number {
    return Math.max(this.#turn.config.accusationsOpen, Math.floor(this.#listener.watched() / 20));
  }

  /** The deadline `withheld`, and whenever there is room again: accuses whom we still doubt. */
  accuseWithheld(): void {
    const due = this.#restraint.due();
    if (due === undefined) return;
    for (const id of due.accuse) {
      const doubt = this.#members.get(id)?.doubt;
      if (doubt !== undefined) this.accuse(id, doubt);
    }
    for (const id of due.release) this.#release(id);
    for (const id of due.probe) if (this.#members.get(id)?.doubt !== undefined) this.#listener.probeAgain(id);
    for (const id of due.late) if (this.isPresent(id)) this.#listener.probeAgain(id);
    if (due.probe.length > 0) this.#restraint.settle();
  }

  /** Others watch it: what we doubt and never said ends, since nobody would tell us that it does not hold. */
  #release(id: NodeId): void {
    const member = this.#row(id);
    if (member?.doubt === undefined || member.accusations.has(this.#turn.self)) return;
    member.doubt = undefined;
    this.#updateReachable(member, 'watched by others');
    this.#listener.memberTouched(member, false);
  }

  /** Merges an accusation that came from a peer. */
  mergeAccusation(signed: Signed<Accusation>, from: NodeId): void {
    const { mesh, accuser, subject, epoch, incarnation, reason } = signed.value;
    if (mesh !== this.#turn.mesh) return this.#turn.refuse(from, 'other-mesh');
    if (accuser === this.#turn.self || accuser === subject) return;
    const member = this.#row(subject);
    if (member === undefined || member.signed.value.epoch !== epoch || member.signed.value.incarnation !== incarnation) return;
    // An operator's word goes beyond what the same node accused the member of before.
    const isForced = reason === 'forced' && member.accusations.get(accuser)?.value.reason !== 'forced';
    if (member.status === 'left' || (member.accusations.has(accuser) && !isForced)) return;
    const { now } = this.#turn;
    const isFull = member.accusations.size >= limits.accusationsPerSubject && reason !== 'forced';
    const teller = this.#members.get(accuser);
    const weight = this.#witnesses.weigh(teller, this.metCount >= this.#turn.config.fullMeshReturn, now);
    if (isFull && (!weight.isHeeded || !this.#witnesses.hasStranger(subject))) return;
    // Of what is said about ourselves everything counts: whoever believes it needs our answer.
    // Of one that failed, what those said who are forgotten is kept as it is: it decides nothing any more, and all hold the same.
    const isMoot = member === this.#self || (member.status === 'failed' && reason !== 'forced');
    if (!isMoot && teller === undefined) return this.#turn.refuse(from, 'unknown-accuser');
    const counts = isPresent(member) && !this.#isBacked(member);
    // An account is a member's: of strangers, who may well accuse us, there is no end, so whoever passes on their word pays.
    const payer = teller === undefined ? relayOf(from) : accuser;
    const isAfforded = !counts || this.#budget.affords(payer, this.#accusationCap(), now);
    // Who accuses us is no witness of anybody believing it; who believes it, and tells us, needs our answer.
    const isTold = member === this.#self && payer === accuser && accuser !== from;
    if (!isAfforded && !isTold) return this.#turn.refuse(from, 'too-many-accusations');
    const isVerdict = reason === 'forced' && !counts;
    if (isVerdict && !this.#budget.affordsForced(accuser, now)) return this.#turn.refuse(from, 'too-many-forced');
    if (!this.#turn.verified('accusation', accuser, signed, from)) return;
    if (counts && isAfforded) this.#budget.open(payer, subject, now);
    if (isVerdict) this.#budget.force(accuser);
    if (member === this.#self)
      return this.#self.status === 'left' ? undefined : this.#defence.accused(signed.value, weight.isStranger);
    const isFirst = !member.accusations.has(accuser);
    if (isFull) member.accusations = without(member.accusations, this.#witnesses.takeStranger(subject));
    member.accusations = new Map(member.accusations).set(accuser, signed);
    if (isFirst) this.#witnesses.add(subject, accuser, weight);
    if (reason === 'forced' && member.status === 'failed') this.#retire(member, 'forced to leave');
    else this.#suspect(member, `accused by ${teller?.signed.value.name ?? accuser}: ${reason}`);
    this.#listener.accusationNews(subject, accuser, from);
    const isOpen = !this.#isBacked(member) && !member.accusations.has(this.#turn.self);
    if (member.status === 'suspect' && isOpen) this.#listener.memberSuspected(member);
  }

  /** A direct answer under the current claim: our own accusation was wrong, whatever others say. */
  heardFrom(id: NodeId, epoch: number): void {
    const member = this.#row(id);
    if (member === undefined || member === this.#self || member.signed.value.epoch !== epoch) return;
    this.#verify(id, id);
    for (const subject of this.#witnesses.met(id)) {
      const accused = this.#row(subject);
      if (accused?.status === 'suspect') this.#suspect(accused, 'its accuser was met');
    }
    this.#restraint.answered(id);
    if (member.status !== 'alive' && member.status !== 'suspect') return;
    if (this.#isBack(member)) this.#updateReachable(member, 'answered us');
    if (member.doubt === undefined) return;
    member.doubt = undefined;
    member.accusations = without(member.accusations, this.#turn.self);
    if (member.accusations.size === 0) this.#budget.refute(id, this.#turn.now);
    if (member.accusations.size === 0) this.#setStatus(member, member.signed.value.status, 'answered us');
    this.#updateReachable(member, 'answered us');
    this.#listener.memberTouched(member, false);
  }

  #verify(id: NodeId, from: NodeId): void {
    if (this.#members.get(id)?.verified !== false) return;
    const member = this.#row(id) as Member;
    member.verified = true;
    this.#updateReachable(member, 'verified');
    this.#listener.memberTouched(member, true);
    this.#listener.recordNews(member.id, from);
  }

  #suspect(member: Member, reason: string): void {
    // Of one that said that it leaves, one accuser is enough, and right: hundreds may leave at once.
    const isLeaving = member.signed.value.status === 'leaving';
    // So are we of one that was told to be gone when we first heard of it, and that we cannot reach either: it waits for no others.
    const isTold = member.absentSince !== undefined && member.accusations.has(this.#turn.self);
    const isEnough = isLeaving || isTold;
    if (member.status === 'alive' || member.status === 'leaving') this.#setStatus(member, 'suspect', reason);
    if (member.status === 'suspect') {
      // Counted from its start: every accuser more brings the end closer.
      const accusers = isEnough ? Number.POSITIVE_INFINITY : this.#witnesses.accusersOf(member);
      const end = member.since + suspicionMs(this.#turn.config, this.#alive, accusers);
      this.#turn.deadlines.setEarlier(suspectKey(member.id), Math.max(this.#turn.verdictsAt, end));
      if (!this.#listener.isOurs(member.id)) this.#armTest(member.id, end);
    }
    if (isEnough || this.#isBacked(member)) this.#accusersWereRight(member.id);
    this.#updateReachable(member, reason);
    this.#listener.memberTouched(member, false);
  }

  #accusersWereRight(subject: NodeId): void {
    if (this.#budget.confirm(subject)) this.#restraint.lookAgain();
  }

  /** Not all at once: who is first to dial the accused has it refute, and spares the others the dial. */
  #armTest(id: NodeId, end: number): void {
    const { deadlines, now, rng } = this.#turn;
    const leftMs = Math.max(4, end - now);
    deadlines.setEarlier(testKey(id), now + Math.floor(leftMs / 4) + rng.below(Math.floor(leftMs / 2)));
  }

  /**
   * The deadline `test/<id>`: few accuse one that we do not watch. If they lie, those between us and it may believe no more of
   * what they say, and pass nothing on: a dial of our own tells us, and tells the accused.
   */
  testDue(id: NodeId): void {
    const member = this.#members.get(id);
    if (member?.status !== 'suspect' || member.doubt !== undefined || this.#isBacked(member)) return;
    this.#listener.probeAgain(id);
  }

  /** A suspicion ran out: the member is failed, unless it was cleared meanwhile. */
  suspicionExpired(id: NodeId): void {
    const member = this.#row(id);
    if (member === undefined || member.status !== 'suspect') return;
    if (this.#presentCount > 2 && this.#restraint.putsOff(suspectKey(id))) return;
    // It said that it leaves, and is gone: of its last word, that it left, not everybody hears when many leave at once.
    if (member.signed.value.status === 'leaving') return this.#retire(member, 'gone while it was leaving');
    const forced = [...member.accusations.values()].some((signed) => signed.value.reason === 'forced');
    this.#setStatus(member, 'failed', `suspected for too long by ${member.accusations.size}`);
    member.since = member.absentSince ?? member.since;
    this.#updateReachable(member, 'failed');
    this.#armReap(member);
    this.#accusersWereRight(id);
    this.#listener.memberTouched(member, true);
    this.#listener.memberFailed(member);
    if (forced) this.#retire(member, 'forced to leave');
    this.#boundTombstones();
  }

  /** Whether so many accuse it that one more changes nothing for anybody: its suspicion is as short as it gets. */
  #isBacked(member: Member): boolean {
    return this.#witnesses.accusersOf(member) > confirmationsOf(this.#alive);
  }

  // --- this node ---

  /** Changes our labels, under a new incarnation. */
  setTags(tags: Readonly<Record<string, string>>): CommandResult {
    const invalid = validateLabels(tags);
    if (invalid !== undefined) return { ok: false, code: 'limit-exceeded', message: invalid };
    this.#resign({ incarnation: this.#self.signed.value.incarnation + 1, tags });
    return { ok: true };
  }

  announce(status: 'leaving' | 'left'): void {
    this.#resign({ incarnation: this.#self.signed.value.incarnation + 1, status });
    this.#setStatus(this.#self, status, 'we leave');
    this.#updateReachable(this.#self, 'we leave');
    this.#listener.memberTouched(this.#self, true);
  }

  /** The deadline `refute`. */
  refute(): void {
    const refutation = this.#defence.take(this.#self.signed.value.incarnation);
    if (refutation === undefined) return;
    const { accuser, incarnation, isTelling } = refutation;
    if (isTelling) this.#turn.awareness.worsen();
    this.#turn.emit({ type: 'refuted', accuser, incarnation });
    this.#resign({ incarnation });
  }

  #resign(change: Partial<MemberRecord>): void {
    const record: MemberRecord = { ...this.#self.signed.value, ...change };
    assert(compareRecords(record, this.#self.signed.value) > 0, 'our own claims only ever grow');
    this.#self.signed = this.#turn.notary.sign('member', record);
    this.#budget.refute(this.#turn.self, this.#turn.now);
    this.#listener.recordNews(this.#turn.self, undefined);
    this.#listener.memberTouched(this.#self, change.tags !== undefined);
  }

  // --- the end of a member ---

  /** An operator says that a failed member will not come back. */
  forceLeave(id: NodeId): CommandResult {
    const member = this.#row(id);
    if (member === undefined)
      return { ok: false, code: 'unknown-node', message: `no member "${id}" is known: see \`skein members\`` };
    const { name } = member.signed.value;
    if (member.status === 'left') return { ok: true };
    if (member.status !== 'failed') {
      return {
        ok: false,
        code: 'node-alive',
        message: `member "${name}" is ${member.status}, not failed: run \`skein leave\` on it, or stop it first`,
      };
    }
    this.#sign(member, 'forced');
    this.#retire(member, 'forced to leave');
    this.#listener.accusationNews(id, this.#turn.self, undefined);
    return { ok: true };
  }

  #retire(member: Member, reason: string): void {
    this.#setStatus(member, 'left', reason);
    this.#listener.memberTouched(member, true);
    this.#boundTombstones();
  }

  reap(id: NodeId): void {
    const member = this.#members.get(id);
    if (member === undefined || (isPresent(member) && member.absentSince === undefined)) return;
    for (const key of [reapKey, suspectKey, testKey]) this.#turn.deadlines.clear(key(id));
    this.#members.delete(id);
    this.#tombstones.delete(id);
    this.#alive -= counted(member.status);
    this.#presentCount -= Number(isPresent(member));
    this.#names.release(member);
    this.#budget.drop(id);
    this.#holdDown.forget(id);
    this.#restraint.forget(id);
    this.#witnesses.forget(id);
    this.#listener.memberAbsent(member, true);
    this.#turn.emit({ type: 'member-reaped', id, name: member.signed.value.name });
  }

  #armReap(member: Member): void {
    this.#turn.deadlines.set(reapKey(member.id), member.since + tombstoneMs(hasLeft(member), this.#turn.config));
    if (!isPresent(member)) this.#tombstones.set(member);
  }

  /** Only once all that there is to do about a member is done: it may be the one that goes. */
  #boundTombstones(): void {
    while (this.#tombstones.size > tombstonesMax(this.#members.size - this.#tombstones.size)) {
      const first = this.#tombstones.takeFirst();
      if (first !== undefined) this.reap(first);
    }
  }

  /** It spoke or answered: that others had it gone counts for nothing any more. Returns whether they had. */
  #isBack(member: Member): boolean {
    if (member.absentSince === undefined) return false;
    member.absentSince = undefined;
    if (isPresent(member)) this.#turn.deadlines.clear(reapKey(member.id));
    return true;
  }

  // --- status ---

  #setStatus(member: Member, to: MemberStatus, reason: string): void {
    const from = member.status;
    if (from === to) return;
    const wasPresent = isPresent(member);
    member.status = to;
    this.#alive += counted(to) - counted(from);
    if (counted(to) === 0) this.#holdDown.gone(member.id);
    this.#presentCount += Number(isPresent(member)) - Number(wasPresent);
    this.#witnesses.setPresent(member.id, isPresent(member));
    member.since = this.#turn.now;
    if (to !== 'suspect') for (const key of [suspectKey, testKey]) this.#turn.deadlines.clear(key(member.id));
    if (to === 'left') this.#armReap(member);
    else if (to !== 'failed') {
      this.#tombstones.delete(member.id);
      if (member.absentSince === undefined) this.#turn.deadlines.clear(reapKey(member.id));
    }
    this.#reportStatus(member, from, reason);
    if (to === 'left') this.#listener.memberAbsent(member, false);
  }

  /** A claim of its own answers all that was said; `right`: it was gone, or goes. */
  #clearAccusations(member: Member, right: boolean): void {
    member.accusations = noAccusations;
    this.#witnesses.cleared(member.id, !right, this.#turn.now);
    member.doubt = undefined;
    this.#restraint.cleared(member.id);
    if (right) this.#accusersWereRight(member.id);
    else this.#budget.refute(member.id, this.#turn.now);
    this.#restraint.lookAgain();
    this.#turn.deadlines.clear(suspectKey(member.id));
  }

  #updateReachable(member: Member, reason: string): void {
    const isFree = this.#isReachable(member);
    if (!isFree) this.#noteOut(member);
    const reachable = isFree && !this.#isHeld(member);
    if (reachable === member.reachable) return;
    member.reachable = reachable;
    this.#turn.emit({ type: 'reachability-changed', id: member.id, name: member.signed.value.name, reachable, reason });
    this.#listener.memberTouched(member, true);
  }

  #isReachable(member: Member): boolean {
    if (member === this.#self) return member.status === 'alive';
    if ((member.status !== 'alive' && member.status !== 'suspect') || !member.verified) return false;
    // Suspected while it leaves: it has asked for no more traffic all the same.
    if (member.signed.value.status !== 'alive' || member.absentSince !== undefined) return false;
    if (member.doubt !== undefined) return false;
    const witnesses = this.#witnesses.onOurSide(member);
    return witnesses <= 0 || witnesses < Math.min(this.#turn.config.accusersToEvict, Math.max(1, this.#alive - 1));
  }

  /** It is out of rotation, not because it asked for that: too often, and it will be held. */
  #noteOut(member: Member): void {
    this.#witnesses.isOut(member.id, this.#turn.now);
    if (this.isIsolated) this.#holdDown.excuse(this.#turn.now);
    if (!member.verified || member.signed.value.status !== 'alive' || counted(member.status) === 0) return;
    this.#holdDown.began(member.id, this.#alive, member.doubt !== undefined, this.#turn.now);
  }

  /** Whether a member that nothing speaks against stays out of rotation, having been out too often. */
  #isHeld(member: Member): boolean {
    const { now, deadlines } = this.#turn;
    if (this.isIsolated) this.#holdDown.excuse(now);
    const until = this.#holdDown.ended(member.id, this.#alive, now);
    if (until > now) deadlines.set(holdKey(member.id), until);
    return until > now;
  }

  /** The deadline `hold/<id>`: it may go back into rotation. */
  holdDue(id: NodeId): void {
    const member = this.#row(id);
    if (member !== undefined) this.#updateReachable(member, 'held for long enough');
  }

  #reportStatus(member: Member, from: MemberStatus | undefined, reason: string): void {
    const { name, epoch, incarnation } = member.signed.value;
    this.#turn.emit({ type: 'member-changed', id: member.id, name, from, to: member.status, reason, epoch, incarnation });
  }

  #reportNameConflict(member: Member): void {
    const ids = this.#names.claim(member, this.#members);
    if (ids.length > 0) this.#turn.emit({ type: 'name-conflict', name: member.signed.value.name, ids });
  }
}
