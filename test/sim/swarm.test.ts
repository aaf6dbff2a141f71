/**
 * Random plans: two virtual minutes of trouble, then calm. No node may need help to agree again, no run may break a
 * property on the way, and all runs together must have met what the protocol is made for.
 */

import { campaign, checkDeterminism, drawPlan, runPlan, simulateRandom } from '@skein/sim';
import { expect, test } from 'vitest';

/** The swarm's size: 60 plans by default, more by CHAOS_RUNS. */
const runs = Number(process.env['CHAOS_RUNS'] ?? 60);
const seeds = Array.from({ length: runs }, (_, seed) => seed + 1);

test('random plans break no property, and together meet what the protocol is made for', { timeout: 5000 * runs }, () => {
  const { failures, uncovered, armed } = campaign(seeds, (seed) => simulateRandom(seed, { stopAt: () => true }));
  expect(failures.map(({ plan, failure }) => `${plan.seed} ${failure.property}: ${failure.found}`)).toEqual([]);
  // One plan in a hundred or less fills a buffer: the next test does.
  expect(uncovered.filter((what) => what !== 'queueOverflows')).toEqual([]);
  expect(Object.entries(armed).flatMap(([name, count]) => (count === 0 ? [name] : []))).toEqual([]);
});

test('a flood to a host that reads nothing fills its buffer, and breaks no property', () => {
  const plan = drawPlan(1, { nodesMin: 5, nodesMax: 5, chaosMs: 25_000 });
  // On a wan it takes long enough until the link is given up.
  const { failures, coverage } = runPlan({
    ...plan,
    profile: 'wan',
    network: 'wan',
    formMs: 10_000,
    convergeMs: 200_000,
    core: 'all',
    faults: [
      { atMs: 1000, fault: { type: 'lie', node: 4, lie: 'flooder' }, forMs: 14_000 },
      { atMs: 1000, fault: { type: 'pause', node: 1 }, forMs: 20_000 },
    ],
  });
  expect(failures).toEqual([]);
  expect(coverage.queueOverflows).toBeGreaterThan(0);
});

test('a run of the same seed is the same run', () => {
  expect(checkDeterminism((options) => simulateRandom(6, { chaosMs: 30_000, ...options }))).toBeUndefined();
  expect(simulateRandom(6, { chaosMs: 30_000 }).traceHash).not.toBe(simulateRandom(7, { chaosMs: 30_000 }).traceHash);
});

test('two runs of one plan that differ are told apart at their first difference', () => {
  const plan = drawPlan(9, { chaosMs: 5000 });
  let seed = 0;
  const difference = checkDeterminism((options) => ({ ...runPlan({ ...plan, seed: `0000000${seed++}` }, options), plan }));
  expect(difference).toContain('part at state change');
});

test('a script that tells two plans is named with the first part that differs', () => {
  let seed = 0;
  const difference = checkDeterminism((options) =>
    runPlan({ ...drawPlan(9, { chaosMs: 5000 }), seed: `0000000${seed++}` }, options),
  );
  expect(difference).toContain('seed is "00000000", then "00000001"');
});
