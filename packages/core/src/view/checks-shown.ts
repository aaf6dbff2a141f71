/** What the list of checks shows of the instances that they are about: the name of the service, and its tags. */

import type { Instance, RecordValue } from '../catalog/record.ts';
import type { Replica } from '../catalog/replica.ts';

/** Whether the checks of an instance look the same when it changes like this. Undefined: it is not there. */
export function showsSameInChecks(before: Instance | undefined, after: Instance | undefined): boolean {
  if (before === undefined || after === undefined) return before === after;
  const { tags } = after;
  return (
    before.service === after.service && before.tags.length === tags.length && before.tags.every((tag, at) => tag === tags[at])
  );
}

/**
 * Whether checks that an owner has look different, or come to sight or go out of it, since their instance changed.
 * `replica`: what it has now. Checks that change themselves are not looked at.
 */
export function changesChecksShown(
  replica: Replica | undefined,
  previous: readonly RecordValue[],
  upserted: readonly RecordValue[],
): boolean {
  if (replica === undefined) return false;
  const before = instancesById(previous);
  const after = instancesById(upserted);
  const changed = new Set<string>();
  for (const id of [...before.keys(), ...after.keys()]) if (!showsSameInChecks(before.get(id), after.get(id))) changed.add(id);
  if (changed.size === 0) return false;
  for (const { instanceId } of replica.checks()) if (instanceId !== undefined && changed.has(instanceId)) return true;
  return false;
}

function instancesById(values: readonly RecordValue[]): ReadonlyMap<string, Instance> {
  const found = new Map<string, Instance>();
  for (const value of values) if (value.type === 'instance') found.set(value.instance.id, value.instance);
  return found;
}
