/**
 * A MeshPort whose View is built by hand, for tests of the API. Writes are recorded, and applied in the simplest
 * way; `refuse` makes the next one fail. Nothing here knows about gossip.
 */

import { checkId, nodeId, topics } from '@skein/core';
import type {
  CancelSignal,
  CheckDefinition,
  CheckStatus,
  CheckView,
  Command,
  CommandResult,
  ConfigEntry,
  Coordinate,
  Instance,
  InstanceView,
  MemberStatus,
  MemberView,
  MeshErrorCode,
  MeshPort,
  NodeId,
  Registration,
  SeenVersion,
  ServiceView,
  View,
} from '@skein/core';
import { instance } from '../core/fixture.ts';

/** As a node makes them: milliseconds since 2020 times 1024, plus a tag of the node. */
export const indexTag = 77;
const firstIndex = 200_000_000_000 * 1024 + indexTag;

export interface FakeMember {
  readonly name: string;
  readonly id: NodeId;
  status: MemberStatus;
  reachable: boolean;
  verified: boolean;
  linked: boolean;
  catalogEpoch: number;
  appliedConfig: string;
  address: string;
  tags: Record<string, string>;
  accusers: NodeId[];
  checks: CheckView[];
  coordinate: Coordinate | undefined;
}

export function fakeInstance(id: string, service: string, more: Partial<Instance> = {}): Instance {
  return instance(id, { service, ...more });
}

interface Waiter {
  readonly topic: string;
  readonly afterIndex: number;
  readonly wake: () => void;
}

export class FakePort implements MeshPort {
  readonly self: NodeId;
  readonly members = new Map<NodeId, FakeMember>();
  readonly instances: { owner: NodeId; instance: Instance; checks: CheckView[] }[] = [];
  readonly registrations = new Map<string, Registration>();
  readonly configs = new Map<string, ConfigEntry>();
  readonly histories = new Map<string, readonly SeenVersion[]>();
  appliedConfig = 'none';
  readonly commands: Command[] = [];
  refuse: { code: MeshErrorCode; message: string } | undefined;
  #lastIndex = firstIndex;
  readonly #indexes = new Map<string, number>();
  readonly #waiters = new Set<Waiter>();

  constructor(name = 'alpha') {
    this.self = nodeId(`12D3Koo-${name}`);
    this.addMember(name);
  }

  /** How many wait for a change. */
  get waiting(): number {
    return this.#waiters.size;
  }

  addMember(name: string, more: Partial<FakeMember> = {}): FakeMember {
    const member: FakeMember = {
      name,
      id: nodeId(`12D3Koo-${name}`),
      status: 'alive',
      reachable: true,
      verified: true,
      linked: true,
      catalogEpoch: 3,
      appliedConfig: 'none',
      address: '10.0.0.1',
      tags: {},
      accusers: [],
      checks: [],
      coordinate: undefined,
      ...more,
    };
    this.members.set(member.id, member);
    this.bump(topics.members, topics.node(member.id), topics.nodeNamed(name));
    return member;
  }

  addInstance(owner: NodeId, instance: Instance, statuses: readonly CheckStatus[] = []): void {
    const checks = statuses.map((status, at) => fakeCheck(`service:${instance.id}:${at + 1}`, status, instance));
    this.instances.push({ owner, instance, checks });
    this.bump(
      topics.services,
      topics.instances,
      topics.service(instance.service),
      topics.node(owner),
      topics.checks,
      topics.checksOf(instance.service),
    );
  }

  /** Says that these topics changed, and wakes who waits for one. */
  bump(...names: readonly string[]): void {
    this.#lastIndex += 1024;
    for (const name of names) this.#indexes.set(name, this.#lastIndex);
    for (const waiter of this.#waiters) if (this.index(waiter.topic) > waiter.afterIndex) waiter.wake();
  }

  index(topic: string): number {
    if (topic === topics.any) return this.#lastIndex;
    return this.#indexes.get(topic) ?? 1;
  }

  changed(topic: string, afterIndex: number, signal: CancelSignal): Promise<View> {
    if (this.index(topic) > afterIndex || signal.aborted) return Promise.resolve(this.view());
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiters.delete(waiter);
        signal.removeEventListener('abort', wake);
        resolve(this.view());
      };
      const waiter = { topic, afterIndex, wake };
      this.#waiters.add(waiter);
      signal.addEventListener('abort', wake, { once: true });
    });
  }

  dispatch(command: Command): CommandResult {
    if (this.refuse !== undefined) return { ok: false, ...this.refuse };
    this.commands.push(command);
    if (command.type === 'register') {
      this.registrations.set(`i/${command.instance.id}`, { type: 'instance', instance: command.instance });
      for (const definition of command.checks) this.#register(definition);
    } else if (command.type === 'register-check') this.#register(command.definition);
    else if (command.type === 'deregister') return this.#remove(`i/${command.id}`, 'unknown-instance');
    else if (command.type === 'deregister-check') return this.#remove(`c/${command.id}`, 'unknown-check');
    this.bump(topics.local);
    return { ok: true };
  }

  #register(definition: CheckDefinition): void {
    const state = { status: definition.initialStatus, output: '' };
    this.registrations.set(`c/${definition.id}`, { type: 'check', definition, state });
  }

  #remove(key: string, code: MeshErrorCode): CommandResult {
    if (!this.registrations.delete(key)) return { ok: false, code, message: `there is no ${key}` };
    this.bump(topics.local);
    return { ok: true };
  }

  view(): View {
    const members = new Map([...this.members.values()].map((member) => [member.id, this.#memberView(member)]));
    const services = this.#services();
    return {
      self: this.self,
      mesh: 'testmesh',
      lastIndex: this.#lastIndex,
      index: (topic) => this.index(topic),
      members: () => members.values(),
      member: (id) => members.get(id),
      memberByName: (name) => [...members.values()].find((member) => member.name === name),
      isolated: false,
      aliveCount: [...members.values()].filter(({ status }) => status === 'alive' || status === 'suspect').length,
      services: () => services.values(),
      service: (name) => services.get(name),
      servicesNamed: (name) => [...services.values()].filter((each) => each.name.toLowerCase() === name.toLowerCase()),
      instancesOf: (owner) => this.#instanceViews().filter((instance) => instance.owner === owner),
      configEntries: (kind) => [...this.configs.values()].filter((entry) => kind === undefined || entry.kind === kind),
      configEntry: (kind, name) => this.configs.get(`${kind}/${name}`),
      externalNodes: () => [],
      configHistory: (kind, name) => this.histories.get(`${kind}/${name}`) ?? [],
      configHistories: () => this.histories.values(),
      appliedConfig: this.appliedConfig,
      kvEntries: () => [],
      kvIndex: () => 1,
      registrations: () => [...this.registrations.values()],
      registration: (key) => this.registrations.get(key),
    };
  }

  #services(): Map<string, ServiceView> {
    const services = new Map<string, ServiceView>();
    for (const view of this.#instanceViews()) {
      const name = view.instance.service;
      const instances = [...(services.get(name)?.instances ?? []), view];
      services.set(name, { name, instances, tags: [...new Set(instances.flatMap(({ instance }) => instance.tags))].sort() });
    }
    return services;
  }

  #instanceViews(): readonly InstanceView[] {
    return this.instances.map(({ owner, instance, checks }) => {
      const member = this.members.get(owner);
      const statuses = checks.map(({ status }) => status);
      const status = statuses.includes('critical') ? 'critical' : statuses.includes('warning') ? 'warning' : 'passing';
      return {
        instance,
        owner,
        nodeName: member?.name ?? '',
        address: instance.address === '' ? (member?.address ?? '') : instance.address,
        port: instance.port,
        region: instance.region,
        zone: instance.zone,
        checks,
        status,
        routable: status !== 'critical' && member?.reachable === true,
        createIndex: firstIndex,
        modifyIndex: this.index(topics.service(instance.service)),
      };
    });
  }

  #memberView(member: FakeMember): MemberView {
    const {
      id,
      name,
      status,
      reachable,
      verified,
      linked,
      catalogEpoch,
      appliedConfig,
      address,
      tags,
      accusers,
      checks,
      coordinate,
    } = member;
    const record = {
      mesh: 'testmesh',
      id,
      name,
      epoch: 3,
      incarnation: 5,
      status: 'alive' as const,
      addresses: [`${address}:7946`],
      region: 'eu',
      zone: 'eu-1',
      tags,
      protocolMin: 1,
      protocolMax: 1,
      credential: new Uint8Array(0),
      keyHashes: [],
    };
    const indexes = { createIndex: firstIndex, modifyIndex: this.index(topics.node(id)) };
    return {
      id,
      name,
      status,
      reachable,
      verified,
      record,
      catalogEpoch,
      appliedConfig,
      address,
      coordinate,
      accusers,
      linked,
      checks,
      ...indexes,
    };
  }
}

export function fakeCheck(id: string, status: CheckStatus, instance: Instance | undefined): CheckView {
  return {
    id: checkId(id),
    name: `check ${id}`,
    type: 'http',
    status,
    notes: '',
    output: `output of ${id}`,
    instanceId: instance?.id,
    intervalMs: 10_000,
    timeoutMs: 90_000,
    createIndex: firstIndex,
    modifyIndex: firstIndex,
  };
}
