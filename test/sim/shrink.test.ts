import { runInThisContext } from 'node:vm';
import {
  Script,
  durationText,
  drawPlan,
  failureText,
  never,
  planSize,
  runPlan,
  scenarioText,
  shrink,
  simulate,
} from '@skein/sim';
import type { Failure, FaultPlan, MeshOptions, RunReport, SimulateOptions, TimedFault } from '@skein/sim';
import { expect, test } from 'vitest';

/** Broken when two nodes are stopped at once: whatever else a plan does has nothing to do with it. */
const twoAway = never('two are away', (scene) => scene.nodes.filter((node) => node.process === 'stopped').length >= 2);
const run = (plan: FaultPlan, stopAt: (failure: Failure) => boolean) =>
  runPlan(plan, { properties: [twoAway], builtIn: false, stopAt });

const { plan, failure } = failing();
const small = shrink(plan, failure, run);

function failing(): { readonly plan: FaultPlan; readonly failure: Failure } {
  for (let seed = 1; seed < 100; seed++) {
    const plan = drawPlan(seed, { nodesMin: 5, nodesMax: 8, chaosMs: 60_000 });
    const [failure] = run(plan, () => true).failures;
    if (failure !== undefined && plan.faults.length > 10) return { plan, failure };
  }
  throw new Error('no seed stops two nodes at once');
}

test('a failing plan is shrunk to what its failure needs, which fails in the same way', () => {
  expect(planSize(small.plan)).toEqual({ nodes: 2, faults: 2, writes: 0 });
  expect(small.plan.services).toEqual([]);
  expect(small.plan.faults.every(({ atMs }) => atMs % 1000 === 0)).toBe(true);
  expect(small.failure.property).toBe('two are away');
  expect(run(small.plan, () => true).failures[0]?.property).toBe('two are away');
});

test('shrinking ends after as many runs as it may take, with the smallest plan so far', () => {
  const less = shrink(plan, failure, run, { runsMax: 5 });
  expect(less.runs).toBe(5);
  expect(run(less.plan, () => true).failures[0]?.property).toBe('two are away');
});

test('the scenario that is printed for a plan makes that plan again', () => {
  for (let seed = 1; seed < 60; seed++) {
    const plan = drawPlan(seed);
    const text = scenarioText('pasted', plan);
    let told: FaultPlan | undefined;
    const chaos = (_name: string, options: MeshOptions & { readonly seed: string }, script: (sim: Script) => void): void => {
      const sim = new Script(options, options.seed);
      script(sim);
      told = sim.plan();
    };
    // What a person does with it: paste and run.
    (runInThisContext(`(chaos) => { ${text} }`) as (run: typeof chaos) => void)(chaos);
    expect(told).toEqual(plan);
  }
});

test('a report names the cause, the seed and the command, and holds a scenario and a plan', () => {
  const text = failureText('my mesh', { ...small, seed: plan.seed });
  expect(text.split('\n')[0]).toMatch(/^two are away: it was so \(seed [0-9a-f]{8}, chaos, \d+\.\d{3} s of chaos\)$/);
  expect(text).toContain(scenarioText('two are away', small.plan));
  expect(text).toContain(`CHAOS_SEED=${plan.seed}`);
  expect(text).toContain(JSON.stringify(small.plan));
});

test('durations are written as people write them, and nothing else is taken for one', () => {
  expect([90_000, 1500, 10_000, 120_000, 0].map(durationText)).toEqual(['1m30s', '1500ms', '10s', '2m', '0s']);
});

test('a property of six is not made to fail by leaving five', () => {
  const options = { nodes: 9, zones: ['a', 'b', 'c'], seed: 1, rest: 0 };
  const sim = new Script(options, 1);
  sim.service('orders', { on: sim.zone('a', 'b') });
  sim.at('5s').split(sim.zone('a'), sim.zone('b', 'c')).for('9s');
  sim.at('8s').pause(sim.node(8)).for('1s');
  sim.always('all six are found', (scene) => scene.nodes.every((node) => scene.routable(node, 'orders').length === 6));
  const { properties } = sim;
  const small = shrink(sim.plan(), runPlan(sim.plan(), { properties }).failures[0] as Failure, (plan, stopAt) =>
    runPlan(plan, { properties, stopAt }),
  );
  expect(small.plan.nodes).toBe(6);
  expect(small.plan.services).toHaveLength(1);
  expect(small.plan.faults.map(({ fault }) => fault.type)).toEqual(['split']);

  // The printed scenario asks for the property itself, so that it fails again when pasted.
  const text = failureText('my mesh', { ...small, seed: 'a commit', asked: properties[0] });
  const pasted = text.slice(text.indexOf('chaos('), text.indexOf('\n});') + 4);
  let again: RunReport | undefined;
  const chaos = (_name: string, told: SimulateOptions, script: (sim: Script) => void): void => {
    again = simulate(told, script);
  };
  (runInThisContext(`(chaos) => { ${pasted} }`) as (run: typeof chaos) => void)(chaos);
  expect(again?.failures[0]).toMatchObject({ property: 'all six are found', found: small.failure.found });
  expect(text).toMatch(/CHAOS_SEED=[0-9a-f]{8} npx vitest run -t 'my mesh'/);
});

test('a plan without the node that its property looks for is no smaller failure', () => {
  const sim = new Script({ nodes: 4, rest: 0 }, 4);
  sim.at('1s').powerOff(sim.node(2));
  sim.at('40s').calm();
  sim.never('it is failed', ({ nodes }) =>
    nodes.some((node) => node.isRunning && node.view().member(nodes[2]!.id)?.status === 'failed'),
  );
  const { properties } = sim;
  const whole = runPlan(sim.plan(), { properties }).failures[0] as Failure;
  const small = shrink(sim.plan(), whole, (plan, stopAt) => runPlan(plan, { properties, stopAt }));
  expect(small.failure).toMatchObject({ property: 'it is failed', found: 'it was so' });
  expect(planSize(small.plan)).toMatchObject({ nodes: 3, faults: 1 });
});

test('a plan in which an assertion of the property fails instead is no smaller failure', () => {
  const big = never('a node is off', ({ nodes }) => {
    if (nodes.length < 3) throw new Error('too few nodes');
    return nodes.some((node) => node.process === 'stopped');
  });
  const run = (plan: FaultPlan, stopAt: (failure: Failure) => boolean) =>
    runPlan(plan, { properties: [big], builtIn: false, stopAt });
  const sim = new Script({ nodes: 5, rest: 0 }, 1);
  sim.at('1s').powerOff(sim.node(4));
  const small = shrink(sim.plan(), run(sim.plan(), () => true).failures[0] as Failure, run);
  expect(small.failure.found).toBe('it was so');
  expect(small.plan.nodes).toBe(3);
});

test('a report says so when nothing has to go wrong for the property to fail', () => {
  const four = never('there are not four', ({ nodes }) => nodes.length !== 4);
  const run = (plan: FaultPlan, stopAt: (failure: Failure) => boolean) =>
    runPlan(plan, { properties: [four], builtIn: false, stopAt });
  const sim = new Script({ nodes: 3, rest: 0 }, 1);
  sim.at('1s').pause(sim.node(0)).for('1s');
  const found = shrink(sim.plan(), run(sim.plan(), () => true).failures[0] as Failure, run);
  expect(failureText('my mesh', { ...found, seed: 1, asked: four })).toContain('It fails without any trouble');
  expect(failureText('my mesh', { ...small, seed: 1 })).not.toContain('without any trouble');
});

/** A story told, run, and made small. */
function smallest(options: MeshOptions, script: (sim: Script) => void) {
  const sim = new Script(options, 1);
  script(sim);
  const { properties } = sim;
  const plan = sim.plan();
  const failure = runPlan(plan, { properties }).failures[0] as Failure;
  const small = shrink(plan, failure, (each, stopAt) => runPlan(each, { properties, stopAt }));
  return { failure, small, text: failureText('my mesh', { ...small, seed: 1, asked: properties[0] }) };
}

test('a write that breaks a promise stays in the plan, with its time, and the mesh that keeps the promise without it', () => {
  const { failure, small, text } = smallest({ nodes: 9 }, (sim) => {
    sim.service('pay', { on: sim.node(1, 2) });
    sim.at('2s').pause(sim.node(5)).for('1s');
    sim.at('3s').check(2, 'pay-2', 'passing');
    sim.at('4s').deregister(1, 'pay-1');
    sim.always('two are found', (scene) => scene.nodes.every((node) => scene.routable(node, 'pay').length === 2));
  });
  expect(failure).toMatchObject({ phase: 'chaos', chaosMs: 4000 });
  expect(small.failure).toMatchObject({ phase: 'chaos', chaosMs: 4000 });
  expect(planSize(small.plan)).toEqual({ nodes: 2, faults: 0, writes: 1 });
  expect(small.plan.writes).toEqual([{ atMs: 4000, node: 0, write: { type: 'deregister', instance: 'pay-0' } }]);
  expect(text).toContain('chaos, 4.000 s of chaos');
  expect(text).toContain('Nothing goes wrong in this plan: what is written in it is enough.');
  expect(text).not.toContain('without any trouble');
});

test('a write that a promise needs stays with the fault that breaks it', () => {
  const { small } = smallest({ nodes: 5, rest: 0 }, (sim) => {
    sim.at('1s').register(3, 'pay', 'pay-a', 80);
    sim.at('1s').register(4, 'stock', 'stock-a', 81);
    sim.at('6s').powerOff(sim.node(3));
    sim.at('40s').calm(sim.node(0, 1, 2));
    sim.eventually('somebody pays', { within: '5s' }, (scene) => scene.routable(scene.nodes[0]!, 'pay').length > 0);
  });
  expect(small.plan.faults.map(({ fault }) => fault.type)).toEqual(['power-off']);
  expect(small.plan.writes.map(({ write }) => write)).toEqual([
    { type: 'register', service: 'pay', instance: 'pay-a', port: 80 },
  ]);
});

test('a write that only takes away what a smaller mesh never had goes with its node, and the promise breaks for the same reason', () => {
  const { failure, small } = smallest({ nodes: 5 }, (sim) => {
    sim.service('pay', { on: sim.node(1, 2) });
    sim.at('4s').deregister(1, 'pay-1');
    sim.at('5s').powerOff(sim.node(2));
    sim.at('20s').calm();
    sim.always('one is found', (scene) =>
      scene.nodes.every((node) => !node.isRunning || scene.routable(node, 'pay').length >= 1),
    );
  });
  expect(failure.phase).toBe('chaos');
  expect(planSize(small.plan)).toEqual({ nodes: 2, faults: 1, writes: 0 });
  // The only one that has it is off, and the other notices that before anybody boots it again.
  const [{ fault }] = small.plan.faults as [TimedFault];
  expect(fault).toMatchObject({ type: 'power-off', node: small.plan.services[0]?.on[0] });
  expect(small.plan.services[0]?.on).toHaveLength(1);
  expect(small.failure.phase).toBe('chaos');
});

test('a fault and a write that break a promise together both stay', () => {
  const { small } = smallest({ nodes: 5 }, (sim) => {
    sim.at('4s').register(1, 'pay', 'pay-1', 80);
    sim.at('6s').register(3, 'stock', 'stock-3', 81);
    sim.at('7s').powerOff(sim.node(2));
    sim.at('9s').pause(sim.node(4)).for('1s');
    sim.at('20s').calm();
    sim.never(
      'one is off while pay is found',
      (scene) => scene.nodes.some((node) => node.process === 'stopped') && scene.routable(scene.nodes[0]!, 'pay').length > 0,
    );
  });
  expect(planSize(small.plan)).toEqual({ nodes: 2, faults: 1, writes: 1 });
});

test('what breaks in the midst of trouble is not made small to what breaks when the calm boots what was off', () => {
  const { failure, small, text } = smallest({ nodes: 9, zones: ['a', 'b', 'c'] }, (sim) => {
    sim.service('orders', { on: sim.zone('a', 'b') });
    sim.at('5s').powerOff(sim.zone('a')).restart('20s');
    sim.at('7s').pause(sim.random(2)).for('3s');
    sim.during('8s', '12s').link(sim.zone('b'), sim.zone('c'), { loss: 0.3, p99: '80ms' });
    sim.at('30s').calm();
    sim.always('those who run find all six', (scene) =>
      scene.nodes.every((node) => !node.isRunning || scene.routable(node, 'orders').length === 6),
    );
  });
  expect(failure.phase).toBe('chaos');
  expect(planSize(small.plan)).toEqual({ nodes: 6, faults: 1, writes: 0 });
  expect(small.failure.phase).toBe('chaos');
  // What was noticed is that somebody is off, who is still off then.
  expect(small.plan.faults[0]).toMatchObject({ atMs: 5000, fault: { type: 'power-off' } });
  expect(small.failure.chaosMs).toBeGreaterThan(5500);
  expect(small.plan.chaosMs - (small.failure.chaosMs ?? 0)).toBeLessThan(2000);
  expect(text).toContain(', chaos, ');
});

test('what breaks only when it is calm is not made small to what breaks before', () => {
  // A machine that just booted finds its own two and nobody else's; where the calm boots it, that is after the calm.
  const { failure, small } = smallest({ nodes: 6 }, (sim) => {
    sim.service('orders', { on: sim.node(0, 1) });
    sim.at('3s').pause(sim.node(4)).for('20s');
    sim.at('5s').crash(sim.node(2));
    sim.at('60s').calm();
    sim.always('who runs finds both', (scene) =>
      scene.nodes.every((node) => !node.isRunning || scene.routable(node, 'orders').length === 2),
    );
  });
  expect(failure.phase).toBe('calm');
  expect(small.failure.phase).toBe('calm');
  expect(small.plan.faults.map(({ fault }) => fault.type)).toEqual(['crash']);
});

test('shrinking says what ended it where something was left to try', () => {
  let asked = 0;
  const hasty = shrink(plan, failure, run, { isOver: () => ++asked > 4 });
  expect(hasty).toMatchObject({ stopped: 'time', runs: 4 });
  expect(shrink(plan, failure, run, { runsMax: 5 }).stopped).toBe('runs');
  expect(small.stopped).toBeUndefined();
  const cut = failureText('my mesh', { ...hasty, seed: 1 });
  expect(cut).toMatch(/^Made smaller until the time for it was over, in 4 runs, so that it may get smaller yet: \d+ nodes/m);
  expect(failureText('my mesh', { ...small, seed: 1 })).toMatch(/^As small as \d+ runs could make it: /m);
});
