/**
 * What has to hold in a run. *always* and *never* are looked at after every change, which a request is too, and at the end;
 * *eventually* has to come true within a bound; *sometimes* has to happen in some run of many, or the others proved nothing.
 */

import type { Effect, Input, MemberView, MeshEvent, View } from '@skein/core';
import type { CallFigures } from './load.ts';
import type { FaultSpan } from './fault-schedule.ts';
import type { FaultPlan } from './plan.ts';
import { ScenarioError, isSlip, refusePromise } from './scenario-error.ts';
import type { SimNode } from './sim-node.ts';

export type PropertyKind = 'always' | 'never' | 'eventually' | 'sometimes';

export type PhaseName = 'form' | 'chaos' | 'calm' | 'converge' | 'rest';

/** A node, to look at. */
export type SceneNode = Pick<
  SimNode,
  'id' | 'index' | 'name' | 'zone' | 'isRunning' | 'process' | 'boot' | 'epoch' | 'view' | 'addresses' | 'linkQueues'
>;

/** A run as properties see it: to look at. Its nodes are shown and not handed out, and its plan and faults are frozen. */
export interface Scene {
  readonly plan: FaultPlan;
  /** Virtual time since the world began. */
  readonly nowMs: number;
  readonly phase: PhaseName;
  /** When chaos began; undefined while the mesh forms. */
  readonly chaosMs: number | undefined;
  readonly nodes: readonly SceneNode[];
  /** Those that were made well when it calmed down. Before that, all. */
  readonly core: readonly SceneNode[];
  /** What went wrong so far. */
  readonly faults: readonly FaultSpan[];
  /** Requests so far, by service. */
  calls(service: string): CallFigures;
  /** Messages sent so far, by all. */
  readonly messages: number;
  /** The most bytes that any connection of this node ever held, from its writing to their reading. */
  mostBufferedBytes(node: SceneNode): number;
  /** Why the nodes that are well do not agree, each reason a line; empty when they do. */
  differences(): readonly string[];
  /** Ids of instances of `service` that `node` would send requests to. */
  routable(node: SceneNode, service: string): readonly string[];
}

/** What a node did about one input, seen before any of it is performed. Its view is the one after it. */
export interface Step {
  readonly input: Input;
  readonly effects: readonly Effect[];
  /** By the node's own clock: how late the earliest timer of a tick was, or the end of a dial that timed out. Else 0. */
  readonly lateMs: number;
  /** Of a `clock`: whether the next deadline, which was not due, is another one now. */
  readonly movesTimers: boolean;
}

/** One run's eyes of a property. Each hook returns what is wrong, in words, or undefined. */
export interface Check {
  /** A node took an input in. */
  step?(node: SceneNode, step: Step): string | undefined;
  /** A node emitted this. */
  event?(node: SceneNode, event: MeshEvent): string | undefined;
  /** A node's row about a member changed. `before` is undefined for a new row, `after` for one that is gone. */
  member?(node: SceneNode, before: MemberView | undefined, after: MemberView | undefined): string | undefined;
  /** A node has a new view, in which these topics changed. */
  view?(node: SceneNode, view: View, topics: readonly string[]): string | undefined;
  /** A node booted: it knows nothing but what its disk kept. */
  boot?(node: SceneNode): void;
  /** A fault happened, or was undone. */
  fault?(span: FaultSpan): void;
  /** A paused process goes on; `during` runs its late timers and all that waited. */
  resuming?(node: SceneNode, pausedMs: number): void;
  resumed?(node: SceneNode): void;
  /** The chaos ends: nothing was undone yet, and nobody who is gone was started again. */
  calm?(): string | undefined;
  /** Of `eventually`: why it does not hold now. Of `always` and `never`: why it does not hold after this change. */
  state?(): string | undefined;
  /** Of `sometimes`: whether it has happened, and what an assertion said the last time that it had not. */
  happened?(): boolean;
  missed?(): string | undefined;
  /** Of what not every run has to do with: whether this one had, so that to have held means something. */
  armed?(): boolean;
  /** At the end of the run. */
  end?(): string | undefined;
}

export interface Property {
  readonly name: string;
  /** One line: what is promised, and why it matters. */
  readonly doc: string;
  readonly kind: PropertyKind;
  /** Of `eventually`: since when, in ms of chaos, and for how long; the calm and the plan's bound when absent. */
  readonly fromMs?: number;
  readonly withinMs?: number;
  /** Of `eventually`: `withinMs` as a function of the mesh and its timing. The plan's bound holds where that is shorter. */
  boundMs?(plan: FaultPlan): number;
  /** The line of a script that asks for it, where one did: what a report of its failure prints to be pasted. */
  readonly text?: string;
  /** Fresh eyes for one run. */
  begin(scene: Scene): Check;
}

/** What broke, when and where. */
export interface Failure {
  readonly property: string;
  readonly doc: string;
  readonly phase: PhaseName;
  /** Virtual time since the world began, and since the chaos began. */
  readonly atMs: number;
  readonly chaosMs: number | undefined;
  /** Who saw it; empty when it is about all. */
  readonly node: string;
  readonly found: string;
}

/** How one property came out. */
export interface Outcome {
  readonly property: string;
  readonly kind: PropertyKind;
  /** `open`: the run ended before it could be said; of `sometimes`: it did not happen. */
  readonly state: 'held' | 'failed' | 'open';
  /** What broke; of `sometimes`, what an assertion in it last threw. */
  readonly found?: string;
  /** Virtual time since the world began: from when on it was asked for, and when it held or failed, or the run ended. */
  readonly sinceMs: number;
  readonly atMs: number;
}

/** What is found where a property says no, and no more. */
const plainNo = { always: 'it did not hold', never: 'it was so', eventually: 'it did not come true' } as const;

/** What is found of the answers to requests where there were none. */
export const nothingAsked =
  'nothing was asked: no request was made, since every caller was off or its first request came too late; availability needs requests';

/** Whether two failures are one: the same property said no, and both times or neither time there was a reason, or no request. */
export function isSameFailure(one: Failure, other: Failure): boolean {
  return one.property === other.property && kindOf(one) === kindOf(other);
}

function kindOf({ found }: Failure): 'plain' | 'unasked' | 'explained' {
  if (found === nothingAsked) return 'unasked';
  return Object.values<string>(plainNo).includes(found) ? 'plain' : 'explained';
}

/** A property of every state from the start of chaos on. */
export function always(name: string, holds: (scene: Scene) => boolean): Property {
  return {
    name,
    doc: 'holds after every change',
    kind: 'always',
    begin: (scene) => ({ state: () => (scene.phase === 'form' ? undefined : ask(() => holds(scene), plainNo.always)) }),
  };
}

/** A property of every state from the start of chaos on: what must not be. */
export function never(name: string, isSo: (scene: Scene) => boolean): Property {
  return {
    name,
    doc: 'is so after no change',
    kind: 'never',
    begin: (scene) => ({
      state: () => (scene.phase === 'form' ? undefined : ask(() => !answer(isSo(scene)), plainNo.never)),
    }),
  };
}

/** Has to come true within a bound: of the calm, or of `fromMs` of the chaos. */
export function eventually(
  name: string,
  holds: (scene: Scene) => boolean,
  bound: { readonly fromMs?: number; readonly withinMs?: number } = {},
): Property {
  return {
    name,
    doc: 'comes true within its bound',
    kind: 'eventually',
    ...bound,
    begin: (scene) => ({ state: () => ask(() => holds(scene), plainNo.eventually) }),
  };
}

const notYet = 'it was not so';

/** Has to be so once, in some run of a campaign. */
export function sometimes(name: string, isSo: (scene: Scene) => boolean): Property {
  return {
    name,
    doc: 'happens in some run',
    kind: 'sometimes',
    begin: (scene) => {
      let no: string | undefined = notYet;
      return {
        state: () => {
          if (no !== undefined && scene.phase !== 'form') no = ask(() => isSo(scene), notYet);
          return undefined;
        },
        happened: () => no === undefined,
        missed: () => (no === notYet ? undefined : no),
      };
    },
  };
}

/** A property that answers with anything else would hold, or break, by accident. */
function answer(result: unknown): boolean {
  if (typeof result === 'boolean') return result;
  refusePromise('it', result);
  throw new ScenarioError(`it returned ${String(result)}: return true or false`);
}

/** An assertion library's error says more than a plain no. */
function ask(holds: () => boolean, otherwise: string): string | undefined {
  try {
    return answer(holds()) ? undefined : otherwise;
  } catch (error) {
    if (isSlip(error)) throw error;
    return error instanceof Error ? error.message : String(error);
  }
}
