import { expect, test } from 'vitest';
import * as fc from 'fast-check';
import { type FailedAttempt, RetryBudget, outcomeOf, whyNoRetry } from '@skein/traffic';

const attempt: FailedAttempt = { method: 'GET', sent: true, answered: false, replayable: true, retries: 0, maxRetries: 3 };

test.each(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'])('%s may be sent twice', (method) => {
  expect(whyNoRetry({ ...attempt, method })).toBeUndefined();
});

test.each(['POST', 'PATCH', 'CONNECT', 'get', 'PURGE'])(
  '%s may not be sent twice, only elsewhere when nothing was sent',
  (method) => {
    expect(whyNoRetry({ ...attempt, method })).toBe('not-idempotent');
    expect(whyNoRetry({ ...attempt, method, sent: false })).toBeUndefined();
  },
);

test('nothing is tried again once a part of an answer went out, or as often as the route allows', () => {
  expect(whyNoRetry({ ...attempt, answered: true, sent: false })).toBe('answered');
  expect(whyNoRetry({ ...attempt, retries: 3 })).toBe('attempts');
  expect(whyNoRetry({ ...attempt, maxRetries: 0, sent: false })).toBe('attempts');
});

test('a body that is gone cannot be sent again', () => {
  expect(whyNoRetry({ ...attempt, replayable: false })).toBe('not-replayable');
  expect(whyNoRetry({ ...attempt, replayable: false, sent: false })).toBeUndefined();
});

test('statuses are judged by their first digit', () => {
  expect([101, 200, 304, 400, 429, 499, 500, 599].map(outcomeOf)).toEqual([
    'success',
    'success',
    'success',
    'client-error',
    'client-error',
    'client-error',
    'server-error',
    'server-error',
  ]);
});

test('the budget is a fifth of the requests of ten seconds, and a reserve', () => {
  const budget = new RetryBudget();
  for (let i = 0; i < 1000; i++) budget.request(50_000);
  let granted = 0;
  while (granted < 1000 && budget.tryRetry(59_999)) granted++;
  expect(granted).toBe(300);
  expect(budget.tryRetry(60_000)).toBe(false);
  while (granted < 2000 && budget.tryRetry(69_999)) granted++;
  expect(granted).toBe(400);
});

test('the budget counts as a dumb list of events does', () => {
  const step = fc.record({ waitMs: fc.constantFrom(0, 1, 400, 1000, 9000, 30_000), requests: fc.nat(40), retries: fc.nat(60) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const budget = new RetryBudget();
      const requests: number[] = [];
      const retries: number[] = [];
      let nowMs = 0;
      const recent = (events: number[]): number =>
        events.filter((ms) => Math.floor(ms / 1000) > Math.floor(nowMs / 1000) - 10).length;
      for (const each of steps) {
        nowMs += each.waitMs;
        for (let i = 0; i < each.requests; i++) {
          budget.request(nowMs);
          requests.push(nowMs);
        }
        for (let i = 0; i < each.retries; i++) {
          const allowed = recent(retries) < 100 + Math.floor(recent(requests) / 5);
          expect(budget.tryRetry(nowMs)).toBe(allowed);
          if (allowed) retries.push(nowMs);
        }
      }
    }),
    { numRuns: 100, seed: 7 },
  );
});
