/**
 * Chaos as tests: `import { chaos } from '@skein/sim/vitest'`. A test runs a story on a number of seeds; when one fails,
 * it is made as small as it gets and thrown as a report that can be pasted.
 *
 * Environment: `CHAOS_SEED` says the first seed, and runs no other where neither of the next two does; `CHAOS_RUNS` sets
 * how many; `CHAOS_SECONDS` goes on to new seeds for so long; `CHAOS_CHECK_DETERMINISM=1` tells and runs each seed twice and prints the first thing in which the two differ.
 * A variable that is set to nothing is not set.
 */

import { test } from 'vitest';
import { campaign } from '../campaign.ts';
import type { CampaignReport } from '../campaign.ts';
import { checkDeterminism } from '../determinism.ts';
import type { FaultPlan } from '../plan.ts';
import type { Failure, Property } from '../property.ts';
import { hash32, hashText, seedNumber, seedText } from '../randomness.ts';
import type { Seed } from '../randomness.ts';
import { runPlan } from '../run-plan.ts';
import type { RunOptions, RunReport } from '../run-plan.ts';
import { checkReplayOptions, checkStory, checkSwarmOptions, readSoundPlan } from '../scenario-check.ts';
import { againText, failureText } from '../scenario-text.ts';
import { PropertyError, refusePromise, ScenarioError } from '../scenario-error.ts';
import { Script } from '../scenario.ts';
import type { MeshOptions } from '../scenario.ts';
import { shrink } from '../shrink.ts';
import { nothingTestedText } from '../skipped.ts';
import { drawPlan } from '../swarm.ts';
import type { SwarmOptions } from '../swarm.ts';
import { guarded } from './guard.ts';

export interface SeedOptions {
  /** The first seed. Default: one made from the name of the test. */
  readonly seed?: Seed;
  /** How many seeds are run, a million at most. Default 1, and 20 for `chaos.random`. */
  readonly seeds?: number;
}

export interface ChaosOptions extends MeshOptions, SeedOptions, RunOptions {}

/** Time to make a failing plan small, and to run: a run is never interrupted. */
const shrinkMs = 30_000;
const timeoutMs = 3_600_000;

/** As many as `skein sim --runs` takes: more is a slip, and CHAOS_SECONDS is how to go on for long. */
const seedsMax = 1_000_000;

/** So many drawn plans meet everything that the protocol is made for, or something is wrong with what is drawn. */
const coveredRuns = 60;

const seedStream = hashText('chaos');

interface Run {
  readonly plan: FaultPlan;
  readonly properties: readonly Property[];
}

/**
 * A test that tells a story to a simulated mesh and checks what must hold in every mesh, and what the story asks for. What
 * cannot be meant fails the test, here as in the others: thrown while tests are collected, it would take the file down.
 */
function chaosTest(name: string, options: ChaosOptions, script: (sim: Script) => void): void {
  test(name, { timeout: timeoutMs }, () => {
    checkStory(options, script);
    runSeeds(name, { ...options, runs: 1, meets: () => [] }, (seed) => {
      const sim = new Script(options, seed);
      refusePromise('the script', script(sim));
      return { plan: sim.plan(), properties: sim.properties };
    });
  });
}

/** A test of plans that seeds draw, instead of a story. */
function random(name: string, options: SwarmOptions & SeedOptions & RunOptions = {}): void {
  test(name, { timeout: timeoutMs }, () => {
    checkSwarmOptions(options);
    runSeeds(name, { ...options, runs: 20, meets: ({ uncovered }) => uncovered }, (seed) => ({
      plan: drawPlan(seed, options),
      properties: [],
    }));
  });
}

/** A test that runs one plan, such as one that a failure printed. It fails with a `PlanError` where that cannot be meant. */
function replay(name: string, plan: unknown, options: RunOptions = {}): void {
  test(name, { timeout: timeoutMs }, () => {
    checkReplayOptions(options);
    const read = readSoundPlan(plan);
    const report = named(name, undefined, () =>
      guarded(() => {
        checkSame(name, undefined, (more) => runPlan(read, { ...options, ...more }));
        return runPlan(read, options);
      }),
    );
    const [failure] = report.failures;
    if (failure !== undefined)
      throw failed(failureText(name, { plan: read, failure, seed: undefined, runs: 0, asked: askedFor(options, failure) }));
    refuseSkipped(1, report.figures, report);
  });
}

export const chaos: typeof chaosTest & { readonly random: typeof random; readonly replay: typeof replay } = Object.assign(
  chaosTest,
  {
    random,
    replay,
  },
);

/** What a kind of test runs, and what all runs together have to meet. */
interface Kind extends SeedOptions, RunOptions {
  readonly runs: number;
  readonly meets: (report: CampaignReport) => readonly string[];
}

function runSeeds(name: string, options: Kind, make: (seed: Seed) => Run): void {
  const startMs = Date.now();
  const seconds = count('CHAOS_SECONDS');
  const endMs = seconds === undefined ? undefined : startMs + seconds * 1000;
  const text = variable('CHAOS_SEED');
  const said = text === undefined ? undefined : seedOf(text);
  const own = seedCount(options);
  const asked = count('CHAOS_RUNS', seedsMax);
  /** A look at one seed says nothing about what the others meet. */
  const isLook = said !== undefined && asked === undefined && seconds === undefined;
  const runs = isLook ? 1 : (asked ?? (seconds === undefined ? own : Number.POSITIVE_INFINITY));
  const isOver = (): boolean => endMs !== undefined && Date.now() >= endMs;
  const seeds = seedsFrom(said ?? firstSeed(name, options), runs);
  /** What an assertion in a `sometimes` last threw. */
  const whys = new Map<string, string>();
  let first: { readonly run: Run; readonly seed: Seed; readonly failure: Failure } | undefined;
  let firstReport: RunReport | undefined;
  const report = campaign(
    seeds,
    (seed) => {
      const result = named(name, seed, () => runOnce(name, seed, make, options));
      firstReport ??= result.report;
      const [failure] = result.report.failures;
      if (failure !== undefined) first ??= { run: result.run, seed, failure };
      for (const { property, kind, found } of result.report.outcomes)
        if (kind === 'sometimes' && found !== undefined) whys.set(property, found);
      return result.report;
    },
    () => first !== undefined || isOver(),
  );
  if (first !== undefined) throw failed(shrunkText(name, first, options));
  if (!isLook) refuseSkipped(report.runs, report, firstReport);
  const never = report.never.map((name) => (whys.has(name) ? `${name} (at last: ${whys.get(name)})` : name));
  const missed = isLook ? [] : [...never, ...(report.runs >= coveredRuns ? options.meets(report) : [])];
  if (missed.length > 0)
    throw new Error(`in ${report.runs} runs this never happened, so the rest may have proved nothing: ${missed.join(', ')}`);
}

function runOnce(
  name: string,
  seed: Seed,
  make: (seed: Seed) => Run,
  options: RunOptions,
): { readonly run: Run; readonly report: RunReport } {
  return guarded(() => {
    const run = make(seed);
    const all = { ...options, properties: [...run.properties, ...(options.properties ?? [])] };
    checkSame(name, seed, (more) => {
      // The script is told anew each time: a story that differs is a run that differs.
      const { plan, properties } = make(seed);
      return runPlan(plan, { ...all, ...more, properties: [...properties, ...(options.properties ?? [])] });
    });
    return { run, report: runPlan(run.plan, all) };
  });
}

/** Runs it twice, where the environment asks for that. */
function checkSame(name: string, seed: Seed | undefined, run: (more: { readonly traceLines: number }) => RunReport): void {
  if (!flag('CHAOS_CHECK_DETERMINISM')) return;
  const difference = checkDeterminism(run);
  if (difference !== undefined) throw new Error(`${difference}\n\n${againText(name, seed)}`);
}

/** Trouble that never came is no reason for a test to pass. */
function refuseSkipped(runs: number, figures: Pick<CampaignReport, 'faults' | 'skipped'>, first: RunReport | undefined): void {
  if (first === undefined) return;
  const text = nothingTestedText(runs, figures, { skipped: first.skipped, nodes: first.plan.nodes });
  if (text !== undefined) throw new Error(text);
}

function shrunkText(
  name: string,
  { run, seed, failure }: { readonly run: Run; readonly seed: Seed; readonly failure: Failure },
  options: RunOptions,
): string {
  const endMs = Date.now() + shrinkMs;
  const now = Date.now.bind(Date);
  const properties = [...run.properties, ...(options.properties ?? [])];
  const small = guarded(() =>
    shrink(run.plan, failure, (plan, stopAt) => runPlan(plan, { ...options, properties, stopAt }), {
      isOver: () => now() >= endMs,
    }),
  );
  return failureText(name, { ...small, seed, asked: askedFor({ properties }, failure) });
}

function askedFor({ properties = [] }: RunOptions, failure: Failure): Property | undefined {
  return properties.find((property) => property.name === failure.property);
}

/** A property that throws ends the test; it says with which seed, and how to see it again. */
function named<T>(name: string, seed: Seed | undefined, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof PropertyError)) throw error;
    // With its cause, of which the test runner shows the line.
    throw Object.assign(failed(`${error.message}\n\n${againText(name, seed)}`), { cause: error.cause });
  }
}

/** The report says where and how; the stack of the test runner would say nothing more. */
function failed(report: string): Error {
  const error = new Error(report);
  error.name = 'ChaosFailure';
  error.stack = `ChaosFailure: ${report}`;
  return error;
}

function seedCount({ seeds, runs }: Kind): number {
  if (seeds !== undefined && !(Number.isInteger(seeds) && seeds >= 1))
    throw new ScenarioError(`seeds: ${seeds} is no count of 1 or more`);
  if (seeds !== undefined && seeds > seedsMax)
    throw new ScenarioError(`seeds: ${seeds} are too many: ${seedsMax} are the most; CHAOS_SECONDS goes on for a time instead`);
  return seeds ?? runs;
}

/** Each test has its own by its name, which is text whatever it looks like. */
function firstSeed(name: string, { seed }: SeedOptions): number {
  return seed === undefined ? hashText(name) : seedNumber(seed);
}

/** Seeds in a row after one, each by hash: neighbours of a number or text are as different as any. */
function* seedsFrom(first: number, most: number): IterableIterator<Seed> {
  yield seedText(first);
  for (let run = 1; run < most; run++) yield seedText(hash32(seedStream, first, run, 0));
}

/** Set to nothing is not set. */
function variable(name: string): string | undefined {
  return process.env[name] || undefined;
}

function count(name: string, most: number = 999_999_999): number | undefined {
  const text = variable(name);
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new ScenarioError(`${name}=${text} is no count of 1 or more`);
  if (Number(text) > most) throw new ScenarioError(`${name}=${text} are too many: ${most} are the most`);
  return Number(text);
}

/** 0 is not set, too. */
function flag(name: string): boolean {
  const text = variable(name) ?? '0';
  if (!['0', '1'].includes(text)) throw new ScenarioError(`${name}=${text} is neither 1 (yes) nor 0 (no)`);
  return text === '1';
}

/** As `skein sim --seed` reads it: a word is of characters that need no quotes in a shell, or it is taken for a slip. */
function seedOf(text: string): number {
  try {
    if (/^[\w.-]{1,64}$/.test(text)) return seedNumber(text);
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
  }
  throw new ScenarioError(
    `CHAOS_SEED=${text} is no seed: it has 1 to 8 hexadecimal digits without 0x, or is a word of 1 to 64 letters, digits, dots, dashes or underscores`,
  );
}
