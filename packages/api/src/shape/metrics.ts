/** Prometheus text in the form of Consul's `agent/metrics`. */

const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g;

/** Counters have their sum since the start, since this agent keeps no intervals; buckets of histograms are left out. */
export function consulMetrics(text: string, now: Date): Record<string, unknown> {
  const kinds = new Map<string, string>();
  const gauges: unknown[] = [];
  const counters: unknown[] = [];
  for (const line of text.split('\n')) {
    const [, typed, kind] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (typed !== undefined && kind !== undefined) kinds.set(typed, kind);
    const [, name, labelText = '', valueText] = line.startsWith('#') ? [] : (sample.exec(line) ?? []);
    const value = Number(valueText);
    if (name === undefined || !Number.isFinite(value)) continue;
    const labels = Object.fromEntries([...labelText.matchAll(label)].map(([, key = '', content = '']) => [key, content]));
    if (kinds.get(name) === 'gauge') gauges.push({ Name: name, Value: value, Labels: labels });
    if (kinds.get(name) !== 'counter') continue;
    counters.push({ Name: name, Count: 1, Rate: 0, Sum: value, Min: value, Max: value, Mean: value, Stddev: 0, Labels: labels });
  }
  // As Go prints a time.
  const timestamp = `${now.toISOString().slice(0, 19).replace('T', ' ')} +0000 UTC`;
  return { Timestamp: timestamp, Gauges: gauges, Points: [], Counters: counters, Samples: [] };
}
