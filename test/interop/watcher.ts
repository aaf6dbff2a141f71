/** What outside programs see of a service over time: sights that the programs print, or that callbacks bring. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { TestContext } from 'vitest';

export interface Sight {
  /** Which of a program's ways to watch. */
  readonly by: string;
  /** Instances that pass, in order. */
  readonly ids: readonly string[];
  readonly index?: number;
  readonly error?: string;
}

const timeoutMs = 60_000;

export class Watcher {
  readonly name: string;
  readonly sights: Sight[] = [];
  /** Requests by way of watching, once it has ended. */
  requests: Readonly<Record<string, number>> = {};
  readonly #waiting = new Set<() => void>();

  constructor(name: string) {
    this.name = name;
  }

  take(sight: Sight): void {
    this.sights.push(sight);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  end(requests: Readonly<Record<string, number>>): void {
    this.requests = requests;
  }

  get errors(): readonly Sight[] {
    return this.sights.filter(({ error }) => error !== undefined);
  }

  /** What each way saw last, without failures. */
  last(by = this.name): readonly string[] | undefined {
    return this.sights.findLast((sight) => sight.by === by && sight.error === undefined)?.ids;
  }

  /** Resolves once the latest sight of a way is `ids`. */
  async until(ids: readonly string[], by = this.name): Promise<void> {
    const over = AbortSignal.timeout(timeoutMs);
    while (this.last(by)?.join() !== ids.join()) {
      if (over.aborted) {
        throw new Error(`${by} did not see [${ids.join()}] in time; its last: ${JSON.stringify(this.sights.slice(-5))}`);
      }
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
        over.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }
}

function isSight(said: object): said is Sight {
  return 'ids' in said;
}

/** Starts a program that prints sights as lines of JSON, and once its input ends the number of its requests. */
export class ProgramWatcher extends Watcher {
  /** Ends the program; resolves once it has said its number of requests. */
  stop: () => Promise<void> = () => Promise.resolve();

  static start(
    name: string,
    command: readonly string[],
    env: NodeJS.ProcessEnv,
    { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
  ): ProgramWatcher {
    const [program = '', ...args] = command;
    const watcher = new ProgramWatcher(name);
    const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint = `${complaint}${text}`.slice(-2000)));
    const closed = once(child, 'close');
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (!line.startsWith('{')) return;
      const said = JSON.parse(line) as Sight | Readonly<Record<string, number>>;
      if (isSight(said)) watcher.take(said);
      else watcher.end(said);
    });
    watcher.stop = async () => {
      child.stdin.end();
      const [code] = (await closed) as [number | null];
      if (code !== 0) throw new Error(`${name} ended with ${code}: ${complaint}`);
    };
    onTestFinished(async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await closed;
    });
    return watcher;
  }
}
