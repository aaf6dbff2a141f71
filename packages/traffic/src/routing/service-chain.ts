/**
 * What Consul's entries make of a request to a service: its router picks a destination, each destination may be split
 * over services, and each of those may be another one by a resolver's redirect. Compiled into rules like those of routes.
 */

import { compareVersions, type ConfigEntry } from '@skein/core';
import {
  type ChainKind,
  type ServiceResolver,
  type ServiceRouter,
  type ServiceSplitter,
  goDurationMs,
  validateChainEntry,
} from './chain-entry.ts';
import { type CompiledRule, compileRule } from './compiled-rule.ts';
import type { BackendRef } from './route.ts';

/** Redirects and splits of splits that are followed. What goes on beyond, or in a circle, ends where it is. */
const depthMax = 8;
/** A whole, in weights of backends. */
const whole = 1_000_000;

interface Chain<T> {
  readonly entry: ConfigEntry;
  /** The service, as whoever wrote the entry last spells it. */
  readonly service: string;
  readonly value: T;
}

/** Entries of one kind by the names of their services in any case. Of two that differ in nothing else the later is in force. */
class Chains<T> {
  readonly #byName = new Map<string, Chain<T>>();

  add(chain: Chain<T>): void {
    const key = chain.entry.name.toLowerCase();
    const known = this.#byName.get(key);
    if (known === undefined || compareVersions(chain.entry.version, known.entry.version) > 0) this.#byName.set(key, chain);
  }

  get(service: string): Chain<T> | undefined {
    return this.#byName.get(service.toLowerCase());
  }

  has(service: string): boolean {
    return this.#byName.has(service.toLowerCase());
  }
}

/** Where one route of a router leads. */
export interface RoutedRule {
  readonly entry: ConfigEntry;
  readonly rule: CompiledRule;
  readonly path: string;
  readonly exactPath: boolean;
  readonly methods: readonly string[];
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** What of the requests a service gets. */
interface Share {
  readonly name: string;
  readonly share: number;
}

export class ServiceChains {
  readonly #routers = new Chains<ServiceRouter>();
  readonly #splitters = new Chains<ServiceSplitter>();
  readonly #resolvers = new Chains<ServiceResolver>();
  readonly problems: { readonly name: string; readonly reason: string }[] = [];

  add(kind: ChainKind, entries: Iterable<ConfigEntry>): void {
    const chains = {
      'service-router': this.#routers,
      'service-splitter': this.#splitters,
      'service-resolver': this.#resolvers,
    }[kind] as Chains<unknown>;
    for (const entry of entries) {
      const { name, value } = entry;
      const reason = validateChainEntry(kind, value);
      if (reason !== undefined) {
        this.problems.push({ name: `${kind}/${name}`, reason });
        continue;
      }
      const { Name } = value as { readonly Name?: unknown };
      chains.add({ entry, service: typeof Name === 'string' ? Name : name, value });
    }
  }

  /** The service that has entries under this name, in any case; undefined when none has. */
  named(label: string): string | undefined {
    return (this.#routers.get(label) ?? this.#splitters.get(label) ?? this.#resolvers.get(label))?.service;
  }

  /** The routes of a service's router, in their order. The first that matches decides. */
  *routes(service: string): Iterable<RoutedRule> {
    const router = this.#routers.get(service);
    for (const [index, route] of (router?.value.Routes ?? []).entries()) {
      const { HTTP = {} } = route.Match ?? {};
      const { Service = '', RequestTimeout, NumRetries } = route.Destination ?? {};
      const target = Service === '' ? service : Service;
      const request = this.#timeout(target, RequestTimeout);
      const rule = compileRule(`service-router/${router!.entry.name}`, index, {
        backendRefs: this.backends([{ name: target }]),
        ...(request === undefined ? {} : { timeouts: { request } }),
        ...(NumRetries === undefined || NumRetries === 0 ? {} : { retry: { attempts: NumRetries } }),
      });
      const { PathExact = '', PathPrefix = '', Methods = [], Header = [] } = HTTP;
      yield {
        entry: router!.entry,
        rule,
        path: PathExact === '' ? PathPrefix : PathExact,
        exactPath: PathExact !== '',
        methods: Methods.length === 0 ? [''] : Methods,
        headers: Header.map(({ Name, Exact }) => [Name.toLowerCase(), Exact] as const),
      };
    }
  }

  /** Where a request goes that no route of the router took: to the service itself, split and redirected. */
  fallback(service: string): CompiledRule {
    const request = this.#timeout(service, undefined);
    const kind = this.#splitters.has(service)
      ? 'service-splitter'
      : this.#resolvers.has(service)
        ? 'service-resolver'
        : 'service-router';
    return compileRule(`${kind}/${service}`, 0, {
      name: 'default',
      backendRefs: this.backends([{ name: service }]),
      ...(request === undefined ? {} : { timeouts: { request } }),
    });
  }

  /** Backends with each service replaced by what its splitter and resolver say. The same ones when no entry concerns them. */
  backends(refs: readonly BackendRef[]): readonly BackendRef[] {
    if (!refs.some(({ name }) => this.#splitters.has(name) || this.#resolvers.has(name))) return refs;
    const total = refs.reduce((sum, { weight = 1 }) => sum + weight, 0);
    const shares = new Map<string, Share>();
    for (const { name, weight = 1 } of refs) {
      if (weight > 0) this.#share(name, weight / total, shares, new Set());
    }
    return [...shares.values()].map(({ name, share }) => ({ name, weight: Math.max(1, Math.round(share * whole)) }));
  }

  /** `shares` and `seen` are by names in lower case. */
  #share(service: string, share: number, shares: Map<string, Share>, seen: ReadonlySet<string>): void {
    const splitter = seen.has(service.toLowerCase()) || seen.size >= depthMax ? undefined : this.#splitters.get(service);
    if (splitter === undefined) {
      const target = this.#redirected(service);
      const inner = new Set([...seen, service.toLowerCase()]);
      // What a redirect leads to is split by its own splitter.
      if (this.#splitters.has(target) && !inner.has(target.toLowerCase())) return this.#share(target, share, shares, inner);
      const known = shares.get(target.toLowerCase());
      shares.set(target.toLowerCase(), { name: known?.name ?? target, share: (known?.share ?? 0) + share });
      return;
    }
    const inner = new Set([...seen, service.toLowerCase()]);
    for (const { Weight, Service = '' } of splitter.value.Splits)
      if (Weight > 0) this.#share(Service === '' ? service : Service, (share * Weight) / 100, shares, inner);
  }

  #redirected(service: string): string {
    let target = service;
    for (let depth = 0; depth < depthMax; depth++) {
      const next = this.#resolvers.get(target)?.value.Redirect?.Service;
      if (next === undefined || next.toLowerCase() === service.toLowerCase()) return target;
      target = next;
    }
    return target;
  }

  /** In the words of a route: `routing/duration.ts` has no fractions. */
  #timeout(service: string, own: string | undefined): string | undefined {
    const text = own ?? this.#resolvers.get(service)?.value.RequestTimeout;
    const ms = text === undefined ? undefined : goDurationMs(text);
    return ms === undefined ? undefined : `${Math.floor(ms / 1000)}s${ms % 1000}ms`;
  }
}
