/**
 * Counter-based randomness: a draw is a hash of (seed, stream, key, counter), such as "the latency of the 17th
 * message from node 3 to node 5". There is no generator whose state all draws share, so taking one fault, node
 * or message out of a run does not shift every later draw. That is what makes failing runs shrinkable.
 *
 * The mixing is MurmurHash3's, in 32-bit integer steps only, so every engine draws the same bits.
 */

import { ScenarioError } from './scenario-error.ts';

/** Hashes four 32-bit integers to one. */
export function hash32(a: number, b: number, c: number, d: number): number {
  let h = 0x9e3779b9;
  h = mix(h, a);
  h = mix(h, b);
  h = mix(h, c);
  h = mix(h, d);
  return finish(h);
}

/** Hashes text by its UTF-16 units: FNV-1a, then a finish that spreads short texts over all bits. */
export function hashText(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return finish(h);
}

export function mix(h: number, value: number): number {
  let k = Math.imul(value, 0xcc9e2d51);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  const mixed = h ^ k;
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(h: number): number {
  let x = h;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

/**
 * A seed as users give it: an integer from 0 to 2^32 - 1, the one to eight hexadecimal digits of such a number in either
 * case, or any other text, such as a commit id. The same text is the same seed in code, in the environment and on the
 * command line.
 */
export type Seed = number | string;

const seedMax = 0xffffffff;

/** The 32-bit seed that `seed` stands for. Throws a `ScenarioError` where it could be meant as another number than it is. */
export function seedNumber(seed: Seed): number {
  if (typeof seed === 'number' && Number.isSafeInteger(seed)) {
    if (seed >= 0 && seed <= seedMax) return seed;
    throw new ScenarioError(`seed: ${seed} is not from 0 to ${seedMax}`);
  }
  if (typeof seed !== 'string') throw new ScenarioError(`seed: ${String(seed)} is neither an integer nor text`);
  if (/^[0-9a-f]{1,8}$/i.test(seed)) return parseInt(seed, 16);
  if (/^0x/i.test(seed) || /^\s*-?[\d.]+\s*$/.test(seed) || !/^\S(?:.{0,62}\S)?$/.test(seed))
    throw new ScenarioError(
      `seed: '${seed}' is no seed: as text it has 1 to 8 hexadecimal digits without 0x, or is a word of up to 64 letters`,
    );
  return hashText(seed);
}

/** Eight hexadecimal digits, which `seedNumber` reads back. */
export function seedText(seed: number): string {
  return seed.toString(16).padStart(8, '0');
}

export class Randomness {
  readonly seed: number;

  constructor(seed: Seed) {
    this.seed = seedNumber(seed);
  }

  /** An integer in [0, 2^32). `stream` is a `hashText` of what is drawn. */
  draw(stream: number, key: number, counter: number): number {
    return hash32(this.seed, stream, key, counter);
  }

  /** An integer in [0, bound). */
  below(bound: number, draw: { readonly stream: number; readonly key: number; readonly counter: number }): number {
    return Math.floor((this.draw(draw.stream, draw.key, draw.counter) / 4294967296) * bound);
  }
}
