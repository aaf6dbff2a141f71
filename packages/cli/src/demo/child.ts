/**
 * A process of the demo. It never outlives us: it watches its standard input, which closes when this process
 * ends, however that happens (also by SIGKILL).
 */

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { CliFailure } from '../failure.ts';
import { isObject, textAt } from '../json-value.ts';
import type { JsonObject } from '../json-value.ts';
import { plain, short } from '../table.ts';

const tailLines = 15;
const tailLineLength = 300;

export interface ChildSpec {
  readonly name: string;
  /** How the `skein` command is started, and its arguments. */
  readonly command: readonly [program: string, ...args: string[]];
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** How long it may take until it is ready. */
  readonly readyWithinMs: number;
  /** Called when it ends, with how, for people. */
  readonly onExit: (child: Child, how: string) => void;
}

export interface Child {
  readonly name: string;
  readonly pid: number;
  /** Its log line with `"msg":"ready"`. Rejects with a `CliFailure` when it ends first or takes too long. */
  readonly ready: Promise<JsonObject>;
  readonly exited: Promise<void>;
  isRunning(): boolean;
  /** Its last log lines. */
  tail(): readonly string[];
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

export function startChild(spec: ChildSpec): Child {
  const [program, ...first] = spec.command;
  const child = spawn(program, [...first, ...spec.args], {
    env: { ...ownEnvironment(), ...spec.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    // In a process group of its own, so that Ctrl-C reaches only the demo, which then ends things in order.
    detached: true,
  });
  // Writing to a child that is gone is no concern of ours: its end is told by `exit`.
  child.stdin.on('error', () => undefined);
  const tail: string[] = [];
  const fail = (what: string): CliFailure => new CliFailure(`${spec.name} ${what}`, { hint: tailHint(spec.name, tail) });
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`could not be started: ${error.message}`));
    child.once('close', (code, signal) => resolve(`ended (${signal ?? `exit code ${code}`})`));
  });
  const ready = readyLine(child, tail, { within: spec.readyWithinMs, exited, fail });
  // Whoever waits sees the failure; nobody has to.
  ready.catch(() => undefined);
  let isRunning = true;
  const self: Child = {
    name: spec.name,
    pid: child.pid ?? 0,
    ready,
    exited: exited.then(() => undefined),
    isRunning: () => isRunning,
    tail: () => tail,
    kill: (signal) => void child.kill(signal),
  };
  void exited.then((how) => {
    isRunning = false;
    spec.onExit(self, how);
  });
  return self;
}

/** Lines for a failure's hint. */
export function tailHint(name: string, tail: readonly string[]): readonly string[] {
  if (tail.length === 0) return [`${name} has logged nothing`];
  return [`the last lines of ${name}:`, ...tail.map((line) => `  ${line}`)];
}

/** Our environment without settings meant for an agent of the user. */
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('SKEIN_')));
}

interface ReadyWait {
  readonly within: number;
  readonly exited: Promise<string>;
  readonly fail: (what: string) => CliFailure;
}

function readyLine(child: ChildProcess, tail: string[], wait: ReadyWait): Promise<JsonObject> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(wait.fail(`was not ready within ${wait.within / 1000} s`)), wait.within);
    const onLine = (line: string): void => {
      if (line.trim() === '') return;
      tail.push(short(plain(line), tailLineLength));
      if (tail.length > tailLines) tail.shift();
      const entry = parseLine(line);
      if (entry !== undefined && textAt(entry, 'msg') === 'ready') {
        clearTimeout(timer);
        resolve(entry);
      }
    };
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', onLine);
    }
    void wait.exited.then((how) => {
      clearTimeout(timer);
      reject(wait.fail(how));
    });
  });
}

function parseLine(line: string): JsonObject | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
