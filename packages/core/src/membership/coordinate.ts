/**
 * Where a node is in the space of round trips: Vivaldi (Dabek et al. 2004) with a height for the access link, a median
 * filter, gravity (Ledlie et al. 2007) and an adjustment for what no space fits (Lee et al. 2010), with Serf's constants.
 * From two coordinates the round trip between their nodes can be told, though neither ever talked to the other.
 *
 * Coordinates are integers, so that they are the same bits everywhere. They are hints for sorting by nearness: a peer may
 * state what it likes, and no verdict rests on them.
 */

import type { Rng } from '../rng.ts';

/** Microseconds, and millionths for the error. */
export interface Coordinate {
  /** Eight dimensions, each within ten seconds of the middle. */
  readonly positionUs: readonly number[];
  /** What every path to the node costs on top: at least 10. */
  readonly heightUs: number;
  readonly adjustmentUs: number;
  /** How wrong estimates were of late: 0 is never, 1 500 000 is the most, and where everybody starts. */
  readonly errorPpm: number;
}

export const coordinateDimensions = 8;
const limitUs = 10_000_000;
const errorMax = 1.5;
const correction = 0.25;
const heightMinUs = 10;
const adjustmentWindow = 20;
const gravityRhoUs = 150_000_000;
const nearlyZeroUs = 1;
/** Round trips are measured by a clock of milliseconds: what shows as none took less than one. */
const halfTickUs = 500;

/** Whether a peer's word can be reckoned with at all. */
export function isCoordinate(value: Coordinate): boolean {
  const { positionUs, heightUs, adjustmentUs, errorPpm } = value;
  return (
    positionUs.length === coordinateDimensions &&
    [...positionUs, heightUs, adjustmentUs].every((each) => Number.isFinite(each) && Math.abs(each) <= limitUs) &&
    heightUs >= 0 &&
    errorPpm >= 0 &&
    errorPpm <= errorMax * 1_000_000
  );
}

/** The round trip to be expected between two nodes, in ms. */
export function estimatedRttMs(a: Coordinate, b: Coordinate): number {
  const raw = distance(a.positionUs, b.positionUs) + a.heightUs + b.heightUs;
  const adjusted = raw + a.adjustmentUs + b.adjustmentUs;
  return (adjusted > 0 ? adjusted : raw) / 1000;
}

/** This node's own coordinate, moved by each round trip that is measured. */
export class Vivaldi {
  readonly #rng: Rng;
  #position: number[] = Array.from({ length: coordinateDimensions }, () => 0);
  #height = heightMinUs;
  #error = errorMax;
  #samples: number[] = [];
  #sample = 0;
  #coordinate: Coordinate | undefined;

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  get coordinate(): Coordinate {
    this.#coordinate ??= {
      positionUs: this.#position.map(Math.round),
      heightUs: Math.round(this.#height),
      adjustmentUs: Math.round(this.#adjustment()),
      errorPpm: Math.round(this.#error * 1_000_000),
    };
    return this.#coordinate;
  }

  /** Takes in that a round trip to a node at `other` took `rttMs`. Returns false, and does nothing, when `other` makes no sense. */
  moved(other: Coordinate, rttMs: number): boolean {
    if (!isCoordinate(other)) return false;
    const rtt = Math.min(limitUs, Math.max(halfTickUs, rttMs * 1000));
    const raw = distance(this.#position, other.positionUs) + this.#height + other.heightUs;
    const adjusted = raw + this.#adjustment() + other.adjustmentUs;
    const expected = adjusted > 0 ? adjusted : raw;
    const weight = this.#error / Math.max(1e-6, this.#error + other.errorPpm / 1_000_000);
    const wrongness = Math.abs(expected - rtt) / rtt;
    this.#error = Math.min(errorMax, correction * weight * wrongness + this.#error * (1 - correction * weight));
    this.#push(other.positionUs, other.heightUs, correction * weight * (rtt - expected));
    this.#samples[this.#sample] = rtt - (distance(this.#position, other.positionUs) + this.#height + other.heightUs);
    this.#sample = (this.#sample + 1) % adjustmentWindow;
    this.#pull();
    this.#coordinate = undefined;
    if (!isCoordinate(this.coordinate)) this.#reset();
    return true;
  }

  /** Away from a point, or towards it for a negative force. */
  #push(from: readonly number[], heightUs: number, force: number): void {
    const direction = this.#position.map((each, i) => each - (from[i] ?? 0));
    let length = norm(direction);
    if (length > nearlyZeroUs) {
      this.#height = Math.max(heightMinUs, ((this.#height + heightUs) * force) / length + this.#height);
    } else {
      // On top of each other: any direction will do.
      for (let i = 0; i < direction.length; i++) direction[i] = this.#rng.below(2_000_001) - 1_000_000;
      length = Math.max(1, norm(direction));
    }
    for (let i = 0; i < direction.length; i++) this.#position[i] = this.#position[i]! + (direction[i]! / length) * force;
  }

  /** A little gravity keeps all coordinates from drifting away together. */
  #pull(): void {
    const share = (norm(this.#position) + this.#height) / gravityRhoUs;
    this.#push([], heightMinUs, -share * share * 1_000_000);
  }

  /** Half of what estimates lacked over a window: the other node has the other half. */
  #adjustment(): number {
    let sum = 0;
    for (const sample of this.#samples) sum += sample;
    return sum / (2 * adjustmentWindow);
  }

  #reset(): void {
    this.#position = this.#position.map(() => 0);
    this.#height = heightMinUs;
    this.#error = errorMax;
    this.#samples = [];
    this.#sample = 0;
    this.#coordinate = undefined;
  }
}

function distance(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) * (a[i]! - b[i]!);
  return Math.sqrt(sum);
}

function norm(vector: readonly number[]): number {
  let sum = 0;
  for (const each of vector) sum += each * each;
  return Math.sqrt(sum);
}
