/**
 * How a node proves that it belongs to the mesh, by the name of a scheme. `token`: knowledge of the join token.
 * `open`: nothing is asked.
 *
 * A proof is bound to the role of who makes it (it cannot be reflected), to both peer ids (it cannot be relayed: Noise
 * has authenticated them) and to two fresh nonces (it cannot be replayed).
 */

import { createHmac, timingSafeEqual } from 'node:crypto';
import type { NodeId } from '@skein/core';

export interface ProofContext {
  /** The side that makes the proof. */
  readonly role: 'dialler' | 'listener';
  readonly mesh: string;
  readonly dialler: NodeId;
  readonly listener: NodeId;
  readonly diallerNonce: Uint8Array;
  readonly listenerNonce: Uint8Array;
}

export interface ProofScheme {
  readonly name: string;
  prove(context: ProofContext): Uint8Array;
  check(context: ProofContext, proof: Uint8Array): boolean;
}

export const openScheme: ProofScheme = {
  name: 'open',
  prove: () => new Uint8Array(0),
  check: (_context, proof) => proof.length === 0,
};

/** HMAC-SHA256 (RFC 2104) keyed by the token. */
export function tokenScheme(token: string): ProofScheme {
  const prove = (context: ProofContext): Uint8Array => {
    const hmac = createHmac('sha256', token);
    const parts = [
      'skein/admission/1',
      context.role,
      context.mesh,
      context.dialler,
      context.listener,
      context.diallerNonce,
      context.listenerNonce,
    ];
    for (const part of parts) {
      const bytes = Buffer.from(part);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      hmac.update(length).update(bytes);
    }
    return new Uint8Array(hmac.digest());
  };
  return {
    name: 'token',
    prove,
    check(context, proof) {
      const expected = prove(context);
      return proof.length === expected.length && timingSafeEqual(proof, expected);
    },
  };
}
