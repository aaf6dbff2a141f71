/**
 * The data directory: what a node must know again after a crash of its host.
 *
 *     identity.key    the node's secret key          epoch, epoch.copy   how often it was started
 *     registrations/  a file per own registration    config/             a file per config version
 *     peers.json      where to find the mesh again   agent.json          the listeners, for people and scripts
 *
 * A damaged file is set aside and named, and the agent starts: one lost registration is better than a lost
 * host. Only a data directory that cannot be used at all, or an identity that may not be read, is refused.
 */

import { join } from 'node:path';
import {
  configKey,
  type KnownPeer,
  type Persist,
  type Registration,
  registrationKey,
  type SignedConfig,
  versionId,
} from '@skein/core';
import type { Clock } from './clock.ts';
import { hostProcesses, lockDirectory, type Processes } from './directory-lock.ts';
import { type Disk, isFull, localDisk } from './disk.ts';
import { DurableFiles, reasonOf, type WriteFailure } from './durable-files.ts';
import { AgentError } from './errors.ts';
import { fileNameOf, sealJson, unsealJson } from './sealed-file.ts';

/** Something about the data directory that a person should know. */
export type StorageNotice =
  | { readonly type: 'file-set-aside'; readonly path: string; readonly movedTo: string; readonly reason: string }
  | { readonly type: 'directory-open'; readonly path: string; readonly mode: string }
  | { readonly type: 'epoch-lost'; readonly path: string }
  | ({ readonly type: 'write-failed' } & WriteFailure)
  | { readonly type: 'write-recovered' };

export interface Storage {
  /** The boot counter for this boot: raised, and already durable. */
  readonly epoch: number;
  /** Undefined on a first start, or when the file was damaged. */
  readonly identity: Uint8Array | undefined;
  readonly registrations: readonly Registration[];
  readonly configEntries: readonly SignedConfig[];
  readonly peers: readonly KnownPeer[];
  /** Durable when it returns. Throws `AgentError`. */
  saveIdentity(key: Uint8Array): void;
  /** Takes a change; `durable` says when it is safe. An epoch is durable when this returns. */
  persist(change: Persist): void;
  /** Writes `agent.json`. */
  describe(facts: Readonly<Record<string, unknown>>): void;
  /** Resolves once all earlier changes survive a crash of this host. Rejects with `AgentError` (`storage-failed`). */
  durable(): Promise<void>;
  /** Why changes are not being written now; undefined when all is well. */
  failure(): string | undefined;
  /** Writes what waits, and lets another agent use the directory. */
  close(): Promise<void>;
}

export interface StorageOptions {
  readonly clock: Clock;
  readonly notice: (notice: StorageNotice) => void;
  readonly disk?: Disk;
  readonly processes?: Processes;
}

/** For `--dev` and tests: a first start, every time. */
export function memoryStorage(): Storage {
  return {
    epoch: 1,
    identity: undefined,
    registrations: [],
    configEntries: [],
    peers: [],
    saveIdentity: () => undefined,
    persist: () => undefined,
    describe: () => undefined,
    durable: () => Promise.resolve(),
    failure: () => undefined,
    close: () => Promise.resolve(),
  };
}

/** Opens, locks and reads a data directory, and starts a new epoch in it. Throws `AgentError`. */
export function openStorage(directory: string, options: StorageOptions): Storage {
  const disk = options.disk ?? localDisk;
  const paths = { registrations: join(directory, 'registrations'), config: join(directory, 'config') };
  try {
    for (const path of Object.values(paths)) {
      disk.sync.makeDirectory(path);
      // Making what exists is no error, even where it is a file.
      disk.sync.list(path);
    }
    const mode = disk.sync.mode(directory);
    if ((mode & 0o077) !== 0) options.notice({ type: 'directory-open', path: directory, mode: mode.toString(8) });
  } catch (error) {
    const file = [directory, ...Object.values(paths)].find((path) => isFile(path, disk));
    if (file === undefined) throw unusable(directory, error);
    throw new AgentError(
      'data-dir-unusable',
      `${file} is a file where the agent needs a directory. Move it away, or give another data directory with --data-dir`,
      { cause: error },
    );
  }
  const unlock = lockDirectory(directory, disk, options.processes ?? hostProcesses(disk));
  try {
    return new DirectoryStorage(directory, disk, options, unlock);
  } catch (error) {
    unlock();
    throw error instanceof AgentError ? error : unusable(directory, error);
  }
}

function isFile(path: string, disk: Disk): boolean {
  try {
    disk.sync.list(path);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOTDIR' && disk.sync.exists(path);
  }
}

function unusable(path: string, error: unknown): AgentError {
  return new AgentError(
    'data-dir-unusable',
    `data directory ${path} cannot be used: ${reasonOf(error)}. Give one that this user may write with --data-dir, or repair it`,
    { cause: error },
  );
}

/** Two copies, each with a checksum: a torn one never makes the number go back. */
const epochFiles = ['epoch', 'epoch.copy'];

class DirectoryStorage implements Storage {
  readonly epoch: number;
  readonly identity: Uint8Array | undefined;
  readonly registrations: readonly Registration[];
  readonly configEntries: readonly SignedConfig[];
  readonly peers: readonly KnownPeer[];
  readonly #directory: string;
  readonly #disk: Disk;
  readonly #notice: (notice: StorageNotice) => void;
  readonly #files: DurableFiles;
  readonly #unlock: () => void;
  /** What each registration's file last held apart from check state, to know a mere change of state. */
  readonly #definitions = new Map<string, string>();
  #hasPeers: boolean;

  constructor(directory: string, disk: Disk, options: StorageOptions, unlock: () => void) {
    this.#directory = directory;
    this.#disk = disk;
    this.#notice = options.notice;
    this.#unlock = unlock;
    this.#files = new DurableFiles({
      disk,
      clock: options.clock,
      onFailure: (failure) =>
        options.notice(failure === undefined ? { type: 'write-recovered' } : { type: 'write-failed', ...failure }),
    });
    this.identity = this.#readIdentity();
    this.registrations = this.#readFolder('registrations').map((value) => value as Registration);
    for (const registration of this.registrations) {
      this.#definitions.set(registrationKey(registration), definitionText(registration));
    }
    this.configEntries = this.#readFolder('config').map((value) => value as SignedConfig);
    this.peers = (this.#readFile(this.#path('peers.json'), unsealJson) as readonly KnownPeer[] | undefined) ?? [];
    this.#hasPeers = this.peers.length > 0;
    this.epoch = this.#nextEpoch();
  }

  saveIdentity(key: Uint8Array): void {
    try {
      this.#writeNow('identity.key', sealJson(key));
    } catch (error) {
      throw unusable(this.#directory, error);
    }
  }

  persist(change: Persist): void {
    switch (change.type) {
      case 'epoch':
        return this.#persistEpoch(change.epoch);
      case 'registration':
        return this.#persistRegistration(change.registration);
      case 'registration-removed':
        this.#definitions.delete(change.key);
        return this.#files.put(this.#path('registrations', fileNameOf(change.key)), undefined, false);
      case 'config':
        return this.#files.put(this.#configPath(change.entry.value), sealJson(change.entry), false);
      case 'config-removed':
        return this.#files.put(this.#configPath(change.version), undefined, true);
      case 'peers':
        return this.#persistPeers(change.peers);
    }
  }

  /** Without any the mesh is not found again; once some are there, others may wait. */
  #persistPeers(peers: readonly KnownPeer[]): void {
    this.#files.put(this.#path('peers.json'), sealJson(peers), this.#hasPeers);
    this.#hasPeers = peers.length > 0;
  }

  describe(facts: Readonly<Record<string, unknown>>): void {
    this.#files.put(this.#path('agent.json'), new TextEncoder().encode(`${JSON.stringify(facts, null, 2)}\n`), false);
  }

  durable(): Promise<void> {
    return this.#files.flush();
  }

  failure(): string | undefined {
    const failure = this.#files.failure;
    return failure === undefined ? undefined : `${failure.path}: ${failure.reason}`;
  }

  async close(): Promise<void> {
    await this.#files.close();
    this.#unlock();
  }

  #path(...parts: readonly string[]): string {
    return join(this.#directory, ...parts);
  }

  #configPath(version: SignedConfig['value']): string {
    return this.#path('config', fileNameOf(`${configKey(version)}@${versionId(version)}`));
  }

  /** A new registration is written at once; when only a check's state changed, the next change may come first. */
  #persistRegistration(registration: Registration): void {
    const key = registrationKey(registration);
    const definition = definitionText(registration);
    const isOnlyState = this.#definitions.get(key) === definition;
    this.#definitions.set(key, definition);
    this.#files.put(this.#path('registrations', fileNameOf(key)), sealJson(registration), isOnlyState);
  }

  /** The node learnt that the mesh knows a higher epoch of it than the disk did. */
  #persistEpoch(epoch: number): void {
    try {
      this.#writeEpoch(epoch);
    } catch {
      this.#writeEpochLater(epoch);
    }
  }

  /** Tries until the disk takes it. Should the host crash before, the mesh knows the number and gives it back. */
  #writeEpochLater(epoch: number): void {
    for (const name of epochFiles) this.#files.put(this.#path(name), sealJson(epoch), false);
  }

  #writeEpoch(epoch: number): void {
    for (const name of epochFiles) this.#writeNow(name, sealJson(epoch));
  }

  #nextEpoch(): number {
    const known = epochFiles.map((name) => this.#readFile(this.#path(name), epochOf));
    const last = Math.max(...known.map((epoch) => epoch ?? 0));
    if (last === 0 && this.identity !== undefined) this.#notice({ type: 'epoch-lost', path: this.#path('epoch') });
    try {
      this.#writeEpoch(last + 1);
    } catch (error) {
      if (last === 0 || !isFull(error)) throw unusable(this.#directory, error);
      // A full disk is no reason to lose a host.
      this.#writeEpochLater(last + 1);
    }
    return last + 1;
  }

  #writeNow(name: string, content: Uint8Array): void {
    const beside = this.#path(`${name}.tmp`);
    this.#disk.sync.write(beside, content);
    this.#disk.sync.rename(beside, this.#path(name));
    this.#disk.sync.syncDirectory(this.#directory);
  }

  #readIdentity(): Uint8Array | undefined {
    const path = this.#path('identity.key');
    try {
      this.#disk.sync.read(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new AgentError(
        'data-dir-unusable',
        `identity ${path} cannot be read: ${reasonOf(error)}. Start as the user that owns it, or restore it; without it this would be another node`,
        { cause: error },
      );
    }
    return this.#readFile(path, bytesOf);
  }

  #readFolder(folder: string): unknown[] {
    const values: unknown[] = [];
    for (const name of this.#disk.sync.list(this.#path(folder)).toSorted()) {
      if (name.endsWith('.tmp')) this.#disk.sync.remove(this.#path(folder, name));
      if (!name.endsWith('.json')) continue;
      const value = this.#readFile(this.#path(folder, name), unsealJson);
      if (value !== undefined) values.push(value);
    }
    return values;
  }

  /** Undefined when there is no such file, or when it was damaged and set aside. */
  #readFile<T>(path: string, parse: (content: Uint8Array) => T): T | undefined {
    try {
      return parse(this.#disk.sync.read(path));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#setAside(path, reasonOf(error));
      return undefined;
    }
  }

  /** Moves a damaged file out of the way, for a person to look at. */
  #setAside(path: string, reason: string): void {
    for (let n = 1; n < 100; n++) {
      const movedTo = `${path}.corrupt-${n}`;
      if (this.#disk.sync.exists(movedTo)) continue;
      try {
        this.#disk.sync.rename(path, movedTo);
        return this.#notice({ type: 'file-set-aside', path, movedTo, reason });
      } catch (error) {
        return this.#notice({ type: 'file-set-aside', path, movedTo: path, reason: `${reason}; ${reasonOf(error)}` });
      }
    }
    this.#notice({ type: 'file-set-aside', path, movedTo: path, reason: `${reason}; 99 damaged copies are kept already` });
  }
}

function definitionText(registration: Registration): string {
  const { source } = registration;
  return JSON.stringify([source, registration.type === 'check' ? registration.definition : registration.instance]);
}

function epochOf(content: Uint8Array): number {
  const value = unsealJson(content);
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
  throw new Error('not a boot counter');
}

function bytesOf(content: Uint8Array): Uint8Array {
  const value = unsealJson(content);
  if (value instanceof Uint8Array && value.length > 0) return value;
  throw new Error('not a key');
}
