import { reportHtml, verdictText } from '@skein/sim';
import type { ExperimentRow, Plot } from '@skein/sim';
import { expect, test } from 'vitest';
import { looksApart } from './eyesight.ts';
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

/** Rows of so many figures, ours and others', all close to each other. */
function crowd(others: number): readonly ExperimentRow[] {
  const anchors = Object.fromEntries(Array.from({ length: others }, (_, i) => [`other ${i}`, 10_100 + i * 10]));
  return ['a', 'b', 'c'].map((what) => ({ what, unit: 'ms', ours: 10_000, anchors }));
}

function pageOfRows(rows: readonly ExperimentRow[]): string {
  return reportHtml({ name: 'x', summary: 'x', command: 'x', setup: {}, rows });
}

test('ours has the first colour in every plot, wherever it stands, and no other series ever has it', () => {
  const legend = (html: string) => [...html.matchAll(/<i class="([^"]+)"><\/i>([^<(]+)/g)].map(([, look, name]) => [name, look]);
  const looks = legend(pageOfRows(crowd(16)));
  expect(looks.filter(([, look]) => look === 's0')).toEqual([['ours', 's0']]);
  expect(new Set(looks.slice(0, 15).map(([, look]) => look)).size).toBe(15);
  const last = { name: 'ours', points: [[1, 1]] } as const;
  const first = { name: 'memberlist', points: [[1, 2]] } as const;
  const plot: Plot = { title: 'x', kind: 'lines', ...axes, series: [first, last] };
  expect(legend(page([plot]))).toEqual([
    ['memberlist', 's1'],
    ['ours', 's0'],
  ]);
});

test('any two colours of series can be told apart, on light and on dark, with colour blindness too', () => {
  const palettes = [...pageOfRows([]).matchAll(/--s0:.*--s7: #[0-9a-f]{6};/g)].map(([text]) => text.match(/#[0-9a-f]{6}/g) ?? []);
  expect(palettes.map((palette) => palette.length)).toEqual([8, 8]);
  for (const palette of palettes)
    for (const [at, one] of palette.entries())
      for (const other of palette.slice(at + 1)) expect(looksApart(one, other), `${one} and ${other}`).toBeGreaterThan(18);
});

test('a value beside its bar leaves the others room, however many bars there are', () => {
  for (const others of [0, 1, 2, 6, 9]) {
    const html = pageOfRows(crowd(others));
    const values = [...html.matchAll(/<text class="value" x="([^"]+)" y="([^"]+)"[^>]*>([^<]+)/g)].map(([, x, y, text = '']) => ({
      x: Number(x),
      y: Number(y),
      width: text.length * 6,
    }));
    expect(values).toHaveLength(3 * (others + 1));
    for (const [at, one] of values.entries())
      for (const other of values.slice(at + 1)) {
        const isApart = Math.abs(one.y - other.y) >= 11 || Math.abs(one.x - other.x) >= (one.width + other.width) / 2;
        expect(isApart, `${others} others: ${JSON.stringify([one, other])}`).toBe(true);
      }
  }
});
