/** What the list of services shows of one of them and one owner, its name and its tags, before and after a change. */

import type { Instance } from '../catalog/record.ts';

export class ListedService {
  /** Tags that instances have which come or change; 1 before, 2 after, 3 both. */
  readonly #tags = new Map<string, number>();
  #sides = 0;

  /** One that goes or changes, as it was. */
  had(instance: Instance): void {
    this.#mark(instance, 1);
  }

  /** One that comes or changed, as it is. */
  has(instance: Instance): void {
    this.#mark(instance, 2);
  }

  /** One that stays. */
  keeps(instance: Instance): void {
    this.#sides = 3;
    for (const tag of instance.tags) if (this.#tags.has(tag)) this.#tags.delete(tag);
  }

  /** Whether the list shows the same, as far as the instances go that this was told of. */
  get isSame(): boolean {
    if (this.#sides === 1 || this.#sides === 2) return false;
    for (const sides of this.#tags.values()) if (sides !== 3) return false;
    return true;
  }

  #mark(instance: Instance, side: number): void {
    this.#sides |= side;
    for (const tag of instance.tags) this.#tags.set(tag, (this.#tags.get(tag) ?? 0) | side);
  }
}
