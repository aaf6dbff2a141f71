/** Who was last heard of under a name. Names are for people and are not unique by themselves, so that two of one name are told. */

import type { NodeId } from '../identity.ts';
import { LayeredMap } from '../layered-map.ts';
import { isPresent, type Member } from './member.ts';

export class Names {
  readonly #named: LayeredMap<string, NodeId>;

  constructor(base: ReadonlyMap<string, NodeId> | undefined) {
    this.#named = new LayeredMap(base);
  }

  base(): ReadonlyMap<string, NodeId> {
    return this.#named.flat();
  }

  /** A member has this name. Returns who of the present share it. Only who finds its name taken looks through all of them. */
  claim(member: Member, members: LayeredMap<NodeId, Member>): readonly NodeId[] {
    const { name } = member.signed.value;
    const holder = members.get(this.#named.get(name) ?? member.id);
    this.#named.set(name, member.id);
    if (holder === undefined || holder === member || holder.signed.value.name !== name) return [];
    const ids: NodeId[] = [];
    for (const other of members.values()) if (other.signed.value.name === name && isPresent(other)) ids.push(other.id);
    return ids.length > 1 ? ids.sort() : [];
  }

  /** A member is forgotten. */
  release(member: Member): void {
    const { name } = member.signed.value;
    if (this.#named.get(name) === member.id) this.#named.delete(name);
  }
}
