/** A directory of service files in memory, with the notices that a file system gives. */

import type { DefinitionDirectory } from '@skein/agent/parts';

/** A directory that a test writes. */
export class FakeDirectory implements DefinitionDirectory {
  readonly path = 'services.d';
  readonly files = new Map<string, string>();
  failure: string | undefined;
  watchers = new Set<() => void>();
  reads: string[] = [];
  #writes = 0;
  readonly #stamps = new Map<string, string>();
  /** Why files are none, by name. */
  readonly refusals = new Map<string, string>();

  write(name: string, text: string | object): void {
    this.files.set(name, typeof text === 'string' ? text : JSON.stringify(text));
    this.#stamps.set(name, String(++this.#writes));
  }

  remove(name: string): void {
    this.files.delete(name);
  }

  /** The notice that a file system gives. */
  tell(): void {
    for (const changed of this.watchers) changed();
  }

  list() {
    if (this.failure !== undefined) throw new Error(this.failure);
    return [...this.files.keys()].toSorted().map((name) => {
      const refusal = this.refusals.get(name);
      const file = { name, bytes: this.files.get(name)?.length ?? 0, stamp: this.#stamps.get(name) ?? '' };
      return refusal === undefined ? file : { ...file, refusal };
    });
  }

  read(name: string): string {
    this.reads.push(name);
    return this.files.get(name) ?? '';
  }

  watch(changed: () => void): () => void {
    this.watchers.add(changed);
    return () => this.watchers.delete(changed);
  }
}
