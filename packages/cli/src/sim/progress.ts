/** How far a long run is: one line that is written over on a terminal, plain lines elsewhere. */

import type { Io } from '../io.ts';
import { plain, short } from '../table.ts';

export interface Progress {
  tell(text: string): void;
  /** Clears the line. */
  end(): void;
}

/** Often enough to look alive; seldom enough to cost nothing, and to leave a log readable. */
const terminalGapMs = 100;
const plainGapMs = 5000;

/** `now` is taken here: while a simulation runs, the clock is out of its reach. */
export function progressOn(io: Io, isSilent: boolean, now: () => number = performance.now.bind(performance)): Progress {
  if (isSilent) return { tell: () => {}, end: () => {} };
  let shownMs: number | undefined;
  const isDue = (gapMs: number): boolean => {
    const nowMs = now();
    if (shownMs !== undefined && nowMs - shownMs < gapMs) return false;
    shownMs = nowMs;
    return true;
  };
  if (!io.errIsTerminal || io.env['TERM'] === 'dumb') {
    return { tell: (text) => void (isDue(plainGapMs) && io.err(`${plain(text)}\n`)), end: () => {} };
  }
  return {
    tell: (text) => void (isDue(terminalGapMs) && io.err(`\r\u001b[2K${short(plain(text), Math.max(10, io.columns() - 1))}`)),
    end: () => void (shownMs !== undefined && io.err('\r\u001b[2K')),
  };
}
