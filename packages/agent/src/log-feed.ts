/** Hands each line of the log to the output and to whoever follows it, each from its own level up. */

import { pino } from 'pino';
import type { AgentConfig } from './config.ts';
import type { LogSink } from './log-output.ts';

/** Makes pino say the level of a line, in `lastLevel`, before it writes it. */
const metadata = Symbol.for('pino.metadata');

type Level = AgentConfig['logLevel'];

export interface LogFollower {
  readonly level: Exclude<Level, 'silent'>;
  /** Is given a line of JSON without its end. Must not throw, must not log. */
  readonly take: (line: string) => void;
}

export class LogFeed implements LogSink {
  /** The least level that the output takes. */
  level: Level;
  readonly #output: LogSink;
  readonly #followers = new Set<LogFollower>();
  readonly [metadata] = true;
  lastLevel = 0;

  constructor(level: Level, output: LogSink) {
    this.level = level;
    this.#output = output;
  }

  /** The least level that anybody takes. */
  get leastLevel(): Level {
    const levels = [this.level, ...[...this.#followers].map(({ level }) => level)];
    return levels.reduce((least, level) => (numberOf(level) < numberOf(least) ? level : least));
  }

  write(line: string): void {
    if (this.lastLevel >= numberOf(this.level)) this.#output.write(line);
    for (const { level, take } of this.#followers) if (this.lastLevel >= numberOf(level)) take(line.trimEnd());
  }

  follow(follower: LogFollower): () => void {
    this.#followers.add(follower);
    return () => void this.#followers.delete(follower);
  }
}

function numberOf(level: Level): number {
  return pino.levels.values[level] ?? Infinity;
}
