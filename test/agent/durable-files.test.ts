/** What a crash at any moment of a round leaves on disk. */

import { dirname } from 'node:path';
import { type Disk, DurableFiles, localDisk } from '@skein/agent/parts';
import { array, assert, asyncProperty, boolean, constantFrom, infiniteStream, nat, record, tuple } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ManualClock, settle } from './manual-clock.ts';

/**
 * A disk with as little mercy as POSIX allows: until its directory is synced a rename is lost by a crash, and a removal is not.
 * `turns` says how many turns of the event loop each thing takes, so that any may overtake any other.
 */
class HarshDisk implements Disk {
  readonly sync = localDisk.sync;
  /** What a crash leaves. */
  readonly survives = new Map<string, string>();
  readonly #renamed = new Map<string, string>();
  readonly #beside = new Map<string, string>();
  readonly #turns: (what: string) => number;
  readonly #happened: () => void;
  refuses: (what: string) => boolean = () => false;

  constructor(turns: (what: string) => number, happened: () => void) {
    this.#turns = turns;
    this.#happened = happened;
  }

  async write(path: string, content: Uint8Array): Promise<void> {
    await this.#take(`write ${path}`);
    this.#beside.set(path, new TextDecoder().decode(content));
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#take(`rename ${to}`);
    this.#renamed.set(to, this.#beside.get(from) as string);
  }

  async remove(path: string): Promise<void> {
    await this.#take(`remove ${path}`);
    this.#renamed.delete(path);
    this.survives.delete(path);
    this.#happened();
  }

  async syncDirectory(directory: string): Promise<void> {
    const renamed = [...this.#renamed].filter(([path]) => dirname(path) === directory);
    await this.#take(`sync ${directory}`);
    for (const [path, content] of renamed) {
      this.survives.set(path, content);
      if (this.#renamed.get(path) === content) this.#renamed.delete(path);
    }
    this.#happened();
  }

  async #take(what: string): Promise<void> {
    for (let turn = this.#turns(what); turn > 0; turn--) await new Promise<void>((resolve) => void setImmediate(resolve));
    if (this.refuses(what)) throw new Error('ENOSPC: no space left on device, write');
  }
}

/** Versions of entries, each in a file of its own, the one before going as the next comes. */
class Entries {
  readonly disk: HarshDisk;
  readonly files: DurableFiles;
  readonly clock = new ManualClock();
  readonly #version = new Map<string, number>();
  readonly #safe = new Map<string, number>();
  /** Moments after which an entry that was safe would be gone, or older than it was. */
  readonly losses: string[] = [];

  constructor(turns: (what: string) => number) {
    this.disk = new HarshDisk(turns, () => this.#look());
    this.files = new DurableFiles({ disk: this.disk, clock: this.clock, onFailure: () => undefined });
  }

  write(entry: string): void {
    const before = this.#version.get(entry) ?? 0;
    this.#version.set(entry, before + 1);
    this.files.put(`config/${entry}@${before + 1}`, new TextEncoder().encode('x'), false);
    if (before > 0) this.files.put(`config/${entry}@${before}`, undefined, true);
  }

  async flush(): Promise<void> {
    const written = [...this.#version];
    await this.files.flush();
    for (const [entry, version] of written) this.#safe.set(entry, version);
    this.#look();
  }

  /** Of each entry the versions that a crash leaves. */
  left(entry: string): readonly string[] {
    return [...this.disk.survives.keys()].filter((path) => path.startsWith(`config/${entry}@`));
  }

  #look(): void {
    for (const [entry, version] of this.#safe) {
      const newest = Math.max(0, ...this.left(entry).map((path) => Number(path.split('@')[1])));
      if (newest < version) this.losses.push(`${entry}: ${newest} is left, ${version} was safe`);
    }
  }
}

describe('a version that replaces another', () => {
  test('is safe before the other goes, however long each thing takes', async () => {
    const entries = new Entries((what) => (what.startsWith('remove') ? 0 : 3));
    for (let round = 0; round < 5; round++) {
      for (const entry of ['a', 'b', 'c', 'd']) entries.write(entry);
      await entries.flush();
    }
    expect(entries.losses).toEqual([]);
    expect(entries.left('a')).toEqual(['config/a@5']);
  });

  test('that the disk refuses leaves the other in place until it is written', async () => {
    const entries = new Entries(() => 0);
    entries.write('a');
    await entries.flush();
    for (const refused of ['write config/a@2', 'rename config/a@3', 'sync config']) {
      entries.disk.refuses = (what) => what.startsWith(refused);
      entries.write('a');
      await expect(entries.flush()).rejects.toThrow('ENOSPC');
      expect(entries.left('a')).not.toEqual([]);
    }
    entries.disk.refuses = () => false;
    entries.clock.advance(60_000);
    await settle();
    expect(entries.left('a')).toEqual(['config/a@4']);
    expect(entries.losses).toEqual([]);
  });

  test('is never missed, whatever overtakes what and whatever is refused', async () => {
    const order = record({
      turns: infiniteStream(nat(3)),
      refusals: infiniteStream(nat(9)),
      writes: array(tuple(constantFrom('a', 'b', 'c'), boolean()), { maxLength: 30 }),
    });
    await assert(
      asyncProperty(order, async ({ turns, refusals, writes }) => {
        const entries = new Entries(() => turns.next().value as number);
        entries.disk.refuses = () => refusals.next().value === 0;
        for (const [entry, isAwaited] of writes) {
          entries.write(entry);
          const done = entries.flush().catch(() => undefined);
          if (isAwaited) await done;
        }
        entries.disk.refuses = () => false;
        await entries.flush().catch(() => undefined);
        await entries.flush();
        expect(entries.losses).toEqual([]);
        for (const entry of ['a', 'b', 'c']) expect(entries.left(entry).length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 100 },
    );
  });
});

test('a disk that refuses what is new in one directory still takes removals from another', async () => {
  const entries = new Entries(() => 0);
  entries.files.put('registrations/r', new TextEncoder().encode('x'), false);
  await entries.flush();
  entries.disk.refuses = (what) => what.startsWith('write');
  entries.write('a');
  entries.files.put('registrations/r', undefined, false);
  await expect(entries.flush()).rejects.toThrow('config/a@1 cannot be written (ENOSPC: no space left on device)');
  expect([...entries.disk.survives]).toEqual([]);
});
