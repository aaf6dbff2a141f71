/**
 * How much room config entries have. What clients of the key-value store write must not take the room of routes, so each
 * class of kinds has its own. A node writes up to the limit; it takes in up to twice as much, since both sides of a
 * partition may have written that much, and must agree when it has healed.
 *
 * Deletions are remembered apart, so that what is deleted never takes the room of what is not: as many of a class as it may
 * have entries, and as many bytes; the oldest is forgotten for one more. All nodes order them alike, so all remember the
 * same. The price: a node that was away while that many were deleted brings back what it has not heard the deletion of.
 */

import { limits } from '../limits.ts';
import { externalKind } from '../catalog/external.ts';
import { firstNotBelow, order } from '../sorted.ts';
import { compareVersions, configKey, type ConfigVersion } from './entry.ts';
import { kvKind } from './kv.ts';

export interface RoomClass {
  /** For people: what there is too much of. */
  readonly what: string;
  readonly entries: number;
  /** Of all entries with their conflicts, signed. */
  readonly bytes: number;
  /** How many times the limit is taken in from others. */
  readonly mergeFactor: number;
  readonly nameLength: number;
}

const rules: RoomClass = {
  what: 'config entries',
  entries: limits.configEntries,
  bytes: Number.MAX_SAFE_INTEGER,
  mergeFactor: 1,
  nameLength: limits.nameLength,
};
const keys: RoomClass = {
  what: 'keys in the key-value store',
  entries: limits.kvEntries,
  bytes: limits.kvBytes,
  mergeFactor: 2,
  nameLength: limits.configNameLength,
};
const external: RoomClass = {
  what: 'external nodes, instances and checks',
  entries: limits.externalEntries,
  bytes: limits.externalBytes,
  mergeFactor: 2,
  nameLength: limits.configNameLength,
};

/** Whether entries of this kind are rules of the mesh, rather than what clients keep in it. */
export function isRule(kind: string): boolean {
  return roomClassOf(kind) === rules;
}

export function roomClassOf(kind: string): RoomClass {
  return kind === kvKind ? keys : kind === externalKind ? external : rules;
}

/** What one entry takes: its newest version, and the bytes of that with its conflicts. */
interface Part {
  readonly newest: ConfigVersion;
  readonly bytes: number;
}

class Taken {
  readonly parts = new Map<string, Part>();
  readonly live = { count: 0, bytes: 0 };
  readonly deleted = { count: 0, bytes: 0 };
  /** Oldest first. */
  readonly deletions: ConfigVersion[] = [];

  add(key: string, part: Part): void {
    this.parts.set(key, part);
    this.#count(part, 1);
    if (part.newest.deleted) this.deletions.splice(this.#placeOf(part.newest), 0, part.newest);
  }

  remove(key: string, part: Part): void {
    this.parts.delete(key);
    this.#count(part, -1);
    if (part.newest.deleted) this.deletions.splice(this.#placeOf(part.newest), 1);
  }

  #count({ newest, bytes }: Part, sign: 1 | -1): void {
    const sum = newest.deleted ? this.deleted : this.live;
    sum.count += sign;
    sum.bytes += sign * bytes;
  }

  #placeOf(version: ConfigVersion): number {
    return firstNotBelow(this.deletions, (other) => compareDeletions(other, version) < 0);
  }
}

/** What is taken of each class. */
export class ConfigRoom {
  readonly #taken = new Map<RoomClass, Taken>();

  /** An entry of this key is at this version now, and takes this many bytes; undefined: it is gone. */
  set(kind: string, key: string, part: Part | undefined): void {
    const taken = this.#takenOf(kind);
    const before = taken.parts.get(key);
    if (before !== undefined) taken.remove(key, before);
    if (part !== undefined) taken.add(key, part);
  }

  /** Whether an entry that is not deleted may take so many bytes. `own`: this node writes it. */
  has(kind: string, key: string, bytes: number, own: boolean): boolean {
    const room = roomClassOf(kind);
    const { live, parts } = this.#takenOf(kind);
    const before = parts.get(key);
    const factor = own ? 1 : room.mergeFactor;
    const isNew = before === undefined || before.newest.deleted;
    if (isNew && live.count >= room.entries * factor) return false;
    return live.bytes + (isNew ? bytes : Math.max(0, bytes - before.bytes)) <= room.bytes * factor;
  }

  /** Whether a deletion of something unknown would be remembered: not if it were the oldest of too many. */
  hasDeletion(version: ConfigVersion, bytes: number): boolean {
    const room = roomClassOf(version.kind);
    const { deleted, deletions } = this.#takenOf(version.kind);
    const oldest = deletions[0];
    if (oldest === undefined || compareDeletions(oldest, version) < 0) return true;
    return deleted.count < room.entries && deleted.bytes + bytes <= room.bytes;
  }

  /** The deletion to forget next, if more are remembered than there may be. */
  surplusDeletion(kind: string): ConfigVersion | undefined {
    const { entries, bytes } = roomClassOf(kind);
    const { deleted, deletions } = this.#takenOf(kind);
    return deleted.count > entries || deleted.bytes > bytes ? deletions[0] : undefined;
  }

  /** Why an own entry does not fit. */
  refusal(kind: string): string {
    const room = roomClassOf(kind);
    const { live } = this.#takenOf(kind);
    const bytes = room.bytes === Number.MAX_SAFE_INTEGER ? '' : ` or ${room.bytes} bytes`;
    return `this mesh has ${live.count} ${room.what} of ${live.bytes} bytes, the limit is ${room.entries}${bytes}: delete some first`;
  }

  #takenOf(kind: string): Taken {
    const room = roomClassOf(kind);
    let taken = this.#taken.get(room);
    if (taken === undefined) this.#taken.set(room, (taken = new Taken()));
    return taken;
  }
}

/** Versions of different entries may have one time and author, if that author wants it. */
function compareDeletions(a: ConfigVersion, b: ConfigVersion): number {
  return compareVersions(a, b) || order(configKey(a), configKey(b));
}
