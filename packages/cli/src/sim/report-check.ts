/** What an experiment of a user returned, looked at before anything reads it. */

type Fields = Readonly<Record<string, unknown>>;

/** What is wrong with a report, in words; undefined when it is one. */
export function reportFault(report: unknown): string | undefined {
  if (!isObject(report)) return 'run returned no object { setup, rows }';
  if (typeof report['then'] === 'function') return 'run is async: a simulation needs no waiting; make it a plain function';
  if (!isObject(report['setup'])) return 'setup is no object';
  const { rows, plots } = report;
  if (!Array.isArray(rows)) return 'rows is no list';
  for (const [at, row] of rows.entries()) {
    const fault = rowFault(row);
    if (fault !== undefined) return `rows[${at}]${fault}`;
  }
  if (plots === undefined) return undefined;
  if (!Array.isArray(plots)) return 'plots is no list';
  const at = plots.findIndex((plot) => !isPlot(plot));
  return at < 0 ? undefined : `plots[${at}] is no plot { title, kind, x: { label }, y: { label }, series: [{ name, points }] }`;
}

function rowFault(row: unknown): string | undefined {
  if (!isObject(row)) return ' is no object { what, unit, ours, anchors, published, goal }';
  const { what, unit, ours, anchors, published, goal } = row;
  if (typeof what !== 'string') return '.what is no text';
  if (typeof unit !== 'string') return '.unit is no text';
  if (ours !== undefined && typeof ours !== 'number') return '.ours is no number';
  if (anchors !== undefined && !(isObject(anchors) && Object.values(anchors).every((each) => typeof each === 'number')))
    return '.anchors is no object of numbers';
  if (published !== undefined && typeof published !== 'number' && typeof published !== 'string')
    return '.published is neither a number nor a text';
  return goal !== undefined && typeof goal !== 'string' ? '.goal is no text' : undefined;
}

function isPlot(plot: unknown): boolean {
  if (!isObject(plot)) return false;
  const { title, kind, x, y, series } = plot;
  const isAxis = (axis: unknown): boolean => isObject(axis) && typeof axis['label'] === 'string';
  const isPoint = (point: unknown): boolean => Array.isArray(point) && point.length === 2 && typeof point[1] === 'number';
  const isSeries = (each: unknown): boolean =>
    isObject(each) && typeof each['name'] === 'string' && Array.isArray(each['points']) && each['points'].every(isPoint);
  const isKind = kind === 'lines' || kind === 'bars' || kind === 'percentiles';
  return typeof title === 'string' && isKind && isAxis(x) && isAxis(y) && Array.isArray(series) && series.every(isSeries);
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
