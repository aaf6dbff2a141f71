/** What differs between two Views of one node: for readers that follow a View instead of reading it again and again. */

import type { ConfigEntry } from '../config/entry.ts';
import { isSameValue } from '../same-value.ts';
import type { InstanceView, MemberView } from './view.ts';

/** Rows of one sort. */
export interface Changes<T> {
  /** New, or not as they were; as they are now. */
  readonly upserted: readonly T[];
  /** Not there any more; as they last were. */
  readonly removed: readonly T[];
}

/**
 * Who applies these to what the older View had, has what the newer one has. Nodes are members and external nodes, compared
 * but for their coordinates, which move all the time and are nothing to wake readers for, and for the config that they tell to
 * apply, which all tell after each change of it. Config entries are those of all
 * kinds but the key-value store and external nodes, as in `View.configEntries()`.
 */
export interface ViewChanges {
  readonly nodes: Changes<MemberView>;
  readonly instances: Changes<InstanceView>;
  readonly config: Changes<ConfigEntry>;
}

class Collected<T extends object> implements Changes<T> {
  readonly upserted: T[] = [];
  readonly removed: T[] = [];
  readonly #isSame: (before: T, after: T) => boolean;

  /** `isSame`: whether two rows say the same. A row that was made anew, because something near it changed, often does. */
  constructor(isSame: (before: T, after: T) => boolean = isSameValue) {
    this.#isSame = isSame;
  }

  add(before: T | undefined, after: T | undefined): void {
    if (after === undefined) {
      if (before !== undefined) this.removed.push(before);
    } else if (before === undefined || !this.#isSame(before, after)) this.upserted.push(after);
  }
}

/** Gathers changes, row by row. Rows that are the very same in both Views need not be shown to it. */
export class ChangeCollector implements ViewChanges {
  readonly nodes = new Collected<MemberView>(isSameButPlace);
  readonly instances = new Collected<InstanceView>();
  readonly config = new Collected<ConfigEntry>();

  /** All instances of one owner. */
  owner(before: readonly InstanceView[], after: readonly InstanceView[]): void {
    const left = new Map(before.map((view) => [view.instance.id, view]));
    for (const view of after) {
      const { id } = view.instance;
      const was = left.get(id);
      left.delete(id);
      if (was !== view) this.instances.add(was, view);
    }
    for (const view of left.values()) this.instances.add(view, undefined);
  }
}

function isSameButPlace(before: MemberView, after: MemberView): boolean {
  const apart = { coordinate: undefined, appliedConfig: '' };
  return isSameValue({ ...before, ...apart }, { ...after, ...apart });
}
