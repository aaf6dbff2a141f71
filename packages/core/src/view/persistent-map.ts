/**
 * An immutable map with structural sharing: `set` and `delete` copy one path of a 32-way hash trie
 * (Bagwell 2000), so a View costs what changed, not what exists. Order of iteration is by hash.
 */

import { hashText, mix } from '../hash.ts';

interface Leaf<V> {
  readonly hash: number;
  readonly key: string;
  readonly value: V;
  /** Further keys with the very same hash. */
  readonly next: Leaf<V> | undefined;
}

interface Branch<V> {
  readonly bitmap: number;
  readonly slots: readonly Slot<V>[];
}

type Slot<V> = Leaf<V> | Branch<V>;

export class PersistentMap<V> implements Iterable<readonly [string, V]> {
  readonly #root: Slot<V> | undefined;
  readonly size: number;

  private constructor(root: Slot<V> | undefined, size: number) {
    this.#root = root;
    this.size = size;
  }

  static empty<V>(): PersistentMap<V> {
    return new PersistentMap<V>(undefined, 0);
  }

  get(key: string): V | undefined {
    const hash = hashOf(key);
    let slot = this.#root;
    for (let shift = 0; slot !== undefined; shift += 5) {
      if (!isBranch(slot)) return findLeaf(slot, key)?.value;
      const bit = 1 << ((hash >>> shift) & 31);
      if ((slot.bitmap & bit) === 0) return undefined;
      slot = slot.slots[bitCount(slot.bitmap & (bit - 1))];
    }
    return undefined;
  }

  set(key: string, value: V): PersistentMap<V> {
    const hash = hashOf(key);
    const fresh = this.get(key) === undefined;
    const leaf: Leaf<V> = { hash, key, value, next: undefined };
    const root = this.#root === undefined ? leaf : insert(this.#root, leaf, 0);
    return new PersistentMap(root, this.size + (fresh ? 1 : 0));
  }

  delete(key: string): PersistentMap<V> {
    if (this.#root === undefined || this.get(key) === undefined) return this;
    return new PersistentMap(remove(this.#root, hashOf(key), key, 0), this.size - 1);
  }

  *[Symbol.iterator](): IterableIterator<readonly [string, V]> {
    if (this.#root === undefined) return;
    const pending: Slot<V>[] = [this.#root];
    for (let slot = pending.pop(); slot !== undefined; slot = pending.pop()) {
      if (isBranch(slot)) {
        for (let i = slot.slots.length - 1; i >= 0; i--) pending.push(slot.slots[i]!);
      } else {
        for (let leaf: Leaf<V> | undefined = slot; leaf !== undefined; leaf = leaf.next) yield [leaf.key, leaf.value];
      }
    }
  }

  *values(): IterableIterator<V> {
    for (const [, value] of this) yield value;
  }

  /**
   * Calls `visit` for each key whose value is not the very same in both; undefined is for a key that one lacks. What the
   * two share is not looked at, so that it costs what changed between them.
   */
  changesSince(before: PersistentMap<V>, visit: ChangeVisitor<V>): void {
    compare(before.#root, this.#root, visit);
  }
}

export type ChangeVisitor<V> = (before: V | undefined, after: V | undefined, key: string) => void;

function compare<V>(before: Slot<V> | undefined, after: Slot<V> | undefined, visit: ChangeVisitor<V>): void {
  if (before === after) return;
  if (before !== undefined && after !== undefined && isBranch(before) && isBranch(after)) {
    for (let bits = before.bitmap | after.bitmap; bits !== 0; bits &= bits - 1) {
      const bit = bits & -bits;
      compare(childAt(before, bit), childAt(after, bit), visit);
    }
    return;
  }
  // One of the two is a leaf, or nothing: but for a key or two, all of the other is new, or gone.
  for (const { key, value } of leavesOf(before)) {
    const kept = findIn(after, key);
    if (kept !== value) visit(value, kept, key);
  }
  for (const { key, value } of leavesOf(after)) if (findIn(before, key) === undefined) visit(undefined, value, key);
}

function childAt<V>(branch: Branch<V>, bit: number): Slot<V> | undefined {
  return (branch.bitmap & bit) === 0 ? undefined : branch.slots[bitCount(branch.bitmap & (bit - 1))];
}

function* leavesOf<V>(slot: Slot<V> | undefined): IterableIterator<Leaf<V>> {
  if (slot === undefined) return;
  if (isBranch(slot)) for (const child of slot.slots) yield* leavesOf(child);
  else for (let leaf: Leaf<V> | undefined = slot; leaf !== undefined; leaf = leaf.next) yield leaf;
}

/** The value of a key in a part of a map, wherever in it that is. */
function findIn<V>(slot: Slot<V> | undefined, key: string): V | undefined {
  for (const leaf of leavesOf(slot)) if (leaf.key === key) return leaf.value;
  return undefined;
}

function hashOf(key: string): number {
  return mix(hashText(key));
}

function isBranch<V>(slot: Slot<V>): slot is Branch<V> {
  return 'slots' in slot;
}

function findLeaf<V>(leaf: Leaf<V>, key: string): Leaf<V> | undefined {
  let found: Leaf<V> | undefined = leaf;
  while (found !== undefined && found.key !== key) found = found.next;
  return found;
}

function insert<V>(slot: Slot<V>, leaf: Leaf<V>, shift: number): Slot<V> {
  if (isBranch(slot)) {
    const bit = 1 << ((leaf.hash >>> shift) & 31);
    const at = bitCount(slot.bitmap & (bit - 1));
    const slots = slot.slots.slice();
    if ((slot.bitmap & bit) === 0) slots.splice(at, 0, leaf);
    else slots[at] = insert(slots[at]!, leaf, shift + 5);
    return { bitmap: slot.bitmap | bit, slots };
  }
  if (slot.hash === leaf.hash) {
    const others = withoutKey(slot, leaf.key);
    return { ...leaf, next: others };
  }
  const split: Branch<V> = { bitmap: 1 << ((slot.hash >>> shift) & 31), slots: [slot] };
  return insert(split, leaf, shift);
}

function remove<V>(slot: Slot<V>, hash: number, key: string, shift: number): Slot<V> | undefined {
  if (!isBranch(slot)) return withoutKey(slot, key);
  const bit = 1 << ((hash >>> shift) & 31);
  const at = bitCount(slot.bitmap & (bit - 1));
  const child = remove(slot.slots[at]!, hash, key, shift + 5);
  const slots = slot.slots.slice();
  if (child !== undefined) {
    slots[at] = child;
    // A branch that holds a lone leaf is the leaf.
    return slots.length === 1 && !isBranch(child) ? child : { bitmap: slot.bitmap, slots };
  }
  slots.splice(at, 1);
  if (slots.length === 0) return undefined;
  const only = slots[0]!;
  return slots.length === 1 && !isBranch(only) ? only : { bitmap: slot.bitmap & ~bit, slots };
}

function withoutKey<V>(leaf: Leaf<V>, key: string): Leaf<V> | undefined {
  if (leaf.key === key) return leaf.next;
  const next = leaf.next === undefined ? undefined : withoutKey(leaf.next, key);
  return next === leaf.next ? leaf : { ...leaf, next };
}

function bitCount(bits: number): number {
  let n = bits - ((bits >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  return Math.imul((n + (n >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
