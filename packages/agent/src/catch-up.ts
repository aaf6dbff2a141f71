/**
 * Whether this agent knows again what the mesh knew before it started. Until then its view says too little, not by
 * mistake of the mesh but because it asked nobody yet; whoever knew more is better off to wait for it.
 */

import type { CancelSignal, MeshEvent, NodeId, View } from '@skein/core';
import { topics } from '@skein/core';
import type { Clock } from './clock.ts';
import { Gate } from './gate.ts';

export interface CatchUpOptions {
  readonly clock: Pick<Clock, 'after'>;
  /** Whether this node is in sync with a peer, or alone by choice. */
  readonly isSynced: () => boolean;
  /** Peers of earlier boots. */
  readonly peers: readonly NodeId[];
  readonly view: () => View;
}

/** What is learned at a start comes in one go: where no member and no service has changed for this long, it is over. */
const quietMs = 500;
/** After this much time what is known is all there is: peers that did not answer are away. */
const patienceMs = 10_000;

export class CatchUp {
  readonly #options: CatchUpOptions;
  readonly #done = new Gate();
  #isDone = false;
  #stopQuiet: () => void = () => undefined;
  readonly #stopPatience: () => void;

  constructor(options: CatchUpOptions) {
    this.#options = options;
    this.#stopPatience = options.clock.after(patienceMs, () => this.stop());
    if (options.peers.length === 0 && options.isSynced()) this.stop();
  }

  get isCaughtUp(): boolean {
    return this.#isDone;
  }

  event(event: MeshEvent): void {
    if (this.#isDone) return;
    if (event.type === 'synced' || (event.type === 'view-changed' && event.topics.some(isKnowledge))) this.#look();
  }

  /** Resolves once it has caught up, at the latest 10 s after its start, or when `signal` aborts. */
  async caughtUp(signal: CancelSignal): Promise<void> {
    if (this.#isDone || signal.aborted) return;
    const cancelled = new Gate();
    signal.addEventListener('abort', cancelled.open, { once: true });
    await Promise.race([this.#done.opened, cancelled.opened]);
    signal.removeEventListener('abort', cancelled.open);
  }

  /** Nobody waits any longer. */
  stop(): void {
    this.#isDone = true;
    this.#stopQuiet();
    this.#stopPatience();
    this.#done.open();
  }

  #look(): void {
    const { clock, isSynced, peers, view } = this.#options;
    this.#stopQuiet();
    const current = view();
    if (!isSynced() || peers.some((peer) => current.member(peer) === undefined)) return;
    this.#stopQuiet = clock.after(quietMs, () => this.stop());
  }
}

function isKnowledge(topic: string): boolean {
  return topic === topics.members || topic === topics.services || topic.startsWith(topics.service(''));
}
