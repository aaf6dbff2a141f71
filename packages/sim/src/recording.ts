/**
 * The history of one run, small enough to keep and plain enough to store: who believed what of whom and when, which
 * processes ran, which faults were on, what was promised and whether it held. A `Recorder` looks on while a world runs
 * and makes a `Recording`, which `timelineHtml` turns into a page for people.
 */

import type { MemberStatus, MeshEvent, NodeId, View } from '@skein/core';
import type { SimNode } from './sim-node.ts';
import type { Witness, World } from './world.ts';

/**
 * What one node believes of another; a recording stores the place in this list. Being out of rotation comes before, and
 * is independent of, the status, so that both are told.
 */
export const beliefs = [
  'unknown',
  'alive',
  'alive, out of rotation',
  'suspect',
  'suspect, out of rotation',
  'failed',
  'leaving',
  'left',
] as const;

/** A fault as a band in time. */
export interface FaultBand {
  /** What and whom, in words. */
  readonly what: string;
  /** Indexes of the nodes it is about. Empty: everybody. */
  readonly nodes: readonly number[];
  readonly fromUs: number;
  /** Equal to `fromUs` for what happens at once. */
  readonly toUs: number;
}

/** Something that had to hold, or a phase that began. */
export interface Mark {
  readonly kind: 'held' | 'failed' | 'phase';
  readonly what: string;
  readonly atUs: number;
  /** When it was first asked for, if that was earlier. */
  readonly sinceUs: number;
  /** What was found instead, a few lines. */
  readonly found: readonly string[];
}

/** Occurrences in order of time, a column for each field; `gapUs` is the time since the one before. */
export interface BeliefColumns {
  readonly gapUs: readonly number[];
  readonly observer: readonly number[];
  readonly subject: readonly number[];
  /** Places in `beliefs`. */
  readonly belief: readonly number[];
  /** Places in `words`. */
  readonly cause: readonly number[];
}

export interface Recording {
  readonly format: 1;
  readonly title: string;
  readonly summary: string;
  readonly seed: string;
  /** Shows this run again, on a command line. */
  readonly command: string;
  readonly durationUs: number;
  readonly events: number;
  readonly nodes: readonly { readonly name: string; readonly zone: string }[];
  /** Beliefs of nodes with an index below this were recorded; the others appear only as subjects. */
  readonly observers: number;
  readonly changes: BeliefColumns;
  /** Texts that columns point into. */
  readonly words: readonly string[];
  readonly lives: readonly {
    readonly atUs: number;
    readonly node: number;
    readonly to: 'running' | 'paused' | 'stopped';
    readonly how: string;
  }[];
  /** What else befell a host and left its process as it was: its clock, its disk, its way out, and a start that failed. */
  readonly incidents: readonly { readonly atUs: number; readonly node: number; readonly what: string }[];
  readonly refutations: readonly { readonly atUs: number; readonly node: number; readonly accuser: number }[];
  readonly links: {
    readonly gapUs: readonly number[];
    readonly node: readonly number[];
    readonly peer: readonly number[];
    /** 1: linked, 0: lost. */
    readonly linked: readonly number[];
  };
  /** Of each whole second, in order. */
  readonly traffic: { readonly messages: readonly number[]; readonly bytes: readonly number[] };
  readonly faults: readonly FaultBand[];
  readonly marks: readonly Mark[];
  /** From when on something is missing, since the run was too long to keep. */
  readonly truncatedUs: number | null;
}

/** What a recorder cannot see for itself. */
export interface RecordingTitle {
  readonly title: string;
  readonly summary?: string;
  readonly command?: string;
  readonly faults?: readonly FaultBand[];
  readonly marks?: readonly Mark[];
}

export interface RecorderLimits {
  /** How many nodes are asked for their beliefs. Default 128. */
  readonly observersMax?: number;
  /** How many changes of belief, and as many of links, are kept. Default 400 000. */
  readonly changesMax?: number;
}

/** Other lists are far shorter in any run that a person looks at. */
const listMax = 20_000;
const wordsMax = 2000;

/** What a process is after these. Nothing else that is told of a host ends its process, or lets it go on. */
const processAfter: ReadonlyMap<string, Recording['lives'][number]['to']> = new Map([
  ['start', 'running'],
  ['resume', 'running'],
  ['pause', 'paused'],
  ['crash', 'stopped'],
  ['power-off', 'stopped'],
  ['exit', 'stopped'],
]);

const beliefOf: Readonly<Record<MemberStatus, number>> = { alive: 1, suspect: 3, failed: 5, leaving: 6, left: 7 };

export class Recorder implements Witness {
  readonly #observersMax: number;
  readonly #changesMax: number;
  #world: World | undefined;
  readonly #indexes = new Map<NodeId, number>();
  readonly #ids: NodeId[] = [];
  readonly #words = new Map<string, number>();
  readonly #changes = {
    gapUs: [] as number[],
    observer: [] as number[],
    subject: [] as number[],
    belief: [] as number[],
    cause: [] as number[],
  };
  readonly #links = { gapUs: [] as number[], node: [] as number[], peer: [] as number[], linked: [] as number[] };
  /** By observer, then subject: the last belief that was kept. */
  readonly #known: Map<number, number>[] = [];
  #changedUs = 0;
  #linkedUs = 0;
  readonly #lives: Recording['lives'][number][] = [];
  readonly #incidents: Recording['incidents'][number][] = [];
  readonly #refutations: Recording['refutations'][number][] = [];
  readonly #messages: number[] = [];
  readonly #bytes: number[] = [];
  #messagesSeen = 0;
  #bytesSeen = 0;
  #truncatedUs: number | null = null;

  constructor(limits: RecorderLimits = {}) {
    this.#observersMax = limits.observersMax ?? 128;
    this.#changesMax = limits.changesMax ?? 400_000;
  }

  begin(world: World): void {
    this.#world = world;
  }

  second(world: World): void {
    const { messages, bytes } = world.network.figures;
    if (this.#messages.length >= listMax) return;
    this.#messages.push(messages - this.#messagesSeen);
    this.#bytes.push(bytes - this.#bytesSeen);
    this.#messagesSeen = messages;
    this.#bytesSeen = bytes;
  }

  life(node: SimNode, kind: string, cause: string, atUs: number): void {
    const to = processAfter.get(kind);
    const told = cause === '' ? kind : `${kind}, ${cause}`;
    this.#name(node);
    if (kind === 'start') this.#known[node.index] = new Map();
    if ((to === undefined ? this.#incidents : this.#lives).length >= listMax) return this.#truncate(atUs);
    if (to === undefined) this.#incidents.push({ atUs, node: node.index, what: told });
    else this.#lives.push({ atUs, node: node.index, to, how: told });
  }

  event(node: SimNode, event: MeshEvent, atUs: number): void {
    switch (event.type) {
      case 'member-changed':
      case 'reachability-changed':
        return this.#believe(node, event.id, event.reason, atUs);
      case 'member-reaped':
        return this.#believe(node, event.id, 'reaped', atUs);
      case 'refuted':
        if (this.#refutations.length >= listMax) return this.#truncate(atUs);
        this.#refutations.push({ atUs, node: node.index, accuser: this.#index(event.accuser) });
        return;
      case 'link-changed':
        return this.#link(node.index, event.id, event.linked, atUs);
      default:
    }
  }

  /** Everything up to now. Throws before the recorder has seen a world. */
  recording(about: RecordingTitle): Recording {
    const world = this.#world;
    if (world === undefined) throw new Error('this recorder has seen no world; give it to a World as its witness');
    return {
      format: 1,
      title: about.title,
      summary: about.summary ?? '',
      seed: world.seed,
      command: about.command ?? '',
      durationUs: world.nowMs * 1000,
      events: world.events,
      nodes: world.nodes.map(({ name, zone }) => ({ name, zone })),
      observers: Math.min(this.#observersMax, world.nodes.length),
      changes: this.#changes,
      words: [...this.#words.keys()],
      lives: this.#lives,
      incidents: this.#incidents,
      refutations: this.#refutations,
      links: this.#links,
      traffic: { messages: this.#messages, bytes: this.#bytes },
      faults: about.faults ?? [],
      marks: about.marks ?? [],
      truncatedUs: this.#truncatedUs,
    };
  }

  /** A machine that was set up anew has another identity; what is still said of the one before is about nobody here. */
  #name(node: SimNode): void {
    const before = this.#ids[node.index];
    if (before === node.id) return;
    if (before !== undefined) this.#indexes.delete(before);
    this.#ids[node.index] = node.id;
    this.#indexes.set(node.id, node.index);
  }

  /** -1 for an identity that no node of this world has. */
  #index(id: NodeId): number {
    return this.#indexes.get(id) ?? -1;
  }

  #believe(node: SimNode, id: NodeId, reason: string, atUs: number): void {
    const subject = this.#index(id);
    if (subject < 0 || subject === node.index || node.index >= this.#observersMax) return;
    const belief = beliefIn(node.view(), id);
    // A step may tell of a status and of what follows from it; both show what the step came to.
    if (this.#known[node.index]?.get(subject) === belief) return;
    if (this.#changes.gapUs.length >= this.#changesMax) return this.#truncate(atUs);
    this.#known[node.index]?.set(subject, belief);
    this.#changes.gapUs.push(atUs - this.#changedUs);
    this.#changes.observer.push(node.index);
    this.#changes.subject.push(subject);
    this.#changes.belief.push(belief);
    this.#changes.cause.push(this.#word(reason));
    this.#changedUs = atUs;
  }

  #link(node: number, id: NodeId, linked: boolean, atUs: number): void {
    const peer = this.#index(id);
    if (peer < 0 || node >= this.#observersMax) return;
    if (this.#links.gapUs.length >= this.#changesMax) return this.#truncate(atUs);
    this.#links.gapUs.push(atUs - this.#linkedUs);
    this.#links.node.push(node);
    this.#links.peer.push(peer);
    this.#links.linked.push(linked ? 1 : 0);
    this.#linkedUs = atUs;
  }

  #word(text: string): number {
    const known = this.#words.get(text);
    if (known !== undefined) return known;
    if (this.#words.size >= wordsMax) return this.#words.get('(other)') ?? 0;
    if (this.#words.size === wordsMax - 1) text = '(other)';
    this.#words.set(text, this.#words.size);
    return this.#words.size - 1;
  }

  #truncate(atUs: number): void {
    this.#truncatedUs ??= atUs;
  }
}

/** The view of a step is whole when its events are told, so a change and its consequence are one. */
function beliefIn(view: View, id: NodeId): number {
  const member = view.member(id);
  if (member === undefined) return 0;
  const canBeOut = member.status === 'alive' || member.status === 'suspect';
  return beliefOf[member.status] + (canBeOut && !member.reachable ? 1 : 0);
}
