/**
 * All catalogs this node holds: its own, which it writes, and a replica of every other member's, which it only
 * relays. A record has one writer, so replicas never conflict; a missing version is seen as a gap and pulled.
 */

import { assert } from '../assert.ts';
import type { CommandResult } from '../command.ts';
import type { NodeId } from '../identity.ts';
import { LayeredMap } from '../layered-map.ts';
import { isSameValue } from '../same-value.ts';
import type { Signed } from '../signed.ts';
import type { Turn } from '../turn.ts';
import type { ReplicaChange } from './content.ts';
import type { CatalogDelta } from './delta.ts';
import { draftDelta } from './own-catalog.ts';
import { recordKey, type CatalogHead, type RecordValue } from './record.ts';
import { Replica } from './replica.ts';

/** What the catalog tells the rest of the node. */
export interface CatalogListener {
  /** An owner's catalog changed. `after` is the version before; `from` whom we had it from, undefined for our own writes. */
  catalogChanged(owner: NodeId, change: ReplicaChange, after: number, from: NodeId | undefined): void;
  /** A peer has a version of our own catalog, of this epoch, that we never wrote: an earlier boot did. */
  ownVersionLost(epoch: number): void;
  /** Which config this node applies, for the head of its catalog. */
  appliedConfig(): string;
  /** We lack versions of this owner that `from` has. `whole`: what we hold does not fit, only a snapshot helps. */
  catalogGap(owner: NodeId, from: NodeId, whole: boolean): void;
}

export class Catalog {
  readonly #turn: Turn;
  readonly #listener: CatalogListener;
  readonly #replicas: LayeredMap<NodeId, Replica>;
  readonly #own = new Replica();

  /** `base`: replicas held from the start, which this catalog shares with others and never changes. */
  constructor(turn: Turn, listener: CatalogListener, base?: ReadonlyMap<NodeId, Replica>) {
    this.#turn = turn;
    this.#replicas = new LayeredMap(base);
    this.#listener = listener;
    this.#replicas.set(turn.self, this.#own);
  }

  get own(): Replica {
    return this.#own;
  }

  replica(owner: NodeId): Replica | undefined {
    return this.#replicas.get(owner);
  }

  /** Copies of all replicas, that others may share. */
  base(): ReadonlyMap<NodeId, Replica> {
    return new Map(Array.from(this.#replicas, ([owner, replica]) => [owner, replica.copy()]));
  }

  /**
   * Writes and removes records of our own as one new version. A refusal changes nothing, and nor does what says what
   * is held already: clients register again and again, and a new version would be told to everybody who waits.
   * `mayUseReserve` as in `DraftOptions`.
   */
  write(epoch: number, upserts: readonly RecordValue[], removals: readonly string[], mayUseReserve = false): CommandResult {
    const isFirst = epoch !== this.#own.epoch;
    // Of two with one key the last counts, and what is removed and written is written.
    const written = new Map(upserts.map((value) => [recordKey(value), value]));
    const news = [...written.values()].filter((value) => isFirst || !this.#holds(value));
    const gone = removals.filter((key) => !written.has(key));
    if (!isFirst && news.length === 0 && gone.length === 0) return { ok: true };
    return this.#publish(epoch, news, gone, mayUseReserve);
  }

  /** Writes a new version with the same records, that says which config this node applies. */
  tellConfig(epoch: number): void {
    const { ok } = this.#publish(epoch, [], [], true);
    assert(ok, 'the same records fit as they did');
  }

  #publish(epoch: number, upserts: readonly RecordValue[], removals: readonly string[], mayUseReserve: boolean): CommandResult {
    const { mesh, notary } = this.#turn;
    const appliedConfig = this.#listener.appliedConfig();
    const draft = draftDelta(this.#own, { mesh, epoch, notary, appliedConfig, mayUseReserve }, upserts, removals);
    if (!draft.ok) return { ok: false, code: 'limit-exceeded', message: draft.message };
    this.#own.commit(draft.delta, draft.next);
    this.#listener.catalogChanged(this.#turn.self, draft.next.change, draft.delta.after, undefined);
    return { ok: true };
  }

  #holds(value: RecordValue): boolean {
    const held = this.#own.get(recordKey(value));
    return held !== undefined && isSameValue(held.record.value, value);
  }

  /** Merges a delta that a peer sent. `owner` must be a member that is still in the mesh. */
  merge(delta: CatalogDelta, from: NodeId): void {
    const head = delta.head.value;
    const owner = head.owner;
    if (owner === this.#turn.self) return this.#mergeOwn(delta.head, from);
    if (this.#replicas.get(owner)?.isOlderThan(head) === false) return;
    if (head.mesh !== this.#turn.mesh) return this.#turn.refuse(from, 'other-mesh');
    if (!this.#turn.verified('head', owner, delta.head, from)) return;
    const replica = this.#replicas.writable(owner, (shared) => shared.copy()) ?? new Replica();
    const after = replica.epoch === head.epoch && replica.version < head.version ? replica.version : 0;
    const result = replica.apply(delta, this.#turn.notary);
    switch (result.type) {
      case 'applied':
        this.#replicas.set(owner, replica);
        this.#listener.catalogChanged(owner, result.change, after, from);
        return;
      case 'gap':
        this.#listener.catalogGap(owner, from, false);
        return;
      case 'refused':
        this.#turn.refuse(from, result.reason);
        // What reached us was spoilt on the way or is incomplete; a snapshot settles it.
        this.#listener.catalogGap(owner, from, true);
        return;
      case 'stale':
        return;
    }
  }

  /** Somebody says that this head exists. */
  hear(head: Signed<CatalogHead>, from: NodeId): void {
    const { owner } = head.value;
    if (owner === this.#turn.self) return this.#mergeOwn(head, from);
    const replica = this.#replicas.get(owner);
    if (replica === undefined || replica.isOlderThan(head.value)) this.#listener.catalogGap(owner, from, false);
  }

  /** Our own head comes back to us: an echo, or proof that our persisted epoch was lost and is in use a second time. */
  #mergeOwn(head: Signed<CatalogHead>, from: NodeId): void {
    const { mesh, epoch, version, digest } = head.value;
    const isEcho = version === this.#own.version && digest === this.#own.head?.value.digest;
    if (epoch < this.#own.epoch || (epoch === this.#own.epoch && (version < this.#own.version || isEcho))) return;
    if (mesh !== this.#turn.mesh) return this.#turn.refuse(from, 'other-mesh');
    if (!this.#turn.verified('head', this.#turn.self, head, from)) return;
    this.#listener.ownVersionLost(epoch);
  }

  /** Forgets the catalog of a member that left or was reaped; returns what it held. */
  drop(owner: NodeId): readonly RecordValue[] {
    const replica = this.#replicas.get(owner);
    if (replica === undefined || owner === this.#turn.self) return [];
    this.#replicas.delete(owner);
    const gone: RecordValue[] = [];
    for (const instance of replica.instances()) gone.push({ type: 'instance', instance });
    for (const check of replica.checks()) gone.push({ type: 'check', check });
    return gone;
  }
}
