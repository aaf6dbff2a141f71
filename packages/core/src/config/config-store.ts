/**
 * Config entries as this node holds them. Many writers: the version with the greater hybrid time wins
 * everywhere (Kulkarni et al. 2014, "Logical Physical Clocks"); two versions with one parent are concurrent,
 * and the loser is kept and shown. A version that does not validate is quarantined: it is stored and passed on,
 * but the last good one stays in force, whichever of them came first, and is passed on with it.
 */

import type { CommandResult } from '../command.ts';
import { hashText } from '../hash.ts';
import type { NodeId } from '../identity.ts';
import { limits } from '../limits.ts';
import { externalKind, parseExternal } from '../catalog/external.ts';
import { nameFault } from '../text.ts';
import type { Turn } from '../turn.ts';
import { kvKeyFault, kvKind, kvValueFault } from './kv.ts';
import { appliedDigest, type AppliedEntry } from './applied.ts';
import { ConfigHistory, type SeenVersion } from './config-history.ts';
import { MeshClock } from './mesh-clock.ts';
import { ConfigRoom, isRule, roomClassOf } from './room.ts';
import {
  compareVersions,
  configKey,
  versionId,
  type ConfigEntry,
  type ConfigValidator,
  type ConfigVersion,
  type HybridTime,
  type SignedConfig,
} from './entry.ts';

export interface ConfigListener {
  /** An entry changed. `from` is whom we had it from, undefined for our own writes. */
  configChanged(entry: ConfigVersion, from: NodeId | undefined): void;
  /** An old deletion was forgotten, to make room. */
  configForgotten(entry: ConfigVersion): void;
}

interface Held {
  /** The newest version, in force or not. */
  newest: SignedConfig;
  /** The last version that validated, a deletion too: the one in force. */
  good: Good | undefined;
  quarantine: string | undefined;
  /** Concurrent versions that lost, newest first. They are passed on with the newest, so that all nodes show the same. */
  conflicts: readonly SignedConfig[];
}

interface Good {
  readonly signed: SignedConfig;
  /** Undefined for a deletion. */
  readonly value: unknown;
}

export class ConfigStore {
  readonly #turn: Turn;
  readonly #validate: ConfigValidator;
  readonly #listener: ConfigListener;
  readonly #held = new Map<string, Held>();
  readonly #room = new ConfigRoom();
  readonly #history: ConfigHistory;
  /** What `applied` gave last, while it holds. */
  #applied: string | undefined;
  #last: HybridTime = { ms: 0, counter: 0 };
  readonly clock: MeshClock;

  constructor(turn: Turn, validate: ConfigValidator, listener: ConfigListener, wallMs: number) {
    this.#turn = turn;
    this.#validate = (kind, name, value) => ownFault(kind, name, value) ?? validate(kind, name, value);
    this.#listener = listener;
    this.#history = new ConfigHistory(turn);
    this.clock = new MeshClock(turn, wallMs);
  }

  /** What is told to others of an entry: its newest version first, then those that it conflicts with, and the one in force. */
  versions(key: string): readonly SignedConfig[] {
    return keptVersions(this.#held.get(key));
  }

  /**
   * The stamp of an entry in digests: that of its newest version, then how many conflicts are known and how late they
   * are, which both only grow while the newest version stays; where this node refuses it, also which one is in force. Nodes that
   * take it then compare in vain with those that do not, now and then, until all are of one version.
   */
  stamp(key: string): readonly number[] | undefined {
    const held = this.#held.get(key);
    if (held === undefined) return undefined;
    const { time, author } = held.newest.value;
    const lateness = held.conflicts.reduce((sum, conflict) => sum + conflict.value.time.ms, 0);
    const stamp = [time.ms, time.counter, hashText(author), held.conflicts.length, lateness];
    const good = held.quarantine === undefined ? undefined : held.good?.signed.value;
    return good === undefined ? stamp : [...stamp, good.time.ms, good.time.counter, hashText(good.author)];
  }

  *all(): IterableIterator<SignedConfig> {
    for (const held of this.#held.values()) yield held.newest;
  }

  /** Which config this node applies, as all nodes tell it. */
  get applied(): string {
    this.#applied ??= appliedDigest(this.#rules(), this.#turn.notary);
    return this.#applied;
  }

  *#rules(): IterableIterator<AppliedEntry> {
    for (const { newest, good, quarantine } of this.#held.values())
      if (isRule(newest.value.kind))
        yield { good: shownVersion(good), refused: quarantine === undefined ? undefined : newest.value };
  }

  /** The versions of an entry that this node has, and those that it had and still remembers, newest first. */
  history(key: string): readonly SeenVersion[] {
    const held = this.#held.get(key);
    if (held === undefined) return [];
    const { newest, good, quarantine, conflicts } = held;
    const isRefused = quarantine !== undefined;
    const needed = neededVersions(held);
    return [
      { version: newest.value, state: isRefused ? 'quarantined' : 'current', reason: quarantine ?? '' } as const,
      ...(isRefused && good !== undefined ? [{ version: good.signed.value, state: 'current', reason: '' } as const] : []),
      ...conflicts
        .filter((signed) => signed !== good?.signed)
        .map(({ value }) => ({ version: value, state: 'concurrent', reason: '' }) as const),
      // One that was replaced may come back: as a loser against a later version with the same parent.
      ...this.#history.of(key).filter(({ version }) => !needed.has(versionId(version))),
    ].sort((a, b) => compareVersions(b.version, a.version));
  }

  /** The entries whose history became shorter since the last call. */
  takeShortened(): ReadonlySet<string> {
    return this.#history.takeShortened();
  }

  /** What the View shows of an entry; undefined when it does not exist. */
  entry(key: string): Omit<ConfigEntry, 'index' | 'createIndex'> | undefined {
    const held = this.#held.get(key);
    const version = shownVersion(held?.good);
    if (held?.good === undefined || version === undefined) return undefined;
    const { value } = held.good;
    const quarantined = held.quarantine === undefined ? undefined : { version: held.newest.value, reason: held.quarantine };
    return {
      kind: version.kind,
      name: version.name,
      value,
      version,
      conflicts: held.conflicts.map((signed) => signed.value),
      quarantined,
    };
  }

  /**
   * Takes back what an earlier boot had, newest first: a crash may have kept superseded versions, which must neither outlive a
   * deletion nor come between concurrent ones. Not told to anybody. `history` is only shown.
   */
  restore(entries: readonly SignedConfig[], history: readonly SeenVersion[] = []): void {
    const restored: ConfigVersion[] = [];
    for (const signed of entries.toSorted((a, b) => compareVersions(b.value, a.value))) {
      if (signed.value.mesh !== this.#turn.mesh || !this.#turn.notary.verify('config', signed.value.author, signed)) continue;
      this.#takeIn(signed);
      this.#count(signed.value);
      restored.push(signed.value);
    }
    const isReplaced = (version: ConfigVersion): boolean => {
      const held = this.#held.get(configKey(version));
      return held !== undefined && !neededVersions(held).has(versionId(version));
    };
    this.#history.restore(history, (version) => version.mesh === this.#turn.mesh && isReplaced(version));
    for (const version of restored.toReversed()) {
      if (!isReplaced(version)) continue;
      // How it stood when it was replaced, the crash may have kept from us.
      if (isRule(version.kind)) this.#history.add({ version, state: 'superseded', reason: '' });
      this.#turn.persist({ type: 'config-removed', version });
    }
  }

  /** A local write. A value that does not validate is refused with the path of the offending key. */
  apply(kind: string, name: string, value: unknown): CommandResult {
    const misnamed = configKeyFault(kind, name);
    if (misnamed !== undefined) return { ok: false, code: 'invalid-config', message: misnamed };
    const reason = this.#validate(kind, name, value);
    if (reason !== undefined) return { ok: false, code: 'invalid-config', message: `${kind} "${name}": ${reason}` };
    const json = JSON.stringify(value) as string | undefined;
    if (json === undefined) return { ok: false, code: 'invalid-config', message: `${kind} "${name}": the value is not JSON` };
    return this.#write(kind, name, json, false);
  }

  delete(kind: string, name: string): CommandResult {
    const held = this.#held.get(configKey({ kind, name }));
    if (held === undefined || held.newest.value.deleted) {
      return { ok: false, code: 'unknown-config', message: `there is no ${kind} "${name}": see \`skein config list\`` };
    }
    return this.#write(kind, name, '', true);
  }

  /** Merges a version that a peer sent. */
  merge(signed: SignedConfig, from: NodeId): void {
    const version = signed.value;
    const held = this.#held.get(configKey(version));
    const order = held === undefined ? 1 : compareVersions(version, held.newest.value);
    if (order === 0) return;
    if (order < 0 && (held === undefined || !(this.#isNewConflict(held, version) || isLaterThanGood(held, version)))) return;
    // Somebody who has not forgotten it yet, or has not heard of newer ones, would else keep us forgetting.
    if (held === undefined && version.deleted && !this.#room.hasDeletion(version, signed.bytes.length)) return;
    if (version.mesh !== this.#turn.mesh) return this.#turn.refuse(from, 'other-mesh');
    if (version.time.ms > this.clock.latestMs) return this.#turn.refuse(from, 'config-from-the-future');
    if (configKeyFault(version.kind, version.name) !== undefined) return this.#turn.refuse(from, 'config-name');
    if (signed.bytes.length > limits.configBytes) return this.#turn.refuse(from, 'config-too-large');
    if (!this.#turn.verified('config', version.author, signed, from)) return;
    if (!this.#hasRoom(signed, false)) return this.#turn.refuse(from, 'config-limit');
    if (!this.#persisting(signed)) return;
    this.#listener.configChanged(order < 0 && held !== undefined ? held.newest.value : version, from);
    this.#forgetDeletions(version.kind);
  }

  #write(kind: string, name: string, json: string, deleted: boolean): CommandResult {
    const aheadMs = this.clock.isCompared ? this.#last.ms - this.clock.othersTakeMs : 0;
    if (aheadMs > 0) return { ok: false, code: 'clock-ahead', message: clockAhead(kind, name, aheadMs) };
    const key = configKey({ kind, name });
    const held = this.#held.get(key);
    const version: ConfigVersion = {
      mesh: this.#turn.mesh,
      kind,
      name,
      author: this.#turn.self,
      time: this.#tick(),
      parent: held === undefined ? '' : versionId(held.newest.value),
      json,
      deleted,
    };
    const signed = this.#turn.notary.sign('config', version);
    if (signed.bytes.length > limits.configBytes) {
      return {
        ok: false,
        code: 'limit-exceeded',
        message: `${kind} "${name}" takes ${signed.bytes.length} bytes, the limit is ${limits.configBytes}: split it into several entries`,
      };
    }
    if (!this.#hasRoom(signed, true)) return { ok: false, code: 'limit-exceeded', message: this.#room.refusal(kind) };
    this.#persisting(signed);
    this.#listener.configChanged(version, undefined);
    this.#forgetDeletions(kind);
    return { ok: true };
  }

  /** Takes a verified version in. Returns whether anything changed by it. */
  #takeIn(signed: SignedConfig): boolean {
    const held = this.#held.get(configKey(signed.value));
    const order = held === undefined ? 1 : compareVersions(signed.value, held.newest.value);
    if (order > 0) this.#accept(signed, held);
    return order > 0 || (order < 0 && held !== undefined && this.#acceptOlder(signed, held));
  }

  /** Holds a version that is newer than what was held, and puts it in force if it validates. */
  #accept(signed: SignedConfig, before: Held | undefined): void {
    const { kind, name, author, time } = signed.value;
    this.#advance(time);
    const held: Held = { newest: signed, good: before?.good, quarantine: undefined, conflicts: [] };
    this.#held.set(configKey(signed.value), held);
    if (before !== undefined && isConcurrent(signed.value, before.newest.value)) {
      held.conflicts = before.conflicts;
      this.#noteConflict(held, before.newest);
    }
    const judged = this.#judge(signed);
    if (typeof judged !== 'string') {
      held.good = judged;
      return;
    }
    held.quarantine = judged;
    this.#turn.emit({ type: 'config-quarantined', kind, name, author, reason: judged });
  }

  /** Holds one that is older than the newest: a conflict with it, or the last good one before what was refused and came first. */
  #acceptOlder(signed: SignedConfig, held: Held): boolean {
    const judged = isLaterThanGood(held, signed.value) ? this.#judge(signed) : undefined;
    const isGood = judged !== undefined && typeof judged !== 'string';
    if (isGood) held.good = judged;
    const isConflict = this.#isNewConflict(held, signed.value);
    if (isConflict) this.#noteConflict(held, signed);
    return isGood || isConflict;
  }

  /** What a version puts in force, or why it is refused. */
  #judge(signed: SignedConfig): Good | string {
    const { kind, name, json, deleted } = signed.value;
    if (deleted) return { signed, value: undefined };
    const parsed = parseJson(json);
    if (!parsed.ok) return 'its value is not JSON';
    return this.#validate(kind, name, parsed.value) ?? { signed, value: parsed.value };
  }

  /** Takes a version in, stores it, and removes from storage what is no longer needed to restore its entry. Returns whether anything changed. */
  #persisting(signed: SignedConfig): boolean {
    const key = configKey(signed.value);
    const held = this.#held.get(key);
    const before = neededVersions(held);
    const states = held && stateOf(held);
    if (!this.#takeIn(signed)) return false;
    this.#count(signed.value);
    const after = neededVersions(this.#held.get(key));
    if (after.has(versionId(signed.value))) this.#turn.persist({ type: 'config', entry: signed });
    for (const [id, version] of before) {
      if (after.has(id)) continue;
      if (states !== undefined && isRule(version.kind)) this.#history.add(states(version));
      this.#turn.persist({ type: 'config-removed', version });
    }
    return true;
  }

  /** Whether an older version is concurrent with the newest, not known yet, and late enough to be among those kept. */
  #isNewConflict(held: Held, version: ConfigVersion): boolean {
    if (!isConcurrent(version, held.newest.value)) return false;
    if (held.conflicts.some((known) => compareVersions(known.value, version) === 0)) return false;
    const oldest = held.conflicts[limits.configConflicts - 1];
    return oldest === undefined || compareVersions(version, oldest.value) > 0;
  }

  #noteConflict(held: Held, loser: SignedConfig): void {
    held.conflicts = [loser, ...held.conflicts]
      .sort((a, b) => compareVersions(b.value, a.value))
      .slice(0, limits.configConflicts);
    const { kind, name, author } = held.newest.value;
    this.#turn.emit({ type: 'config-conflict', kind, name, authors: [author, loser.value.author] });
  }

  /** Whether there is room for a version. What is deleted takes none of the room of what is not. */
  #hasRoom({ value: version, bytes }: SignedConfig, own: boolean): boolean {
    return version.deleted || this.#room.has(version.kind, configKey(version), bytes.length, own);
  }

  /** Forgets the oldest deletions beyond those that are remembered. */
  #forgetDeletions(kind: string): void {
    for (;;) {
      const oldest = this.#room.surplusDeletion(kind);
      if (oldest === undefined) return;
      const needed = neededVersions(this.#held.get(configKey(oldest)));
      this.#held.delete(configKey(oldest));
      this.#count(oldest);
      this.#history.forget(configKey(oldest));
      for (const version of needed.values()) this.#turn.persist({ type: 'config-removed', version });
      this.#listener.configForgotten(oldest);
    }
  }

  /** Keeps account of the room that an entry takes, after it changed. */
  #count(version: ConfigVersion): void {
    if (isRule(version.kind)) this.#applied = undefined;
    const key = configKey(version);
    const held = this.#held.get(key);
    if (held === undefined) return this.#room.set(version.kind, key, undefined);
    const bytes = keptVersions(held).reduce((sum, kept) => sum + kept.bytes.length, 0);
    this.#room.set(version.kind, key, { newest: held.newest.value, bytes });
  }

  /** The time of a version of our own: later than everything seen. */
  #tick(): HybridTime {
    const ms = Math.max(this.clock.nowMs, this.#last.ms);
    this.#last = { ms, counter: ms === this.#last.ms ? this.#last.counter + 1 : 0 };
    return this.#last;
  }

  #advance(seen: HybridTime): void {
    if (seen.ms > this.#last.ms || (seen.ms === this.#last.ms && seen.counter > this.#last.counter)) this.#last = seen;
  }
}

/** The versions that an entry is made of: its newest, then those that it conflicts with, and the one in force where it is none of them. */
function keptVersions(held: Held | undefined): readonly SignedConfig[] {
  if (held === undefined) return [];
  const kept = [held.newest, ...held.conflicts];
  const good = held.good?.signed;
  return good === undefined || kept.some(({ value }) => compareVersions(value, good.value) === 0) ? kept : [...kept, good];
}

/** The versions from which an entry can be restored as it is, by id. */
function neededVersions(held: Held | undefined): ReadonlyMap<string, ConfigVersion> {
  return new Map(keptVersions(held).map(({ value }) => [versionId(value), value]));
}

/** The version that readers see. */
function shownVersion(good: Good | undefined): ConfigVersion | undefined {
  return good === undefined || good.signed.value.deleted ? undefined : good.signed.value;
}

/** Whether an older version may be the last good one of an entry whose newest is refused. Those that are known were judged. */
function isLaterThanGood({ quarantine, good, conflicts }: Held, version: ConfigVersion): boolean {
  if (quarantine === undefined || conflicts.some(({ value }) => compareVersions(value, version) === 0)) return false;
  return good === undefined || compareVersions(version, good.signed.value) > 0;
}

/** How the versions of an entry stand before it changes. */
function stateOf({ newest, good, quarantine, conflicts }: Held): (version: ConfigVersion) => SeenVersion {
  return (version) => {
    const isRefused = quarantine !== undefined && version === newest.value;
    const isLoser = version !== good?.signed.value && conflicts.some(({ value }) => value === version);
    return {
      version,
      state: isRefused ? 'quarantined' : isLoser ? 'concurrent' : 'superseded',
      reason: isRefused ? quarantine : '',
    };
  };
}

function clockAhead(kind: string, name: string, aheadMs: number): string {
  const ahead = `${Math.ceil(aheadMs / 60_000)} min`;
  return (
    `${kind} "${name}": the other agents would refuse it. This agent holds config that was written while a clock was wrong, ` +
    `${ahead} later than they take. Set the clock and wait for so long; or, if the others have the right config, stop the agent, delete the folder config in its data directory and start it: it takes over what they have`
  );
}

function isConcurrent(a: ConfigVersion, b: ConfigVersion): boolean {
  return a.parent === b.parent;
}

/** The rules of the kinds whose values this package reads itself. */
function ownFault(kind: string, name: string, value: unknown): string | undefined {
  if (kind === kvKind) return kvValueFault(value);
  const part = kind === externalKind ? parseExternal(name, value) : undefined;
  return typeof part === 'string' ? part : undefined;
}

/** What is wrong with the key of an entry; undefined when nothing is. A kind with a slash would let two entries share one key. */
export function configKeyFault(kind: string, name: string): string | undefined {
  if (!/^[a-z0-9-]{1,64}$/.test(kind)) return `kind "${kind}" is none: use lower-case letters, digits and hyphens, as in "route"`;
  const { nameLength } = roomClassOf(kind);
  if (name.length === 0 || name.length > nameLength)
    return `${kind}: the name has 1 to ${nameLength} characters, got ${name.length}`;
  const fault = kind === kvKind ? kvKeyFault(name) : nameFault(name);
  return fault === undefined ? undefined : `${kind}: the name ${fault}`;
}

function parseJson(json: string): { readonly ok: true; readonly value: unknown } | { readonly ok: false } {
  try {
    return { ok: true, value: JSON.parse(json) as unknown };
  } catch {
    return { ok: false };
  }
}
