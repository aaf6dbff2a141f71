/**
 * Shows a run to its properties. Most of what happens is small: a node emits an event, a row of its member table
 * changes. Rows are found by identity, since views share what did not change, so that watching costs little.
 */

import { topics } from '@skein/core';
import type { MemberView, MeshEvent, NodeId, View } from '@skein/core';
import type { FaultSpan } from './fault-schedule.ts';
import type { Check, Failure, Outcome, Property, Scene, SceneNode, Step } from './property.ts';
import { PropertyError } from './scenario-error.ts';

interface Watched {
  readonly property: Property;
  readonly check: Check;
  broken: boolean;
  /** Of `eventually`: when it was first asked for, and when it first held. */
  askedMs?: number;
  heldMs?: number;
}

/** Rows of one node as they were when last looked at. */
interface Rows {
  readonly boot: number;
  readonly members: Map<NodeId, MemberView>;
}

/** Larger meshes are looked through row by row only once in so many changes: what is wrong stays wrong. */
const rowsPerLookMax = 64;

export class PropertyWatch {
  readonly #scene: Scene;
  readonly #watched: Watched[];
  readonly #rows: Rows[] = [];
  readonly #boots: number[] = [];
  readonly #failures: Failure[] = [];
  readonly #onStep: Watched[];
  readonly #onEvent: Watched[];
  readonly #onMember: Watched[];
  readonly #onView: Watched[];
  readonly #onState: Watched[];
  #looks = 0;

  constructor(scene: Scene, properties: readonly Property[]) {
    this.#scene = scene;
    this.#watched = properties.map((property) => ({ property, check: watchedCheck(scene, property), broken: false }));
    this.#onStep = this.#watched.filter(({ check }) => check.step !== undefined);
    this.#onEvent = this.#watched.filter(({ check }) => check.event !== undefined);
    this.#onMember = this.#watched.filter(({ check }) => check.member !== undefined);
    this.#onView = this.#watched.filter(({ check }) => check.view !== undefined);
    this.#onState = this.#watched.filter(({ property, check }) => property.kind !== 'eventually' && check.state !== undefined);
  }

  /** What broke, in order, each property once. */
  get failures(): readonly Failure[] {
    return this.#failures;
  }

  get properties(): readonly Property[] {
    return this.#watched.map(({ property }) => property);
  }

  step(node: SceneNode, step: Step): void {
    for (const watched of this.#onStep) this.#judge(watched, node, watched.check.step?.(node, step));
  }

  event(node: SceneNode, event: MeshEvent): void {
    if (this.#boots[node.index] !== node.boot) {
      this.#boots[node.index] = node.boot;
      for (const { check } of this.#watched) check.boot?.(node);
    }
    for (const watched of this.#onEvent) this.#judge(watched, node, watched.check.event?.(node, event));
    if (event.type === 'view-changed') {
      this.#look(node, event.topics);
      this.stateChanged();
    }
  }

  fault(span: FaultSpan): void {
    for (const { check } of this.#watched) check.fault?.(span);
    this.stateChanged();
  }

  resuming(node: SceneNode, pausedMs: number): void {
    for (const { check } of this.#watched) check.resuming?.(node, pausedMs);
  }

  resumed(node: SceneNode): void {
    for (const { check } of this.#watched) check.resumed?.(node);
  }

  calm(): void {
    for (const watched of this.#watched) this.#judge(watched, undefined, watched.check.calm?.());
  }

  stateChanged(): void {
    for (const watched of this.#onState) this.#judge(watched, undefined, watched.check.state?.());
  }

  /** Looks at everybody and everything once more, whatever was passed over, and closes. */
  end(): void {
    for (const node of this.#scene.nodes) if (node.isRunning) this.#lookThrough(node, node.view());
    this.stateChanged();
    for (const watched of this.#watched) this.#judge(watched, undefined, watched.check.end?.());
  }

  /** `eventually` properties, for whoever keeps their bounds. */
  pending(): { readonly property: Property; holds(): boolean; fail(): void }[] {
    return this.#watched
      .filter(({ property }) => property.kind === 'eventually')
      .map((watched) => ({
        property: watched.property,
        holds: () => this.#holds(watched),
        fail: () => this.#judge(watched, undefined, watched.check.state?.()),
      }));
  }

  /** The names of `sometimes` properties, with whether they happened. */
  happened(): Readonly<Record<string, boolean>> {
    const happened: Record<string, boolean> = {};
    for (const { property, check } of this.#watched)
      if (property.kind === 'sometimes') happened[property.name] = check.happened?.() === true;
    return happened;
  }

  /** The names of properties that not every run has to do with, with whether this one had. */
  armed(): Readonly<Record<string, boolean>> {
    const armed: Record<string, boolean> = {};
    for (const { property, check } of this.#watched) if (check.armed !== undefined) armed[property.name] = check.armed();
    return armed;
  }

  /** How each property came out, in the order in which they were told. */
  outcomes(): readonly Outcome[] {
    const { nowMs, chaosMs } = this.#scene;
    return this.#watched.map((watched) => {
      const { property, check, broken, askedMs, heldMs } = watched;
      const { name, kind } = property;
      const failure = broken ? this.#failures.find((each) => each.property === name) : undefined;
      const isReached = kind === 'eventually' ? heldMs !== undefined : chaosMs !== undefined;
      const held = kind === 'sometimes' ? check.happened?.() === true : isReached;
      const found = failure?.found ?? check.missed?.();
      return {
        property: name,
        kind,
        state: broken ? 'failed' : held ? 'held' : 'open',
        ...(found !== undefined && { found }),
        sinceMs: askedMs ?? chaosMs ?? nowMs,
        atMs: failure?.atMs ?? heldMs ?? nowMs,
      };
    });
  }

  #holds(watched: Watched): boolean {
    const { nowMs } = this.#scene;
    watched.askedMs ??= nowMs;
    const holds = watched.check.state?.() === undefined;
    if (holds) watched.heldMs ??= nowMs;
    return holds;
  }

  #look(node: SceneNode, changed: readonly string[]): void {
    if (this.#onMember.length === 0 && this.#onView.length === 0) return;
    const isLarge = this.#scene.nodes.length > rowsPerLookMax;
    const view = node.view();
    if (isLarge && this.#looks++ % Math.ceil(this.#scene.nodes.length / rowsPerLookMax) !== 0) {
      // What others may believe of a member follows from what it says of itself, so that row is never passed over.
      this.#lookAt(node, view.member(node.id));
      return;
    }
    if (changed.includes(topics.members)) this.#lookThrough(node, view);
    for (const watched of this.#onView) this.#judge(watched, node, watched.check.view?.(node, view, changed));
  }

  #lookThrough(node: SceneNode, view: View): void {
    const rows = this.#rowsOf(node);
    let count = 0;
    for (const member of view.members()) {
      count++;
      this.#lookAt(node, member);
    }
    if (count === rows.members.size) return;
    for (const [id, before] of rows.members) {
      if (view.member(id) !== undefined) continue;
      rows.members.delete(id);
      for (const watched of this.#onMember) this.#judge(watched, node, watched.check.member?.(node, before, undefined));
    }
  }

  #lookAt(node: SceneNode, member: MemberView | undefined): void {
    if (member === undefined) return;
    const { members } = this.#rowsOf(node);
    const before = members.get(member.id);
    if (before === member) return;
    members.set(member.id, member);
    for (const watched of this.#onMember) this.#judge(watched, node, watched.check.member?.(node, before, member));
  }

  #rowsOf(node: SceneNode): Rows {
    let rows = this.#rows[node.index];
    if (rows === undefined || rows.boot !== node.boot) {
      rows = { boot: node.boot, members: new Map() };
      this.#rows[node.index] = rows;
    }
    return rows;
  }

  #judge(watched: Watched, node: SceneNode | undefined, found: string | undefined): void {
    if (found === undefined || watched.broken) return;
    watched.broken = true;
    const { nowMs, chaosMs, phase } = this.#scene;
    this.#failures.push({
      property: watched.property.name,
      doc: watched.property.doc,
      phase,
      atMs: nowMs,
      chaosMs: chaosMs === undefined ? undefined : nowMs - chaosMs,
      node: node?.name ?? '',
      found,
    });
  }
}

const hooks = [
  'step',
  'event',
  'member',
  'view',
  'boot',
  'fault',
  'resuming',
  'resumed',
  'calm',
  'state',
  'happened',
  'missed',
  'armed',
  'end',
] as const;

/** The eyes of a property, whose slips carry its name and the seed: a run has many properties, and a test many seeds. */
function watchedCheck(scene: Scene, property: Property): Check {
  const named = <T>(ask: () => T): T => {
    try {
      return ask();
    } catch (error) {
      const { phase, chaosMs, nowMs, plan } = scene;
      const seconds = ((nowMs - (chaosMs ?? 0)) / 1000).toFixed(3);
      const when = `${phase}, ${seconds} s${chaosMs === undefined ? '' : ' of chaos'}`;
      throw new PropertyError({ property: property.name, seed: plan.seed, when }, error);
    }
  };
  const check = named(() => property.begin(scene)) as Record<string, ((...args: unknown[]) => unknown) | undefined>;
  const watched: Record<string, (...args: unknown[]) => unknown> = {};
  for (const hook of hooks) {
    if (check[hook] !== undefined) watched[hook] = (...args) => named(() => check[hook]?.(...args));
  }
  return watched;
}
