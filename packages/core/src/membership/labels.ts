/** What a member says of itself beside who and how it is: name, addresses, place and tags. */

import type { NodeId } from '../identity.ts';
import { limits } from '../limits.ts';
import { nameFault, wellFormed } from '../text.ts';
import type { MemberRecord } from './member-record.ts';

/** The parts of our own record that never change within a boot. */
export type OwnLabels = Pick<MemberRecord, 'name' | 'addresses' | 'region' | 'zone' | 'tags'>;

const protocolMin = 1;
const protocolMax = 1;

/** What a member says of itself when it boots. */
export function firstRecord(mesh: string, id: NodeId, labels: OwnLabels, epoch: number): MemberRecord {
  return {
    mesh,
    id,
    ...labels,
    epoch,
    incarnation: 0,
    status: 'alive',
    protocolMin,
    protocolMax,
    credential: new Uint8Array(0),
    keyHashes: [],
  };
}

/** The rules of a member's tags: its record is in every message about it. */
export function validateLabels(tags: Readonly<Record<string, string>>): string | undefined {
  const entries = Object.entries(tags);
  if (entries.length > limits.tags) return `there are ${entries.length} tags, the limit is ${limits.tags}`;
  for (const [key, value] of entries) {
    if (key.length === 0 || key.length > limits.metaKeyLength)
      return `tag "${key.slice(0, 32)}": a key has 1 to ${limits.metaKeyLength} characters, got ${key.length}`;
    if (value.length > limits.tagLength)
      return `tag "${key}" has a value of ${value.length} characters, the limit is ${limits.tagLength}`;
    const fault = nameFault(key) ?? nameFault(value);
    if (fault !== undefined) return `tag "${wellFormed(key)}" ${fault}`;
  }
  return undefined;
}

/** Whether readers of routes can tell two records of one member apart. */
export function labelsDiffer(a: MemberRecord, b: MemberRecord): boolean {
  return (
    a.name !== b.name ||
    a.status !== b.status ||
    a.region !== b.region ||
    a.zone !== b.zone ||
    a.addresses.join() !== b.addresses.join() ||
    JSON.stringify(a.tags) !== JSON.stringify(b.tags)
  );
}
