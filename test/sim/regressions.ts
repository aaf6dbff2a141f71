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
  {
    bug: 'A row of a failed member was taken in again by those who had forgotten it, from one that came back late, and went round for ever.',
    property: 'L2 who stopped is failed everywhere',
    plan: {
      version: 1,
      seed: '00000080',
      nodes: 17,
      zones: ['a', 'b', 'c'],
      network: 'wan',
      profile: 'wan',
      config: { leftTombstoneMs: 60000, failedTombstoneMs: 90000 },
      loss: 0,
      formMs: 71250,
      chaosMs: 117115,
      core: [0, 2, 4, 5, 8, 11, 13, 14, 15],
      convergeMs: 398800,
      restMs: 0,
      services: [{ name: 'web', on: [0, 2, 3, 4, 9, 10, 11, 14, 15] }],
      loads: [],
      faults: [
        { atMs: 5111, fault: { type: 'crash', node: 12, keep: 'nothing' } },
        { atMs: 17684, fault: { type: 'crash', node: 3, keep: 'written' } },
        { atMs: 34941, fault: { type: 'crash', node: 14, keep: 'synced' } },
      ],
      writes: [
        { atMs: 3113, node: 4, write: { type: 'register', service: 'jobs-0', instance: 'job-1', port: 1381 } },
        { atMs: 4648, node: 2, write: { type: 'register', service: 'jobs-1', instance: 'job-5', port: 1483 } },
        { atMs: 7430, node: 12, write: { type: 'register', service: 'jobs-1', instance: 'job-5', port: 1382 } },
        { atMs: 7459, node: 3, write: { type: 'deregister', instance: 'job-1' } },
        { atMs: 7591, node: 4, write: { type: 'config', name: 'route-0', value: 181 } },
        { atMs: 7601, node: 16, write: { type: 'register', service: 'jobs-1', instance: 'job-3', port: 1958 } },
        { atMs: 8929, node: 13, write: { type: 'check', instance: 'job-4', status: 'passing' } },
        { atMs: 10313, node: 4, write: { type: 'register', service: 'jobs-1', instance: 'job-0', port: 1364 } },
        { atMs: 16997, node: 11, write: { type: 'register', service: 'jobs-1', instance: 'job-4', port: 1395 } },
        { atMs: 30228, node: 14, write: { type: 'register', service: 'jobs-1', instance: 'job-2', port: 1512 } },
        { atMs: 35389, node: 15, write: { type: 'register', service: 'jobs-1', instance: 'job-5', port: 1877 } },
        { atMs: 39506, node: 3, write: { type: 'config', name: 'route-0', value: 637 } },
        { atMs: 39723, node: 9, write: { type: 'config', name: 'route-1', value: 780 } },
        { atMs: 42524, node: 10, write: { type: 'register', service: 'jobs-1', instance: 'job-3', port: 1840 } },
        { atMs: 45203, node: 2, write: { type: 'check', instance: 'job-5', status: 'critical' } },
        { atMs: 46545, node: 0, write: { type: 'deregister', instance: 'job-2' } },
      ],
    },
  },
  {
    bug: 'A member of a large mesh doubted others for a moment, then watched them no more: nobody told it that the doubt did not hold, and it kept them out of rotation for ever.',
    property: 'L1 everybody agrees',
    plan: {
      version: 1,
      seed: '00000018',
      nodes: 10,
      zones: [],
      network: 'lan',
      profile: 'lan',
      config: { fullMeshLeave: 6, fullMeshReturn: 4, rings: 2, ringReach: 2 },
      loss: 0,
      formMs: 25630,
      chaosMs: 79000,
      core: 'all',
      convergeMs: 176160,
      restMs: 0,
      services: [{ name: 'web', on: [3, 4, 6, 7, 9] }],
      loads: [],
      faults: [
        {
          atMs: 63700,
          fault: { type: 'link', from: [1, 2, 8], to: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], settings: { loss: 0.52 } },
          forMs: 1000,
        },
        {
          atMs: 68000,
          fault: { type: 'link', from: [6, 7], to: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], settings: { loss: 0.62 } },
          forMs: 10000,
        },
      ],
      writes: [
        { atMs: 52286, node: 6, write: { type: 'register', service: 'jobs-0', instance: 'job-5', port: 1025 } },
        { atMs: 59185, node: 0, write: { type: 'config', name: 'route-1', value: 782 } },
      ],
    },
  },
  {
    bug: 'On rings, one false accuser has a healthy member failed by who has no link with it: the accused takes no notice of what only its accuser says, who believes it cannot tell it, and the rest believe the accuser of others already and pass nothing on.',
    property: 'L7 nobody that is well is removed',
    plan: {
      version: 1,
      seed: '00000003',
      nodes: 20,
      zones: [],
      network: 'lan',
      profile: 'lan',
      config: { fullMeshLeave: 6, fullMeshReturn: 4, rings: 2, ringReach: 2 },
      loss: 0,
      formMs: 20000,
      chaosMs: 34000,
      core: 'all',
      convergeMs: 200000,
      restMs: 0,
      services: [],
      loads: [],
      faults: [{ atMs: 1000, fault: { type: 'lie', node: 19, lie: 'accuser' }, forMs: 59000 }],
      writes: [],
    },
  },
];
