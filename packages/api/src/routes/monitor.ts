/** `/v1/agent/monitor`: the agent's log as it is written, until the client goes. */

import type { ApiContext } from '../context.ts';
import { LogLines } from '../log-lines.ts';
import type { LogItem } from '../log-lines.ts';
import type { LogLevel } from '../ports.ts';
import { badRequest, Refusal } from '../refusal.ts';
import type { Route } from '../route.ts';
import { stallMs } from '../stream/request.ts';

/** Readers at once; each makes the agent do more work for every line. */
const readersMax = 16;
const levels: Readonly<Record<string, LogLevel>> = {
  trace: 'trace',
  debug: 'debug',
  info: 'info',
  warn: 'warn',
  err: 'error',
  error: 'error',
};

export function monitorRoutes({ agent, reader }: ApiContext): readonly Route[] {
  let readers = 0;
  return [
    {
      method: 'GET',
      path: '/v1/agent/monitor',
      handle: (request) => {
        reader.check(request);
        const level = logLevel(request.query.get('loglevel') ?? '');
        if (readers >= readersMax) throw new Refusal(429, `${readersMax} clients read the log already; end one of them`);
        const toText = request.query.has('logjson') ? jsonText : plainText;
        const { signal } = request;
        const lines = new LogLines(signal);
        const forget = agent.followLog(level, (line) => lines.add(line));
        readers++;
        const end = (): void => {
          forget();
          readers--;
        };
        if (signal.aborted) end();
        else signal.addEventListener('abort', end, { once: true });
        return { stream: texts(lines, toText), stallMs };
      },
    },
  ];
}

function logLevel(text: string): LogLevel {
  const name = text === '' ? 'info' : text.toLowerCase();
  const level = Object.hasOwn(levels, name) ? levels[name] : undefined;
  if (level === undefined) throw badRequest(`Unknown log level: ${text.slice(0, 60)}; use trace, debug, info, warn or error`);
  return level;
}

async function* texts(lines: LogLines, toText: (item: LogItem) => string): AsyncGenerator<string, void, undefined> {
  // Sends the head of the answer, so that the client knows it is connected before anything is logged.
  yield '';
  for await (const item of lines) yield `${toText(item)}\n`;
}

function lostText(lost: number): string {
  return `${lost} lines of the log were left out here: this reader is too slow`;
}

function jsonText(item: LogItem): string {
  return 'line' in item ? item.line : JSON.stringify({ level: 'warn', msg: lostText(item.lost), lost: item.lost });
}

/** `TIME [LEVEL] message: key=value`, as the agents of Consul write. */
function plainText(item: LogItem): string {
  if ('lost' in item) return `[WARN] ${lostText(item.lost)}`;
  const { time, level, msg, agent: _agent, ...fields } = JSON.parse(item.line) as Readonly<Record<string, unknown>>;
  const pairs = Object.entries(fields).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? quoted(value) : JSON.stringify(value)}`,
  );
  const head = `${String(time)} [${String(level).toUpperCase()}] ${String(msg)}`;
  return oneLine(pairs.length === 0 ? head : `${head}: ${pairs.join(' ')}`);
}

/** Left as it is where that leaves no doubt where it ends. */
function quoted(value: string): string {
  return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}

function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]+/g, ' ');
}
