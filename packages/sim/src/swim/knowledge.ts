/**
 * What a member makes of claims: which is news, when a suspicion becomes a verdict, what it says about itself, and what
 * is told on. An alive claim needs a higher incarnation than known, an accusation an equal one.
 */

import type { Broadcasts } from './broadcasts.ts';
import type { Deadline } from './deadlines.ts';
import { accusation, aliveClaim } from './message.ts';
import type { Claim, MemberState, SwimStatus } from './message.ts';
import type { Self } from './self.ts';
import { Suspicion } from './suspicion.ts';
import { suspicionMinUs } from './timing.ts';

interface Open {
  readonly suspicion: Suspicion;
  deadline: Deadline;
}

export class Knowledge {
  readonly #self: Self;
  readonly #broadcasts: Broadcasts;
  readonly #suspicions = new Map<number, Open>();
  readonly #queued: () => void;
  #incarnation = 1;
  #isLeaving = false;

  /** `queued` is called when there is something to gossip. */
  constructor(self: Self, broadcasts: Broadcasts, queued: () => void) {
    this.#self = self;
    this.#broadcasts = broadcasts;
    this.#queued = queued;
  }

  get incarnation(): number {
    return this.#incarnation;
  }

  /** Knows itself, and tells. */
  appear(): void {
    const { member, address, roster, nowUs } = this.#self;
    roster.add(member, address);
    roster.set(member, 'alive', this.#incarnation, nowUs);
    this.#tell(aliveClaim(member, this.#incarnation, address));
  }

  /** Knows the members that a settled mesh has, of which nothing is news. */
  settle(members: readonly MemberState[]): void {
    const { member, address, roster, nowUs } = this.#self;
    for (const each of members) {
      roster.add(each.member, each.address);
      roster.set(each.member, 'alive', each.incarnation, nowUs);
    }
    if (roster.status(member) !== 'unknown') return;
    roster.add(member, address);
    roster.set(member, 'alive', this.#incarnation, nowUs);
  }

  /** Says that it leaves; `done` once that was said often enough. */
  leave(done: () => void): void {
    const { member } = this.#self;
    this.#isLeaving = true;
    this.#decide(accusation('failed', member, this.#incarnation, member), done);
  }

  take(claim: Claim): void {
    if (claim.type === 'alive') this.#alive(claim);
    else if (claim.type === 'suspect') this.#suspect(claim);
    else this.#failed(claim);
  }

  /** What another member knows. Whom it takes for failed is only suspected, by us. */
  merge(states: readonly MemberState[]): void {
    const { member } = this.#self;
    for (const state of states) {
      if (state.status === 'alive') this.#alive(aliveClaim(state.member, state.incarnation, state.address));
      else if (state.status === 'left') this.#failed(accusation('failed', state.member, state.incarnation, state.member));
      else this.#suspect(accusation('suspect', state.member, state.incarnation, member));
    }
  }

  states(): MemberState[] {
    const { roster } = this.#self;
    return roster.members().map((member) => ({
      member,
      status: roster.status(member) as MemberState['status'],
      incarnation: roster.incarnation(member),
      address: roster.address(member),
    }));
  }

  /** A member was dropped from the roster. */
  forget(member: number): void {
    this.#calm(member);
  }

  #alive(claim: Claim): void {
    const { member, roster, nowUs } = this.#self;
    const { subject, incarnation, address } = claim;
    if (subject === member) {
      if (!this.#isLeaving && incarnation > this.#incarnation) this.#refute(incarnation);
      return;
    }
    const isNew = roster.status(subject) === 'unknown';
    let isMoved = false;
    if (isNew) roster.add(subject, address);
    else if (roster.address(subject) !== address) {
      if (!this.#isReclaimable(subject)) return;
      isMoved = true;
    }
    if (incarnation <= roster.incarnation(subject) && !isMoved) return;
    this.#calm(subject);
    this.#tell(claim);
    roster.move(subject, address);
    const status = isNew ? 'unknown' : roster.status(subject);
    if (status === 'alive') roster.setIncarnation(subject, incarnation);
    else {
      roster.set(subject, 'alive', incarnation, nowUs);
      this.#changed(claim, status, 'alive');
    }
  }

  #suspect(claim: Claim): void {
    const { member, roster, nowUs } = this.#self;
    const { subject, incarnation } = claim;
    const status = roster.status(subject);
    if (status === 'unknown' || incarnation < roster.incarnation(subject)) return;
    const open = this.#suspicions.get(subject);
    if (open !== undefined) {
      if (!open.suspicion.confirm(claim.from)) return;
      this.#tell(claim);
      this.#self.deadlines.cancel(open.deadline);
      open.deadline = this.#verdictAt(subject, open.suspicion);
      return;
    }
    if (status !== 'alive') return;
    if (subject === member) {
      this.#refute(incarnation);
      return;
    }
    if (!this.#self.config.suspicion) {
      this.#failed(accusation('failed', subject, incarnation, claim.from));
      return;
    }
    this.#tell(claim);
    roster.set(subject, 'suspect', incarnation, nowUs);
    this.#open(claim);
    this.#changed(claim, 'alive', 'suspect');
  }

  #open(claim: Claim): void {
    const { config, roster, nowUs } = this.#self;
    const minUs = suspicionMinUs(config, roster.size);
    const suspicion = new Suspicion({
      from: claim.from,
      wanted: roster.size - 2 < config.confirmations ? 0 : config.confirmations,
      minUs,
      maxUs: minUs * config.suspicionMaxMult,
      nowUs,
    });
    this.#suspicions.set(claim.subject, { suspicion, deadline: this.#verdictAt(claim.subject, suspicion) });
  }

  #verdictAt(subject: number, suspicion: Suspicion): Deadline {
    const { deadlines, member, roster } = this.#self;
    return deadlines.add(suspicion.endUs, () => {
      this.#failed(accusation('failed', subject, roster.incarnation(subject), member));
    });
  }

  #failed(claim: Claim): void {
    const { config, member, roster, port } = this.#self;
    const { subject, incarnation } = claim;
    const status = roster.status(subject);
    if (status === 'unknown' || incarnation < roster.incarnation(subject)) return;
    this.#calm(subject);
    if (roster.isGone(subject)) return;
    if (subject === member) {
      if (config.refutesFailure) this.#refute(incarnation);
      else port.ended();
      return;
    }
    this.#decide(claim);
  }

  #decide(claim: Claim, done?: () => void): void {
    const { roster, nowUs } = this.#self;
    const { subject } = claim;
    const status = roster.status(subject);
    const to = claim.from === subject ? 'left' : 'failed';
    this.#tell(claim, done);
    roster.set(subject, to, claim.incarnation, nowUs);
    this.#changed(claim, status, to);
  }

  #refute(incarnation: number): void {
    const { member, address, roster, health } = this.#self;
    if (this.#isLeaving) return;
    this.#incarnation = Math.max(this.#incarnation, incarnation) + 1;
    roster.setIncarnation(member, this.#incarnation);
    health.apply(1);
    this.#tell(aliveClaim(member, this.#incarnation, address));
  }

  #isReclaimable(subject: number): boolean {
    const { config, roster, nowUs } = this.#self;
    const status = roster.status(subject);
    if (status === 'left') return true;
    return status === 'failed' && config.reclaimMs > 0 && nowUs - roster.changedUs(subject) > config.reclaimMs * 1000;
  }

  #calm(subject: number): void {
    const open = this.#suspicions.get(subject);
    if (open === undefined) return;
    this.#self.deadlines.cancel(open.deadline);
    this.#suspicions.delete(subject);
  }

  /** A claim that is news is told on. By multicast, its author tells all, once. */
  #tell(claim: Claim, done?: () => void): void {
    const { config, member } = this.#self;
    if (config.multicast && claim.from !== member) return;
    this.#broadcasts.push(claim, done);
    this.#queued();
  }

  #changed(claim: Claim, from: SwimStatus, to: SwimStatus): void {
    this.#self.port.changed({ subject: claim.subject, from, to, incarnation: claim.incarnation, accuser: claim.from });
  }
}
