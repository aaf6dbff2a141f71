/** Whether a figure meets its goal. */

import type { ExperimentRow } from '../experiment.ts';

const scales: Readonly<Record<string, number>> = { k: 1e3, M: 1e6, G: 1e9 };
/** Units of one kind, by how many of the smallest each is. */
const kinds: readonly Readonly<Record<string, number>>[] = [
  { us: 1, µs: 1, ms: 1e3, s: 1e6, min: 6e7, h: 3.6e9 },
  { B: 1, KB: 1e3, kB: 1e3, MB: 1e6, KiB: 1024, MiB: 1_048_576, GiB: 1_073_741_824 },
];

/**
 * Reads goals such as `<= 2 s`, `>= 150 k`, `< 20` and `0` against the figure and its unit. Undefined for a goal that
 * only a person can read, or that is in a unit of another kind.
 */
export function goalMet({ ours, unit, goal }: Pick<ExperimentRow, 'ours' | 'unit' | 'goal'>): boolean | undefined {
  const read = /^\s*(<=|>=|<|>|=)?\s*(-?\d+(?:\.\d+)?)\s*([kMG](?![A-Za-z]))?\s*([A-Za-zµ%]*)\s*$/.exec(goal ?? '');
  if (ours === undefined || read === null) return undefined;
  const [, sign = '=', number, scale, goalUnit = ''] = read;
  const factor = goalUnit === '' || goalUnit === unit ? 1 : conversion(goalUnit, unit);
  if (factor === undefined) return undefined;
  const bound = Number(number) * (scale === undefined ? 1 : (scales[scale] ?? 1)) * factor;
  switch (sign) {
    case '<=':
      return ours <= bound;
    case '<':
      return ours < bound;
    case '>=':
      return ours >= bound;
    case '>':
      return ours > bound;
    default:
      return ours === bound;
  }
}

function conversion(from: string, to: string): number | undefined {
  for (const kind of kinds) {
    const [a, b] = [kind[from], kind[to]];
    if (a !== undefined && b !== undefined) return a / b;
  }
  return undefined;
}
