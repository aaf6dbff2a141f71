/**
 * Keeps retries from becoming the load that breaks what is left: over ten seconds, a fifth of the requests and a small
 * reserve (Finagle's and Linkerd's budget). Only retries of requests that were sent count: one
 * that never left puts no load on anything.
 */

const buckets = 10;
const bucketMs = 1000;

export const retryBudgetDefaults = { percent: 20, reserve: 100 } as const;

export class RetryBudget {
  readonly #requests = new Int32Array(buckets);
  readonly #retries = new Int32Array(buckets);
  /** The second that the newest bucket stands for. */
  #second = 0;
  #requestSum = 0;
  #retrySum = 0;

  /** Counts one request (not its retries). */
  request(nowMs: number): void {
    this.#advance(nowMs);
    const bucket = this.#second % buckets;
    this.#requests[bucket] = (this.#requests[bucket] as number) + 1;
    this.#requestSum++;
  }

  /** Takes one retry from the budget; false when it is used up. */
  tryRetry(nowMs: number): boolean {
    this.#advance(nowMs);
    const { percent, reserve } = retryBudgetDefaults;
    if (this.#retrySum >= reserve + Math.floor((this.#requestSum * percent) / 100)) return false;
    const bucket = this.#second % buckets;
    this.#retries[bucket] = (this.#retries[bucket] as number) + 1;
    this.#retrySum++;
    return true;
  }

  #advance(nowMs: number): void {
    const second = Math.floor(nowMs / bucketMs);
    const from = Math.max(this.#second + 1, second - buckets + 1);
    for (let each = from; each <= second; each++) {
      const bucket = each % buckets;
      this.#requestSum -= this.#requests[bucket] as number;
      this.#retrySum -= this.#retries[bucket] as number;
      this.#requests[bucket] = 0;
      this.#retries[bucket] = 0;
    }
    this.#second = Math.max(this.#second, second);
  }
}
