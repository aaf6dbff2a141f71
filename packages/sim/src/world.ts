/**
 * A world: virtual time, a network, and many nodes that run the same `MeshNode` as production does. One thread,
 * one heap of events, no clock and no randomness but the seed's, so a seed is a run.
 *
 *     const world = new World({ seed: 1, network: 'lan' });
 *     const nodes = world.mesh(5);
 *     world.runFor(3000);
 *     nodes[0].view().aliveCount; // 5
 */

import { MeshNode, assert, nodeId, profiles } from '@skein/core';
import type { MeshConfig, MeshEvent, NodeOptions, ProfileName, Registration } from '@skein/core';
import { hostsMax } from './link.ts';
import { Network } from './network.ts';
import type { Timeline } from './network.ts';
import { KeyRing } from './notary.ts';
import type { NodeLogic, Surroundings } from './node-setup.ts';
import type { NetworkName } from './quantiles.ts';
import { EventQueue } from './queue.ts';
import { Randomness, hashText, seedText } from './randomness.ts';
import type { Seed } from './randomness.ts';
import { learnBase, linkAll } from './settled.ts';
import { SimNode } from './sim-node.ts';
import { Trace } from './trace.ts';

export interface WorldOptions {
  readonly seed: Seed;
  /** Latency of all links that are not set otherwise. Default `lan`. */
  readonly network?: NetworkName;
  /** Timing of all nodes that are not set otherwise. Default `lan`, or `wan` on a wan and over a satellite. */
  readonly profile?: ProfileName;
  readonly mesh?: string;
  /** Checks config values, as the agent's does. Default: everything is good. */
  readonly validateConfig?: NodeOptions['validateConfig'];
  /** Sees every event that a node emits, as it happens. */
  readonly onEvent?: (node: SimNode, event: MeshEvent) => void;
  /** Sees the whole run, and changes nothing in it. */
  readonly witness?: Witness;
  /** Whether timers and arrivals of one time, on all hosts, happen in an order drawn from the seed. Default false: as they came about. */
  readonly shuffle?: boolean;
  /** How many lines of trace are kept. Default 256. */
  readonly traceLines?: number;
  /** Makes the logic of a node. Default: a `MeshNode`. */
  readonly create?: (options: NodeOptions, now: number) => NodeLogic;
}

/** Looks on while a world runs. What it is told is a fact by then; it must not touch the world. */
export interface Witness {
  /** The world is made and has no nodes yet. */
  begin(world: World): void;
  /** Another second of virtual time has passed. */
  second(world: World): void;
  event(node: SimNode, event: MeshEvent, atUs: number): void;
  /** A process was started, crashed, paused and so on, or something befell its host: a clock, a disk. `cause` may be empty. */
  life(node: SimNode, kind: string, cause: string, atUs: number): void;
}

export interface AddNodeOptions {
  /** Default `host-` and its number. */
  readonly name?: string;
  /** Addresses to join at every boot. */
  readonly seeds?: readonly string[];
  /** Default: one made from its number. */
  readonly addresses?: readonly string[];
  /** It can only dial out, as behind NAT. Default false. */
  readonly dialOutOnly?: boolean;
  readonly region?: string;
  readonly zone?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly mesh?: string;
  /** Fields that differ from the profile's. */
  readonly config?: Partial<MeshConfig>;
  /** What its disk holds before it first boots. Default nothing. */
  readonly registrations?: readonly Registration[];
  /** Whether it boots at once. Default true. */
  readonly start?: boolean;
}

export interface SettledOptions {
  /** Dealt out in turn. */
  readonly zones?: readonly string[];
  readonly config?: Partial<MeshConfig>;
  /** What runs on the host of that number. Default nothing. */
  readonly registrations?: (index: number) => readonly Registration[];
}

/** Where a node is that nobody gave an address. */
function addressOf(index: number): string {
  return `10.0.${index >> 8}.${index & 255}:7946`;
}

const shuffleStream = hashText('shuffle');

export class World {
  readonly randomness: Randomness;
  readonly network: Network;
  readonly trace: Trace;
  /** Time and the future, for hosts that are not nodes of this world. */
  readonly timeline: Timeline;
  readonly #options: WorldOptions;
  readonly #nodes: SimNode[] = [];
  readonly #queue = new EventQueue();
  readonly #surroundings: Surroundings<SimNode>;
  #nowUs = 0;
  #events = 0;
  /** Raised whenever a condition on the world may have changed. */
  #revision = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.randomness = new Randomness(options.seed);
    this.trace = new Trace(options.traceLines ?? 256);
    const now = (): number => this.#nowUs;
    const isShuffled = options.shuffle ?? false;
    this.timeline = {
      get nowUs(): number {
        return now();
      },
      schedule: (atUs: number, run: () => void, queue: number = 0): void => {
        const runUs = Math.max(atUs, this.#nowUs);
        this.#queue.push(runUs, run, isShuffled && queue > 0 ? this.#tie(runUs, queue) : 0);
      },
    };
    this.network = new Network(this.timeline, this.randomness, options.network ?? 'lan');
    this.#surroundings = {
      get nowUs(): number {
        return now();
      },
      schedule: (atUs, run, queue) => this.timeline.schedule(atUs, run, queue),
      randomness: this.randomness,
      network: this.network,
      trace: this.trace,
      keys: new KeyRing(this.seed),
      create: options.create ?? ((nodeOptions, nodeNow) => new MeshNode(nodeOptions, nodeNow)),
      changed: (node, event) => {
        this.#revision++;
        if (event === undefined) return;
        options.onEvent?.(node, event);
        options.witness?.event(node, event, this.#nowUs);
      },
      ...(options.witness && { witness: options.witness }),
    };
    if (options.witness !== undefined) this.#attend(options.witness);
  }

  /** The seed as text, which gives the same world again. */
  get seed(): string {
    return seedText(this.randomness.seed);
  }

  get nowMs(): number {
    return Math.floor(this.#nowUs / 1000);
  }

  get nodes(): readonly SimNode[] {
    return this.#nodes;
  }

  /** How many events ran. */
  get events(): number {
    return this.#events;
  }

  addNode(options: AddNodeOptions = {}): SimNode {
    const index = this.#nodes.length;
    assert(index < hostsMax, 'a world has 16384 nodes at most');
    const profile = this.#options.profile ?? (isWide(this.#options.network) ? 'wan' : 'lan');
    const node = new SimNode(this.#surroundings, {
      index,
      id: nodeId(`n${index.toString().padStart(4, '0')}`),
      name: options.name ?? `host-${index}`,
      mesh: options.mesh ?? this.#options.mesh ?? 'sim',
      addresses: options.addresses ?? [addressOf(index)],
      dialOutOnly: options.dialOutOnly ?? false,
      region: options.region ?? '',
      zone: options.zone ?? '',
      tags: options.tags ?? {},
      config: { ...profiles[profile], ...options.config },
      validateConfig: this.#options.validateConfig ?? (() => undefined),
      seeds: options.seeds ?? [],
      registrations: options.registrations ?? [],
    });
    this.#nodes.push(node);
    this.network.attach(node);
    if (options.start ?? true) node.start();
    return node;
  }

  /**
   * Adds `count` nodes that know each other and are linked as they should be, in a world that has no others. They share what
   * they know until they learn something new, so that ten thousand of them fit into some gigabytes. At the first
   * moment each compares what it knows with its neighbours. `registrations`: what runs on the host of that number.
   */
  settled(count: number, options: SettledOptions = {}): SimNode[] {
    assert(this.#nodes.length === 0, 'a settled mesh is all of its world');
    const { zones, config } = options;
    const nodes = Array.from({ length: count }, (_, i) => {
      const zone = zones?.[i % zones.length];
      const registrations = options.registrations?.(i) ?? [];
      const seeds = this.#nodes[0]?.addresses ?? [];
      return this.addNode({ start: false, seeds, registrations, ...(zone !== undefined && { zone }), ...(config && { config }) });
    });
    const base = learnBase(nodes.map((node) => node.bootOptions()));
    for (const node of nodes) node.start({ base, seeds: [] });
    linkAll(this.network, nodes, base);
    return nodes;
  }

  /** Adds `count` nodes that join through the first two of them, each but through itself, with `zones` dealt out in turn. */
  mesh(count: number, options: { readonly zones?: readonly string[]; readonly config?: Partial<MeshConfig> } = {}): SimNode[] {
    const first = this.#nodes.length;
    const doors = [first, first + 1].slice(0, count);
    return Array.from({ length: count }, (_, i) => {
      const zone = options.zones?.[i % options.zones.length];
      const seeds = doors.filter((index) => index !== first + i).map(addressOf);
      return this.addNode({ seeds, ...(zone !== undefined && { zone }), ...(options.config && { config: options.config }) });
    });
  }

  /** Runs `action` at a virtual time, at once when that has passed. */
  at(timeMs: number, action: () => void): void {
    this.#queue.push(Math.max(timeMs * 1000, this.#nowUs), () => {
      this.#revision++;
      action();
    });
  }

  /** Tells `runUntil` that something changed which its condition may be about. */
  noticeChange(): void {
    this.#revision++;
  }

  /** Runs everything that happens in the next `durationMs`. */
  runFor(durationMs: number): void {
    this.#run(this.#nowUs + durationMs * 1000, () => false);
  }

  /**
   * Runs until `condition` holds, for `withinMs` at most. Returns how long that took in milliseconds, or undefined
   * when it never held. The condition is asked after each event in which some node emitted something, or a fault or
   * action ran.
   */
  runUntil(condition: () => boolean, withinMs: number): number | undefined {
    const startUs = this.#nowUs;
    if (condition()) return 0;
    let seen = this.#revision;
    const isMet = (): boolean => {
      if (seen === this.#revision) return false;
      seen = this.#revision;
      return condition();
    };
    return this.#run(startUs + withinMs * 1000, isMet) ? Math.ceil((this.#nowUs - startUs) / 1000) : undefined;
  }

  /** Equal for two runs exactly when every node took in and did the same things at the same times. */
  traceHash(): string {
    return this.trace.value();
  }

  #attend(witness: Witness): void {
    witness.begin(this);
    const second = (): void => {
      witness.second(this);
      this.#queue.push(this.#nowUs + 1_000_000, second);
    };
    this.#queue.push(1_000_000, second);
  }

  #tie(atUs: number, queue: number): number {
    return 1 + this.randomness.draw(shuffleStream, queue, atUs);
  }

  #run(endUs: number, isMet: () => boolean): boolean {
    for (let event = this.#queue.peek(); event !== undefined && event.atUs <= endUs; event = this.#queue.peek()) {
      this.#queue.pop();
      this.#nowUs = event.atUs;
      this.#events++;
      event.run();
      if (isMet()) return true;
    }
    this.#nowUs = endUs;
    return false;
  }
}

function isWide(network: NetworkName | undefined): boolean {
  return network === 'wan' || network === 'satellite';
}
