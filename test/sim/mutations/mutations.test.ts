/**
 * The swarm finds bugs: each mutation is met by the random plan of some seed, which the sound core passes. The seeds here
 * are where to look first; a change of the core may move them. `CHAOS_SEED=search` looks from seed 1 on, shrinks what it
 * finds, and prints the table.
 */

import { drawPlan, planSize, runPlan, shrink } from '@skein/sim';
import type { Failure, FaultPlan } from '@skein/sim';
import { expect, test } from 'vitest';
import { mutations } from './mutations.ts';
import type { Mutation } from './mutations.ts';

const firstSeeds: Readonly<Record<string, number>> = {
  'refutation ignored': 3,
  'tombstone dropped early': 9,
  'late timer gives a verdict': 6,
  'delta gap applied': 118,
  'lower epoch accepted': 4,
  'suspicion never shrinks': 6,
};

const isSearch = process.env['CHAOS_SEED'] === 'search';
const seedsMax = 400;

interface Found {
  readonly plan: FaultPlan;
  readonly failure: Failure;
}

function failureOf(mutation: Mutation, seed: number): Found | undefined {
  const plan = drawPlan(seed);
  const [failure] = mutation.with((create) => runPlan(plan, { ...(create && { create }), stopAt: () => true })).failures;
  return failure === undefined ? undefined : { plan, failure };
}

function find(mutation: Mutation): Found | undefined {
  const first = isSearch ? undefined : failureOf(mutation, firstSeeds[mutation.name] ?? 1);
  if (first !== undefined) return first;
  for (let seed = 1; seed <= seedsMax; seed++) {
    const found = failureOf(mutation, seed);
    if (found !== undefined) return found;
  }
  return undefined;
}

test.each(mutations)('the swarm finds a core in which $bug', { timeout: 900_000 }, (mutation) => {
  const found = find(mutation);
  expect(found, `no plan of ${seedsMax} seeds finds it`).toBeDefined();
  if (found === undefined) return;
  expect(runPlan(found.plan, { stopAt: () => true }).failures).toEqual([]);
  if (!isSearch) return;
  const small = mutation.with((create) =>
    shrink(found.plan, found.failure, (plan, stopAt) => runPlan(plan, { ...(create && { create }), stopAt })),
  );
  const { nodes, faults, writes } = planSize(small.plan);
  console.log(
    `${mutation.name} | seed ${found.plan.seed} | ${small.failure.property} | ${nodes} nodes, ${faults} faults, ${writes} writes | ${small.runs} runs`,
  );
});
