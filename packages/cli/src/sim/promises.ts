/** What the runs of a scenario promised, over all of them: in a table for people, as rows for programs. */

import { figureReport } from '@skein/sim';
import type { ExperimentRow } from '@skein/sim';
import type { Row } from '../table.ts';
import type { Smallest } from './smallest.ts';
import type { Tally } from './tally.ts';

export interface Finding {
  /** Undefined for what happened in no run, which is no run's own. */
  readonly seed?: string;
  /** Virtual time since the world began. */
  readonly atMs?: number;
  readonly what: string;
  readonly found: string;
  /** The command that shows it again. */
  readonly again: string;
}

/** One promise over all runs. */
export interface Promised {
  readonly what: string;
  /** How long it took where that is what was promised, sorted. */
  readonly tookMs: readonly number[];
  readonly runs: number;
  readonly held: number;
  /** `one`: a run in which it is so is enough. `none`: that is not asked of so few runs. */
  readonly needs: 'all' | 'one' | 'none';
  /** Said instead of times. */
  readonly figure?: string;
}

/** Whether it held as often as it has to. */
export function isKept({ held, runs, needs }: Promised): boolean {
  return needs === 'all' ? held === runs : needs === 'none' || held > 0;
}

export function promiseRow(promised: Promised): Row {
  const { what, held, runs, tookMs, figure } = promised;
  if (figure !== undefined) return [what, '', figure, ''];
  const text = runs === 1 ? (held === 1 ? 'yes' : promised.needs === 'none' ? 'not here' : 'no') : `${held} of ${runs}`;
  const shown = promised.needs === 'none' && held === 0 ? text : ({ text, colour: isKept(promised) ? 'green' : 'red' } as const);
  return [what, shown, timeText(median(tookMs)), timeText(tookMs.at(-1))];
}

function timeText(ms: number | undefined): string {
  return ms === undefined ? '' : secondsText(ms);
}

export function secondsText(ms: number): string {
  return `${(ms / 1000).toFixed(3)} s`;
}

function median(sorted: readonly number[]): number | undefined {
  return sorted[Math.floor((sorted.length - 1) / 2)];
}

/** The object of every simulation, with what failed beside it, and the first that failed made small. */
export function scenarioJson(
  name: string,
  seed: string,
  outcome: {
    readonly tally: Tally;
    readonly isLook: boolean;
    readonly findings: readonly Finding[];
    readonly smallest: Smallest | undefined;
    readonly passed: boolean;
  },
): object {
  const { tally, isLook, findings, smallest, passed } = outcome;
  const rows = tally
    .promises(isLook)
    .filter(({ figure }) => figure === undefined)
    .flatMap((promised): ExperimentRow[] => {
      const { what, held, runs, tookMs } = promised;
      const share: ExperimentRow = {
        what: `${what}: runs in which it held`,
        unit: 'runs',
        ours: held,
        ...(promised.needs !== 'none' && { goal: promised.needs === 'one' ? '>= 1' : `>= ${runs}` }),
      };
      const [typical, worst] = [median(tookMs), tookMs.at(-1)];
      if (typical === undefined || worst === undefined) return [share];
      return [share, { what: `${what}: median`, unit: 'ms', ours: typical }, { what: `${what}: worst`, unit: 'ms', ours: worst }];
    });
  const { runs, first, traceHashes } = tally;
  const setup = { seed, runs, nodes: first?.plan.nodes, network: first?.plan.network, traceHashes };
  return { ...figureReport(name, setup, rows), passed, findings, smallest: smallest ?? null };
}
