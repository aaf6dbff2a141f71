/** The service files of a directory as they were last good, and what is wrong with those that are not. */

import { DefinitionError, type Definitions } from '@skein/api';
import type { CheckDefinition } from '@skein/core';
import type { DefinitionDirectory, FoundFile } from './definition-directory.ts';
import { definitionLimits, parseDefinitions } from './definition-file.ts';

/** Something about a file that a person should know; `source` is its name. */
export type FileNotice =
  | { readonly type: 'bad'; readonly source: string; readonly reason: string; readonly hasGoodVersion: boolean }
  | { readonly type: 'good-again'; readonly source: string }
  | { readonly type: 'not-read'; readonly source: string; readonly reason: string };

export interface FileSetOptions {
  readonly directory: DefinitionDirectory;
  /** Why a check may not come from a file; undefined when it may. */
  readonly refusal: (check: CheckDefinition) => string | undefined;
  readonly notice: (notice: FileNotice) => void;
}

interface KnownFile {
  stamp: string;
  /** As of its last good version. Undefined: it never had one. */
  definitions: Definitions | undefined;
  isBad: boolean;
  /** It was not there at the last look. */
  isMissing: boolean;
}

export class FileSet {
  readonly #options: FileSetOptions;
  readonly #files = new Map<string, KnownFile>();
  /** Why files are not read that are there, as was said. */
  readonly #notRead = new Map<string, string>();

  constructor(options: FileSetOptions) {
    this.#options = options;
  }

  /** What each file says, or said when it last was good. */
  definitions(): ReadonlyMap<string, Definitions> {
    const said = new Map<string, Definitions>();
    for (const [name, { definitions }] of this.#files) if (definitions !== undefined) said.set(name, definitions);
    return said;
  }

  /** Whether what a file means is not known, since no version of it was good. */
  isUnclear(name: string): boolean {
    const file = this.#files.get(name);
    return file !== undefined && file.definitions === undefined;
  }

  /** Some file was not there at the last look. It counts as there until it is missing a second time. */
  get hasMissing(): boolean {
    return [...this.#files.values()].some(({ isMissing }) => isMissing);
  }

  /** Takes every file for changed at the next look. */
  forgetStamps(): void {
    for (const file of this.#files.values()) file.stamp = '';
    this.#notRead.clear();
  }

  /** Takes in which files there are and what is in those that changed. Returns whether what they say may have changed. */
  look(): boolean {
    const listed = this.#options.directory.list();
    this.#forgetSaid(new Set(listed.map(({ name }) => name)));
    const found = listed.filter(({ refusal }) => refusal === undefined);
    for (const { name, refusal } of listed) if (refusal !== undefined) this.#say(name, refusal);
    const { files: most } = definitionLimits;
    for (const { name } of found.slice(most)) this.#say(name, `there are more than ${most} files in the directory`);
    const read = found.slice(0, most);
    let hasChanged = false;
    for (const file of read) hasChanged = this.#readFile(file) || hasChanged;
    return this.#dropMissing(new Set(read.map(({ name }) => name))) || hasChanged;
  }

  #readFile({ name, bytes, stamp }: FoundFile): boolean {
    const file = this.#files.get(name) ?? { stamp: '', definitions: undefined, isBad: false, isMissing: false };
    this.#files.set(name, file);
    file.isMissing = false;
    if (file.stamp === stamp) return false;
    file.stamp = stamp;
    const { notice } = this.#options;
    try {
      file.definitions = this.#parse(name, bytes);
      if (file.isBad) notice({ type: 'good-again', source: name });
      file.isBad = false;
    } catch (error) {
      file.isBad = true;
      notice({ type: 'bad', source: name, reason: (error as Error).message, hasGoodVersion: file.definitions !== undefined });
    }
    return true;
  }

  #parse(name: string, bytes: number): Definitions {
    if (bytes > definitionLimits.fileBytes) {
      throw new DefinitionError(`has ${bytes} bytes, the limit is ${definitionLimits.fileBytes}`);
    }
    const definitions = parseDefinitions(this.#options.directory.read(name));
    for (const check of [...definitions.services.flatMap((service) => service.checks), ...definitions.checks]) {
      const reason = this.#options.refusal(check);
      if (reason !== undefined) throw new DefinitionError(`check "${check.id}": ${reason}`);
    }
    return definitions;
  }

  #dropMissing(present: ReadonlySet<string>): boolean {
    let hasChanged = false;
    for (const [name, file] of this.#files) {
      if (present.has(name)) continue;
      if (file.isMissing) {
        this.#files.delete(name);
        hasChanged = true;
        continue;
      }
      file.isMissing = true;
      // It must not pass for unchanged when it comes back.
      file.stamp = '';
    }
    return hasChanged;
  }

  #forgetSaid(present: ReadonlySet<string>): void {
    for (const name of this.#notRead.keys()) if (!present.has(name)) this.#notRead.delete(name);
  }

  #say(source: string, reason: string): void {
    if (this.#notRead.get(source) === reason) return;
    this.#notRead.set(source, reason);
    this.#options.notice({ type: 'not-read', source, reason });
  }
}
