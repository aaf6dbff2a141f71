/**
 * The first moments after a start. An agent that was part of a mesh knows its own registrations again at once, and those
 * of others only when it has asked its peers. A client that got an answer in between would believe that everything
 * beyond this host had gone. So reads of the mesh wait until of each peer that it knew it is known what became of it:
 * it has come back and what runs there is here, or it is gone. They wait for a limited time: an agent whose peers are all
 * away answers from what it has.
 */

import type { NodeId, View } from '@skein/core';
import type { Clock } from './clock.ts';
import { Gate } from './gate.ts';

export interface CatchUpOptions {
  readonly clock: Pick<Clock, 'after' | 'now'>;
  /** Who was a member when this agent last ran. */
  readonly peers: readonly NodeId[];
  readonly view: () => View;
  /** In sync with one peer, or alone by choice. */
  readonly isSynced: () => boolean;
  /** Called when reads go on before all is known, with the peers that nothing is known of. */
  readonly gaveUp: (unknown: readonly NodeId[]) => void;
}

/** Agents that start together are seconds apart, and in sync in a fraction of one. */
export const catchUpMs = 5000;
/** While peers come back, others may too; clients give up after 10 s and more. */
export const catchUpMaxMs = 9000;

export class CatchUp {
  readonly #options: CatchUpOptions;
  readonly #gate = new Gate();
  #isOver = false;
  #cancel: (() => void) | undefined;
  #untilMs = 0;
  /** How many peers are accounted for. */
  #known = 0;

  constructor(options: CatchUpOptions) {
    this.#options = options;
  }

  /** Resolves once this agent has caught up, or has had no news of a peer for `catchUpMs`; undefined from then on. */
  get over(): Promise<void> | undefined {
    return this.#isOver ? undefined : this.#gate.opened;
  }

  /** When the node begins to take part. It may have caught up before: whoever is alone by choice has nobody to wait for. */
  start(): void {
    if (this.#isOver) return;
    this.#untilMs = this.#options.clock.now() + catchUpMaxMs;
    this.#waitOn();
    this.look();
  }

  #giveUp(): void {
    this.#options.gaveUp(this.#unknown());
    this.stop();
  }

  /** Something changed. */
  look(): void {
    if (this.#isOver) return;
    const { peers } = this.#options;
    const known = peers.length - this.#unknown().length;
    if (known === peers.length && this.#options.isSynced()) this.stop();
    else if (known > this.#known) this.#waitOn();
    this.#known = known;
  }

  #waitOn(): void {
    this.#cancel?.();
    const { clock } = this.#options;
    this.#cancel = clock.after(Math.min(catchUpMs, Math.max(0, this.#untilMs - clock.now())), () => this.#giveUp());
  }

  #unknown(): readonly NodeId[] {
    const view = this.#options.view();
    return this.#options.peers.filter((id) => !isAccountedFor(id, view));
  }

  /** Nobody has to wait any more. */
  stop(): void {
    this.#isOver = true;
    this.#cancel?.();
    this.#gate.open();
  }
}

/** Whether it is known what became of a peer. */
function isAccountedFor(id: NodeId, view: View): boolean {
  const member = view.member(id);
  if (member === undefined) return false;
  const { status, reachable, verified, catalogEpoch, record } = member;
  if (status !== 'alive' && status !== 'suspect') return true;
  // A node publishes what it registered earlier as soon as it starts, in the first catalog of its epoch.
  return catalogEpoch >= record.epoch && ((reachable && verified) || status === 'suspect');
}
