/** Colour: only where a person looks, and only with meaning (a status is never told by colour alone). */

import type { Io } from './io.ts';

const codes = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39], cyan: [36, 39] } as const;

export type Paint = (colour: keyof typeof codes, text: string) => string;

/** `NO_COLOR` (any value but empty) wins, then `FORCE_COLOR` (`0` and `false` mean no), then: a terminal that is not dumb. */
function hasColour(env: Io['env'], isTerminal: boolean): boolean {
  const { NO_COLOR: no, FORCE_COLOR: force, TERM: term } = env;
  if (no !== undefined && no !== '') return false;
  if (force !== undefined && force !== '') return force !== '0' && force !== 'false';
  return isTerminal && term !== 'dumb';
}

/** For what goes to `io.out`; the other one for `io.err`. */
export function outPaint(io: Pick<Io, 'env' | 'outIsTerminal'>): Paint {
  return painter(hasColour(io.env, io.outIsTerminal));
}

export function errPaint(io: Pick<Io, 'env' | 'errIsTerminal'>): Paint {
  return painter(hasColour(io.env, io.errIsTerminal));
}

function painter(isOn: boolean): Paint {
  if (!isOn) return (_colour, text) => text;
  return (colour, text) => {
    const [on, off] = codes[colour];
    return `\u001b[${on}m${text}\u001b[${off}m`;
  };
}

/** The colour of a member's or check's status. */
export function statusColour(status: string): 'green' | 'yellow' | 'red' | 'dim' {
  if (status === 'alive' || status === 'passing') return 'green';
  if (status === 'suspect' || status === 'warning' || status === 'leaving') return 'yellow';
  return status === 'left' ? 'dim' : 'red';
}
