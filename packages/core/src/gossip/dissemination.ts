/**
 * Immediate push: a new fact goes out at once, coalesced by subject with what else changes within a few
 * milliseconds, so that a newer fact replaces an older one in the queue. What a link misses is repaired by
 * anti-entropy, so queues may be bounded and dropped.
 *
 * Step by step: coalesce.txt in test/datadriven.
 */

import type { NodeId } from '../identity.ts';
import { limits } from '../limits.ts';
import type { Gossip } from '../message.ts';
import { sample } from '../rng.ts';
import type { Turn } from '../turn.ts';

export interface DisseminationListener {
  links(): Iterable<NodeId>;
  isWritable(id: NodeId): boolean;
  /** Messages with these subjects; the number is the version that receivers are expected to hold. */
  write(subjects: ReadonlyMap<string, readonly number[]>): readonly Gossip[];
}

export class Dissemination {
  readonly #turn: Turn;
  readonly #listener: DisseminationListener;
  /** Per link: subject keys and, for catalogs, the stamp before the first change that waits. */
  readonly #queues = new Map<NodeId, Map<string, readonly number[]>>();
  /** Links that were dropped to digests: what they missed is compared when they take data again. */
  readonly #overflowed = new Set<NodeId>();
  #flushedAt = Number.NEGATIVE_INFINITY;

  constructor(turn: Turn, listener: DisseminationListener) {
    this.#turn = turn;
    this.#listener = listener;
  }

  /**
   * Queues a fact. Our own goes to every link; what we pass on goes to a few, since its author told all of its
   * links already. `before` is the stamp that receivers hold so far.
   */
  push(key: string, before: readonly number[], from: NodeId | undefined): void {
    const links = [...this.#listener.links()];
    if (from === undefined) {
      for (const link of links) this.pushTo(link, key, before);
      return;
    }
    const others = links.filter((link) => link !== from);
    for (const link of sample(others, this.#turn.config.relayFanout, this.#turn.rng)) this.pushTo(link, key, before);
  }

  pushTo(link: NodeId, key: string, before: readonly number[]): void {
    if (this.#overflowed.has(link)) return;
    let queue = this.#queues.get(link);
    if (queue === undefined) this.#queues.set(link, (queue = new Map<string, readonly number[]>()));
    if (queue.has(key)) return;
    if (queue.size >= limits.linkQueue) {
      this.#queues.delete(link);
      this.#overflowed.add(link);
      return;
    }
    queue.set(key, before);
  }

  /** Whether a link missed something; asking clears it. */
  takeOverflow(link: NodeId): boolean {
    return this.#overflowed.delete(link);
  }

  drop(link: NodeId): void {
    this.#queues.delete(link);
    this.#overflowed.delete(link);
  }

  /** Nothing of ours waits to be sent. */
  get idle(): boolean {
    return this.#queues.size === 0;
  }

  /** At the end of each step: sends at once after a quiet moment, else when the window closes. */
  settle(): void {
    if (this.#queues.size === 0) return;
    const due = this.#flushedAt + this.#turn.config.gossipWindowMs;
    if (this.#turn.now >= due) this.flush();
    else this.#turn.deadlines.setEarlier('gossip', due);
  }

  flush(): void {
    this.#flushedAt = this.#turn.now;
    this.#turn.deadlines.clear('gossip');
    // Links mostly wait for the same facts: one message then serves them all, and is encoded once.
    const written = new Map<string, readonly Gossip[]>();
    for (const [link, queue] of this.#queues) {
      if (!this.#listener.isWritable(link)) {
        this.#overflowed.add(link);
        continue;
      }
      const content = [...queue].map(([key, before]) => `${key}@${before.join('.')}`).join('\n');
      let messages = written.get(content);
      if (messages === undefined) written.set(content, (messages = this.#listener.write(queue)));
      for (const message of messages) this.#turn.send(link, message, 'wire');
    }
    this.#queues.clear();
  }
}
