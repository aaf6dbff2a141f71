/**
 * The versions of config entries that this node had and that are replaced: for people who ask what an entry was, and who
 * changed it. What this node saw is all there is of them: they are not told to others, and nothing is decided by them.
 * The newest few of each entry are kept, and so many of all; keys of the key-value store and external nodes have none.
 */

import { limits } from '../limits.ts';
import { utf8Length } from '../text.ts';
import type { Turn } from '../turn.ts';
import { compareVersions, configKey, versionId, type ConfigVersion } from './entry.ts';

/**
 * How a version stands here: in force (a deletion too), the newest but refused by this node, or a loser among concurrent
 * ones; of one that was replaced, how it stood before, where `superseded` stands for what was in force.
 */
export type VersionState = 'current' | 'superseded' | 'concurrent' | 'quarantined';

/** One version that this node has, or had. */
export interface SeenVersion {
  readonly version: ConfigVersion;
  readonly state: VersionState;
  /** Why this node refused it; empty where it did not. */
  readonly reason: string;
}

const none: readonly SeenVersion[] = [];

export class ConfigHistory {
  readonly #turn: Turn;
  /** By version and entry, in the order in which they were replaced. */
  readonly #all = new Map<string, SeenVersion>();
  /** Of each entry, newest first. */
  readonly #byEntry = new Map<string, readonly SeenVersion[]>();
  #bytes = 0;
  #shortened = new Set<string>();

  constructor(turn: Turn) {
    this.#turn = turn;
  }

  /** What was replaced of an entry, newest first. */
  of(key: string): readonly SeenVersion[] {
    return this.#byEntry.get(key) ?? none;
  }

  /** The entries of which something was forgotten since the last call: other ones than that which changed. */
  takeShortened(): ReadonlySet<string> {
    const taken = this.#shortened;
    this.#shortened = new Set();
    return taken;
  }

  /** A version was replaced. The oldest make room for it. */
  add(seen: SeenVersion): void {
    if (!this.#take(seen)) return;
    this.#turn.persist({ type: 'config-history', seen });
    this.#shorten(configKey(seen.version));
  }

  /** Takes back what an earlier boot kept. `isWanted`: whether it still belongs here. */
  restore(kept: readonly SeenVersion[], isWanted: (version: ConfigVersion) => boolean): void {
    for (const seen of kept.toSorted((a, b) => compareVersions(a.version, b.version))) {
      const { version } = seen;
      if (!isWanted(version)) this.#turn.persist({ type: 'config-history-removed', version });
      else if (this.#take(seen)) this.#shorten(configKey(version));
    }
  }

  /** An entry, or what was left of it, is forgotten. */
  forget(key: string): void {
    for (const seen of this.of(key)) this.#remove(seen);
  }

  /** Whether it was not there before. */
  #take(seen: SeenVersion): boolean {
    const id = idOf(seen.version);
    if (this.#all.has(id)) return false;
    const key = configKey(seen.version);
    this.#all.set(id, seen);
    this.#bytes += utf8Length(seen.version.json);
    this.#byEntry.set(
      key,
      [...this.of(key), seen].sort((a, b) => compareVersions(b.version, a.version)),
    );
    return true;
  }

  #shorten(key: string): void {
    for (const surplus of this.of(key).slice(limits.configHistory)) this.#remove(surplus);
    for (const oldest of this.#all.values()) {
      if (this.#all.size <= limits.configHistoryVersions && this.#bytes <= limits.configHistoryBytes) return;
      this.#remove(oldest);
    }
  }

  #remove(seen: SeenVersion): void {
    const { version } = seen;
    const key = configKey(version);
    if (!this.#all.delete(idOf(version))) return;
    this.#bytes -= utf8Length(version.json);
    this.#shortened.add(key);
    const left = this.of(key).filter((other) => other !== seen);
    if (left.length === 0) this.#byEntry.delete(key);
    else this.#byEntry.set(key, left);
    this.#turn.persist({ type: 'config-history-removed', version });
  }
}

function idOf(version: ConfigVersion): string {
  return `${configKey(version)}@${versionId(version)}`;
}
