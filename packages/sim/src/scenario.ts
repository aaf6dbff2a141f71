/**
 * A scenario: a story on one world, told as steps that each must hold within a bound of virtual time. The same
 * scenario runs from a test, from the command line and from a nightly loop over seeds.
 */

import type { MeshEvent } from '@skein/core';
import { differences } from './audit.ts';
import type { NetworkName } from './quantiles.ts';
import type { Seed } from './randomness.ts';
import type { SimNode } from './sim-node.ts';
import { secondsText } from './trace.ts';
import { World } from './world.ts';

export interface Scenario {
  readonly name: string;
  /** One line: what is shown. */
  readonly summary: string;
  readonly network: NetworkName;
  readonly nodes: number;
  /** Zones dealt out to the nodes in turn. */
  readonly zones?: readonly string[];
  script(stage: Stage): void;
}

/** One thing that had to hold, and whether it did. */
export interface StepReport {
  readonly what: string;
  /** When it was asked for, in virtual time. */
  readonly atMs: number;
  readonly held: boolean;
  /** How long it took to become true. */
  readonly tookMs: number;
  /** What was found instead, at most a few lines. */
  readonly found: readonly string[];
}

export interface ScenarioReport {
  readonly scenario: string;
  /** Gives this run again. */
  readonly seed: string;
  readonly nodes: number;
  readonly passed: boolean;
  readonly steps: readonly StepReport[];
  readonly virtualMs: number;
  readonly events: number;
  readonly traceHash: string;
  /** The last state changes before the end. */
  readonly trace: readonly string[];
}

/** An event that must not happen from some time on. */
interface Ban {
  readonly what: string;
  readonly atMs: number;
  readonly matches: (event: MeshEvent, node: SimNode) => boolean;
  readonly found: string[];
}

const foundMax = 10;

/** What a script acts on. */
export class Stage {
  readonly world: World;
  readonly nodes: readonly SimNode[];
  readonly #steps: StepReport[] = [];
  readonly #bans: Ban[] = [];

  constructor(options: { readonly scenario: Scenario; readonly seed: Seed; readonly nodes: number }) {
    const { scenario, seed, nodes } = options;
    this.world = new World({ seed, network: scenario.network, onEvent: (node, event) => this.#watch(node, event) });
    this.nodes = this.world.mesh(nodes, scenario.zones === undefined ? {} : { zones: scenario.zones });
  }

  /** All steps so far, then what must not happen. */
  steps(): readonly StepReport[] {
    const bans = this.#bans.map(({ what, atMs, found }) => ({
      what,
      atMs,
      held: found.length === 0,
      tookMs: this.world.nowMs - atMs,
      found,
    }));
    return [...this.#steps, ...bans];
  }

  /** From now on, no node may emit an event that `matches`. */
  never(what: string, matches: (event: MeshEvent, node: SimNode) => boolean): void {
    this.#bans.push({ what, atMs: this.world.nowMs, matches, found: [] });
  }

  /** Runs until `condition` holds. Returns whether it did within the bound; the script goes on either way. */
  eventually(what: string, withinMs: number, condition: () => boolean): boolean {
    return this.#step(what, withinMs, () => (condition() ? [] : ['it did not come true']));
  }

  /** Runs until all running nodes agree with each other and with the truth. */
  agree(what: string, withinMs: number): boolean {
    return this.#step(what, withinMs, () => differences(this.nodes));
  }

  #watch(node: SimNode, event: MeshEvent): void {
    for (const ban of this.#bans) {
      if (ban.found.length >= foundMax || !ban.matches(event, node)) continue;
      ban.found.push(`at ${secondsText(this.world.nowMs * 1000)} s, ${node.name}: ${JSON.stringify(event)}`);
    }
  }

  #step(what: string, withinMs: number, find: () => readonly string[]): boolean {
    const atMs = this.world.nowMs;
    const tookMs = this.world.runUntil(() => find().length === 0, withinMs);
    const held = tookMs !== undefined;
    this.#steps.push({ what, atMs, held, tookMs: tookMs ?? withinMs, found: held ? [] : find().slice(0, foundMax) });
    return held;
  }
}

/** Runs a scenario once. Throws only what `World` throws: a broken invariant is never a failed step. */
export function simulate(scenario: Scenario, options: { readonly seed: Seed; readonly nodes?: number }): ScenarioReport {
  const stage = new Stage({ scenario, seed: options.seed, nodes: options.nodes ?? scenario.nodes });
  scenario.script(stage);
  const { world } = stage;
  const steps = stage.steps();
  return {
    scenario: scenario.name,
    seed: world.seed,
    nodes: stage.nodes.length,
    passed: steps.every((step) => step.held),
    steps,
    virtualMs: world.nowMs,
    events: world.events,
    traceHash: world.traceHash(),
    trace: world.trace.lines(),
  };
}
