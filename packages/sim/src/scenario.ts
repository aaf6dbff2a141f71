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
import { milliseconds } from './duration.ts';
import type { Duration } from './duration.ts';
import type { TimedFault } from './fault.ts';
import { Episode, Moment } from './moment.ts';
import type { Selection } from './moment.ts';
import { convergeBoundMs, formBoundMs, planLimits } from './plan.ts';
import type { FaultPlan, PlannedLoad, PlannedService, TimedWrite } from './plan.ts';
import { always, eventually, never, sometimes } from './property.ts';
import type { Property, Scene } from './property.ts';
import type { NetworkName } from './quantiles.ts';
import { hash32, hashText, seedNumber, seedText } from './randomness.ts';
import type { Seed } from './randomness.ts';

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
  /** How long the mesh may take to form, and to agree again. Default: bounds computed from its size and timing. */
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

/** What a script tells its story to. */
export class Script {
  readonly #options: MeshOptions;
  readonly #seed: number;
  readonly #faults: TimedFault[] = [];
  readonly #writes: TimedWrite[] = [];
  readonly #services: PlannedService[] = [];
  readonly #loads: PlannedLoad[] = [];
  readonly #properties: Property[] = [];
  #calmMs: number | undefined;
  #core: FaultPlan['core'] = 'all';
  #picks = 0;

  constructor(options: MeshOptions, seed: Seed) {
    if (!Number.isInteger(options.nodes) || options.nodes < 1 || options.nodes > planLimits.nodes)
      throw new RangeError(`nodes: ${options.nodes} is no count from 1 to ${planLimits.nodes}`);
    this.#options = options;
    this.#seed = seedNumber(seed);
  }

  // ---- whom

  /** Nodes by number, from 0. */
  node(...indexes: readonly number[]): Selection {
    for (const index of indexes) {
      if (!Number.isInteger(index) || index < 0 || index >= this.#options.nodes)
        throw new RangeError(`node(${index}): this mesh has nodes 0 to ${this.#options.nodes - 1}`);
    }
    return indexes;
  }

  /** All nodes of some zones. */
  zone(...names: readonly string[]): Selection {
    const zones = this.#options.zones ?? [];
    const unknown = names.find((name) => !zones.includes(name));
    if (unknown !== undefined)
      throw new RangeError(`zone('${unknown}'): this mesh has the zones ${zones.join(', ') || '(none)'}`);
    return this.all().filter((index) => names.includes(zones[index % zones.length] ?? ''));
  }

  all(): Selection {
    return Array.from({ length: this.#options.nodes }, (_, index) => index);
  }

  /** Everybody but these. */
  except(selection: Selection): Selection {
    return this.all().filter((index) => !selection.includes(index));
  }

  /** `count` nodes, of all or of some, that each seed draws anew. */
  random(count: number, among: Selection = this.all()): Selection {
    const pool = [...among];
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
    this.#services.push({ name, on: options.on });
  }

  /** Requests to a service, from each of these nodes (default: all) once every so often. Their ends are in `scene.calls(service)`. */
  load(service: string, options: { readonly every: Duration; readonly from?: Selection; readonly retries?: number }): void {
    const { every, from = this.all(), retries = 1 } = options;
    this.#loads.push({ service, from, everyMs: Math.max(1, milliseconds(every)), retries });
  }

  // ---- when

  /** Something happens at this time after the mesh has formed. Conditions last until `for`, or until it is calm. */
  at(time: Duration): Moment {
    return new Moment(this.#sinks, milliseconds(time), undefined);
  }

  /** Conditions between two times. */
  during(from: Duration, to: Duration): Moment {
    const startMs = milliseconds(from);
    const endMs = milliseconds(to);
    if (endMs <= startMs) throw new RangeError(`during('${from}', '${to}'): the end is not after the start`);
    return new Moment(this.#sinks, startMs, endMs - startMs);
  }

  /** The same again and again: `tell` is called once for each time, with its number from 0. */
  every(
    period: Duration,
    span: { readonly from?: Duration; readonly to: Duration },
    tell: (moment: Moment, round: number) => void,
  ): void {
    const stepMs = Math.max(1, milliseconds(period));
    const endMs = milliseconds(span.to);
    let round = 0;
    for (let atMs = milliseconds(span.from ?? 0); atMs < endMs; atMs += stepMs) tell(this.at(atMs), round++);
  }

  // ---- what has to hold

  /** Holds after every change from the start of chaos on. May throw an assertion error to say why not. */
  always(name: string, holds: (scene: Scene) => boolean): void {
    this.#properties.push(always(name, holds));
  }

  never(name: string, isSo: (scene: Scene) => boolean): void {
    this.#properties.push(never(name, isSo));
  }

  /** Comes true after the calm; `sim.at(time).eventually` during chaos. */
  eventually(name: string, bound: { readonly within?: Duration }, holds: (scene: Scene) => boolean): void {
    const { within } = bound;
    this.#properties.push(eventually(name, holds, within === undefined ? {} : { withinMs: milliseconds(within) }));
  }

  /** Happens in some run: without it, the other properties may have proved nothing. */
  sometimes(name: string, isSo: (scene: Scene) => boolean): void {
    this.#properties.push(sometimes(name, isSo));
  }

  /** What has to be true of the requests to a service when all is over. */
  expect(service: string): {
    /** The share of requests that were answered, at once or by a retry, from 0 to 1. */
    availability(options: { readonly atLeast: number }): void;
  } {
    return {
      availability: ({ atLeast }) => {
        this.#properties.push({
          name: `${service} is available`,
          doc: `at least ${atLeast} of the requests to ${service} are answered`,
          kind: 'always',
          begin: (scene) => ({
            end: () => {
              const { calls, ok, refused, toGone, toSilent } = scene.calls(service);
              if (calls === 0) return `nobody called ${service}; sim.load says who does`;
              if (ok / calls >= atLeast) return undefined;
              return `${ok} of ${calls} requests were answered (${refused} knew nobody to ask; attempts at ${toGone} stopped and ${toSilent} silent instances)`;
            },
          }),
        });
      },
    };
  }

  // ---- what was told

  get properties(): readonly Property[] {
    return this.#properties;
  }

  /** The story as a plan. */
  plan(): FaultPlan {
    const { nodes, zones = [], network = 'lan', config = {}, loss = 0, formWithin, convergeWithin, rest = 2000 } = this.#options;
    const profile = this.#options.profile ?? (network === 'wan' ? 'wan' : 'lan');
    const timing = { nodes, profile, config };
    const lastMs = Math.max(
      0,
      ...this.#faults.map(({ atMs, forMs = 0 }) => atMs + forMs),
      ...this.#writes.map(({ atMs }) => atMs),
      ...this.#properties.map(({ fromMs, withinMs = 0 }) => (fromMs === undefined ? 0 : fromMs + withinMs)),
    );
    return {
      version: 1,
      seed: seedText(this.#seed),
      nodes,
      zones,
      network,
      profile,
      config,
      loss,
      formMs: formWithin === undefined ? formBoundMs(timing) : milliseconds(formWithin),
      chaosMs: this.#calmMs ?? lastMs + 1000,
      core: this.#core,
      convergeMs: convergeWithin === undefined ? convergeBoundMs(timing) : milliseconds(convergeWithin),
      restMs: milliseconds(rest),
      services: this.#services,
      loads: this.#loads,
      faults: byTime(this.#faults),
      writes: byTime(this.#writes),
    };
  }

  readonly #sinks = {
    fault: (fault: TimedFault): Episode => {
      this.#faults.push(fault);
      const at = this.#faults.length - 1;
      return new Episode(this.#sinks, fault, (changed) => (this.#faults[at] = changed));
    },
    write: (write: TimedWrite): void => void this.#writes.push(write),
    property: (property: Property): void => void this.#properties.push(property),
    calm: (atMs: number, core: Selection | undefined): void => {
      this.#calmMs = atMs;
      this.#core = core ?? 'all';
    },
  };
}

/** In order of time; of one time, in the order of the story. */
function byTime<T extends { readonly atMs: number }>(items: readonly T[]): T[] {
  return [...items].sort((a, b) => a.atMs - b.atMs);
}
