/**
 * A member under accusation that talks to us may not know of it, and only it can refute: so it is told, now and then
 * (Lifeguard's buddy system, Dadgar et al. 2018, IV-C).
 *
 * Step by step: buddy.txt in test/datadriven.
 */

import type { NodeId } from '../identity.ts';
import type { Member } from './member.ts';

/** A member that does not know of its accusers is told at most this often. */
const tellAgainMs = 1000;

export class Buddies {
  readonly #toldAt = new Map<NodeId, number>();

  /** Whether a member that we can talk to is to be told now; it is taken for told. */
  isTold(member: Member | undefined, now: number): boolean {
    if (member === undefined || member.accusations.size === 0) return false;
    const toldAt = this.#toldAt.get(member.id);
    if (toldAt !== undefined && now - toldAt < tellAgainMs) return false;
    this.#toldAt.set(member.id, now);
    return true;
  }

  /** A member is gone. */
  forget(id: NodeId): void {
    this.#toldAt.delete(id);
  }
}
