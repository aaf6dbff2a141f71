/** The structured log: JSON lines for programs, pretty ones for people. Never a token, never a key. */

import { pino } from 'pino';
import pretty from 'pino-pretty';
import type { AgentConfig } from './config.ts';
import { LogFeed, type LogFollower } from './log-feed.ts';
import { fileDescriptor, LogOutput, type LogSink } from './log-output.ts';

export interface Log {
  debug(msg: string, fields?: object): void;
  info(msg: string, fields?: object): void;
  warn(msg: string, fields?: object): void;
  error(msg: string, fields?: object): void;
  setLevel(level: AgentConfig['logLevel']): void;
  /** Calls back with each line of JSON from that level up, whatever the log's own level. Returns how to listen no more. */
  follow(level: LogFollower['level'], take: LogFollower['take']): () => void;
  /** Writes out what waits, before the process ends. */
  flush(): void;
  /** Lines that standard output did not take. */
  dropped(): number;
}

/** A log on standard output, or into `sink`. */
export function createLog(config: Pick<AgentConfig, 'logLevel' | 'logFormat' | 'name'>, sink?: LogSink): Log {
  const standardOutput = sink === undefined ? new LogOutput(fileDescriptor(1)) : undefined;
  const output = standardOutput ?? sink ?? { write: () => undefined };
  const feed = new LogFeed(config.logLevel, config.logFormat === 'json' ? output : prettyLines(output, sink === undefined));
  const logger = pino(
    {
      level: config.logLevel,
      base: { agent: config.name },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    feed,
  );
  const adjust = (): void => {
    logger.level = feed.leastLevel;
  };
  return {
    debug: (msg, fields = {}) => logger.debug(fields, msg),
    info: (msg, fields = {}) => logger.info(fields, msg),
    warn: (msg, fields = {}) => logger.warn(fields, msg),
    error: (msg, fields = {}) => logger.error(fields, msg),
    setLevel: (level) => {
      feed.level = level;
      adjust();
    },
    follow: (level, take) => {
      const forget = feed.follow({ level, take });
      adjust();
      return () => {
        forget();
        adjust();
      };
    },
    flush: () => standardOutput?.flush(),
    dropped: () => standardOutput?.dropped ?? 0,
  };
}

function prettyLines(output: LogSink, isOurs: boolean): LogSink {
  const { NO_COLOR } = process.env;
  const colorize = isOurs && process.stdout.isTTY && (NO_COLOR === undefined || NO_COLOR === '');
  const format = pretty.prettyFactory({
    colorize,
    ignore: 'agent',
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
  });
  return { write: (line) => output.write(format(line) ?? line) };
}

/** Says something about a key at its 1st, 2nd, 4th, 8th, ... time only, so that what lasts does not fill the log. */
export class Throttle {
  readonly #counts = new Map<string, number>();
  readonly #limit: number;

  constructor(limit = 1024) {
    this.#limit = limit;
  }

  /** How often this happened, when it should be said now; undefined when not. */
  count(key: string): number | undefined {
    const count = (this.#counts.get(key) ?? 0) + 1;
    if (count === 1 && this.#counts.size >= this.#limit) this.#counts.clear();
    this.#counts.set(key, count);
    return Number.isInteger(Math.log2(count)) ? count : undefined;
  }

  forget(key: string): void {
    this.#counts.delete(key);
  }
}
