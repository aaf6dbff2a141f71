import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { simulateScenario } from '@skein/sim';
import type { DrawnScenario, Experiment, Scenario } from '@skein/sim';
import { expect, test } from 'vitest';

/** Large ones run small here; `npm run simulate` runs them as they are. */
const nodesHere: Readonly<Record<string, number>> = { 'mass-join': 30 };

const folder = new URL('../../simulations/', import.meta.url);
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -'.ts'.length));
const simulations = await Promise.all(
  names.map(async (name) => ({
    name,
    found: ((await import(new URL(`${name}.ts`, folder).href)) as { default: unknown }).default,
  })),
);

test.each(simulations)('$name is called as its file, and says in one line what it shows', ({ name, found }) => {
  const simulation = found as Scenario | DrawnScenario | Experiment;
  expect(simulation.name).toBe(name);
  expect(simulation.summary).toMatch(/^[A-Z].{20,110}\.$/);
});

const experiments = simulations.filter(({ found }) => 'run' in (found as object));

test.each(experiments)('the experiment $name says what its words are, and asks for no others', async ({ name, found }) => {
  const { words = {} } = found as Experiment;
  const text = await readFile(new URL(`${name}.ts`, folder), 'utf8');
  const asked = [...text.matchAll(/words\.(has|number|choice)\('(--[a-z]+)'\)/g)].map(([, how, word]) => `${how} ${word}`);
  const declared = Object.entries(words).map(
    ([word, { number, choice }]) => `${number ? 'number' : choice ? 'choice' : 'has'} ${word}`,
  );
  expect(new Set(asked)).toEqual(new Set(declared));
  expect(
    Object.values(words)
      .flatMap(({ not = [] }) => not)
      .filter((word) => !(word in words)),
  ).toEqual([]);
  // The words in the text at the top are the same.
  const usage = / \* +npm run simulate -- [\w-]+(.*)/.exec(text)?.[1] ?? '';
  expect(new Set(usage.match(/--[a-z]+/g))).toEqual(new Set(Object.keys(words)));
});

const scenarios = simulations.filter(({ found }) => !('run' in (found as object)));

test.each(scenarios)('the scenario $name holds, and nothing in it was skipped', ({ name, found }) => {
  const scenario = found as Scenario | DrawnScenario;
  const nodes = nodesHere[name];
  const report = simulateScenario(scenario, { seed: 7, ...(nodes !== undefined && { nodes }) });
  expect(report.failures).toEqual([]);
  expect(report.outcomes.filter(({ state, kind }) => state !== 'held' && kind !== 'sometimes')).toEqual([]);
  // A drawn plan may crash what does not run; a story that does tells of something else than it says.
  if ('script' in scenario) expect(report.figures.skipped).toBe(0);
});
