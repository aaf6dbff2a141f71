/** When what has to come true after the calm is asked for, and how long that is said to have taken. */

import { convergeBoundMs, drawPlan, runPlan, simulate } from '@skein/sim';
import type { RunReport, Scene } from '@skein/sim';
import { expect, test } from 'vitest';
import { mutations } from './mutations/mutations.ts';

const calmMs = 2000;
const sinceCalm = (scene: Scene): number => scene.nowMs - (scene.chaosMs ?? 0) - calmMs;

/** A story in which it comes true so long after the calm. */
function lateBy(lateMs: number, options: { readonly within?: number; readonly convergeWithin?: number } = {}): RunReport {
  const { within, convergeWithin } = options;
  return simulate({ nodes: 3, rest: 0, ...(convergeWithin !== undefined && { convergeWithin }) }, (sim) => {
    sim.at('1s').pause(sim.node(0)).for('500ms');
    sim.at(calmMs).calm();
    sim.eventually('it is late', within === undefined ? {} : { within }, (scene) => sinceCalm(scene) >= lateMs);
  });
}

test('a bound counts from the calm, and is held to the millisecond', () => {
  expect(lateBy(1000, { within: 1000 }).failures).toEqual([]);
  expect(lateBy(1001, { within: 1000 }).failures).toMatchObject([{ property: 'it is late', phase: 'calm', chaosMs: 3000 }]);
  expect(lateBy(1020, { within: 1020 }).failures).toEqual([]);
  expect(lateBy(2600, { within: 2500 }).failures).toMatchObject([{ phase: 'converge', chaosMs: 4500 }]);
});

test('the bound of all that has none of its own counts from the calm too', () => {
  expect(lateBy(3000, { convergeWithin: 3000 }).failures).toEqual([]);
  expect(lateBy(3001, { convergeWithin: 3000 }).failures).toMatchObject([{ property: 'it is late', chaosMs: 5000 }]);
  expect(lateBy(600, { convergeWithin: 500 }).failures).toMatchObject([{ property: 'it is late', chaosMs: 2500 }]);
});

test('how long it took is the time since the calm until the last of all came true', () => {
  expect(lateBy(0).figures.convergedMs).toBeLessThan(100);
  expect(lateBy(0, { within: 5000 }).figures.convergedMs).toBeLessThan(100);
  expect(lateBy(700, { within: 5000 }).figures.convergedMs).toBe(700);
  expect(lateBy(3000, { within: 5000 }).figures.convergedMs).toBe(3000);
  expect(lateBy(3000).figures.convergedMs).toBe(3000);
  expect(lateBy(1001, { within: 1000 }).figures.convergedMs).toBeUndefined();
});

test('a mesh that had to heal after the calm says how long that took', () => {
  const { failures, figures } = simulate({ nodes: 5, rest: 0 }, (sim) => {
    sim.at('1s').split(sim.node(0, 1), sim.node(2, 3, 4));
    sim.at('40s').calm();
  });
  expect(failures).toEqual([]);
  expect(figures.convergedMs).toBeGreaterThan(50);
});

test('who is leaving at the calm has its time to leave and to come back before all has to be well', () => {
  const { failures, plan, figures } = simulate({ nodes: 4, rest: 0 }, (sim) => {
    sim.at('1999ms').leave(sim.node(3));
    sim.at(calmMs).calm();
    sim.eventually('everybody is here', {}, (scene) => scene.nodes.every((node) => node.isRunning));
  });
  expect(failures).toEqual([]);
  expect(figures.convergedMs).toBeGreaterThan(1000);
  expect(plan.convergeMs).toBe(convergeBoundMs(plan));
});

test('a stored plan whose bound leaves no time for that is held to its bound', () => {
  const plan = { ...drawPlan(1, { nodesMax: 10, chaosMs: 1000 }), faults: [], writes: [], loss: 0, convergeMs: 100, restMs: 0 };
  const { phases, failures } = runPlan(plan);
  const [calm, converge] = phases.slice(-2);
  expect((converge?.fromMs ?? 0) - (calm?.fromMs ?? 0)).toBe(100);
  expect(failures).toEqual([]);
});

test('who is gone for longer than its bound is failed by the calm that starts it again, and a report says whether anybody was', () => {
  const property = 'L2 who stopped is failed everywhere';
  const gone = (at: string): RunReport =>
    simulate({ nodes: 5, rest: 0 }, (sim) => {
      sim.at(at).powerOff(sim.node(3));
      sim.at('60s').calm();
    });
  expect(gone('5s')).toMatchObject({ failures: [], armed: { [property]: true } });
  expect(gone('50s')).toMatchObject({ failures: [], armed: { [property]: false } });
  const putOff = mutations.find(({ name }) => name === 'verdicts put off for ever');
  expect(putOff?.with(() => gone('5s')).failures).toMatchObject([{ property, phase: 'calm', chaosMs: 60_000 }]);
  expect(putOff?.with(() => gone('50s')).failures).toEqual([]);
});
