/**
 * The clocks of one machine: an oscillator that may run fast or slow, a monotonic clock that every boot starts
 * anew, and a wall clock that people and time daemons set. Integer microseconds of world time are the truth.
 */

import { assert } from '@skein/core';

/** Wall clock at the start of every world: a fixed day, in ms since 1970. */
const wallStartMs = 1_700_000_000_000;
const million = 1_000_000;
/** A clock of a host in trouble; good ones stay within 100. */
const driftPpmMax = 500_000;

export class MachineClock {
  /** World time and oscillator time at the last change of drift. */
  #sinceUs = 0;
  #baseUs = 0;
  #ppm = 0;
  #stepMs = 0;
  #bootUs = 0;
  #offsetMs = 0;

  /** A boot: the monotonic clock starts at `offsetMs`. */
  boot(nowUs: number, offsetMs: number): void {
    this.#bootUs = this.#oscillatorUs(nowUs);
    this.#offsetMs = offsetMs;
  }

  /** The monotonic clock of this boot, in whole milliseconds. */
  monotonicMs(nowUs: number): number {
    return this.#offsetMs + Math.floor((this.#oscillatorUs(nowUs) - this.#bootUs) / 1000);
  }

  /** The first world time at which the monotonic clock shows `monotonicMs`, as long as the drift stays what it is. */
  reachesUs(monotonicMs: number): number {
    const restUs = this.#bootUs + (monotonicMs - this.#offsetMs) * 1000 - this.#baseUs;
    // The least d with floor(d * (1 + ppm / 10^6)) >= rest, in products below 2^53.
    const rate = million + this.#ppm;
    const whole = Math.floor(restUs / rate);
    return this.#sinceUs + whole * million + Math.ceil(((restUs - whole * rate) * million) / rate);
  }

  /** Milliseconds since 1970, as this machine believes. May go back. */
  wallMs(nowUs: number): number {
    return wallStartMs + Math.floor(this.#oscillatorUs(nowUs) / 1000) + this.#stepMs;
  }

  /** From now on the oscillator runs fast by parts per million, or slow when negative. Half a million at most. */
  drift(ppm: number, nowUs: number): void {
    assert(Number.isInteger(ppm) && Math.abs(ppm) <= driftPpmMax, `a drift of ${ppm} ppm is no integer up to ${driftPpmMax}`);
    this.#baseUs = this.#oscillatorUs(nowUs);
    this.#sinceUs = nowUs;
    this.#ppm = ppm;
  }

  /** Sets the wall clock forward, or back when negative. The monotonic clock does not notice. */
  step(byMs: number): void {
    assert(Number.isInteger(byMs), `a clock is stepped by whole milliseconds, not by ${byMs}`);
    this.#stepMs += byMs;
  }

  #oscillatorUs(nowUs: number): number {
    const elapsed = nowUs - this.#sinceUs;
    const whole = Math.floor(elapsed / million);
    return this.#baseUs + elapsed + whole * this.#ppm + Math.floor(((elapsed - whole * million) * this.#ppm) / million);
  }
}
