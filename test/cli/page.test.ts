/** The page of a simulation, where it cannot be written. */

import type { Experiment, Scenario } from '@skein/sim';
import { expect, test } from 'vitest';
import { skein } from './fake-io.ts';

const forms: Scenario = { name: 'forms', summary: 'A mesh forms.', nodes: 3, rest: 0, script: () => {} };
const fails: Scenario = {
  ...forms,
  name: 'fails',
  script: (sim) => sim.at('1s').eventually('pigs fly', { within: '100ms' }, () => false),
};
const measures: Experiment = {
  name: 'measures',
  summary: 'Measures.',
  run: () => ({
    setup: {},
    rows: [
      { what: 'fast', unit: 's', ours: 1, goal: '<= 2 s' },
      { what: 'slow', unit: 's', ours: 3, goal: '<= 2 s' },
    ],
  }),
};
const simulations = Object.fromEntries([forms, fails, measures].map((each) => [each.name, { default: each }]));

test.each([
  ['/nowhere/run.html', 'ENOENT', 'a file in a folder that exists'],
  ['/theirs/run.html', 'EACCES', 'a file that you may write'],
])('a page %s that cannot be opened is refused before anything runs, with what to do about %s', async (path, code, hint) => {
  for (const name of ['forms', 'measures']) {
    const { exitCode, out, err } = await skein(['sim', name, '--html', path], { simulations });
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
    expect(err).toContain(`the page cannot be written to ${path}, so that nothing was run: ${code}`);
    expect(err).toContain(`\n  give --html ${hint}\n`);
  }
});

test('a page that does not fit on the disk costs nothing but itself: the result is told in full, and then the failure', async () => {
  const full = ['--html', '/full/run.html'];
  const held = await skein(['sim', 'forms', ...full], { simulations });
  expect(held.exitCode).toBe(1);
  expect(held.out).toContain('forms held: 3 nodes');
  expect(held.out).not.toContain('/full/run.html');
  expect(held.err).toMatch(/the page cannot be written to \/full\/run\.html: ENOSPC.*\n  make room there/);
  const failed = await skein(['sim', 'fails', ...full], { simulations });
  expect(failed.out).toContain('The first of them, made small:');
  expect(failed.err).toContain('ENOSPC');
  for (const name of ['fails', 'measures']) {
    const { exitCode, out, err } = await skein(['sim', name, '--json', ...full], { simulations });
    expect(JSON.parse(out)).toMatchObject({ name, passed: false });
    expect({ exitCode, isTold: err.includes('ENOSPC') }).toEqual({ exitCode: 1, isTold: true });
  }
  const figures = await skein(['sim', 'measures', ...full], { simulations });
  expect(figures.out).toContain('measures missed 1 of the 2 goals');
});
