/**
 * Script checks: a program whose exit code is the verdict: 0 passing, 1 warning, all else critical (the convention of
 * Nagios plugins). It runs in a process group of its own, which ends as a whole when the time is up.
 */

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { type CheckProbe, type CheckStatus, limits } from '@skein/core';
import { type CheckRun, critical, defaultBounds, failureText } from './verdict.ts';

export type ScriptProbe = Extract<CheckProbe, { type: 'script' }>;

/** How long output may still come once the program has ended: what it left running may hold the pipe for good. */
const drainMs = 1000;
/** The agent's own secrets: all else of its environment a script inherits, as Consul's do. */
const secrets = ['SKEIN_TOKEN'];
/** Room for the line that says how much was cut. */
const noteLength = 64;

export const runScriptCheck: CheckRun<ScriptProbe> = ({ args }, signal, bounds = defaultBounds) => {
  if (signal.aborted) return Promise.resolve(critical('the check was ended before its program was started'));
  const [program = '', ...rest] = args;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !secrets.includes(name)));
  const output = new Tail(Math.min(bounds.outputLengthMax, limits.outputLength - noteLength));
  return new Promise((resolve) => {
    let child: ChildProcessByStdio<null, Readable, Readable>;
    try {
      child = spawn(program, rest, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    } catch (error) {
      return resolve(critical(`${program}: ${failureText(error)}`));
    }
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Uint8Array) => output.add(chunk));
      // A pipe that breaks has nothing more to say; how the program ends decides.
      stream.on('error', () => undefined);
    }
    let cancelDrain: NodeJS.Timeout | undefined;
    const abort = (): void => killGroup(child.pid);
    signal.addEventListener('abort', abort, { once: true });
    child.on('error', (error) => {
      signal.removeEventListener('abort', abort);
      resolve(critical(`${program}: ${failureText(error)}`));
    });
    child.once('exit', () => {
      cancelDrain = setTimeout(() => {
        killGroup(child.pid);
        child.stdout.destroy();
        child.stderr.destroy();
      }, drainMs);
    });
    // Only now is it certain that the next run meets no other.
    child.once('close', (code, killedBy) => {
      clearTimeout(cancelDrain);
      signal.removeEventListener('abort', abort);
      if (signal.aborted) {
        const text = output.text();
        const why = `Timed out (${bounds.timeoutMs / 1000}s) running check`;
        return resolve(critical(text === '' ? why : `${why}\n\n${text}`));
      }
      const ending = killedBy === null ? '' : `ended by ${killedBy}\n`;
      resolve({ status: verdictOf(code), output: `${ending}${output.text()}`.slice(0, limits.outputLength) });
    });
  });
};

function verdictOf(code: number | null): CheckStatus {
  return code === 0 ? 'passing' : code === 1 ? 'warning' : 'critical';
}

/** The program and all that it started and did not give a group of their own. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left.
  }
}

/** The end of what a program wrote, which is where programs say how it went. */
class Tail {
  readonly #bytesMax: number;
  #kept: Buffer = Buffer.alloc(0);
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  add(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    // Chunks are small; of a long one only the end matters.
    const all = Buffer.concat([this.#kept, chunk.subarray(Math.max(0, chunk.length - this.#bytesMax))]);
    this.#kept = all.subarray(Math.max(0, all.length - this.#bytesMax));
  }

  text(): string {
    const text = this.#kept.toString('utf8');
    return this.#bytes > this.#kept.length ? `Captured ${this.#kept.length} of ${this.#bytes} bytes\n...\n${text}` : text;
  }
}
