/** "I cannot reach this member": a signed statement by its accuser, counted per accuser. */

import type { NodeId } from '../identity.ts';

export type AccusationReason = 'probe-timeout' | 'dial-refused' | 'dial-timeout' | 'forced';

export interface Accusation {
  readonly mesh: string;
  readonly accuser: NodeId;
  readonly subject: NodeId;
  /** The subject's claim that this is about. A newer claim of the subject voids it. */
  readonly epoch: number;
  readonly incarnation: number;
  readonly reason: AccusationReason;
  /** Counts this accuser's accusations, so that they can be ordered and limited. */
  readonly sequence: number;
}
