/** Vose's alias method: a draw in proportion to weights, in constant time. */

import type { Rng } from '@skein/core';

const whole = 4_294_967_296;

export class AliasTable {
  readonly #count: number;
  /** Of 2^32: how often the drawn place stands for itself. */
  readonly #keep: Float64Array;
  readonly #alias: Int32Array;

  /** `weights` are positive. */
  constructor(weights: readonly number[]) {
    const count = weights.length;
    const sum = weights.reduce((total, weight) => total + weight, 0);
    const scaled = weights.map((weight) => (weight * count) / sum);
    this.#count = count;
    this.#keep = new Float64Array(count).fill(whole);
    this.#alias = new Int32Array(count);
    const small: number[] = [];
    const large: number[] = [];
    for (const [place, weight] of scaled.entries()) (weight < 1 ? small : large).push(place);
    while (small.length > 0 && large.length > 0) {
      const less = small.pop() as number;
      const more = large.at(-1) as number;
      this.#keep[less] = (scaled[less] as number) * whole;
      this.#alias[less] = more;
      scaled[more] = (scaled[more] as number) - (1 - (scaled[less] as number));
      if (scaled[more] < 1) small.push(large.pop() as number);
    }
  }

  /** A place in [0, number of weights). */
  draw(rng: Rng): number {
    const place = rng.below(this.#count);
    return rng.below(whole) < (this.#keep[place] as number) ? place : (this.#alias[place] as number);
  }
}
