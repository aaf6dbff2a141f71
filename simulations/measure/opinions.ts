/**
 * What the healthy members of a crowd think of the others, over time: who is out, for how long, and how long they were all
 * of one opinion. What a sick member thinks is its own affair.
 */

export class Opinions {
  readonly #size: number;
  readonly #isSick: Uint8Array;
  readonly #observers: number;
  readonly #isOut: Uint8Array;
  /** By subject: how many healthy members have it out. */
  readonly #outCount: Uint32Array;
  readonly #changesAbout = { sick: 0, healthy: 0 };
  readonly #removed = new Set<number>();
  /** Subjects of whom some think one thing and some another. */
  #disputed = 0;
  /** Pairs of a healthy observer and a sick subject that it has out. */
  #sickOut = 0;
  #healthyOut = 0;
  #nowMs: number;
  readonly #startMs: number;
  #isFaulty = false;
  readonly #sums = { agreedMs: 0, sickOutMs: 0, sickOutFaultyMs: 0, healthyOutMs: 0, faultyMs: 0 };

  constructor(size: number, sick: readonly number[], nowMs: number) {
    this.#size = size;
    this.#isSick = new Uint8Array(size);
    for (const index of sick) this.#isSick[index] = 1;
    this.#observers = size - sick.length;
    this.#isOut = new Uint8Array(size * size);
    this.#outCount = new Uint32Array(size);
    this.#nowMs = nowMs;
    this.#startMs = nowMs;
  }

  take(observer: number, subject: number, { isIn, atMs }: { readonly isIn: boolean; readonly atMs: number }): void {
    const at = observer * this.#size + subject;
    const before = this.#isOut[at] as number;
    const after = Number(!isIn);
    if (this.#isSick[observer] === 1 || observer === subject || before === after) return;
    this.advance(atMs);
    const isSick = this.#isSick[subject] === 1;
    this.#disputed -= Number(this.#isDisputed(subject));
    this.#isOut[at] = after;
    this.#outCount[subject] = (this.#outCount[subject] as number) + after - before;
    this.#disputed += Number(this.#isDisputed(subject));
    if (isSick) this.#sickOut += after - before;
    else this.#healthyOut += after - before;
    if (isSick) this.#changesAbout.sick++;
    else if (after === 1) {
      this.#changesAbout.healthy++;
      this.#removed.add(subject);
    }
  }

  /** From now on the sick are sick, or well for a while. */
  setFaulty(isFaulty: boolean, atMs: number): void {
    this.advance(atMs);
    this.#isFaulty = isFaulty;
  }

  advance(atMs: number): void {
    const tookMs = atMs - this.#nowMs;
    this.#nowMs = atMs;
    if (this.#disputed === 0) this.#sums.agreedMs += tookMs;
    this.#sums.sickOutMs += tookMs * this.#sickOut;
    this.#sums.healthyOutMs += tookMs * this.#healthyOut;
    if (!this.#isFaulty) return;
    this.#sums.faultyMs += tookMs;
    this.#sums.sickOutFaultyMs += tookMs * this.#sickOut;
  }

  /** Whether nobody healthy has anybody out. */
  get isAllIn(): boolean {
    return this.#sickOut === 0 && this.#healthyOut === 0;
  }

  /** Up to `atMs`. Shares are from 0 to 1. */
  figures(atMs: number): OpinionFigures {
    this.advance(atMs);
    const ms = atMs - this.#startMs;
    const sick = this.#size - this.#observers;
    const pairs = this.#observers * Math.max(1, sick);
    const { agreedMs, sickOutMs, sickOutFaultyMs, faultyMs, healthyOutMs } = this.#sums;
    return {
      agreed: agreedMs / ms,
      disagreedMs: ms - agreedMs,
      sickOut: sickOutMs / (pairs * ms),
      sickOutWhileFaulty: faultyMs === 0 ? 0 : sickOutFaultyMs / (pairs * faultyMs),
      sickOutNow: this.#sickOut / pairs,
      healthyOut: healthyOutMs / (this.#observers * (this.#observers - 1) * ms),
      changesEach: this.#changesAbout.sick / pairs,
      healthyVerdicts: this.#changesAbout.healthy,
      healthyRemoved: this.#removed.size,
    };
  }

  #isDisputed(subject: number): boolean {
    const count = this.#outCount[subject] as number;
    const others = this.#observers - (this.#isSick[subject] === 1 ? 0 : 1);
    return count > 0 && count < others;
  }
}

export interface OpinionFigures {
  /** The share of time in which all healthy members were of one opinion. */
  readonly agreed: number;
  readonly disagreedMs: number;
  /** The share of all pairs of a healthy observer and a sick subject, and of all time, in which the subject was out. */
  readonly sickOut: number;
  /** The same of the time in which the sick were sick. */
  readonly sickOutWhileFaulty: number;
  readonly sickOutNow: number;
  /** The same of pairs of the healthy. */
  readonly healthyOut: number;
  /** How often one healthy member changed its mind about one sick one. */
  readonly changesEach: number;
  /** How often a healthy member had a healthy one out. */
  readonly healthyVerdicts: number;
  /** Healthy members that some healthy member had out at any time. */
  readonly healthyRemoved: number;
}
