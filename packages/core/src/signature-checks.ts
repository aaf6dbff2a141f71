/**
 * How much of our time a peer may take with signatures: to check one costs some 0.1 ms of CPU, whoever it is by. Of
 * accusations, of which nobody honest has many, all checks count; of all else only those that failed do, since a newcomer
 * is told thousands of records at once, and who passes things on has checked them itself.
 */

import type { NodeId } from './identity.ts';
import { limits } from './limits.ts';
import type { Notary, Signed, SignableType } from './signed.ts';

/** What is refused, and why. */
export type CheckFailure = 'bad-signature' | 'too-many-signatures';

interface Spent {
  accusations: number;
  forgeries: number;
}

export class SignatureChecks {
  readonly #notary: Notary;
  /** By link, in the second under way. */
  readonly #spent = new Map<NodeId, Spent>();
  #since = Number.NEGATIVE_INFINITY;

  constructor(notary: Notary) {
    this.#notary = notary;
  }

  /** Checks what came over the link of `from`. Undefined when it holds. */
  check(
    { type, author, signed }: { readonly type: SignableType; readonly author: NodeId; readonly signed: Signed<unknown> },
    from: NodeId,
    now: number,
  ): CheckFailure | undefined {
    if (now - this.#since >= 1000) {
      this.#spent.clear();
      this.#since = now;
    }
    const spent = this.#spent.get(from);
    if (type === 'accusation') {
      if ((spent?.accusations ?? 0) >= limits.accusationsPerLinkSecond) return 'too-many-signatures';
      this.#of(from).accusations++;
      return this.#notary.verify(type, author, signed) ? undefined : 'bad-signature';
    }
    if ((spent?.forgeries ?? 0) >= limits.forgeriesPerLinkSecond) return 'too-many-signatures';
    if (this.#notary.verify(type, author, signed)) return undefined;
    this.#of(from).forgeries++;
    return 'bad-signature';
  }

  #of(from: NodeId): Spent {
    let spent = this.#spent.get(from);
    if (spent === undefined) this.#spent.set(from, (spent = { accusations: 0, forgeries: 0 }));
    return spent;
  }
}
