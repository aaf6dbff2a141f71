import { reportHtml, verdictText } from '@skein/sim';
import type { Plot } from '@skein/sim';
import { expect, test } from 'vitest';
import { pageOf } from './page-fixture.ts';

test.each([
  [2, 's', '<= 2 s', 'met'],
  [2.001, 's', '<= 2 s', 'missed'],
  [1500, 'ms', '<= 2 s', 'met'],
  [160_000, 'events/s', '>= 150 k', 'met'],
  [1, 'members', '0', 'missed'],
  [20, 'sizes', '< 20', 'missed'],
  [95, '%', '> 95 %', 'missed'],
  [3, 'MiB', '<= 2 GiB', 'met'],
  [3, 'MiB', '<= 2 s', ''],
  [3, 's', 'at most half of Lifeguard', ''],
  [3, 's', '<= 2 s at N = 128', ''],
  [undefined, 's', '<= 2 s', ''],
  [3, 's', undefined, ''],
])('%s %s against the goal "%s" is "%s"', (ours, unit, goal, verdict) => {
  expect(verdictText({ unit, ...(ours !== undefined && { ours }), ...(goal !== undefined && { goal }) })).toBe(verdict);
});

test.each([
  ['<= memberlist today', 'met'],
  ['< memberlist today', 'missed'],
  ['<= half of memberlist today', 'missed'],
  ['<= half of swim', 'met'],
  ['swim: 20-21 s', 'met'],
  ['swim, memberlist today: 15-25', 'missed'],
  ['ours: 9500-10500 ms', 'met'],
  ['10.5-11', 'missed'],
  ['<= lifeguard', ''],
  ['swim, lifeguard: 0-100', ''],
  ['<= toString', ''],
  ['<= lost', ''],
  ['never: 1-2', 'missed'],
])('10 s beside swim 20 and memberlist today 10 against the goal "%s" is "%s"', (goal, verdict) => {
  const anchors = { swim: 20, 'memberlist today': 10, lost: NaN, never: Infinity };
  expect(verdictText({ unit: 's', ours: 10, anchors, goal })).toBe(verdict);
});

test('a figure that never came meets no goal', () => {
  expect(verdictText({ unit: 's', ours: Infinity, anchors: { swim: Infinity }, goal: '<= swim' })).toBe('missed');
});

const hostile = `<img src=x onerror="alert('1')">&`;
const axes = { x: { label: hostile }, y: { label: 's' } };
const plots: Plot[] = [
  {
    title: hostile,
    kind: 'lines',
    ...axes,
    series: [
      {
        name: hostile,
        points: [
          [0, 1],
          [10, 3],
          [20, NaN],
        ],
      },
    ],
  },
  {
    title: 'log',
    kind: 'lines',
    x: { label: 'N', log: true },
    y: { label: 's', log: true },
    series: [
      {
        name: 'a',
        points: [
          [10, 0.001],
          [1000, 0],
          [10_000, 20],
        ],
      },
    ],
  },
  {
    title: 'bars',
    kind: 'bars',
    ...axes,
    series: [
      { name: 'a', points: [[hostile, 1]] },
      { name: 'b', points: [['x', 0]] },
    ],
  },
  {
    title: 'tail',
    kind: 'percentiles',
    ...axes,
    series: [{ name: 'a', points: Array.from({ length: 100 }, (_, i) => [i, i + 1]) }],
  },
  { title: 'nothing', kind: 'lines', ...axes, series: [] },
  { title: 'one point', kind: 'lines', ...axes, series: [{ name: 'a', points: [[5, 5]] }] },
];

function page(those: readonly Plot[]): string {
  return reportHtml({
    name: hostile,
    summary: hostile,
    command: hostile,
    setup: { [hostile]: hostile },
    rows: [{ what: hostile, unit: hostile, ours: 1, anchors: { [hostile]: 2 }, published: hostile, goal: hostile }],
    plots: those,
  });
}

test('a report is well-formed, asks for nothing outside, and hostile text stays text', () => {
  const read = pageOf(page(plots));
  expect(read).toMatchObject({ faults: [], references: [], scripts: [] });
  expect(read.elements).not.toContain('img');
  expect(read.elements.filter((name) => name === 'svg')).toHaveLength(plots.length);
});

test('every coordinate of a plot is a finite number inside its box', () => {
  const html = page(plots);
  expect(html).not.toMatch(/NaN|Infinity|undefined/);
  const xs = [...html.matchAll(/\s(?:cx|x1|x2)="([^"]+)"/g)].map(([, x]) => Number(x));
  expect(xs.length).toBeGreaterThan(20);
  expect(xs.every((x) => x >= 0 && x <= 640)).toBe(true);
});

test('a plot of percentiles says the median and the tail in words', () => {
  expect(page(plots)).toContain('100: p50 50, p90 90, p99 99, max 100');
});

test('without plots of its own, a report draws its rows, one plot for each unit', () => {
  expect(pageOf(page([])).elements.filter((name) => name === 'svg')).toHaveLength(1);
});
