/**
 * Rows of the departed, so that old news cannot revive them: at most max(1024, twice the present), and no more than leave
 * room for newcomers. When there are too many those go first that left, before those that failed, the longest gone first.
 */

import { Deadlines } from '../deadlines.ts';
import type { NodeId } from '../identity.ts';
import { limits } from '../limits.ts';
import type { MeshConfig } from '../mesh-config.ts';
import { isPresent, type Member } from './member.ts';

/** So many rows are kept free for newcomers at the cost of tombstones. */
const freeRows = 256;

/** How many rows of the departed are kept beside so many of the present. */
export function tombstonesMax(present: number): number {
  return Math.max(0, Math.min(Math.max(1024, 2 * present), limits.members - present - freeRows));
}

/** How long the row of one that left, or that failed, is kept. */
export function tombstoneMs(left: boolean, config: Pick<MeshConfig, 'leftTombstoneMs' | 'failedTombstoneMs'>): number {
  return left ? config.leftTombstoneMs : config.failedTombstoneMs;
}

/** How long ago a member left or failed; 0 while it is present. */
export function absentMs(member: Member, now: number): number {
  const since = isPresent(member) ? member.absentSince : member.since;
  if (since === undefined) return 0;
  return Math.max(member.status === 'left' ? 0 : 1, now - since);
}

export class Tombstones {
  /** Ordered by when they went. */
  readonly #left = new Deadlines();
  readonly #failed = new Deadlines();

  get size(): number {
    return this.#left.size + this.#failed.size;
  }

  /** A member is gone, or gone in another way. */
  set({ id, status, since }: Member): void {
    this.delete(id);
    (status === 'left' ? this.#left : this.#failed).set(id, since);
  }

  /** It is back, or forgotten. */
  delete(id: NodeId): void {
    this.#left.clear(id);
    this.#failed.clear(id);
  }

  /** Takes out who is to be forgotten next. */
  takeFirst(): NodeId | undefined {
    return (this.#left.takeDue(Infinity) ?? this.#failed.takeDue(Infinity))?.key as NodeId | undefined;
  }
}
