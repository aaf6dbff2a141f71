import { readPlan, runPlan } from '@skein/sim';
import { expect, test } from 'vitest';
import { regressions, unmended } from './regressions.ts';

test.each(regressions)('does not come back: $bug', ({ plan }) => {
  expect(runPlan(readPlan(plan)).failures).toEqual([]);
});

test.each(unmended)('is still to be mended: $bug', ({ plan, property }) => {
  expect(runPlan(readPlan(plan)).failures[0]?.property).toBe(property);
});
