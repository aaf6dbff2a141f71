/**
 * Whose word against a member decides on its rotation, and on how long it stays suspect. All accusations that are signed
 * are kept and passed on, so that all nodes hold the same; but some of them are not heeded.
 *
 * - Who had failed for us when its word came was cut off from us: a healed partition brings what they said of those on our
 *   side. Our own links tell better, until the suspicion runs out.
 * - A key costs nothing. A member that makes one for each accusation would have any number of accusers, each with an
 *   account of its own (the Sybil attack; Douceur, IPTPS 2002). So a newcomer that we only heard of is a stranger. In a small
 *   mesh, where all meet within seconds, it is not heeded before it answered us, nor does it make the mesh a large one. In a
 *   large mesh, where most never meet, who watches a crashed member may well be new: there strangers have one account
 *   together, and are heeded until a few of their accusations were refuted. Who has been well for a minute has its own.
 *
 * Against one that keeps many made-up members of a large mesh alive by refuting for them this is no help: only credentials
 * are, that cost something.
 */

import { assert } from '../assert.ts';
import { FadingCount } from '../fading-count.ts';
import type { NodeId } from '../identity.ts';
import type { Member } from './member.ts';

/** How long a newcomer to a large mesh that we did not meet stays a stranger. On a LAN a silent one fails within that. */
const strangerMs = 60_000;
/** So many refuted accusations of strangers, and none of theirs is heeded. */
const refutedMax = 3;
/** More are not remembered, or one lie told of everybody would make us deaf for an hour. */
const refutedCap = 6;

interface Newcomer {
  /** Since when it is well. */
  since: number;
  isPresent: boolean;
}

/** What the word of an accuser counts for. */
export interface Weight {
  readonly isStranger: boolean;
  /** Whether it counts at all. */
  readonly isHeeded: boolean;
  /** Whether it was cut off from us. */
  readonly isCutOff: boolean;
}

export class Witnesses {
  readonly #startedAt: number;
  /** Members that we heard of but did not meet. Those known soon after our own start are not among them: all are new then. */
  readonly #newcomers = new Map<NodeId, Newcomer>();
  #presentNewcomers = 0;
  /** By subject: accusers of its current claim that were strangers, and not heeded. */
  readonly #strangers = new Map<NodeId, Set<NodeId>>();
  /** Whom strangers accuse that were heeded. */
  readonly #accused = new Set<NodeId>();
  /** Accusations of strangers that were refuted. */
  readonly #refuted: FadingCount;
  /** By subject: how many of its accusers had failed, for us, when their word came. */
  readonly #cutOff = new Map<NodeId, number>();

  /** `refillMs`: one refuted accusation of strangers is forgotten in this time. */
  constructor(now: number, refillMs: number) {
    this.#startedAt = now;
    this.#refuted = new FadingCount(refillMs);
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

  /** What the word of this member counts for now. `isLarge`: most members of the mesh never meet. */
  weigh(accuser: Member | undefined, isLarge: boolean, now: number): Weight {
    const newcomer = accuser && this.#newcomers.get(accuser.id);
    const isStranger = newcomer !== undefined && (!isLarge || now - newcomer.since < strangerMs);
    return {
      isStranger,
      isHeeded: !isStranger || (isLarge && this.#refuted.at(now) < refutedMax),
      isCutOff: accuser?.status === 'failed',
    };
  }

  /** One accuses this member that did not before. */
  add(subject: NodeId, accuser: NodeId, { isStranger, isHeeded, isCutOff }: Weight): void {
    if (!isHeeded) {
      const strangers = this.#strangers.get(subject);
      if (strangers === undefined) this.#strangers.set(subject, new Set([accuser]));
      else strangers.add(accuser);
    } else if (isStranger) this.#accused.add(subject);
    else if (isCutOff) this.#cutOff.set(subject, (this.#cutOff.get(subject) ?? 0) + 1);
  }

  /** Whether a stranger accuses this member that is not heeded. Its word makes room for one that is. */
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

  /** How many accuse this member and are heeded. */
  accusersOf({ id, accusations }: Member): number {
    return accusations.size - (this.#strangers.get(id)?.size ?? 0);
  }

  /** How many of those it is that were not cut off from us. */
  onOurSide(member: Member): number {
    return this.accusersOf(member) - (this.#cutOff.get(member.id) ?? 0);
  }

  /** Nothing that was said against this member stands any more. `wasWrong`: it refuted that. */
  cleared(subject: NodeId, wasWrong: boolean, now: number): void {
    if (this.#accused.delete(subject) && wasWrong && this.#refuted.at(now) < refutedCap) this.#refuted.add(now);
    this.#strangers.delete(subject);
    this.#cutOff.delete(subject);
  }

  /** It is gone and forgotten. */
  forget(id: NodeId): void {
    this.cleared(id, false, 0);
    this.setPresent(id, false);
    this.#newcomers.delete(id);
  }
}
