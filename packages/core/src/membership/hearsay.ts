/**
 * Members that were gone already when we first heard of them, as their teller has it, but of whom no accuser is known to us.
 * How long somebody is gone is not signed: who lets a newcomer in could have it route to nobody. An honest teller has
 * accusations to go with it, and these settle the matter by themselves. Where none came, we look: in a small mesh the
 * link that is wanted anyway does it, in a large one each of these is dialled, a few in a second. Whoever answers is back in
 * rotation; whoever does not is accused by us, since those who did that may be gone and forgotten themselves.
 */

import type { NodeId } from '../identity.ts';
import type { Turn } from '../turn.ts';
import { isPresent, type Member } from './member.ts';

/** Time for accusations to follow in further messages of the same exchange. */
const settleMs = 2000;
/** Everybody may be told the same of one newcomer: so they look spread over that much for each member, or it would drown. */
const spreadMs = 10;
/** Between two dials: each costs a handshake and leaves a link that nobody needs for a while. */
const dialEveryMs = 200;

export class Hearsay {
  readonly #turn: Turn;
  readonly #get: (id: NodeId) => Member | undefined;
  /** In the order in which they were told. At most as many as there are members. */
  readonly #told = new Set<NodeId>();

  constructor(turn: Turn, get: (id: NodeId) => Member | undefined) {
    this.#turn = turn;
    this.#get = get;
  }

  /** A member is in the table now; it is noted if it was told to be gone. `members`: how many take part. */
  heardOf(member: Member, members: number): void {
    if (member.absentSince === undefined) return;
    this.#told.add(member.id);
    if (!this.#turn.deadlines.has('hearsay')) this.#arm(settleMs + this.#turn.rng.below(settleMs + spreadMs * members));
  }

  /** The deadline `hearsay`: whom to dial, if anybody is left that only hearsay is against. `isWanted`: it is dialled anyway. */
  due(isWanted: (id: NodeId) => boolean): NodeId | undefined {
    for (const id of this.#told) {
      this.#told.delete(id);
      const member = this.#get(id);
      if (member?.absentSince === undefined || !isPresent(member) || member.accusations.size > 0 || isWanted(id)) continue;
      if (this.#told.size > 0) this.#arm(dialEveryMs);
      return id;
    }
    return undefined;
  }

  #arm(inMs: number): void {
    this.#turn.deadlines.set('hearsay', this.#turn.now + inMs);
  }
}
