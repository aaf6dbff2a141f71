/**
 * What a reference member does and how fast: memberlist's settings, plus switches that take it back to plain SWIM
 * (Das, Gupta, Motivala, DSN 2002) or to one part of Lifeguard (Dadgar, Phillips, Currey, DSN 2018) at a time.
 */

export interface SwimConfig {
  /** Time between two probes of one member, in ms. */
  readonly probeIntervalMs: number;
  /** How long a ping may go unanswered before others are asked to ping, in ms. */
  readonly probeTimeoutMs: number;
  /** How many others are asked (k). */
  readonly indirectChecks: number;
  /** Whether a member that does not answer a ping is also tried over TCP. */
  readonly streamPing: boolean;
  /** Delay after which a helper that got no answer says so, in ms. 0: helpers stay silent. */
  readonly nackAfterMs: number;

  /** LHA-Probe: the probe interval grows with the local health score. */
  readonly awareness: boolean;
  /** Upper bound of the factor by which it grows (S). */
  readonly awarenessMax: number;
  /** Whether the probe timeout grows too: so in the paper, not in memberlist. */
  readonly awarenessScalesTimeout: boolean;

  /** Whether a failed probe is suspected first. Without it the member counts as failed at once. */
  readonly suspicion: boolean;
  /** Suspicion timeout in units of the interval and of the logarithm of the size (alpha). */
  readonly suspicionMult: number;
  /** LHA-Suspicion: how many times longer it starts (beta). */
  readonly suspicionMaxMult: number;
  /** LHA-Suspicion: how many confirmations shrink it to its least (K). 0: it starts there. */
  readonly confirmations: number;
  /** Buddy System: a ping to a suspected member carries the suspicion. */
  readonly buddy: boolean;
  /** Whether a running member that is told of its failure says that it lives. In SWIM it is final, and it leaves. */
  readonly refutesFailure: boolean;

  /** The logarithm of timeouts and retransmissions: log10 as in memberlist, or the ceiling of log2 as in SWIM. */
  readonly logarithm: 'log10' | 'log2';
  /** Each claim is sent so many times the logarithm of the size. */
  readonly retransmitMult: number;
  /** Time between two rounds of gossip, in ms. 0: claims travel on probes only. */
  readonly gossipIntervalMs: number;
  /** Members told in one round. */
  readonly gossipNodes: number;
  /** How long a failed member is still told things, in ms. Then it is forgotten. */
  readonly gossipToFailedMs: number;
  /** Claims go to everybody at once, once, instead of by gossip: SWIM's multicast. */
  readonly multicast: boolean;
  /** Claims in one packet, at most. */
  readonly claimsPerPacketMax: number;
  /** Payload of one packet, at most. */
  readonly packetBytes: number;

  /** Time between two full exchanges with one member, in ms, for up to 32 members. 0: none. */
  readonly pushPullIntervalMs: number;
  /** Limit of one full exchange, in ms. */
  readonly streamTimeoutMs: number;
  /** Age at which a failed member's name may be taken by another address, in ms. 0: never. */
  readonly reclaimMs: number;
  /** Time after which a join that reached nobody is tried again, in ms. */
  readonly joinRetryMs: number;
}

const lan: SwimConfig = {
  probeIntervalMs: 1000,
  probeTimeoutMs: 500,
  indirectChecks: 3,
  streamPing: true,
  nackAfterMs: 500,
  awareness: true,
  awarenessMax: 8,
  awarenessScalesTimeout: false,
  suspicion: true,
  suspicionMult: 4,
  suspicionMaxMult: 6,
  confirmations: 2,
  buddy: true,
  refutesFailure: true,
  logarithm: 'log10',
  retransmitMult: 4,
  gossipIntervalMs: 200,
  gossipNodes: 3,
  gossipToFailedMs: 30_000,
  multicast: false,
  claimsPerPacketMax: 255,
  packetBytes: 1400,
  pushPullIntervalMs: 30_000,
  streamTimeoutMs: 10_000,
  reclaimMs: 0,
  joinRetryMs: 30_000,
};

/** memberlist as it was measured for Lifeguard: alpha 5, beta 6, K 3. */
const lifeguard: SwimConfig = { ...lan, suspicionMult: 5, confirmations: 3 };
/** The same with all that Lifeguard added taken out. */
const swim: SwimConfig = { ...lifeguard, nackAfterMs: 0, awareness: false, confirmations: 0, buddy: false };

const swimSuspicion: SwimConfig = {
  ...swim,
  probeIntervalMs: 2000,
  indirectChecks: 1,
  streamPing: false,
  suspicionMult: 3,
  refutesFailure: false,
  logarithm: 'log2',
  retransmitMult: 3,
  gossipIntervalMs: 0,
  claimsPerPacketMax: 6,
  pushPullIntervalMs: 0,
};
const swimInfection: SwimConfig = { ...swimSuspicion, suspicion: false };

/** Settings by name: Lifeguard's five configurations, memberlist's three of today, and SWIM's own three of its section 5. */
export const swimProfiles = {
  swim,
  lhaProbe: { ...swim, awareness: true, nackAfterMs: lifeguard.nackAfterMs },
  lhaSuspicion: { ...swim, confirmations: lifeguard.confirmations },
  buddy: { ...swim, buddy: true },
  lifeguard,
  memberlistLan: lan,
  memberlistWan: {
    ...lan,
    probeIntervalMs: 5000,
    probeTimeoutMs: 3000,
    nackAfterMs: 3000,
    suspicionMult: 6,
    confirmations: 4,
    gossipIntervalMs: 500,
    gossipNodes: 4,
    gossipToFailedMs: 60_000,
    pushPullIntervalMs: 60_000,
    streamTimeoutMs: 30_000,
  },
  memberlistLocal: {
    ...lan,
    probeTimeoutMs: 200,
    nackAfterMs: 200,
    indirectChecks: 1,
    suspicionMult: 3,
    confirmations: 1,
    retransmitMult: 2,
    gossipIntervalMs: 100,
    gossipToFailedMs: 15_000,
    pushPullIntervalMs: 15_000,
    streamTimeoutMs: 1000,
  },
  swimBasic: { ...swimInfection, multicast: true },
  swimInfection,
  swimSuspicion,
} as const satisfies Record<string, SwimConfig>;

export type SwimProfileName = keyof typeof swimProfiles;
