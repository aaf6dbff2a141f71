import { profiles } from '@skein/core';
import { PlanError, drawPlan, readPlan, replay, runPlan, simulate, simulateRandom } from '@skein/sim';
import type { FaultPlan } from '@skein/sim';
import { describe, expect, test } from 'vitest';

const seeds = Array.from({ length: 50 }, (_, seed) => seed);

test('a plan survives JSON, and its replay is the same run', () => {
  for (const seed of seeds) {
    const plan = drawPlan(seed);
    expect(readPlan(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
  }
  const run = simulateRandom(3, { chaosMs: 20_000 });
  expect(replay(JSON.parse(JSON.stringify(run.plan))).traceHash).toBe(run.traceHash);
});

test('no drawn path leads from a node to itself alone, however small the mesh', () => {
  for (let seed = 1; seed <= 1000; seed++) {
    for (const { fault } of drawPlan(seed, { nodesMin: 2, nodesMax: 12 }).faults) {
      if (!('from' in fault)) continue;
      expect(new Set([...fault.from, ...fault.to]).size, `seed ${seed}`).toBeGreaterThan(1);
    }
  }
});

describe('a drawn plan, however small its mesh', () => {
  const small = Array.from({ length: 1000 }, (_, seed) => drawPlan(seed, { nodesMin: 2, nodesMax: 5 }));

  test('sets no two clocks further apart than config versions may be ahead, whichever of its steps are left out', () => {
    for (const plan of small) {
      const { ahead, back } = { ahead: new Map<number, number>(), back: new Map<number, number>() };
      for (const { fault } of plan.faults) {
        if (fault.type !== 'step-clock') continue;
        const sums = fault.byMs > 0 ? ahead : back;
        sums.set(fault.node, (sums.get(fault.node) ?? 0) + Math.abs(fault.byMs));
      }
      expect(Math.max(0, ...ahead.values()) + Math.max(0, ...back.values()), plan.seed).toBeLessThan(
        profiles[plan.profile].configSkewMs,
      );
    }
  });

  test('boots nobody without seeds whose disk may hold no peers, whichever of its ends it was lost with', () => {
    for (const { faults, seed } of small) {
      const lost = faults.flatMap(({ fault }) => ('keep' in fault && fault.keep === 'nothing' ? [fault.node] : []));
      const orphans = faults.filter(({ fault }) => fault.type === 'restart' && !fault.seeds && lost.includes(fault.node));
      expect(orphans, seed).toEqual([]);
    }
  });

  test('takes the disk of nobody who could find none of the core by the addresses of the first two hosts', () => {
    for (const { faults, core, seed } of small) {
      if (core === 'all') continue;
      const doors = [0, 1].filter((node) => core.includes(node));
      for (const { fault } of faults)
        if ('keep' in fault && fault.keep === 'nothing')
          expect(
            doors.some((node) => node !== fault.node),
            `${seed}, host ${fault.node}`,
          ).toBe(true);
    }
  });
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
  ['a node twice', (plan) => (plan['core'] = [0, 1, 0]), 'core: has node 0 twice'],
  [
    'a mesh that would go to and fro',
    (plan) => (plan['config'] = { fullMeshLeave: 4 }),
    'config: fullMeshReturn (32) is not less than fullMeshLeave (4)',
  ],
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

/** A plan in which everything can happen, and what is done to it. */
const sound = simulate({ nodes: 4, rest: 0 }, (sim) => {
  sim.service('a', { on: [0, 1] });
  sim.load('a', { every: '100ms' });
  sim.at('1s').crash([3]);
  sim.at('2s').calm();
}).plan;
const fault = (fault: object, more: object = {}): object => ({ faults: [{ atMs: 0, ...more, fault }] });

test.each<[string, object, string, string]>([
  [
    'a fault that would come after the calm',
    { chaosMs: 1000 },
    'faults[0]',
    'crash at 1s: would never happen, since it is calm at 1s',
  ],
  [
    'a fault long after it',
    fault({ type: 'pause', node: 0 }, { atMs: 999_999 }),
    'faults[0]',
    'pause at 999999ms: would never happen',
  ],
  [
    'a write after the calm',
    { writes: [{ atMs: 2000, node: 0, write: { type: 'config', name: 'x', value: 1 } }] },
    'writes[0]',
    'config at 2s: would never happen',
  ],
  ['a split without groups', fault({ type: 'split', groups: [] }), 'faults[0]', 'needs two groups or more'],
  ['a split of one group', fault({ type: 'split', groups: [[0, 1]] }), 'faults[0]', 'needs two groups or more'],
  ['a split of nobody', fault({ type: 'split', groups: [[], []] }), 'faults[0]', 'nobody is selected'],
  ['a split of one from itself', fault({ type: 'split', groups: [[0, 1], [1]] }), 'faults[0]', 'node 1 is in two groups'],
  ['a cut of nobody', fault({ type: 'cut', from: [], to: [1] }), 'faults[0]', 'nobody is selected'],
  ['a path as ever', fault({ type: 'link', from: [0], to: [1], settings: {} }), 'faults[0]', 'changes nothing'],
  ['a crash that lasts', fault({ type: 'crash', node: 0, keep: 'written' }, { forMs: 5 }), 'faults[0]', 'does not last for 5ms'],
  ['a pause of no time', fault({ type: 'pause', node: 0 }, { forMs: 0 }), 'faults[0]', 'lasts no time at all'],
  ['a load on nothing', { services: [] }, 'loads[0]', "load('a'): nobody offers it"],
  ['a load of nobody', { loads: [{ service: 'a', from: [], everyMs: 9, retries: 0 }] }, 'loads[0]', 'nobody is selected'],
  ['a service of nobody', { services: [{ name: 'a', on: [] }] }, 'services[0].on', "service('a'): nobody is selected"],
  ['a core of nobody', { core: [] }, 'core', 'calm at 2s: nobody is selected'],
])('a stored plan with %s is refused by name', (_what, change, path, message) => {
  const stored = JSON.parse(JSON.stringify({ ...sound, ...change })) as FaultPlan;
  expect(replay(sound).passed).toBe(true);
  for (const run of [replay, runPlan]) {
    expect(() => run(stored)).toThrow(message);
    expect(() => run(stored)).toThrow(expect.objectContaining({ name: 'PlanError', path }));
  }
});

test('options of a replay that it does not have are refused: the plan says what the mesh is', () => {
  expect(() => replay(sound, { nodes: 3 } as {})).toThrow('a stored plan: nodes is not an option');
});
