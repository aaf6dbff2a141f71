/** What the demo shows while it runs: a table redrawn in place on a terminal, plain lines elsewhere. */

import type { InstanceRow } from '../catalog-read.ts';
import { statusColour } from '../colour.ts';
import type { Paint } from '../colour.ts';
import { cut, table } from '../table.ts';
import type { LoadStats } from './load.ts';

/** One moment of the running demo. */
export interface Frame {
  readonly load: LoadStats;
  /** The instances as the first agent sees them; the load's names are their ids. */
  readonly instances: readonly InstanceRow[];
}

export interface Screen {
  /** Something happened. */
  event(text: string): void;
  /** The numbers changed. Cheap to call often. */
  frame(frame: Frame): void;
  /** Lines that stay below the table from now on. */
  footer(lines: readonly string[]): void;
  /** Ends the drawing; what was shown last stays. Idempotent. */
  close(): void;
}

const hideCursor = '\u001b[?25l';
const showCursor = '\u001b[?25h';
const clearLine = '\u001b[2K';
const clearBelow = '\u001b[J';
const plainFrameEveryMs = 2000;

/** Lines for a pipe or a file: every event, and the numbers every two seconds. */
export function plainScreen(write: (text: string) => void, now: () => number): Screen {
  let lastFrameAtMs = -Infinity;
  return {
    event: (text) => write(`${seconds(now())}  ${text}\n`),
    frame: (frame) => {
      if (now() - lastFrameAtMs < plainFrameEveryMs) return;
      lastFrameAtMs = now();
      const shares = [...frame.load.byInstance].map(([name, tally]) => `${name} ${tally.requests}`);
      write(`${seconds(now())}  ${totals(frame.load)}; ${shares.sort().join(', ')}\n`);
    },
    footer: (lines) => write(`\n${lines.join('\n')}\n`),
    close: () => undefined,
  };
}

/** A table redrawn in place. `rows` is the height of the terminal. */
export function liveScreen(
  write: (text: string) => void,
  terminal: { readonly now: () => number; readonly columns: () => number; readonly rows: () => number; readonly paint: Paint },
): Screen {
  const { now, paint } = terminal;
  const events: string[] = [];
  let footer: readonly string[] = [];
  let last: Frame | undefined;
  let drawnLines = 0;
  let isClosed = false;

  const draw = (): void => {
    if (isClosed) return;
    const numbers = last === undefined ? [] : [paint('bold', totals(last.load)), '', ...instanceLines(last, paint)];
    const below = footer.length > 0 ? ['', ...footer] : [];
    // Beyond the top of the terminal the cursor cannot go back, so what does not fit is left out.
    const height = Math.max(1, terminal.rows() - 1);
    const room = Math.max(1, height - numbers.length - 1 - below.length);
    const lines = [...numbers, '', ...events.slice(-room), ...below].slice(0, height);
    const up = drawnLines > 0 ? `\u001b[${drawnLines}A` : hideCursor;
    // No line may wrap: the cursor must come back up by exactly as many lines as were written.
    const text = lines.map((line) => `${clearLine}${cut(line, terminal.columns() - 1)}\n`).join('');
    write(`${up}\r${text}${clearBelow}`);
    drawnLines = lines.length;
  };
  return {
    event: (text) => {
      events.push(`${paint('dim', seconds(now()))}  ${text}`);
      draw();
    },
    frame: (frame) => {
      last = frame;
      draw();
    },
    footer: (lines) => {
      footer = lines;
      draw();
    },
    close: () => {
      if (isClosed) return;
      isClosed = true;
      write(showCursor);
    },
  };
}

function instanceLines({ instances, load }: Frame, paint: Paint): readonly string[] {
  const answered = Math.max(1, load.requests - load.failed);
  const rows = instances.map((instance) => {
    const tally = load.byInstance.get(instance.id) ?? { requests: 0, p50Ms: 0, p99Ms: 0 };
    return [
      instance.id,
      instance.node,
      { text: instance.status, colour: statusColour(instance.status) },
      instance.routable ? { text: 'yes', colour: 'green' as const } : { text: 'no', colour: 'red' as const },
      String(tally.requests),
      `${Math.round((100 * tally.requests) / answered)} %`,
      milliseconds(tally.p50Ms),
      milliseconds(tally.p99Ms),
    ];
  });
  return table(['INSTANCE', 'AGENT', 'HEALTH', 'IN ROTATION', 'REQUESTS', 'SHARE', 'P50', 'P99'], rows, paint)
    .trimEnd()
    .split('\n');
}

function totals(load: LoadStats): string {
  return `${load.requests} requests, ${load.failed} failed, p50 ${milliseconds(load.p50Ms)}, p99 ${milliseconds(load.p99Ms)}`;
}

export function milliseconds(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1).padStart(5)} s`;
}
