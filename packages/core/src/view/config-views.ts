/** What Views show of config entries: which entries changed since the last one, and how they look in the next. */

import { externalKind } from '../catalog/external.ts';
import type { ConfigStore } from '../config/config-store.ts';
import type { ConfigEntry } from '../config/entry.ts';
import { kvKind } from '../config/kv.ts';
import type { KvSlot } from './kv-snapshot.ts';
import type { SnapshotContent } from './snapshot.ts';

export type ConfigContent = Pick<SnapshotContent, 'config' | 'externalEntries' | 'kv' | 'configHistory' | 'appliedConfig'>;

export interface EntryIndexes {
  readonly createIndex: number;
  readonly modifyIndex: number;
}

export class ConfigViews {
  readonly #config: ConfigStore;
  readonly #indexesOf: (key: string) => EntryIndexes;
  /** By `<kind>/<name>`: all but keys of the key-value store. */
  readonly #dirty = new Set<string>();
  /** Keys of the key-value store, and when they changed; undefined: they were forgotten. */
  readonly #dirtyKeys = new Map<string, number | undefined>();

  /** `indexesOf`: those of an entry, by `k/<kind>/<name>`. */
  constructor(config: ConfigStore, indexesOf: (key: string) => EntryIndexes) {
    this.#config = config;
    this.#indexesOf = indexesOf;
  }

  /** An entry that is no key changed. */
  touch(key: string): void {
    this.#dirty.add(key);
  }

  /** A key of the key-value store changed at this index; undefined: it was forgotten. */
  touchKey(name: string, index: number | undefined): void {
    this.#dirtyKeys.set(name, index);
  }

  /** What the next View has in place of what the last one had. */
  next(last: ConfigContent): ConfigContent {
    let { config, externalEntries, configHistory, appliedConfig } = last;
    // To make room, versions of other entries are forgotten with the change of one.
    const histories = new Set(this.#config.takeShortened());
    for (const key of this.#dirty) {
      const entry = this.#entry(key);
      if (key.startsWith(`${externalKind}/`)) {
        externalEntries = entry === undefined ? externalEntries.delete(key) : externalEntries.set(key, entry);
        continue;
      }
      config = entry === undefined ? config.delete(key) : config.set(key, entry);
      histories.add(key);
      appliedConfig = this.#config.applied;
    }
    for (const key of histories) {
      const versions = this.#config.history(key);
      configHistory = versions.length === 0 ? configHistory.delete(key) : configHistory.set(key, Object.freeze(versions));
    }
    const kv = last.kv.with(this.#changedKeys());
    this.#dirty.clear();
    this.#dirtyKeys.clear();
    return { config, externalEntries, kv, configHistory, appliedConfig };
  }

  #changedKeys(): ReadonlyMap<string, KvSlot | undefined> {
    const changes = new Map<string, KvSlot | undefined>();
    for (const [name, index] of this.#dirtyKeys)
      changes.set(name, index === undefined ? undefined : { entry: this.#entry(`${kvKind}/${name}`), index });
    return changes;
  }

  #entry(key: string): ConfigEntry | undefined {
    const entry = this.#config.entry(key);
    if (entry === undefined) return undefined;
    const { createIndex, modifyIndex } = this.#indexesOf(`k/${key}`);
    return Object.freeze({ ...entry, index: modifyIndex, createIndex });
  }
}
