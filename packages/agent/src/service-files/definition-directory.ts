/** The directory with service files: what is in it, what they hold, and a word when something in it has changed. */

import { lstatSync, readdirSync, readFileSync, statSync, watch, type FSWatcher } from 'node:fs';
import { extname, join } from 'node:path';

/** A file that there is. */
export interface FoundFile {
  readonly name: string;
  readonly bytes: number;
  /** Differs when the content may differ. */
  readonly stamp: string;
  /** Why it cannot be read as a service file, though by its name it could be meant as one. */
  readonly refusal?: string;
}

export interface DefinitionDirectory {
  /** For messages. */
  readonly path: string;
  /** What by its name may be meant as a service file, ordered by name. Throws when the directory cannot be read. */
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
        .filter((name) => extensions.has(extname(name).toLowerCase()) && !name.startsWith('.'))
        .toSorted()
        .flatMap((name) => found(path, name)),
    read: (name) => new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(join(path, name))),
    watch: (changed) => watchDirectory(path, changed),
  };
}

function found(path: string, name: string): FoundFile[] {
  const refused = (refusal: string): FoundFile[] => [{ name, bytes: 0, stamp: '', refusal }];
  const extension = extname(name);
  try {
    const facts = statSync(join(path, name), { throwIfNoEntry: false });
    if (facts === undefined) return isLink(join(path, name)) ? refused('it is a link to nowhere') : [];
    if (facts.isDirectory()) return refused('it is a directory: only files directly in the directory of service files are read');
    if (!facts.isFile()) return refused('it is no regular file');
    if (extension !== extension.toLowerCase()) return refused(`"${extension}" is not read: write it in small letters`);
    if (extension === '.hcl') return refused('HCL is not read: write it as YAML or JSON');
    return [{ name, bytes: facts.size, stamp: `${facts.mtimeMs}/${facts.size}/${facts.ino}` }];
  } catch {
    // One that may not be read says so when it is read.
    return [{ name, bytes: 0, stamp: 'unknown' }];
  }
}

/** Else it is gone since the directory was listed. */
function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
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
