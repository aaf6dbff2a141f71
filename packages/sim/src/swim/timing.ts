/** The formulas by which times and counts grow with the size of the mesh, as memberlist computes them. */

import type { SwimConfig } from './config.ts';

const pushPullScaleFrom = 32;

/** The least time that a suspicion lasts among `size` members, in microseconds. */
export function suspicionMinUs(config: SwimConfig, size: number): number {
  const scale = config.logarithm === 'log2' ? ceilLog2(size + 1) * 1000 : log10Thousandths(size);
  return config.suspicionMult * scale * config.probeIntervalMs;
}

/**
 * The time that a suspicion lasts after `count` of `wanted` confirmations, from its start, in microseconds:
 * max - (max - min) * log(count + 1) / log(wanted + 1), in whole milliseconds.
 */
export function suspicionUs(count: number, wanted: number, minUs: number, maxUs: number): number {
  if (wanted < 1) return minUs;
  const part = Math.log(count + 1) / Math.log(wanted + 1);
  return Math.max(minUs, Math.floor((maxUs - part * (maxUs - minUs)) / 1000) * 1000);
}

/** How many times a claim is sent by each member that has it. */
export function retransmitLimit(config: SwimConfig, size: number): number {
  return config.retransmitMult * (config.logarithm === 'log2' ? ceilLog2(size + 1) : ceilLog10(size + 1));
}

/** The time between two full exchanges, in microseconds. */
export function pushPullUs(config: SwimConfig, size: number): number {
  const factor = size <= pushPullScaleFrom ? 1 : ceilLog2(size) - 4;
  return config.pushPullIntervalMs * 1000 * factor;
}

/** max(1, log10(size)) in thousandths, cut off. */
function log10Thousandths(size: number): number {
  return Math.max(1000, Math.floor((Math.log(Math.max(1, size)) / Math.LN10) * 1000 + 1e-9));
}

function ceilLog10(value: number): number {
  let exponent = 0;
  for (let power = 1; power < value; power *= 10) exponent++;
  return exponent;
}

function ceilLog2(value: number): number {
  let exponent = 0;
  for (let power = 1; power < value; power *= 2) exponent++;
  return exponent;
}
