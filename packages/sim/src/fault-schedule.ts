/**
 * Makes faults happen, and undoes the conditions among them. A fault that makes no sense when its time comes (a crash
 * of what does not run, a second pause) is skipped and told of, so that a drawn or shrunk plan is always a valid one.
 */

import type { MeshEvent } from '@skein/core';
import { isCondition } from './fault.ts';
import type { Condition, Fault, Incident, TimedFault } from './fault.ts';
import { Layers } from './layers.ts';
import { durationText } from './duration.ts';
import type { SimNode } from './sim-node.ts';
import type { SkippedFault } from './skipped.ts';
import { triggerEventOf } from './trigger.ts';
import type { Trigger, TriggerEvent } from './trigger.ts';
import type { World } from './world.ts';

/** A fault that happened. */
export interface FaultSpan {
  readonly fault: Fault;
  /** What it had waited for. */
  readonly after?: Trigger;
  readonly atMs: number;
  /** When it was undone; of what happens at once, the same as `atMs`. Undefined while it lasts. */
  readonly endMs: number | undefined;
}

/** Who hears of what happens. */
export interface FaultListener {
  /** A fault has just happened, or was just undone. */
  applied(span: FaultSpan): void;
  /** A paused process goes on: before and after its late timers and all that waited for it. */
  resuming(node: SimNode, pausedMs: number): void;
  resumed(node: SimNode): void;
  booted(node: SimNode): void;
}

interface Active {
  /** Where its span is. */
  readonly at: number;
  readonly fault: Fault;
  readonly undo: () => void;
}

/** Faults that are about one node, by that node. */
export function nodeOf(fault: Fault): number | undefined {
  return 'node' in fault ? fault.node : undefined;
}

/** The nodes that a fault names. */
export function nodesOf(fault: Fault): readonly number[] {
  if ('node' in fault) return [fault.node];
  return fault.type === 'split' ? fault.groups.flat() : [...fault.from, ...fault.to];
}

/** Whether a fault of the network is on any path between two of these. */
export function isBetween(fault: Fault, nodes: ReadonlySet<number>): boolean {
  const has = (group: readonly number[]): boolean => group.some((index) => nodes.has(index));
  if (fault.type === 'split') return fault.groups.filter(has).length > 1;
  return 'from' in fault && has(fault.from) && has(fault.to);
}

export class FaultSchedule {
  readonly #world: World;
  readonly #listener: FaultListener;
  readonly #spans: FaultSpan[] = [];
  /** The spans as they were last asked for. */
  #shown: readonly FaultSpan[] | undefined;
  readonly #active = new Set<Active>();
  readonly #costs = new Map<SimNode, Layers<number>>();
  readonly #drifts = new Map<SimNode, Layers<number>>();
  readonly #skipped: SkippedFault[] = [];
  #lastEndMs = 0;
  /** Faults that wait for an event or, after it, for their time. Undefined once nothing may wait any more. */
  #waiting: Set<TimedFault> | undefined = new Set();
  /** How often each event was seen. */
  readonly #seen = new Map<TriggerEvent, number>();

  constructor(world: World, listener: FaultListener) {
    this.#world = world;
    this.#listener = listener;
  }

  /** What happened so far, in order. What was shown once does not change. */
  get spans(): readonly FaultSpan[] {
    return (this.#shown ??= Object.freeze([...this.#spans]));
  }

  /** When the last of the conditions that have an end of their own ends, or did, in ms of the world. 0: there is none. */
  get lastEndMs(): number {
    return this.#lastEndMs;
  }

  /** Faults whose time came when they made no sense, or never came. */
  get skipped(): readonly SkippedFault[] {
    return this.#skipped;
  }

  /** Plans faults; their times count from `startMs`. */
  plan(faults: readonly TimedFault[], startMs: number): void {
    for (const timed of faults) {
      if (timed.after === undefined) this.#planOne(timed, startMs);
      else this.#waiting?.add(timed);
    }
  }

  /** Something was said: what waited for it has its time now. */
  noticed(event: MeshEvent): void {
    const what = this.#waiting?.size === 0 ? undefined : triggerEventOf(event);
    if (what === undefined) return;
    const nth = (this.#seen.get(what) ?? 0) + 1;
    this.#seen.set(what, nth);
    for (const timed of this.#waiting ?? [])
      if (timed.after?.event === what && timed.after.nth === nth) this.#planOne(timed, this.#world.nowMs);
  }

  /** The chaos is over: what waited until now never happens. */
  stopWaiting(): void {
    for (const timed of this.#waiting ?? []) this.#skipped.push({ ...timed, why: this.#whyVain(timed) });
    this.#waiting = undefined;
  }

  #planOne(timed: TimedFault, startMs: number): void {
    const { atMs, forMs, after } = timed;
    this.#world.at(startMs + atMs, () => {
      if (after !== undefined && this.#waiting?.delete(timed) !== true) return;
      const active = this.#happen(timed);
      if (active === undefined || forMs === undefined) return;
      const endMs = startMs + atMs + forMs;
      this.#lastEndMs = Math.max(this.#lastEndMs, endMs);
      this.#world.at(endMs, () => {
        if (this.#active.has(active)) this.#end(active);
      });
    });
  }

  /** Lets a fault happen now. Returns what to undo, if it lasts. */
  #happen(timed: TimedFault): Active | undefined {
    const { fault, after } = timed;
    const nowMs = this.#world.nowMs;
    const undo = this.#apply(fault);
    const cause = after !== undefined && { after };
    if (undo === undefined) {
      this.#skipped.push({ ...timed, why: this.#whySenseless(fault) });
      return undefined;
    }
    const at = this.#spans.length;
    if (undo === 'done') {
      this.#note(at, { fault, ...cause, atMs: nowMs, endMs: nowMs });
      return undefined;
    }
    const active = { at, fault, undo };
    this.#active.add(active);
    this.#note(at, { fault, ...cause, atMs: nowMs, endMs: undefined });
    return active;
  }

  /** Ends all conditions for which `ends` says so. */
  undo(ends: (fault: Fault) => boolean): void {
    for (const active of this.#active) if (ends(active.fault)) this.#end(active);
  }

  /** Boots what is stopped. */
  restart(node: SimNode, seeds: boolean, replace: boolean = false): void {
    node.restart({ replace, ...(!seeds && { seeds: [] }) });
    this.#listener.booted(node);
  }

  /** The conditions that last. */
  *active(): IterableIterator<Fault> {
    for (const { fault } of this.#active) yield fault;
  }

  #end(active: Active): void {
    this.#active.delete(active);
    active.undo();
    this.#note(active.at, { ...(this.#spans[active.at] as FaultSpan), endMs: this.#world.nowMs });
  }

  #note(at: number, span: FaultSpan): void {
    this.#spans[at] = Object.freeze(span);
    this.#shown = undefined;
    this.#listener.applied(span);
  }

  /** Of what cannot happen now. */
  #whySenseless(fault: Fault): string {
    const node = this.#node(nodeOf(fault) ?? 0);
    if (node.process === 'running' && isCondition(fault)) return 'there was such trouble on it already';
    return `it was ${node.process}`;
  }

  /** Of what waits for an event when the chaos is over. */
  #whyVain({ atMs, after }: TimedFault): string {
    if (after === undefined) return 'its time was after the calm';
    const seen = this.#seen.get(after.event) ?? 0;
    if (seen >= after.nth) return `it was calm before ${durationText(atMs)} had passed since`;
    const came = seen === 0 ? `there was no ${after.event}` : `${after.event} came ${seen === 1 ? 'once' : `${seen} times`}`;
    return `it waited in vain: ${came}`;
  }

  /** Undefined: it made no sense. */
  #apply(fault: Fault): (() => void) | 'done' | undefined {
    switch (fault.type) {
      case 'crash':
      case 'power-off':
      case 'restart':
      case 'leave':
      case 'step-clock':
        return this.#incident(fault, this.#node(fault.node));
      case 'split':
        return this.#world.network.split(...fault.groups.map((group) => this.#nodes(group)));
      case 'cut':
        return this.#world.network.cut(this.#nodes(fault.from), this.#nodes(fault.to));
      case 'clog':
        return this.#world.network.clog(this.#nodes(fault.from), this.#nodes(fault.to));
      case 'corrupt':
        return this.#world.network.corrupt(this.#nodes(fault.from), this.#nodes(fault.to), fault.share);
      case 'flap':
        return this.#world.network.flap(this.#nodes(fault.from), this.#nodes(fault.to), fault);
      case 'link':
        return this.#world.network.override(this.#nodes(fault.from), this.#nodes(fault.to), fault.settings);
      default:
        return !canOverlap(fault) && this.#isActive(fault) ? undefined : this.#condition(fault, this.#node(fault.node));
    }
  }

  #incident(fault: Incident, node: SimNode): 'done' | undefined {
    switch (fault.type) {
      case 'crash':
        if (node.process === 'stopped') return undefined;
        node.crash({ keep: fault.keep });
        return 'done';
      case 'power-off':
        if (node.process === 'stopped') return undefined;
        node.powerOff({ keep: fault.keep });
        return 'done';
      case 'restart':
        if (node.process !== 'stopped') return undefined;
        this.restart(node, fault.seeds, fault.replace);
        return 'done';
      case 'step-clock':
        node.stepClock(fault.byMs);
        return 'done';
      case 'leave':
        if (node.process !== 'running') return undefined;
        node.leave();
        return 'done';
      default:
        return undefined;
    }
  }

  #condition(fault: Condition, node: SimNode): (() => void) | undefined {
    switch (fault.type) {
      case 'pause': {
        if (node.process !== 'running') return undefined;
        const { boot } = node;
        const pausedAtMs = this.#world.nowMs;
        node.pause();
        return () => {
          if (node.boot !== boot || node.process !== 'paused') return;
          this.#listener.resuming(node, this.#world.nowMs - pausedAtMs);
          node.resume();
          this.#listener.resumed(node);
        };
      }
      case 'block-io':
        node.blockIo(true);
        return () => node.blockIo(false);
      case 'slow-cpu':
        return layersOf(this.#costs, node, (costUs) => node.slowCpu(costUs)).begin(fault.perMessageUs);
      case 'drift':
        return layersOf(this.#drifts, node, (ppm) => node.drift(ppm)).begin(fault.ppm);
      case 'full-disk':
        node.fullDisk(true);
        return () => node.fullDisk(false);
      case 'lie':
        node.lie(fault.lie);
        return () => node.lie(undefined);
      default:
        return undefined;
    }
  }

  /** Whether the same trouble is on the same node already. */
  #isActive(fault: Condition): boolean {
    for (const active of this.#active) {
      if (active.fault.type === fault.type && nodeOf(active.fault) === nodeOf(fault)) return true;
    }
    return false;
  }

  #nodes(indexes: readonly number[]): SimNode[] {
    return indexes.map((index) => this.#node(index));
  }

  #node(index: number): SimNode {
    const node = this.#world.nodes[index];
    if (node === undefined) throw new RangeError(`there is no node ${index}: this world has ${this.#world.nodes.length}`);
    return node;
  }
}

/** Of these, several on one node are in force one above the other. */
function canOverlap(fault: Condition): boolean {
  return fault.type === 'slow-cpu' || fault.type === 'drift';
}

function layersOf(all: Map<SimNode, Layers<number>>, node: SimNode, set: (value: number) => void): Layers<number> {
  const layers = all.get(node) ?? new Layers<number>(0, set);
  all.set(node, layers);
  return layers;
}
