/**
 * How long answers take, link by link: smoothed as TCP does (Jacobson 1988, RFC 6298), so that a probe on a slow path is
 * given its time, and the median of the last three for the network coordinate. The node's clock of whole milliseconds is
 * enough: no probe times out in less than probeTimeoutMs, and members less than one apart are equally near.
 */

import type { NodeId } from '../identity.ts';
import type { MeshConfig } from '../mesh-config.ts';

/** On top of the usual: a host may stop to collect garbage. */
const slackMs = 250;
/** Times probeTimeoutMs: no probe waits longer, however slow its path is. */
const timeoutMax = 3;
const samplesMax = 3;

interface RoundTrip {
  smoothedMs: number;
  variationMs: number;
  readonly samples: number[];
}

export class RoundTrips {
  readonly #config: Pick<MeshConfig, 'probeTimeoutMs'>;
  readonly #links = new Map<NodeId, RoundTrip>();

  constructor(config: Pick<MeshConfig, 'probeTimeoutMs'>) {
    this.#config = config;
  }

  /** An answer took `rttMs`. Returns the median of the last three. */
  note(id: NodeId, rttMs: number): number {
    const known = this.#links.get(id);
    if (known === undefined) {
      this.#links.set(id, { smoothedMs: rttMs, variationMs: rttMs / 2, samples: [rttMs] });
      return rttMs;
    }
    known.variationMs += (Math.abs(rttMs - known.smoothedMs) - known.variationMs) / 4;
    known.smoothedMs += (rttMs - known.smoothedMs) / 8;
    known.samples.push(rttMs);
    if (known.samples.length > samplesMax) known.samples.shift();
    return known.samples.toSorted((a, b) => a - b)[known.samples.length >> 1] ?? rttMs;
  }

  /** How long a probe on this link may take: clamp(SRTT + 4 * RTTVAR + 250 ms, probeTimeoutMs, 3 * probeTimeoutMs). */
  timeoutMs(id: NodeId): number {
    const { probeTimeoutMs } = this.#config;
    const usualMs = this.usualMs(id);
    if (usualMs === undefined) return probeTimeoutMs;
    return Math.min(timeoutMax * probeTimeoutMs, Math.max(probeTimeoutMs, usualMs));
  }

  /** So long answers on this link take at most, unless something is wrong; undefined before the first. */
  usualMs(id: NodeId): number | undefined {
    const known = this.#links.get(id);
    return known === undefined ? undefined : Math.round(known.smoothedMs + 4 * known.variationMs + slackMs);
  }

  /** The link is gone; another may go another way. */
  forget(id: NodeId): void {
    this.#links.delete(id);
  }
}
