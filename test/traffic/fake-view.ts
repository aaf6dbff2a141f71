/** Views made by hand, and a mesh port over them, for tests of what reads Views. */

import {
  type ConfigEntry,
  type InstanceView,
  type MeshPort,
  type NodeId,
  type ServiceView,
  type View,
  instanceId,
  nodeId,
  topics,
} from '@skein/core';

export interface FakeInstance {
  readonly id: string;
  readonly node?: string;
  readonly address?: string;
  readonly port?: number;
  readonly routable?: boolean;
  readonly weight?: number;
  readonly warningWeight?: number;
  readonly status?: 'passing' | 'warning' | 'critical';
}

export function fakeInstance(service: string, fake: FakeInstance): InstanceView {
  const node = fake.node ?? 'n1';
  return {
    instance: {
      id: instanceId(fake.id),
      service,
      address: '',
      port: fake.port ?? 80,
      tags: [],
      meta: {},
      weights: { passing: fake.weight ?? 1, warning: fake.warningWeight ?? 1 },
      taggedAddresses: {},
      enableTagOverride: false,
      protocol: 'http',
      region: '',
      zone: '',
      kind: '',
      socketPath: '',
    },
    owner: nodeId(node),
    nodeName: node,
    address: fake.address ?? '127.0.0.1',
    port: fake.port ?? 80,
    region: '',
    zone: '',
    checks: [],
    status: fake.status ?? 'passing',
    routable: fake.routable ?? true,
    createIndex: 1,
    modifyIndex: 1,
  };
}

/** A route entry; `ms` is the age: smaller is older. */
export function fakeRoute(name: string, value: unknown, ms = 1): ConfigEntry {
  const author = nodeId('author');
  const json = JSON.stringify(value);
  return {
    kind: 'route',
    name,
    value,
    version: { mesh: 'test', kind: 'route', name, author, time: { ms, counter: 0 }, parent: '', json, deleted: false },
    conflicts: [],
    quarantined: undefined,
    index: 1,
    createIndex: 1,
  };
}

/** A mesh of one reader, whose contents a test sets. Each change makes a new View and raises the indexes it concerns. */
export class FakeMesh implements MeshPort {
  readonly self: NodeId = nodeId('self');
  readonly #services = new Map<string, ServiceView>();
  readonly #routes = new Map<string, ConfigEntry>();
  readonly #indexes = new Map<string, number>();
  #last = 1;
  #view: View;

  constructor() {
    this.#view = this.#snapshot();
  }

  view(): View {
    return this.#view;
  }

  /** All instances of a service; none removes it. */
  setService(service: string, instances: readonly FakeInstance[]): this {
    const known = this.#services.has(service);
    if (instances.length === 0) this.#services.delete(service);
    else
      this.#services.set(service, { name: service, instances: instances.map((each) => fakeInstance(service, each)), tags: [] });
    const touched = [topics.service(service)];
    if (known !== this.#services.has(service)) touched.push(topics.services);
    return this.#publish(touched);
  }

  setRoute(name: string, value: unknown, ms = 1): this {
    this.#routes.set(name, fakeRoute(name, value, ms));
    return this.#publish([topics.config, topics.configKind('route'), topics.configEntry('route', name)]);
  }

  /** A new View with nothing changed that routing looks at. */
  touch(): this {
    return this.#publish([topics.members]);
  }

  changed(): Promise<View> {
    return Promise.resolve(this.#view);
  }

  dispatch(): { readonly ok: true } {
    return { ok: true };
  }

  #publish(touched: readonly string[]): this {
    this.#last++;
    for (const topic of touched) this.#indexes.set(topic, this.#last);
    this.#view = this.#snapshot();
    return this;
  }

  #snapshot(): View {
    const services = new Map(this.#services);
    const routes = new Map(this.#routes);
    const indexes = new Map(this.#indexes);
    return {
      self: this.self,
      mesh: 'test',
      lastIndex: this.#last,
      index: (topic) => indexes.get(topic) ?? 1,
      members: () => [],
      member: () => undefined,
      memberByName: () => undefined,
      isolated: false,
      aliveCount: 1,
      services: () => services.values(),
      service: (name) => services.get(name),
      servicesNamed: (name) => [...services.values()].filter((each) => each.name.toLowerCase() === name.toLowerCase()),
      instancesOf: () => [],
      configEntries: (kind) => (kind === undefined || kind === 'route' ? routes.values() : []),
      configEntry: (_kind, name) => routes.get(name),
      externalNodes: () => [],
      configHistory: () => [],
      configHistories: () => [],
      appliedConfig: 'none',
      kvEntries: () => [],
      kvIndex: () => 1,
      registrations: () => [],
      registration: () => undefined,
    };
  }
}
