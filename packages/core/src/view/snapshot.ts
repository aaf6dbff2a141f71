/** One View: persistent maps and the indexes that belong to them. Nothing in it ever changes. */

import type { ConfigEntry } from '../config/entry.ts';
import type { Registration } from '../health/registration.ts';
import type { NodeId } from '../identity.ts';
import type { PersistentMap } from './persistent-map.ts';
import type { IndexSnapshot } from './topic-indexes.ts';
import type { InstanceView, MemberView, ServiceView, View } from './view.ts';

export interface SnapshotContent {
  readonly members: PersistentMap<MemberView>;
  readonly services: PersistentMap<ServiceView>;
  readonly instances: PersistentMap<readonly InstanceView[]>;
  readonly config: PersistentMap<ConfigEntry>;
  readonly registrations: PersistentMap<Registration>;
  readonly aliveCount: number;
  readonly isolated: boolean;
}

const none: readonly InstanceView[] = Object.freeze([]);

export class Snapshot implements View {
  readonly self: NodeId;
  readonly mesh: string;
  readonly #content: SnapshotContent;
  readonly #indexes: IndexSnapshot;
  /** Made when first asked for: most Views are never searched by name. */
  #byName: Map<string, MemberView> | undefined;

  constructor(self: NodeId, mesh: string, content: SnapshotContent, indexes: IndexSnapshot) {
    this.self = self;
    this.mesh = mesh;
    this.#content = content;
    this.#indexes = indexes;
    // Its rows are frozen where they are made.
    Object.freeze(this);
  }

  get lastIndex(): number {
    return this.#indexes.last;
  }

  index(topic: string): number {
    return this.#indexes.byTopic.get(topic) ?? this.#indexes.floor;
  }

  members(): Iterable<MemberView> {
    return this.#content.members.values();
  }

  member(id: NodeId): MemberView | undefined {
    return this.#content.members.get(id);
  }

  memberByName(name: string): MemberView | undefined {
    if (this.#byName === undefined) {
      this.#byName = new Map();
      for (const member of this.#content.members.values()) {
        const other = this.#byName.get(member.name);
        if (other === undefined || isPreferred(member, other)) this.#byName.set(member.name, member);
      }
    }
    return this.#byName.get(name);
  }

  get aliveCount(): number {
    return this.#content.aliveCount;
  }

  get isolated(): boolean {
    return this.#content.isolated;
  }

  services(): Iterable<ServiceView> {
    return this.#content.services.values();
  }

  service(name: string): ServiceView | undefined {
    return this.#content.services.get(name);
  }

  instancesOf(owner: NodeId): readonly InstanceView[] {
    return this.#content.instances.get(owner) ?? none;
  }

  *configEntries(kind?: string): Iterable<ConfigEntry> {
    for (const entry of this.#content.config.values()) if (kind === undefined || entry.kind === kind) yield entry;
  }

  configEntry(kind: string, name: string): ConfigEntry | undefined {
    return this.#content.config.get(`${kind}/${name}`);
  }

  registrations(): Iterable<Registration> {
    return this.#content.registrations.values();
  }
}

/** Of two members with one name: the living, then the one that was made last. */
function isPreferred(a: MemberView, b: MemberView): boolean {
  const alive = Number(a.status === 'alive' || a.status === 'suspect') - Number(b.status === 'alive' || b.status === 'suspect');
  return alive > 0 || (alive === 0 && (a.createIndex > b.createIndex || (a.createIndex === b.createIndex && a.id < b.id)));
}
