/** Durations in routes: the format of Gateway API (GEP-2257), such as `15s`, `1m30s`, `250ms`. */

const format = /^(?:[0-9]{1,5}(?:h|m|s|ms)){1,4}$/;
const part = /([0-9]{1,5})(ms|h|m|s)/g;
const unitMs = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** Milliseconds, or undefined when the text is not a duration. `0s` is a duration. */
export function parseDurationMs(text: string): number | undefined {
  if (!format.test(text)) return undefined;
  let totalMs = 0;
  for (const [, count, unit] of text.matchAll(part)) totalMs += Number(count) * unitMs[unit as keyof typeof unitMs];
  return totalMs;
}
