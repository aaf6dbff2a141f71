/** Consul's clients expect a node's id to look like a UUID, and use it as a key. */

import { createHash } from 'node:crypto';
import { limits } from '@skein/core';
import type { NodeId } from '@skein/core';

const known = new Map<NodeId, string>();

/** A UUID (version 8, RFC 9562) made from the hash of a peer id: the same on every agent, at any time. */
export function nodeUuid(id: NodeId): string {
  const cached = known.get(id);
  if (cached !== undefined) return cached;
  const bytes = createHash('sha256').update(id).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  const uuid = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  if (known.size >= limits.members) known.clear();
  known.set(id, uuid);
  return uuid;
}
