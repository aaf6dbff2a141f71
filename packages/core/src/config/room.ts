/**
 * How much room config entries have. What clients of the key-value store write must not take the room of routes, so each
 * class of kinds has its own. A node writes up to the limit; it takes in up to twice as much, since both sides of a
 * partition may have written that much, and must agree when it has healed.
 */

import { limits } from '../limits.ts';
import { externalKind } from '../catalog/external.ts';
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

export function roomClassOf(kind: string): RoomClass {
  return kind === kvKind ? keys : kind === externalKind ? external : rules;
}

interface Taken {
  readonly bytesByKey: Map<string, number>;
  bytes: number;
}

/** What is taken of each class. */
export class ConfigRoom {
  readonly #taken = new Map<RoomClass, Taken>();

  /** An entry takes this many bytes now; undefined: it is gone. */
  set(kind: string, key: string, bytes: number | undefined): void {
    const taken = this.#takenOf(roomClassOf(kind));
    taken.bytes += (bytes ?? 0) - (taken.bytesByKey.get(key) ?? 0);
    if (bytes === undefined) taken.bytesByKey.delete(key);
    else taken.bytesByKey.set(key, bytes);
  }

  /** Whether one entry more fits. `own`: this node writes it. */
  hasEntry(kind: string, own: boolean): boolean {
    const room = roomClassOf(kind);
    return this.#takenOf(room).bytesByKey.size < room.entries * (own ? 1 : room.mergeFactor);
  }

  /** Whether an entry may take this many bytes more. */
  hasBytes(kind: string, bytes: number, own: boolean): boolean {
    const room = roomClassOf(kind);
    return this.#takenOf(room).bytes + bytes <= room.bytes * (own ? 1 : room.mergeFactor);
  }

  /** Why an own entry does not fit. */
  refusal(kind: string): string {
    const room = roomClassOf(kind);
    const taken = this.#takenOf(room);
    const bytes = room.bytes === Number.MAX_SAFE_INTEGER ? '' : ` or ${room.bytes} bytes`;
    return `this mesh has ${taken.bytesByKey.size} ${room.what} of ${taken.bytes} bytes, the limit is ${room.entries}${bytes}: delete some first (deleted ones count for 72 hours)`;
  }

  #takenOf(room: RoomClass): Taken {
    let taken = this.#taken.get(room);
    if (taken === undefined) this.#taken.set(room, (taken = { bytesByKey: new Map(), bytes: 0 }));
    return taken;
  }
}
