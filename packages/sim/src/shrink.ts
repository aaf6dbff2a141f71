/**
 * Makes a failing plan small: it leaves parts out and runs the rest again, for as long as the same property breaks
 * (delta debugging, Zeller and Hildebrandt 2002), and for as long as the promise is kept without what broke it. Since every
 * draw is a hash of what it is about, taking one part out shifts nothing else. What makes each further run cheap comes first,
 * so that little time is enough for most of it: end just after the failure, all writes and loads, half of the mesh, faults,
 * nodes, single writes, loads and services; then how long faults last, loss and latency, odd times.
 */

import type { TimedFault } from './fault.ts';
import type { FaultPlan, Write } from './plan.ts';
import { builtInProperties } from './properties/built-in.ts';
import { isSameFailure } from './property.ts';
import type { Failure } from './property.ts';
import { formsProperty, soundProperty } from './run-plan.ts';
import type { RunReport } from './run-plan.ts';
import { instanceOn } from './workload.ts';

export interface ShrinkOptions {
  /** Runs at most. Default 500. */
  readonly runsMax?: number;
  /** Asked between runs: no more time. */
  readonly isOver?: () => boolean;
}

export interface Shrunk {
  readonly plan: FaultPlan;
  /** How the small plan fails. */
  readonly failure: Failure;
  readonly runs: number;
  /** What ended it before nothing was left to try, so that it may get smaller yet. Absent: nothing was left. */
  readonly stopped?: 'time' | 'runs';
}

/**
 * What a plan fails for: its faults, while what is written may have to be there for the promise to hold at all; its writes;
 * or nothing that happens in it.
 */
type Cause = 'faults' | 'writes' | 'nothing';

/** Runs a plan until a failure for which `stopAt` says so. */
export type RunUntil = (plan: FaultPlan, stopAt: (failure: Failure) => boolean) => RunReport;

export function shrink(plan: FaultPlan, failure: Failure, run: RunUntil, options: ShrinkOptions = {}): Shrunk {
  return new Shrinker(plan, failure, run, options).shrink();
}

/** How many things a plan has: what shrinking makes less. */
export function planSize(plan: FaultPlan): { readonly nodes: number; readonly faults: number; readonly writes: number } {
  return { nodes: plan.nodes, faults: plan.faults.length, writes: plan.writes.length };
}

const lastingFor: TimedFault['forMs'][] = [100, 500, 1000, 2000, 5000, 10_000, 20_000];
const roundsMax = 3;

/** What every mesh is held to, in every phase: a breach of it is a bug wherever it shows. */
const builtIn = new Set([formsProperty, soundProperty, ...builtInProperties.map(({ name }) => name)]);

class Shrinker {
  readonly #run: RunUntil;
  readonly #first: Failure;
  readonly #runsMax: number;
  readonly #isOver: () => boolean;
  #plan: FaultPlan;
  #failure: Failure;
  #runs = 0;
  #stopped: Shrunk['stopped'];
  #cause: Cause = 'nothing';
  /** When the chaos of a plan that is tried ends: with time for what comes a little later in a smaller mesh. Undefined: as it is. */
  #roomMs: number | undefined;
  /** Plans without the cause that keep the promise. */
  readonly #sound = new Set<string>();

  constructor(plan: FaultPlan, failure: Failure, run: RunUntil, options: ShrinkOptions) {
    this.#plan = plan;
    this.#failure = failure;
    this.#first = failure;
    this.#run = run;
    this.#runsMax = options.runsMax ?? 500;
    this.#isOver = options.isOver ?? (() => false);
  }

  shrink(): Shrunk {
    for (let round = 0; round < roundsMax; round++) {
      const before = JSON.stringify(this.#plan);
      this.#cutAfterFailure();
      this.#findCause();
      this.#makeRoom();
      this.#cutTail();
      if (this.#plan.writes.length > 0) this.#accept({ ...this.#roomy(), writes: [] });
      if (this.#plan.loads.length > 0) this.#accept({ ...this.#roomy(), loads: [] });
      // One half of the mesh first, which makes all that follows cheap, and no more: a few faults that need few nodes are found
      // best where there are many.
      this.#halveMesh();
      this.#thin(this.#plan.faults, (faults) => ({ ...this.#roomy(), faults }));
      this.#thin(range(this.#plan.nodes), (kept) => withNodes(this.#roomy(), kept));
      this.#thin(this.#plan.writes, (writes) => ({ ...this.#roomy(), writes }));
      this.#thin(this.#plan.loads, (loads) => ({ ...this.#roomy(), loads }));
      this.#thin(this.#plan.services, (services) => ({ ...this.#roomy(), services }));
      this.#shorten();
      this.#calmLinks();
      this.#leaveRoom();
      this.#roundTimes();
      if (JSON.stringify(this.#plan) === before) break;
    }
    const stopped = this.#stopped;
    return { plan: this.#plan, failure: this.#failure, runs: this.#runs, ...(stopped !== undefined && { stopped }) };
  }

  /** Whether a plan fails in the same way; then it is the plan from now on. */
  #accept(plan: FaultPlan): boolean {
    const failure = this.#failureOf(plan);
    if (failure === undefined || this.#isOfItself(plan)) return false;
    this.#plan = plan;
    this.#failure = failure;
    return true;
  }

  /** `isPhased`: whether it has to be on the same side of the calm. */
  #failureOf(plan: FaultPlan, isPhased: boolean = this.#isPhased): Failure | undefined {
    if (plan.nodes < 1 || !this.#mayRun()) return undefined;
    this.#runs++;
    const isSame = (failure: Failure): boolean =>
      isSameFailure(failure, this.#first) && (!isPhased || isInChaos(failure) === isInChaos(this.#first));
    try {
      return this.#run(plan, isSame).failures.find(isSame);
    } catch {
      // A property that looks for a node that was left out throws; that is another failure, and not a smaller one.
      return undefined;
    }
  }

  #mayRun(): boolean {
    if (this.#runs >= this.#runsMax) this.#stopped ??= 'runs';
    else if (this.#isOver()) this.#stopped ??= 'time';
    return this.#stopped === undefined;
  }

  /**
   * The calm boots and heals, which is trouble of its own to what a story asks for: what breaks by it is not what broke
   * before it. What breaks of itself breaks wherever it does.
   */
  get #isPhased(): boolean {
    return this.#cause !== 'nothing' && !builtIn.has(this.#first.property);
  }

  /** Leaves out all faults, then all writes. What cannot be left out is the cause. */
  #findCause(): void {
    this.#cause = 'nothing';
    this.#sound.clear();
    const isQuiet = (): boolean => this.#plan.faults.length === 0 && this.#plan.loss === 0;
    if (!isQuiet() && !this.#accept(without(this.#plan, 'faults'))) this.#cause = 'faults';
    else if (this.#plan.writes.length > 0 && !this.#accept(without(this.#plan, 'writes'))) this.#cause = 'writes';
    // It was not accepted, so it keeps the promise.
    this.#sound.add(JSON.stringify(without(this.#plan, this.#cause)));
  }

  /**
   * Whether a plan fails without the cause as well: "everybody finds all six" cannot hold where five are left, or where
   * nobody registered, which says nothing about what broke it.
   */
  #isOfItself(plan: FaultPlan): boolean {
    if (this.#cause === 'nothing') return false;
    const calm = without(plan, this.#cause);
    const key = JSON.stringify(calm);
    if (this.#sound.has(key)) return false;
    // With no run left to ask, nothing is taken away.
    if (!this.#mayRun() || this.#failureOf(calm, false) !== undefined) return true;
    this.#sound.add(key);
    return false;
  }

  /** What comes after the failure. Up to there the run stays the same, so that nothing has to be held against it. */
  #cutAfterFailure(): void {
    this.#cause = 'nothing';
    const { phase, chaosMs } = this.#failure;
    if (phase !== 'rest' && this.#plan.restMs > 0) this.#accept({ ...this.#plan, restMs: 0 });
    if (phase === 'chaos' && chaosMs !== undefined) this.#endChaosAt(chaosMs + 1);
  }

  /** What broke in the chaos may take as long again in a smaller mesh, and a second more. */
  #makeRoom(): void {
    const { chaosMs } = this.#failure;
    this.#roomMs = undefined;
    if (!this.#isPhased || !isInChaos(this.#first) || chaosMs === undefined) return;
    const { faults, writes } = this.#plan;
    const timesMs = [...faults.flatMap(({ atMs, forMs = 0 }) => [atMs, atMs + forMs]), ...writes.map(({ atMs }) => atMs)];
    const lastMs = Math.max(0, ...timesMs.filter((ms) => ms <= chaosMs));
    this.#roomMs = chaosMs + (chaosMs - lastMs) + 1000;
  }

  #roomy(): FaultPlan {
    return this.#roomMs === undefined ? this.#plan : { ...this.#plan, chaosMs: Math.max(this.#plan.chaosMs, this.#roomMs) };
  }

  /** Takes back what of the room was not needed. */
  #leaveRoom(): void {
    if (this.#roomMs !== undefined && this.#failure.chaosMs !== undefined) this.#endChaosAt(this.#failure.chaosMs + 1);
  }

  /** The time between the last that happens and the calm. */
  #cutTail(): void {
    if (this.#roomMs !== undefined) return;
    const { faults, writes } = this.#plan;
    const endsMs = faults.map(({ atMs, forMs = 0 }) => atMs + forMs);
    this.#endChaosAt(Math.max(0, ...endsMs, ...writes.map(({ atMs }) => atMs)) + 100);
  }

  #endChaosAt(endMs: number): void {
    if (endMs >= this.#plan.chaosMs) return;
    const isBefore = ({ atMs }: { readonly atMs: number }): boolean => atMs < endMs;
    const { faults, writes } = this.#plan;
    this.#accept({ ...this.#plan, chaosMs: endMs, faults: faults.filter(isBefore), writes: writes.filter(isBefore) });
  }

  #halveMesh(): void {
    const nodes = range(this.#plan.nodes);
    const middle = Math.ceil(nodes.length / 2);
    if (nodes.length < 2 || this.#accept(withNodes(this.#roomy(), nodes.slice(0, middle)))) return;
    this.#accept(withNodes(this.#roomy(), nodes.slice(middle)));
  }

  /** ddmin: leaves out halves, then ever smaller parts. */
  #thin<T>(all: readonly T[], withItems: (items: readonly T[]) => FaultPlan): void {
    if (all.length === 0 || this.#accept(withItems([]))) return;
    let items = all;
    let parts = 2;
    while (items.length > 1) {
      const size = Math.ceil(items.length / parts);
      let rest: readonly T[] | undefined;
      // From the end: what comes last is least likely to be what the rest depends on.
      for (let start = (Math.ceil(items.length / size) - 1) * size; start >= 0 && rest === undefined; start -= size) {
        const kept = [...items.slice(0, start), ...items.slice(start + size)];
        if (kept.length > 0 && this.#accept(withItems(kept))) rest = kept;
      }
      if (rest !== undefined) {
        items = rest;
        parts = Math.max(2, parts - 1);
      } else if (size === 1) break;
      else parts = Math.min(items.length, parts * 2);
    }
  }

  #shorten(): void {
    for (let at = 0; at < this.#plan.faults.length; at++) {
      const { forMs, after } = this.#plan.faults[at] as TimedFault;
      if (after !== undefined && after.nth > 1) this.#accept(this.#withFault(at, { after: { ...after, nth: 1 } }));
      if (forMs === undefined) continue;
      for (const shorter of lastingFor) {
        if (shorter === undefined || shorter >= forMs || this.#accept(this.#withFault(at, { forMs: shorter }))) break;
      }
    }
  }

  /** One kind of noise at a time to none. */
  #calmLinks(): void {
    if (this.#plan.loss > 0) this.#accept({ ...this.#plan, loss: 0 });
    for (let at = 0; at < this.#plan.faults.length; at++) {
      const { fault } = this.#plan.faults[at] as TimedFault;
      if (fault.type !== 'link' || Object.keys(fault.settings).length < 2) continue;
      const { loss, latency } = fault.settings;
      const isCalmer = latency !== undefined && this.#accept(this.#withFault(at, { fault: { ...fault, settings: { latency } } }));
      if (!isCalmer && loss !== undefined) this.#accept(this.#withFault(at, { fault: { ...fault, settings: { loss } } }));
    }
    if (Object.keys(this.#plan.config).length > 0) this.#accept({ ...this.#plan, config: {} });
    if (this.#plan.core !== 'all') this.#accept({ ...this.#plan, core: 'all' });
    if (this.#plan.zones.length > 0) this.#accept({ ...this.#plan, zones: [] });
  }

  /** Whole seconds are easier to read. */
  #roundTimes(): void {
    const whole = (ms: number): number => Math.round(ms / 1000) * 1000;
    // The end first, and a second later than it has to be: faults may then move towards it.
    const { chaosMs } = this.#plan;
    if (chaosMs % 1000 !== 0) this.#accept({ ...this.#plan, chaosMs: whole(chaosMs + 1000) });
    for (let at = 0; at < this.#plan.faults.length; at++) {
      const { atMs, forMs } = this.#plan.faults[at] as TimedFault;
      if (atMs % 1000 !== 0 && whole(atMs) < this.#plan.chaosMs) this.#accept(this.#withFault(at, { atMs: whole(atMs) }));
      if (forMs !== undefined && forMs % 1000 !== 0 && whole(forMs) > 0)
        this.#accept(this.#withFault(at, { forMs: whole(forMs) }));
    }
  }

  #withFault(at: number, change: Partial<TimedFault>): FaultPlan {
    return { ...this.#plan, faults: this.#plan.faults.map((fault, index) => (index === at ? { ...fault, ...change } : fault)) };
  }
}

function isInChaos({ phase }: Failure): boolean {
  return phase === 'chaos';
}

/** The plan without what may be the cause of its failure. Writes are one where no fault is. */
function without(plan: FaultPlan, cause: Cause): FaultPlan {
  if (cause === 'nothing') return plan;
  return { ...plan, faults: [], loss: 0, ...(cause === 'writes' && { writes: [] }) };
}

/** The plan without the nodes that are not kept: the others move up, and what is about none of them goes. */
function withNodes(plan: FaultPlan, kept: readonly number[]): FaultPlan {
  const now = new Map(kept.map((index, at) => [index, at]));
  const move = (indexes: readonly number[]): number[] =>
    indexes.flatMap((index) => {
      const at = now.get(index);
      return at === undefined ? [] : [at];
    });
  const faults = plan.faults.flatMap((timed): TimedFault[] => {
    const { fault } = timed;
    if ('node' in fault) {
      const node = now.get(fault.node);
      return node === undefined ? [] : [{ ...timed, fault: { ...fault, node } }];
    }
    if (fault.type === 'split') {
      const groups = fault.groups.map(move).filter((group) => group.length > 0);
      return groups.length < 2 ? [] : [{ ...timed, fault: { type: 'split', groups } }];
    }
    const from = move(fault.from);
    const to = move(fault.to);
    return from.length === 0 || to.length === 0 ? [] : [{ ...timed, fault: { ...fault, from, to } }];
  });
  const writes = plan.writes.flatMap((timed) =>
    move([timed.node]).map((node) => ({ ...timed, node, write: moved(timed.write, plan, { from: timed.node, to: node }) })),
  );
  const core = plan.core === 'all' ? plan.core : move(plan.core);
  return {
    ...plan,
    nodes: kept.length,
    core: core.length === 0 ? 'all' : core,
    services: plan.services.map((service) => ({ ...service, on: move(service.on) })),
    loads: plan.loads.map((load) => ({ ...load, from: move(load.from) })).filter((load) => load.from.length > 0),
    faults,
    writes,
  };
}

/** The instance of a planned service is named after its node, so that its name moves up too. */
function moved(write: Write, { services }: FaultPlan, { from, to }: { readonly from: number; readonly to: number }): Write {
  if (!('instance' in write)) return write;
  const service = services.find(({ name }) => write.instance === instanceOn(name, from));
  return service === undefined ? write : { ...write, instance: instanceOn(service.name, to) };
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
