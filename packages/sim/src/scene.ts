/**
 * A run as its properties get to see it: by windows, not by doors. A property that could crash a node or change the plan
 * would make another run of the one that it judges.
 */

import type { LinkQueue, NodeId, View } from '@skein/core';
import type { FaultSpan } from './fault-schedule.ts';
import type { ProcessState } from './host.ts';
import type { CallFigures } from './load.ts';
import type { FaultPlan } from './plan.ts';
import type { PhaseName, Scene, SceneNode } from './property.ts';
import type { SimNode } from './sim-node.ts';

/** What a run shows. */
export interface Shown extends Omit<Scene, 'nodes' | 'core'> {
  readonly nodes: readonly SimNode[];
  readonly core: readonly SimNode[];
}

class NodeWindow implements SceneNode {
  readonly #node: SimNode;
  readonly index: number;
  readonly name: string;
  readonly zone: string;

  constructor(node: SimNode) {
    this.#node = node;
    this.index = node.index;
    this.name = node.name;
    this.zone = node.zone;
    Object.freeze(this);
  }

  get id(): NodeId {
    return this.#node.id;
  }

  get isRunning(): boolean {
    return this.#node.isRunning;
  }

  get process(): ProcessState {
    return this.#node.process;
  }

  get boot(): number {
    return this.#node.boot;
  }

  get epoch(): number {
    return this.#node.epoch;
  }

  get addresses(): readonly string[] {
    return this.#node.addresses;
  }

  linkQueues(): Iterable<LinkQueue> {
    return this.#node.linkQueues();
  }

  view(): View {
    return this.#node.view();
  }
}

export class SceneWindow implements Scene {
  readonly plan: FaultPlan;
  readonly #run: Shown;
  readonly #nodes: SceneNode[] = [];
  #all: readonly SceneNode[] = Object.freeze([]);
  #core: { readonly of: readonly SimNode[]; readonly shown: readonly SceneNode[] } | undefined;

  constructor(run: Shown) {
    this.#run = run;
    this.plan = run.plan;
    Object.freeze(this);
  }

  get nowMs(): number {
    return this.#run.nowMs;
  }

  get phase(): PhaseName {
    return this.#run.phase;
  }

  get chaosMs(): number | undefined {
    return this.#run.chaosMs;
  }

  get nodes(): readonly SceneNode[] {
    const { nodes } = this.#run;
    if (this.#all.length !== nodes.length) this.#all = Object.freeze(nodes.map((node) => this.shown(node)));
    return this.#all;
  }

  get core(): readonly SceneNode[] {
    const { core, nodes } = this.#run;
    if (core === nodes) return this.nodes;
    if (this.#core?.of !== core) this.#core = { of: core, shown: Object.freeze(core.map((node) => this.shown(node))) };
    return this.#core.shown;
  }

  get faults(): readonly FaultSpan[] {
    return this.#run.faults;
  }

  get messages(): number {
    return this.#run.messages;
  }

  calls(service: string): CallFigures {
    return this.#run.calls(service);
  }

  mostBufferedBytes(node: SceneNode): number {
    return this.#run.mostBufferedBytes(node);
  }

  differences(): readonly string[] {
    return this.#run.differences();
  }

  routable(node: SceneNode, service: string): readonly string[] {
    return this.#run.routable(node, service);
  }

  /** The one window that there is on a node. */
  shown(node: SimNode): SceneNode {
    return (this.#nodes[node.index] ??= new NodeWindow(node));
  }
}

/** A copy that nobody can change. */
export function frozen<T>(value: T): T {
  if (Array.isArray(value)) return Object.freeze(value.map((each) => frozen<unknown>(each))) as T;
  if (value === null || typeof value !== 'object') return value;
  return Object.freeze(Object.fromEntries(Object.entries(value).map(([key, field]) => [key, frozen<unknown>(field)]))) as T;
}
