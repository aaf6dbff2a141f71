/**
 * The addresses of nodes and instances: the one that they have, and one of each family that they name under Consul's tags
 * `lan_ipv4` and `lan_ipv6`, which for that family counts instead.
 */

import type { InstanceView, MemberView } from '@skein/core';
import { ipBytes } from './ip.ts';

/** One of each family at most, that of its address first. Empty where it has a host name only. */
export function nodeAddresses({ address, external }: MemberView): readonly Buffer[] {
  return ofEachFamily(address, (tag) => external?.taggedAddresses[tag]);
}

/** The same of an instance. Without an address of its own it has those of its node, `member`. */
export function instanceAddresses(
  { instance, address }: Pick<InstanceView, 'instance' | 'address'>,
  member: MemberView | undefined,
): readonly Buffer[] {
  const ofNode = instance.address === '' ? member?.external?.taggedAddresses : undefined;
  return ofEachFamily(address, (tag) => instance.taggedAddresses[tag]?.address || ofNode?.[tag]);
}

const families = [
  { tag: 'lan_ipv4', bytes: 4 },
  { tag: 'lan_ipv6', bytes: 16 },
] as const;

function ofEachFamily(address: string, tagged: (tag: string) => string | undefined): readonly Buffer[] {
  const own = ipBytes(address);
  const found = families
    .map(({ tag, bytes }) => [ipBytes(tagged(tag) ?? ''), own].find((candidate) => candidate?.length === bytes))
    .filter((candidate) => candidate !== undefined);
  return own?.length === families[1].bytes ? found.reverse() : found;
}
