/**
 * Makes Views. The parts of the node say what they touched; topics get their index at once, content is rebuilt
 * when somebody reads, and only where it was touched.
 */

import type { Catalog } from '../catalog/catalog.ts';
import { recordKey, type Check, type CheckStatus, type Instance, type RecordValue } from '../catalog/record.ts';
import type { ReplicaChange } from '../catalog/replica.ts';
import type { ConfigStore } from '../config/config-store.ts';
import type { ConfigEntry } from '../config/entry.ts';
import { hashText } from '../hash.ts';
import type { Health } from '../health/health.ts';
import type { Registration } from '../health/registration.ts';
import type { NodeId } from '../identity.ts';
import type { Member } from '../membership/member.ts';
import type { Membership } from '../membership/membership.ts';
import { PersistentMap } from './persistent-map.ts';
import { Snapshot, type SnapshotContent } from './snapshot.ts';
import { TopicIndexes } from './topic-indexes.ts';
import { topics, type CheckView, type InstanceView, type MemberView, type ServiceView, type View } from './view.ts';

export interface ViewSources {
  readonly membership: Membership;
  readonly catalog: Catalog;
  readonly config: ConfigStore;
  readonly health: Health;
  isLinked(id: NodeId): boolean;
}

/** What one owner has, grouped as services need it. */
interface OwnerIndex {
  readonly byService: ReadonlyMap<string, readonly Instance[]>;
  readonly checksOf: ReadonlyMap<string, readonly Check[]>;
  readonly nodeChecks: readonly Check[];
}

const nothing: OwnerIndex = { byService: new Map(), checksOf: new Map(), nodeChecks: [] };

interface RecordIndex {
  readonly create: number;
  readonly modify: number;
}

export class ViewBuilder {
  readonly #self: NodeId;
  readonly #mesh: string;
  readonly #sources: ViewSources;
  readonly #indexes: TopicIndexes;
  readonly #owners = new Map<NodeId, OwnerIndex>();
  readonly #ownersOf = new Map<string, Set<NodeId>>();
  /** Views of instances that nothing has touched since they were made, by owner and instance id. */
  readonly #instanceViews = new Map<NodeId, Map<string, InstanceView>>();
  /** By `<owner>/<record key>`, `m/<id>` or `k/<config key>`: when it was made and last changed. */
  readonly #recordIndexes = new Map<string, RecordIndex>();
  readonly #dirtyMembers = new Set<NodeId>();
  readonly #dirtyServices = new Set<string>();
  readonly #dirtyConfig = new Set<string>();
  #content: SnapshotContent;
  #view: View | undefined;

  constructor(self: NodeId, mesh: string, sources: ViewSources, startIndexMs: number) {
    this.#self = self;
    this.#mesh = mesh;
    this.#sources = sources;
    this.#indexes = new TopicIndexes(startIndexMs, hashText(self) & 1023);
    this.#content = {
      members: PersistentMap.empty<MemberView>(),
      services: PersistentMap.empty<ServiceView>(),
      instances: PersistentMap.empty<readonly InstanceView[]>(),
      config: PersistentMap.empty<ConfigEntry>(),
      registrations: PersistentMap.empty<Registration>(),
    };
  }

  touchMember(member: Member, routing: boolean): void {
    this.#dirtyMembers.add(member.id);
    this.#touch(topics.members);
    this.#stamp(`m/${member.id}`);
    if (!routing) return;
    this.#instanceViews.delete(member.id);
    this.#touch(topics.node(member.id));
    for (const service of this.#owner(member.id).byService.keys()) this.#touchService(service);
    if (this.#sources.catalog.replica(member.id)?.size) this.#touch(topics.checks);
  }

  touchCatalog(owner: NodeId, change: ReplicaChange): void {
    const before = this.#owners.get(owner) ?? nothing;
    this.#owners.delete(owner);
    const replica = this.#sources.catalog.replica(owner);
    const values: RecordValue[] = [];
    for (const key of change.upserted) {
      const value = replica?.get(key)?.record.value;
      if (value === undefined) continue;
      values.push(value);
      this.#stamp(`${owner}/${key}`);
    }
    this.#touchRecords(owner, before, change.previous);
    for (const value of change.previous) {
      const key = recordKey(value);
      if (replica?.get(key) === undefined) this.#recordIndexes.delete(`${owner}/${key}`);
    }
    this.#touchRecords(owner, this.#owner(owner), values);
    this.#touchServiceList(owner, before, this.#owner(owner));
  }

  /** An owner's catalog is gone. `forgotten`: so is the member. */
  touchAbsent(id: NodeId, records: readonly RecordValue[], forgotten: boolean): void {
    const before = this.#owners.get(id) ?? nothing;
    this.#owners.delete(id);
    this.#touchRecords(id, before, records);
    for (const value of records) this.#recordIndexes.delete(`${id}/${recordKey(value)}`);
    this.#instanceViews.delete(id);
    this.#touchServiceList(id, before, this.#owner(id));
    this.#dirtyMembers.add(id);
    this.#touch(topics.members);
    this.#touch(topics.node(id));
    if (forgotten) this.#recordIndexes.delete(`m/${id}`);
  }

  touchConfig(kind: string, name: string): void {
    const key = `${kind}/${name}`;
    this.#dirtyConfig.add(key);
    this.#touch(topics.config);
    this.#touch(topics.configKind(kind));
    this.#touch(topics.configEntry(kind, name));
    this.#stamp(`k/${key}`);
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
    let { members, services, instances, config } = this.#content;
    for (const id of this.#dirtyMembers) {
      const member = this.#sources.membership.get(id);
      members = member === undefined ? members.delete(id) : members.set(id, this.#memberView(member));
    }
    const ownersTouched = new Set<NodeId>();
    for (const name of this.#dirtyServices) {
      for (const instance of services.get(name)?.instances ?? []) ownersTouched.add(instance.owner);
      const service = this.#serviceView(name);
      for (const instance of service?.instances ?? []) ownersTouched.add(instance.owner);
      services = service === undefined ? services.delete(name) : services.set(name, service);
    }
    for (const owner of ownersTouched) {
      const owned = this.#instancesOf(owner);
      instances = owned.length === 0 ? instances.delete(owner) : instances.set(owner, owned);
    }
    for (const key of this.#dirtyConfig) {
      const entry = this.#configEntry(key);
      config = entry === undefined ? config.delete(key) : config.set(key, entry);
    }
    const { registrations } = this.#sources.health;
    this.#dirtyMembers.clear();
    this.#dirtyServices.clear();
    this.#dirtyConfig.clear();
    this.#content = { members, services, instances, config, registrations };
    this.#view = new Snapshot(this.#self, this.#mesh, this.#content, this.#indexes.snapshot());
    return this.#view;
  }

  // --- what is touched ---

  #touch(topic: string): void {
    this.#view = undefined;
    this.#indexes.touch(topic);
  }

  #touchService(name: string): void {
    this.#dirtyServices.add(name);
    this.#touch(topics.service(name));
    this.#touch(topics.checksOf(name));
  }

  #touchRecords(owner: NodeId, index: OwnerIndex, values: readonly RecordValue[]): void {
    if (values.length === 0) return;
    this.#touch(topics.node(owner));
    for (const value of values) {
      const views = this.#instanceViews.get(owner);
      if (value.type === 'instance') {
        views?.delete(value.instance.id);
        this.#touchService(value.instance.service);
        continue;
      }
      this.#touch(topics.checks);
      if (value.check.instanceId === undefined) {
        this.#instanceViews.delete(owner);
        this.#dirtyMembers.add(owner);
        for (const service of index.byService.keys()) this.#touchService(service);
        continue;
      }
      views?.delete(value.check.instanceId);
      for (const [service, instances] of index.byService) {
        if (instances.some((instance) => instance.id === value.check.instanceId)) this.#touchService(service);
      }
    }
  }

  /** Keeps which owners have a service, and touches the list of services where names or tags changed. */
  #touchServiceList(owner: NodeId, before: OwnerIndex, after: OwnerIndex): void {
    const names = new Set([...before.byService.keys(), ...after.byService.keys()]);
    for (const name of names) {
      const had = before.byService.get(name);
      const has = after.byService.get(name);
      if (has === undefined) {
        const owners = this.#ownersOf.get(name);
        owners?.delete(owner);
        if (owners?.size === 0) this.#ownersOf.delete(name);
      } else if (had === undefined) {
        const owners = this.#ownersOf.get(name);
        if (owners === undefined) this.#ownersOf.set(name, new Set([owner]));
        else owners.add(owner);
      }
      if (tagsText(had) !== tagsText(has)) this.#touch(topics.services);
    }
  }

  #stamp(key: string): void {
    const index = this.#indexes.current;
    this.#recordIndexes.set(key, { create: this.#recordIndexes.get(key)?.create ?? index, modify: index });
  }

  // --- what is built ---

  #owner(id: NodeId): OwnerIndex {
    const known = this.#owners.get(id);
    if (known !== undefined) return known;
    const replica = this.#sources.catalog.replica(id);
    if (replica === undefined) return nothing;
    const byService = new Map<string, Instance[]>();
    const checksOf = new Map<string, Check[]>();
    const nodeChecks: Check[] = [];
    for (const instance of replica.instances()) pushTo(byService, instance.service, instance);
    for (const check of replica.checks()) {
      if (check.instanceId === undefined) nodeChecks.push(check);
      else pushTo(checksOf, check.instanceId, check);
    }
    const index: OwnerIndex = { byService, checksOf, nodeChecks };
    this.#owners.set(id, index);
    return index;
  }

  #memberView(member: Member): MemberView {
    const record = member.signed.value;
    const index = this.#recordIndexes.get(`m/${member.id}`);
    return {
      id: member.id,
      name: record.name,
      status: member.status,
      reachable: member.reachable,
      verified: member.verified,
      record,
      address: hostOf(record.addresses[0] ?? ''),
      accusers: [...member.accusations.keys()],
      linked: member.id === this.#self || this.#sources.isLinked(member.id),
      checks: this.#owner(member.id).nodeChecks.map((check) => this.#checkView(member.id, check)),
      createIndex: index?.create ?? 1,
      modifyIndex: index?.modify ?? 1,
    };
  }

  #serviceView(name: string): ServiceView | undefined {
    const owners = this.#ownersOf.get(name);
    if (owners === undefined) return undefined;
    const instances: InstanceView[] = [];
    for (const owner of owners) {
      const member = this.#sources.membership.get(owner);
      if (member === undefined) continue;
      for (const instance of this.#owner(owner).byService.get(name) ?? []) instances.push(this.#instanceView(member, instance));
    }
    if (instances.length === 0) return undefined;
    instances.sort((a, b) => order(a.nodeName, b.nodeName) || order(a.owner, b.owner) || order(a.instance.id, b.instance.id));
    const tags = [...new Set(instances.flatMap((view) => view.instance.tags))].sort();
    return { name, instances, tags };
  }

  #instanceView(member: Member, instance: Instance): InstanceView {
    let views = this.#instanceViews.get(member.id);
    if (views === undefined) this.#instanceViews.set(member.id, (views = new Map<string, InstanceView>()));
    let view = views.get(instance.id);
    if (view === undefined) views.set(instance.id, (view = this.#makeInstanceView(member, instance)));
    return view;
  }

  #makeInstanceView(member: Member, instance: Instance): InstanceView {
    const record = member.signed.value;
    const owner = this.#owner(member.id);
    const checks = [...owner.nodeChecks, ...(owner.checksOf.get(instance.id) ?? [])].map((check) =>
      this.#checkView(member.id, check),
    );
    const status = worst(checks);
    const index = this.#recordIndexes.get(`${member.id}/i/${instance.id}`);
    return {
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
      createIndex: index?.create ?? 1,
      modifyIndex: index?.modify ?? 1,
    };
  }

  #checkView(owner: NodeId, check: Check): CheckView {
    const index = this.#recordIndexes.get(`${owner}/c/${check.id}`);
    return { ...check, createIndex: index?.create ?? 1, modifyIndex: index?.modify ?? 1 };
  }

  #instancesOf(owner: NodeId): readonly InstanceView[] {
    const member = this.#sources.membership.get(owner);
    const owned: InstanceView[] = [];
    if (member === undefined) return owned;
    for (const instances of this.#owner(owner).byService.values()) {
      for (const instance of instances) owned.push(this.#instanceView(member, instance));
    }
    return owned.sort((a, b) => order(a.instance.id, b.instance.id));
  }

  #configEntry(key: string): ConfigEntry | undefined {
    const entry = this.#sources.config.entry(key);
    if (entry === undefined) return undefined;
    const index = this.#recordIndexes.get(`k/${key}`);
    return { ...entry, index: index?.modify ?? 1, createIndex: index?.create ?? 1 };
  }
}

function pushTo<T>(groups: Map<string, T[]>, key: string, item: T): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [item]);
  else group.push(item);
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function tagsText(instances: readonly Instance[] | undefined): string | undefined {
  return instances === undefined ? undefined : [...new Set(instances.flatMap((instance) => instance.tags))].sort().join('\n');
}

function worst(checks: readonly Check[]): CheckStatus {
  if (checks.some((check) => check.status === 'critical')) return 'critical';
  return checks.some((check) => check.status === 'warning') ? 'warning' : 'passing';
}

/** The host of `host:port` or `[host]:port`. */
function hostOf(address: string): string {
  const colon = address.lastIndexOf(':');
  const host = colon < 0 ? address : address.slice(0, colon);
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}
