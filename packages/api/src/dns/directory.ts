/** Names and addresses of a View as DNS looks them up: in any case, and from addresses back to names. */

import { topics } from '@skein/core';
import type { InstanceView, MemberView, View } from '@skein/core';
import { instancesNamed } from '../selection.ts';
import { isInCatalog } from '../shape/node.ts';
import { ipBytes, plainBytes } from './ip.ts';

/** What an address belongs to. */
export interface AddressOwners {
  readonly node: MemberView | undefined;
  readonly service: string | undefined;
}

export class Directory {
  #nodesAt = 0;
  #nodes = new Map<string, MemberView>();
  /** What nodes with dots in their names lie below. */
  #nodeParents = new Set<string>();
  #addressesAt = 0;
  #addresses = new Map<string, AddressOwners>();

  /** The instances of a service, by its name in any case. Several that differ in case only are one service here. */
  instances(view: View, service: string): readonly InstanceView[] {
    return instancesNamed(view, service);
  }

  serviceNames(view: View, service: string): readonly string[] {
    return view.servicesNamed(service).map(({ name }) => name);
  }

  /** By its name in lower case. */
  node(view: View, name: string): MemberView | undefined {
    this.#readNodes(view);
    const found = this.#nodes.get(name);
    return found === undefined ? undefined : view.member(found.id);
  }

  /** Whether there are nodes of which this is the end of the name, such as `b` of a node `a.b`. */
  isParent(view: View, name: string): boolean {
    this.#readNodes(view);
    return this.#nodeParents.has(name);
  }

  /** Which node, and which service, has an address: the first of several by name. */
  owners(view: View, address: Buffer): AddressOwners | undefined {
    if (view.lastIndex !== this.#addressesAt) {
      this.#addressesAt = view.lastIndex;
      this.#readAddresses(view);
    }
    return this.#addresses.get(plainBytes(address).toString('hex'));
  }

  #readNodes(view: View): void {
    const index = view.index(topics.members);
    if (index === this.#nodesAt) return;
    this.#nodesAt = index;
    this.#nodes = new Map();
    this.#nodeParents = new Set();
    for (const { name } of [...view.members(), ...view.externalNodes()]) {
      const member = view.memberByName(name);
      if (!isInCatalog(member)) continue;
      const folded = name.toLowerCase();
      this.#nodes.set(folded, member);
      for (let dot = folded.indexOf('.'); dot >= 0; dot = folded.indexOf('.', dot + 1))
        this.#nodeParents.add(folded.slice(dot + 1));
    }
  }

  #readAddresses(view: View): void {
    const found = new Map<string, { node: MemberView | undefined; service: string | undefined }>();
    const at = (address: string): { node: MemberView | undefined; service: string | undefined } | undefined => {
      const key = ipBytes(address)?.toString('hex');
      if (key === undefined) return undefined;
      const known = found.get(key) ?? { node: undefined, service: undefined };
      found.set(key, known);
      return known;
    };
    for (const member of [...view.members(), ...view.externalNodes()]) {
      const owners = isInCatalog(member) ? at(member.address) : undefined;
      if (owners !== undefined && (owners.node === undefined || member.name < owners.node.name)) owners.node = member;
    }
    for (const { name, instances } of view.services()) {
      for (const { instance } of instances) {
        const owners = instance.address === '' ? undefined : at(instance.address);
        if (owners !== undefined && (owners.service === undefined || name < owners.service)) owners.service = name;
      }
    }
    this.#addresses = found;
  }
}
