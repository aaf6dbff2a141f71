/** Whether the figures of a row meet its goal. */

import type { ExperimentRow } from '../experiment.ts';

const scales: Readonly<Record<string, number>> = { k: 1e3, M: 1e6, G: 1e9 };
/** Units of one kind, by how many of the smallest each is. */
const kinds: readonly Readonly<Record<string, number>>[] = [
  { us: 1, µs: 1, ms: 1e3, s: 1e6, min: 6e7, h: 3.6e9 },
  { B: 1, KB: 1e3, kB: 1e3, MB: 1e6, KiB: 1024, MiB: 1_048_576, GiB: 1_073_741_824 },
];

const number = String.raw`-?\d+(?:\.\d+)?`;
const unitEnd = String.raw`\s*([kMG](?![A-Za-z]))?\s*([A-Za-zµ%]*)`;
const boundForm = new RegExp(`^(${number})${unitEnd}$`);
const rangeForm = new RegExp(`^(${number})-(${number})${unitEnd}$`);

/**
 * Whether a row meets its goal. A goal is a bound of ours, such as `<= 2 s`, `>= 150 k`, `< 20` or `0`; a range, such as
 * `10-20 ms`; or another figure of the row, `<= memberlist` or `<= half of memberlist`. After names, such as
 * `swim, ours: 10-20 ms`, it is a goal for all of these. Undefined for a goal that only a person can read, that is in a
 * unit of another kind, or that tells of figures which the row does not have.
 */
export function goalMet(row: Pick<ExperimentRow, 'ours' | 'unit' | 'goal' | 'anchors'>): boolean | undefined {
  const [, names = 'ours', text] = /^\s*(?:([^:]+):)?\s*(.*?)\s*$/.exec(row.goal ?? '') ?? [];
  const fits = testOf(text ?? '', row);
  const figures = names.split(',').map((name) => figureOf(name.trim(), row));
  if (fits === undefined || figures.includes(undefined)) return undefined;
  // What never came, infinity, is no figure that could meet anything.
  return figures.every((figure) => figure !== undefined && Number.isFinite(figure) && fits(figure));
}

type Row = Pick<ExperimentRow, 'ours' | 'unit' | 'anchors'>;

function figureOf(name: string, { ours, anchors = {} }: Row): number | undefined {
  if (name === 'ours') return ours;
  return Object.hasOwn(anchors, name) ? anchors[name] : undefined;
}

function testOf(goal: string, row: Row): ((figure: number) => boolean) | undefined {
  const [, low, high, rangeScale, rangeUnit] = rangeForm.exec(goal) ?? [];
  if (low !== undefined) {
    const [least, most] = [low, high].map((each) => inUnit(Number(each), { scale: rangeScale, from: rangeUnit, unit: row.unit }));
    return least === undefined || most === undefined ? undefined : (figure) => figure >= least && figure <= most;
  }
  const [, sign = '=', rest = ''] = /^(<=|>=|<|>|=)?\s*(.*)$/.exec(goal) ?? [];
  const [, value, scale, from] = boundForm.exec(rest) ?? [];
  const bound = value === undefined ? otherFigure(rest, row) : inUnit(Number(value), { scale, from, unit: row.unit });
  return bound === undefined ? undefined : (figure) => compares(figure, sign, bound);
}

/** `NAME` or `half of NAME`. */
function otherFigure(text: string, row: Row): number | undefined {
  const [, half, name = ''] = /^(half of )?(.*)$/.exec(text) ?? [];
  const figure = name === 'ours' ? undefined : figureOf(name, row);
  return figure === undefined || Number.isNaN(figure) ? undefined : figure * (half === undefined ? 1 : 0.5);
}

function inUnit(
  value: number,
  about: { readonly scale: string | undefined; readonly from: string | undefined; readonly unit: string },
): number | undefined {
  const { scale, from = '', unit } = about;
  const factor = from === '' || from === unit ? 1 : conversion(from, unit);
  return factor === undefined ? undefined : value * (scale === undefined ? 1 : (scales[scale] ?? 1)) * factor;
}

function compares(figure: number, sign: string, bound: number): boolean {
  switch (sign) {
    case '<=':
      return figure <= bound;
    case '<':
      return figure < bound;
    case '>=':
      return figure >= bound;
    case '>':
      return figure > bound;
    default:
      return figure === bound;
  }
}

function conversion(from: string, to: string): number | undefined {
  for (const kind of kinds) {
    const [a, b] = [kind[from], kind[to]];
    if (a !== undefined && b !== undefined) return a / b;
  }
  return undefined;
}
