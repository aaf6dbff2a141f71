/**
 * A scenario: a story about one mesh that can be told for any seed. What a script says becomes a plan and properties;
 * nothing happens while it is told.
 *
 *     simulate({ nodes: 9, zones: ['a', 'b', 'c'] }, (sim) => {
 *       sim.service('orders', { on: sim.zone('a', 'b') });
 *       sim.at('10s').split(sim.zone('a'), sim.zone('b', 'c'));
 *       sim.at('20s').crash(sim.node(4), { keep: 'nothing' }).restart('15s');
 *       sim.during('30s', '60s').link(sim.zone('b'), sim.zone('c'), { loss: 0.2 });
 *       sim.at('70s').calm();
 *     });
 */

import type { MeshConfig, ProfileName } from '@skein/core';
import { durationText } from './duration.ts';
import type { Duration } from './duration.ts';
import type { TimedFault } from './fault.ts';
import { Episode, Moment, askText } from './moment.ts';
import type { FaultMoment, Selection } from './moment.ts';
import { convergeBoundMs, formBoundMs, planLimits } from './plan.ts';
import type { FaultPlan, PlannedLoad, PlannedService, TimedWrite } from './plan.ts';
import { always, eventually, never, nothingAsked, sometimes } from './property.ts';
import type { Property, Scene } from './property.ts';
import type { NetworkName } from './quantiles.ts';
import { quote } from './quote.ts';
import { hash32, hashText, seedNumber, seedText } from './randomness.ts';
import type { Seed } from './randomness.ts';
import {
  checkCount,
  checkFault,
  checkKeys,
  checkOptions,
  checkPlan,
  checkSelection,
  checkTrigger,
  checkWrite,
  lastingMs,
  nobody,
  storyMs,
  tooLong,
} from './scenario-check.ts';
import { ScenarioError } from './scenario-error.ts';
import { whenText } from './trigger.ts';
import type { TriggerEvent } from './trigger.ts';

export interface MeshOptions {
  readonly nodes: number;
  /** Dealt out to the nodes in turn. */
  readonly zones?: readonly string[];
  /** Default `lan`. */
  readonly network?: NetworkName;
  /** Default `wan` on a wan, else `lan`. */
  readonly profile?: ProfileName;
  /** Fields that differ from the profile's. */
  readonly config?: Partial<MeshConfig>;
  /** The chance that a packet is lost while there is chaos, on every link. Default 0. */
  readonly loss?: number;
  /** How long the mesh may take to form, and to agree again after the calm. Default: bounds computed from its size and timing. */
  readonly formWithin?: Duration;
  readonly convergeWithin?: Duration;
  /** How long nothing may happen at the end. Default 2 s. */
  readonly rest?: Duration;
}

/** A story with a name, as the files in `simulations/` export it. */
export interface Scenario extends MeshOptions {
  readonly name: string;
  /** One line: what is shown. */
  readonly summary: string;
  script(sim: Script): void;
}

const pickStream = hashText('pick');

/** The most that `every` says: more would be no story, and telling it would take longer than running it. */
const roundsMax = planLimits.writes;

/** What a script tells its story to. */
export class Script {
  readonly #options: MeshOptions;
  readonly #seed: number;
  readonly #faults: TimedFault[] = [];
  readonly #writes: TimedWrite[] = [];
  /** Those of instances that have to be there. */
  readonly #sureWrites: TimedWrite[] = [];
  readonly #services: PlannedService[] = [];
  readonly #loads: PlannedLoad[] = [];
  readonly #properties: Property[] = [];
  /** Services of which availability is expected. */
  readonly #asked: string[] = [];
  #calmMs: number | undefined;
  #core: FaultPlan['core'] = 'all';
  #picks = 0;
  /** The script has run: whoever goes on telling is a property, which looks. */
  #isTold = false;

  constructor(options: MeshOptions, seed: Seed) {
    checkOptions(options);
    if (!Number.isInteger(options.nodes) || options.nodes < 1 || options.nodes > planLimits.nodes)
      throw new ScenarioError(`nodes: ${options.nodes} is no count from 1 to ${planLimits.nodes}`);
    this.#options = options;
    this.#seed = seedNumber(seed);
  }

  // ---- whom

  /** Nodes by number, from 0. */
  node(...indexes: readonly number[]): Selection {
    if (indexes.length === 0) throw nobody('node()');
    for (const index of indexes) {
      if (!Number.isInteger(index) || index < 0 || index >= this.#options.nodes)
        throw new ScenarioError(`node(${String(index)}): this mesh has nodes 0 to ${this.#options.nodes - 1}`);
    }
    checkSelection('node', indexes);
    return indexes;
  }

  /** All nodes of some zones. */
  zone(...names: readonly string[]): Selection {
    const zones = this.#options.zones ?? [];
    const unknown = names.find((name) => !zones.includes(name));
    if (unknown !== undefined)
      throw new ScenarioError(`zone('${unknown}'): this mesh has the zones ${zones.join(', ') || '(none)'}`);
    const selection = this.all().filter((index) => names.includes(zones[index % zones.length] ?? ''));
    if (selection.length === 0)
      throw nobody(`zone(${names.map((name) => `'${name}'`).join(', ')}) of ${this.#options.nodes} nodes`);
    return selection;
  }

  all(): Selection {
    return Array.from({ length: this.#options.nodes }, (_, index) => index);
  }

  /** Everybody but these. */
  except(selection: Selection): Selection {
    checkSelection('except', selection, this.#options.nodes);
    return this.all().filter((index) => !selection.includes(index));
  }

  /** `count` nodes, of all or of some, that each seed draws anew. */
  random(count: number, among: Selection = this.all()): Selection {
    this.#tells(`random(${count})`);
    checkSelection(`random(${count}) among`, among, this.#options.nodes);
    const pool = [...among];
    if (!Number.isInteger(count) || count < 1 || count > pool.length)
      throw new ScenarioError(`random(${count}): is no count from 1 to ${pool.length}, the nodes to draw from`);
    const picked: number[] = [];
    while (picked.length < count && pool.length > 0) {
      const at = hash32(this.#seed, pickStream, this.#picks++, 0) % pool.length;
      picked.push(...pool.splice(at, 1));
    }
    return picked.sort((a, b) => a - b);
  }

  // ---- what runs there

  /** An instance of a service on each of these nodes, from the start. */
  service(name: string, options: { readonly on: Selection }): void {
    const what = `service('${name}')`;
    this.#tells(what);
    checkKeys(what, options, ['on']);
    checkSelection(what, options.on, this.#options.nodes);
    checkCount(what, 'services', this.#services.length);
    this.#services.push({ name, on: options.on });
  }

  /** Requests to a service, from each of these nodes (default: all) once every so often. Their ends are in `scene.calls(service)`. */
  load(service: string, options: { readonly every: Duration; readonly from?: Selection; readonly retries?: number }): void {
    const what = `load('${service}')`;
    this.#tells(what);
    checkKeys(what, options, ['every', 'from', 'retries']);
    const { every, from = this.all(), retries = 1 } = options;
    checkSelection(what, from, this.#options.nodes);
    checkCount(what, 'loads', this.#loads.length);
    this.#loads.push({ service, from, everyMs: periodMs(what, every), retries });
  }

  // ---- when

  /** Something happens at this time after the mesh has formed. Conditions last until `for`, or until it is calm. */
  at(time: Duration): Moment {
    this.#tells(`at('${time}')`);
    return new Moment(this.#sinks, storyMs(`at('${time}')`, time), undefined);
  }

  /**
   * Something happens when something else did: at once, or `by` later, after the first event of a kind that any node tells of since
   * the mesh has formed, or after the n-th. Where it does not come to that, nothing happens. Such a story says when it is calm.
   */
  after(event: TriggerEvent, options: { readonly nth?: number; readonly by?: Duration } = {}): FaultMoment {
    const what = `after('${event}')`;
    this.#tells(what);
    checkKeys(what, options, ['nth', 'by']);
    const { nth = 1, by = 0 } = options;
    checkTrigger(what, event, nth);
    return new Moment(this.#sinks, storyMs(`${what}: by`, by), undefined, { event, nth });
  }

  /** Conditions between two times. */
  during(from: Duration, to: Duration): Moment {
    const what = `during('${from}', '${to}')`;
    this.#tells(what);
    const startMs = storyMs(what, from);
    const endMs = storyMs(what, to);
    if (endMs <= startMs) throw new ScenarioError(`${what}: the end is not after the start`);
    return new Moment(this.#sinks, startMs, endMs - startMs);
  }

  /** The same again and again: `tell` is called once for each time, with its number from 0. */
  every(
    period: Duration,
    span: { readonly from?: Duration; readonly to: Duration },
    tell: (moment: Moment, round: number) => void,
  ): void {
    checkKeys('every', span, ['from', 'to']);
    if (typeof tell !== 'function') throw new ScenarioError('every: what happens is missing, as (moment, round) => { … }');
    const stepMs = periodMs('every', period);
    const startMs = storyMs('every: from', span.from ?? 0);
    const endMs = storyMs('every: to', span.to);
    if (endMs <= startMs)
      throw new ScenarioError(`every: the end at ${durationText(endMs)} is not after the start at ${durationText(startMs)}`);
    if ((endMs - startMs) / stepMs > roundsMax)
      throw new ScenarioError(`every: a period of ${period} is too short: ${roundsMax} times are the most`);
    let round = 0;
    for (let atMs = startMs; atMs < endMs; atMs += stepMs) tell(this.at(atMs), round++);
  }

  // ---- what has to hold

  /** Holds after every change from the start of chaos on. May throw an assertion error to say why not. */
  always(name: string, holds: (scene: Scene) => boolean): void {
    this.#ask({ ...always(name, asked(name, holds)), text: askText(`sim.always(${quote(name)}, `, holds) });
  }

  never(name: string, isSo: (scene: Scene) => boolean): void {
    this.#ask({ ...never(name, asked(name, isSo)), text: askText(`sim.never(${quote(name)}, `, isSo) });
  }

  /** Comes true within so long after the calm; `sim.at(time).eventually` during chaos. */
  eventually(name: string, bound: { readonly within?: Duration }, holds: (scene: Scene) => boolean): void {
    const what = `eventually('${name}')`;
    checkKeys(what, bound, ['within']);
    const { within } = bound;
    const withinMs = within === undefined ? undefined : lastingMs(`${what}: within`, within);
    const boundText = withinMs === undefined ? '{}' : `{ within: ${withinMs} }`;
    const text = askText(`sim.eventually(${quote(name)}, ${boundText}, `, holds);
    this.#ask({ ...eventually(name, asked(name, holds), withinMs === undefined ? {} : { withinMs }), text });
  }

  /** Happens in some run: without it, the other properties may have proved nothing. */
  sometimes(name: string, isSo: (scene: Scene) => boolean): void {
    this.#ask(sometimes(name, asked(name, isSo)));
  }

  /** What has to be true of the requests to a service when all is over. */
  expect(service: string): {
    /** The share of requests that were answered, at once or by a retry, from 0 to 1. */
    availability(options: { readonly atLeast: number }): void;
  } {
    return {
      availability: (options) => {
        checkKeys(`expect('${service}')`, options, ['atLeast']);
        const { atLeast } = options;
        if (!(atLeast >= 0 && atLeast <= 1))
          throw new ScenarioError(`expect('${service}'): availability is a share from 0 to 1, such as 0.99, not ${atLeast}`);
        this.#asked.push(service);
        this.#ask(available(service, atLeast));
      },
    };
  }

  // ---- what was told

  get properties(): readonly Property[] {
    return this.#properties;
  }

  /** The story as a plan. */
  plan(): FaultPlan {
    this.#isTold = true;
    const { nodes, zones = [], network = 'lan', config = {}, loss = 0, formWithin, convergeWithin, rest = 2000 } = this.#options;
    const profile = this.#options.profile ?? (network === 'wan' ? 'wan' : 'lan');
    const timing = { nodes, profile, config };
    const waiting = this.#faults.find(({ after }) => after !== undefined);
    if (waiting !== undefined && this.#calmMs === undefined)
      throw new ScenarioError(
        `${waiting.fault.type} ${whenText(waiting)}: nobody knows when that is, so say when it is calm: sim.at('60s').calm()`,
      );
    const ends = [
      ...this.#faults.map(({ atMs, forMs = 0, fault }) => ({ what: fault.type, ms: atMs + forMs })),
      ...this.#writes.map(({ atMs, write }) => ({ what: write.type, ms: atMs })),
      ...this.#properties.map(({ name, fromMs, withinMs = 0 }) => ({
        what: name,
        ms: fromMs === undefined ? 0 : fromMs + withinMs,
      })),
    ];
    const { what, ms: lastMs } = ends.reduce((last, each) => (each.ms > last.ms ? each : last), { what: '', ms: 0 });
    const chaosMs = this.#calmMs ?? lastMs + 1000;
    if (chaosMs > planLimits.ms) throw tooLong(what, durationText(lastMs));
    const plan: FaultPlan = {
      version: 1,
      seed: seedText(this.#seed),
      nodes,
      zones,
      network,
      profile,
      config,
      loss,
      formMs: formWithin === undefined ? formBoundMs(timing) : lastingMs('formWithin', formWithin),
      chaosMs,
      core: this.#core,
      convergeMs: convergeWithin === undefined ? convergeBoundMs(timing) : lastingMs('convergeWithin', convergeWithin),
      restMs: storyMs('rest', rest),
      services: this.#services,
      loads: this.#loads,
      faults: byTime(this.#faults),
      writes: byTime(this.#writes),
    };
    return checkPlan(plan, this.#asked, this.#sureWrites);
  }

  #tells(what: string): void {
    if (this.#isTold)
      throw new ScenarioError(
        `${what}: comes after the script, when it would do nothing: the story is written when the script runs, and a property only looks`,
      );
  }

  #ask(property: Property): void {
    this.#tells(`the property '${property.name}'`);
    if (this.#properties.some(({ name }) => name === property.name))
      throw new ScenarioError(`'${property.name}': there is a property of this name; give each its own`);
    this.#properties.push(property);
  }

  readonly #sinks = {
    nodeCount: (): number => this.#options.nodes,
    fault: (fault: TimedFault): Episode => {
      const what = `${fault.fault.type} ${whenText(fault)}`;
      this.#tells(what);
      checkCount(what, 'faults', this.#faults.length);
      this.#faults.push(checkFault(fault, this.#options.nodes));
      const at = this.#faults.length - 1;
      return new Episode(this.#sinks, fault, (changed) => {
        this.#tells(`${what}, for`);
        this.#faults[at] = checkFault(changed, this.#options.nodes);
      });
    },
    write: (write: TimedWrite, isSure: boolean): void => {
      const what = `${write.write.type} at ${durationText(write.atMs)}`;
      this.#tells(what);
      checkCount(what, 'writes', this.#writes.length);
      this.#writes.push(checkWrite(write, this.#options.nodes));
      if (isSure) this.#sureWrites.push(write);
    },
    property: (property: Property): void => this.#ask(property),
    calm: (atMs: number, core: Selection | undefined): void => {
      this.#tells(`calm at ${durationText(atMs)}`);
      if (this.#calmMs !== undefined) throw new ScenarioError(`calm at ${durationText(atMs)}: a story calms down once`);
      this.#calmMs = atMs;
      this.#core = core ?? 'all';
    },
  };
}

/** In order of time; of one time, in the order of the story. */
function byTime<T extends { readonly atMs: number }>(items: readonly T[]): T[] {
  return [...items].sort((a, b) => a.atMs - b.atMs);
}

function periodMs(what: string, period: Duration): number {
  const ms = storyMs(what, period);
  if (ms < 1) throw new ScenarioError(`${what}: a period of ${period} is less than a millisecond`);
  return ms;
}

/** What a property asks, from code that no compiler has read. */
function asked(name: string, holds: (scene: Scene) => boolean): (scene: Scene) => boolean {
  if (typeof holds === 'function') return holds;
  throw new ScenarioError(`'${name}': ${String(holds)} is no function: a property is asked of the scene, as (scene) => true`);
}

function available(service: string, atLeast: number): Property {
  return {
    name: `${service} is available`,
    doc: `at least ${atLeast} of the requests to ${service} are answered`,
    kind: 'always',
    text: `sim.expect(${quote(service)}).availability({ atLeast: ${atLeast} });`,
    begin: (scene) => ({
      end: () => {
        const { calls, ok, refused, toGone, toSilent } = scene.calls(service);
        if (calls === 0) return nothingAsked;
        if (ok >= calls * atLeast) return undefined;
        return `${ok} of ${calls} requests were answered (${refused} knew nobody to ask; attempts at ${toGone} stopped and ${toSilent} silent instances)`;
      },
    }),
  };
}
