/** External nodes as readers see them: like members, so that whoever reads nodes and instances needs no second way. */

import { externalKind, externalNodeOf, parseExternal, type ExternalCheck, type ExternalPart } from '../catalog/external.ts';
import type { ConfigStore } from '../config/config-store.ts';
import { configKey } from '../config/entry.ts';
import { nodeId, type NodeId } from '../identity.ts';
import type { CheckView, InstanceView, MemberView } from './view.ts';

/** The id of an external node in place of a member's. No peer id has a slash. */
export function externalId(name: string): NodeId {
  return nodeId(`external/${name}`);
}

export function isExternalId(id: NodeId): boolean {
  return id.startsWith('external/');
}

type IndexesOf = (key: string) => { readonly createIndex: number; readonly modifyIndex: number };

/** One node with its parts, by the names of their entries. */
type Parts = Map<string, ExternalPart>;

export interface ExternalChange {
  readonly id: NodeId;
  readonly part: ExternalPart['type'] | undefined;
  readonly services: ReadonlySet<string>;
}

export class ExternalNodes {
  readonly #config: ConfigStore;
  readonly #mesh: string;
  readonly #indexesOf: IndexesOf;
  readonly #nodes = new Map<string, Parts>();

  constructor(config: ConfigStore, mesh: string, indexesOf: IndexesOf) {
    this.#config = config;
    this.#mesh = mesh;
    this.#indexesOf = indexesOf;
  }

  /** Reads an entry anew. Returns the node it is about, what kind of part changed, and the services that look different now. */
  changed(name: string): ExternalChange | undefined {
    const node = externalNodeOf(name);
    if (node === undefined) return undefined;
    const services = new Set<string>();
    const before = this.#nodes.get(node)?.get(name);
    const entry = this.#config.entry(configKey({ kind: externalKind, name }));
    const parsed = entry === undefined ? undefined : parseExternal(name, entry.value);
    const after = typeof parsed === 'string' ? undefined : parsed;
    this.#noteServices(node, before, services);
    this.#put(node, name, after);
    this.#noteServices(node, after, services);
    return { id: externalId(node), part: (after ?? before)?.type, services };
  }

  memberView(id: NodeId): MemberView | undefined {
    const parts = this.#partsOf(id);
    const part = parts === undefined ? undefined : nodePart(parts);
    if (part === undefined || parts === undefined) return undefined;
    const { node } = part;
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
      address: node.address,
      coordinate: undefined,
      accusers: [],
      linked: false,
      checks: this.#checks(parts, undefined),
      external: node,
      ...this.#indexesOf(entryKey(encodeURIComponent(node.name))),
    };
  }

  instances(id: NodeId): readonly InstanceView[] {
    const parts = this.#partsOf(id);
    const part = parts === undefined ? undefined : nodePart(parts);
    if (part === undefined || parts === undefined) return [];
    const { name, address } = part.node;
    const nodeChecks = this.#checks(parts, undefined);
    const views: InstanceView[] = [];
    for (const [key, each] of parts) {
      if (each.type !== 'instance') continue;
      const { instance } = each;
      const checks = [...nodeChecks, ...this.#checks(parts, instance.id)];
      const critical = checks.some((check) => check.status === 'critical');
      const status = critical ? 'critical' : checks.some((check) => check.status === 'warning') ? 'warning' : 'passing';
      views.push({
        instance,
        owner: id,
        nodeName: name,
        address: instance.address === '' ? address : instance.address,
        port: instance.port,
        region: instance.region,
        zone: instance.zone,
        checks,
        status,
        routable: !critical,
        ...this.#indexesOf(entryKey(key)),
      });
    }
    return views.sort((a, b) => (a.instance.id < b.instance.id ? -1 : 1));
  }

  #checks(parts: Parts, instanceId: string | undefined): readonly CheckView[] {
    const checks: (CheckView & ExternalCheck)[] = [];
    for (const [key, part] of parts) {
      if (part.type !== 'check' || part.check.instanceId !== instanceId) continue;
      checks.push({ ...part.check, ...this.#indexesOf(entryKey(key)) });
    }
    return checks.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  #partsOf(id: NodeId): Parts | undefined {
    return this.#nodes.get(id.slice('external/'.length));
  }

  #put(node: string, name: string, part: ExternalPart | undefined): void {
    const parts = this.#nodes.get(node) ?? new Map<string, ExternalPart>();
    if (part === undefined) parts.delete(name);
    else parts.set(name, part);
    if (parts.size === 0) this.#nodes.delete(node);
    else this.#nodes.set(node, parts);
  }

  /** Which services a part is about: its own, or all on its node. */
  #noteServices(node: string, part: ExternalPart | undefined, services: Set<string>): void {
    if (part === undefined) return;
    const only = part.type === 'instance' ? part.instance.id : part.type === 'check' ? part.check.instanceId : undefined;
    for (const other of this.#nodes.get(node)?.values() ?? [])
      if (other.type === 'instance' && (only === undefined || other.instance.id === only)) services.add(other.instance.service);
    if (part.type === 'instance') services.add(part.instance.service);
  }
}

function nodePart(parts: Parts): Extract<ExternalPart, { type: 'node' }> | undefined {
  for (const part of parts.values()) if (part.type === 'node') return part;
  return undefined;
}

function entryKey(name: string): string {
  return `k/${configKey({ kind: externalKind, name })}`;
}
