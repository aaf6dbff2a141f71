/** How many bytes a message would take as a protobuf frame, roughly: what send buffers and loss per segment are reckoned with. */

import { assertNever } from '@skein/core';
import type { Gossip, Message, Signed, SyncWant } from '@skein/core';

/** A signature, its author and the tags around a signed value. */
const signedOverhead = 72;

/** Estimated encoded length in bytes, at least 1. */
export function messageBytes(message: Message): number {
  switch (message.type) {
    case 'ping':
      return 8;
    case 'ack':
      return message.coordinate === undefined ? 16 : 56;
    case 'ping-request':
    case 'ping-report':
      return 52;
    case 'gossip':
      return gossipBytes(message);
    case 'sync-open':
      return 12 + message.buckets.length * 5;
    case 'sync-digest': {
      let bytes = 12 + message.buckets.length * 2;
      for (const entry of message.entries) bytes += 4 + entry.key.length + entry.stamp.length * 5;
      return bytes;
    }
    case 'sync-facts':
      return 12 + gossipBytes(message.facts) + wantsBytes(message.wants);
    case 'have':
      return 8 + 64 * message.entries.length;
    case 'sync-pull':
      return 12 + wantsBytes(message.wants);
    default:
      return assertNever(message);
  }
}

function gossipBytes(gossip: Gossip): number {
  let bytes = 8;
  for (const fact of gossip.members) bytes += signedBytes(fact.record) + 2;
  for (const accusation of gossip.accusations) bytes += signedBytes(accusation);
  for (const head of gossip.heads) bytes += signedBytes(head);
  for (const config of gossip.configs) bytes += signedBytes(config);
  for (const delta of gossip.deltas) {
    bytes += signedBytes(delta.head) + 8;
    for (const upsert of delta.upserts) bytes += upsert.bytes.length + 4;
    for (const removal of delta.removals) bytes += removal.length + 4;
  }
  return bytes;
}

function signedBytes(signed: Signed<unknown>): number {
  return signed.bytes.length + signedOverhead;
}

function wantsBytes(wants: readonly SyncWant[]): number {
  let bytes = 0;
  for (const want of wants) bytes += 4 + want.key.length + want.have.length * 5;
  return bytes;
}
