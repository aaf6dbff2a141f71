/**
 * What time it is, for versions of config entries: by the wall clock of this host, unless that is far from those of most
 * others. Each peer states its clock when it links, and when it compares what it knows; the middle of what the last ones stated and our own is the time of
 * the mesh (the fault-tolerant average of Lundelius Welch and Lynch 1988 takes the middle likewise). A host whose clock is a
 * year ahead would else write what nobody takes, and one that is a year behind take what nobody else writes for untimely.
 */

import type { NodeId } from '../identity.ts';
import type { Turn } from '../turn.ts';

/** So many peers count: the last ones that said what time it is. */
const peersMax = 16;

export class MeshClock {
  readonly #turn: Turn;
  /** Wall clock minus this node's monotonic clock: ours as of the last time it was set, a peer's as of when it said what time it is. */
  #offsetMs = 0;
  readonly #peerOffsetsMs = new Map<NodeId, number>();

  constructor(turn: Turn, wallMs: number) {
    this.#turn = turn;
    this.set(wallMs);
  }

  /** The wall clock of this host, in milliseconds since 1970. */
  set(wallMs: number): void {
    this.#offsetMs = wallMs - this.#turn.now;
  }

  /** What time it is by the clock of this host. */
  get ownMs(): number {
    return this.#at(this.#offsetMs);
  }

  /** A peer said what time it is; 0: it does not say. */
  heard(id: NodeId, wallMs: number): void {
    if (wallMs === 0) return;
    this.#peerOffsetsMs.delete(id);
    this.#peerOffsetsMs.set(id, wallMs - this.#turn.now);
    const [oldest] = this.#peerOffsetsMs.keys();
    if (this.#peerOffsetsMs.size > peersMax && oldest !== undefined) this.#peerOffsetsMs.delete(oldest);
  }

  /** A member is gone: what it said of the time gets old. */
  forget(id: NodeId): void {
    this.#peerOffsetsMs.delete(id);
  }

  /** The time for a version of our own. Of two clocks that differ the earlier one: whoever has the later takes it too. */
  get nowMs(): number {
    const [earlier] = this.#middleMs();
    const isUsual = Math.abs(this.#offsetMs - earlier) <= this.#turn.config.configSkewMs;
    return this.#at(isUsual ? this.#offsetMs : earlier);
  }

  /** No version that is later than this is taken in. */
  get latestMs(): number {
    const [, later] = this.#middleMs();
    return this.#at(Math.max(this.#offsetMs, later)) + this.#turn.config.configSkewMs;
  }

  /** No version of ours that is later than this is taken in by others: earlier than what we take where our clock alone is ahead. */
  get othersTakeMs(): number {
    const [, later] = this.#middleMs();
    const { configSkewMs } = this.#turn.config;
    return this.#offsetMs - later > configSkewMs ? this.#at(later) + configSkewMs : this.latestMs;
  }

  /** Whether peers said what time it is for them. */
  get isCompared(): boolean {
    return this.#peerOffsetsMs.size > 0;
  }

  #at(offsetMs: number): number {
    return Math.max(0, Math.floor(this.#turn.now + offsetMs));
  }

  /** The two in the middle, one where the count is odd. */
  #middleMs(): readonly [number, number] {
    const sorted = [...this.#peerOffsetsMs.values(), this.#offsetMs].sort((a, b) => a - b);
    const at = (index: number): number => sorted[index] ?? this.#offsetMs;
    return [at((sorted.length - 1) >> 1), at(sorted.length >> 1)];
  }
}
