/** A member table by itself: who hears and accuses whom is written by the test, deadlines come due as time passes. */

import { nodeId } from '@skein/core';
import type { Accusation, MemberRecord, MeshConfig, NodeId, Signed } from '@skein/core';
import { Membership, type Member, type MembershipListener, type Turn } from '@skein/core/parts';
import { claim, fact, ids, makeTurn } from './fixture.ts';

const [self, a, b, c, d] = ids as [NodeId, NodeId, NodeId, NodeId, NodeId];

export class Table implements MembershipListener {
  readonly turn: Turn;
  readonly membership: Membership;
  readonly calls: string[] = [];

  constructor(epoch = 1, id: NodeId = self, config: Partial<MeshConfig> = {}) {
    this.turn = makeTurn(id, config);
    const labels = { name: `name-${id}`, addresses: [`${id}:1`], region: '', zone: '', tags: {} };
    this.membership = new Membership(this.turn, labels, epoch, this);
  }

  recordNews = (id: NodeId): void => void this.calls.push(`news ${id}`);
  accusationNews = (subject: NodeId, accuser: NodeId): void => void this.calls.push(`accusation ${accuser} ${subject}`);
  memberTouched = (): void => undefined;
  memberPresent = (member: Member): void => void this.calls.push(`present ${member.id}`);
  watched = (): number => 4;
  /** Set by a test: whether this node hears from nobody. */
  deaf = false;
  isDeaf = (): boolean => this.deaf;
  /** Set by a test: when somebody was heard again. */
  againAt = Number.NEGATIVE_INFINITY;
  heardAgainAt = (): number => this.againAt;
  probeAgain = (id: NodeId): void => void this.calls.push(`probe ${id}`);
  callOut = (): void => void this.calls.push('called out');
  /** Set by a test: whether the others are linked with this node. */
  ours = true;
  isOurs = (): boolean => this.ours;
  isolationChanged = (): void => void this.calls.push(`isolated ${this.membership.isIsolated}`);
  memberSuspected = (member: Member): void => void this.calls.push(`suspected ${member.id}`);
  memberFailed = (member: Member): void => void this.calls.push(`failed ${member.id}`);
  memberAbsent = (member: Member, forgotten: boolean): void =>
    void this.calls.push(`${forgotten ? 'forgotten' : 'absent'} ${member.id}`);
  memberDoubled = (id: NodeId): void => void this.calls.push(`doubled ${id}`);
  epochRaised = (): void => void this.calls.push('epoch raised');

  hear(record: Signed<MemberRecord>, from: NodeId = a, verified = true, absentMs = 0): this {
    this.membership.merge(fact(record, verified, absentMs), from);
    return this;
  }

  accused(signed: Signed<Accusation>, from: NodeId = a): this {
    this.membership.mergeAccusation(signed, from);
    return this;
  }

  /** Time passes, and deadlines of membership come due. */
  pass(ms: number): this {
    const end = this.turn.now + ms;
    for (let at = this.turn.deadlines.next(); at !== undefined && at <= end; at = this.turn.deadlines.next()) {
      this.turn.now = Math.max(this.turn.now, at);
      const due = this.turn.deadlines.takeDue(this.turn.now);
      const [kind, id] = (due?.key ?? '').split('/');
      if (kind === 'suspect') this.membership.suspicionExpired(nodeId(id ?? ''));
      else if (kind === 'test') this.membership.testDue(nodeId(id ?? ''));
      else if (kind === 'refute') this.membership.refute();
      else if (kind === 'withheld') this.membership.accuseWithheld();
      else if (kind === 'reap') this.membership.reap(nodeId(id ?? ''));
    }
    this.turn.now = end;
    return this;
  }

  status(id: NodeId): string {
    const member = this.membership.get(id);
    return member === undefined ? 'unknown' : `${member.status}${member.reachable ? '' : ' unreachable'}`;
  }

  get own(): MemberRecord {
    return this.membership.self.signed.value;
  }

  /** All that readers can tell tables apart by. */
  rows(): string[] {
    const rows: string[] = [];
    for (const member of this.membership.all()) {
      const { epoch, incarnation, status } = member.signed.value;
      const accusers = [...member.accusations.keys()].sort().join('+');
      rows.push(`${member.id} ${epoch}.${incarnation} ${status} ${this.status(member.id)} ${member.verified} by ${accusers}`);
    }
    return rows.sort();
  }
}

/** A table of five: this node, n0, and n1 to n4. */
export const full = (config: Partial<MeshConfig> = {}): Table =>
  new Table(1, self, config).hear(claim(a)).hear(claim(b)).hear(claim(c)).hear(claim(d));
