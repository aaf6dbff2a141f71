/** One View: persistent maps and the indexes that belong to them. Nothing in it ever changes. */

import { externalKind } from '../catalog/external.ts';
import type { SeenVersion } from '../config/config-history.ts';
import type { ConfigEntry } from '../config/entry.ts';
import { kvFolderOf, kvKind } from '../config/kv.ts';
import type { Registration } from '../health/registration.ts';
import type { NodeId } from '../identity.ts';
import { ChangeCollector, type ViewChanges } from './changes.ts';
import { isExternalId } from './external-nodes.ts';
import type { KvSnapshot } from './kv-snapshot.ts';
import type { PersistentMap } from './persistent-map.ts';
import type { IndexSnapshot } from './topic-indexes.ts';
import { topics } from './view.ts';
import type { InstanceView, MemberView, ServiceView, View } from './view.ts';

export interface SnapshotContent {
  readonly members: PersistentMap<MemberView>;
  readonly services: PersistentMap<ServiceView>;
  /** Their names by the name in lower case, sorted. */
  readonly serviceNames: PersistentMap<readonly string[]>;
  readonly instances: PersistentMap<readonly InstanceView[]>;
  /** Of all kinds but the next two. */
  readonly config: PersistentMap<ConfigEntry>;
  readonly externalEntries: PersistentMap<ConfigEntry>;
  readonly kv: KvSnapshot;
  /** By `<kind>/<name>`, of rules. */
  readonly configHistory: PersistentMap<readonly SeenVersion[]>;
  readonly appliedConfig: string;
  readonly externalNodes: PersistentMap<MemberView>;
  readonly registrations: PersistentMap<Registration>;
  readonly aliveCount: number;
  readonly isolated: boolean;
}

const none: readonly InstanceView[] = Object.freeze([]);
const noVersions: readonly SeenVersion[] = Object.freeze([]);

export class Snapshot implements View {
  readonly self: NodeId;
  readonly mesh: string;
  readonly #content: SnapshotContent;
  readonly #indexes: IndexSnapshot;
  /** Made when first asked for: most Views are never searched by name. */
  #byName: Map<string, MemberView> | undefined;
  /** By the name in lower case; made when a name is first asked for that nobody has just so. */
  #byFoldedName: Map<string, MemberView> | undefined;

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
    if (topic === topics.any) return this.#indexes.last;
    return this.#indexes.byTopic.get(topic) ?? this.#indexes.floor;
  }

  members(): Iterable<MemberView> {
    return this.#content.members.values();
  }

  externalNodes(): Iterable<MemberView> {
    return this.#content.externalNodes.values();
  }

  member(id: NodeId): MemberView | undefined {
    return this.#content.members.get(id) ?? (isExternalId(id) ? this.#content.externalNodes.get(id) : undefined);
  }

  memberByName(name: string): MemberView | undefined {
    this.#byName ??= this.#membersBy((each) => each);
    const exact = this.#byName.get(name);
    if (exact !== undefined && exact.status !== 'left') return exact;
    this.#byFoldedName ??= this.#membersBy((each) => each.toLowerCase());
    const folded = this.#byFoldedName.get(name.toLowerCase());
    return folded?.status === 'left' ? (exact ?? folded) : folded;
  }

  #membersBy(keyOf: (name: string) => string): Map<string, MemberView> {
    const found = new Map<string, MemberView>();
    for (const member of this.#content.members.values()) {
      const key = keyOf(member.name);
      const other = found.get(key);
      if (other === undefined || isPreferred(member, other)) found.set(key, member);
    }
    for (const node of this.#content.externalNodes.values()) {
      const key = keyOf(node.name);
      const other = found.get(key);
      // A member that left gave up its name.
      if (other === undefined || other.status === 'left') found.set(key, node);
    }
    return found;
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

  servicesNamed(name: string): readonly ServiceView[] {
    const names = this.#content.serviceNames.get(name.toLowerCase()) ?? [];
    return names.map((each) => this.#content.services.get(each)!);
  }

  instancesOf(owner: NodeId): readonly InstanceView[] {
    return this.#content.instances.get(owner) ?? none;
  }

  *configEntries(kind?: string): Iterable<ConfigEntry> {
    if (kind === kvKind) yield* this.#content.kv.entries('');
    else if (kind === externalKind) yield* this.#content.externalEntries.values();
    else for (const entry of this.#content.config.values()) if (kind === undefined || entry.kind === kind) yield entry;
  }

  configEntry(kind: string, name: string): ConfigEntry | undefined {
    if (kind === kvKind) return this.#content.kv.get(name);
    return (kind === externalKind ? this.#content.externalEntries : this.#content.config).get(`${kind}/${name}`);
  }

  configHistory(kind: string, name: string): readonly SeenVersion[] {
    return this.#content.configHistory.get(`${kind}/${name}`) ?? noVersions;
  }

  configHistories(): Iterable<readonly SeenVersion[]> {
    return this.#content.configHistory.values();
  }

  get appliedConfig(): string {
    return this.#content.appliedConfig;
  }

  kvEntries(prefix: string): Iterable<ConfigEntry> {
    return this.#content.kv.entries(prefix);
  }

  kvIndex(prefix: string): number {
    const folder = kvFolderOf(prefix);
    if (folder === prefix) return this.index(topics.kvFolder(folder));
    return Math.max(this.#indexes.floor, this.#content.kv.lastChange(prefix));
  }

  registrations(): Iterable<Registration> {
    return this.#content.registrations.values();
  }

  registration(key: string): Registration | undefined {
    return this.#content.registrations.get(key);
  }

  /** What looks different here than in an older snapshot. Costs what changed between the two. */
  changesSince(older: Snapshot): ViewChanges {
    const [before, after] = [older.#content, this.#content];
    const changes = new ChangeCollector();
    after.members.changesSince(before.members, (was, is) => changes.nodes.add(was, is));
    after.externalNodes.changesSince(before.externalNodes, (was, is) => changes.nodes.add(was, is));
    after.instances.changesSince(before.instances, (was = none, is = none) => changes.owner(was, is));
    after.config.changesSince(before.config, (was, is) => changes.config.add(was, is));
    return changes;
  }
}

/** What differs between two Views of one node, made by whom ever. */
export function viewChanges(before: View, after: View): ViewChanges {
  if (before instanceof Snapshot && after instanceof Snapshot) return after.changesSince(before);
  const changes = new ChangeCollector();
  const nodesOf = (view: View): Map<string, MemberView> =>
    new Map([...view.members(), ...view.externalNodes()].map((node) => [node.id, node]));
  const configOf = (view: View): Map<string, ConfigEntry> =>
    new Map(Array.from(view.configEntries(), (entry) => [`${entry.kind}/${entry.name}`, entry]));
  eachKey(nodesOf(before), nodesOf(after), (was, is) => changes.nodes.add(was, is));
  eachKey(configOf(before), configOf(after), (was, is) => changes.config.add(was, is));
  eachKey(byOwner(before), byOwner(after), (was = none, is = none) => changes.owner(was, is));
  return changes;
}

function eachKey<V>(
  before: ReadonlyMap<string, V>,
  after: ReadonlyMap<string, V>,
  visit: (was: V | undefined, is: V | undefined) => void,
): void {
  for (const key of new Set([...before.keys(), ...after.keys()])) visit(before.get(key), after.get(key));
}

function byOwner(view: View): ReadonlyMap<string, readonly InstanceView[]> {
  const owners = new Map<string, InstanceView[]>();
  for (const { instances } of view.services())
    for (const instance of instances) owners.set(instance.owner, [...(owners.get(instance.owner) ?? []), instance]);
  return owners;
}

/** Of two members with one name: the living, then those who have not left, then the one that was made last. */
function isPreferred(a: MemberView, b: MemberView): boolean {
  const presence = presenceOf(a) - presenceOf(b);
  return presence > 0 || (presence === 0 && (a.createIndex > b.createIndex || (a.createIndex === b.createIndex && a.id < b.id)));
}

function presenceOf({ status }: MemberView): number {
  return status === 'alive' || status === 'suspect' ? 2 : status === 'left' ? 0 : 1;
}
