/** The rows that runs with sick members have in common. */

import type { ExperimentRow } from '@skein/sim';
import type { SickRunFigures } from './sick-run.ts';

export interface SickRowOptions {
  /** Names the fault in front of each row. */
  readonly prefix?: string;
  /** What others published of whom they removed, and of how their views agreed. */
  readonly removed?: string;
  readonly agreed?: string;
  /** Whether the sick are well in between. */
  readonly hasBreaks: boolean;
}

export function sickRows(seen: ReadonlyMap<string, SickRunFigures>, options: SickRowOptions): ExperimentRow[] {
  const row = (
    what: string,
    unit: string,
    of: (run: SickRunFigures) => number | undefined,
    more: Partial<ExperimentRow> = {},
  ): ExperimentRow => {
    const ours = seen.get('ours');
    const own = ours && of(ours);
    return {
      what: `${options.prefix ?? ''}${what}`,
      unit,
      ...(own !== undefined && { ours: own }),
      anchors: Object.fromEntries(
        [...seen].filter(([name]) => name !== 'ours').map(([name, run]): [string, number] => [name, of(run) ?? Number.NaN]),
      ),
      ...more,
    };
  };
  const removed = options.removed === undefined ? {} : { published: options.removed };
  const agreed = options.agreed === undefined ? {} : { published: options.agreed };
  const kept = { goal: '> 95' };
  return [
    row('healthy members removed', 'members', (run) => run.membership.healthyRemoved, { goal: '0' }),
    row('healthy members out of rotation somewhere', 'members', (run) => run.rotation.healthyRemoved),
    row('pairs of healthy ones out of rotation', 'ppm of time', (run) => 1e6 * run.rotation.healthyOut),
    row('sick out of rotation, of the time they are sick', '%', (run) => 100 * run.rotation.sickOutWhileFaulty, kept),
    ...(options.hasBreaks ? [row('sick out of rotation, of all time', '%', (run) => 100 * run.rotation.sickOut, kept)] : []),
    row('sick removed, of all time', '%', (run) => 100 * run.membership.sickOut, removed),
    row('sick out of rotation at the end', '%', (run) => 100 * run.rotation.sickOutNow),
    row('changes of membership, each observer of each sick', '', (run) => run.membership.changesEach),
    row('changes of rotation, each observer of each sick', '', (run) => run.rotation.changesEach),
    row('membership views agree', '% of time', (run) => 100 * run.membership.agreed, agreed),
    row('membership views differ', 's', (run) => run.membership.disagreedMs / 1000),
    row('rotation views agree', '% of time', (run) => 100 * run.rotation.agreed),
    row('all in again after the end', 's', (run) => (run.recoveredMs === undefined ? undefined : run.recoveredMs / 1000)),
  ];
}
