import { readPlan, runPlan } from '@skein/sim';
import { expect, test } from 'vitest';
import { regressions } from './regressions.ts';

test.each(regressions)('does not come back: $bug', ({ plan }) => {
  expect(runPlan(readPlan(plan)).failures).toEqual([]);
});
