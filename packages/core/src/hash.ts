/** Non-cryptographic 32-bit hashing (FNV-1a), for buckets and digests of what is already authenticated. */

const offsetBasis = 0x811c9dc5;
const prime = 0x01000193;
/** Powers of it: a byte of zeros is no more than one multiplication. */
const prime2 = Math.imul(prime, prime);
const prime4 = Math.imul(prime2, prime2);
const prime8 = Math.imul(prime4, prime4);

/** Hashes UTF-16 units; start a new hash by leaving out `seed`, or chain. */
export function hashText(text: string, seed: number = offsetBasis): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 256) hash = Math.imul(hash ^ unit, prime2);
    else hash = Math.imul(Math.imul(hash ^ (unit & 0xff), prime) ^ (unit >>> 8), prime);
  }
  return hash >>> 0;
}

/** Adds a safe non-negative integer to a hash. */
export function hashNumber(value: number, seed: number): number {
  if (value < 256) return Math.imul(seed ^ value, prime8) >>> 0;
  let hash = seed;
  let low = value >>> 0;
  let high = Math.floor(value / 4294967296) >>> 0;
  for (let i = 0; i < 4; i++) {
    hash = Math.imul(hash ^ (low & 0xff), prime);
    low >>>= 8;
  }
  for (let i = 0; i < 4; i++) {
    hash = Math.imul(hash ^ (high & 0xff), prime);
    high >>>= 8;
  }
  return hash >>> 0;
}

/** Spreads the bits (murmur3's finalizer), so that the low ones can pick a bucket. */
export function mix(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
