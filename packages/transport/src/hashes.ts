/** SHA-256, as text where core compares it. */

import { createHash } from 'node:crypto';
import { toString } from 'uint8arrays/to-string';

/** Bytes of a record's hash that are kept: enough that nobody finds two records of another owner with one hash. */
const shortBytes = 16;

export function sha256(...parts: readonly (Uint8Array | string)[]): Uint8Array {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** The first 16 bytes of the hash, in base64url: 22 characters. */
export function shortHash(bytes: Uint8Array): string {
  return toString(sha256(bytes).subarray(0, shortBytes), 'base64url');
}
