/**
 * Ed25519 (RFC 8032) with node:crypto, which is synchronous. Keys come from libp2p: the private one from an identity,
 * public ones from peer ids, which embed them.
 */

import type { KeyObject } from 'node:crypto';
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { peerIdFromString } from '@libp2p/peer-id';
import type { NodeId } from '@skein/core';
import { limits } from '@skein/core';
import { concat } from 'uint8arrays/concat';
import { privateKeyOf } from './identity.ts';

/** DER prefixes of an Ed25519 key (RFC 8410): the raw 32 bytes follow. */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');
const seedBytes = 32;
const longestPeerId = 128;

export class Signer {
  readonly #key: KeyObject;

  /** Throws `TransportError` `bad-identity`. */
  constructor(identity: Uint8Array) {
    const seed = privateKeyOf(identity).raw.subarray(0, seedBytes);
    this.#key = createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: 'der', type: 'pkcs8' });
  }

  /** Signs `bytes` for one purpose. */
  sign(purpose: string, bytes: Uint8Array): Uint8Array {
    return new Uint8Array(sign(null, bound(purpose, bytes), this.#key));
  }
}

/** Verifies signatures by peer id. Remembers as many keys as a mesh may have members. */
export class Verifier {
  readonly #keys = new Map<NodeId, KeyObject | undefined>();

  /** Whether the key in `author` signed `bytes` for this purpose. Never throws. */
  verify(purpose: string, author: NodeId, bytes: Uint8Array, signature: Uint8Array): boolean {
    const key = this.#keyOf(author);
    if (key === undefined) return false;
    try {
      return verify(null, bound(purpose, bytes), key, signature);
    } catch {
      return false;
    }
  }

  #keyOf(author: NodeId): KeyObject | undefined {
    if (this.#keys.has(author)) return this.#keys.get(author);
    const key = publicKey(author);
    if (this.#keys.size >= limits.members) {
      const oldest = this.#keys.keys().next().value;
      if (oldest !== undefined) this.#keys.delete(oldest);
    }
    this.#keys.set(author, key);
    return key;
  }
}

/** A signature for one purpose never verifies for another. */
function bound(purpose: string, bytes: Uint8Array): Uint8Array {
  return concat([Buffer.from(`skein/${purpose}/1\0`), bytes]);
}

function publicKey(author: NodeId): KeyObject | undefined {
  if (author.length > longestPeerId) return undefined;
  try {
    const peer = peerIdFromString(author);
    // The text must be the one form of the id: a second spelling would be a second identity with the same key.
    if (peer.type !== 'Ed25519' || peer.toString() !== author) return undefined;
    return createPublicKey({ key: Buffer.concat([spkiPrefix, peer.publicKey.raw]), format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
}
