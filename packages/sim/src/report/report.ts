/** The figures of a simulation as one object for programs, and as one HTML page with plots for people. */

import type { ExperimentRow } from '../experiment.ts';
import { escaped } from '../timeline/escape.ts';
import { goalMet } from './goal.ts';
import { plotSvg, seriesClasses, short } from './plot.ts';
import type { Plot } from './plot.ts';

/** What `--json` prints, the same for every simulation and benchmark. */
export interface FigureReport {
  readonly name: string;
  readonly setup: Readonly<Record<string, unknown>>;
  readonly rows: readonly {
    readonly what: string;
    readonly unit: string;
    readonly ours: number | null;
    readonly anchors: Readonly<Record<string, number>>;
    readonly published: number | string | null;
    readonly goal: string | null;
  }[];
}

export function figureReport(name: string, setup: FigureReport['setup'], rows: readonly ExperimentRow[]): FigureReport {
  return {
    name,
    setup,
    rows: rows.map((row) => ({
      what: row.what,
      unit: row.unit,
      ours: finite(row.ours),
      anchors: row.anchors ?? {},
      published: row.published ?? null,
      goal: row.goal ?? null,
    })),
  };
}

/** JSON has no infinity and no NaN. */
function finite(value: number | undefined): number | null {
  return value === undefined || !Number.isFinite(value) ? null : value;
}

/** A number as tables show it: four significant digits say more than a simulation is worth. */
export function figureText(value: number | string | null | undefined): string {
  if (value === null || value === undefined) return '-';
  if (typeof value === 'string') return value;
  return Math.abs(value) >= 1000 && Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}

export function verdictText(row: Pick<ExperimentRow, 'ours' | 'unit' | 'goal' | 'anchors'>): '' | 'met' | 'missed' {
  const met = goalMet(row);
  return met === undefined ? '' : met ? 'met' : 'missed';
}

/** A self-contained page. Without `plots`, the rows are drawn as bars, those of one unit together. */
export function reportHtml(report: {
  readonly name: string;
  readonly summary: string;
  readonly command: string;
  readonly setup: Readonly<Record<string, unknown>>;
  readonly rows: readonly ExperimentRow[];
  readonly plots?: readonly Plot[];
}): string {
  const { name, summary, command, setup, rows } = report;
  const plots = report.plots === undefined || report.plots.length === 0 ? plotsOfRows(rows) : report.plots;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(name)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escaped(name)}</h1>
<p>${escaped(summary)}</p>
<p>again: <code>${escaped(command)}</code></p>
<section>${rowsTable(rows)}</section>
<div class="plots">${plots.map(figure).join('\n')}</div>
<section><h2>Set-up</h2><dl>${Object.entries(setup)
    .map(([what, value]) => `<dt>${escaped(what)}</dt><dd>${escaped(valueText(value))}</dd>`)
    .join('')}</dl></section>
</main>
</body>
</html>
`;
}

function rowsTable(rows: readonly ExperimentRow[]): string {
  const anchors = [...new Set(rows.flatMap((row) => Object.keys(row.anchors ?? {})))];
  const head = ['what', 'unit', 'ours', ...anchors, 'published', 'goal', ''];
  const body = rows.map((row) => {
    const verdict = verdictText(row);
    const numbers = [row.ours, ...anchors.map((who) => row.anchors?.[who])];
    return `<tr><td>${escaped(row.what)}</td><td>${escaped(row.unit)}</td>${numbers.map((value) => `<td class="number">${figureText(value)}</td>`).join('')}<td>${escaped(figureText(row.published))}</td><td>${escaped(row.goal ?? '')}</td><td class="${verdict}">${verdict}</td></tr>`;
  });
  return `<table><thead><tr>${head.map((title) => `<th>${escaped(title)}</th>`).join('')}</tr></thead><tbody>${body.join('')}</tbody></table>`;
}

function figure(plot: Plot): string {
  const classes = seriesClasses(plot);
  const names = plot.series.map(
    ({ name }, index) =>
      `<li><i class="${classes[index]}"></i>${escaped(name)}${plot.kind === 'percentiles' ? escaped(quantilesText(plot, index)) : ''}</li>`,
  );
  return `<figure><figcaption>${escaped(plot.title)}</figcaption>${plotSvg(plot)}<ul>${names.join('')}</ul></figure>`;
}

function quantilesText(plot: Plot, index: number): string {
  const sorted = (plot.series[index]?.points ?? []).map(([, value]) => value).sort((a, b) => a - b);
  if (sorted.length === 0) return '';
  const at = (share: number): string => short(sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0);
  return ` (${sorted.length}: p50 ${at(0.5)}, p90 ${at(0.9)}, p99 ${at(0.99)}, max ${at(1)})`;
}

/** A plot for each unit: ours beside each anchor, and the published figure where it is a number. */
function plotsOfRows(rows: readonly ExperimentRow[]): Plot[] {
  const units = [...new Set(rows.map((row) => row.unit))];
  return units.flatMap((unit) => {
    const those = rows.filter((row) => row.unit === unit);
    const names = [...new Set(those.flatMap((row) => Object.keys(row.anchors ?? {})))];
    const of = (name: string, value: (row: ExperimentRow) => number | undefined): Plot['series'][number] => ({
      name,
      // A row without this figure keeps its place.
      points: those.map((row) => [row.what, value(row) ?? NaN]),
    });
    const series = [
      of('ours', (row) => row.ours),
      ...names.map((name) => of(name, (row) => row.anchors?.[name])),
      of('published', (row) => (typeof row.published === 'number' ? row.published : undefined)),
    ].filter(({ points }) => points.some(([, y]) => Number.isFinite(y)));
    return series.length === 0 ? [] : [{ title: unit, kind: 'bars' as const, x: { label: '' }, y: { label: unit }, series }];
  });
}

function valueText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

/** Colours of series that can be told apart, with colour blindness too. Ours is the first. */
const style = String.raw`
:root { color-scheme: light dark; --page: #fbfbfa; --ink: #1b1f24; --soft: #5b6470; --line: #d9dde2; --good: #14734a; --bad: #a3123a;
  --s0: #1f5fd0; --s1: #e97a0c; --s2: #4f9f63; --s3: #6f1706; --s4: #c48bb8; --s5: #364d59; --s6: #ae4804; --s7: #120b30; }
@media (prefers-color-scheme: dark) { :root { --page: #14171b; --ink: #e8ebef; --soft: #9aa4b1; --line: #343b45; --good: #5fd0a0; --bad: #ff7f9f;
  --s0: #7fb0ff; --s1: #f08a3c; --s2: #2f9e6b; --s3: #f3ee9a; --s4: #a04a28; --s5: #8050d8; --s6: #7d8790; --s7: #e8f4ff; } }
body { margin: 0; background: var(--page); color: var(--ink); font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1360px; margin: 0 auto; padding: 18px; } h1 { font-size: 22px; margin: 0; } h2 { font-size: 15px; } p { margin: 4px 0; color: var(--soft); }
code { font: 12.5px ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere; } section { overflow-x: auto; margin: 16px 0; }
table { border-collapse: collapse; } th, td { text-align: left; padding: 4px 12px 4px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; } td.number { text-align: right; font-variant-numeric: tabular-nums; } .met { color: var(--good); } .missed { color: var(--bad); font-weight: 600; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 520px), 1fr)); gap: 16px; } figure { margin: 0; max-width: 860px; border: 1px solid var(--line); border-radius: 8px; padding: 10px; }
figcaption { font-weight: 600; } svg { width: 100%; height: auto; } figure ul { list-style: none; display: flex; flex-wrap: wrap; gap: 2px 16px; margin: 4px 0 0; padding: 0; color: var(--soft); font-size: 12.5px; }
figure i { display: inline-block; width: 14px; height: 9px; margin-right: 6px; vertical-align: 0; background: currentColor; }
.line { fill: none; stroke: currentColor; stroke-width: 2; } .fill { fill: currentColor; } .grid { stroke: var(--line); } .base { stroke: var(--soft); }
.axis, .tick, .value { fill: var(--soft); font-size: 11px; } .s0 { color: var(--s0); } .s1 { color: var(--s1); stroke-dasharray: 7 3; } .s2 { color: var(--s2); stroke-dasharray: 2 3; }
.s3 { color: var(--s3); stroke-dasharray: 9 3 2 3; } .s4 { color: var(--s4); stroke-dasharray: 4 2; } .s5 { color: var(--s5); stroke-dasharray: 1 4; } .s6 { color: var(--s6); stroke-dasharray: 12 3; }
.s7 { color: var(--s7); stroke-dasharray: 5 2 1 2 1 2; } .pale { opacity: .5; } .fill { stroke-dasharray: none; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 0; } dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
`;
