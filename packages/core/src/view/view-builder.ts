/**
 * Makes Views. The parts of the node say what they touched; topics get their index at once, content is rebuilt
 * when somebody reads, and only where it was touched. What a View is made of is frozen: Views share it, so that a reader
 * who wrote to one row would change what all later Views say.
 */

import type { Catalog } from '../catalog/catalog.ts';
import { externalKind, externalNodeOf } from '../catalog/external.ts';
import { recordKey, type Check, type Instance, type RecordValue } from '../catalog/record.ts';
import type { ReplicaChange } from '../catalog/content.ts';
import type { Replica } from '../catalog/replica.ts';
import type { ConfigStore } from '../config/config-store.ts';
import { nothingApplied } from '../config/applied.ts';
import type { SeenVersion } from '../config/config-history.ts';
import type { ConfigEntry } from '../config/entry.ts';
import { kvFoldersOf, kvKind } from '../config/kv.ts';
import { hashText } from '../hash.ts';
import type { Health } from '../health/health.ts';
import type { Registration } from '../health/registration.ts';
import type { NodeId } from '../identity.ts';
import { LayeredMap } from '../layered-map.ts';
import type { Coordinate } from '../membership/coordinate.ts';
import type { Member } from '../membership/member.ts';
import type { Membership } from '../membership/membership.ts';
import { changesChecksShown } from './checks-shown.ts';
import { ConfigViews } from './config-views.ts';
import { ExternalNodes, isExternalId } from './external-nodes.ts';
import { ListedService } from './listed-service.ts';
import { KvSnapshot } from './kv-snapshot.ts';
import { PersistentMap } from './persistent-map.ts';
import { serviceView, withName } from './service-view.ts';
import { Snapshot, type SnapshotContent } from './snapshot.ts';
import { TopicIndexes, type IndexSnapshot } from './topic-indexes.ts';
import { worstStatus } from './worst-status.ts';
import { topics, type CheckView, type InstanceView, type MemberView, type ServiceView, type View } from './view.ts';

export interface ViewSources {
  readonly membership: Membership;
  readonly catalog: Catalog;
  readonly config: ConfigStore;
  readonly health: Health;
  isLinked(id: NodeId): boolean;
  ownCoordinate(): Coordinate;
}

/** What many nodes that know the same share of their Views. */
export interface ViewBase {
  /** Whose Views it was: the only member that looks different to itself than to others. */
  readonly self: NodeId;
  readonly content: SnapshotContent;
  readonly indexes: IndexSnapshot;
  readonly created: ReadonlyMap<string, number>;
  readonly modified: ReadonlyMap<string, number>;
}

/** The checks of one owner: of its host, and of each instance. */
interface OwnerChecks {
  readonly nodeChecks: readonly CheckView[];
  readonly byInstance: ReadonlyMap<string, readonly CheckView[]>;
}

const noChecks: OwnerChecks = { nodeChecks: Object.freeze([]), byInstance: new Map() };
const nobody: readonly NodeId[] = Object.freeze([]);

/** In place of ids of instances: every one that the owner has. */
const all = 'all';
const none: ReadonlySet<string> = new Set();

export class ViewBuilder {
  readonly #self: NodeId;
  readonly #mesh: string;
  readonly #sources: ViewSources;
  readonly #indexes: TopicIndexes;
  /** When each record was made, by `<owner>/<record key>`, member id or `k/<config key>`. */
  readonly #created: LayeredMap<string, number>;
  /** When those were last changed that were. */
  readonly #modified: LayeredMap<string, number>;
  /** Owners whose instances do not look as in `#content` any more: all, or those of these ids. */
  readonly #dirtyInstances = new Map<NodeId, Set<string> | typeof all>();
  readonly #dirtyMembers = new Set<NodeId>();
  readonly #dirtyServices = new Set<string>();
  readonly #config: ConfigViews;
  readonly #external: ExternalNodes;
  readonly #dirtyExternal = new Set<NodeId>();
  #content: SnapshotContent;
  #view: View | undefined;

  constructor(self: NodeId, mesh: string, sources: ViewSources, startIndexMs: number, base?: ViewBase) {
    this.#self = self;
    this.#mesh = mesh;
    this.#sources = sources;
    this.#indexes = new TopicIndexes(startIndexMs, hashText(self) & 1023, base?.indexes);
    this.#created = new LayeredMap(base?.created);
    this.#modified = new LayeredMap(base?.modified);
    this.#config = new ConfigViews(sources.config, (key) => this.#indexesOf(key));
    this.#external = new ExternalNodes(sources.config, mesh, (key) => this.#indexesOf(key));
    if (base !== undefined) this.#dirtyMembers.add(base.self);
    this.#content = base?.content ?? {
      members: PersistentMap.empty<MemberView>(),
      services: PersistentMap.empty<ServiceView>(),
      serviceNames: PersistentMap.empty<readonly string[]>(),
      instances: PersistentMap.empty<readonly InstanceView[]>(),
      config: PersistentMap.empty<ConfigEntry>(),
      externalEntries: PersistentMap.empty<ConfigEntry>(),
      kv: KvSnapshot.empty,
      configHistory: PersistentMap.empty<readonly SeenVersion[]>(),
      appliedConfig: nothingApplied,
      externalNodes: PersistentMap.empty<MemberView>(),
      registrations: PersistentMap.empty<Registration>(),
      aliveCount: 0,
      isolated: false,
    };
  }

  base(): ViewBase {
    this.#view = undefined;
    this.view();
    const [content, indexes] = [this.#content, this.#indexes.snapshot()];
    return { self: this.#self, content, indexes, created: this.#created.flat(), modified: this.#modified.flat() };
  }

  touchMember(member: Member, routing: boolean): void {
    const { id } = member;
    this.#dirtyMembers.add(id);
    this.#touch(topics.members);
    // What else changes, such as who accuses it, is not shown with its instances, whose readers are not woken.
    if (routing || !this.#created.has(id)) this.#stamp(id);
    if (!routing) return;
    this.#touchNode(id, member.signed.value.name);
    const replica = this.#sources.catalog.replica(id);
    if (replica === undefined || replica.size === 0) return;
    this.#touch(topics.checks);
    this.#touch(topics.instances);
    this.#touchInstances(id, replica.instances());
  }

  /** Shows in the next View where a member is, and where we are: that changes all the time, and is nothing to wake readers for. */
  refreshMember(id: NodeId): void {
    this.#dirtyMembers.add(id).add(this.#self);
    this.#view = undefined;
  }

  touchCatalog(owner: NodeId, change: ReplicaChange): void {
    const replica = this.#sources.catalog.replica(owner);
    const upserted: RecordValue[] = [];
    for (const key of change.upserted) {
      const value = replica?.get(key)?.record.value;
      if (value === undefined) continue;
      upserted.push(value);
      this.#stamp(`${owner}/${key}`);
    }
    for (const value of change.previous) {
      const key = recordKey(value);
      if (replica?.get(key) === undefined) this.#unstamp(`${owner}/${key}`);
    }
    const isListed = this.#changesServiceList(replica, upserted, change.previous);
    if (changesChecksShown(replica, change.previous, upserted)) this.#touch(topics.checks);
    this.#touchRecords(owner, replica, change.previous);
    this.#touchRecords(owner, replica, upserted);
    if (isListed) this.#touch(topics.services);
    const member = this.#content.members.get(owner);
    if (replica !== undefined && replica.appliedConfig !== member?.appliedConfig) {
      this.#dirtyMembers.add(owner);
      this.#touch(topics.appliedConfig);
    }
    if (replica === undefined || member?.catalogEpoch === replica.epoch) return;
    // The first of an epoch: who waits for it wants to know, also when nothing is in it.
    this.#dirtyMembers.add(owner);
    this.#touch(topics.node(owner));
  }

  /** An owner's catalog is gone. `forgotten`: so is the member. */
  touchAbsent(id: NodeId, records: readonly RecordValue[], forgotten: boolean): void {
    this.touchCatalog(id, { upserted: [], previous: records });
    this.#dirtyMembers.add(id);
    this.#touch(topics.members);
    this.#touchNode(id, undefined);
    if (forgotten) this.#unstamp(id);
  }

  touchConfig(kind: string, name: string): void {
    const key = `${kind}/${name}`;
    const { config } = this.#sources;
    if (kind === kvKind && config.stamp(key) === undefined) {
      // An old deletion was forgotten: nothing that a reader sees.
      this.#view = undefined;
      this.#config.touchKey(name, undefined);
      return;
    }
    this.#touch(topics.configKind(kind));
    this.#touch(topics.configEntry(kind, name));
    if (config.entry(key) === undefined) this.#unstamp(`k/${key}`);
    else this.#stamp(`k/${key}`);
    if (kind === kvKind) {
      this.#config.touchKey(name, this.#indexes.current);
      for (const folder of kvFoldersOf(name)) this.#touch(topics.kvFolder(folder));
      return;
    }
    this.#config.touch(key);
    if (kind === externalKind) this.#touchExternal(name);
    else this.#touch(topics.config);
  }

  #touchExternal(name: string): void {
    const changed = this.#external.changed(name);
    if (changed === undefined) return;
    const { id, part, services, instances, changesChecks } = changed;
    this.#dirtyExternal.add(id);
    if (instances === all) this.#dirtyInstances.set(id, all);
    else for (const instance of instances) this.#touchInstance(id, instance);
    this.#touchNode(id, externalNodeOf(name));
    if (part === 'node') this.#touch(topics.members);
    if (changesChecks) this.#touch(topics.checks);
    if (part !== 'check') {
      this.#touch(topics.services);
      this.#touch(topics.instances);
    }
    for (const service of services) this.#touchService(service);
  }

  touchLocal(): void {
    this.#touch(topics.local);
  }

  /** The topics touched since the last call. Their index is one and the same. */
  takeTouched(nowMs: number): readonly string[] {
    return this.#indexes.takeTouched(nowMs);
  }

  setNow(nowMs: number): void {
    this.#indexes.setNow(nowMs);
  }

  view(): View {
    if (this.#view !== undefined) return this.#view;
    let { members, externalNodes, aliveCount } = this.#content;
    for (const id of this.#dirtyMembers) {
      const before = members.get(id);
      const member = this.#sources.membership.get(id);
      const after = member === undefined ? undefined : this.#memberView(member);
      members = after === undefined ? members.delete(id) : members.set(id, after);
      aliveCount += isAlive(after) - isAlive(before);
    }
    for (const id of this.#dirtyExternal) {
      const node = this.#external.memberView(id);
      externalNodes = node === undefined ? externalNodes.delete(id) : externalNodes.set(id, node);
    }
    const { registrations } = this.#sources.health;
    const isolated = this.#sources.membership.isIsolated;
    const entries = this.#config.next(this.#content);
    this.#content = {
      members,
      externalNodes,
      ...this.#buildInstances(),
      ...entries,
      registrations,
      aliveCount,
      isolated,
    };
    this.#dirtyExternal.clear();
    this.#dirtyMembers.clear();
    this.#dirtyInstances.clear();
    this.#dirtyServices.clear();
    this.#view = new Snapshot(this.#self, this.#mesh, this.#content, this.#indexes.snapshot());
    return this.#view;
  }

  // --- what is touched ---

  #touch(topic: string): void {
    this.#view = undefined;
    this.#indexes.touch(topic);
  }

  /** A member looks different now, or is gone; whoever asks for one of its name may now mean another. */
  #touchNode(id: NodeId, name: string | undefined): void {
    this.#touch(topics.node(id));
    const before = this.#content.members.get(id)?.name;
    for (const each of new Set([before, name])) if (each !== undefined) this.#touch(topics.nodeNamed(each));
  }

  #touchService(name: string): void {
    this.#dirtyServices.add(name);
    this.#touch(topics.service(name));
    this.#touch(topics.checksOf(name));
  }

  /** These instances look different now, and so do the services that have them. */
  #touchInstances(owner: NodeId, instances: Iterable<Instance>): void {
    this.#dirtyInstances.set(owner, all);
    for (const { service } of instances) this.#touchService(service);
  }

  #touchInstance(owner: NodeId, id: string): void {
    const dirty = this.#dirtyInstances.get(owner);
    if (dirty === all) return;
    if (dirty !== undefined) dirty.add(id);
    else this.#dirtyInstances.set(owner, this.#content.instances.get(owner) === undefined ? all : new Set([id]));
  }

  /** `replica`: what the owner has now. Services that it does not have any more are those of `values`. */
  #touchRecords(owner: NodeId, replica: Replica | undefined, values: readonly RecordValue[]): void {
    if (values.length === 0) return;
    this.#touch(topics.node(owner));
    for (const value of values) {
      if (value.type === 'instance') {
        this.#touchInstance(owner, value.instance.id);
        this.#touchService(value.instance.service);
        this.#touch(topics.instances);
        continue;
      }
      this.#touch(topics.checks);
      const { instanceId } = value.check;
      if (instanceId === undefined) {
        this.#dirtyMembers.add(owner);
        this.#touchInstances(owner, replica?.instances() ?? []);
        continue;
      }
      this.#touchInstance(owner, instanceId);
      const service = replica?.instance(instanceId)?.service;
      if (service !== undefined) this.#touchService(service);
    }
  }

  /** Whether names or tags in the list of services change. */
  #changesServiceList(replica: Replica | undefined, upserted: readonly RecordValue[], previous: readonly RecordValue[]): boolean {
    const services = new Map<string, ListedService>();
    for (const value of [...previous, ...upserted])
      if (value.type === 'instance') services.set(value.instance.service, new ListedService());
    for (const value of previous) if (value.type === 'instance') services.get(value.instance.service)?.had(value.instance);
    for (const value of upserted) if (value.type === 'instance') services.get(value.instance.service)?.has(value.instance);
    const fresh = new Set(upserted.map(recordKey));
    for (const [name, service] of services) {
      if (service.isSame) continue;
      // Nobody has it yet: there is nothing to look for, however much the owner has.
      const isNew = !this.#dirtyServices.has(name) && this.#content.services.get(name) === undefined;
      if (isNew) return true;
      for (const instance of replica?.instances() ?? []) {
        if (instance.service !== name || fresh.has(`i/${instance.id}`)) continue;
        service.keeps(instance);
        if (service.isSame) break;
      }
      if (!service.isSame) return true;
    }
    return false;
  }

  #stamp(key: string): void {
    const index = this.#indexes.current;
    const created = this.#created.get(key);
    if (created === undefined) this.#created.set(key, index);
    else if (created !== index) this.#modified.set(key, index);
  }

  #unstamp(key: string): void {
    this.#created.delete(key);
    this.#modified.delete(key);
  }

  #indexesOf(key: string): { readonly createIndex: number; readonly modifyIndex: number } {
    const createIndex = this.#created.get(key) ?? 1;
    return { createIndex, modifyIndex: this.#modified.get(key) ?? createIndex };
  }

  // --- what is built ---

  #memberView(member: Member): MemberView {
    const record = member.signed.value;
    const replica = this.#sources.catalog.replica(member.id);
    const { nodeChecks } = this.#checksOf(member.id, none);
    return Object.freeze<MemberView>({
      id: member.id,
      name: record.name,
      status: member.status,
      reachable: member.reachable,
      verified: member.verified,
      record,
      catalogEpoch: replica?.epoch ?? 0,
      appliedConfig: replica?.appliedConfig ?? '',
      address: hostOf(record.addresses[0] ?? ''),
      coordinate: member.id === this.#self ? this.#sources.ownCoordinate() : member.coordinate,
      accusers: accusersOf(member, this.#self),
      linked: member.id === this.#self || this.#sources.isLinked(member.id),
      checks: nodeChecks,
      ...this.#indexesOf(member.id),
    });
  }

  /** Rebuilds what is dirty of the instances, by owner and by service. */
  #buildInstances(): Pick<SnapshotContent, 'instances' | 'services' | 'serviceNames'> {
    let { instances, services, serviceNames } = this.#content;
    const added = new Map<string, InstanceView[]>();
    for (const [owner, dirty] of this.#dirtyInstances) {
      const owned = this.#instancesOf(owner, dirty);
      instances = owned.length === 0 ? instances.delete(owner) : instances.set(owner, owned);
      for (const view of owned) if (this.#dirtyServices.has(view.instance.service)) pushTo(added, view.instance.service, view);
    }
    for (const name of this.#dirtyServices) {
      const kept = services.get(name)?.instances.filter((view) => !this.#dirtyInstances.has(view.owner)) ?? [];
      const service = serviceView(name, kept.concat(added.get(name) ?? []));
      const isNews = (services.get(name) === undefined) !== (service === undefined);
      if (isNews) serviceNames = withName(serviceNames, name, service !== undefined);
      services = service === undefined ? services.delete(name) : services.set(name, service);
    }
    return { instances, services, serviceNames };
  }

  /** The instances of one owner by id; of those that are not dirty, the views that there are. */
  #instancesOf(owner: NodeId, dirty: ReadonlySet<string> | typeof all): readonly InstanceView[] {
    const held = new Map<string, InstanceView>();
    if (dirty !== all) {
      for (const view of this.#content.instances.get(owner) ?? [])
        if (!dirty.has(view.instance.id)) held.set(view.instance.id, view);
    }
    if (isExternalId(owner)) return this.#external.instances(owner, held);
    const member = this.#sources.membership.get(owner);
    const replica = this.#sources.catalog.replica(owner);
    if (member === undefined || replica === undefined) return [];
    const checks = this.#checksOf(owner, dirty);
    return Object.freeze(
      Array.from(replica.instances(), (instance) => held.get(instance.id) ?? this.#instanceView(member, instance, checks)),
    );
  }

  #instanceView(member: Member, instance: Instance, { nodeChecks, byInstance }: OwnerChecks): InstanceView {
    const record = member.signed.value;
    const own = byInstance.get(instance.id);
    const checks = own === undefined ? nodeChecks : Object.freeze([...nodeChecks, ...own]);
    const status = worstStatus(checks);
    return Object.freeze<InstanceView>({
      instance,
      owner: member.id,
      nodeName: record.name,
      address: instance.address === '' ? hostOf(record.addresses[0] ?? '') : instance.address,
      port: instance.port,
      region: instance.region === '' ? record.region : instance.region,
      zone: instance.zone === '' ? record.zone : instance.zone,
      checks,
      status,
      routable: member.reachable && status !== 'critical',
      ...this.#indexesOf(`${member.id}/i/${instance.id}`),
    });
  }

  /** The checks of the host, and of these of its instances. */
  #checksOf(owner: NodeId, wanted: ReadonlySet<string> | typeof all): OwnerChecks {
    const replica = this.#sources.catalog.replica(owner);
    if (replica === undefined) return noChecks;
    const nodeChecks: CheckView[] = [];
    const byInstance = new Map<string, CheckView[]>();
    for (const check of replica.checks()) {
      const { instanceId } = check;
      if (instanceId === undefined) nodeChecks.push(this.#checkView(owner, check));
      else if (wanted === all || wanted.has(instanceId)) pushTo(byInstance, instanceId, this.#checkView(owner, check));
    }
    return { nodeChecks: Object.freeze(nodeChecks), byInstance };
  }

  #checkView(owner: NodeId, check: Check): CheckView {
    return Object.freeze({ ...check, ...this.#indexesOf(`${owner}/c/${check.id}`) });
  }
}

function accusersOf(member: Member, self: NodeId): readonly NodeId[] {
  if (member.accusations.size === 0 && member.doubt === undefined) return nobody;
  const accusers = [...member.accusations.keys()];
  return Object.freeze(member.doubt === undefined || member.accusations.has(self) ? accusers : [...accusers, self]);
}

function pushTo<T>(groups: Map<string, T[]>, key: string, item: T): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [item]);
  else group.push(item);
}

function isAlive(member: MemberView | undefined): number {
  return Number(member?.status === 'alive' || member?.status === 'suspect');
}

/** The host of `host:port` or `[host]:port`. */
function hostOf(address: string): string {
  const colon = address.lastIndexOf(':');
  const host = colon < 0 ? address : address.slice(0, colon);
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}
