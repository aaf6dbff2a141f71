/**
 * Whose word against a member decides on its rotation, and on how long it stays suspect. All accusations that are signed
 * are kept and passed on, so that all nodes hold the same; but some of them count for nothing here.
 *
 * - Who had failed for us when its word came was cut off from us: a healed partition brings what they said of those on our
 *   side. Our own links tell better, until the suspicion runs out.
 * - A key costs nothing. A member that makes one for each accusation would have any number of accusers, each with an
 *   account of its own (the Sybil attack; Douceur, IPTPS 2002). So a newcomer that we only heard of is a stranger, until it
 *   answers us. In a large mesh, where most never do, it is one until it has been well for so long that those who watch it
 *   would have found that nobody is there. Strangers do not make a small mesh a large one either.
 *
 * Against a member of a large mesh that keeps many made-up ones alive by refuting for them this is no help: only credentials
 * are, that cost something.
 */

import { assert } from '../assert.ts';
import type { NodeId } from '../identity.ts';
import type { Member } from './member.ts';

/** How long a newcomer that we did not meet stays a stranger. A silent one among many others fails within that, in any profile for a LAN. */
const strangerMs = 60_000;

interface Newcomer {
  /** Since when it is well. */
  since: number;
  isPresent: boolean;
}

export class Witnesses {
  readonly #startedAt: number;
  /** Members that we heard of but did not meet. Those known soon after our own start are not among them: all are new then. */
  readonly #newcomers = new Map<NodeId, Newcomer>();
  #presentNewcomers = 0;
  /** By subject: accusers of its current claim that were strangers when their word came. */
  readonly #strangers = new Map<NodeId, Set<NodeId>>();
  /** By subject: how many of its accusers had failed, for us, when their word came. */
  readonly #cutOff = new Map<NodeId, number>();

  constructor(now: number) {
    this.#startedAt = now;
  }

  /** A member was heard of for the first time. */
  heardOf(id: NodeId, now: number): void {
    if (now - this.#startedAt > strangerMs) this.#newcomers.set(id, { since: now, isPresent: false });
  }

  /** A member takes part, or does not. */
  setPresent(id: NodeId, isPresent: boolean): void {
    const newcomer = this.#newcomers.get(id);
    if (newcomer === undefined) return;
    this.#presentNewcomers += Number(isPresent) - Number(newcomer.isPresent);
    newcomer.isPresent = isPresent;
  }

  /** A member is out of rotation, or would be. */
  isOut(id: NodeId, now: number): void {
    const newcomer = this.#newcomers.get(id);
    if (newcomer !== undefined) newcomer.since = now;
  }

  /** How many take part of whom we only heard. */
  get unmet(): number {
    return this.#presentNewcomers;
  }

  /** A member answered us. Returns whom it accuses: from now on its word counts. */
  met(id: NodeId): readonly NodeId[] {
    this.setPresent(id, false);
    if (!this.#newcomers.delete(id)) return [];
    const accused: NodeId[] = [];
    for (const [subject, strangers] of this.#strangers) {
      if (!strangers.delete(id)) continue;
      if (strangers.size === 0) this.#strangers.delete(subject);
      accused.push(subject);
    }
    return accused;
  }

  /** Whether the word of this member counts for nothing. `isLarge`: most members of the mesh never meet. */
  isStranger(member: Member | undefined, isLarge: boolean, now: number): boolean {
    const newcomer = member && this.#newcomers.get(member.id);
    if (newcomer === undefined) return false;
    return !isLarge || now - newcomer.since < strangerMs;
  }

  /** One accuses this member that did not before. */
  add(subject: NodeId, accuser: NodeId, isStranger: boolean, isCutOff: boolean): void {
    if (isStranger) {
      const strangers = this.#strangers.get(subject);
      if (strangers === undefined) this.#strangers.set(subject, new Set([accuser]));
      else strangers.add(accuser);
    } else if (isCutOff) this.#cutOff.set(subject, (this.#cutOff.get(subject) ?? 0) + 1);
  }

  /** Whether a stranger accuses this member. Its word makes room for one that counts. */
  hasStranger(subject: NodeId): boolean {
    return this.#strangers.has(subject);
  }

  /** The stranger whose word makes room. */
  takeStranger(subject: NodeId): NodeId {
    const strangers = this.#strangers.get(subject);
    const [accuser] = strangers ?? [];
    assert(strangers !== undefined && accuser !== undefined, 'a stranger accuses it');
    if (strangers.size === 1) this.#strangers.delete(subject);
    else strangers.delete(accuser);
    return accuser;
  }

  /** How many accuse this member, strangers aside. */
  accusersOf({ id, accusations }: Member): number {
    return accusations.size - (this.#strangers.get(id)?.size ?? 0);
  }

  /** How many of those it is that were not cut off from us. */
  onOurSide(member: Member): number {
    return this.accusersOf(member) - (this.#cutOff.get(member.id) ?? 0);
  }

  /** Nothing that was said against this member stands any more. */
  cleared(subject: NodeId): void {
    this.#strangers.delete(subject);
    this.#cutOff.delete(subject);
  }

  /** It is gone and forgotten. */
  forget(id: NodeId): void {
    this.cleared(id);
    this.setPresent(id, false);
    this.#newcomers.delete(id);
  }
}
