/** Runs stories, random plans and stored plans, without any test runner. */

import type { FaultPlan } from './plan.ts';
import type { Property } from './property.ts';
import { runPlan } from './run-plan.ts';
import type { RunOptions, RunReport } from './run-plan.ts';
import {
  checkOneSeed,
  checkReplayOptions,
  checkScenarioKeys,
  checkStory,
  checkSwarmOptions,
  readSoundPlan,
} from './scenario-check.ts';
import { refusePromise } from './scenario-error.ts';
import { Script } from './scenario.ts';
import type { MeshOptions, Scenario } from './scenario.ts';
import type { Seed } from './randomness.ts';
import { drawPlan } from './swarm.ts';
import type { SwarmOptions } from './swarm.ts';

export interface SimulateOptions extends MeshOptions, RunOptions {
  /** Default 1. */
  readonly seed?: Seed;
}

/** Tells a story for one seed and runs it. The report says what failed; only a broken script or simulator throws. */
export function simulate(options: SimulateOptions, script: (sim: Script) => void): RunReport {
  checkStory(options, script);
  checkOneSeed(options);
  const sim = new Script(options, options.seed ?? 1);
  refusePromise('the script', script(sim));
  return runPlan(sim.plan(), { ...options, properties: [...sim.properties, ...(options.properties ?? [])] });
}

/** A story that every seed draws anew. `nodes`: how many somebody asked for. */
export interface DrawnScenario {
  readonly name: string;
  /** One line: what is shown. */
  readonly summary: string;
  plan(seed: Seed, nodes: number | undefined): FaultPlan;
}

/** What a scenario comes to for one seed. */
export interface ToldScenario {
  readonly plan: FaultPlan;
  /** What the story asks for, besides what any mesh promises. */
  readonly properties: readonly Property[];
}

/** Refuses what a file says of its mesh, on fewer or more nodes if that is said. Its script is not run. */
export function checkScenario(scenario: Scenario | DrawnScenario, nodes?: number): void {
  checkScenarioKeys(scenario);
  if ('plan' in scenario) return;
  // Of a story of which nothing is told, only that can be wrong.
  new Script({ ...scenario, ...(nodes !== undefined && { nodes }) }, 1).plan();
}

/** Tells a scenario of a file for one seed, on fewer or more nodes if that is said, and runs nothing. */
export function tellScenario(
  scenario: Scenario | DrawnScenario,
  { seed = 1, nodes }: { readonly seed?: Seed; readonly nodes?: number } = {},
): ToldScenario {
  checkScenario(scenario, nodes);
  if ('plan' in scenario) return { plan: scenario.plan(seed, nodes), properties: [] };
  const sim = new Script({ ...scenario, ...(nodes !== undefined && { nodes }) }, seed);
  refusePromise('the script', scenario.script(sim));
  return { plan: sim.plan(), properties: sim.properties };
}

/** Runs a scenario of a file, on fewer or more nodes if that is said. */
export function simulateScenario(
  scenario: Scenario | DrawnScenario,
  options: RunOptions & { readonly seed?: Seed; readonly nodes?: number } = {},
): RunReport {
  const { plan, properties } = tellScenario(scenario, options);
  return runPlan(plan, { ...options, properties: [...properties, ...(options.properties ?? [])] });
}

/** Runs the plan that a seed draws. */
export function simulateRandom(seed: Seed, options: SwarmOptions & RunOptions = {}): RunReport {
  checkSwarmOptions(options);
  return runPlan(drawPlan(seed, options), options);
}

/** Runs a stored plan. Throws a `PlanError` where it is none, or could not happen as it says. */
export function replay(plan: unknown, options: RunOptions = {}): RunReport {
  checkReplayOptions(options);
  return runPlan(readSoundPlan(plan), options);
}
