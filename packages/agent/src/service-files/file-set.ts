/** The service files of a directory as they were last good, and what is wrong with those that are not. */

import { DefinitionError, type Definitions } from '@skein/api';
import type { CheckDefinition } from '@skein/core';
import type { DefinitionDirectory, FoundFile } from './definition-directory.ts';
import { definitionLimits, isBlank, parseDefinitions } from './definition-file.ts';

/** Something about a file that a person should know; `source` is its name. */
export type FileNotice =
  | { readonly type: 'bad'; readonly source: string; readonly reason: string; readonly hasGoodVersion: boolean }
  | { readonly type: 'good-again'; readonly source: string }
  /** For now it counts as it was. */
  | { readonly type: 'empty'; readonly source: string }
  | { readonly type: 'not-read'; readonly source: string; readonly reason: string };

/** Some editors move a file away, or empty it, before they write it anew: gone is what is still gone after this. */
export const graceMs = 1000;

export interface FileSetOptions {
  readonly directory: DefinitionDirectory;
  /** Why a check may not come from a file; undefined when it may. */
  readonly refusal: (check: CheckDefinition) => string | undefined;
  readonly notice: (notice: FileNotice) => void;
  /** As the clock's. */
  readonly now: () => number;
}

interface KnownFile {
  stamp: string;
  /** As of its last good version. Undefined: it never had one. */
  definitions: Definitions | undefined;
  isBad: boolean;
  /** Since when it is not there, or says nothing; undefined when it does, or when it means to. */
  goneSinceMs: number | undefined;
}

const nothing: Definitions = { services: [], checks: [] };

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

  /** Some file is not there, or is empty, and counts as it was until it has been so for long enough. */
  get isWaiting(): boolean {
    return [...this.#files.values()].some(({ goneSinceMs }) => goneSinceMs !== undefined);
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
    const file = this.#files.get(name) ?? { stamp: '', definitions: undefined, isBad: false, goneSinceMs: undefined };
    this.#files.set(name, file);
    if (file.stamp === stamp) return this.#isEmptyForGood(file);
    file.stamp = stamp;
    const { notice, now } = this.#options;
    try {
      const definitions = this.#parse(name, bytes);
      if (file.isBad) notice({ type: 'good-again', source: name });
      file.isBad = false;
      if (definitions === undefined && file.definitions !== nothing) {
        if (file.goneSinceMs === undefined && file.definitions !== undefined) notice({ type: 'empty', source: name });
        file.goneSinceMs ??= now();
        return this.#isEmptyForGood(file);
      }
      file.definitions = definitions ?? nothing;
    } catch (error) {
      file.isBad = true;
      notice({ type: 'bad', source: name, reason: (error as Error).message, hasGoodVersion: file.definitions !== undefined });
    }
    file.goneSinceMs = undefined;
    return true;
  }

  /** Whether a file that is there, and empty, has been so for long enough: then it says nothing any more. */
  #isEmptyForGood(file: KnownFile): boolean {
    if (file.goneSinceMs === undefined || !this.#isOver(file.goneSinceMs)) return false;
    file.goneSinceMs = undefined;
    file.definitions = nothing;
    return true;
  }

  #isOver(sinceMs: number): boolean {
    return this.#options.now() - sinceMs >= graceMs;
  }

  /** Undefined: there is nothing in it. */
  #parse(name: string, bytes: number): Definitions | undefined {
    if (bytes > definitionLimits.fileBytes) {
      throw new DefinitionError(`has ${bytes} bytes, the limit is ${definitionLimits.fileBytes}`);
    }
    const text = this.#options.directory.read(name);
    if (isBlank(text)) return undefined;
    const definitions = parseDefinitions(text);
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
      file.goneSinceMs ??= this.#options.now();
      if (this.#isOver(file.goneSinceMs)) {
        this.#files.delete(name);
        hasChanged = true;
      }
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
