/** The program `wire.py`: hosts in network namespaces, and the wire between them. */

import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Hosts by number. */
type Hosts = readonly number[];

export class Wire {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #complaint = '';
  /** Commands one after the other: each is answered by one line. */
  #last: Promise<unknown> = Promise.resolve();
  #namespaces: readonly string[] = [];

  /** `folder` has wire.py. */
  private constructor(folder: string, count: number, seed: number) {
    this.#child = spawn('python3', [join(folder, 'wire.py'), String(count), String(seed)], { stdio: ['pipe', 'pipe', 'pipe'] });
    const { stdin, stdout, stderr } = this.#child;
    if (stdin === null || stdout === null || stderr === null) throw new Error('no pipes to the wire');
    this.#child.on('error', (error) => void (this.#complaint += error.message));
    stdin.on('error', (error) => void (this.#complaint += error.message));
    stderr.on('data', (text: Buffer) => void (this.#complaint += text.toString().slice(0, 4000)));
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  }

  /** Lays a wire between `count` hosts. Rejects where namespaces or TUN devices cannot be made, and says why. */
  static async lay(folder: string, count: number, seed: number): Promise<Wire> {
    const wire = new Wire(folder, count, seed);
    const { namespaces } = JSON.parse(await wire.#answer('start')) as { namespaces: readonly string[] };
    wire.#namespaces = namespaces;
    return wire;
  }

  address(host: number): string {
    return `10.77.0.${host + 1}`;
  }

  /** The command line that runs another one on a host, and ends it when this process ends, however it does. */
  on(host: number, command: readonly string[]): readonly [string, ...string[]] {
    const namespace = this.#namespaces[host];
    if (namespace === undefined) throw new Error(`there is no host ${host}`);
    return ['setpriv', '--pdeathsig', 'KILL', 'nsenter', `--net=${namespace}`, ...command];
  }

  cut(from: Hosts, to: Hosts): Promise<void> {
    return this.#command(`cut ${from.join()} ${to.join()}`);
  }

  lose(from: Hosts, to: Hosts, percent: number): Promise<void> {
    return this.#command(`loss ${from.join()} ${to.join()} ${percent}`);
  }

  delay(from: Hosts, to: Hosts, ms: number): Promise<void> {
    return this.#command(`delay ${from.join()} ${to.join()} ${ms}`);
  }

  heal(): Promise<void> {
    return this.#command('heal');
  }

  /** The hosts go with it, and with the last process on each. */
  close(): void {
    this.#child.stdin?.end();
    this.#child.kill('SIGKILL');
  }

  #command(line: string): Promise<void> {
    const done = this.#last.then(async () => {
      this.#child.stdin?.write(`${line}\n`);
      await this.#answer(line);
    });
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #answer(to: string): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`the wire between network namespaces broke at '${to}': ${this.#complaint}`);
    return value;
  }
}
