import { simulate, simulateScenario } from '@skein/sim';
import { expect, test } from 'vitest';
import rollingRestart from '../../simulations/rolling-restart.ts';

test.each([1, 2, 3])('a rolling restart loses no service and accuses nobody to the end, seed %i', (seed) => {
  const report = simulateScenario(rollingRestart, { seed });
  expect(report.failures).toEqual([]);
  expect(report.figures.faults).toBe(10);
  expect(report.figures.calls['orders']?.calls).toBeGreaterThan(1000);
});

test('a scenario of which something does not hold fails, goes on, and says what was found and when', () => {
  const report = simulate({ nodes: 3, seed: 1 }, (sim) => {
    sim.at('1s').crash(sim.node(2)).restart('2s');
    sim.always('nobody is ever away', (scene) => scene.nodes.every((node) => node.isRunning));
    sim.never('an assertion error is what was found', (scene) => {
      if (scene.nodes.some((node) => !node.isRunning)) expect('pigs').toBe('birds');
      return false;
    });
    sim.at('1s').eventually('pigs fly', { within: '100ms' }, () => false);
    sim.eventually('birds fly', { within: '100ms' }, () => true);
    sim.sometimes('somebody is away', (scene) => scene.nodes.some((node) => !node.isRunning));
    sim.sometimes('everybody is away', (scene) => scene.nodes.every((node) => !node.isRunning));
  });
  expect(report.passed).toBe(false);
  expect(report.failures.map(({ property, phase, chaosMs }) => [property, phase, chaosMs])).toEqual([
    ['nobody is ever away', 'chaos', 1000],
    ['an assertion error is what was found', 'chaos', 1000],
    ['pigs fly', 'chaos', 1100],
  ]);
  expect(report.failures[1]?.found).toContain('birds');
  expect(report.happened).toEqual({ 'somebody is away': true, 'everybody is away': false });
  expect(report.figures.convergedMs).toBeDefined();
});

test('selectors name the nodes they mean, and each seed draws its own', () => {
  const drawn = [1, 2, 3].map((seed) => {
    const { plan } = simulate({ nodes: 7, zones: ['a', 'b', 'c'], seed, rest: 0 }, (sim) => {
      expect(sim.zone('b')).toEqual([1, 4]);
      expect(sim.zone('a', 'c')).toEqual([0, 2, 3, 5, 6]);
      expect(sim.except(sim.zone('a'))).toEqual([1, 2, 4, 5]);
      expect(() => sim.zone('d')).toThrow("zone('d'): this mesh has the zones a, b, c");
      expect(() => sim.node(7)).toThrow('this mesh has nodes 0 to 6');
      sim.at('1s').pause(sim.random(3)).for('2s');
    });
    return plan.faults.map(({ fault }) => ('node' in fault ? fault.node : -1)).join();
  });
  expect(new Set(drawn).size).toBe(3);
});

test('who is isolated is cut off from all others, or from those that are named', () => {
  const { plan } = simulate({ nodes: 4, seed: 1, rest: 0 }, (sim) => {
    sim.at('1s').isolate(sim.node(0)).for('1s');
    sim.at('2s').isolate(sim.node(0, 3), sim.node(1, 3)).for('1s');
    sim.at('4s').calm();
  });
  expect(plan.faults.map(({ fault }) => ('groups' in fault ? fault.groups : []))).toEqual([
    [[0], [1, 2, 3]],
    [[0, 3], [1]],
  ]);
});

test('what a killed process keeps is said, and by default what really happens', () => {
  const { plan } = simulate({ nodes: 2, seed: 1, rest: 0 }, (sim) => {
    sim.at('1s').crash(sim.node(0)).restart('1s');
    sim.at('3s').powerOff(sim.node(0)).restart('1s');
    sim.at('5s').calm();
  });
  expect(plan.faults.flatMap(({ fault }) => ('keep' in fault ? [fault.keep] : []))).toEqual(['written', 'synced']);
});

test('what was told becomes a plan: times, ends, restarts, and the calm with its core', () => {
  const { plan, faults } = simulate({ nodes: 4, zones: ['a', 'b'], seed: 'beef', rest: 0 }, (sim) => {
    sim.at('2s').split(sim.zone('a'), sim.zone('b')).for('1s');
    sim.at('1s').crash(sim.node(3), { keep: 'nothing' }).restart('1500ms');
    sim.during('1s', '3s').link(sim.node(0), sim.node(1), { loss: 0.2, p99: '100ms' });
    sim.at(500).pause(sim.node(2));
    sim.at('5s').calm(sim.node(0, 1, 3));
  });
  expect(plan).toMatchObject({ seed: '0000beef', chaosMs: 5000, core: [0, 1, 3] });
  expect(plan.faults).toMatchObject([
    { atMs: 500, fault: { type: 'pause', node: 2 } },
    { atMs: 1000, fault: { type: 'crash', node: 3, keep: 'nothing' } },
    { atMs: 1000, forMs: 2000, fault: { type: 'link', from: [0], to: [1], settings: { loss: 0.2, latency: { p99: 100_000 } } } },
    { atMs: 1000, forMs: 2000, fault: { type: 'link', from: [1], to: [0] } },
    {
      atMs: 2000,
      forMs: 1000,
      fault: {
        type: 'split',
        groups: [
          [0, 2],
          [1, 3],
        ],
      },
    },
    { atMs: 2500, fault: { type: 'restart', node: 3, seeds: true, replace: false } },
  ]);
  // Whoever is not of the core stays as it was: the pause never ended.
  expect(faults.find(({ fault }) => fault.type === 'pause')?.endMs).toBeUndefined();
});

test('requests go where the view of their own node says, and are counted by what is true', () => {
  const run = (retries: number) =>
    simulate({ nodes: 6, seed: 1 }, (sim) => {
      sim.service('orders', { on: sim.node(0, 1, 2) });
      sim.load('orders', { every: '20ms', from: sim.node(4, 5), retries });
      sim.at('2s').powerOff(sim.node(1));
      sim.at('8s').calm(sim.except(sim.node(1)));
      sim.expect('orders').availability({ atLeast: 0.999 });
    });
  expect(run(2).failures).toEqual([]);
  const { failures, figures } = run(0);
  expect(failures.map(({ property }) => property)).toEqual(['orders is available']);
  expect(figures.calls['orders']?.toSilent).toBeGreaterThan(0);
});

test('wall clocks that jump a year change nothing about who is in the mesh', () => {
  const { failures, coverage } = simulate({ nodes: 8, seed: 1 }, (sim) => {
    sim.service('web', { on: sim.node(2, 3) });
    sim.at('2s').stepClock(sim.node(2), '8760h');
    sim.at('4s').stepClock(sim.node(3), '8760h', -1);
    sim.at('5s').crash(sim.node(2)).restart('5s');
    sim.at('5s').crash(sim.node(3)).restart('5s');
    sim.at('30s').calm();
  });
  expect(failures).toEqual([]);
  expect(coverage.refutes).toBe(0);
});

test('one liar of any kind harms nobody but itself', () => {
  for (const lie of ['accuser', 'inflater', 'zombie', 'forger', 'equivocator', 'flooder', 'silent-relay'] as const) {
    const { failures } = simulate({ nodes: 6, seed: 1 }, (sim) => {
      sim.at('1s').lie(sim.node(5), lie).for('10s');
      sim.at('3s').crash(sim.node(4)).restart('4s');
      sim.never('somebody else is failed but the one that stopped', (scene) =>
        scene.nodes.some((node) => scene.nodes.slice(0, 4).some((well) => node.view().member(well.id)?.status === 'failed')),
      );
    });
    expect([lie, failures]).toEqual([lie, []]);
  }
});
