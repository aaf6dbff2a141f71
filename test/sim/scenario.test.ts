import { simulate } from '@skein/sim';
import { expect, test } from 'vitest';
import rollingRestart from '../../simulations/rolling-restart.ts';

test.each([1, 2, 3])('a rolling restart loses no service and accuses nobody to the end, seed %i', (seed) => {
  const report = simulate(rollingRestart, { seed });
  expect(report.steps.filter((step) => !step.held)).toEqual([]);
  expect(report.steps.length).toBeGreaterThan(20);
});

test('a scenario whose step does not hold fails, goes on, and says what was found', () => {
  const report = simulate(
    {
      ...rollingRestart,
      script: (stage) => {
        stage.never('nobody is heard of', (event) => event.type === 'member-changed');
        stage.eventually('pigs fly', 100, () => false);
        stage.agree('the mesh forms', 5000);
      },
    },
    { seed: 1, nodes: 3 },
  );
  expect(report).toMatchObject({ passed: false, nodes: 3, seed: '00000001' });
  expect(report.steps.map((step) => [step.what, step.held])).toEqual([
    ['pigs fly', false],
    ['the mesh forms', true],
    ['nobody is heard of', false],
  ]);
  expect(report.steps[2]?.found[0]).toContain('member-changed');
});
