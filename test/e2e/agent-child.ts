/** An agent as a process of its own, from the bundle that users start. */

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { eventually, type LogLine } from './agent-nodes.ts';

const bundle = fileURLToPath(new URL('../../packages/cli/dist/skein.js', import.meta.url));

export class AgentProcess {
  readonly log: LogLine[] = [];
  readonly exit: Promise<{ code: number | null; signal: string | null }>;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  errors = '';

  constructor(args: readonly string[], env: Record<string, string> = {}) {
    const own = [
      '--bind',
      '127.0.0.1:0',
      '--http',
      '127.0.0.1:0',
      '--proxy',
      '127.0.0.1:0',
      '--dns',
      '127.0.0.1:0',
      '--log-format',
      'json',
    ];
    this.#child = spawn(process.execPath, [bundle, 'agent', ...own, '--profile', 'local', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.log.push(JSON.parse(line) as LogLine));
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.errors += text));
    this.exit = new Promise((resolve) => this.#child.on('close', (code, signal) => resolve({ code, signal })));
  }

  said(msg: string): LogLine | undefined {
    return this.log.find((line) => line.msg === msg);
  }

  /** Its listeners, once it is ready. */
  async ready(): Promise<{ readonly gossip: string; readonly http: string }> {
    await eventually('ready', () => this.said('ready') !== undefined || this.#child.exitCode !== null);
    const listeners = this.said('ready')?.['listeners'];
    if (listeners === undefined) throw new Error(`the agent ended: ${this.errors}`);
    return listeners as { gossip: string; http: string };
  }

  /** Nobody reads its log any more. */
  stopReading(): void {
    this.#child.stdout.destroy();
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}
