/** Go's duration texts (`1m30s`, `250ms`), in which Consul clients write and read every span of time. */

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Go's limit is 2^63 ns (292 years). Longer texts than this cannot be meant. */
const textLength = 64;
const spanMsMax = 9_223_372_036_854;

const part = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/gy;

/**
 * Milliseconds of a Go duration text, fractions kept; undefined when it is not one. As in Go, a number needs a
 * unit, but `0` does not.
 */
export function parseDuration(text: string): number | undefined {
  if (text.length > textLength) return undefined;
  const isNegative = text.startsWith('-');
  const body = isNegative || text.startsWith('+') ? text.slice(1) : text;
  if (body === '0') return 0;
  let sumMs = 0;
  part.lastIndex = 0;
  let end = 0;
  for (let match = part.exec(body); match !== null; match = part.exec(body)) {
    sumMs += Number(match[1]) * (unitMs[match[2] ?? ''] ?? Number.NaN);
    end = part.lastIndex;
  }
  if (body === '' || end !== body.length || !(sumMs <= spanMsMax)) return undefined;
  return isNegative ? -sumMs : sumMs;
}

/** As Go prints it: `0s`, `250ms`, `1m30s`, `2h0m0s`. Takes milliseconds of 0 or more. */
export function formatDuration(durationMs: number): string {
  if (durationMs === 0) return '0s';
  if (durationMs < 1000) return `${durationMs}ms`;
  const seconds = (durationMs % 60_000) / 1000;
  const minutes = Math.floor(durationMs / 60_000) % 60;
  const hours = Math.floor(durationMs / 3_600_000);
  const secondsText = `${Number(seconds.toFixed(3))}s`;
  if (hours > 0) return `${hours}h${minutes}m${secondsText}`;
  return minutes > 0 ? `${minutes}m${secondsText}` : secondsText;
}
