/** Quantiles of measured times. */

/** The smallest value that at least the share `q` of the values does not exceed. Undefined when there are none. */
export function quantile(values: readonly number[], q: number): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)];
}
