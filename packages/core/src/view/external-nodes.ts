/** External nodes as readers see them: like members, so that whoever reads nodes and instances needs no second way. */

import { externalKind, externalName, externalNodeOf, parseExternal } from '../catalog/external.ts';
import type { ExternalCheck, ExternalNode, ExternalPart } from '../catalog/external.ts';
import type { ConfigStore } from '../config/config-store.ts';
import { configKey } from '../config/entry.ts';
import { nodeId, type NodeId } from '../identity.ts';
import { showsSameInChecks } from './checks-shown.ts';
import { worstStatus } from './worst-status.ts';
import type { CheckView, InstanceView, MemberView } from './view.ts';

/** The id of an external node in place of a member's. No peer id has a slash. */
export function externalId(name: string): NodeId {
  return nodeId(`external/${name}`);
}

export function isExternalId(id: NodeId): boolean {
  return id.startsWith('external/');
}

type IndexesOf = (key: string) => { readonly createIndex: number; readonly modifyIndex: number };

type InstancePart = Extract<ExternalPart, { type: 'instance' }>;
type CheckPart = Extract<ExternalPart, { type: 'check' }>;

/** One node with its parts, so that a change of one does not look at the others. */
class Parts {
  node: ExternalNode | undefined;
  readonly #instances = new Map<string, InstancePart>();
  /** Those of the node itself under undefined, by check id. */
  readonly #checks = new Map<string | undefined, Map<string, CheckPart>>();
  /** In the order of their ids; undefined: to be sorted anew. */
  #ordered: readonly InstancePart[] | undefined;

  get isEmpty(): boolean {
    return this.node === undefined && this.#instances.size === 0 && this.#checks.size === 0;
  }

  get instances(): readonly InstancePart[] {
    this.#ordered ??= [...this.#instances.values()].sort((a, b) => order(a.instance.id, b.instance.id));
    return this.#ordered;
  }

  instance(id: string): InstancePart | undefined {
    return this.#instances.get(id);
  }

  checks(instanceId: string | undefined): readonly CheckPart[] {
    const checks = this.#checks.get(instanceId);
    return checks === undefined ? [] : [...checks.values()].sort((a, b) => order(a.check.id, b.check.id));
  }

  add(part: ExternalPart): void {
    if (part.type === 'node') this.node = part.node;
    else if (part.type === 'instance') {
      this.#instances.set(part.instance.id, part);
      this.#ordered = undefined;
    } else {
      const { id, instanceId } = part.check;
      const checks = this.#checks.get(instanceId) ?? new Map<string, CheckPart>();
      this.#checks.set(instanceId, checks.set(id, part));
    }
  }

  remove(part: ExternalPart): void {
    if (part.type === 'node') this.node = undefined;
    else if (part.type === 'instance') {
      this.#instances.delete(part.instance.id);
      this.#ordered = undefined;
    } else {
      const { id, instanceId } = part.check;
      const checks = this.#checks.get(instanceId);
      checks?.delete(id);
      if (checks?.size === 0) this.#checks.delete(instanceId);
    }
  }
}

export interface ExternalChange {
  readonly id: NodeId;
  readonly part: ExternalPart['type'] | undefined;
  readonly services: ReadonlySet<string>;
  /** The instances that look different now, by id; `all`: every one on the node. */
  readonly instances: ReadonlySet<string> | 'all';
  /** Whether a check looks different, or there is one more or less. */
  readonly changesChecks: boolean;
}

export class ExternalNodes {
  readonly #config: ConfigStore;
  readonly #mesh: string;
  readonly #indexesOf: IndexesOf;
  readonly #nodes = new Map<string, Parts>();
  /** What the entries held when they were last read. */
  readonly #parts = new Map<string, ExternalPart>();

  constructor(config: ConfigStore, mesh: string, indexesOf: IndexesOf) {
    this.#config = config;
    this.#mesh = mesh;
    this.#indexesOf = indexesOf;
  }

  /** Reads an entry anew. Returns the node it is about, what kind of part changed, and what looks different now. */
  changed(name: string): ExternalChange | undefined {
    const node = externalNodeOf(name);
    if (node === undefined) return undefined;
    const before = this.#parts.get(name);
    const entry = this.#config.entry(configKey({ kind: externalKind, name }));
    const parsed = entry === undefined ? undefined : parseExternal(name, entry.value);
    const after = typeof parsed === 'string' ? undefined : parsed;
    const parts = this.#nodes.get(node) ?? new Parts();
    const services = new Set<string>();
    noteServices(parts, before, services);
    if (before !== undefined) parts.remove(before);
    if (after !== undefined) parts.add(after);
    noteServices(parts, after, services);
    if (parts.isEmpty) this.#nodes.delete(node);
    else this.#nodes.set(node, parts);
    if (after === undefined) this.#parts.delete(name);
    else this.#parts.set(name, after);
    const about = [before, after].flatMap((part) => (part === undefined ? [] : [instanceOf(part)]));
    const ids = about.filter((id) => id !== undefined);
    const instances = ids.length < about.length ? 'all' : new Set(ids);
    const changesChecks = changesChecksOf(parts, before, after);
    return { id: externalId(node), part: (after ?? before)?.type, services, instances, changesChecks };
  }

  memberView(id: NodeId): MemberView | undefined {
    const parts = this.#partsOf(id);
    const node = parts?.node;
    if (node === undefined || parts === undefined) return undefined;
    const record = {
      mesh: this.#mesh,
      id,
      name: node.name,
      epoch: 0,
      incarnation: 0,
      status: 'alive',
      addresses: [],
      region: '',
      zone: '',
      tags: node.meta,
      protocolMin: 0,
      protocolMax: 0,
      credential: new Uint8Array(0),
      keyHashes: [],
    } as const;
    return {
      id,
      name: node.name,
      status: 'alive',
      reachable: true,
      verified: true,
      record,
      catalogEpoch: 0,
      appliedConfig: '',
      address: node.address,
      coordinate: undefined,
      accusers: [],
      linked: false,
      checks: this.#checks(parts, undefined),
      external: node,
      ...this.#indexesOf(entryKey(encodeURIComponent(node.name))),
    };
  }

  /** Ordered by id. `held`: views that still are as they were. */
  instances(id: NodeId, held: ReadonlyMap<string, InstanceView>): readonly InstanceView[] {
    const parts = this.#partsOf(id);
    const node = parts?.node;
    if (node === undefined || parts === undefined) return [];
    const nodeChecks = this.#checks(parts, undefined);
    return Object.freeze(
      parts.instances.map(
        (part) =>
          held.get(part.instance.id) ??
          this.#instanceView(id, node, part, [...nodeChecks, ...this.#checks(parts, part.instance.id)]),
      ),
    );
  }

  #instanceView(owner: NodeId, node: ExternalNode, part: InstancePart, checks: readonly CheckView[]): InstanceView {
    const { instance } = part;
    const status = worstStatus(checks);
    return Object.freeze<InstanceView>({
      instance,
      owner,
      nodeName: node.name,
      address: instance.address === '' ? node.address : instance.address,
      port: instance.port,
      region: instance.region,
      zone: instance.zone,
      checks: Object.freeze(checks),
      status,
      routable: status !== 'critical',
      ...this.#indexesOf(entryKey(externalName(part))),
    });
  }

  #checks(parts: Parts, instanceId: string | undefined): readonly CheckView[] {
    return parts
      .checks(instanceId)
      .map((part): CheckView & ExternalCheck =>
        Object.freeze({ ...part.check, ...this.#indexesOf(entryKey(externalName(part))) }),
      );
  }

  #partsOf(id: NodeId): Parts | undefined {
    return this.#nodes.get(id.slice('external/'.length));
  }
}

/** An instance changes its checks too, where it has some and they show what changed of it. */
function changesChecksOf(parts: Parts, before: ExternalPart | undefined, after: ExternalPart | undefined): boolean {
  const [was, is] = [before, after].map((part) => (part?.type === 'instance' ? part.instance : undefined));
  const id = (is ?? was)?.id;
  return id === undefined || (parts.checks(id).length > 0 && !showsSameInChecks(was, is));
}

/** The instance a part is about; undefined: the whole node. */
function instanceOf(part: ExternalPart): string | undefined {
  return part.type === 'instance' ? part.instance.id : part.type === 'check' ? part.check.instanceId : undefined;
}

/** Which services a part is about: its own, or all on its node. */
function noteServices(parts: Parts, part: ExternalPart | undefined, services: Set<string>): void {
  if (part === undefined) return;
  const only = instanceOf(part);
  if (only === undefined) for (const { instance } of parts.instances) services.add(instance.service);
  const service =
    part.type === 'instance' ? part.instance.service : only === undefined ? undefined : parts.instance(only)?.instance.service;
  if (service !== undefined) services.add(service);
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function entryKey(name: string): string {
  return `k/${configKey({ kind: externalKind, name })}`;
}
