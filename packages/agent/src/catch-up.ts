/**
 * The first moments after a start. An agent that was part of a mesh knows its own registrations again at once, and those
 * of others only when it has asked its peers. A client that got an answer in between would believe that everything
 * beyond this host had gone. So reads of the mesh wait until it has caught up, for a limited time: an agent whose peers
 * are all away answers from what it has.
 */

import type { NodeId, View } from '@skein/core';
import type { Clock } from './clock.ts';
import { Gate } from './gate.ts';

export interface CatchUpOptions {
  readonly clock: Pick<Clock, 'after'>;
  /** Who was a member when this agent last ran. */
  readonly peers: readonly NodeId[];
  readonly view: () => View;
  /** In sync with one peer, or alone by choice. */
  readonly isSynced: () => boolean;
  /** Meshes of fewer members have links between all of them. */
  readonly fullMeshSize: number;
}

/** Clients give up after 10 s and more; agents that start together are seconds apart, and in sync in a fraction of one. */
export const catchUpMs = 5000;
/**
 * When all start at once, a peer's catalog comes only with the next answer from it after its return: so long nothing more
 * may have come.
 */
export const settleMs = 200;

export class CatchUp {
  readonly #options: CatchUpOptions;
  readonly #gate = new Gate();
  #isOver = false;
  #isSettling = false;
  #cancels: (() => void)[] = [];

  constructor(options: CatchUpOptions) {
    this.#options = options;
  }

  /** Resolves once this agent has caught up, or has tried for `catchUpMs`; undefined from then on. */
  get over(): Promise<void> | undefined {
    return this.#isOver ? undefined : this.#gate.opened;
  }

  /** When the node begins to take part. */
  start(): void {
    if (this.#options.peers.length === 0 && this.#options.isSynced()) return this.stop();
    this.#cancels.push(this.#options.clock.after(catchUpMs, () => this.stop()));
    this.look();
  }

  /** Something changed. */
  look(): void {
    if (this.#isOver || this.#isSettling || !this.#options.isSynced() || !this.#isEverybodyBack()) return;
    this.#isSettling = true;
    this.#settle();
  }

  #settle(): void {
    const before = this.#instances();
    const settled = (): void => (this.#instances() === before ? this.stop() : this.#settle());
    this.#cancels.push(this.#options.clock.after(settleMs, settled));
  }

  /** Nobody has to wait any more. */
  stop(): void {
    this.#isOver = true;
    for (const cancel of this.#cancels) cancel();
    this.#cancels = [];
    this.#gate.open();
  }

  /** How many instances its earlier peers have now. */
  #instances(): number {
    const view = this.#options.view();
    return this.#options.peers.reduce((count, id) => count + view.instancesOf(id).length, 0);
  }

  /** Whether of each earlier peer it is known what became of it. */
  #isEverybodyBack(): boolean {
    const { view, peers, fullMeshSize } = this.#options;
    const seen = view();
    return peers.every((id) => {
      const member = seen.member(id);
      if (member === undefined || member.status !== 'alive') return member !== undefined;
      return member.reachable && member.verified && (member.linked || peers.length >= fullMeshSize);
    });
  }
}
