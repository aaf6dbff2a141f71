/**
 * How long a suspicion lasts (Lifeguard's local health aware suspicion, Dadgar et al. 2018, IV-B): long while one member
 * alone accuses, which may be the sick one, and shorter with every other that agrees.
 *
 *     min     = suspicionMult * max(1, log10(members)) * probeIntervalMs
 *     max     = suspicionMaxMult * min
 *     timeout = max(min, max - (max - min) * log(C + 1) / log(K + 1))
 *
 * C counts accusers beyond the first, K is how many of those bring the timeout down to `min`. Where nobody else could
 * confirm, as in a mesh of two, it starts there.
 */

import type { MeshConfig } from '../mesh-config.ts';

/** Confirmations that bring a suspicion down to its minimum, in a mesh that has so many others (Lifeguard's K). */
export const confirmationsMax = 3;

/** How many confirmations count in a mesh of so many members: neither the first accuser nor the subject is one. */
export function confirmationsOf(members: number): number {
  return Math.max(0, Math.min(confirmationsMax, members - 2));
}

/**
 * How long a suspicion lasts, in ms from its start, while `accusers` accuse. `members` counts those alive or suspect,
 * this node and the subject included.
 */
export function suspicionMs(
  config: Pick<MeshConfig, 'suspicionMult' | 'suspicionMaxMult' | 'probeIntervalMs'>,
  members: number,
  accusers: number,
): number {
  const min = config.suspicionMult * Math.max(1, Math.log10(Math.max(1, members))) * config.probeIntervalMs;
  const wanted = confirmationsOf(members);
  const confirmations = Math.max(0, accusers - 1);
  if (confirmations >= wanted) return Math.round(min);
  const max = config.suspicionMaxMult * min;
  return Math.round(Math.max(min, max - ((max - min) * Math.log(confirmations + 1)) / Math.log(wanted + 1)));
}
