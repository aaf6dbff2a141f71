import { latencies, quantileAt } from '@skein/sim';
import { expect, test } from 'vitest';

const draws = Array.from({ length: 100_000 }, (_, i) => Math.floor((i / 100_000) * 4_294_967_296));

test.each(Object.entries(latencies))('delays drawn from %s have the quantiles of their table', (_, table) => {
  const delays = draws.map((draw) => quantileAt(table, draw));
  expect(delays).toEqual(delays.toSorted((a, b) => a - b));
  for (const [share, expected] of [
    [0, table.p0],
    [0.5, table.p50],
    [0.9, table.p90],
    [0.99, table.p99],
  ] as const) {
    expect(Math.abs((delays[share * 100_000] ?? 0) - expected)).toBeLessThanOrEqual(expected * 0.01 + 1);
  }
  expect(delays.at(-1)).toBeLessThanOrEqual(table.max);
  expect(delays.at(-1)).toBeGreaterThan(table.p99);
  expect(delays.every((delay) => Number.isInteger(delay))).toBe(true);
});
