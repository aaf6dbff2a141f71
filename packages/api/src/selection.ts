/** Which instances and nodes a request asks for, by tag and by node metadata. */

import type { InstanceView, MemberView, ServiceView, View } from '@skein/core';
import { parseNodeMeta } from './query.ts';
import { isInCatalog, nodeMeta } from './shape/node.ts';

export interface Placed {
  readonly instance: InstanceView;
  readonly member: MemberView;
}

/** The instances of a service that are in the catalog and match `tag` (all of them, in any case) and `node-meta`. */
export function selectInstances(view: View, service: ServiceView | undefined, query: URLSearchParams): readonly Placed[] {
  const tags = query
    .getAll('tag')
    .filter((tag) => tag !== '')
    .map((tag) => tag.toLowerCase());
  const hasMeta = parseNodeMeta(query);
  const selected: Placed[] = [];
  for (const instance of service?.instances ?? []) {
    const member = view.member(instance.owner);
    if (!isInCatalog(member) || !hasMeta(nodeMeta(member))) continue;
    const own = tags.length === 0 ? [] : instance.instance.tags.map((tag) => tag.toLowerCase());
    if (tags.every((tag) => own.includes(tag))) selected.push({ instance, member });
  }
  return selected;
}

/** The nodes of the catalog that match `node-meta`, external ones too. */
export function selectNodes(view: View, query: URLSearchParams): readonly MemberView[] {
  const hasMeta = parseNodeMeta(query);
  return [...view.members(), ...view.externalNodes()].filter((member) => isInCatalog(member) && hasMeta(nodeMeta(member)));
}

/** The node of the catalog with this name. */
export function nodeByName(view: View, name: string): MemberView | undefined {
  const member = view.memberByName(name);
  return isInCatalog(member) ? member : undefined;
}
