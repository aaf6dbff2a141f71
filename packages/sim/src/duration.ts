/** Durations as people write them in scenarios: `'10s'`, `'1m30s'`, `'250ms'`, or a number of milliseconds. */

import { ScenarioError } from './scenario-error.ts';

/** Milliseconds, or text such as `'250ms'`, `'10s'`, `'1.5s'`, `'1m30s'`, `'2h'`. */
export type Duration = number | string;

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Whole milliseconds. Throws a `ScenarioError` that names what it could not read. */
export function milliseconds(duration: Duration): number {
  const exact = read(duration);
  const ms = Math.round(exact);
  // Something that was meant to take time would take none.
  if (ms === 0 && exact > 0) throw new ScenarioError(`"${duration}" is less than a millisecond, in which stories are told`);
  return ms;
}

/** Whole microseconds, in which delays and costs of one message are told. */
export function microseconds(duration: Duration): number {
  return Math.round(read(duration) * 1000);
}

/** The shortest text for it: `90000` is `'1m30s'`. */
export function durationText(ms: number): string {
  if (ms % 1000 !== 0) return `${ms}ms`;
  const seconds = ms / 1000;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 0) return `${seconds}s`;
  return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
}

function read(duration: Duration): number {
  const ms = typeof duration === 'number' ? duration : parse(duration);
  if (ms === undefined || !Number.isFinite(ms) || ms < 0)
    throw new ScenarioError(`"${duration}" is no duration: give milliseconds, or text such as '250ms', '10s' or '1m30s'`);
  return ms;
}

function parse(text: string): number | undefined {
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(text)) return undefined;
  let ms = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) ms += Number(amount) * (unitMs[unit ?? ''] ?? 0);
  return ms;
}
