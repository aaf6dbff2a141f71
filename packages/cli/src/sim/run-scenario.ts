/** Runs a scenario on one seed or many, and tells what held, how fast, and what did not. */

import { Recorder, figureReport, seedNumber, seedText, simulate, timelineHtml } from '@skein/sim';
import type { ExperimentRow, Mark, Recording, Scenario, ScenarioReport } from '@skein/sim';
import { outPaint } from '../colour.ts';
import { exitCodes, reasonOf } from '../failure.ts';
import type { Io } from '../io.ts';
import { table } from '../table.ts';
import type { Row } from '../table.ts';
import { progressOn } from './progress.ts';
import { writePage } from './page.ts';

export interface RunSettings {
  readonly seed: string;
  readonly nodes?: number;
  readonly runs: number;
  readonly json: boolean;
  readonly html?: string;
  /** The words before the name that start this command again. */
  readonly command: string;
}

/** A promise of the scenario, over all runs. */
interface Promised {
  readonly what: string;
  readonly tookMs: number[];
  runs: number;
  held: number;
}

interface Finding {
  readonly seed: string;
  readonly what: string;
  readonly found: readonly string[];
  readonly again: string;
}

interface Outcome {
  readonly promises: readonly Promised[];
  readonly findings: readonly Finding[];
  readonly reports: readonly ScenarioReport[];
  /** The first run that failed, or else the first of all. */
  readonly recording: Recording | undefined;
}

/** Findings are told in full up to here; a scenario that always fails needs no thousand. */
const toldMax = 5;

/** Resolves with the exit code. `name`: what the user called the scenario, which is a path for a file. */
export async function runScenario(io: Io, name: string, scenario: Scenario, settings: RunSettings): Promise<number> {
  const startedMs = performance.now();
  const outcome = runAll(io, name, scenario, settings);
  const { reports, findings, recording } = outcome;
  if (settings.html !== undefined && recording !== undefined) await writePage(io, settings.html, timelineHtml(recording));
  const isFine = findings.length === 0;
  if (settings.json) io.out(`${JSON.stringify(asJson(scenario, settings, outcome), undefined, 2)}\n`);
  else {
    const paint = outPaint(io);
    io.out(table(['PROMISE', 'HELD', 'MEDIAN', 'WORST'], outcome.promises.map(promiseRow), paint));
    const [first] = reports;
    const nodes = first === undefined ? '' : `${first.nodes} nodes, ${secondsText(first.virtualMs)} of virtual time, `;
    const which = settings.runs === 1 ? `seed ${firstSeed(settings)}` : `${settings.runs} seeds from ${firstSeed(settings)} on`;
    const verdict = isFine ? paint('green', 'held') : paint('red', 'failed');
    const hash = reports.length === 1 && first !== undefined ? `, trace ${first.traceHash}` : '';
    io.out(`\n${scenario.name} ${verdict}: ${nodes}${which}${hash}, in ${secondsText(performance.now() - startedMs)}\n`);
    for (const finding of findings.slice(0, toldMax)) io.out(`\n${findingText(finding)}`);
    if (findings.length > toldMax) io.out(`\nand ${findings.length - toldMax} findings more\n`);
    if (settings.html !== undefined && recording !== undefined)
      io.out(`\ntimeline of seed ${recording.seed}: ${settings.html}\n`);
  }
  return isFine ? exitCodes.ok : exitCodes.failure;
}

function runAll(io: Io, name: string, scenario: Scenario, settings: RunSettings): Outcome {
  const progress = progressOn(io, settings.json || settings.runs === 1);
  const promises = new Map<string, Promised>();
  const findings: Finding[] = [];
  const reports: ScenarioReport[] = [];
  let recording: Recording | undefined;
  let isRecordedFailure = false;
  for (let i = 0; i < settings.runs; i++) {
    const seed = seedText((seedNumber(settings.seed) + i) >>> 0);
    const again = commandOf(name, settings, seed);
    const failed = findings.length === 0 ? '' : `, ${findings.length} findings`;
    progress.tell(`${scenario.name}: run ${i + 1} of ${settings.runs}, seed ${seed}${failed}`);
    const wantsRecord = settings.html !== undefined && !isRecordedFailure;
    const run = runOne(scenario, { seed, again, nodes: settings.nodes, isRecorded: wantsRecord });
    if (run.report !== undefined) {
      reports.push(run.report);
      for (const step of run.report.steps) keep(promises, step);
    }
    findings.push(...run.findings);
    if (run.recording !== undefined && (recording === undefined || run.findings.length > 0)) {
      recording = run.recording;
      isRecordedFailure = run.findings.length > 0;
    }
  }
  progress.end();
  return { promises: [...promises.values()], findings, reports, recording };
}

function keep(promises: Map<string, Promised>, step: ScenarioReport['steps'][number]): void {
  const promised = promises.get(step.what) ?? { what: step.what, tookMs: [], runs: 0, held: 0 };
  promises.set(step.what, promised);
  promised.runs++;
  if (step.held) promised.held++;
  promised.tookMs.push(step.tookMs);
}

function runOne(
  scenario: Scenario,
  options: { readonly seed: string; readonly again: string; readonly nodes: number | undefined; readonly isRecorded: boolean },
): { readonly report?: ScenarioReport; readonly findings: readonly Finding[]; readonly recording?: Recording } {
  const { seed, again, nodes, isRecorded } = options;
  const recorder = isRecorded ? new Recorder() : undefined;
  const about = { title: scenario.name, summary: scenario.summary, command: again };
  try {
    const report = simulate(scenario, { seed, ...(nodes !== undefined && { nodes }), ...(recorder && { witness: recorder }) });
    const findings = report.steps.filter(({ held }) => !held).map(({ what, found }) => ({ seed, what, found, again }));
    return { report, findings, ...(recorder && { recording: recorder.recording({ ...about, marks: marksOf(report) }) }) };
  } catch (error) {
    // A broken invariant of the core, or a script that threw: a finding like any other, and the next seed is tried.
    const [what = '', ...found] = reasonOf(error).split('\n');
    const recording = recorder?.recording(about);
    const mark: Mark = { kind: 'failed', what, atUs: recording?.durationUs ?? 0, sinceUs: recording?.durationUs ?? 0, found };
    return { findings: [{ seed, what, found, again }], ...(recording && { recording: { ...recording, marks: [mark] } }) };
  }
}

function marksOf(report: ScenarioReport): Mark[] {
  return report.steps.map(({ what, atMs, held, tookMs, found }) => ({
    kind: held ? 'held' : 'failed',
    what,
    sinceUs: atMs * 1000,
    atUs: (atMs + tookMs) * 1000,
    found,
  }));
}

function commandOf(name: string, settings: RunSettings, seed: string): string {
  const nodes = settings.nodes === undefined ? '' : ` --nodes ${settings.nodes}`;
  return `${settings.command} ${name} --seed ${seed}${nodes}`;
}

function firstSeed({ seed }: RunSettings): string {
  return seedText(seedNumber(seed));
}

function promiseRow(promised: Promised): Row {
  const { what, held, runs, tookMs } = promised;
  const isWhole = held === runs;
  const text = runs === 1 ? (isWhole ? 'yes' : 'no') : `${held} of ${runs}`;
  const sorted = [...tookMs].sort((a, b) => a - b);
  return [
    what,
    { text, colour: isWhole ? 'green' : 'red' },
    secondsText(sorted[Math.floor((sorted.length - 1) / 2)] ?? 0),
    secondsText(sorted.at(-1) ?? 0),
  ];
}

function findingText({ seed, what, found, again }: Finding): string {
  return `seed ${seed}: ${what}\n${found.map((line) => `  ${line}\n`).join('')}  again: ${again}\n`;
}

function secondsText(ms: number): string {
  return `${(ms / 1000).toFixed(3)} s`;
}

function asJson(scenario: Scenario, settings: RunSettings, { promises, findings, reports }: Outcome): object {
  const rows = promises.map(({ what, tookMs, runs, held }): ExperimentRow => {
    const sorted = [...tookMs].sort((a, b) => a - b);
    return { what, unit: 'ms', ours: sorted[Math.floor((sorted.length - 1) / 2)] ?? 0, goal: `held in ${held} of ${runs} runs` };
  });
  const setup = {
    seed: firstSeed(settings),
    runs: settings.runs,
    nodes: reports[0]?.nodes ?? settings.nodes ?? scenario.nodes,
    network: scenario.network,
    traceHashes: reports.slice(0, 100).map(({ traceHash }) => traceHash),
  };
  return { ...figureReport(scenario.name, setup, rows), passed: findings.length === 0, findings };
}
