/**
 * Every property that any mesh must have: safety (S), checked after each change, and liveness (L), within bounds that
 * `plan.ts` computes. That two runs of one seed are the same run (S15's other half) is checked by running twice; S16 is what
 * outlives a process; L2 has two halves, of which one holds at all times; L4 is L1 after a partition; L6 is the bound of the
 * phase *form*. L2, L11 and L12 are about what most runs have none of, and say whether theirs had.
 */

import type { Property } from '../property.ts';
import { agreementProperties } from './agreement.ts';
import { claimProperties } from './claims.ts';
import { clockProperties } from './clocks.ts';
import { collusionProperties } from './collusion.ts';
import { durableProperties } from './durable.ts';
import { gossipProperties } from './gossip.ts';
import { stateProperties } from './state.ts';
import { suspicionProperties } from './suspicions.ts';
import { verdictProperties } from './verdicts.ts';

export const builtInProperties: readonly Property[] = [
  ...claimProperties,
  ...suspicionProperties,
  ...verdictProperties,
  ...agreementProperties,
  ...gossipProperties,
  ...stateProperties,
  ...durableProperties,
  ...clockProperties,
  ...collusionProperties,
];
