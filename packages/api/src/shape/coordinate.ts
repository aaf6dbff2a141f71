/** Network coordinates as Serf has them: seconds, where ours are microseconds. */

import { coordinateDimensions } from '@skein/core';
import type { Coordinate } from '@skein/core';

const unknown = { Vec: Array.from({ length: coordinateDimensions }, () => 0), Error: 1.5, Adjustment: 0, Height: 1e-5 };

/** Without one, as an agent of Consul that has not measured a round trip yet. */
export function consulCoordinate(coordinate: Coordinate | undefined): Record<string, unknown> {
  if (coordinate === undefined) return unknown;
  return {
    Vec: coordinate.positionUs.map(toSeconds),
    Error: coordinate.errorPpm / 1_000_000,
    Adjustment: toSeconds(coordinate.adjustmentUs),
    Height: toSeconds(coordinate.heightUs),
  };
}

function toSeconds(spanUs: number): number {
  return spanUs / 1_000_000;
}
