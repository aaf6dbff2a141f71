/** `skein monitor`: the log of a running agent, line by line until Ctrl-C. */

import { Option } from 'commander';
import type { Command } from 'commander';
import { outPaint } from '../colour.ts';
import type { Paint } from '../colour.ts';
import { CliFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import { harmless } from '../table.ts';
import { apiFor, withApiOptions } from './api-command.ts';
import type { ApiOptions } from './api-command.ts';

interface MonitorOptions extends ApiOptions {
  readonly logLevel: string;
}

const levels = ['trace', 'debug', 'info', 'warn', 'error'];
/** A line without an end is no line of a log. */
const lineLength = 1_048_576;

export function addMonitorCommand(program: Command, io: Io): void {
  withApiOptions(
    program
      .command('monitor')
      .description('follow the log of the agent')
      .addOption(
        new Option('--log-level <level>', 'the least level, whatever level the agent itself logs at')
          .choices(levels)
          .default('info'),
      ),
    ['skein monitor', 'skein monitor --log-level debug', 'skein monitor --json | jq -r \'select(.level == "warn") | .msg\''],
  ).action((options: MonitorOptions) => monitor(io, options));
}

async function monitor(io: Io, options: MonitorOptions): Promise<void> {
  const api = apiFor(io, options);
  const interrupted = new AbortController();
  const forget = io.onInterrupt(() => interrupted.abort());
  const isJson = options.json === true;
  const paint = outPaint(io);
  const query = new URLSearchParams({ loglevel: options.logLevel, ...(isJson ? { logjson: '' } : {}) });
  try {
    const pieces = api.stream(`/v1/agent/monitor?${query.toString()}`, interrupted.signal);
    for await (const line of linesOf(pieces)) io.out(`${isJson ? line : painted(line, paint)}\n`);
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
  } finally {
    forget();
  }
  if (interrupted.signal.aborted) return;
  throw new CliFailure(`the agent at ${api.base} ended its log`, {
    hint: ['it has stopped, or is about to; when it is back: skein monitor'],
  });
}

async function* linesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of pieces) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
    if (rest.length > lineLength) throw new CliFailure(`the agent sent a line of more than ${lineLength} characters`);
  }
}

const colours: Readonly<Record<string, Parameters<Paint>[0]>> = {
  TRACE: 'dim',
  DEBUG: 'dim',
  INFO: 'green',
  WARN: 'yellow',
  ERROR: 'red',
};

/** `TIME [LEVEL] text`. */
function painted(line: string, paint: Paint): string {
  const clean = harmless(line);
  const match = /^(\S+) \[([A-Z]+)\]( .*)$/.exec(clean);
  if (match === null) return clean;
  const [, time = '', level = '', text = ''] = match;
  const colour = colours[level];
  return `${paint('dim', time)} ${colour === undefined ? `[${level}]` : paint(colour, `[${level}]`)}${text}`;
}
