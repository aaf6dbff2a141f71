/** Turns keys of subjects into what is known about them, in messages of bounded size. */

import type { Catalog } from '../catalog/catalog.ts';
import type { CatalogDelta } from '../catalog/delta.ts';
import type { CatalogHead } from '../catalog/record.ts';
import type { ConfigStore } from '../config/config-store.ts';
import { configKey, type SignedConfig } from '../config/entry.ts';
import { nodeId, type NodeId } from '../identity.ts';
import type { Accusation } from '../membership/accusation.ts';
import type { Membership } from '../membership/membership.ts';
import { limits } from '../limits.ts';
import type { Gossip, MemberFact } from '../message.ts';
import type { Signed } from '../signed.ts';

export const memberKey = (id: NodeId): string => `m/${id}`;
export const catalogKey = (owner: NodeId): string => `c/${owner}`;
export const configEntryKey = (key: string): string => `k/${key}`;

/** Whether a peer's key can be one of the above: what is none is not remembered, nor asked for. */
export function isSubjectKey(key: string): boolean {
  return /^[mc]\/./.test(key)
    ? key.length <= 2 + limits.nameLength
    : /^k\/[^/]+\/./.test(key) && key.length <= 3 + limits.nameLength + limits.configNameLength;
}

/** The keys of all that these facts say something new of. What accuses a member goes with its record. */
export function* subjectsOf({ members, deltas, heads, configs }: Gossip): IterableIterator<string> {
  for (const { record } of members) yield memberKey(record.value.id);
  for (const { head } of deltas) yield catalogKey(head.value.owner);
  for (const { value } of heads) yield catalogKey(value.owner);
  for (const { value } of configs) yield configEntryKey(configKey(value));
}

/** Room that one message has for facts, and the share of it that one pushed catalog delta may take. */
const wireBytes = 32_768;
const pushedDeltaBytes = 16_384;
const syncBytes = 1_048_576;
/** A receiver checks as many signatures in one go: 30 ms of CPU, which no probe is hurt by. */
const factsPerMessage = 256;

interface Draft {
  members: MemberFact[];
  accusations: Signed<Accusation>[];
  deltas: CatalogDelta[];
  heads: Signed<CatalogHead>[];
  configs: SignedConfig[];
  bytes: number;
  count: number;
}

export class FactWriter {
  readonly #membership: Membership;
  readonly #catalog: Catalog;
  readonly #config: ConfigStore;
  readonly #pushed: boolean;
  readonly #done: Gossip[] = [];
  #draft: Draft = emptyDraft();
  #bytes = 0;

  /** `pushed`: for the wire lane, where frames are small and a large catalog is only announced. */
  constructor(membership: Membership, catalog: Catalog, config: ConfigStore, pushed: boolean) {
    this.#membership = membership;
    this.#catalog = catalog;
    this.#config = config;
    this.#pushed = pushed;
  }

  /** Whether there is as much as one exchange carries: what is left waits for the next. With the message under way it is one more. */
  get #isFull(): boolean {
    return !this.#pushed && (this.#done.length >= limits.exchangeMessages - 2 || this.#bytes >= limits.exchangeBytes);
  }

  /** The messages about these subjects, as many as one exchange carries, each with the stamp that the receiver holds. */
  write(subjects: ReadonlyMap<string, readonly number[]>): readonly Gossip[] {
    for (const [key, have] of subjects) {
      if (this.#isFull) break;
      this.#add(key, have);
    }
    return this.#finish();
  }

  /** Adds what is known about a subject; `have` is the stamp that the receiver holds, empty for none. */
  #add(key: string, have: readonly number[]): void {
    const subject = key.slice(2);
    if (key.startsWith('m/')) this.#addMember(nodeId(subject));
    else if (key.startsWith('c/')) this.#addCatalog(nodeId(subject), have);
    else if (key.startsWith('k/')) this.#addConfig(subject);
  }

  /** The messages, at least one. */
  #finish(): readonly Gossip[] {
    if (this.#draft.count > 0 || this.#done.length === 0) this.#close();
    return this.#done;
  }

  #addMember(id: NodeId): void {
    const member = this.#membership.get(id);
    if (member === undefined) return;
    this.#room(member.signed.bytes.length + member.signed.signature.length + 16);
    this.#draft.members.push({ record: member.signed, verified: member.verified, absentMs: this.#membership.absentMs(member) });
    for (const accusation of member.accusations.values()) {
      this.#room(accusation.bytes.length + accusation.signature.length + 8);
      this.#draft.accusations.push(accusation);
    }
  }

  #addCatalog(owner: NodeId, have: readonly number[]): void {
    const replica = this.#catalog.replica(owner);
    const delta = replica?.deltaAfter(have[0] ?? 0, have[1] ?? 0);
    if (delta === undefined) return;
    const bytes = deltaBytes(delta);
    if (this.#pushed && bytes > pushedDeltaBytes) {
      this.#room(256);
      this.#draft.heads.push(delta.head);
      return;
    }
    this.#room(bytes);
    this.#draft.deltas.push(delta);
  }

  #addConfig(key: string): void {
    for (const signed of this.#config.versions(key)) {
      this.#room(signed.bytes.length + signed.signature.length + 8);
      this.#draft.configs.push(signed);
    }
  }

  /** Makes room for a fact of this size: closes the message under way when it would grow too large. */
  #room(bytes: number): void {
    const limit = this.#pushed ? wireBytes : syncBytes;
    if (this.#draft.count > 0 && (this.#draft.bytes + bytes > limit || this.#draft.count >= factsPerMessage)) this.#close();
    this.#draft.bytes += bytes;
    this.#bytes += bytes;
    this.#draft.count++;
  }

  #close(): void {
    const { members, accusations, deltas, heads, configs } = this.#draft;
    this.#done.push({ type: 'gossip', members, accusations, deltas, heads, configs });
    this.#draft = emptyDraft();
  }
}

function deltaBytes(delta: CatalogDelta): number {
  let bytes = delta.head.bytes.length + delta.head.signature.length + 32;
  for (const sealed of delta.upserts) bytes += sealed.bytes.length + 8;
  for (const key of delta.removals) bytes += key.length * 3 + 4;
  return bytes;
}

function emptyDraft(): Draft {
  return { members: [], accusations: [], deltas: [], heads: [], configs: [], bytes: 0, count: 0 };
}
