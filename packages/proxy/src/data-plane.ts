/** What all exchanges of one proxy share: routes, balancing, connections, counts. */

import type { InstanceView, MeshPort, Rng, View } from '@skein/core';
import {
  Balancer,
  type CompiledRule,
  type Lease,
  type Outcome,
  RetryBudget,
  type RouteRequest,
  type RouteTable,
  ServiceNames,
  chooseBackend,
  routeTableOf,
} from '@skein/traffic';
import type { ProxyErrorCode } from './errors.ts';
import { type InstanceMetrics, type ProxyStats, ServiceMetrics } from './metrics.ts';
import { type InstanceConnections, Upstreams } from './upstream/pools.ts';

/** What a proxy tells its log. */
export type ProxyEvent =
  | {
      readonly type: 'instance-ejected' | 'instance-avoided' | 'instance-returned';
      readonly service: string;
      readonly instance: string;
      readonly node: string;
      readonly address: string;
    }
  /** The proxy answered itself. */
  | {
      readonly type: 'request-failed';
      readonly code: ProxyErrorCode;
      readonly method: string;
      readonly host: string;
      readonly path: string;
      readonly detail: string;
    }
  /** A connection could not be taken: out of file descriptors, mostly. */
  | { readonly type: 'accept-failed'; readonly reason: string }
  | { readonly type: 'route-problem'; readonly route: string; readonly reason: string };

export interface DataPlaneOptions {
  readonly port: MeshPort;
  readonly rng: Rng;
  /** A monotonic clock, in ms; fractions are welcome. */
  readonly nowMs: () => number;
  readonly log: (event: ProxyEvent) => void;
  readonly maxInFlightPerInstance: number;
  readonly idleTimeoutMs: number;
}

/** Services whose counts are kept; beyond, those seen first go first. */
const maxServices = 4096;

interface Target {
  readonly key: string;
  readonly metrics: InstanceMetrics;
}

export class DataPlane {
  readonly nowMs: () => number;
  readonly log: (event: ProxyEvent) => void;
  /** How long a body may pause. */
  readonly idleTimeoutMs: number;
  readonly budget = new RetryBudget();
  inFlight = 0;
  requests = 0;
  readonly #port: MeshPort;
  readonly #rng: Rng;
  readonly #balancer: Balancer;
  readonly #upstreams: Upstreams;
  readonly #names = new ServiceNames();
  readonly #services = new Map<string, ServiceMetrics>();
  readonly #errors = new Map<ProxyErrorCode, number>();
  /** By the view's own objects: found without building a key for each request. */
  readonly #targets = new WeakMap<InstanceView, Target>();
  #table: RouteTable | undefined;
  #agent: { readonly view: View; readonly name: string; readonly via: string } | undefined;

  constructor(options: DataPlaneOptions) {
    this.nowMs = options.nowMs;
    this.log = options.log;
    this.idleTimeoutMs = options.idleTimeoutMs;
    this.#port = options.port;
    this.#rng = options.rng;
    this.#balancer = new Balancer({ rng: options.rng, maxInFlight: options.maxInFlightPerInstance });
    this.#upstreams = new Upstreams(options.nowMs);
  }

  /** This agent's name, and its pseudonym in `Via`. */
  get agent(): { readonly name: string; readonly via: string } {
    const view = this.#port.view();
    if (this.#agent?.view !== view) {
      const name = view.member(view.self)?.name ?? view.self;
      this.#agent = { view, name, via: `skein-${name.replace(/[^!#$%&'*+.^_`|~0-9A-Za-z-]/g, '_')}` };
    }
    return this.#agent;
  }

  /** The rule for a request, by the newest view. */
  route(request: RouteRequest): CompiledRule | undefined {
    const table = routeTableOf(this.#port.view(), this.#table);
    if (table !== this.#table) {
      this.#table = table;
      for (const problem of table.problems) this.log({ type: 'route-problem', route: problem.name, reason: problem.reason });
    }
    return table.match(request);
  }

  /** The service that a rule leads to this time; undefined when its weights are all 0. */
  serviceOf(rule: CompiledRule): string | undefined {
    const service = chooseBackend(rule, this.#rng);
    return service === undefined ? undefined : this.#names.resolve(this.#port.view(), service);
  }

  /** Whether a service is in the catalog now. */
  knows(service: string): boolean {
    return this.#port.view().service(service) !== undefined;
  }

  pick(service: string, exclude: readonly Lease[], nowMs: number): ReturnType<Balancer['pick']> {
    return this.#balancer.pick(this.#port.view(), service, exclude, nowMs);
  }

  /** Where a lease leads: its connections, and its counts. Call right after `pick`. */
  open(
    lease: Lease,
    service: ServiceMetrics,
  ): { connections: InstanceConnections; instance: InstanceView; metrics: InstanceMetrics } {
    const instance = this.#balancer.instance(lease) as InstanceView;
    let target = this.#targets.get(instance);
    if (target === undefined) {
      target = { key: `${instance.address} ${instance.port}`, metrics: service.of(instance) };
      this.#targets.set(instance, target);
    }
    const connections = this.#upstreams.to(target.key, instance.address, instance.port);
    return { connections, instance, metrics: target.metrics };
  }

  /** An attempt ended. */
  done(lease: Lease, service: string, instance: InstanceView, metrics: InstanceMetrics, outcome: Outcome, nowMs: number): void {
    const transition = this.#balancer.done(lease, outcome, nowMs);
    if (transition === undefined) return;
    if (transition === 'ejected') metrics.ejections++;
    this.log({
      type: `instance-${transition}`,
      service,
      instance: instance.instance.id,
      node: instance.nodeName,
      address: `${instance.address}:${instance.port}`,
    });
  }

  service(name: string): ServiceMetrics {
    let metrics = this.#services.get(name);
    if (metrics === undefined) {
      if (this.#services.size >= maxServices) this.#services.delete(this.#services.keys().next().value ?? '');
      metrics = new ServiceMetrics(name);
      this.#services.set(name, metrics);
    }
    return metrics;
  }

  countError(code: ProxyErrorCode): void {
    this.#errors.set(code, (this.#errors.get(code) ?? 0) + 1);
  }

  stats(): ProxyStats {
    const view = this.#port.view();
    const nowMs = this.nowMs();
    return {
      inFlight: this.inFlight,
      requests: this.requests,
      errors: Object.fromEntries(this.#errors),
      services: Array.from(this.#services.values(), (each) => each.stats(this.#balancer.inspect(view, each.service, nowMs))),
    };
  }

  close(): void {
    this.#upstreams.close();
  }
}
