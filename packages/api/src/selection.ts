/** Which instances and nodes a request asks for, by tag and by node metadata, and in which order. */

import { estimatedRttMs } from '@skein/core';
import type { InstanceView, MemberView, View } from '@skein/core';
import { parseNodeMeta } from './query.ts';
import { compareTexts, consulNodeId, isInCatalog, nodeMeta } from './shape/node.ts';
import { nodeUuid } from './shape/node-uuid.ts';

export interface Placed {
  readonly instance: InstanceView;
  readonly member: MemberView;
}

/** The instances of a service by its name in any case, as Consul looks them up: by node name, then id. */
export function instancesNamed(view: View, name: string): readonly InstanceView[] {
  const services = view.servicesNamed(name);
  if (services.length < 2) return services[0]?.instances ?? [];
  const all = services.flatMap(({ instances }) => instances);
  return all.sort((a, b) => compareTexts(a.nodeName, b.nodeName) || compareTexts(a.instance.id, b.instance.id));
}

/** Those of these instances that are in the catalog and match `tag` (all of them, in any case, an empty one too) and `node-meta`. */
export function selectInstances(view: View, instances: readonly InstanceView[], query: URLSearchParams): readonly Placed[] {
  const tags = query.getAll('tag').map((tag) => tag.toLowerCase());
  const hasMeta = parseNodeMeta(query);
  const selected: Placed[] = [];
  for (const instance of instances) {
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

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whether a text has the form of a node's id as Consul's clients see it, in any case. */
export function isNodeId(text: string): boolean {
  return uuid.test(text.toLowerCase());
}

/** The node of the catalog with this name, in any case, or with this id. */
export function nodeByName(view: View, name: string): MemberView | undefined {
  const member = view.memberByName(name);
  if (isInCatalog(member)) return member;
  if (!isNodeId(name)) return undefined;
  const id = name.toLowerCase();
  for (const each of view.members()) if (nodeUuid(each.id) === id && isInCatalog(each)) return each;
  for (const each of view.externalNodes()) if (consulNodeId(each).toLowerCase() === id) return each;
  return undefined;
}

/**
 * In the order of the round trips to be expected from the node that `near` names (`_agent` is this one), by network
 * coordinates. Entries whose coordinate is not known come last; equals, and all where the named node or its
 * coordinate is not known, keep their order.
 */
export function sortByNearness<T>(
  entries: readonly T[],
  place: { readonly view: View; readonly near: string; readonly memberOf: (entry: T) => MemberView | undefined },
): readonly T[] {
  const { view, near, memberOf } = place;
  if (near === '') return entries;
  const from = near === '_agent' ? view.member(view.self) : nodeByName(view, near);
  return from?.coordinate === undefined ? entries : sortByDistance(entries, from, memberOf);
}

/** The same from a node: its own entries first; where nothing is measured, last and in the order they had. */
export function sortByDistance<T>(
  entries: readonly T[],
  from: MemberView,
  memberOf: (entry: T) => MemberView | undefined,
): readonly T[] {
  const origin = from.coordinate;
  const distance = (entry: T): number => {
    const member = memberOf(entry);
    if (member?.id === from.id) return 0;
    if (origin === undefined || member?.coordinate === undefined) return Infinity;
    return estimatedRttMs(origin, member.coordinate);
  };
  return entries
    .map((entry) => ({ entry, rttMs: distance(entry) }))
    .sort((a, b) => (a.rttMs === b.rttMs ? 0 : a.rttMs - b.rttMs))
    .map(({ entry }) => entry);
}
