/** Runs an experiment and shows its figures: ours beside others', what was published, and whether the goal is met. */

import { figureReport, figureText, reportHtml, seedNumber, seedText, verdictText } from '@skein/sim';
import type { Experiment, ExperimentReport, ExperimentRow, SaidWords } from '@skein/sim';
import { guarded } from '@skein/sim/guard';
import { outPaint } from '../colour.ts';
import type { Paint } from '../colour.ts';
import { CliFailure, exitCodes, reasonOf } from '../failure.ts';
import type { Io } from '../io.ts';
import { table } from '../table.ts';
import { commandLine } from './again.ts';
import { checkPage, writePage } from './page.ts';
import { progressOn } from './progress.ts';
import { reportFault } from './report-check.ts';
import { placePrefix } from './source-place.ts';

export interface ExperimentSettings {
  readonly seed: string;
  readonly json: boolean;
  readonly html?: string;
  readonly command: string;
  /** What was said after the name, and the same, read. */
  readonly args: readonly string[];
  readonly words: SaidWords;
}

/** Resolves with the exit code, which says whether a goal was missed: as a promise of a scenario, it did not hold. */
export async function runExperiment(io: Io, name: string, experiment: Experiment, settings: ExperimentSettings): Promise<number> {
  const { html } = settings;
  if (html !== undefined) await checkPage(io, html);
  const seed = seedText(seedNumber(settings.seed));
  const progress = progressOn(io, settings.json);
  let report: ExperimentReport;
  try {
    const tell = (text: string): void => progress.tell(`${experiment.name}: ${text}`);
    report = guarded(() => experiment.run({ seed, words: settings.words, progress: tell }));
  } catch (error) {
    // Its code asks for something that cannot be meant, or it throws. By name: the file may have a copy of the class of its own.
    const usage = error instanceof Error && error.name === 'ScenarioError';
    throw new CliFailure(`${name} with seed ${seed}: ${placePrefix(error, name)}${reasonOf(error)}`, { usage });
  } finally {
    progress.end();
  }
  const fault = reportFault(report);
  if (fault !== undefined) throw new CliFailure(`${name}: what its run returned is no report: ${fault}`);
  const setup = { seed, ...report.setup };
  const command = commandLine(settings.command, [name, '--seed', seed, ...settings.args]);
  /** After the result, which is there whether or not the page can be. */
  const page = async (path: string): Promise<void> => {
    const { rows, plots } = report;
    const { summary } = experiment;
    await writePage(io, path, reportHtml({ name: experiment.name, summary, command, setup, rows, ...(plots && { plots }) }));
  };
  const verdicts = report.rows.map(verdictText);
  const missed = verdicts.filter((verdict) => verdict === 'missed').length;
  const exitCode = missed === 0 ? exitCodes.ok : exitCodes.failure;
  if (settings.json) {
    const figures = { ...figureReport(experiment.name, setup, report.rows), passed: missed === 0 };
    io.out(`${JSON.stringify(figures, undefined, 2)}\n`);
    if (html !== undefined) await page(html);
    return exitCode;
  }
  io.out(`${experiment.name}: ${experiment.summary}\n`);
  for (const [what, value] of Object.entries(setup))
    io.out(`  ${what}: ${typeof value === 'string' ? value : JSON.stringify(value)}\n`);
  io.out(`\n${rowsTable(report.rows, outPaint(io))}`);
  if (missed > 0) {
    const judged = verdicts.filter((verdict) => verdict !== '').length;
    io.out(`\n${experiment.name} ${outPaint(io)('red', 'missed')} ${missed} of the ${judged} goals that can be judged\n`);
  }
  if (html === undefined) return exitCode;
  await page(html);
  io.out(`\npage with plots: ${html}\n`);
  return exitCode;
}

function rowsTable(rows: readonly ExperimentRow[], paint: Paint): string {
  const anchors = [...new Set(rows.flatMap((row) => Object.keys(row.anchors ?? {})))];
  const lines = rows.map((row) => {
    const verdict = verdictText(row);
    return [
      row.what,
      row.unit,
      figureText(row.ours),
      ...anchors.map((who) => figureText(row.anchors?.[who])),
      figureText(row.published),
      row.goal ?? '',
      verdict === '' ? '' : ({ text: verdict, colour: verdict === 'met' ? 'green' : 'red' } as const),
    ];
  });
  return table(
    ['WHAT', 'UNIT', 'OURS', ...anchors.map((who) => who.toUpperCase()), 'PUBLISHED', 'GOAL', 'VERDICT'],
    lines,
    paint,
  );
}
