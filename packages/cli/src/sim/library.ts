/**
 * Where simulations come from: those that are built into the command, by name, and files of users, by path. What a
 * module exports by default is looked at closely, since a file that somebody else wrote may hold anything.
 */

import { existsSync, readdirSync, statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { resolve } from 'node:path';
import type { DrawnScenario, Experiment, Scenario } from '@skein/sim';
import { CliFailure, reasonOf, usageFailure } from '../failure.ts';
import { nearest } from './nearest.ts';
import { isPath, placePrefix } from './source-place.ts';

/** An experiment cannot have them: the command takes them first. */
const takenWords: readonly string[] = ['--seed', '--nodes', '--runs', '--json', '--html', '--no-shrink', '--help'];

/** Modules by name. */
export interface Library {
  names(): readonly string[];
  /** What the module of that name exports. */
  load(name: string): Promise<unknown>;
}

export type Simulation =
  | { readonly kind: 'scenario'; readonly name: string; readonly summary: string; readonly scenario: Scenario | DrawnScenario }
  | { readonly kind: 'experiment'; readonly name: string; readonly summary: string; readonly experiment: Experiment };

/** The modules in a folder that the build fills. */
export function folderLibrary(folder: URL): Library {
  return {
    names: () =>
      existsSync(folder)
        ? readdirSync(folder)
            .filter((file) => file.endsWith('.js'))
            .map((file) => file.slice(0, -'.js'.length))
            .sort()
        : [],
    load: (name) => import(new URL(`${name}.js`, folder).href),
  };
}

/** All built-in simulations, in order of name. */
export async function listSimulations(library: Library): Promise<readonly Simulation[]> {
  const found: Simulation[] = [];
  for (const name of library.names()) found.push(simulationIn(await library.load(name), `the built-in simulation "${name}"`));
  return found;
}

/** The simulation that a user names, by name or by path. */
export async function findSimulation(wanted: string, library: Library): Promise<Simulation> {
  if (isPath(wanted)) return simulationIn(await importFile(wanted), wanted);
  const names = library.names();
  if (names.includes(wanted)) return simulationIn(await library.load(wanted), `the built-in simulation "${wanted}"`);
  const near = nearest(wanted, names);
  throw usageFailure(
    `no simulation is called "${wanted}"${near === undefined ? '' : `; did you mean "${near}"?`}`,
    `there are: ${names.join(', ')}`,
    'a file of your own: give its path, such as ./chaos/my-scenario.mjs',
  );
}

async function importFile(path: string): Promise<unknown> {
  const full = resolve(path);
  if (!existsSync(full)) throw usageFailure(`${path}: there is no such file`);
  if (statSync(full).isDirectory())
    throw usageFailure(`${path} is a folder`, 'give a file in it, such as ./chaos/my-scenario.mjs; each runs by itself');
  try {
    return await settled(import(pathToFileURL(full).href), path);
  } catch (error) {
    if (error instanceof CliFailure) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ERR_UNKNOWN_FILE_EXTENSION') {
      throw usageFailure(
        `${path}: Node ${process.version} cannot read TypeScript`,
        'run it with Node 22.18 or newer, or compile it to .mjs first',
      );
    }
    throw new CliFailure(`${path} cannot be loaded: ${placePrefix(error, path)}${reasonOf(error)}`, {
      usage: true,
      hint: isWithoutSim(error) ? ['install @skein/sim where the file is'] : [],
    });
  }
}

/** A module that waits at its top level for what never comes would end the process without a word, once nothing else is left to do. */
async function settled(loading: Promise<unknown>, path: string): Promise<unknown> {
  let refuse = (): void => {};
  const stuck = new Promise<never>((_, reject) => {
    refuse = () =>
      reject(
        usageFailure(
          `${path} never finishes loading: an \`await\` at its top level waits for what nothing brings about`,
          'a simulation needs no waiting: leave that await out, or wait for something that comes',
        ),
      );
  });
  process.once('beforeExit', refuse);
  try {
    return await Promise.race([loading, stuck]);
  } finally {
    process.removeListener('beforeExit', refuse);
  }
}

function isWithoutSim(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND' && /'@skein\/sim[/']/.test(reasonOf(error));
}

/** Reads the default export. `origin` names the module in errors. */
export function simulationIn(module: unknown, origin: string): Simulation {
  const value = (module as { readonly default?: unknown } | null)?.default;
  const hint = 'it has to be a scenario { name, summary, nodes, script } or an experiment { name, summary, run }';
  if (value === undefined) throw usageFailure(`${origin} has no default export`, hint);
  if (typeof value !== 'object' || value === null) throw usageFailure(`${origin} exports a ${typeof value} by default`, hint);
  const { name, summary, script, plan, run } = value as Readonly<Record<string, unknown>>;
  if (typeof name !== 'string' || name === '') throw usageFailure(`${origin}: its default export has no name`, hint);
  if (typeof summary !== 'string') throw usageFailure(`${origin}: its default export has no summary`, hint);
  const wrong = wrongWord((value as Experiment).words);
  if (wrong !== undefined)
    throw usageFailure(
      `${origin}: its words have to be as { '--quick': { what: 'a few cells' }, '--members': { what: 'of the mesh', number: [1, 100] } }`,
      wrong,
    );
  if (typeof run === 'function') return { kind: 'experiment', name, summary, experiment: value as Experiment };
  if (typeof script === 'function' || typeof plan === 'function')
    return { kind: 'scenario', name, summary, scenario: value as Scenario | DrawnScenario };
  throw usageFailure(`${origin}: its default export has neither a script nor a plan nor a run function`, hint);
}

/** What is wrong with the words that an experiment declares. */
function wrongWord(words: unknown): string | undefined {
  if (words === undefined) return undefined;
  if (typeof words !== 'object' || words === null || Array.isArray(words)) return 'they are no object';
  const isTexts = (value: unknown): boolean =>
    value === undefined || (Array.isArray(value) && value.every((each) => typeof each === 'string'));
  for (const [word, declared] of Object.entries(words as Readonly<Record<string, unknown>>)) {
    if (!/^--[a-z][a-z0-9-]*$/.test(word)) return `"${word}" does not begin with two dashes and a small letter`;
    if (takenWords.includes(word)) return `"${word}" is a word of the command itself`;
    const { what, number, choice, not } = (declared ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof what !== 'string') return `"${word}" has no text \`what\``;
    const isRange =
      Array.isArray(number) && number.length === 2 && number.every((each) => Number.isSafeInteger(each) && each >= 0);
    if (number !== undefined && !isRange) return `"${word}": number is not [least, most]`;
    if (!isTexts(choice)) return `"${word}": choice is no list of texts`;
    if (!isTexts(not)) return `"${word}": not is no list of words`;
  }
  return undefined;
}
