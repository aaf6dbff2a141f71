/**
 * How often news of one subject (a member, an owner's catalog, a config entry) is passed on: a few times at once, then seldom.
 * Without it, a member that signs claim after claim has everybody pass on each of them. What waits is read when its time
 * comes, so only the newest goes on.
 */

import { FadingCount } from '../fading-count.ts';

/** How many pieces of news at once, and then one each so often. */
interface Rate {
  readonly burst: number;
  readonly everyMs: number;
}

/** Of a member: one that joins, changes its tags, is accused and refutes needs a few. */
const ofMember: Rate = { burst: 8, everyMs: 250 };
/** Of a catalog or a config entry: a busy owner has more to tell, and what waits adds to the time it takes at every hop. */
const ofRecords: Rate = { burst: 32, everyMs: 100 };
/** Accounts in which nothing is left are dropped when there are so many. */
const sweepAt = 1024;

export class Pace {
  /** By subject: what was passed on lately. */
  readonly #accounts = new Map<string, FadingCount>();
  #sweepAt = sweepAt;

  /** How long the next piece of news of this subject has to wait, in ms. With 0 it is taken for sent. */
  waitMs(key: string, now: number): number {
    const { burst, everyMs } = rateOf(key);
    let account = this.#accounts.get(key);
    if (account === undefined) {
      this.#sweep(now);
      this.#accounts.set(key, (account = new FadingCount(everyMs)));
    }
    if (account.at(now) >= burst) return account.nextMs(now);
    account.add(now);
    return 0;
  }

  #sweep(now: number): void {
    if (this.#accounts.size < this.#sweepAt) return;
    for (const [key, account] of this.#accounts) if (account.at(now) === 0) this.#accounts.delete(key);
    this.#sweepAt = Math.max(sweepAt, 2 * this.#accounts.size);
  }
}

function rateOf(key: string): Rate {
  return key.startsWith('m/') ? ofMember : ofRecords;
}
