/** The directory with service files: what is in it, what they hold, and a word when something in it has changed. */

import { readdirSync, readFileSync, statSync, watch, type FSWatcher } from 'node:fs';
import { extname, join } from 'node:path';

/** A file that there is. */
export interface FoundFile {
  readonly name: string;
  readonly bytes: number;
  /** Differs when the content may differ. */
  readonly stamp: string;
}

export interface DefinitionDirectory {
  /** For messages. */
  readonly path: string;
  /** Its service files by name, those in HCL too, which are not read. Throws when the directory cannot be read. */
  list(): readonly FoundFile[];
  /** Throws when the file cannot be read, or is not UTF-8. */
  read(name: string): string;
  /** Calls back after changes, also after some that are none. Returns what ends that; does nothing where it cannot watch. */
  watch(changed: () => void): () => void;
}

const extensions = new Set(['.yaml', '.yml', '.json', '.hcl']);

/** The real one. Files within its own directories are not read; those that begin with a dot are an editor's. */
export function localDirectory(path: string): DefinitionDirectory {
  return {
    path,
    list: () =>
      readdirSync(path)
        .filter((name) => extensions.has(extname(name)) && !name.startsWith('.'))
        .toSorted()
        .flatMap((name) => found(path, name)),
    read: (name) => new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(join(path, name))),
    watch: (changed) => watchDirectory(path, changed),
  };
}

function found(path: string, name: string): FoundFile[] {
  try {
    const { size, mtimeMs, ino, isFile } = factsOf(join(path, name));
    return isFile ? [{ name, bytes: size, stamp: `${mtimeMs}/${size}/${ino}` }] : [];
  } catch (error) {
    // Gone since the directory was listed, or a link to nowhere. One that may not be read says so when it is read.
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? [] : [{ name, bytes: 0, stamp: 'unknown' }];
  }
}

function factsOf(path: string): { size: number; mtimeMs: number; ino: number; isFile: boolean } {
  const facts = statSync(path);
  return { size: facts.size, mtimeMs: facts.mtimeMs, ino: facts.ino, isFile: facts.isFile() };
}

function watchDirectory(path: string, changed: () => void): () => void {
  let watcher: FSWatcher;
  try {
    watcher = watch(path, { persistent: false }, changed);
  } catch {
    // No directory yet, or no more watches on this host: it is looked at from time to time.
    return () => undefined;
  }
  watcher.on('error', () => watcher.close());
  return () => watcher.close();
}
