/** Scenarios of which faults were skipped. */

import type { Scenario } from '@skein/sim';
import { expect, test } from 'vitest';
import { skein } from './fake-io.ts';

const vain: Scenario = {
  name: 'vain',
  summary: 'Nothing happens.',
  nodes: 3,
  rest: 0,
  script: (sim) => {
    sim.at('1s').restart(sim.node(0, 1));
    sim.after('conflict').crash(sim.node(2));
    sim.at('2s').calm();
  },
};
const half: Scenario = {
  ...vain,
  name: 'half',
  script: (sim) => {
    sim.at('1s').restart(sim.node(0, 1));
    sim.at('1s').pause(sim.node(2)).for('1s');
  },
};
const simulations = { vain: { default: vain }, half: { default: half } };

test('a scenario of which all trouble was skipped does not hold, and says what was skipped and why', async () => {
  const { exitCode, out } = await skein(['sim', 'vain'], { simulations });
  expect(exitCode).toBe(1);
  expect(out).toContain('vain failed: 3 nodes');
  expect(out).toContain(
    '\ntrouble comes\n  in the run every fault was skipped, 3 in all, so nothing was put to the test: restart node 0, node 1 at 1s (it was running); crash node 2 at once after conflict (it waited in vain: there was no conflict)\n  again: skein sim vain --seed 00000001 --runs 1\n',
  );
  const { out: json } = await skein(['sim', 'vain', '--runs', '2', '--json'], { simulations });
  expect(JSON.parse(json)).toMatchObject({ passed: false, findings: [{ what: 'trouble comes' }] });
  // As with CHAOS_SEED: a look at one seed says nothing about what others meet.
  expect((await skein(['sim', 'vain', '--seed', '7'], { simulations })).exitCode).toBe(0);
});

test('a scenario of which some trouble came may hold', async () => {
  expect((await skein(['sim', 'half', '--runs', '2'], { simulations })).exitCode).toBe(0);
});
