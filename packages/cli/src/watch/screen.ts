/** Where a list that changes is shown: redrawn in place on a terminal, one after the other elsewhere. */

import { cut } from '../table.ts';
import type { Paint } from '../colour.ts';
import type { Io } from '../io.ts';

export interface WatchScreen {
  /** Shows the newest state. */
  show(text: string): void;
  /** Says on standard error that something is wrong, and that it is not any more. */
  lost(text: string): void;
  found(text: string): void;
  /** Ends the showing; on a terminal the last state stays. Idempotent. */
  close(): void;
}

export type ScreenIo = Pick<Io, 'out' | 'err' | 'outIsTerminal' | 'errIsTerminal' | 'columns' | 'rows' | 'onResize' | 'wallMs'>;

/** For pipes and files. `head`: a line before each state, told when it was. */
export function plainScreen(io: ScreenIo, head: (time: string) => string): WatchScreen {
  return {
    show: (text) => io.out(head(timeText(io)) + text),
    lost: (text) => io.err(`${text}\n`),
    found: (text) => io.err(`${text}\n`),
    close: () => undefined,
  };
}

/** The terminal's second screen, so that what was there before comes back; no wrapping, so that a row is a line. */
const begin = '\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J';
const end = '\u001b[?7h\u001b[?25h\u001b[?1049l';
const clearToEndOfLine = '\u001b[K';
const clearAll = '\u001b[2J';
/** The title, an empty line below it, and the line for notices. */
const linesOfOurs = 3;

/** A terminal: only lines that changed are written, so that nothing flickers. `title` names what is watched. */
export function liveScreen(io: ScreenIo, title: string, paint: Paint): WatchScreen {
  let text = '';
  let shownAt = '';
  let notice: string | undefined;
  /** What is on the screen, by row. */
  let drawn: readonly string[] = [];
  let isOpen = false;

  const lines = (): readonly string[] => {
    const room = Math.max(1, io.rows() - linesOfOurs);
    const all = text.trimEnd().split('\n');
    const fits = all.length <= room ? all : [...all.slice(0, room - 1), paint('dim', `… ${all.length - room + 1} more lines`)];
    return [`${paint('bold', title)}  ${paint('dim', `${shownAt}  Ctrl-C ends`)}`, '', ...fits];
  };
  const draw = (): void => {
    if (!isOpen) return;
    const wanted = lines().map((line) => cut(line, io.columns()));
    let output = '';
    for (let row = 0; row < Math.max(wanted.length, drawn.length); row++)
      if (wanted[row] !== drawn[row]) output += `${place(row)}${clearToEndOfLine}${wanted[row] ?? ''}`;
    drawn = wanted;
    if (output !== '') io.out(output);
  };
  const drawNotice = (): void => {
    if (!isOpen || !io.errIsTerminal) return;
    io.out(`${place(io.rows() - 1)}${clearToEndOfLine}`);
    if (notice !== undefined) io.err(cut(notice, io.columns()));
  };
  const forget = io.onResize(() => {
    if (!isOpen) return;
    io.out(clearAll);
    drawn = [];
    draw();
    drawNotice();
  });
  return {
    show: (next) => {
      if (!isOpen) io.out(begin);
      isOpen = true;
      text = next;
      shownAt = timeText(io);
      draw();
    },
    lost: (next) => {
      notice = next;
      if (io.errIsTerminal) drawNotice();
      else io.err(`${next}\n`);
    },
    found: (next) => {
      notice = undefined;
      if (io.errIsTerminal) drawNotice();
      else io.err(`${next}\n`);
    },
    close: () => {
      forget();
      if (!isOpen) return;
      isOpen = false;
      io.out(`${end}${text}`);
    },
  };
}

/** Moves to the beginning of a row, counted from 0. */
function place(row: number): string {
  return `\u001b[${row + 1};1H`;
}

/** To the second, in UTC: as logs of agents have it. */
function timeText(io: ScreenIo): string {
  return new Date(io.wallMs()).toISOString().replace(/\.\d+Z$/, 'Z');
}
