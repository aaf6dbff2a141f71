/** Runs a scenario on one seed or many, and tells what held, how fast, and what did not. */

import {
  planLimits,
  PropertyError,
  Recorder,
  recordingOf,
  seedNumber,
  seedText,
  simulateScenario,
  timelineHtml,
} from '@skein/sim';
import type { DrawnScenario, Recording, RunReport, Scenario } from '@skein/sim';
import { guarded } from '@skein/sim/guard';
import { outPaint } from '../colour.ts';
import { CliFailure, exitCodes, reasonOf, usageFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import { table } from '../table.ts';
import { writePage } from './page.ts';
import { progressOn } from './progress.ts';
import { promiseRow, promisesOf, scenarioJson, secondsText } from './promises.ts';
import type { Finding } from './promises.ts';
import { placePrefix } from './source-place.ts';

type AnyScenario = Scenario | DrawnScenario;

export interface RunSettings {
  readonly seed: string;
  readonly nodes?: number;
  readonly runs: number;
  readonly json: boolean;
  readonly html?: string;
  /** The words before the name that start this command again. */
  readonly command: string;
}

interface Outcome {
  readonly reports: readonly RunReport[];
  readonly findings: readonly Finding[];
  /** Of the first run that failed, or else of the first of all. */
  readonly recording: Recording | undefined;
}

/** Findings are told in full up to here; a scenario that always fails needs no thousand. */
const toldMax = 5;

/** Resolves with the exit code. `name`: what the user called the scenario, which is a path for a file. */
export async function runScenario(io: Io, name: string, scenario: AnyScenario, settings: RunSettings): Promise<number> {
  const { nodes: asked = 1 } = settings;
  if (asked > planLimits.nodes) throw usageFailure(`--nodes ${asked}: a scenario runs on 1 to ${planLimits.nodes} nodes`);
  const startedMs = performance.now();
  const outcome = runAll(io, name, scenario, settings);
  const tookMs = performance.now() - startedMs;
  const { findings, recording, reports } = outcome;
  if (settings.html !== undefined && recording !== undefined) await writePage(io, settings.html, timelineHtml(recording));
  if (settings.json) {
    const [plan] = reports.map((report) => report.plan);
    const setup = { seed: firstSeed(settings), runs: settings.runs, nodes: plan?.nodes, network: plan?.network };
    io.out(`${JSON.stringify(scenarioJson(scenario.name, setup, reports, findings), undefined, 2)}\n`);
  } else print(io, scenario, settings, outcome, tookMs);
  return findings.length === 0 ? exitCodes.ok : exitCodes.failure;
}

function print(
  io: Io,
  scenario: AnyScenario,
  settings: RunSettings,
  { findings, recording, reports }: Outcome,
  tookMs: number,
): void {
  const paint = outPaint(io);
  io.out(table(['PROMISE', 'HELD', 'MEDIAN', 'WORST'], promisesOf(reports).map(promiseRow), paint));
  const [first] = reports;
  const nodes = `${nodesText(reports)}, ${secondsText(first?.figures.virtualMs ?? 0)} of virtual time`;
  const which = settings.runs === 1 ? `seed ${firstSeed(settings)}` : `${settings.runs} seeds from ${firstSeed(settings)} on`;
  const hash = settings.runs === 1 && first !== undefined ? `, trace ${first.traceHash}` : '';
  const verdict = findings.length === 0 ? paint('green', 'held') : paint('red', 'failed');
  io.out(`\n${scenario.name} ${verdict}: ${nodes}, ${which}${hash}, in ${secondsText(tookMs)}\n`);
  for (const { seed, atMs, what, found, again } of findings.slice(0, toldMax)) {
    io.out(`\nseed ${seed}, at ${secondsText(atMs)}: ${what}\n  ${found}\n  again: ${again}\n`);
  }
  if (findings.length > toldMax) io.out(`\nand ${findings.length - toldMax} findings more\n`);
  if (settings.html !== undefined && recording !== undefined) io.out(`\ntimeline of seed ${recording.seed}: ${settings.html}\n`);
}

/** A seed may draw its own number. */
function nodesText(reports: readonly RunReport[]): string {
  const counts = reports.map(({ plan }) => plan.nodes).sort((a, b) => a - b);
  const [least, most] = [counts[0], counts.at(-1)];
  return least === most ? `${least} nodes` : `${least} to ${most} nodes`;
}

function runAll(io: Io, name: string, scenario: AnyScenario, settings: RunSettings): Outcome {
  const progress = progressOn(io, settings.json || settings.runs === 1);
  const findings: Finding[] = [];
  const reports: RunReport[] = [];
  let recording: Recording | undefined;
  try {
    for (let i = 0; i < settings.runs; i++) {
      const seed = seedText((seedNumber(settings.seed) + i) >>> 0);
      const failed = findings.length === 0 ? '' : `, ${findings.length} findings`;
      progress.tell(`${scenario.name}: run ${i + 1} of ${settings.runs}, seed ${seed}${failed}`);
      const again = commandOf(name, settings, seed);
      const isFirstFinding = findings.length === 0;
      const recorder = settings.html !== undefined && isFirstFinding ? new Recorder() : undefined;
      const report = runOne(name, scenario, settings, { seed, again, recorder });
      reports.push(report);
      for (const { property, atMs, node, found } of report.failures)
        findings.push({ seed, atMs, what: property, found: node === '' ? found : `${node}: ${found}`, again });
      if (recorder !== undefined && (recording === undefined || !report.passed))
        recording = recordingOf(recorder, report, { title: scenario.name, summary: scenario.summary, command: again });
    }
  } finally {
    progress.end();
  }
  return { findings, reports, recording };
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
    if (error instanceof PropertyError)
      throw new CliFailure(`${scenario.name}: ${placePrefix(error.cause, name)}${error.message}`, { hint: [`again: ${again}`] });
    const size = nodes === undefined ? '' : `on ${nodes} nodes `;
    const what = `the script of ${scenario.name}, ${size}with seed ${seed}: ${placePrefix(error, name)}${reasonOf(error)}`;
    throw error instanceof RangeError ? usageFailure(what) : new CliFailure(what);
  }
}

function commandOf(name: string, settings: RunSettings, seed: string): string {
  const nodes = settings.nodes === undefined ? '' : ` --nodes ${settings.nodes}`;
  return `${settings.command} ${name} --seed ${seed}${nodes}`;
}

function firstSeed({ seed }: RunSettings): string {
  return seedText(seedNumber(seed));
}
