/** What the runs of a scenario promised, over all of them: in a table for people, as rows for programs. */

import { figureReport } from '@skein/sim';
import type { ExperimentRow, FigureReport, RunReport } from '@skein/sim';
import type { Row } from '../table.ts';
import type { Smallest } from './smallest.ts';

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

/** `isLook`: the runs are a look at one seed, which says nothing about what others meet. */
export function promisesOf(reports: readonly RunReport[], isLook: boolean): readonly Promised[] {
  const runs = reports.length;
  const within = (what: string, times: readonly (number | undefined)[]): Promised => {
    const tookMs = times.filter((ms) => ms !== undefined).sort((a, b) => a - b);
    return { what, tookMs, runs, held: tookMs.length, needs: 'all' };
  };
  const own = [...new Set(reports.flatMap(({ outcomes }) => outcomes.map(({ property }) => property)))].map((what): Promised => {
    const outcomes = reports.flatMap((report) => report.outcomes.filter(({ property }) => property === what));
    const held = outcomes.filter(({ state }) => state === 'held');
    const times = held.filter(({ kind }) => kind === 'eventually').map(({ sinceMs, atMs }) => atMs - sinceMs);
    const isOnce = outcomes.some(({ kind }) => kind === 'sometimes');
    const needs = isOnce ? (isLook ? 'none' : 'one') : 'all';
    return { what, tookMs: times.sort((a, b) => a - b), runs, held: held.length, needs };
  });
  const ownNames = new Set(own.map(({ what }) => what));
  const isBuiltIn = ({ failures }: RunReport): boolean => failures.every(({ property }) => ownNames.has(property));
  return [
    within(
      'the mesh forms',
      reports.map(({ figures }) => figures.formedMs),
    ),
    ...own,
    within(
      'all is well again after the calm',
      reports.map(({ figures }) => figures.convergedMs),
    ),
    { what: 'what any mesh promises', tookMs: [], runs, held: reports.filter(isBuiltIn).length, needs: 'all' },
    ...armedOf(reports),
    ...callsOf(reports),
  ];
}

/** Of what any mesh promises, what not every run has to do with: over those that had. */
function armedOf(reports: readonly RunReport[]): Promised[] {
  const names = [...new Set(reports.flatMap(({ armed }) => Object.keys(armed)))];
  return names.flatMap((what): Promised[] => {
    const met = reports.filter(({ armed }) => armed[what] === true);
    const held = met.filter(({ failures }) => failures.every(({ property }) => property !== what)).length;
    return met.length === 0 ? [] : [{ what, tookMs: [], runs: met.length, held, needs: 'all' }];
  });
}

/** The share of requests that were answered, by service. */
function callsOf(reports: readonly RunReport[]): Promised[] {
  const services = [...new Set(reports.flatMap(({ figures }) => Object.keys(figures.calls)))];
  return services.map((service) => {
    let calls = 0;
    let ok = 0;
    for (const { figures } of reports) {
      calls += figures.calls[service]?.calls ?? 0;
      ok += figures.calls[service]?.ok ?? 0;
    }
    const share = calls === 0 ? 0 : ok / calls;
    const figure = `${ok === calls ? '100' : Math.min(99.999, 100 * share).toFixed(3)} % of ${calls}`;
    return {
      what: `requests to ${service} answered`,
      tookMs: [],
      runs: reports.length,
      held: reports.length,
      needs: 'all',
      figure,
    };
  });
}

function isKept({ held, runs, needs }: Promised): boolean {
  return needs === 'all' ? held === runs : needs === 'none' || held > 0;
}

/** What has to happen in some run and happened in none, so that the other promises may prove nothing. */
export function neverHappened(reports: readonly RunReport[]): readonly string[] {
  return promisesOf(reports, false)
    .filter((promised) => promised.needs === 'one' && !isKept(promised))
    .map(({ what }) => what);
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
  setup: FigureReport['setup'],
  outcome: {
    readonly reports: readonly RunReport[];
    readonly isLook: boolean;
    readonly findings: readonly Finding[];
    readonly smallest: Smallest | undefined;
    readonly passed: boolean;
  },
): object {
  const { reports, isLook, findings, smallest, passed } = outcome;
  const rows = promisesOf(reports, isLook)
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
  const traceHashes = reports.slice(0, 100).map(({ traceHash }) => traceHash);
  return { ...figureReport(name, { ...setup, traceHashes }, rows), passed, findings, smallest: smallest ?? null };
}
