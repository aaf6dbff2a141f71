/** X25519 gives what RFC 7748 says, whichever way the keys came in. */

import { noiseCrypto } from '@skein/transport/parts';
import { expect, test } from 'vitest';

// RFC 7748, 6.1.
const alicePublic = Buffer.from('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a', 'hex');
const bobPrivate = Buffer.from('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb', 'hex');
const bobPublic = 'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f';
const shared = '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('a key from a seed has the public half and the shared secret of the standard', () => {
  const bob = noiseCrypto.generateX25519KeyPairFromSeed(bobPrivate);
  expect(hex(bob.publicKey.subarray())).toBe(bobPublic);
  expect(hex(noiseCrypto.generateX25519SharedKey(bob.privateKey, alicePublic))).toBe(shared);
});

test('a private key that was not made here gives the same secret', () => {
  expect(hex(noiseCrypto.generateX25519SharedKey(bobPrivate, alicePublic))).toBe(shared);
});

test('two fresh keys agree, as bytes that are copied on the way too', () => {
  const [one, other] = [noiseCrypto.generateX25519KeyPair(), noiseCrypto.generateX25519KeyPair()];
  const secret = hex(noiseCrypto.generateX25519SharedKey(one.privateKey, other.publicKey));
  expect(hex(noiseCrypto.generateX25519SharedKey(Buffer.from(other.privateKey.subarray()), one.publicKey))).toBe(secret);
  expect(secret).toMatch(/^[\da-f]{64}$/);
});

test('a public key of small order, with which every secret is the same, is refused', () => {
  const { privateKey } = noiseCrypto.generateX25519KeyPair();
  expect(() => noiseCrypto.generateX25519SharedKey(privateKey, new Uint8Array(32))).toThrow(/diffie|derive|failed/i);
  expect(() => noiseCrypto.generateX25519SharedKey(privateKey, new Uint8Array(31))).toThrow(/JWK/i);
});
