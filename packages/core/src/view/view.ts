/**
 * The View: an immutable picture of everything this node believes. Readers (HTTP API, DNS, proxy, UI) see
 * whole Views, never half-applied changes. A new View shares what did not change with the one before.
 */

import type { ExternalNode } from '../catalog/external.ts';
import type { Check, CheckStatus, Instance } from '../catalog/record.ts';
import type { SeenVersion } from '../config/config-history.ts';
import type { ConfigEntry } from '../config/entry.ts';
import { kvKind } from '../config/kv.ts';
import type { Registration } from '../health/registration.ts';
import type { NodeId } from '../identity.ts';
import type { Coordinate } from '../membership/coordinate.ts';
import type { MemberRecord, MemberStatus } from '../membership/member-record.ts';

/** How a check looks in the view. */
export interface CheckView extends Check {
  readonly createIndex: number;
  readonly modifyIndex: number;
}

export interface MemberView {
  readonly id: NodeId;
  readonly name: string;
  readonly status: MemberStatus;
  /** Whether traffic may be sent to its instances. Faster than `status`: two accusers, or our own failed dial, clear it. */
  readonly reachable: boolean;
  /** Whether somebody had a direct answer from this epoch of it. Unverified members are not routed to. */
  readonly verified: boolean;
  readonly record: MemberRecord;
  /** Of which epoch its catalog is as this node has it, also one with nothing in it; 0 while it has none. What runs there now is known once this is the record's. */
  readonly catalogEpoch: number;
  /** Which config it applies, as the head of its catalog says: as `View.appliedConfig`, or empty when it does not tell. Some time late. */
  readonly appliedConfig: string;
  /** The host part of its first address: what Consul calls the node's address. */
  readonly address: string;
  /** Where it is in the space of round trips, for `estimatedRttMs`; undefined until this node had an answer from it. Moves without a new index. */
  readonly coordinate: Coordinate | undefined;
  /** Who accuses it now; this node too when it only doubts it. */
  readonly accusers: readonly NodeId[];
  readonly linked: boolean;
  /** Checks of the node itself (not of one instance). */
  readonly checks: readonly CheckView[];
  /** What its writer said of a host without an agent; undefined for a member. */
  readonly external?: ExternalNode;
  readonly createIndex: number;
  readonly modifyIndex: number;
}

export interface InstanceView {
  readonly instance: Instance;
  readonly owner: NodeId;
  readonly nodeName: string;
  /** Where to connect: the instance's own address, or its node's. */
  readonly address: string;
  readonly port: number;
  readonly region: string;
  readonly zone: string;
  readonly checks: readonly CheckView[];
  /** The worst of its own checks and its node's. */
  readonly status: CheckStatus;
  /** May traffic go there: the node is alive, reachable and verified, and no check is critical. */
  readonly routable: boolean;
  readonly createIndex: number;
  readonly modifyIndex: number;
}

export interface ServiceView {
  readonly name: string;
  /** Ordered by node name, then instance id. */
  readonly instances: readonly InstanceView[];
  /** The union of all tags, sorted. */
  readonly tags: readonly string[];
}

/**
 * Topics with an index of their own (the contract of blocking queries):
 * `members` and `services` (the lists), `instances` (any instance, or what is shown of its node with it), `service/<name>`,
 * `node/<id>` (with its checks and instances), `node-named/<name>` (whom the name stands for),
 * `checks` (any check, with the name and the tags of the service it is about), `checks/<service>`, all with the name in lower case, `config`, `config/<kind>`, `config/<kind>/<name>`, `local` (own registrations),
 * `kv/<folder>` (any key below it, the root's being empty). Keys of the key-value store and external nodes do not move `config`.
 * `applied-config` moves when a member tells that it applies another config. `any` moves with each of them.
 */
export const topics = {
  any: 'any',
  members: 'members',
  services: 'services',
  instances: 'instances',
  /** In any case: whoever waits for a name waits for all that differ from it in nothing else. */
  service: (name: string): string => `service/${name.toLowerCase()}`,
  node: (id: NodeId): string => `node/${id}`,
  /** In any case. Of the node itself too: with `node` of whoever has the name, all that a reader of it sees. */
  nodeNamed: (name: string): string => `node-named/${name.toLowerCase()}`,
  checks: 'checks',
  checksOf: (service: string): string => `checks/${service.toLowerCase()}`,
  config: 'config',
  configKind: (kind: string): string => `config/${kind}`,
  /** In any case, as some kinds are read; but for keys of the key-value store, which are many and have one each. */
  configEntry: (kind: string, name: string): string => `config/${kind}/${kind === kvKind ? name : name.toLowerCase()}`,
  appliedConfig: 'applied-config',
  kvFolder: (folder: string): string => `kv/${folder}`,
  local: 'local',
} as const;

export interface View {
  readonly self: NodeId;
  readonly mesh: string;
  /** The greatest index of any topic. */
  readonly lastIndex: number;
  /** When a topic last changed; at least 1, also for a topic that never existed. Grows strictly, across restarts too. */
  index(topic: string): number;

  /** Everybody known, self included, in any status, external nodes not. Order is not defined. */
  members(): Iterable<MemberView>;
  /** Hosts without an agent that somebody put into the catalog. */
  externalNodes(): Iterable<MemberView>;
  /** A member or an external node. */
  member(id: NodeId): MemberView | undefined;
  /**
   * By label; the alive one, then the latest, when several share it; an external node when no member has it that has not
   * left. When nobody who is there has it just so, whoever has it in another case.
   */
  memberByName(name: string): MemberView | undefined;
  /** Members alive or suspect, self included. */
  readonly aliveCount: number;
  /** Whether this node cannot reach more members than one node may accuse: most likely it is the one that is cut off. */
  readonly isolated: boolean;

  services(): Iterable<ServiceView>;
  service(name: string): ServiceView | undefined;
  /** All whose names are this one in some case, in the order of their names: one at most, as a rule. */
  servicesNamed(name: string): readonly ServiceView[];
  /** All instances owned by one node, ordered by id. */
  instancesOf(owner: NodeId): readonly InstanceView[];

  /** Of one kind, or of all but the key-value store and external nodes. */
  configEntries(kind?: string): Iterable<ConfigEntry>;
  configEntry(kind: string, name: string): ConfigEntry | undefined;

  /**
   * The versions of an entry that this node has, or had and still remembers, newest first; empty for an entry that never was or
   * is forgotten, keys of the key-value store and external nodes.
   */
  configHistory(kind: string, name: string): readonly SeenVersion[];
  /** The same of every entry, deleted ones too. In no order. */
  configHistories(): Iterable<readonly SeenVersion[]>;
  /** Which config this node applies: a digest that is the same on all nodes that apply the same; `none` for nothing. */
  readonly appliedConfig: string;

  /** The entries of the key-value store whose keys begin with this, in the order of their keys' bytes in UTF-8. */
  kvEntries(prefix: string): Iterable<ConfigEntry>;
  /** When a key that begins with this last changed, or was deleted; at least 1, and never less than before. */
  kvIndex(prefix: string): number;

  /** This node's own registrations, with definitions. */
  registrations(): Iterable<Registration>;
  /** One of them, by its `registrationKey`. */
  registration(key: string): Registration | undefined;
}
