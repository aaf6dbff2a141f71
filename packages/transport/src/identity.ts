/** A node's identity: an Ed25519 key. Its public half, as a libp2p peer id, is the node's id everywhere. */

import './polyfill.ts';

import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys';
import type { Ed25519PrivateKey } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import type { NodeId } from '@skein/core';
import { nodeId } from '@skein/core';
import { TransportError } from './errors.ts';

export interface Identity {
  readonly id: NodeId;
  /** Libp2p's protobuf form of the private key: what a data directory keeps. Secret. */
  readonly bytes: Uint8Array;
}

/** Makes a new identity. */
export async function createIdentity(): Promise<Identity> {
  return describe(await generateKeyPair('Ed25519'));
}

/** Reads what `Identity.bytes` gave. Throws `TransportError` `bad-identity` when it is not that, or torn. */
export function loadIdentity(bytes: Uint8Array): Identity {
  return describe(privateKeyOf(bytes));
}

/** The key as libp2p wants it. Throws as `loadIdentity`. */
export function privateKeyOf(bytes: Uint8Array): Ed25519PrivateKey {
  let key;
  try {
    key = privateKeyFromProtobuf(bytes);
  } catch (cause) {
    throw new TransportError('bad-identity', 'These bytes are not an identity key: the file is torn or of another kind.', {
      cause,
    });
  }
  if (key.type !== 'Ed25519') {
    throw new TransportError('bad-identity', `An identity key must be Ed25519, not ${key.type}.`);
  }
  return key;
}

function describe(key: Ed25519PrivateKey): Identity {
  return { id: nodeId(peerIdFromPrivateKey(key).toString()), bytes: privateKeyToProtobuf(key) };
}
