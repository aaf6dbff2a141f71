/**
 * What was refused: counted by reason, reported at a bounded rate, and held against the peer and the address it came
 * from. A stranger that keeps failing is cut off before its next handshake, which costs 12 ms of CPU.
 */

import type { NodeId } from '@skein/core';
import { RateLimiter } from './rate-limiter.ts';

export interface Refused {
  readonly reason: string;
  readonly peer: NodeId | undefined;
  readonly address: string;
  readonly detail: string;
}

/** Many agents may be behind one address, so it has more room than one peer. */
const failuresOfAddress = { burst: 64, perSecond: 4, maxKeys: 4096 };
/**
 * Handshakes and hellos that were begun and not ended. Peers that dial an agent that was frozen or is slow leave as many
 * behind as its backlog holds, so there is room for that, and a bound on the CPU time that a stranger can have.
 */
const unfinishedOfAddress = { burst: 1024, perSecond: 16, maxKeys: 4096 };
const failuresOfPeer = { burst: 8, perSecond: 0.5, maxKeys: 4096 };
/** Reports of one reason. The count goes on. */
const reports = { burst: 32, perSecond: 4, maxKeys: 128 };
const maxReasons = 64;
const reasonForm = /^[a-z][a-z-]{0,39}$/;
const maxDetail = 300;

export class Refusals {
  readonly #report: (refused: Refused) => void;
  readonly #addresses: RateLimiter;
  readonly #unfinished: RateLimiter;
  readonly #peers: RateLimiter;
  readonly #reports: RateLimiter;
  readonly #counts = new Map<string, number>();

  constructor(now: () => number, report: (refused: Refused) => void) {
    this.#report = report;
    this.#addresses = new RateLimiter(failuresOfAddress, now);
    this.#unfinished = new RateLimiter(unfinishedOfAddress, now);
    this.#peers = new RateLimiter(failuresOfPeer, now);
    this.#reports = new RateLimiter(reports, now);
  }

  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  /** Counts a refusal and reports it. */
  note(refused: Refused): void {
    const reason = this.count(refused.reason);
    if (!this.#reports.take(reason)) return;
    this.#report({ ...refused, reason, detail: printable(refused.detail) });
  }

  /** Counts what is no news, such as the second of two crossing dials. Returns the reason as counted. */
  count(reason: string): string {
    // A reason may be the peer's words: only so many are kept apart.
    const known = this.#counts.has(reason) || (reasonForm.test(reason) && this.#counts.size < maxReasons);
    const key = known ? reason : 'other';
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    return key;
  }

  /** Holds a failed admission against where it came from. */
  blame(peer: NodeId | undefined, host: string): void {
    this.#addresses.take(host);
    if (peer !== undefined) this.#peers.take(peer);
  }

  /** Holds an attempt that was given up against the address it came from. */
  blameUnfinished(host: string): void {
    this.#unfinished.take(host);
  }

  addressBlocked(host: string): boolean {
    return this.#addresses.exhausted(host) || this.#unfinished.exhausted(host);
  }

  peerBlocked(peer: NodeId): boolean {
    return this.#peers.exhausted(peer);
  }
}

/** A peer's words end up in logs and on terminals. */
function printable(detail: string): string {
  return detail.slice(0, maxDetail).replaceAll(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}]/gu, '?');
}
