/** Seeded randomness: small fast counter (sfc32), the same bits on every engine. */

export interface Rng {
  /** An integer in [0, bound). `bound` is a positive integer up to 2^32. */
  below(bound: number): number;
}

/** sfc32 by Chris Doty-Humphrey, with a 12-round warm-up. `seed` is any 32-bit integer. */
export function seededRng(seed: number): Rng {
  let a = seed | 0;
  let b = (seed ^ 0x9e3779b9) | 0;
  let c = (seed ^ 0x85ebca6b) | 0;
  let counter = 1;
  const next = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  };
  for (let round = 0; round < 12; round++) next();
  return { below: (bound) => Math.floor((next() / 4294967296) * bound) };
}

/** Shuffles in place (Fisher-Yates). */
export function shuffle<T>(items: T[], rng: Rng): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = rng.below(i + 1);
    const swap = items[i] as T;
    items[i] = items[j] as T;
    items[j] = swap;
  }
}

/** Up to `count` distinct items, drawn at random. `items` is left as it was. */
export function sample<T>(items: readonly T[], count: number, rng: Rng): T[] {
  const pool = items.slice();
  const taken = Math.min(count, pool.length);
  for (let i = 0; i < taken; i++) {
    const j = i + rng.below(pool.length - i);
    const swap = pool[i] as T;
    pool[i] = pool[j] as T;
    pool[j] = swap;
  }
  return pool.slice(0, taken);
}
