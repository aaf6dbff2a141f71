/**
 * A peer whose root differs lacks something, or we do, unless it is on its way: what changed a moment ago has not reached
 * everybody. Such a peer is asked again a little later, one at a time: with many changes, asking everybody again would never end.
 */

import type { NodeId } from '../identity.ts';
import type { Turn } from '../turn.ts';

/** Knowledge that changed this recently may still be on its way to a peer whose root differs. */
const inFlightMs = 150;

export class InFlight {
  readonly #turn: Turn;
  #changedAt = 0;
  #peer: NodeId | undefined;

  constructor(turn: Turn) {
    this.#turn = turn;
  }

  /** What we know changed. */
  changed(): void {
    this.#changedAt = this.#turn.now;
  }

  /** Whether all that changed had time to arrive. */
  get isOver(): boolean {
    return this.#turn.now - this.#changedAt > inFlightMs;
  }

  /** Arms the deadline `recheck` for this peer, unless another one waits for it. */
  askAgain(peer: NodeId): void {
    const { deadlines, now, rng } = this.#turn;
    if (deadlines.has('recheck')) return;
    this.#peer = peer;
    deadlines.set('recheck', now + inFlightMs + rng.below(inFlightMs));
  }

  /** Whom the deadline `recheck` is about. */
  get peer(): NodeId | undefined {
    return this.#peer;
  }
}
