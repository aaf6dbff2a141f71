/** Token buckets by key, bounded in number. The key that was used longest ago is forgotten first. */

export interface RateLimit {
  /** How many at once. */
  readonly burst: number;
  readonly perSecond: number;
  readonly maxKeys: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

export class RateLimiter {
  readonly #limit: RateLimit;
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(limit: RateLimit, now: () => number) {
    this.#limit = limit;
    this.#now = now;
  }

  /** Takes one token. Returns false when there was none. */
  take(key: string): boolean {
    const bucket = this.#refilled(key);
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > this.#limit.maxKeys) {
      const oldest = this.#buckets.keys().next().value;
      if (oldest !== undefined) this.#buckets.delete(oldest);
    }
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  /** Whether `take` would fail. */
  exhausted(key: string): boolean {
    return this.#refilled(key).tokens < 1;
  }

  #refilled(key: string): Bucket {
    const atMs = this.#now();
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return { tokens: this.#limit.burst, atMs };
    bucket.tokens = Math.min(this.#limit.burst, bucket.tokens + ((atMs - bucket.atMs) / 1000) * this.#limit.perSecond);
    bucket.atMs = atMs;
    return bucket;
  }
}
