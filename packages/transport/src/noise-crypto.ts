/**
 * The cryptography of Noise, with keys that are taken in once. The library's own brings both keys of every
 * Diffie-Hellman into OpenSSL through its DER decoder: two milliseconds of CPU a handshake, nine tenths of them for that.
 */

import type { KeyObject } from 'node:crypto';
import { createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto';
import type { ICryptoInterface, KeyPair } from '@libp2p/noise';
import { defaultCrypto } from '@libp2p/noise/crypto';

type Bytes = Parameters<ICryptoInterface['generateX25519SharedKey']>[0];

/** Private keys by the bytes that Noise holds of them, as long as it does. */
const keys = new WeakMap<Bytes, KeyObject>();

const okp = { kty: 'OKP', crv: 'X25519' } as const;

/** X25519 (RFC 7748) with keys as JWK (RFC 8037), which `node:crypto` reads without the decoder; all else is the library's. */
export const noiseCrypto: ICryptoInterface = {
  ...defaultCrypto,
  generateX25519KeyPair: () => keyPair(generateKeyPairSync('x25519').privateKey),
  generateX25519KeyPairFromSeed: (seed) => keyPair(privateKeyOf(seed)),
  generateX25519SharedKey: (privateKey, publicKey) =>
    diffieHellman({
      privateKey: keys.get(privateKey) ?? privateKeyOf(privateKey),
      publicKey: createPublicKey({ format: 'jwk', key: { ...okp, x: text(publicKey) } }),
    }),
};

function keyPair(key: KeyObject): KeyPair {
  const { d, x } = key.export({ format: 'jwk' });
  if (d === undefined || x === undefined) throw new TypeError('not an X25519 private key');
  const privateKey = Buffer.from(d, 'base64url');
  keys.set(privateKey, key);
  return { privateKey, publicKey: Buffer.from(x, 'base64url') };
}

/** For a key that came from elsewhere. A JWK has to name the public half too, which only the decoder works out. */
function privateKeyOf(bytes: Bytes): KeyObject {
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b656e04220420', 'hex'), bytes.subarray()]);
  return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
}

function text(bytes: Bytes): string {
  return Buffer.from(bytes.subarray()).toString('base64url');
}
