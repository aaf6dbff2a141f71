/** A moment of a story, and what happens then. */

import type { CheckStatus } from '@skein/core';
import { durationText, milliseconds } from './duration.ts';
import type { Duration } from './duration.ts';
import type { Condition, Fault, Keep, Lie, TimedFault } from './fault.ts';
import type { LinkSettings } from './link.ts';
import { instanceOn } from './workload.ts';
import type { TimedWrite, Write } from './plan.ts';
import { eventually } from './property.ts';
import type { Property, Scene } from './property.ts';
import { latencies } from './quantiles.ts';
import type { NetworkName, Quantiles } from './quantiles.ts';
import { quote } from './quote.ts';
import { nobody } from './scenario-check.ts';
import { ScenarioError } from './scenario-error.ts';

/** Nodes by their numbers. */
export type Selection = readonly number[];

/** How links change: loss from 0 to 1, and a latency as one of the presets, as quantiles, or as the 99th percentile of one. */
export interface LinkChange {
  readonly loss?: number;
  readonly latency?: NetworkName | Quantiles;
  /** Delay of the slowest packet in a hundred, one way; the others are in proportion. */
  readonly p99?: Duration;
}

interface Sinks {
  fault(fault: TimedFault): Episode;
  write(write: TimedWrite): void;
  property(property: Property): void;
  calm(atMs: number, core: Selection | undefined): void;
}

/** Something that happens, and may end or go on in a certain way. */
export class Episode {
  readonly #sinks: Sinks;
  readonly #fault: TimedFault;
  readonly #change: (fault: TimedFault) => void;

  constructor(sinks: Sinks, fault: TimedFault, change: (fault: TimedFault) => void) {
    this.#sinks = sinks;
    this.#fault = fault;
    this.#change = change;
  }

  /** How long a condition lasts. */
  for(duration: Duration): void {
    this.#change({ ...this.#fault, forMs: milliseconds(duration) });
  }

  /** Boots what was stopped, so long after. `seeds: false`: it finds the others from its own disk alone. */
  restart(after: Duration, options: { readonly seeds?: boolean; readonly replace?: boolean } = {}): void {
    const { fault, atMs } = this.#fault;
    if (!('node' in fault)) throw new ScenarioError(`a ${fault.type} stops no process: nothing to restart`);
    const { seeds = true, replace = false } = options;
    this.#sinks.fault({ atMs: atMs + milliseconds(after), fault: { type: 'restart', node: fault.node, seeds, replace } });
  }
}

/** Several things at once. */
class Episodes {
  readonly #episodes: readonly Episode[];

  constructor(episodes: readonly Episode[]) {
    this.#episodes = episodes;
  }

  for(duration: Duration): void {
    for (const episode of this.#episodes) episode.for(duration);
  }

  restart(after: Duration, options: { readonly seeds?: boolean; readonly replace?: boolean } = {}): void {
    for (const episode of this.#episodes) episode.restart(after, options);
  }
}

export class Moment {
  readonly #sinks: Sinks;
  readonly #atMs: number;
  readonly #forMs: number | undefined;

  constructor(sinks: Sinks, atMs: number, forMs: number | undefined) {
    this.#sinks = sinks;
    this.#atMs = atMs;
    this.#forMs = forMs;
  }

  // ---- processes and machines

  /** Kills processes; the kernel closes their connections. `keep`: what of the disk is still there. Default: all. */
  crash(nodes: Selection, options: { readonly keep?: Keep } = {}): Pick<Episodes, 'restart'> {
    return this.#each(nodes, (node) => ({ type: 'crash', node, keep: options.keep ?? 'all' }));
  }

  /** Takes power, or the network, from machines: nobody is told. */
  powerOff(nodes: Selection, options: { readonly keep?: Keep } = {}): Pick<Episodes, 'restart'> {
    return this.#each(nodes, (node) => ({ type: 'power-off', node, keep: options.keep ?? 'all' }));
  }

  /** Boots what is stopped. */
  restart(nodes: Selection, options: { readonly seeds?: boolean; readonly replace?: boolean } = {}): void {
    const { seeds = true, replace = false } = options;
    this.#each(nodes, (node) => ({ type: 'restart', node, seeds, replace }));
  }

  /** Announces that they leave; their processes end by themselves. */
  leave(nodes: Selection): Pick<Episodes, 'restart'> {
    return this.#each(nodes, (node) => ({ type: 'leave', node }));
  }

  /** SIGSTOP, and SIGCONT at the end. */
  pause(nodes: Selection): Pick<Episodes, 'for'> {
    return this.#each(nodes, (node) => ({ type: 'pause', node }));
  }

  /** Nothing is sent or received, timers run. */
  blockIo(nodes: Selection): Pick<Episodes, 'for'> {
    return this.#each(nodes, (node) => ({ type: 'block-io', node }));
  }

  /** Every message costs so much CPU. */
  slow(nodes: Selection, perMessage: Duration): Pick<Episodes, 'for'> {
    const perMessageUs = Math.max(
      1,
      typeof perMessage === 'number' ? Math.round(perMessage * 1000) : milliseconds(perMessage) * 1000,
    );
    return this.#each(nodes, (node) => ({ type: 'slow-cpu', node, perMessageUs }));
  }

  /** Monotonic clocks run fast, or slow when negative. */
  drift(nodes: Selection, ppm: number): Pick<Episodes, 'for'> {
    return this.#each(nodes, (node) => ({ type: 'drift', node, ppm }));
  }

  /** Wall clocks are set forward, or back when `direction` is -1. */
  stepClock(nodes: Selection, by: Duration, direction: 1 | -1 = 1): void {
    this.#each(nodes, (node) => ({ type: 'step-clock', node, byMs: direction * milliseconds(by) }));
  }

  fullDisk(nodes: Selection): Pick<Episodes, 'for'> {
    return this.#each(nodes, (node) => ({ type: 'full-disk', node }));
  }

  /** They lie. */
  lie(nodes: Selection, lie: Lie): Pick<Episodes, 'for'> {
    return this.#each(nodes, (node) => ({ type: 'lie', node, lie }));
  }

  // ---- the network

  /** Silence between groups, both ways. Who is in none keeps all paths. */
  split(...groups: readonly Selection[]): Pick<Episode, 'for'> {
    return this.#fault({ type: 'split', groups });
  }

  /** These are cut off from everybody else, and not from each other. `among`: all nodes. */
  isolate(nodes: Selection, among: Selection): Pick<Episode, 'for'> {
    return this.split(
      nodes,
      among.filter((index) => !nodes.includes(index)),
    );
  }

  /** Silence from some to others, one way. */
  cut(from: Selection, to: Selection): Pick<Episode, 'for'> {
    return this.#fault({ type: 'cut', from, to });
  }

  /** As `cut`, on and off. */
  flap(from: Selection, to: Selection, period: { readonly on: Duration; readonly off: Duration }): Pick<Episode, 'for'> {
    const onMs = Math.max(1, milliseconds(period.on));
    const offMs = Math.max(1, milliseconds(period.off));
    return this.#fault({ type: 'flap', from, to, onMs, offMs });
  }

  /** Other settings on the paths between two sets of nodes, both ways. */
  link(some: Selection, others: Selection, change: LinkChange): Pick<Episodes, 'for'> {
    return new Episodes([this.#oneWay(some, others, change), this.#oneWay(others, some, change)]);
  }

  /** Other settings on the paths from some to others. */
  linkOneWay(from: Selection, to: Selection, change: LinkChange): Pick<Episode, 'for'> {
    return this.#oneWay(from, to, change);
  }

  // ---- clients

  register(node: number, service: string, instance: string = instanceOn(service, node), port: number = 8080): void {
    this.#write(node, { type: 'register', service, instance, port });
  }

  deregister(node: number, instance: string): void {
    this.#write(node, { type: 'deregister', instance });
  }

  /** The health check of an instance turns. That of a service told by `sim.service` is called `<service>-<node>`. */
  check(node: number, instance: string, status: CheckStatus): void {
    this.#write(node, { type: 'check', instance, status });
  }

  /** A config entry is written. */
  config(node: number, name: string, value: number): void {
    this.#write(node, { type: 'config', name, value });
  }

  // ---- the story

  /** From now on it has to come true within a bound. */
  eventually(name: string, bound: { readonly within: Duration }, holds: (scene: Scene) => boolean): void {
    const withinMs = milliseconds(bound.within);
    const text = `sim.at(${this.#atMs}).eventually(${quote(name)}, { within: ${withinMs} }, ${String(holds)});`;
    this.#sinks.property({ ...eventually(name, holds, { fromMs: this.#atMs, withinMs }), text });
  }

  /** The chaos ends: the network is whole, and these nodes (default: all) are made well. The others stay as they are. */
  calm(core?: Selection): void {
    this.#sinks.calm(this.#atMs, core);
  }

  #oneWay(from: Selection, to: Selection, change: LinkChange): Episode {
    return this.#fault({ type: 'link', from, to, settings: settingsOf(change) });
  }

  #each(nodes: Selection, fault: (node: number) => Fault): Episodes {
    if (nodes.length === 0) throw nobody(`${fault(0).type} at ${durationText(this.#atMs)}`);
    return new Episodes(nodes.map((node) => this.#fault(fault(node))));
  }

  #fault(fault: Fault): Episode {
    const lasts = this.#forMs !== undefined && isCondition(fault);
    return this.#sinks.fault({ atMs: this.#atMs, ...(lasts && { forMs: this.#forMs }), fault });
  }

  #write(node: number, write: Write): void {
    this.#sinks.write({ atMs: this.#atMs, node, write });
  }
}

/** Whether a fault lasts until it is undone. */
export function isCondition(fault: Fault): fault is Condition {
  return !['crash', 'power-off', 'restart', 'leave', 'step-clock'].includes(fault.type);
}

function settingsOf({ loss, latency, p99 }: LinkChange): Partial<LinkSettings> {
  const table = typeof latency === 'string' ? latencies[latency] : latency;
  if (typeof latency === 'string' && table === undefined)
    throw new ScenarioError(`latency: '${latency}' is not one of ${Object.keys(latencies).join(', ')}`);
  const scaled = p99 === undefined ? table : inProportion(table ?? latencies.wan, milliseconds(p99) * 1000);
  return { ...(loss !== undefined && { loss }), ...(scaled && { latency: scaled }) };
}

function inProportion(table: Quantiles, p99Us: number): Quantiles {
  const scale = (us: number): number => Math.round((us * p99Us) / table.p99);
  return { p0: scale(table.p0), p50: scale(table.p50), p90: scale(table.p90), p99: p99Us, max: scale(table.max) };
}
