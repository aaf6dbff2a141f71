/** Runs a plan: the one executor behind scripts, random plans, replays and the shrinker. The phases are in `plan.ts`. */

import { MeshNode, assert, configReportMs } from '@skein/core';
import { differences } from './audit.ts';
import { cover, coverStep, noCoverage } from './coverage.ts';
import type { Coverage } from './coverage.ts';
import { SimulationError } from './failure.ts';
import { FaultSchedule, isBetween, nodeOf, nodesOf } from './fault-schedule.ts';
import type { Fault } from './fault.ts';
import type { FaultSpan } from './fault-schedule.ts';
import { Load } from './load.ts';
import type { CallFigures } from './load.ts';
import { configOf, settleMs } from './plan.ts';
import type { FaultPlan } from './plan.ts';
import { PropertyWatch } from './property-watch.ts';
import type { Failure, Outcome, PhaseName, Property, SceneNode } from './property.ts';
import { builtInProperties } from './properties/built-in.ts';
import { checkCalled, checkService, readSoundPlan } from './scenario-check.ts';
import { ScenarioError } from './scenario-error.ts';
import { SceneWindow, frozen } from './scene.ts';
import type { Shown } from './scene.ts';
import type { SimNode } from './sim-node.ts';
import type { SkippedFault } from './skipped.ts';
import { Workload } from './workload.ts';
import { WatchedLogic } from './watched-logic.ts';
import { World } from './world.ts';
import type { WorldOptions } from './world.ts';

export interface RunOptions extends Pick<WorldOptions, 'create' | 'onEvent' | 'traceLines' | 'validateConfig' | 'witness'> {
  /** Checked besides the built-in ones. */
  readonly properties?: readonly Property[];
  /** Default true. */
  readonly builtIn?: boolean;
  /** Ends the run at the first failure for which it says so. Default: the run goes on to its end. */
  readonly stopAt?: (failure: Failure) => boolean;
}

export interface RunFigures {
  readonly virtualMs: number;
  readonly events: number;
  readonly messages: number;
  readonly bytes: number;
  /** How long forming took, and how long after the calm everything had come true. Undefined: it did not. */
  readonly formedMs: number | undefined;
  readonly convergedMs: number | undefined;
  readonly faults: number;
  /** Faults whose time came when they made no sense, or never, since what they waited for did not happen. */
  readonly skipped: number;
  readonly writes: number;
  /** Writes that no running node could take. */
  readonly refused: number;
  /** By service. */
  readonly calls: Readonly<Record<string, CallFigures>>;
}

export interface RunReport {
  readonly plan: FaultPlan;
  readonly passed: boolean;
  readonly failures: readonly Failure[];
  /** Of every property that is not built in, in the order of the story. */
  readonly outcomes: readonly Outcome[];
  /** `sometimes` properties, with whether they happened. */
  readonly happened: Readonly<Record<string, boolean>>;
  /** Properties that not every run has to do with, such as those about liars, with whether this one had. */
  readonly armed: Readonly<Record<string, boolean>>;
  readonly coverage: Coverage;
  readonly figures: RunFigures;
  /** Equal for two runs exactly when every node did the same at the same times. */
  readonly traceHash: string;
  /** The last state changes. */
  readonly trace: readonly string[];
  readonly phases: readonly { readonly phase: PhaseName; readonly fromMs: number }[];
  readonly faults: readonly FaultSpan[];
  /** Faults of the plan that did not happen, each with the reason. */
  readonly skipped: readonly SkippedFault[];
}

/** The names of the failures that no property of its own describes. */
export const formsProperty = 'L6 the mesh forms';
export const soundProperty = 'S0 nothing breaks inside';

/** How often it is asked whether what has to come true did. */
const pollMs = 50;
/** How old a copy is at most that a disk is rolled back to. */
const backupMs = 20_000;
const noCalls: CallFigures = { calls: 0, ok: 0, refused: 0, toGone: 0, toSilent: 0 };

/** Throws a `PlanError` where a plan is not one that can happen as it says. */
export function runPlan(plan: FaultPlan, options: RunOptions = {}): RunReport {
  return new Run(frozen(readSoundPlan(plan)), options).report();
}

class Run implements Shown {
  readonly plan: FaultPlan;
  readonly #options: RunOptions;
  readonly #scene: SceneWindow;
  /** Names of what every mesh is held to. */
  readonly #builtIn: ReadonlySet<string>;
  readonly #world: World;
  readonly #schedule: FaultSchedule;
  readonly #workload: Workload;
  readonly #watch: PropertyWatch;
  readonly #coverage = noCoverage();
  readonly #failures: Failure[] = [];
  readonly #phases: { readonly phase: PhaseName; readonly fromMs: number }[] = [{ phase: 'form', fromMs: 0 }];
  #load: Load | undefined;
  /** `eventually` properties with a time of their own that are neither true yet nor out of time. */
  #undecided = 0;
  #core: readonly SimNode[] = [];
  #chaosMs: number | undefined;
  #calmMs = 0;
  /** When an `eventually` with a bound of its own last came true. */
  #keptMs = 0;
  /** Something had not come true when its time was over, after the calm. */
  #isMissed = false;
  /** When some node last had another view, and when some node last changed its mind about another. */
  #viewedMs = 0;
  #changedMs = 0;
  /** When some node last had another config: then it tells all others. */
  #configMs = Number.NEGATIVE_INFINITY;
  #formedMs: number | undefined;
  #convergedMs: number | undefined;

  constructor(plan: FaultPlan, options: RunOptions) {
    this.plan = plan;
    this.#options = options;
    const { create = (logic, now) => new MeshNode(logic, now), traceLines, validateConfig, witness } = options;
    this.#world = new World({
      seed: plan.seed,
      network: plan.network,
      profile: plan.profile,
      create: (logic, now) => {
        const node = this.nodes.find(({ id }) => id === logic.notary.id);
        assert(node !== undefined, 'what boots is a node of this world');
        return new WatchedLogic(create(logic, now), (step) => {
          coverStep(this.#coverage, () => node.view(), step);
          this.#watch.step(this.#scene.shown(node), step);
        });
      },
      ...(traceLines !== undefined && { traceLines }),
      ...(validateConfig && { validateConfig }),
      ...(witness && { witness }),
      onEvent: (node, event) => {
        cover(this.#coverage, event);
        const isChange = event.type === 'member-changed' || event.type === 'reachability-changed';
        if (isChange && this.core.some(({ id }) => id === event.id)) this.#changedMs = this.nowMs;
        if (event.type === 'config-changed') this.#configMs = this.nowMs;
        if (event.type === 'view-changed') this.#viewedMs = this.nowMs;
        this.#watch.event(this.#scene.shown(node), event);
        if (this.phase === 'chaos') this.#schedule.noticed(event);
        options.onEvent?.(node, event);
      },
    });
    this.#workload = new Workload(plan);
    this.#schedule = new FaultSchedule(this.#world, {
      applied: (span) => this.#applied(span),
      resuming: (node, pausedMs) => this.#watch.resuming(this.#scene.shown(node), pausedMs),
      resumed: (node) => this.#watch.resumed(this.#scene.shown(node)),
      booted: (node) => this.#workload.booted(node),
    });
    const builtIn = options.builtIn === false ? [] : builtInProperties;
    this.#builtIn = new Set([formsProperty, soundProperty, ...builtIn.map(({ name }) => name)]);
    this.#scene = new SceneWindow(this);
    this.#watch = new PropertyWatch(this.#scene, [...builtIn, ...this.#ownProperties()]);
  }

  // ---- what properties see

  get nowMs(): number {
    return this.#world.nowMs;
  }

  get phase(): PhaseName {
    return this.#phases.at(-1)?.phase ?? 'form';
  }

  get chaosMs(): number | undefined {
    return this.#chaosMs;
  }

  get nodes(): readonly SimNode[] {
    return this.#world.nodes;
  }

  get core(): readonly SimNode[] {
    return this.#chaosMs === undefined || this.phase === 'chaos' ? this.#world.nodes : this.#core;
  }

  get faults(): readonly FaultSpan[] {
    return this.#schedule.spans;
  }

  get messages(): number {
    return this.#world.network.figures.messages;
  }

  calls(service: string): CallFigures {
    checkCalled(this.plan, service);
    return this.#load?.figures(service) ?? { ...noCalls };
  }

  mostBufferedBytes({ index }: SceneNode): number {
    const node = this.nodes[index];
    return node === undefined ? 0 : this.#world.network.mostBufferedBytes(node);
  }

  differences(): readonly string[] {
    const troubled = new Set<number>();
    const excused = new Set<SimNode['id']>();
    for (const fault of this.#schedule.active()) {
      for (const index of this.#troubledBy(fault)) {
        const node = this.nodes[index];
        if (node === undefined) continue;
        troubled.add(index);
        if (fault.type !== 'pause' && fault.type !== 'block-io') excused.add(node.id);
      }
    }
    const well = this.nodes.filter((node) => !troubled.has(node.index));
    const counts = well.filter((node) => node.isRunning).length + excused.size;
    // Numbers are cheap to compare; whole views are compared once those are right.
    const odd = well.find((node) => node.isRunning && Math.abs(node.view().aliveCount - counts) > excused.size);
    if (odd !== undefined) return [`${odd.name} holds ${odd.view().aliveCount} members alive, ${counts} run`];
    return differences(well, excused);
  }

  routable(node: SceneNode, service: string): readonly string[] {
    const instances = node.view().service(service)?.instances;
    if (instances === undefined) {
      checkService(this.plan, service);
      return [];
    }
    return instances.filter((each) => each.routable).map((each) => each.instance.id);
  }

  // ---- the phases

  report(): RunReport {
    try {
      if (this.#form() && this.#chaos() && this.#calm() && this.#converge()) this.#rest();
      this.#watch.end();
    } catch (error) {
      if (!(error instanceof SimulationError)) throw error;
      this.#fail(
        soundProperty,
        'the core keeps its own invariants and never throws',
        error.message.split('\n')[0] ?? '',
        error.node,
      );
    }
    const { overflowed, garbled } = this.#world.network.figures;
    const failures = [...this.#failures, ...this.#watch.failures].sort((a, b) => a.atMs - b.atMs);
    return {
      plan: this.plan,
      passed: failures.length === 0,
      failures,
      outcomes: this.#watch.outcomes().filter(({ property }) => !this.#builtIn.has(property)),
      happened: this.#watch.happened(),
      armed: this.#watch.armed(),
      coverage: { ...this.#coverage, queueOverflows: overflowed, corruptions: garbled },
      figures: this.#figures(),
      traceHash: this.#world.traceHash(),
      trace: this.#world.trace.lines(),
      phases: this.#phases,
      faults: this.#schedule.spans,
      skipped: this.#schedule.skipped,
    };
  }

  #form(): boolean {
    const { plan } = this;
    const nodes = this.#world.mesh(plan.nodes, { ...(plan.zones.length > 0 && { zones: plan.zones }), config: plan.config });
    for (const node of nodes) this.#workload.booted(node);
    this.#formedMs = this.#until(plan.formMs, () => this.differences().length === 0);
    if (this.#formedMs === undefined && !this.#isOver())
      this.#fail(
        formsProperty,
        'nodes that boot together know each other within the bound',
        this.differences().slice(0, 5).join('; '),
      );
    return !this.#isOver();
  }

  #chaos(): boolean {
    const { plan } = this;
    const startMs = this.nowMs;
    this.#chaosMs = startMs;
    this.#enter('chaos');
    if (plan.loss > 0) this.#world.network.setDefault({ loss: plan.loss });
    this.#schedule.plan(plan.faults, startMs);
    for (const { atMs, node, write } of plan.writes) {
      const writer = this.nodes[node];
      if (writer !== undefined) this.#world.at(startMs + atMs, () => this.#workload.write(writer, write));
    }
    // After the faults: who is off from the start on asks nothing.
    const load = new Load(this.#world, {
      isBlocked: (index) => this.#isBlocked(index),
      called: () => this.#watch.stateChanged(),
    });
    this.#load = load;
    for (const each of plan.loads) load.begin(each);
    this.#backUp(new Set(plan.faults.flatMap(({ fault }) => ('keep' in fault && fault.keep === 'rollback' ? [fault.node] : []))));
    for (const pending of this.#watch.pending()) {
      const { fromMs } = pending.property;
      if (fromMs !== undefined) this.#keepBound(pending, startMs + fromMs);
    }
    return this.#runFor(plan.chaosMs);
  }

  #calm(): boolean {
    const { plan } = this;
    const { core } = plan;
    this.#calmMs = this.nowMs;
    this.#core = core === 'all' ? this.nodes : this.nodes.filter((node) => core.includes(node.index));
    this.#enter('calm');
    this.#watch.calm();
    this.#schedule.stopWaiting();
    const indexes = new Set(this.#core.map((node) => node.index));
    // What fails outside the core goes on failing, for as long as no two of the core are parted by it.
    this.#schedule.undo((fault) => isBetween(fault, indexes) || indexes.has(nodeOf(fault) ?? -1));
    if (plan.loss > 0) this.#world.network.setDefault({ loss: 0 });
    this.#restartCore();
    for (const pending of this.#watch.pending()) {
      const { fromMs, withinMs } = pending.property;
      if (fromMs === undefined && withinMs !== undefined) this.#keepBound(pending, this.#calmMs);
    }
    // A leave that was under way ends, and the one who left comes back.
    if (!this.#runFor(Math.min(settleMs(plan), plan.convergeMs))) return false;
    this.#restartCore();
    this.#watch.stateChanged();
    return !this.#isOver();
  }

  /** What has no bound of its own: all is well again, within the bound of the plan, which counts from the calm. */
  #converge(): boolean {
    this.#enter('converge');
    const { convergeMs } = this.plan;
    const endOf = ({ property }: ReturnType<PropertyWatch['pending']>[number]): number =>
      this.#calmMs + Math.min(convergeMs, property.boundMs?.(this.plan) ?? convergeMs);
    let pending = this.#watch
      .pending()
      .filter(({ property: { fromMs, withinMs } }) => fromMs === undefined && withinMs === undefined);
    // What holds at the first look has held since views last changed.
    let trueMs = Math.max(this.#calmMs, this.#viewedMs);
    for (;;) {
      pending = pending.filter((each) => !each.holds());
      const missed = pending.filter((each) => this.nowMs >= endOf(each));
      if (missed.length > 0) this.#isMissed = true;
      for (const each of missed) each.fail();
      pending = pending.filter((each) => !missed.includes(each));
      if (this.#isOver()) return false;
      if (pending.length === 0 && this.#undecided === 0) break;
      if (!this.#runFor(Math.min(pollMs, ...pending.map((each) => endOf(each) - this.nowMs)))) return false;
      this.#restartCore();
      if (pending.length > 0) trueMs = this.nowMs;
    }
    if (!this.#isMissed) this.#convergedMs = Math.max(trueMs, this.#keptMs) - this.#calmMs;
    return true;
  }

  #rest(): void {
    if (this.plan.restMs === 0 || this.#convergedMs === undefined) return;
    // Aftershocks end by themselves: probes on links that are no more, accusations of before and their refutations. When
    // there were none for as long as a slow node's probe takes, the mesh is at rest, or never will be. Trouble outside the core
    // that has an end comes to it first: a path that works again is news. Which config each applies it tells some time later.
    const { probeTimeoutMs, indirectTimeoutMs } = configOf(this.plan);
    const stillMs = 4 * (probeTimeoutMs + indirectTimeoutMs);
    const startMs = this.nowMs;
    const toldMs = configReportMs(this.plan.nodes);
    const stillFromMs = (): number =>
      Math.max(Math.max(this.#changedMs, this.#schedule.lastEndMs) + stillMs, this.#configMs + toldMs);
    while (this.nowMs < stillFromMs() && this.nowMs - startMs < this.plan.convergeMs) {
      const endMs = Math.min(stillFromMs(), startMs + this.plan.convergeMs);
      if (!this.#runFor(endMs - this.nowMs)) return;
    }
    this.#enter('rest');
    this.#runFor(this.plan.restMs);
  }

  // ---- parts of phases

  /** A name that two promises have would say nothing of either. */
  #ownProperties(): readonly Property[] {
    const own = this.#options.properties ?? [];
    const builtIn = own.find(({ name }) => this.#builtIn.has(name));
    if (builtIn !== undefined)
      throw new ScenarioError(`'${builtIn.name}': is the name of a promise that every mesh is held to; give yours another`);
    const twice = own.find(({ name }, at) => own.findIndex((each) => each.name === name) !== at);
    if (twice !== undefined) throw new ScenarioError(`'${twice.name}': there is a property of this name; give each its own`);
    return own;
  }

  #enter(phase: PhaseName): void {
    this.#phases.push({ phase, fromMs: this.nowMs });
  }

  #restartCore(): void {
    for (const node of this.#core) if (node.process === 'stopped') this.#schedule.restart(node, true);
  }

  /** The node that a fault is about; of one of the network that lasts beyond the chaos, those outside the core. */
  #troubledBy(fault: Fault): readonly number[] {
    const index = nodeOf(fault);
    if (index !== undefined) return [index];
    if (this.phase === 'form' || this.phase === 'chaos') return [];
    const core = new Set(this.#core.map((node) => node.index));
    return nodesOf(fault).filter((each) => !core.has(each));
  }

  /** Disks that will be rolled back are copied now and then, as backups are. */
  #backUp(indexes: ReadonlySet<number>): void {
    if (indexes.size === 0) return;
    for (const node of this.nodes) if (indexes.has(node.index)) node.backUp();
    this.#world.at(this.nowMs + backupMs, () => this.#backUp(indexes));
  }

  #isBlocked(index: number): boolean {
    for (const fault of this.#schedule.active()) if (fault.type === 'block-io' && fault.node === index) return true;
    return false;
  }

  /** An `eventually` with a bound of its own, which counts from `fromMs` of the world. */
  #keepBound(pending: ReturnType<PropertyWatch['pending']>[number], fromMs: number): void {
    const endMs = fromMs + (pending.property.withinMs ?? this.plan.convergeMs);
    this.#undecided++;
    const ask = (): void => {
      const holds = pending.holds();
      if (!holds && this.nowMs < endMs) return this.#world.at(Math.min(endMs, this.nowMs + pollMs), ask);
      this.#undecided--;
      if (holds) {
        this.#keptMs = this.nowMs;
        return;
      }
      if (this.phase !== 'chaos') this.#isMissed = true;
      pending.fail();
    };
    this.#world.at(fromMs, ask);
  }

  #applied(span: FaultSpan): void {
    const { fault, atMs, endMs } = span;
    const isPauseOver = fault.type === 'pause' && endMs !== undefined;
    if (isPauseOver && endMs - atMs > configOf(this.plan).lateTickMs) this.#coverage.pausesCrossingTimer++;
    if (fault.type === 'power-off') {
      const gone = this.nodes[fault.node];
      assert(gone !== undefined, 'a fault that happened is about a node');
      for (const node of this.nodes) if (this.#world.network.isLinked(node, gone.id)) this.#coverage.halfOpen++;
    }
    this.#watch.fault(span);
  }

  /** Runs on until `holds`; returns how long that took, undefined when it never did or the run is over. */
  #until(withinMs: number, holds: () => boolean): number | undefined {
    const startMs = this.nowMs;
    while (!holds()) {
      if (this.nowMs - startMs >= withinMs || !this.#runFor(pollMs)) return undefined;
    }
    return this.nowMs - startMs;
  }

  /** False when the run is over before that. */
  #runFor(ms: number): boolean {
    const { stopAt } = this.#options;
    if (stopAt === undefined) this.#world.runFor(ms);
    else this.#world.runUntil(() => this.#isOver(), ms);
    return !this.#isOver();
  }

  #isOver(): boolean {
    const { stopAt } = this.#options;
    return stopAt !== undefined && (this.#failures.some(stopAt) || this.#watch.failures.some(stopAt));
  }

  #fail(property: string, doc: string, found: string, node = ''): void {
    const { nowMs, phase } = this;
    const chaosMs = this.#chaosMs === undefined ? undefined : nowMs - this.#chaosMs;
    this.#failures.push({ property, doc, phase, atMs: nowMs, chaosMs, node, found });
  }

  #figures(): RunFigures {
    const { messages, bytes } = this.#world.network.figures;
    const services = new Set(this.plan.loads.map((load) => load.service));
    return {
      virtualMs: this.nowMs,
      events: this.#world.events,
      messages,
      bytes,
      formedMs: this.#formedMs,
      convergedMs: this.#convergedMs,
      faults: this.#schedule.spans.length,
      skipped: this.#schedule.skipped.length,
      ...this.#workload.figures,
      calls: Object.fromEntries([...services].map((service) => [service, { ...this.calls(service) }])),
    };
  }
}
