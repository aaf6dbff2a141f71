/** Plots as inline SVG, drawn here: no library, no font, nothing to load. Colours come from the page's CSS variables. */

import { escaped } from '../timeline/escape.ts';

export interface Series {
  readonly name: string;
  /** Of `lines`: x and y. Of `bars`: a label and its height. */
  readonly points: readonly (readonly [x: number | string, y: number])[];
}

export interface Axis {
  readonly label: string;
  /** Values over several powers of ten. Those of zero and below are left out. */
  readonly log?: boolean;
}

/**
 * `lines`: y over x. `bars`: a group for each label. `percentiles`: `points` are [any, value]; shown is which share of the
 * values lies at or below x, so that the tail is as easy to read as the median.
 */
export interface Plot {
  readonly title: string;
  readonly kind: 'lines' | 'bars' | 'percentiles';
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
}

const width = 640;
const height = 320;
const box = { left: 64, right: width - 16, top: 14, bottom: height - 46 } as const;
/** How many series can be told apart by colour, ours among them; more are told by a paler one. */
const coloursMax = 8;
/** More points than pixels say no more. */
const pointsMax = 1200;

/** The classes of each series: ours has the first colour in every plot, and no other series ever has it. */
export function seriesClasses({ series }: Plot): readonly string[] {
  let others = 0;
  return series.map(({ name }) => {
    if (name === 'ours') return 's0';
    const at = others++;
    return `s${1 + (at % (coloursMax - 1))}${at < coloursMax - 1 ? '' : ' pale'}`;
  });
}

interface Scale {
  at(value: number): number;
  readonly ticks: readonly number[];
}

/** The plot as an `svg` element. Series with nothing to draw are named in the legend all the same. */
export function plotSvg(plot: Plot): string {
  if (plot.kind === 'bars' && !hasRoom(plot)) return lyingBars(plot);
  const body = plot.kind === 'bars' ? bars(plot) : lines(plot.kind === 'percentiles' ? cumulative(plot) : plot);
  const label = `${plot.title}: ${plot.y.label} over ${plot.x.label}`;
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(label)}">${body}
<text class="axis" x="${(box.left + box.right) / 2}" y="${height - 8}" text-anchor="middle">${escaped(plot.x.label)}</text>
<text class="axis" transform="translate(13 ${(box.top + box.bottom) / 2}) rotate(-90)" text-anchor="middle">${escaped(plot.kind === 'percentiles' ? 'share at or below' : plot.y.label)}</text></svg>`;
}

function cumulative(plot: Plot): Plot {
  const series = plot.series.map(({ name, points }) => {
    const sorted = points.map(([, value]) => value).sort((a, b) => a - b);
    return { name, points: sorted.map((value, i): readonly [number, number] => [value, (100 * (i + 1)) / sorted.length]) };
  });
  return { ...plot, y: { label: '%' }, series };
}

function lines(plot: Plot): string {
  const drawn = plot.series.map(({ points }) => numeric(points, plot));
  const all = drawn.flat();
  if (all.length === 0) return empty();
  const xs = scale(
    plot.x,
    extent(
      all.map(([x]) => x),
      plot.x,
      false,
    ),
    box.left,
    box.right,
  );
  const ys = scale(
    plot.y,
    extent(
      all.map(([, y]) => y),
      plot.y,
      plot.kind !== 'percentiles',
    ),
    box.bottom,
    box.top,
  );
  const classes = seriesClasses(plot);
  const paths = drawn.map((points, index) => {
    const path = points.map(
      ([x, y], i) =>
        `${i === 0 ? 'M' : plot.kind === 'percentiles' ? `H${fixed(xs.at(x))}V` : 'L'}${plot.kind === 'percentiles' && i > 0 ? fixed(ys.at(y)) : `${fixed(xs.at(x))} ${fixed(ys.at(y))}`}`,
    );
    const marks =
      points.length <= 40
        ? points.map(([x, y]) => `<circle cx="${fixed(xs.at(x))}" cy="${fixed(ys.at(y))}" r="3" class="fill ${classes[index]}"/>`)
        : [];
    return `<path d="${path.join('')}" class="line ${classes[index]}"/>${marks.join('')}`;
  });
  return frame(xs, ys) + paths.join('');
}

function numeric(points: Series['points'], plot: Plot): (readonly [number, number])[] {
  const usable = points.filter(
    (point): point is readonly [number, number] =>
      typeof point[0] === 'number' &&
      Number.isFinite(point[0]) &&
      Number.isFinite(point[1]) &&
      (plot.x.log !== true || point[0] > 0) &&
      (plot.y.log !== true || point[1] > 0),
  );
  const step = Math.ceil(usable.length / pointsMax);
  return usable.filter((_, i) => i % step === 0 || i === usable.length - 1);
}

function bars(plot: Plot): string {
  const labels = labelsOf(plot);
  const values = plot.series
    .flatMap(({ points }) => points.map(([, y]) => y))
    .filter((y) => Number.isFinite(y) && (plot.y.log !== true || y > 0));
  if (labels.length === 0 || values.length === 0) return empty();
  const ys = scale(plot.y, extent(values, plot.y, true), box.bottom, box.top);
  const { group, bar } = barWidths(plot, labels);
  const classes = seriesClasses(plot);
  const drawn = plot.series.flatMap(({ points }, index) =>
    points.flatMap(([label, y]) => {
      if (!Number.isFinite(y) || (plot.y.log === true && y <= 0)) return [];
      const x = box.left + group * (labels.indexOf(String(label)) + 0.5) + bar * (index - plot.series.length / 2);
      const top = Math.min(ys.at(y), box.bottom - 1);
      return [
        `<rect x="${fixed(x + 1)}" y="${fixed(top)}" width="${fixed(Math.max(1, bar - 2))}" height="${fixed(box.bottom - top)}" class="fill ${classes[index]}"/>`,
        `<text class="value" x="${fixed(x + bar / 2)}" y="${fixed(top - 3)}" text-anchor="middle">${short(y)}</text>`,
      ];
    }),
  );
  const names = labels.map(
    (label, i) =>
      `<text class="tick" x="${fixed(box.left + group * (i + 0.5))}" y="${box.bottom + 15}" text-anchor="middle">${escaped(cut(label, Math.floor(group / 6)))}</text>`,
  );
  return frame({ at: () => 0, ticks: [] }, ys) + drawn.join('') + names.join('');
}

function labelsOf(plot: Plot): readonly string[] {
  return [...new Set(plot.series.flatMap(({ points }) => points.map(([label]) => String(label))))];
}

/** Of bars that stand. */
function barWidths({ series }: Plot, labels: readonly string[]): { readonly group: number; readonly bar: number } {
  const group = (box.right - box.left) / labels.length;
  return { group, bar: Math.min(60, (group * 0.8) / series.length) };
}

/** Whether each label fits under its group, and each value over its bar, beside those of their neighbours. */
function hasRoom(plot: Plot): boolean {
  const labels = labelsOf(plot);
  const { group, bar } = barWidths(plot, labels);
  const values = plot.series.flatMap(({ points }) => points.map(([, y]) => y)).filter(Number.isFinite);
  return labels.every((label) => label.length * 6 <= group) && values.every((value) => valueWidth(value) <= bar);
}

/** About how wide a value is that is written beside its bar. */
function valueWidth(value: number): number {
  return short(value).length * 6.5 + 2;
}

/** Of bars that lie: as high as the value that is written behind it. */
const lyingBar = 13;

/** Bars from left to right, which leaves room for labels of many words, and for a value behind each bar. */
function lyingBars(plot: Plot): string {
  const left = 250;
  const isShown = (y: number): boolean => Number.isFinite(y) && (plot.y.log !== true || y > 0);
  const classes = seriesClasses(plot);
  let bottom = 10;
  const groups = labelsOf(plot).map((name) => {
    const shown = plot.series.flatMap(({ points }, index) =>
      points.flatMap(([label, y]) => (String(label) === name && isShown(y) ? [{ y, look: classes[index] ?? '' }] : [])),
    );
    const top = bottom;
    const tall = lyingBar * Math.max(1, shown.length);
    bottom += tall + 10;
    return { name, shown, top, tall };
  });
  const values = groups.flatMap(({ shown }) => shown.map(({ y }) => y));
  const label = `${plot.title}: ${plot.y.label}`;
  const open = `<svg viewBox="0 0 ${width} ${bottom + 40}" role="img" aria-label="${escaped(label)}">`;
  if (values.length === 0) return `${open}${empty()}</svg>`;
  const xs = scale(plot.y, extent(values, plot.y, true), left, box.right - 4 - Math.max(...values.map(valueWidth)));
  const grid = xs.ticks.map((value) => {
    const x = fixed(xs.at(value));
    return `<line class="grid" x1="${x}" x2="${x}" y1="6" y2="${bottom}"/><text class="tick" x="${x}" y="${bottom + 14}" text-anchor="middle">${short(value)}</text>`;
  });
  const drawn = groups.flatMap(({ shown, top }) =>
    shown.map(({ y, look }, place) => {
      const right = Math.max(left + 1, xs.at(y));
      const barTop = top + lyingBar * place;
      return `<rect x="${left}" y="${barTop}" width="${fixed(right - left)}" height="${lyingBar - 1}" class="fill ${look}"/><text class="value" x="${fixed(right + 4)}" y="${barTop + lyingBar - 3}">${short(y)}</text>`;
    }),
  );
  const names = groups.map(
    ({ name, top, tall }) =>
      `<text class="tick" x="${left - 8}" y="${top + tall / 2 + 4}" text-anchor="end">${escaped(cut(name, 44))}</text>`,
  );
  const axis = `<line class="base" x1="${left}" x2="${left}" y1="6" y2="${bottom}"/><text class="axis" x="${(left + box.right) / 2}" y="${bottom + 32}" text-anchor="middle">${escaped(plot.y.label)}</text>`;
  return `${open}${grid.join('')}${drawn.join('')}${names.join('')}${axis}</svg>`;
}

function empty(): string {
  return `<text class="axis" x="${width / 2}" y="${height / 2}" text-anchor="middle">nothing was measured</text>`;
}

function frame(xs: Scale, ys: Scale): string {
  const across = ys.ticks.map(
    (value) =>
      `<line class="grid" x1="${box.left}" x2="${box.right}" y1="${fixed(ys.at(value))}" y2="${fixed(ys.at(value))}"/><text class="tick" x="${box.left - 6}" y="${fixed(ys.at(value) + 4)}" text-anchor="end">${short(value)}</text>`,
  );
  const up = xs.ticks.map(
    (value) =>
      `<line class="grid" x1="${fixed(xs.at(value))}" x2="${fixed(xs.at(value))}" y1="${box.top}" y2="${box.bottom}"/><text class="tick" x="${fixed(xs.at(value))}" y="${box.bottom + 15}" text-anchor="middle">${short(value)}</text>`,
  );
  return (
    across.join('') +
    up.join('') +
    `<line class="base" x1="${box.left}" x2="${box.right}" y1="${box.bottom}" y2="${box.bottom}"/>`
  );
}

function extent(values: readonly number[], axis: Axis, fromZero: boolean): readonly [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  if (axis.log === true) return [low, high];
  return [fromZero ? Math.min(0, low) : low, high];
}

function scale(axis: Axis, [low, high]: readonly [number, number], from: number, to: number): Scale {
  if (axis.log === true) {
    const first = Math.floor(Math.log10(low));
    const last = Math.max(first + 1, Math.ceil(Math.log10(high)));
    const ticks = Array.from({ length: last - first + 1 }, (_, i) => Number(`1e${first + i}`));
    return { at: (value) => from + ((Math.log10(value) - first) / (last - first)) * (to - from), ticks };
  }
  const step = niceStep((high - low || Math.abs(high) || 1) / 5);
  const first = Math.floor(low / step) * step;
  const last = Math.max(first + step, Math.ceil(high / step) * step);
  const ticks = Array.from({ length: Math.round((last - first) / step) + 1 }, (_, i) => first + i * step);
  return { at: (value) => from + ((value - first) / (last - first)) * (to - from), ticks };
}

/** 1, 2 or 5 times a power of ten, at least `rough`. */
function niceStep(rough: number): number {
  const ten = Number(`1e${Math.floor(Math.log10(rough))}`);
  return (rough <= ten ? 1 : rough <= 2 * ten ? 2 : rough <= 5 * ten ? 5 : 10) * ten;
}

function fixed(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** A number as an axis says it: `1.2 k`, `0.003`. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e9) return `${Number((value / 1e9).toPrecision(3))} G`;
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(3))} M`;
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(3))} k`;
  return String(Number(value.toPrecision(3)));
}

function cut(text: string, length: number): string {
  const most = Math.max(3, length);
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
