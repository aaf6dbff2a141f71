/**
 * The last changes of the view, each as the bytes that all streams send. Bounded by count and bytes: who needs one that
 * is gone needs a snapshot.
 */

/** What changed between two indexes; nothing that is shown lies between this and the next. */
export interface Delta {
  readonly after: number;
  readonly index: number;
  readonly bytes: Uint8Array;
}

export interface RingLimits {
  readonly deltas: number;
  readonly bytes: number;
}

export class DeltaRing {
  readonly #limits: RingLimits;
  #deltas: Delta[] = [];
  #bytes = 0;
  #total = 0;
  #index: number;

  constructor(index: number, limits: RingLimits) {
    this.#index = index;
    this.#limits = limits;
  }

  /** That of the last change. */
  get index(): number {
    return this.#index;
  }

  /** Bytes of all deltas that ever were in here. */
  get totalBytes(): number {
    return this.#total;
  }

  push(index: number, bytes: Uint8Array): void {
    this.#deltas.push({ after: this.#index, index, bytes });
    this.#index = index;
    this.#bytes += bytes.length;
    this.#total += bytes.length;
    let drop = 0;
    while (this.#deltas.length - drop > this.#limits.deltas || this.#bytes > this.#limits.bytes)
      this.#bytes -= this.#deltas[drop++]!.bytes.length;
    if (drop > 0) this.#deltas.splice(0, drop);
  }

  /** Whether somebody who has all up to this index can go on from here. */
  reaches(index: number): boolean {
    return index === this.#index || this.next(index) !== undefined;
  }

  /** What follows exactly this index. */
  next(index: number): Delta | undefined {
    let low = 0;
    let high = this.#deltas.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#deltas[middle]!.after < index) low = middle + 1;
      else high = middle;
    }
    const delta = this.#deltas[low];
    return delta?.after === index ? delta : undefined;
  }
}
