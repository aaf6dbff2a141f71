/** The few things that storage does to a file system, each either done or thrown. Tests put a failing one in its place. */

import {
  closeSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface Disk {
  /** Creates or replaces a file, readable by its owner only, and waits until its content is on disk. */
  write(path: string, content: Uint8Array): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** No error when there is none. */
  remove(path: string): Promise<void>;
  /** Makes renames and removals in a directory survive a crash. */
  syncDirectory(path: string): Promise<void>;
  /** The same at start, where nothing else may run before it is done. */
  readonly sync: {
    exists(path: string): boolean;
    read(path: string): Buffer;
    list(path: string): string[];
    write(path: string, content: Uint8Array): void;
    rename(from: string, to: string): void;
    remove(path: string): void;
    /** Gives a file a second name; throws `EEXIST` when that is taken. */
    link(from: string, to: string): void;
    syncDirectory(path: string): void;
    makeDirectory(path: string): void;
    /** The permission bits. */
    mode(path: string): number;
  };
}

const privateFile = 0o600;
const privateDirectory = 0o700;

/** Windows has no fsync for directories; its file systems journal renames. */
const canSyncDirectories = process.platform !== 'win32';

export const localDisk: Disk = {
  async write(path, content) {
    const file = await open(path, 'w', privateFile);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
  },
  rename,
  remove: (path) => rm(path, { force: true }),
  async syncDirectory(path) {
    if (!canSyncDirectories) return;
    const directory = await open(path, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  },
  sync: {
    exists: existsSync,
    read: (path) => readFileSync(path),
    list: (path) => readdirSync(path),
    write(path, content) {
      const file = openSync(path, 'w', privateFile);
      try {
        fchmodSync(file, privateFile);
        writeFileSync(file, content);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
    },
    rename: renameSync,
    remove: (path) => rmSync(path, { force: true }),
    link: linkSync,
    syncDirectory(path) {
      if (!canSyncDirectories) return;
      const directory = openSync(path, 'r');
      try {
        fsyncSync(directory);
      } finally {
        closeSync(directory);
      }
    },
    makeDirectory,
    mode: (path) => statSync(path).mode & 0o777,
  },
};

/** Whether a refusal says that there is no room. */
export function isFull(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** One level at a time: `recursive` never ends where a parent exists and takes no directories, as in /proc. */
function makeDirectory(path: string): void {
  if (existsSync(path)) return;
  const parent = dirname(path);
  if (parent !== path) makeDirectory(parent);
  try {
    mkdirSync(path, { mode: privateDirectory });
  } catch (error) {
    // Another agent may have made a parent that both share.
    if (!existsSync(path)) throw error;
  }
}
