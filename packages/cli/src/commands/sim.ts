/** `skein sim`: stories and measurements on a simulated mesh. What runs is loaded only when this command runs. */

import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { outPaint } from '../colour.ts';
import { exitCodes, usageFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import { commandWords } from '../sim/again.ts';
import type { Simulation } from '../sim/library.ts';
import { table } from '../table.ts';
import { examplesText } from './api-command.ts';

interface SimFlags {
  readonly seed: string;
  readonly nodes?: number;
  readonly runs?: number;
  readonly json?: boolean;
  readonly html?: string;
  readonly shrink: boolean;
  readonly help?: boolean;
}

const nodesMax = 2048;
const runsMax = 1_000_000;

const simHelp = `
Without a name it lists what is built in. A file of your own default-exports a scenario { name, summary, nodes,
script } or an experiment { name, summary, run }; .mjs and .js work everywhere, .ts where Node reads TypeScript.
A seed is a run: the same one does the same on every machine, so that while one runs, clocks, timers and chance of the
real world are refused. Experiments take further words, each its own, which
\`skein sim NAME --help\` shows.
When a scenario fails, the smallest story that still fails is told, for a test that uses @skein/sim/vitest.
Ctrl-C in a campaign of many --runs ends it after the run that is under way, and shows what ran.
The exit code is 1 when something did not hold: a promise of a scenario, or a goal of an experiment; and when no fault of a
scenario happened, since each made no sense when its time came or waited in vain.`;

/** `setExitCode` receives what the process should end with. */
export function addSimCommand(program: Command, io: Io, setExitCode: (code: number) => void): void {
  program
    .command('sim')
    .description('run a scenario or an experiment on a simulated mesh')
    .argument('[simulation]', 'its name, or the path of a file')
    .argument('[words...]', 'what the experiment takes')
    .option('--seed <seed>', 'up to 8 hexadecimal digits, or a word such as a commit id', parseSeed, '1')
    .option('--nodes <count>', 'how many nodes, 1 to 2048 (scenarios)', (text) => parseCount(text, nodesMax))
    .option('--runs <count>', 'how many seeds, one after the other (scenarios, default 1)', (text) => parseCount(text, runsMax))
    .option('--json', 'print one JSON object { name, setup, rows, passed }, of a scenario with { findings, smallest }')
    .option('--html <file>', 'write a page: the timeline of a run, or the plots of an experiment', parsePath)
    .option('--no-shrink', 'do not make the first plan that fails small (scenarios)')
    .helpOption(false)
    .option('-h, --help', 'print help; after the name of an experiment, its words')
    .allowUnknownOption()
    .addHelpText('after', simHelp)
    .addHelpText(
      'after',
      examplesText([
        'skein sim',
        'skein sim split-and-heal --seed 1f --html split.html',
        'skein sim rolling-restart --nodes 20 --runs 100',
        'skein sim ./chaos/my-scenario.mjs --seed $(git rev-parse --short HEAD)',
      ]),
    )
    .action(async (name: string | undefined, words: readonly string[], flags: SimFlags, command: Command) => {
      if (flags.help === true) await help(io, name, command);
      else if (name === undefined) setExitCode(await list(io, words, flags));
      else {
        const isSeedSaid = command.getOptionValueSource('seed') === 'cli';
        setExitCode(await runNamed(io, name, words, { ...flags, isLook: isSeedSaid && flags.runs === undefined }));
      }
    });
}

/** Of an experiment its words; of anything else the command. */
async function help(io: Io, name: string | undefined, command: Command): Promise<void> {
  if (name === undefined || name.startsWith('-')) return command.outputHelp();
  const simulation = await found(io, name);
  if (simulation.kind === 'scenario') {
    io.out(`${simulation.name}, a scenario: ${simulation.summary}\n\n`);
    return command.outputHelp();
  }
  const { wordsText } = await import('../sim/words.ts');
  io.out(`Usage: ${commandWords(io)} ${name} [words...] [--seed S] [--json] [--html FILE]\n\n${simulation.summary}\n`);
  io.out(`\nWords:\n${wordsText(simulation.experiment) || '  none\n'}`);
}

async function list(io: Io, words: readonly string[], flags: SimFlags): Promise<number> {
  if (words.length > 0) throw unknownWords(io, words);
  const { listSimulations } = await import('../sim/library.ts');
  const all = await listSimulations(io.simulations);
  if (flags.json === true) {
    io.out(
      `${JSON.stringify(
        all.map((each) => ({
          name: each.name,
          kind: each.kind,
          summary: each.summary,
          ...(each.kind === 'experiment' && { words: Object.keys(each.experiment.words ?? {}) }),
        })),
        undefined,
        2,
      )}\n`,
    );
  } else {
    io.out(
      table(
        ['NAME', 'KIND', 'WHAT IT SHOWS'],
        all.map(({ name, kind, summary }) => [name, kind, summary]),
        outPaint(io),
      ),
    );
    io.out(
      `\nrun one: ${commandWords(io)} NAME [--seed S] [--html FILE]\nthe words of an experiment: ${commandWords(io)} NAME --help\n`,
    );
  }
  return exitCodes.ok;
}

async function runNamed(
  io: Io,
  name: string,
  words: readonly string[],
  flags: SimFlags & { readonly isLook: boolean },
): Promise<number> {
  if (name.startsWith('-')) throw unknownWords(io, [name]);
  const { seed, json = false, html } = flags;
  // Before the file is loaded: it may print as soon as that.
  if (json) io.keepOutput();
  const simulation = await found(io, name);
  const shared = { seed, json, command: commandWords(io), ...(html !== undefined && { html }) };
  if (simulation.kind === 'experiment') {
    const unfit = flags.nodes !== undefined ? '--nodes' : flags.runs !== undefined ? '--runs' : undefined;
    if (unfit !== undefined)
      throw usageFailure(`${simulation.name} is an experiment and takes no ${unfit}: it decides that itself`);
    const { heapMiB } = simulation.experiment;
    const { readWords } = await import('../sim/words.ts');
    const said = readWords(simulation.experiment, words, commandWords(io));
    const { hasHeap, runWithHeap } = await import('../sim/heap.ts');
    if (heapMiB !== undefined && !hasHeap(heapMiB)) {
      const given = ['sim', name, '--seed', seed, ...(json ? ['--json'] : []), ...(html === undefined ? [] : ['--html', html])];
      return runWithHeap(io, heapMiB, [...given, ...words]);
    }
    const { runExperiment } = await import('../sim/run-experiment.ts');
    return await runExperiment(io, name, simulation.experiment, { ...shared, args: words, words: said });
  }
  if (words.length > 0) throw unknownWords(io, words);
  const { runScenario } = await import('../sim/run-scenario.ts');
  const { nodes, runs = 1, isLook, shrink } = flags;
  const settings = { ...shared, runs, isLook, shrink };
  return await runScenario(io, name, simulation.scenario, { ...settings, ...(nodes !== undefined && { nodes }) });
}

async function found(io: Io, name: string): Promise<Simulation> {
  const { findSimulation } = await import('../sim/library.ts');
  const { watchExit } = await import('../sim/exit-watch.ts');
  return await watchExit(io, name, () => findSimulation(name, io.simulations));
}

function unknownWords(io: Io, [word = '']: readonly string[]): Error {
  const what = word.startsWith('-') ? 'unknown option' : 'unexpected argument';
  return usageFailure(`${what} '${word}'`, `see: ${commandWords(io)} --help`);
}

/** What looks like a number and is none of ours would run as a word: another world than the one that was asked for. */
function parseSeed(text: string): string {
  const isHex = /^[0-9a-f]{1,8}$/i.test(text);
  if (isHex) return text.toLowerCase();
  if (/^0x/i.test(text)) throw new InvalidArgumentError(`a seed is written without 0x: ${text.slice(2, 10)}`);
  if (/^-?[\d.]+$/.test(text)) throw new InvalidArgumentError('a seed has 1 to 8 hexadecimal digits, or is a word');
  if (!/^[\w.-]{1,64}$/.test(text))
    throw new InvalidArgumentError('a word as seed has 1 to 64 letters, digits, dots, dashes or underscores');
  return text;
}

/** What a variable of a shell that is not set leaves behind. */
function parsePath(text: string): string {
  if (text === '') throw new InvalidArgumentError('it has to be the path of a file, such as run.html');
  return text;
}

function parseCount(text: string, most: number): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > most) throw new InvalidArgumentError(`it has to be a whole number from 1 to ${most}`);
  return count;
}
