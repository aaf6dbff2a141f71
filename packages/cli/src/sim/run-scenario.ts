/** Runs a scenario on one seed or many, and tells what held, how fast, and what did not. */

import { setImmediate } from 'node:timers/promises';
import {
  checkScenario,
  nothingTestedText,
  planLimits,
  PropertyError,
  Recorder,
  recordingOf,
  seedNumber,
  seedText,
  simulateScenario,
  timelineHtml,
} from '@skein/sim';
import type { DrawnScenario, Failure, Recording, RunReport, Scenario } from '@skein/sim';
import { guarded } from '@skein/sim/guard';
import { outPaint } from '../colour.ts';
import { CliFailure, exitCodes, reasonOf, usageFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import { table } from '../table.ts';
import { commandLine } from './again.ts';
import { watchExit } from './exit-watch.ts';
import { checkPage, writePage } from './page.ts';
import { progressOn } from './progress.ts';
import { promiseRow, scenarioJson, secondsText } from './promises.ts';
import type { Finding } from './promises.ts';
import { smallestOf } from './smallest.ts';
import type { Smallest } from './smallest.ts';
import { placePrefix } from './source-place.ts';
import { Tally } from './tally.ts';

type AnyScenario = Scenario | DrawnScenario;

export interface RunSettings {
  readonly seed: string;
  /** Whether this is a look at one seed that the user chose, which says nothing about what others meet. */
  readonly isLook: boolean;
  readonly nodes?: number;
  readonly runs: number;
  readonly json: boolean;
  readonly html?: string;
  /** Whether what fails is made small. */
  readonly shrink: boolean;
  /** The words before the name that start this command again. */
  readonly command: string;
}

interface Outcome {
  readonly tally: Tally;
  readonly findings: readonly Finding[];
  readonly isLook: boolean;
  /** Whether all that was asked for ran. */
  readonly isWhole: boolean;
  readonly first: FirstFailure | undefined;
  /** Of the first run that failed, or else of the first of all. */
  readonly recording: Recording | undefined;
}

/** What broke first in the first run that failed. */
interface FirstFailure {
  readonly seed: string;
  readonly nodes?: number;
  readonly failure: Failure;
  readonly again: string;
}

/** Findings are told in full up to here; a scenario that always fails needs no thousand. */
const toldMax = 5;

/** Resolves with the exit code. `name`: what the user called the scenario, which is a path for a file. */
export async function runScenario(io: Io, name: string, scenario: AnyScenario, settings: RunSettings): Promise<number> {
  const { nodes: asked = 1 } = settings;
  if (asked > planLimits.nodes) throw usageFailure(`--nodes ${asked}: a scenario runs on 1 to ${planLimits.nodes} nodes`);
  checkExport(name, scenario, settings);
  if (settings.html !== undefined) await checkPage(io, settings.html);
  const startedMs = performance.now();
  const outcome = await watchExit(io, name, () => runAll(io, name, scenario, settings));
  const tookMs = performance.now() - startedMs;
  const { findings, tally, first, isWhole, isLook } = outcome;
  const passed = findings.length === 0 && isWhole;
  // Table and page come before a failing plan is made small, which takes its time.
  if (!settings.json) print(io, scenario, settings, outcome, tookMs);
  const unwritten = await writeTimeline(io, settings, outcome);
  const smallest = first !== undefined && settings.shrink && isWhole ? makeSmall(io, scenario, first, settings) : undefined;
  if (settings.json) {
    const json = scenarioJson(scenario.name, firstSeed(settings), { tally, isLook, findings, smallest, passed });
    io.out(`${JSON.stringify(json, undefined, 2)}\n`);
  } else if (smallest !== undefined) io.out(`\nThe first of them, made small:\n\n${smallest.story}\n`);
  if (unwritten !== undefined) throw unwritten;
  return passed ? exitCodes.ok : exitCodes.failure;
}

function makeSmall(io: Io, scenario: AnyScenario, first: FirstFailure, { json }: RunSettings): Smallest {
  const progress = progressOn(io, json);
  try {
    return smallestOf(scenario, first, (text) => progress.tell(`${scenario.name}: ${text}`));
  } finally {
    progress.end();
  }
}

function print(io: Io, scenario: AnyScenario, settings: RunSettings, outcome: Outcome, tookMs: number): void {
  const { findings, tally, isLook, isWhole } = outcome;
  const paint = outPaint(io);
  io.out(table(['PROMISE', 'HELD', 'MEDIAN', 'WORST'], tally.promises(isLook).map(promiseRow), paint));
  const { first, runs } = tally;
  const nodes = `${nodesText(tally)}, ${secondsText(first?.figures.virtualMs ?? 0)} of virtual time`;
  const which = settings.runs === 1 ? `seed ${firstSeed(settings)}` : `${runs} seeds from ${firstSeed(settings)} on`;
  const hash = settings.runs === 1 && first !== undefined ? `, trace ${first.traceHash}` : '';
  const stopped = `stopped after ${runs} of ${settings.runs} runs`;
  const verdict = findings.length > 0 ? paint('red', 'failed') : isWhole ? paint('green', 'held') : paint('red', stopped);
  const alsoStopped = findings.length > 0 && !isWhole ? `, ${stopped}` : '';
  io.out(`\n${scenario.name} ${verdict}: ${nodes}, ${which}${hash}, in ${secondsText(tookMs)}${alsoStopped}\n`);
  for (const { seed, atMs = 0, what, found, again } of findings.slice(0, toldMax)) {
    const where = seed === undefined ? '' : `seed ${seed}, at ${secondsText(atMs)}: `;
    io.out(`\n${where}${what}\n  ${found}\n  again: ${again}\n`);
  }
  if (findings.length > toldMax) io.out(`\nand ${findings.length - toldMax} findings more\n`);
}

/** Returns why there is no page, to be told when all else is. */
async function writeTimeline(io: Io, { html, json }: RunSettings, { recording }: Outcome): Promise<CliFailure | undefined> {
  if (html === undefined || recording === undefined) return undefined;
  try {
    await writePage(io, html, timelineHtml(recording));
  } catch (error) {
    if (error instanceof CliFailure) return error;
    throw error;
  }
  if (!json) io.out(`\ntimeline of seed ${recording.seed}: ${html}\n`);
  return undefined;
}

/** What is said of the mesh, beside its script: no run is needed to see that it cannot be meant. */
function checkExport(name: string, scenario: AnyScenario, { nodes }: RunSettings): void {
  try {
    checkScenario(scenario, nodes);
  } catch (error) {
    throw usageFailure(`${name}: its default export: ${reasonOf(error)}`);
  }
}

function nodesText({ nodes: { least, most } }: Tally): string {
  return least === most ? `${least} nodes` : `${least} to ${most} nodes`;
}

async function runAll(io: Io, name: string, scenario: AnyScenario, settings: RunSettings): Promise<Outcome> {
  const progress = progressOn(io, settings.json || settings.runs === 1);
  const findings: Finding[] = [];
  const tally = new Tally();
  let recording: Recording | undefined;
  let first: FirstFailure | undefined;
  const stop = new AbortController();
  // One run has nothing to show before it is over, so that Ctrl-C just ends it.
  const unlisten = settings.runs === 1 ? () => {} : io.onInterrupt(() => stop.abort());
  try {
    for (let i = 0; i < settings.runs && !stop.signal.aborted; i++) {
      const seed = seedText((seedNumber(settings.seed) + i) >>> 0);
      const failed = findings.length === 0 ? '' : `, ${findings.length} findings`;
      progress.tell(`${scenario.name}: run ${i + 1} of ${settings.runs}, seed ${seed}${failed}`);
      const again = commandOf(name, settings, seed);
      const isFirstFinding = findings.length === 0;
      const recorder = settings.html !== undefined && isFirstFinding ? new Recorder() : undefined;
      const report = runOne(name, scenario, settings, { seed, again, recorder });
      tally.add(report);
      for (const failure of report.failures) {
        const { property, atMs, node, found } = failure;
        first ??= { seed, failure, again, ...(settings.nodes !== undefined && { nodes: settings.nodes }) };
        findings.push({ seed, atMs, what: property, found: node === '' ? found : `${node}: ${found}`, again });
      }
      if (recorder !== undefined && (recording === undefined || !report.passed))
        recording = recordingOf(recorder, report, { title: scenario.name, summary: scenario.summary, command: again });
      // A run is synchronous: signals are taken between two of them.
      if (settings.runs > 1) await setImmediate();
    }
  } finally {
    progress.end();
    unlisten();
  }
  const isWhole = tally.runs === settings.runs;
  const isLook = !isWhole || settings.isLook;
  if (!isLook) {
    findings.push(...tally.neverHappened().map((what) => absence(what, name, settings)));
    findings.push(...nothingTested(tally, name, settings));
  }
  return { findings, tally, recording, first, isWhole, isLook };
}

/** A `sometimes` that never was, so that the rest may have proved nothing. */
function absence(what: string, name: string, settings: RunSettings): Finding {
  const { runs } = settings;
  const said = runs === 1 ? 'it did not happen in this run' : `it happened in none of the ${runs} runs`;
  return {
    what,
    found: `${said}, and a \`sometimes\` has to happen in one at least, or the other promises may prove nothing; try more seeds with --runs, or make it likelier`,
    again: againAll(name, settings),
  };
}

/** Trouble that never came is no reason for a scenario to hold. */
function nothingTested({ runs, faults, first }: Tally, name: string, settings: RunSettings): readonly Finding[] {
  if (first === undefined) return [];
  const found = nothingTestedText(runs, faults, { skipped: first.skipped, nodes: first.plan.nodes });
  return found === undefined ? [] : [{ what: 'trouble comes', found, again: againAll(name, settings) }];
}

function againAll(name: string, settings: RunSettings): string {
  return `${commandOf(name, settings, firstSeed(settings))} --runs ${settings.runs}`;
}

/** What breaks inside the mesh is a finding of the report; what throws is the script, or does not fit the number of nodes. */
function runOne(
  name: string,
  scenario: AnyScenario,
  { nodes }: RunSettings,
  { seed, again, recorder }: { readonly seed: string; readonly again: string; readonly recorder: Recorder | undefined },
): RunReport {
  try {
    return guarded(() =>
      simulateScenario(scenario, { seed, ...(nodes !== undefined && { nodes }), ...(recorder && { witness: recorder }) }),
    );
  } catch (error) {
    if (error instanceof PropertyError) {
      // As in a script: what cannot be meant is wrong usage, and what throws is a failure.
      const usage = error.cause instanceof RangeError;
      const where = placePrefix(error.cause, name);
      throw new CliFailure(`${scenario.name}: ${where}${error.message}`, { usage, hint: [`again: ${again}`] });
    }
    const size = nodes === undefined ? '' : `on ${nodes} ${nodes === 1 ? 'node' : 'nodes'} `;
    const told = 'plan' in scenario ? 'plan' : 'script';
    const what = `the ${told} of ${scenario.name}, ${size}with seed ${seed}: ${placePrefix(error, name)}${reasonOf(error)}`;
    throw error instanceof RangeError ? usageFailure(what) : new CliFailure(what);
  }
}

function commandOf(name: string, settings: RunSettings, seed: string): string {
  const nodes = settings.nodes === undefined ? [] : ['--nodes', String(settings.nodes)];
  return commandLine(settings.command, [name, '--seed', seed, ...nodes]);
}

function firstSeed({ seed }: RunSettings): string {
  return seedText(seedNumber(seed));
}
