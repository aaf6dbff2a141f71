/** Core's port for signatures and hashes, with Ed25519 and SHA-256 over the protobuf form of values. */

import type { CatalogRecord, NodeId, Notary, SealedRecord, SignableType, SignableValue, Signed } from '@skein/core';
import { toString } from 'uint8arrays/to-string';
import { encodeSignable, sealRecord } from './codec/values.ts';
import { Signer, Verifier } from './ed25519.ts';
import { sha256 } from './hashes.ts';
import { loadIdentity } from './identity.ts';

class Ed25519Notary implements Notary {
  readonly id: NodeId;
  readonly #signer: Signer;
  readonly #verifier = new Verifier();

  constructor(identity: Uint8Array) {
    this.id = loadIdentity(identity).id;
    this.#signer = new Signer(identity);
  }

  sign<K extends SignableType>(type: K, value: SignableValue<K>): Signed<SignableValue<K>> {
    const bytes = encodeSignable(type, value);
    return { value, bytes, signature: this.#signer.sign(type, bytes) };
  }

  verify(type: SignableType, author: NodeId, signed: Signed<unknown>): boolean {
    return this.#verifier.verify(type, author, signed.bytes, signed.signature);
  }

  seal(record: CatalogRecord): SealedRecord {
    return sealRecord(record);
  }

  digest(hashes: readonly string[]): string {
    // Each with an end of line, in one piece: an update for each costs ten times as much.
    return toString(sha256(hashes.length === 0 ? '' : `${hashes.join('\n')}\n`), 'base64url');
  }
}

/** A notary for `Identity.bytes`. Throws `TransportError` `bad-identity`. */
export function createNotary(identity: Uint8Array): Notary {
  return new Ed25519Notary(identity);
}
