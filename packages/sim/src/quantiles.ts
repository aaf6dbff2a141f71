/**
 * Latencies as quantile tables, interpolated in integers. A table says exactly what a run uses, needs no
 * logarithm or power (whose last bits differ between engines), and can be copied from a measurement.
 */

/** One-way delays in microseconds. Each value is at least the one before it. */
export interface Quantiles {
  readonly p0: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/**
 * One-way delays of a packet: within one host, within one site, between sites of one continent, over a geostationary
 * satellite, and over a busy wireless link.
 */
export const latencies = {
  loopback: { p0: 20, p50: 40, p90: 80, p99: 200, max: 1000 },
  lan: { p0: 100, p50: 250, p90: 400, p99: 1000, max: 5000 },
  wan: { p0: 20_000, p50: 40_000, p90: 50_000, p99: 80_000, max: 200_000 },
  satellite: { p0: 250_000, p50: 280_000, p90: 320_000, p99: 450_000, max: 1_200_000 },
  lossyWifi: { p0: 800, p50: 3000, p90: 15_000, p99: 80_000, max: 400_000 },
} as const satisfies Record<string, Quantiles>;

export type NetworkName = keyof typeof latencies;

// Where the quantiles lie on a scale of 16 bits. Products stay far below 2^53.
const at50 = 32_768;
const at90 = 58_982;
const at99 = 64_881;
const at100 = 65_536;

/** The delay at a uniform draw from [0, 2^32). */
export function quantileAt(table: Quantiles, draw: number): number {
  const u = draw >>> 16;
  if (u < at50) return between(table.p0, table.p50, u, at50);
  if (u < at90) return between(table.p50, table.p90, u - at50, at90 - at50);
  if (u < at99) return between(table.p90, table.p99, u - at90, at99 - at90);
  return between(table.p99, table.max, u - at99, at100 - at99);
}

function between(low: number, high: number, part: number, whole: number): number {
  return low + Math.floor(((high - low) * part) / whole);
}
