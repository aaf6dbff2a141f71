/**
 * The data directory of a simulated node: what `persist` effects wrote, when that became durable, and what a next
 * boot reads. It mirrors the agent's: an epoch is durable at once, a new registration or config version after one
 * round of fsync, and what may wait (further known peers, replaced or removed config, a mere change of check state) after a second more;
 * one round writes everything that waits. What waits is in the memory of the process and goes with it, unless it ends
 * in order. A disk that refuses is tried again, and nothing is durable meanwhile.
 */

import { assertNever, configKey, registrationKey, versionId } from '@skein/core';
import type { KnownPeer, Persist, Registration, SeenVersion, SignedConfig } from '@skein/core';
import type { Keep } from './fault.ts';

type Change = Exclude<Persist, { type: 'epoch' }>;

/** How long one round of writing and fsync takes: a good disk of a busy host. */
const syncUs = 5000;
/** When the files of a round are in their places, and only their directories are not synced. What is removed goes after that. */
const writtenUs = 2500;
/** How long a change that may wait, waits for others. */
const lazyUs = 1_000_000;
const retryMinUs = 250_000;
const retryMaxUs = 30_000_000;

/** What is said of a disk by what it keeps. */
export const lossText: Readonly<Record<Keep | 'all', string>> = {
  all: '',
  written: '',
  synced: 'what was not synced is lost',
  rollback: 'data rolled back',
  nothing: 'data lost',
};

/** Everything that a disk holds. */
class Contents {
  epoch = 0;
  peers: readonly KnownPeer[] = [];
  readonly registrations = new Map<string, Registration>();
  readonly configs = new Map<string, SignedConfig>();
  readonly history = new Map<string, SeenVersion>();

  copy(): Contents {
    const copy = new Contents();
    copy.epoch = this.epoch;
    copy.peers = this.peers;
    for (const [key, value] of this.registrations) copy.registrations.set(key, value);
    for (const [key, value] of this.configs) copy.configs.set(key, value);
    for (const [key, value] of this.history) copy.history.set(key, value);
    return copy;
  }

  apply(change: Change): void {
    switch (change.type) {
      case 'registration':
        this.registrations.set(registrationKey(change.registration), change.registration);
        return;
      case 'registration-removed':
        this.registrations.delete(change.key);
        return;
      case 'config':
        this.configs.set(versionId(change.entry.value), change.entry);
        return;
      case 'config-removed':
        this.configs.delete(versionId(change.version));
        return;
      case 'config-history':
        this.history.set(historyFileOf(change.seen.version), change.seen);
        return;
      case 'config-history-removed':
        this.history.delete(historyFileOf(change.version));
        return;
      case 'peers':
        this.peers = change.peers;
        return;
      default:
        assertNever(change);
    }
  }
}

export class Storage {
  #disk = new Contents();
  #backup = new Contents();
  /** Changes that no round has taken up yet, by the file that they concern: a newer one replaces an older one. */
  #pending = new Map<string, Change>();
  #isUrgent = false;
  #roundAtUs = Infinity;
  #round: ReadonlyMap<string, Change> | undefined;
  #roundEndUs = Infinity;
  #isFull = false;
  #retryUs = retryMinUs;
  /** What each registration held apart from check state, to know a mere change of state. */
  readonly #definitions = new Map<string, unknown>();
  /** The first known peers do not wait: without them the mesh is not found again. */
  #hasPeers = false;

  /** A disk that holds these registrations already. */
  constructor(registrations: readonly Registration[]) {
    for (const registration of registrations) this.#disk.apply({ type: 'registration', registration });
    this.#learnDefinitions();
  }

  /** Takes one change, at a time not before that of the last call. An epoch is durable when this returns, if the disk takes it. */
  write(persist: Persist, nowUs: number): void {
    this.#settle(nowUs);
    if (persist.type === 'epoch') {
      // A refused one is no harm: the mesh knows the number and gives it back after the next start.
      if (!this.#isFull) this.#disk.epoch = persist.epoch;
      return;
    }
    const file = fileOf(persist);
    const isLazy = this.#isLazy(persist, file);
    this.#pending.delete(file);
    this.#pending.set(file, persist);
    this.#isUrgent ||= !isLazy;
    // A disk that refuses is tried when its time has come, not with every change.
    if (this.#round === undefined && this.#retryUs === retryMinUs)
      this.#roundAtUs = Math.min(this.#roundAtUs, nowUs + (isLazy ? lazyUs : 0));
  }

  /** The epoch of the boot that begins now: one more than the last, and durable. Undefined when the disk takes no writes. */
  nextEpoch(): number | undefined {
    if (this.#isFull) return undefined;
    this.#disk.epoch += 1;
    return this.#disk.epoch;
  }

  registrations(): readonly Registration[] {
    return [...this.#disk.registrations.values()];
  }

  configEntries(): readonly SignedConfig[] {
    return [...this.#disk.configs.values()];
  }

  configHistory(): readonly SeenVersion[] {
    return [...this.#disk.history.values()];
  }

  peers(): readonly KnownPeer[] {
    return this.#disk.peers;
  }

  /** From now on every write fails, or none does any more. */
  setFull(isFull: boolean, nowUs: number): void {
    this.#settle(nowUs);
    this.#isFull = isFull;
  }

  /** Copies what is durable, for a crash that keeps `rollback`. */
  backUp(nowUs: number): void {
    this.#settle(nowUs);
    this.#backup = this.#disk.copy();
  }

  /**
   * The process that wrote here ended. What the disk holds from now on is what `keep` says; `all`: it ended in order and
   * wrote what waited, as far as the disk takes it.
   */
  end(keep: Keep | 'all', nowUs: number): void {
    this.#settle(nowUs);
    const round = [...(this.#round?.values() ?? [])];
    if (keep === 'all' && !this.#isFull) this.#apply([...round, ...this.#pending.values()]);
    if (keep === 'written' && !this.#isFull && nowUs >= this.#roundEndUs - syncUs + writtenUs)
      this.#apply(round.filter((change) => !isRemoval(change)));
    if (keep === 'rollback') this.#disk = this.#backup.copy();
    if (keep === 'nothing') this.#disk = new Contents();
    this.#round = undefined;
    this.#roundEndUs = Infinity;
    this.#pending = new Map();
    this.#endRound();
    this.#definitions.clear();
    this.#learnDefinitions();
  }

  #apply(changes: Iterable<Change>): void {
    for (const change of changes) this.#disk.apply(change);
  }

  #learnDefinitions(): void {
    this.#hasPeers = this.#disk.peers.length > 0;
    for (const [key, registration] of this.#disk.registrations) this.#definitions.set(`r/${key}`, definitionOf(registration));
  }

  #isLazy(change: Change, file: string): boolean {
    if (change.type === 'registration-removed') this.#definitions.delete(file);
    if (change.type === 'peers') {
      const isLazy = this.#hasPeers;
      this.#hasPeers = change.peers.length > 0;
      return isLazy;
    }
    if (change.type !== 'registration') return change.type !== 'registration-removed' && change.type !== 'config';
    const definition = definitionOf(change.registration);
    const isOnlyState = this.#definitions.get(file) === definition;
    this.#definitions.set(file, definition);
    return isOnlyState;
  }

  /** Plays the rounds that began and ended up to now. */
  #settle(nowUs: number): void {
    for (;;) {
      if (this.#round !== undefined) {
        if (this.#roundEndUs > nowUs) return;
        this.#finishRound(this.#round, this.#roundEndUs);
      } else {
        // What is written in the same step belongs to the same round.
        if (this.#roundAtUs >= nowUs) return;
        this.#roundEndUs = this.#roundAtUs + syncUs;
        this.#round = this.#pending;
        this.#pending = new Map();
        this.#isUrgent = false;
      }
    }
  }

  #finishRound(round: ReadonlyMap<string, Change>, endUs: number): void {
    this.#round = undefined;
    this.#roundEndUs = Infinity;
    if (this.#isFull) {
      const newer = this.#pending;
      this.#pending = new Map([...round].filter(([file]) => !newer.has(file)));
      for (const [file, change] of newer) this.#pending.set(file, change);
      this.#roundAtUs = endUs + this.#retryUs;
      this.#retryUs = Math.min(this.#retryUs * 2, retryMaxUs);
      return;
    }
    this.#apply(round.values());
    this.#endRound();
    if (this.#pending.size > 0) this.#roundAtUs = endUs + (this.#isUrgent ? 0 : lazyUs);
  }

  #endRound(): void {
    this.#retryUs = retryMinUs;
    this.#roundAtUs = Infinity;
  }
}

function definitionOf(registration: Registration): unknown {
  return registration.type === 'check' ? registration.definition : registration.instance;
}

function isRemoval(change: Change): boolean {
  return change.type === 'registration-removed' || change.type === 'config-removed' || change.type === 'config-history-removed';
}

/** Changes of one file replace each other. */
function fileOf(change: Change): string {
  switch (change.type) {
    case 'registration':
      return `r/${registrationKey(change.registration)}`;
    case 'registration-removed':
      return `r/${change.key}`;
    case 'config':
      return `c/${versionId(change.entry.value)}`;
    case 'config-removed':
      return `c/${versionId(change.version)}`;
    case 'config-history':
      return historyFileOf(change.seen.version);
    case 'config-history-removed':
      return historyFileOf(change.version);
    default:
      return change.type;
  }
}

function historyFileOf(version: SignedConfig['value']): string {
  return `h/${configKey(version)}@${versionId(version)}`;
}
