/** Faults that wait for an event instead of a time: in a story, in a plan, in its replay, made small, and pasted. */

import {
  Recorder,
  Script,
  drawPlan,
  nothingTestedText,
  readPlan,
  recordingOf,
  replay,
  runPlan,
  scenarioText,
  shrink,
  simulate,
} from '@skein/sim';
import type { FaultPlan, Property, TriggerEvent } from '@skein/sim';
import type { MeshEvent } from '@skein/core';
import { describe, expect, test } from 'vitest';

const options = { nodes: 6, seed: 5, rest: 0 } as const;

describe('a fault that waits', () => {
  test('happens so long after the first event of its kind', () => {
    const suspectedMs: number[] = [];
    const report = simulate(
      {
        ...options,
        onEvent: (_node, event: MeshEvent) => {
          if (event.type === 'member-changed' && event.to === 'suspect') suspectedMs.push(0);
        },
      },
      (sim) => {
        sim.at('1s').powerOff(sim.node(5));
        sim.after('suspect', { by: '200ms' }).pause(sim.node(2)).for('3s');
        sim.after('suspect').crash(sim.node(3)).restart('1s');
        sim.at('30s').calm();
      },
    );
    expect(report.failures).toEqual([]);
    expect(suspectedMs.length).toBeGreaterThan(0);
    const [power, crash, pause, restart] = report.faults;
    expect([power, crash, pause, restart].map((span) => span?.fault.type)).toEqual(['power-off', 'crash', 'pause', 'restart']);
    expect(crash?.after).toEqual({ event: 'suspect', nth: 1 });
    expect(power?.after).toBeUndefined();
    const at = crash?.atMs ?? 0;
    expect([pause?.atMs, pause?.endMs, restart?.atMs]).toEqual([at + 200, at + 3200, at + 1000]);
    expect(at).toBeGreaterThan(power?.atMs ?? 0);
  });

  test('for the n-th counts what every node says for itself', () => {
    const told: string[] = [];
    const report = simulate(
      { ...options, onEvent: (node, event) => void (event.type === 'refuted' && told.push(node.id)) },
      (sim) => {
        sim.at('1s').lie(sim.node(5), 'accuser').for('10s');
        sim.after('refuted', { nth: 3 }).stepClock(sim.node(0), '1s');
        sim.at('20s').calm();
      },
    );
    const stepped = report.faults.filter(({ fault }) => fault.type === 'step-clock');
    expect(stepped).toHaveLength(told.length >= 3 ? 1 : 0);
    expect(told.length).toBeGreaterThanOrEqual(3);
  });

  test('in vain never happens, and is counted; so is one whose time is after the calm', () => {
    const { figures, faults } = simulate(options, (sim) => {
      sim.after('conflict').crash(sim.node(1));
      sim.at('1s').crash(sim.node(5));
      sim.after('failed', { by: '19s' }).crash(sim.node(2));
      sim.at('20s').calm();
    });
    expect(faults.map(({ fault }) => fault)).toEqual([{ type: 'crash', node: 5, keep: 'written' }]);
    expect(figures.skipped).toBe(2);
  });

  test('in vain is told of with what it waited for', () => {
    const { skipped, figures } = simulate(options, (sim) => {
      sim.after('conflict').crash(sim.node(1, 2));
      sim.after('failed', { nth: 40 }).cut(sim.node(0), sim.node(1));
      sim.at('1s').crash(sim.node(5));
      sim.after('failed', { by: '19s' }).crash(sim.node(2));
      sim.at('2s').pause(sim.node(5)).for('1s');
      sim.at('2s').fullDisk(sim.node(4)).for('9s');
      sim.at('3s').fullDisk(sim.node(4)).for('1s');
      sim.at('20s').calm();
    });
    expect(figures.skipped).toBe(6);
    const why = Object.fromEntries(skipped.map(({ fault, ...each }) => [`${fault.type} ${each.atMs}`, each.why]));
    expect(why['crash 0']).toBe('it waited in vain: there was no conflict');
    expect(why['cut 0']).toMatch(/^it waited in vain: failed came \d+ times$/);
    expect(why['crash 19000']).toBe('it was calm before 19s had passed since');
    expect(why['pause 2000']).toBe('it was stopped');
    expect(why['full-disk 3000']).toBe('there was such trouble on it already');
    expect(nothingTestedText(1, { faults: 0, skipped: 2 }, { skipped: skipped.slice(-4, -2), nodes: 6 })).toMatch(
      /^in the run every fault was skipped, 2 in all, so nothing was put to the test: crash node 1, node 2 at once after conflict \(it waited in vain/,
    );
  });

  test.each([
    ['suspect', (sim: Script) => sim.at('1s').pause(sim.node(5)).for('3s')],
    ['failed', (sim: Script) => sim.at('1s').powerOff(sim.node(5)).restart('30s')],
    ['left', (sim: Script) => sim.at('1s').leave(sim.node(5)).restart('9s')],
  ] as const)('for who is back has its time when a %s member is alive again', (before, tell) => {
    const told: (string | undefined)[] = [];
    const { faults } = simulate(
      {
        ...options,
        onEvent: (_node, event) => void (event.type === 'member-changed' && event.to === 'alive' && told.push(event.from)),
      },
      (sim) => {
        tell(sim);
        sim.after('back').stepClock(sim.node(0), '1s');
        sim.at('50s').calm();
      },
    );
    expect(told.find((from) => from !== undefined)).toBe(before);
    expect(faults.find(({ fault }) => fault.type === 'step-clock')?.after).toEqual({ event: 'back', nth: 1 });
  });

  test('is plain data, and its replay is the same run', () => {
    const script = (sim: Script): void => {
      sim.at('1s').crash(sim.node(5));
      sim
        .after('failed', { nth: 2, by: '1500ms' })
        .split(sim.node(0, 1), sim.node(2, 3, 4))
        .for('4s');
      sim.at('40s').calm();
    };
    const run = simulate(options, script);
    expect(run.plan.faults[1]).toEqual({
      atMs: 1500,
      forMs: 4000,
      after: { event: 'failed', nth: 2 },
      fault: {
        type: 'split',
        groups: [
          [0, 1],
          [2, 3, 4],
        ],
      },
    });
    const plan = JSON.parse(JSON.stringify(run.plan)) as unknown;
    expect(readPlan(plan)).toEqual(run.plan);
    expect(replay(plan as FaultPlan).traceHash).toBe(run.traceHash);
    expect(scenarioText('pasted', run.plan)).toContain(
      `sim.after('failed', { nth: 2, by: '1500ms' }).split(sim.node(0, 1), sim.node(2, 3, 4)).for('4s');`,
    );
    const recorder = new Recorder();
    const report = runPlan(run.plan, { witness: recorder });
    const { faults } = recordingOf(recorder, report, { title: 'story' });
    expect(faults.map(({ what }) => what)).toEqual(['crash host-5', 'split host-0, host-1 | host-2…4, after failed no. 2']);
  });

  test('is made small as any other, and for the first of its kind where that is enough', () => {
    const script = new Script(options, 5);
    script.at('1s').crash(script.node(5));
    script.after('failed', { nth: 3, by: '700ms' }).crash(script.node(2));
    script.after('failed', { nth: 4 }).pause(script.node(1)).for('2s');
    script.at('40s').calm();
    const bug: Property = {
      name: 'two run at any time',
      doc: '',
      kind: 'always',
      begin: (scene) => ({
        state: () => (scene.nodes.filter(({ process }) => process === 'stopped').length > 1 ? 'two do not' : undefined),
      }),
    };
    const plan = script.plan();
    const [failure] = runPlan(plan, { properties: [bug], builtIn: false }).failures;
    if (failure === undefined) throw new Error('it does not fail');
    const small = shrink(plan, failure, (each, stopAt) => runPlan(each, { properties: [bug], builtIn: false, stopAt }));
    expect(small.plan.faults.map(({ fault, after }) => [fault.type, after?.nth])).toEqual([
      ['crash', 1],
      ['crash', undefined],
    ]);
  });

  test('is drawn in some plans, and never shifts what else is drawn', () => {
    const plans = Array.from({ length: 60 }, (_, seed) => drawPlan(seed));
    const waiting = plans.filter(({ faults }) => faults.some(({ after }) => after !== undefined));
    const corrupting = plans.filter(({ faults }) => faults.some(({ fault }) => fault.type === 'corrupt'));
    for (const some of [waiting, corrupting]) {
      expect(some.length).toBeGreaterThan(2);
      expect(some.length).toBeLessThan(20);
    }
  });
});

test('a slip about what is waited for is refused by name', () => {
  const tell =
    (script: (sim: Script) => void): (() => unknown) =>
    () =>
      simulate(options, script);
  expect(tell((sim) => sim.after('suspected' as TriggerEvent).pause(sim.node(0)))).toThrow(
    "after('suspected'): 'suspected' is not one of suspect, failed, left, back, unreachable",
  );
  expect(tell((sim) => sim.after('suspect', { nth: 0 }).pause(sim.node(0)))).toThrow(
    "after('suspect'): nth: 0 is no number of an event; the first is 1",
  );
  expect(tell((sim) => sim.after('suspect', { in: '1s' } as object).pause(sim.node(0)))).toThrow('in is not an option');
  expect(tell((sim) => sim.after('suspect', { by: '1s' }).pause(sim.node(0)))).toThrow(
    "pause 1s after suspect: nobody knows when that is, so say when it is calm: sim.at('60s').calm()",
  );
  expect(
    tell((sim) => {
      (sim.after('suspect') as unknown as { register(node: number, service: string): void }).register(0, 'web');
    }),
  ).toThrow("after('suspect'): register has a time of its own; sim.at('5s') says when");
  expect(() => readPlan({ ...drawPlan(1), faults: [{ atMs: 1, after: { event: 'x', nth: 1 }, fault: {} }] })).toThrow(
    'faults[0].after.event: is "x", not one of suspect',
  );
});
