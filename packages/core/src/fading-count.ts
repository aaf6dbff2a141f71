/**
 * A count of what happened lately: one of it is forgotten each so often, beginning when the count leaves zero. Where it has a
 * most, this is a token bucket: as many at once as that, and then one each so often.
 */

export class FadingCount {
  readonly #everyMs: number;
  #count = 0;
  /** Up to when it was forgotten. */
  #forgotAt = 0;

  /** `everyMs`: how long it takes until one is forgotten. */
  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  /** What is left of it. */
  at(now: number): number {
    const forgotten = Math.floor((now - this.#forgotAt) / this.#everyMs);
    this.#count = Math.max(0, this.#count - forgotten);
    this.#forgotAt = this.#count === 0 ? now : this.#forgotAt + forgotten * this.#everyMs;
    return this.#count;
  }

  /** Whether there was nothing left when it was last looked at. */
  get isZero(): boolean {
    return this.#count === 0;
  }

  /** One more. */
  add(now: number): void {
    this.at(now);
    this.#count++;
  }

  /** How long until one less of it is left, in ms. Asked while there is one. */
  nextMs(now: number): number {
    return Math.max(1, this.#forgotAt + this.#everyMs - now);
  }
}
