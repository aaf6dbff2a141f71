/** A moment of a story, and what happens then. */

import type { CheckStatus } from '@skein/core';
import { durationText } from './duration.ts';
import type { Duration } from './duration.ts';
import { isCondition, usualKeep } from './fault.ts';
import type { Fault, Keep, Lie, TimedFault } from './fault.ts';
import { functionText } from './function-text.ts';
import type { LinkSettings } from './link.ts';
import { instanceOn } from './workload.ts';
import type { TimedWrite, Write } from './plan.ts';
import { eventually } from './property.ts';
import type { Property, Scene } from './property.ts';
import { latencies } from './quantiles.ts';
import type { NetworkName, Quantiles } from './quantiles.ts';
import { quote } from './quote.ts';
import type { Trigger } from './trigger.ts';
import { whenText } from './trigger.ts';
import { checkKeys, checkSelection, clockMs, lastingMs, messageUs, storyMs } from './scenario-check.ts';
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

/** How a process starts again. `seeds: false`: it finds the others from its own disk alone. `replace`: as somebody else. */
export interface BootChange {
  readonly seeds?: boolean;
  readonly replace?: boolean;
}

interface Sinks {
  /** How many nodes the mesh has. */
  nodeCount(): number;
  fault(fault: TimedFault): Episode;
  /** `isSure`: what it is about has to be there. */
  write(write: TimedWrite, isSure: boolean): void;
  property(property: Property): void;
  calm(atMs: number, core: Selection | undefined): void;
}

/** What happens at once and may wait for something. */
const faultTypes: ReadonlySet<string> = new Set<Fault['type']>(['crash', 'power-off', 'restart', 'leave', 'step-clock']);

/** What may wait for something: faults. What clients do, what is asked, and the calm have times of their own. */
export type FaultMoment = Omit<Moment, 'register' | 'deregister' | 'check' | 'config' | 'eventually' | 'calm'>;

/** Something that happens, and may end or go on in a certain way. */
export class Episode {
  readonly #sinks: Sinks;
  #fault: TimedFault;
  readonly #change: (fault: TimedFault) => void;

  constructor(sinks: Sinks, fault: TimedFault, change: (fault: TimedFault) => void) {
    this.#sinks = sinks;
    this.#fault = fault;
    this.#change = change;
  }

  /** How long a condition lasts. */
  for(duration: Duration): void {
    const { fault, forMs } = this.#fault;
    const what = `${fault.type} ${whenText(this.#fault)}`;
    if (forMs !== undefined) throw new ScenarioError(`${what}: for(${duration}): lasts for ${durationText(forMs)} already`);
    this.#fault = { ...this.#fault, forMs: lastingMs(`${what}: for(${duration})`, duration) };
    this.#change(this.#fault);
  }

  /** Boots what was stopped, so long after. */
  restart(after: Duration, options: BootChange = {}): void {
    const { fault, atMs, after: trigger } = this.#fault;
    if (!('node' in fault)) throw new ScenarioError(`a ${fault.type} stops no process: nothing to restart`);
    const what = `restart after ${fault.type} ${whenText(this.#fault)}`;
    const restartMs = storyMs(what, atMs + storyMs(what, after));
    const boot = bootOf(what, fault.node, options);
    this.#sinks.fault({ atMs: restartMs, ...(trigger && { after: trigger }), fault: boot });
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

  restart(after: Duration, options: BootChange = {}): void {
    for (const episode of this.#episodes) episode.restart(after, options);
  }
}

export class Moment {
  readonly #sinks: Sinks;
  readonly #atMs: number;
  readonly #forMs: number | undefined;
  readonly #after: Trigger | undefined;

  /** `after`: what `atMs` counts from, instead of the start of chaos. */
  constructor(sinks: Sinks, atMs: number, forMs: number | undefined, after?: Trigger) {
    this.#sinks = sinks;
    this.#atMs = atMs;
    this.#forMs = forMs;
    this.#after = after;
  }

  // ---- processes and machines

  /** Kills processes; the kernel closes their connections. `keep`: what the disk holds then. Default: what was `written`. */
  crash(nodes: Selection, options: { readonly keep?: Keep } = {}): Pick<Episodes, 'restart'> {
    checkKeys(this.#named('crash'), options, ['keep']);
    return this.#each(nodes, (node) => ({ type: 'crash', node, keep: options.keep ?? usualKeep.crash }));
  }

  /** Takes power, or the network, from machines: nobody is told. `keep`: what the disk holds then. Default: what was `synced`. */
  powerOff(nodes: Selection, options: { readonly keep?: Keep } = {}): Pick<Episodes, 'restart'> {
    checkKeys(this.#named('power-off'), options, ['keep']);
    return this.#each(nodes, (node) => ({ type: 'power-off', node, keep: options.keep ?? usualKeep['power-off'] }));
  }

  /** Boots what is stopped. */
  restart(nodes: Selection, options: BootChange = {}): void {
    this.#each(nodes, (node) => bootOf(this.#named('restart'), node, options));
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
    const perMessageUs = messageUs(this.#named('slow'), perMessage);
    if (perMessageUs < 1)
      throw new ScenarioError(`${this.#named('slow')}: ${perMessage} for each message is as fast as ever; the least is 0.001`);
    return this.#each(nodes, (node) => ({ type: 'slow-cpu', node, perMessageUs }));
  }

  /** Monotonic clocks run fast, or slow when negative. */
  drift(nodes: Selection, ppm: number): Pick<Episodes, 'for'> {
    return this.#each(nodes, (node) => ({ type: 'drift', node, ppm }));
  }

  /** Wall clocks are set forward, or back when `direction` is -1. */
  stepClock(nodes: Selection, by: Duration, direction: 1 | -1 = 1): void {
    // Compilers see to it; a script may have met none.
    if (![1, -1].includes(direction))
      throw new ScenarioError(`${this.#named('step-clock')}: a direction of ${String(direction)} is neither 1 nor -1`);
    const byMs = clockMs(this.#named('step-clock'), by);
    this.#each(nodes, (node) => ({ type: 'step-clock', node, byMs: direction * byMs }));
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
    for (const group of groups) checkSelection(this.#named('split'), group);
    return this.#fault({ type: 'split', groups });
  }

  /** These are cut off from the others, and not from each other. `among`: which others. Default: all. */
  isolate(
    nodes: Selection,
    among: Selection = Array.from({ length: this.#sinks.nodeCount() }, (_, index) => index),
  ): Pick<Episode, 'for'> {
    const what = this.#named('isolate');
    for (const selection of [nodes, among]) checkSelection(what, selection);
    const others = among.filter((index) => !nodes.includes(index));
    if (others.length === 0) throw new ScenarioError(`${what}: there is nobody else to be cut off from`);
    return this.split(nodes, others);
  }

  /** Silence from some to others, one way. */
  cut(from: Selection, to: Selection): Pick<Episode, 'for'> {
    return this.#between(from, to, { type: 'cut', from, to });
  }

  /** What some send others is held, one way, and arrives in order when it ends. */
  clog(from: Selection, to: Selection): Pick<Episode, 'for'> {
    return this.#between(from, to, { type: 'clog', from, to });
  }

  /** As `cut`, on and off. */
  flap(from: Selection, to: Selection, period: { readonly on: Duration; readonly off: Duration }): Pick<Episode, 'for'> {
    const what = this.#named('flap');
    checkKeys(what, period, ['on', 'off']);
    const onMs = lastingMs(`${what}: on`, period.on);
    const offMs = lastingMs(`${what}: off`, period.off);
    return this.#between(from, to, { type: 'flap', from, to, onMs, offMs });
  }

  /** Bytes of packets are changed on the way, one way, each with this chance from 0 to 1: what is read of it ends its connection. */
  corrupt(from: Selection, to: Selection, share: number): Pick<Episode, 'for'> {
    return this.#between(from, to, { type: 'corrupt', from, to, share });
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

  /** `mayBeMissing`: it is no slip that the node may never have such an instance. */
  deregister(node: number, instance: string, options: { readonly mayBeMissing?: boolean } = {}): void {
    checkKeys(this.#named('deregister'), options, ['mayBeMissing']);
    this.#write(node, { type: 'deregister', instance }, options.mayBeMissing !== true);
  }

  /** The health check of an instance turns. That of a service told by `sim.service` is called `<service>-<node>`. */
  check(node: number, instance: string, status: CheckStatus, options: { readonly mayBeMissing?: boolean } = {}): void {
    checkKeys(this.#named('check'), options, ['mayBeMissing']);
    this.#write(node, { type: 'check', instance, status }, options.mayBeMissing !== true);
  }

  /** A config entry is written. */
  config(node: number, name: string, value: number): void {
    this.#write(node, { type: 'config', name, value });
  }

  // ---- the story

  /** From now on it has to come true within a bound. */
  eventually(name: string, bound: { readonly within: Duration }, holds: (scene: Scene) => boolean): void {
    const what = `eventually('${name}')`;
    this.#isMoment(what);
    checkKeys(what, bound, ['within']);
    const withinMs = lastingMs(`${what}: within`, bound.within);
    const text = askText(`sim.at(${this.#atMs}).eventually(${quote(name)}, { within: ${withinMs} }, `, holds);
    this.#sinks.property({ ...eventually(name, holds, { fromMs: this.#atMs, withinMs }), text });
  }

  /** The chaos ends: the network is whole, and these nodes (default: all) are made well. The others stay as they are. */
  calm(core?: Selection): void {
    this.#isMoment('calm');
    if (core !== undefined) checkSelection(this.#named('calm'), core);
    this.#sinks.calm(this.#atMs, core);
  }

  #oneWay(from: Selection, to: Selection, change: LinkChange): Episode {
    return this.#between(from, to, { type: 'link', from, to, settings: settingsOf(this.#named('link'), change) });
  }

  #between(from: Selection, to: Selection, fault: Fault): Episode {
    for (const selection of [from, to]) checkSelection(this.#named(fault.type), selection);
    return this.#fault(fault);
  }

  #each(nodes: Selection, fault: (node: number) => Fault): Episodes {
    checkSelection(this.#named(fault(0).type), nodes);
    return new Episodes(nodes.map((node) => this.#fault(fault(node))));
  }

  #fault(fault: Fault): Episode {
    if (!isCondition(fault)) this.#isMoment(fault.type);
    const [atMs, forMs, after] = [this.#atMs, this.#forMs, this.#after];
    return this.#sinks.fault({ atMs, ...(forMs !== undefined && { forMs }), ...(after && { after }), fault });
  }

  #write(node: number, write: Write, isSure: boolean = false): void {
    this.#isMoment(write.type);
    // Everything else of a story takes selections.
    if (!Number.isInteger(node))
      throw new ScenarioError(`${this.#named(write.type)}: takes one node by its number, such as 0, not ${quoted(node)}`);
    this.#sinks.write({ atMs: this.#atMs, node, write }, isSure);
  }

  #named(what: string): string {
    return `${what} ${whenText({ atMs: this.#atMs, after: this.#after })}`;
  }

  /** Of what happens at once, the end of a time would not be seen. */
  #isMoment(what: string): void {
    if (this.#after !== undefined && !faultTypes.has(what))
      throw new ScenarioError(`after('${this.#after.event}'): ${what} has a time of its own; sim.at('5s') says when`);
    if (this.#forMs === undefined) return;
    const [from, to] = [this.#atMs, this.#atMs + this.#forMs].map((ms) => `'${durationText(ms)}'`);
    throw new ScenarioError(`during(${from}, ${to}): ${what} happens at once and has no end; sim.at(${from}) says when`);
  }
}

function quoted(value: unknown): string {
  return JSON.stringify(value) ?? 'undefined';
}

/** The line of a script that asks for a property. `call`: up to its function. */
export function askText(call: string, asked: (scene: Scene) => boolean): string {
  const source = functionText(asked);
  return source === undefined
    ? `// ${call}…); its function does not show its source: ask for it here as your test does.`
    : `${call}${source});`;
}

function bootOf(what: string, node: number, options: BootChange): Fault {
  checkKeys(what, options, ['seeds', 'replace']);
  const { seeds = true, replace = false } = options;
  return { type: 'restart', node, seeds, replace };
}

function settingsOf(what: string, change: LinkChange): Partial<LinkSettings> {
  checkKeys(what, change, ['loss', 'latency', 'p99']);
  const { loss, latency, p99 } = change;
  const table = typeof latency === 'string' ? latencies[latency] : latency;
  if (typeof latency === 'string' && table === undefined)
    throw new ScenarioError(`${what}: latency: '${latency}' is not one of ${Object.keys(latencies).join(', ')}`);
  const scaled = p99 === undefined ? table : inProportion(table ?? latencies.wan, messageUs(`${what}: p99`, p99));
  return { ...(loss !== undefined && { loss }), ...(scaled && { latency: scaled }) };
}

function inProportion(table: Quantiles, p99Us: number): Quantiles {
  const scale = (us: number): number => Math.round((us * p99Us) / table.p99);
  return { p0: scale(table.p0), p50: scale(table.p50), p90: scale(table.p90), p99: p99Us, max: scale(table.max) };
}
