/** Tables for terminals and pipes: columns aligned with spaces, one row a line, nothing that a `cut` or `awk` trips over. */

import type { Paint } from './colour.ts';

export interface Cell {
  readonly text: string;
  readonly colour?: Parameters<Paint>[0];
}

export type Row = readonly (string | Cell)[];

/**
 * Lines of an aligned table, each ended by a newline. Cells are cleaned of control characters (names come from
 * other hosts and must not drive this terminal); an empty cell shows as `-`.
 */
export function table(head: readonly string[], rows: readonly Row[], paint: Paint): string {
  const cells = rows.map((row) => row.map(toCell));
  const widths = head.map((title, column) => Math.max(title.length, ...cells.map((row) => row[column]?.text.length ?? 0)));
  const line = (row: readonly Cell[]): string =>
    row
      .map((cell, column) => {
        const padding = column === row.length - 1 ? '' : ' '.repeat((widths[column] ?? 0) - cell.text.length);
        return (cell.colour === undefined ? cell.text : paint(cell.colour, cell.text)) + padding;
      })
      .join('  ');
  const titles = head.map((title): Cell => ({ text: title, colour: 'bold' }));
  return [titles, ...cells].map((row) => `${line(row)}\n`).join('');
}

function toCell(value: string | Cell): Cell {
  const cell = typeof value === 'string' ? { text: value } : value;
  const text = plain(cell.text);
  return { ...cell, text: text === '' ? '-' : text };
}

/** Text on one line, without control characters. */
export function plain(text: string): string {
  // eslint-disable-next-line no-control-regex -- these are what it removes
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim();
}

/** Text whose lines stay, without what names and texts of other hosts could do to a terminal. */
export function harmless(text: string): string {
  // eslint-disable-next-line no-control-regex -- these are what it removes
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, ' ');
}

/** The first `length` characters, with a mark where something was cut. */
export function short(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** `host:port`, with brackets around an IPv6 address. */
export function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The first `width` visible characters; colours take no width. */
export function cut(line: string, width: number): string {
  let visible = 0;
  let result = '';
  // eslint-disable-next-line no-control-regex -- colour sequences begin with a control character
  for (const [piece] of line.matchAll(/\u001b\[\d+m|./gu)) {
    const isColour = piece.startsWith('\u001b');
    if (!isColour && visible >= width) continue;
    if (!isColour) visible += 1;
    result += piece;
  }
  return result;
}
