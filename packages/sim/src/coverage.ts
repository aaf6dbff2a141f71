/**
 * How often the rare things happened that the protocol is made for. A campaign in which one of them never did has
 * proved less than it seems.
 */

import type { MeshEvent } from '@skein/core';

export interface Coverage {
  /** Members suspected, suspicions refuted by their subject, and members failed. */
  suspects: number;
  refutes: number;
  failed: number;
  /** Members that were failed and came back in the same epoch: a partition healed. */
  heals: number;
  /** Members heard of in a later epoch, or whose own epoch was lost and raised. */
  epochBumps: number;
  tombstoneEvictions: number;
  /** Pauses long enough that a timer was late. */
  pausesCrossingTimer: number;
  /** Connections that one side held while the other was without power. */
  halfOpen: number;
  dialRefusals: number;
  /** Messages dropped by a full buffer or for want of a link. */
  queueOverflows: number;
}

export function noCoverage(): Coverage {
  return {
    suspects: 0,
    refutes: 0,
    failed: 0,
    heals: 0,
    epochBumps: 0,
    tombstoneEvictions: 0,
    pausesCrossingTimer: 0,
    halfOpen: 0,
    dialRefusals: 0,
    queueOverflows: 0,
  };
}

/** Adds what one event shows. */
export function cover(coverage: Coverage, event: MeshEvent): void {
  switch (event.type) {
    case 'member-changed':
      if (event.to === 'suspect') coverage.suspects++;
      else if (event.to === 'failed') coverage.failed++;
      else if (event.from === 'failed' && event.to === 'alive' && event.reason !== 'restarted') coverage.heals++;
      if (event.reason === 'restarted') coverage.epochBumps++;
      if (event.reason.endsWith('dial-refused')) coverage.dialRefusals++;
      return;
    case 'refuted':
      coverage.refutes++;
      return;
    case 'member-reaped':
      coverage.tombstoneEvictions++;
      return;
    case 'seed-failed':
      if (event.reason === 'refused') coverage.dialRefusals++;
      return;
    default:
  }
}

/** The sum of two. */
export function addCoverage(a: Coverage, b: Coverage): Coverage {
  const sum = { ...a };
  for (const key of Object.keys(sum) as (keyof Coverage)[]) sum[key] += b[key];
  return sum;
}

/** What never happened. */
export function uncovered(coverage: Coverage): readonly (keyof Coverage)[] {
  return (Object.keys(coverage) as (keyof Coverage)[]).filter((key) => coverage[key] === 0);
}
