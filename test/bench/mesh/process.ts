/** A process under measurement: its log lines with the time they came, its memory and CPU, and a certain end. */

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** Milliseconds since 1970 with fractions: the same clock as the one in log lines, only finer. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

export interface Usage {
  readonly rssMiB: number;
  /** Shared pages counted by share; undefined where the system does not tell. */
  readonly pssMiB: number | undefined;
  /** CPU time used so far. */
  readonly cpuMs: number;
}

const running = new Set<Process>();
/** What is still running when the benchmark ends, however it ends, is killed. */
process.once('exit', () => {
  for (const each of running) each.signal('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const tailLines = 20;

export class Process {
  readonly startedMs: number;
  readonly exited: Promise<void>;
  readonly #child: ChildProcess;
  readonly #listeners = new Set<(line: string, atMs: number) => void>();
  readonly #tail: string[] = [];
  #isRunning = true;

  constructor(command: string, args: readonly string[], env: Readonly<Record<string, string | undefined>>) {
    this.startedMs = nowMs();
    this.#child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(this);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', (line) => this.#take(line));
    }
    this.exited = new Promise((resolve) => {
      const end = (): void => {
        this.#isRunning = false;
        running.delete(this);
        resolve();
      };
      this.#child.once('error', end);
      this.#child.once('exit', end);
    });
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** The last lines of its log. */
  get tail(): string {
    return this.#tail.join('\n');
  }

  onLine(listener: (line: string, atMs: number) => void): void {
    this.#listeners.add(listener);
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#isRunning) this.#child.kill(signal);
  }

  /** Ends it for sure, stopped or not. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.exited;
  }

  usage(): Usage {
    const rollup = this.#proc('smaps_rollup');
    const status = this.#proc('status');
    // After the name in parentheses come state and numbers; the 12th and 13th are user and system time in ticks of 10 ms.
    const stat = this.#proc('stat')
      .replace(/^.*\) /s, '')
      .split(' ');
    const pss = kib(rollup, 'Pss');
    return {
      rssMiB: (kib(status, 'VmRSS') ?? 0) / 1024,
      pssMiB: pss === undefined ? undefined : pss / 1024,
      cpuMs: (Number(stat[11]) + Number(stat[12])) * 10,
    };
  }

  #take(line: string): void {
    const atMs = nowMs();
    this.#tail.push(line.slice(0, 400));
    if (this.#tail.length > tailLines) this.#tail.shift();
    for (const listener of this.#listeners) listener(line, atMs);
  }

  #proc(file: string): string {
    try {
      return readFileSync(`/proc/${this.#child.pid}/${file}`, 'utf8');
    } catch {
      return '';
    }
  }
}

function kib(text: string, field: string): number | undefined {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text);
  return found === null ? undefined : Number(found[1]);
}
