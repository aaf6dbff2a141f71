/**
 * Immediate push: a new fact goes out at once, coalesced by subject with what else changes within a few
 * milliseconds, so that a newer fact replaces an older one in the queue. What a link misses is repaired by
 * anti-entropy, so queues may be bounded and dropped.
 *
 * Step by step: coalesce.txt in test/datadriven.
 */

import type { NodeId } from '../identity.ts';
import { limits } from '../limits.ts';
import type { DigestEntry, Gossip } from '../message.ts';
import { sample } from '../rng.ts';
import type { Turn } from '../turn.ts';
import { Pace } from './pace.ts';

export interface DisseminationListener {
  /** Whether every member is linked with every other. */
  isFullMesh(): boolean;
  links(): Iterable<NodeId>;
  /** How new what we know of a subject is. */
  stamp(key: string): readonly number[] | undefined;
  isWritable(id: NodeId): boolean;
  /** Messages with these subjects; the number is the version that receivers are expected to hold. */
  write(subjects: ReadonlyMap<string, readonly number[]>): readonly Gossip[];
}

/** News that waits. */
interface News {
  /** The stamp that receivers hold: the oldest of all that waits of this subject. */
  readonly before: readonly number[];
  from: NodeId | undefined;
  toAll: boolean;
  /** Links that were told meanwhile, by what was queued for them before. */
  readonly told: Set<NodeId>;
  readonly isQuiet: boolean;
}

/** So long quiet news of others waits for more of it, at every hop. */
const quietWaitMs = 500;

/** What waits for one link. */
export interface LinkQueue {
  readonly to: NodeId;
  /** Subjects of which news waits, or word that there is news. 0: the link was dropped to digests, and what it missed is compared. */
  readonly subjects: number;
}

export class Dissemination {
  readonly #turn: Turn;
  readonly #listener: DisseminationListener;
  /** Per link: subject keys and, for catalogs, the stamp before the first change that waits. */
  readonly #queues = new Map<NodeId, Map<string, readonly number[]>>();
  /** Links that were dropped to digests: what they missed is compared when they take data again. */
  readonly #overflowed = new Set<NodeId>();
  /** Per link: subjects of which it is told only that there is news. */
  readonly #adverts = new Map<NodeId, Set<string>>();
  readonly #pace = new Pace();
  /** Subjects of which there is news that waits to be passed on. */
  readonly #late = new Map<string, News>();
  #flushedAt = Number.NEGATIVE_INFINITY;

  constructor(turn: Turn, listener: DisseminationListener) {
    this.#turn = turn;
    this.#listener = listener;
  }

  /**
   * Queues news of a subject. Our own words (`from` undefined) go to every link at once: when we say something is ours to time.
   * What we have from others waits a little where there is much of one subject. It goes to a few links in a large mesh; in a
   * full mesh its author told everybody. A few others are told later that it is there, and ask for it if they lack it.
   * `before` is the stamp that receivers hold so far. `toAll`: every link is told for its author, who has none yet.
   */
  push(key: string, before: readonly number[], from: NodeId | undefined, toAll = from === undefined): void {
    const late = this.#late.get(key);
    if (from !== undefined && late?.isQuiet === false) {
      late.from = from;
      late.toAll ||= toAll;
      late.told.clear();
      return;
    }
    const news = { before: late?.before ?? before, from, toAll, told: new Set<NodeId>(), isQuiet: false };
    this.#late.delete(key);
    const waitMs = from === undefined ? 0 : this.#pace.waitMs(key, this.#turn.now);
    if (waitMs === 0) return this.#push(key, news);
    this.#turn.deadlines.setEarlier('late-news', this.#turn.now + waitMs);
    this.#late.set(key, news);
  }

  /**
   * Queues news of a subject that nobody waits for. In a full mesh only its author tells it. In a large one it goes to half as
   * many links as other news, and all that others told in half a second goes on together. What misses it is repaired.
   */
  pushQuietly(key: string, before: readonly number[], from: NodeId | undefined): void {
    const late = this.#late.get(key);
    if (from === undefined) {
      this.#late.delete(key);
      this.#push(key, { before: late?.before ?? before, from, toAll: true, told: new Set(), isQuiet: true });
    } else if (late !== undefined) {
      late.from = from;
      late.told.clear();
    } else if (!this.#listener.isFullMesh()) {
      this.#late.set(key, { before, from, toAll: false, told: new Set(), isQuiet: true });
      this.#turn.deadlines.setEarlier('late-news', this.#turn.now + quietWaitMs);
    }
  }

  /** The deadline of this name. */
  due(deadline: 'gossip' | 'late-news' | 'advertise'): void {
    if (deadline === 'gossip') this.flush();
    else if (deadline === 'late-news') this.#passLate();
    else this.#announce();
  }

  /** Passes on what waited for long enough. */
  #passLate(): void {
    const { now, deadlines } = this.#turn;
    for (const [key, news] of this.#late) {
      const waitMs = this.#pace.waitMs(key, now);
      if (waitMs > 0) deadlines.setEarlier('late-news', now + waitMs);
      else {
        this.#late.delete(key);
        this.#push(key, news);
      }
    }
  }

  /** Links that were told already count as some of those that we tell. */
  #push(key: string, { before, from, toAll, told, isQuiet }: News): void {
    const links = [...this.#listener.links()].filter((link) => !told.has(link));
    const { rng, config } = this.#turn;
    const left = (fanout: number): number => Math.max(0, fanout - told.size);
    if (this.#listener.isFullMesh()) {
      if (toAll) for (const link of links) this.pushTo(link, key, before);
      else
        for (const link of sample(without(links, from), left(config.relayFanout), rng))
          this.#advertise(link, key, config.relayMs);
      return;
    }
    const share = isQuiet ? 0.5 : 1;
    const fanout = left(toAll && !isQuiet ? 2 * config.rings * config.ringReach : Math.ceil(config.fanout * share));
    const adverts = Math.ceil(config.advertiseFanout * share);
    const chosen = sample(toAll ? links : without(links, from), fanout + adverts, rng);
    for (const link of chosen.slice(0, fanout)) this.pushTo(link, key, before);
    for (const link of chosen.slice(fanout)) this.#advertise(link, key, config.advertiseMs);
  }

  #advertise(link: NodeId, key: string, inMs: number): void {
    let keys = this.#adverts.get(link);
    if (keys === undefined) this.#adverts.set(link, (keys = new Set()));
    if (keys.size >= limits.linkQueue) return;
    keys.add(key);
    this.#turn.deadlines.setEarlier('advertise', this.#turn.now + inMs);
  }

  /** By now most have heard from somebody; the rest may ask. */
  #announce(): void {
    for (const [link, keys] of this.#adverts) {
      if (!this.#listener.isWritable(link)) continue;
      const entries: DigestEntry[] = [];
      for (const key of keys) {
        const stamp = this.#listener.stamp(key);
        if (stamp !== undefined) entries.push({ key, stamp });
        this.#late.get(key)?.told.add(link);
      }
      for (let i = 0; i < entries.length; i += limits.advertEntries)
        this.#turn.send(link, { type: 'have', entries: entries.slice(i, i + limits.advertEntries) }, 'wire');
    }
    this.#adverts.clear();
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
    this.#adverts.delete(link);
    this.#overflowed.delete(link);
  }

  /** Nothing waits to be sent, or to be passed on. */
  get idle(): boolean {
    return this.#queues.size === 0 && this.#late.size === 0;
  }

  /** What is kept for each link, of those for which there is anything: `limits.linkQueue` subjects of either kind at most. */
  *waiting(): IterableIterator<LinkQueue> {
    for (const queue of [this.#queues, this.#adverts]) for (const [to, { size }] of queue) yield { to, subjects: size };
    for (const to of this.#overflowed) yield { to, subjects: 0 };
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
      if (this.#late.size > 0) for (const key of queue.keys()) this.#late.get(key)?.told.add(link);
      const content = [...queue].map(([key, before]) => `${key}@${before.join('.')}`).join('\n');
      let messages = written.get(content);
      if (messages === undefined) written.set(content, (messages = this.#listener.write(queue)));
      for (const message of messages) this.#turn.send(link, message, 'wire');
    }
    this.#queues.clear();
  }
}

function without(links: readonly NodeId[], from: NodeId | undefined): NodeId[] {
  return links.filter((link) => link !== from);
}
