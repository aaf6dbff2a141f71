/**
 * When this node does not say what it has against others, since it may be at fault itself: while it hears from nobody, and
 * when it has more against others than one node may (`AccusationBudget`). What is kept back is said later, if it still
 * holds. A node that keeps something back is isolated, and shows that.
 */

import type { NodeId } from '../identity.ts';
import type { Turn } from '../turn.ts';

export interface RestraintListener {
  /** Whether nobody at all was heard of lately. */
  isDeaf(): boolean;
  /** When somebody was heard again after nobody was. */
  heardAgainAt(): number;
  /** Asks some others for a sign of life. */
  callOut(): void;
  isolationChanged(): void;
  /** Whether it is linked with us, or should be. */
  isOurs(id: NodeId): boolean;
}

/** What a node did not say, and may look at again. */
export interface KeptBack {
  /** To accuse now, if that still holds. */
  readonly accuse: readonly NodeId[];
  /** To probe anew: they were silent while we heard from nobody. */
  readonly probe: readonly NodeId[];
  /** To probe anew, since we had stood still. */
  readonly late: readonly NodeId[];
  /** No longer ours to watch: others tell. */
  readonly release: readonly NodeId[];
}

/** Time for others to answer when we ask for any sign of life. */
const callMs = 200;
/** How often we look whether those we doubt are still ours to watch. */
const lookAgainMs = 1000;

export class Restraint {
  readonly #turn: Turn;
  readonly #listener: RestraintListener;
  /** Those against whom we have more than one node may say. */
  readonly #withheld = new Set<NodeId>();
  /** Those who gave no answer while we heard from nobody, and since when. */
  readonly #unheard = new Map<NodeId, number>();
  /** Those whom we would have accused just after we stood still. */
  readonly #late = new Set<NodeId>();
  /** Those whom we would have doubted since they answered last, but for a stall, and since when. */
  readonly #putOff = new Map<NodeId, number>();
  /** Those we doubt, said or not. */
  readonly #doubted = new Set<NodeId>();
  /** Those we doubted, though they answered since, and when last; oldest first. */
  readonly #lately = new Map<NodeId, number>();
  #isolated = false;

  constructor(turn: Turn, listener: RestraintListener) {
    this.#turn = turn;
    this.#listener = listener;
  }

  get isIsolated(): boolean {
    return this.#isolated;
  }

  /** Whether something is kept back about this member. */
  holds(id: NodeId): boolean {
    return this.#withheld.has(id) || this.#unheard.has(id);
  }

  /** Whether anything at all is kept back because we said enough. */
  get isFull(): boolean {
    return this.#withheld.size > 0;
  }

  /** Silence says nothing of others while we hear from nobody. Returns whether the accusation is kept back. */
  isUnheard(id: NodeId): boolean {
    if (!this.#listener.isDeaf()) return false;
    this.#unheard.set(id, this.#turn.now);
    this.#arm(callMs);
    this.#listener.callOut();
    return true;
  }

  /**
   * We stood still, and what speaks for this member may not be read yet. Once it was, a probe tells. Returns whether the
   * accusation is kept back.
   */
  isLate(id: NodeId): boolean {
    const { now, verdictsAt } = this.#turn;
    if (now >= verdictsAt) return false;
    this.#late.add(id);
    this.#arm(verdictsAt - now);
    return true;
  }

  /**
   * As `isLate`, for what only takes it out of our own rotation. A host that stalls again and again would never get to it:
   * what was put off for as long as reading takes, and comes when we are on time, holds.
   */
  isLateDoubt(id: NodeId): boolean {
    const { now, verdictsAt, config, isLate } = this.#turn;
    if (now >= verdictsAt) return false;
    const since = this.#putOff.get(id);
    if (since !== undefined && !isLate && now - since >= config.probeIntervalMs) return false;
    if (since === undefined) this.#putOff.set(id, now);
    return this.isLate(id);
  }

  /** A doubt is ours to clear for as long as we watch it; from then on nobody would tell us that it does not hold. */
  doubts(id: NodeId): void {
    this.#doubted.add(id);
    this.#lately.delete(id);
    this.#lately.set(id, this.#turn.now);
    this.#arm(lookAgainMs);
  }

  /** Nothing speaks against it any more. */
  cleared(id: NodeId): void {
    this.#doubted.delete(id);
  }

  /**
   * We may say no more: this waits. A few that come and go may cost all that we may say, and that is about them; where we
   * doubted as many as `enough` different ones lately, it is about us.
   */
  withhold(id: NodeId, enough: number): void {
    const { now, config } = this.#turn;
    this.#withheld.add(id);
    this.#arm(config.accusationRefillMs);
    for (const [other, at] of this.#lately) {
      if (now - at <= config.accusationRefillMs) break;
      this.#lately.delete(other);
    }
    if (this.#lately.size >= enough) this.#setIsolated(true);
  }

  /** There may be room for what waits. */
  lookAgain(): void {
    if (this.isFull) this.#arm(0);
  }

  /**
   * The deadline `withheld`. Undefined while we are deaf; else what was kept back.
   */
  due(): KeptBack | undefined {
    if (this.#unheard.size > 0 && this.#listener.isDeaf()) {
      this.#arm(callMs);
      this.#setIsolated(true);
      return undefined;
    }
    const late = this.#turn.now < this.#turn.verdictsAt ? [] : [...this.#late];
    for (const id of late) this.#late.delete(id);
    if (this.#late.size > 0) this.#arm(this.#turn.verdictsAt - this.#turn.now);
    const keptBack = { accuse: [] as NodeId[], probe: [] as NodeId[], late, release: [] as NodeId[] };
    for (const id of this.#withheld) (this.#listener.isOurs(id) ? keptBack.accuse : keptBack.release).push(id);
    for (const [id, at] of this.#unheard) {
      const isProbed = this.#listener.heardAgainAt() >= at;
      (!this.#listener.isOurs(id) ? keptBack.release : isProbed ? keptBack.probe : keptBack.accuse).push(id);
    }
    this.#withheld.clear();
    this.#unheard.clear();
    // As long as we seem cut off, whom we could not reach stays out of our rotation.
    if (!this.#isolated) for (const id of this.#doubted) if (!this.#listener.isOurs(id)) keptBack.release.push(id);
    for (const id of keptBack.release) this.#doubted.delete(id);
    if (this.#doubted.size > 0) this.#arm(lookAgainMs);
    return keptBack;
  }

  /** After what `due` gave was dealt with: whether nothing had to be kept back again. */
  settle(): void {
    if (this.#withheld.size + this.#unheard.size === 0) this.#setIsolated(false);
  }

  /** It answered, so others may. */
  answered(id: NodeId): void {
    this.forget(id);
    if (!this.#isolated) return;
    this.settle();
    if (this.isFull) this.#arm(callMs);
  }

  /** It is gone. */
  forget(id: NodeId): void {
    this.#putOff.delete(id);
    this.#withheld.delete(id);
    this.#unheard.delete(id);
    this.#late.delete(id);
    this.#doubted.delete(id);
  }

  /** Puts a verdict off while we are deaf: what refutes it may be on its way. Returns whether it was. */
  putsOff(deadline: string): boolean {
    if (!this.#listener.isDeaf()) return false;
    this.#turn.deadlines.set(deadline, this.#turn.now + callMs);
    this.#listener.callOut();
    return true;
  }

  #arm(inMs: number): void {
    this.#turn.deadlines.setEarlier('withheld', this.#turn.now + inMs);
  }

  #setIsolated(isolated: boolean): void {
    if (isolated === this.#isolated) return;
    this.#isolated = isolated;
    this.#turn.emit({ type: 'isolated', isolated });
    this.#listener.isolationChanged();
  }
}
