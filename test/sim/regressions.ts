/**
 * The ledger: the shrunk plan of each bug that was ever found by chaos and fixed, with what was wrong. Run on each commit,
 * so that none comes back. A plan is added as it was printed, and never changed.
 */

import type { FaultPlan } from '@skein/sim';

export interface Regression {
  /** What was wrong, in one line. */
  readonly bug: string;
  /** The property that broke. */
  readonly property: string;
  readonly plan: FaultPlan;
}

export const regressions: readonly Regression[] = [
  {
    bug: 'A node came back with a new disk after half its tombstone: what others held of its former catalog was no longer in their digests, so they never told it, and kept showing it.',
    property: 'L1 everybody agrees',
    plan: {
      version: 1,
      seed: '00000052',
      nodes: 2,
      zones: [],
      network: 'lan',
      profile: 'lan',
      config: { leftTombstoneMs: 60000, failedTombstoneMs: 90000 },
      loss: 0,
      formMs: 25680,
      chaosMs: 120000,
      core: 'all',
      convergeMs: 176160,
      restMs: 0,
      services: [],
      loads: [],
      faults: [{ atMs: 49000, fault: { type: 'power-off', node: 1, keep: 'nothing' } }],
      writes: [{ atMs: 14714, node: 1, write: { type: 'register', service: 'jobs-1', instance: 'job-2', port: 1022 } }],
    },
  },
];
