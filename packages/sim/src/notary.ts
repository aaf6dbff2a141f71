/**
 * The stand-in notary: cheap, deterministic, and unforgeable within one world. A signature is a hash over a
 * secret of the world, the kind, the author and the whole value. Nodes only ever hold a notary that signs as
 * themselves, so an altered value or another author's name fails exactly as with Ed25519.
 *
 * What was signed or verified once is remembered by object identity, and frozen so that it stays what it was.
 * Messages travel as objects, so in a mesh of n nodes a record is hashed once and not n times.
 */

import type { CatalogRecord, NodeId, Notary, SealedRecord, Signable, Signed } from '@skein/core';
import { canonicalJson, hash64, utf8 } from './canonical.ts';

/** What `verify` has already found to hold. */
interface Proof {
  readonly type: Signable['type'];
  readonly author: NodeId;
}

/** The keys of all nodes of one world. */
export class KeyRing {
  readonly #secret: string;
  readonly #proofs = new WeakMap<Signed<unknown>, Proof>();

  constructor(secret: string) {
    this.#secret = secret;
  }

  /** The notary that signs as `id`. */
  notary(id: NodeId): Notary {
    return {
      id,
      sign: (type, value) => {
        const json = canonicalJson(value);
        const signed = { value: freeze(value), bytes: utf8(json), signature: this.#signature(type, id, json) };
        this.#proofs.set(signed, { type, author: id });
        return Object.freeze(signed);
      },
      verify: (type, author, signed) => this.#verify(type, author, signed),
      seal,
      digest: (hashes) => hash64(hashes.join(',')),
    };
  }

  #verify(type: Signable['type'], author: NodeId, signed: Signed<unknown>): boolean {
    const proof = this.#proofs.get(signed);
    if (proof !== undefined) return proof.type === type && proof.author === author;
    const json = canonicalJson(signed.value);
    if (!sameBytes(signed.bytes, utf8(json)) || !sameBytes(signed.signature, this.#signature(type, author, json))) return false;
    freeze(signed.value);
    this.#proofs.set(Object.freeze(signed), { type, author });
    return true;
  }

  #signature(type: string, author: NodeId, json: string): Uint8Array {
    return utf8(hash64(`${this.#secret}|${type}|${author}|${json}`));
  }
}

function seal(record: CatalogRecord): SealedRecord {
  const json = canonicalJson(record);
  return Object.freeze({ record: freeze(record), bytes: utf8(json), hash: hash64(json) });
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** Freezes plain data all the way down. Byte arrays cannot be frozen and stay as they are. */
function freeze<T>(value: T): T {
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array || Object.isFrozen(value)) return value;
  for (const field of Object.values(value)) freeze(field);
  return Object.freeze(value);
}
