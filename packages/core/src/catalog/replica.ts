/**
 * One owner's catalog as this node holds it: the records under the head that the owner signed.
 * The digest in the head covers every record, so a delta or a snapshot proves itself whoever relays it.
 */

import { compareStamps } from '../gossip/knowledge.ts';
import { hashText } from '../hash.ts';
import { limits } from '../limits.ts';
import type { Notary, SealedRecord, Signed } from '../signed.ts';
import type { CatalogDelta } from './delta.ts';
import { emptyContent, type CatalogContent, type ContentChange, type ReplicaChange } from './content.ts';
import type { CatalogHead, Check, Instance } from './record.ts';

export type ApplyResult =
  | { readonly type: 'applied'; readonly change: ReplicaChange }
  | { readonly type: 'stale' }
  /** Versions between ours and the delta's are missing. */
  | { readonly type: 'gap' }
  | { readonly type: 'refused'; readonly reason: string };

interface Removal {
  readonly key: string;
  readonly version: number;
}

const noRemovals: readonly Removal[] = [];

export class Replica {
  #head: Signed<CatalogHead> | undefined;
  #content = emptyContent;
  #removals: readonly Removal[] = noRemovals;
  /** The log of removals is complete for everything after this version. */
  #removalsAfter = 0;

  /** Another replica with the same content. */
  copy(): Replica {
    const copy = new Replica();
    copy.#head = this.#head;
    copy.#content = this.#content;
    copy.#removals = this.#removals;
    copy.#removalsAfter = this.#removalsAfter;
    return copy;
  }

  get head(): Signed<CatalogHead> | undefined {
    return this.#head;
  }

  get epoch(): number {
    return this.#head?.value.epoch ?? 0;
  }

  get version(): number {
    return this.#head?.value.version ?? 0;
  }

  /** As in its head; empty while nothing is held. */
  get appliedConfig(): string {
    return this.#head?.value.appliedConfig ?? '';
  }

  get size(): number {
    return this.#content.records.length;
  }

  get bytes(): number {
    return this.#content.bytes;
  }

  get content(): CatalogContent {
    return this.#content;
  }

  get(key: string): SealedRecord | undefined {
    return this.#content.get(key);
  }

  instance(id: string): Instance | undefined {
    const value = this.get(`i/${id}`)?.record.value;
    return value?.type === 'instance' ? value.instance : undefined;
  }

  /** By id. */
  *instances(): IterableIterator<Instance> {
    for (const { record } of this.#content.records) if (record.value.type === 'instance') yield record.value.instance;
  }

  /** By id. */
  *checks(): IterableIterator<Check> {
    for (const { record } of this.#content.records) if (record.value.type === 'check') yield record.value.check;
  }

  /** The stamp of this catalog in digests; empty while nothing is held. */
  get stamp(): readonly number[] {
    return this.#head === undefined ? [] : headStamp(this.#head.value);
  }

  /**
   * Whether a head says something that this replica does not have yet. Two contents of one version are the work of two
   * boots with one epoch: either is as good, as long as all hold the same one, which then also reaches the owner.
   */
  isOlderThan(head: CatalogHead): boolean {
    return compareStamps(headStamp(head), this.stamp) > 0;
  }

  /**
   * Merges a delta whose head's signature was verified. Nothing changes unless the outcome is `applied`: the
   * records that would result must be exactly those that the owner's digest covers.
   */
  apply(delta: CatalogDelta, notary: Notary): ApplyResult {
    const head = delta.head.value;
    if (!this.isOlderThan(head)) return { type: 'stale' };
    const snapshot = delta.after === 0;
    if (!snapshot && (head.epoch !== this.epoch || delta.after > this.version)) return { type: 'gap' };

    for (const { record } of delta.upserts)
      if (record.version > head.version) return { type: 'refused', reason: 'record-from-the-future' };
    const next = snapshot ? this.#content.replacedBy(delta.upserts) : this.#content.with(delta.upserts, delta.removals);
    const { records, bytes } = next.content;
    if (records.length > limits.recordsPerOwner || bytes > limits.catalogBytesPerOwner)
      return { type: 'refused', reason: 'catalog-too-large' };
    if (records.length !== head.count || next.content.digest(notary) !== head.digest)
      return { type: 'refused', reason: 'catalog-digest' };
    this.commit(delta, next);
    return { type: 'applied', change: next.change };
  }

  /** Takes over what a delta makes of this, when that is known to be what its head says. */
  commit(delta: CatalogDelta, { content, gone }: ContentChange): void {
    this.#logRemovals(gone, delta.head.value.version, delta.after === 0);
    this.#content = content;
    this.#head = delta.head;
  }

  /** What somebody at `after` of the current epoch lacks; a snapshot where the log does not reach back that far. */
  deltaAfter(epoch: number, after: number): CatalogDelta | undefined {
    const head = this.#head;
    if (head === undefined) return undefined;
    // Who has this version already and still asks has another content of it.
    const whole = epoch !== this.epoch || after < this.#removalsAfter || after === 0 || after >= this.version;
    const upserts: SealedRecord[] = [];
    for (const sealed of this.#content.records) if (whole || sealed.record.version > after) upserts.push(sealed);
    if (whole) return { head, after: 0, upserts, removals: [] };
    const removals = new Set<string>();
    for (const removal of this.#removals)
      if (removal.version > after && this.get(removal.key) === undefined) removals.add(removal.key);
    return { head, after, upserts, removals: [...removals] };
  }

  #logRemovals(keys: readonly string[], version: number, snapshot: boolean): void {
    if (snapshot) {
      // A snapshot does not say when something went, so shorter gaps than the whole cannot be filled from here.
      this.#removals = noRemovals;
      this.#removalsAfter = version;
      return;
    }
    if (keys.length === 0) return;
    const log = [...this.#removals, ...keys.map((key) => ({ key, version }))];
    const dropped = log.splice(0, Math.max(0, log.length - limits.removalLog));
    this.#removals = log;
    this.#removalsAfter = dropped.at(-1)?.version ?? this.#removalsAfter;
  }
}

function headStamp({ epoch, version, digest }: CatalogHead): readonly number[] {
  return [epoch, version, hashText(digest)];
}
