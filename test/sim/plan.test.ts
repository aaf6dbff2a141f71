import { PlanError, drawPlan, readPlan, replay, simulateRandom } from '@skein/sim';
import type { FaultPlan } from '@skein/sim';
import { expect, test } from 'vitest';

const seeds = Array.from({ length: 50 }, (_, seed) => seed);

test('a plan survives JSON, and its replay is the same run', () => {
  for (const seed of seeds) {
    const plan = drawPlan(seed);
    expect(readPlan(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
  }
  const run = simulateRandom(3, { chaosMs: 20_000 });
  expect(replay(JSON.parse(JSON.stringify(run.plan))).traceHash).toBe(run.traceHash);
});

test('each seed draws another plan, with some families of faults and not others', () => {
  const plans = seeds.map((seed) => drawPlan(seed));
  expect(new Set(plans.map((plan) => JSON.stringify({ ...plan, seed: '' }))).size).toBe(seeds.length);
  const types = plans.map((plan) => new Set(plan.faults.map(({ fault }) => fault.type)));
  for (const type of ['crash', 'pause', 'split', 'link', 'block-io', 'step-clock'] as const) {
    const having = types.filter((set) => set.has(type)).length;
    expect(having).toBeGreaterThan(5);
    expect(having).toBeLessThan(45);
  }
});

const good = drawPlan(1);

test.each<[string, (plan: Record<string, unknown>) => void, string]>([
  ['a version of the future', (plan) => (plan['version'] = 2), 'version: is 2; this simulator reads version 1'],
  ['a misspelt field', (plan) => (plan['fault'] = []), 'fault: is not a field of a plan'],
  ['a field that is missing', (plan) => delete plan['chaosMs'], 'chaosMs: is missing'],
  ['a time that is none', (plan) => (plan['chaosMs'] = -1), 'chaosMs: is -1, not an integer from 0 to'],
  ['an unknown network', (plan) => (plan['network'] = 'mars'), 'network: is "mars", not one of loopback, lan, wan'],
  ['an unknown timing', (plan) => (plan['config'] = { probeMs: 1 }), 'config.probeMs: is not a field of a plan'],
  [
    'a fault on a node that does not exist',
    (plan) => (plan['faults'] = [{ atMs: 0, fault: { type: 'pause', node: 99 } }]),
    'faults[0].fault.node: is 99, not an integer from 0 to',
  ],
  [
    'an unknown fault',
    (plan) => (plan['faults'] = [{ atMs: 0, fault: { type: 'meteor', node: 0 } }]),
    'faults[0].fault.type: is "meteor", not one of crash,',
  ],
  [
    'latencies that go down',
    (plan) => {
      const settings = { latency: { p0: 5, p50: 4, p90: 6, p99: 7, max: 8 } };
      plan['faults'] = [{ atMs: 0, fault: { type: 'link', from: [0], to: [1], settings } }];
    },
    'faults[0].fault.settings.latency.p50: is 4, not an integer from 5 to',
  ],
])('%s is refused by name', (_what, spoil, message) => {
  const plan = JSON.parse(JSON.stringify(good)) as Record<string, unknown>;
  spoil(plan);
  const read = (): FaultPlan => readPlan(plan);
  expect(read).toThrow(message);
  expect(read).toThrow(PlanError);
});
