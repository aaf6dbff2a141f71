/** Services as a View shows them: their instances, of whichever owner, and the names that differ in case only. */

import { order } from '../sorted.ts';
import type { PersistentMap } from './persistent-map.ts';
import type { InstanceView, ServiceView } from './view.ts';

/** Ordered by node name, owner and id. Undefined when there is no instance. */
export function serviceView(name: string, instances: InstanceView[]): ServiceView | undefined {
  if (instances.length === 0) return undefined;
  instances.sort((a, b) => order(a.nodeName, b.nodeName) || order(a.owner, b.owner) || order(a.instance.id, b.instance.id));
  const tags = Object.freeze([...new Set(instances.flatMap((view) => view.instance.tags))].sort());
  return Object.freeze({ name, instances: Object.freeze(instances), tags });
}

/** With a name more, or less, among those that differ in case only. */
export function withName(
  names: PersistentMap<readonly string[]>,
  name: string,
  isThere: boolean,
): PersistentMap<readonly string[]> {
  const key = name.toLowerCase();
  const others = (names.get(key) ?? []).filter((each) => each !== name);
  const all = isThere ? [...others, name].sort(order) : others;
  return all.length === 0 ? names.delete(key) : names.set(key, Object.freeze(all));
}
