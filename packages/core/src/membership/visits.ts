/**
 * In a large mesh, and in a small one that was large, nobody dials those without a link. So now and then each member looks at one at random, and the more
 * have failed, the more often at one of those: the sides of a partition find each other when it heals, however long it
 * took, and views that drifted apart are compared. Whether the mesh is a small one again is looked at as well.
 */

import type { NodeId } from '../identity.ts';
import type { Turn } from '../turn.ts';
import { hasLeft, isPresent, type Member } from './member.ts';
import type { Topology } from './topology.ts';

export class Visits {
  readonly #turn: Turn;
  readonly #topology: Topology;
  readonly #members: () => Iterable<Member>;

  constructor(turn: Turn, topology: Topology, members: () => Iterable<Member>) {
    this.#turn = turn;
    this.#topology = topology;
    this.#members = members;
  }

  /** There is a large mesh: visits begin. */
  begin(): void {
    if (!this.#turn.deadlines.has('visit')) this.#arm();
  }

  /** The deadline `visit`: whom to dial, if there is anybody. */
  due(): NodeId | undefined {
    this.#arm();
    this.#topology.lookAgain(this.#turn.now);
    const present: NodeId[] = [];
    const gone: NodeId[] = [];
    for (const member of this.#members()) {
      if (member.id === this.#turn.self || hasLeft(member)) continue;
      (isPresent(member) ? present : gone).push(member.id);
    }
    const { rng } = this.#turn;
    const from = rng.below(present.length + 1) < gone.length ? gone : present;
    return from.length === 0 ? undefined : from[rng.below(from.length)];
  }

  #arm(): void {
    const { config, rng } = this.#turn;
    this.#turn.again('visit', Math.floor(config.redialMaxMs / 2) + rng.below(config.redialMaxMs));
  }
}
