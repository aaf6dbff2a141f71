/**
 * Files that survive a crash at any moment: written beside, fsynced, renamed over, directory fsynced. Changes
 * of one file that wait are coalesced, and one round writes everything that waits (group commit). When the
 * disk refuses, the change is kept and tried again; nobody is told that it is safe before it is.
 */

import { dirname } from 'node:path';
import type { Clock } from './clock.ts';
import type { Disk } from './disk.ts';
import { AgentError } from './errors.ts';

/** How long a change that may wait, waits for others to the same file. */
const lazyMs = 1000;
const retryMinMs = 250;
const retryMaxMs = 30_000;
const writesAtOnce = 8;

export interface DurableFilesOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  /** Called when the disk starts to refuse, with the path and the reason, and with undefined once all is written again. */
  readonly onFailure: (failure: WriteFailure | undefined) => void;
}

export interface WriteFailure {
  readonly path: string;
  readonly reason: string;
}

interface Waiter {
  resolve(): void;
  reject(error: AgentError): void;
}

export class DurableFiles {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #onFailure: (failure: WriteFailure | undefined) => void;
  /** What each path should hold; undefined: it should not exist. */
  #pending = new Map<string, Uint8Array | undefined>();
  #waiters: Waiter[] = [];
  /** Something pending that should not wait for more. */
  #isUrgent = false;
  #isWriting = false;
  #isClosed = false;
  #cancelTimer: (() => void) | undefined;
  #timerAt = Infinity;
  #failure: WriteFailure | undefined;
  #retryMs = retryMinMs;

  constructor(options: DurableFilesOptions) {
    this.#disk = options.disk;
    this.#clock = options.clock;
    this.#onFailure = options.onFailure;
  }

  /** Why the last round was not written, until one is. */
  get failure(): WriteFailure | undefined {
    return this.#failure;
  }

  /** `content` undefined removes the file. `lazy`: may wait a second for further changes. */
  put(path: string, content: Uint8Array | undefined, lazy: boolean): void {
    this.#pending.delete(path);
    this.#pending.set(path, content);
    this.#isUrgent ||= !lazy;
    if (this.#failure === undefined) this.#schedule(lazy ? lazyMs : 0);
  }

  /** Resolves once everything put so far is on disk. Rejects with `storage-failed` when the disk refuses it. */
  flush(): Promise<void> {
    if (this.#pending.size === 0 && !this.#isWriting) return Promise.resolve();
    const done = new Promise<void>((resolve, reject) => this.#waiters.push({ resolve, reject }));
    this.#schedule(0);
    return done;
  }

  /** One last attempt to write what waits; then nothing more is written. */
  async close(): Promise<void> {
    await this.flush().catch(() => undefined);
    this.#isClosed = true;
    this.#cancelTimer?.();
  }

  #schedule(ms: number): void {
    const at = this.#clock.now() + ms;
    if (this.#isClosed || this.#isWriting || at >= this.#timerAt) return;
    this.#cancelTimer?.();
    this.#timerAt = at;
    const start = (): void => {
      this.#timerAt = Infinity;
      this.#cancelTimer = undefined;
      void this.#round();
    };
    if (ms > 0) {
      this.#cancelTimer = this.#clock.after(ms, start);
      return;
    }
    let isCancelled = false;
    this.#cancelTimer = () => (isCancelled = true);
    // After the current run of effects, so that they share one round.
    queueMicrotask(() => {
      if (!isCancelled) start();
    });
  }

  async #round(): Promise<void> {
    const batch = this.#pending;
    const waiters = this.#waiters;
    this.#pending = new Map();
    this.#waiters = [];
    this.#isUrgent = false;
    this.#isWriting = true;
    const failure = await this.#write(batch);
    this.#isWriting = false;
    if (failure === undefined) {
      if (this.#failure !== undefined) this.#onFailure(undefined);
      this.#failure = undefined;
      this.#retryMs = retryMinMs;
      for (const waiter of waiters) waiter.resolve();
      if (this.#waiters.length > 0 || this.#pending.size > 0)
        this.#schedule(this.#waiters.length > 0 || this.#isUrgent ? 0 : lazyMs);
      return;
    }
    if (this.#failure === undefined) this.#onFailure(failure);
    this.#failure = failure;
    const error = new AgentError(
      'storage-failed',
      `${failure.path} cannot be written (${failure.reason}): the change is active but would be lost at a restart. Free space or repair the disk; it is tried again by itself`,
    );
    for (const waiter of waiters) waiter.reject(error);
    if (this.#waiters.length > 0) this.#schedule(0);
    else this.#schedule(this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, retryMaxMs);
  }

  /**
   * Writes a batch; what could not be written waits again, unless something newer does. What goes may have been replaced
   * by a file with another name in its directory, such as the next version of an entry. So files go only once all that is
   * new in their directory survives a crash: there is no moment at which neither is on disk.
   */
  async #write(batch: ReadonlyMap<string, Uint8Array | undefined>): Promise<WriteFailure | undefined> {
    const fresh: string[] = [];
    const gone: string[] = [];
    for (const [path, content] of batch) (content === undefined ? gone : fresh).push(path);
    const unwritten = await this.#apply(fresh, batch);
    const unsafe = new Set([...unwritten.keys()].map(dirname));
    const kept = gone.filter((path) => unsafe.has(dirname(path)));
    const unremoved = await this.#apply(
      gone.filter((path) => !unsafe.has(dirname(path))),
      batch,
    );
    for (const path of [...unwritten.keys(), ...kept, ...unremoved.keys()])
      if (!this.#pending.has(path)) this.#pending.set(path, batch.get(path));
    const [first] = [...unwritten, ...unremoved];
    return first && { path: first[0], reason: first[1] };
  }

  /** Makes some paths of a batch as they should be, some at once, and syncs their directories. Returns what was refused, with the reasons. */
  async #apply(paths: readonly string[], batch: ReadonlyMap<string, Uint8Array | undefined>): Promise<Map<string, string>> {
    const refused = new Map<string, string>();
    const queue = [...paths];
    const inDirectory = new Map<string, string[]>();
    const worker = async (): Promise<void> => {
      for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
        try {
          await this.#writeOne(path, batch.get(path));
          const written = inDirectory.get(dirname(path)) ?? [];
          written.push(path);
          inDirectory.set(dirname(path), written);
        } catch (error) {
          refused.set(path, reasonOf(error));
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(writesAtOnce, paths.length) }, worker));
    for (const [directory, written] of inDirectory) {
      try {
        await this.#disk.syncDirectory(directory);
      } catch (error) {
        for (const path of written) refused.set(path, reasonOf(error));
      }
    }
    return refused;
  }

  async #writeOne(path: string, content: Uint8Array | undefined): Promise<void> {
    if (content === undefined) return this.#disk.remove(path);
    const beside = `${path}.tmp`;
    await this.#disk.write(beside, content);
    await this.#disk.rename(beside, path);
  }
}

/** `ENOSPC: no space left on device`, without Node's repetition of the path. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split(', ')[0] ?? text;
}
