/**
 * Timing and sizes of a node. `profiles` has the tested sets; change single fields only for a reason.
 * All times are in milliseconds.
 */

export interface MeshConfig {
  /**
   * One member is probed each interval, round-robin over a random order. Shorter finds a hung host sooner and
   * costs one ping and ack (0.8 ms of CPU for both ends together) per interval and node. Default 500 (lan).
   */
  readonly probeIntervalMs: number;
  /**
   * How long a direct probe may take on a warm link before helpers are asked. Must be above the network's p99
   * round trip plus the event-loop stalls of a busy host (100-500 ms were seen). Default 500 (lan). Too short
   * accuses slow hosts, too long delays eviction by as much.
   */
  readonly probeTimeoutMs: number;
  /** How long helpers have after that. The verdict comes probeTimeoutMs + indirectTimeoutMs after the probe. Default 500. */
  readonly indirectTimeoutMs: number;
  /** How many helpers are asked (SWIM's k). Default 3: one lost path in three does not accuse a healthy host. */
  readonly indirectProbes: number;
  /**
   * How long a dial may take, handshake and hello included: 5 round trips and 30 ms of CPU, behind those of others. Default
   * 5000 (lan). Too short wastes the handshakes of a host that many join at once, which then never ends; dials that decide
   * about a member take no longer than 4 * probeTimeoutMs whatever this says.
   */
  readonly dialTimeoutMs: number;
  /**
   * The shortest suspicion is suspicionMult * max(1, log10(members)) * probeIntervalMs (memberlist's SuspicionMult): so long
   * a member has to refute once enough others confirm that it is silent. Default 8 (4 s in a small lan mesh). Smaller
   * forgets sooner and fails more healthy hosts.
   */
  readonly suspicionMult: number;
  /**
   * The longest suspicion, as a multiple of the shortest (memberlist's SuspicionMaxTimeoutMult): so long it lasts while one
   * accuser stays alone. Default 6, the paper's. 1 turns off what protects from accusers that are sick themselves; more
   * keeps a failed member listed longer where few can confirm it.
   */
  readonly suspicionMaxMult: number;
  /** Distinct accusers needed to take a member out of rotation, where the mesh has as many. Default 2. */
  readonly accusersToEvict: number;
  /**
   * Accusations of one node that may be open or refuted at a time; who has links to more than 20 times as many may have one
   * in twenty. What enough others confirm does not count. Beyond it a node accuses nobody and says that it is isolated, and
   * the others do not believe it. Default 3. Smaller withholds what is true when few survive; each more is one healthy
   * member more that a hostile one can make everybody suspect at a time.
   */
  readonly accusationsOpen: number;
  /** After this time one refuted accusation no longer counts. Default 60 000. Smaller lets a sick host accuse more often. */
  readonly accusationRefillMs: number;
  /** A push is coalesced with what else changes within this window after the one before it. Default 10. */
  readonly gossipWindowMs: number;
  /**
   * In a full mesh, where the author of news tells all its links: how many random links whoever hears it tells, advertiseMs
   * later, that there is news. Default 2: finds those whose link to the author is broken; the rest shows in the roots that
   * probes carry.
   */
  readonly relayFanout: number;
  /**
   * Up to this many members, everybody is linked with everybody; above it, members are linked along rings, until there are
   * fewer than fullMeshReturn again. A full mesh tells news in one hop and finds two accusers in one probe, and costs a
   * connection (some 0.3 MiB) per pair. Default 48 and 32: apart, so that a mesh of that size does not change to and fro.
   */
  readonly fullMeshLeave: number;
  readonly fullMeshReturn: number;
  /**
   * In a large mesh: how many rings there are, and how many successors on each a member watches. It has rings * ringReach
   * subjects and as many observers: 24 links by default (4 rings, reach 3). On one ring those who watch the same member can
   * ask each other, ringReach - 1 of them; several rings keep the mesh whole when many fail at once.
   */
  readonly rings: number;
  readonly ringReach: number;
  /** In a large mesh: links beside those of the rings that are kept, the newest ones. They shorten paths and find views that drifted apart. Default 4. */
  readonly longLinks: number;
  /** In a large mesh: how many random links news is passed on to. Misses about e^-fanout of the members in the first wave. Default 4. */
  readonly fanout: number;
  /** In a large mesh: how many further links are told, advertiseMs later, that there is news; who lacks it asks for it. Default 4 and 50. */
  readonly advertiseFanout: number;
  readonly advertiseMs: number;
  /** How often one random linked member is compared with, bucket by bucket. Default 10 000 (lan). */
  readonly syncIntervalMs: number;
  /** A lost or missing link is dialled again after this, doubling up to redialMaxMs, with jitter of half. Default 250. */
  readonly redialMinMs: number;
  /** Default 30 000: a host that comes back is found within half a minute even if it does not dial itself. */
  readonly redialMaxMs: number;
  /** Dials that may be under way at once. A handshake costs 12 ms of CPU a side on Node 20. Default 2. */
  readonly dialsAtOnce: number;
  /** At most one refutation in this time, however many accuse. Default 1000. */
  readonly refuteIntervalMs: number;
  /** How long a leaving member waits for its announcement to spread before it goes. Default 1000. */
  readonly leaveDelayMs: number;
  /**
   * How long a member that left, or failed, is remembered, so that old news cannot revive it. A failed member's
   * instances stay in the catalog for as long, critical and never routed to, and are reaped with it. Default 1 h
   * and 24 h. Shorter than the longest partition to heal: the two sides then need a seed to find each other.
   */
  readonly leftTombstoneMs: number;
  readonly failedTombstoneMs: number;
  /** A tick later than this gives no verdict: what waits in the sockets is read first. Default 100. */
  readonly lateTickMs: number;
  /** How far a config version may be ahead of our wall clock before it is refused. Default 300 000. */
  readonly configSkewMs: number;
}

const lan: MeshConfig = {
  probeIntervalMs: 500,
  probeTimeoutMs: 500,
  indirectTimeoutMs: 500,
  indirectProbes: 3,
  dialTimeoutMs: 5000,
  suspicionMult: 8,
  suspicionMaxMult: 6,
  accusersToEvict: 2,
  accusationsOpen: 3,
  accusationRefillMs: 60_000,
  gossipWindowMs: 10,
  relayFanout: 2,
  fullMeshLeave: 48,
  fullMeshReturn: 32,
  rings: 4,
  ringReach: 3,
  longLinks: 4,
  fanout: 4,
  advertiseFanout: 4,
  advertiseMs: 50,
  syncIntervalMs: 10_000,
  redialMinMs: 250,
  redialMaxMs: 30_000,
  dialsAtOnce: 2,
  refuteIntervalMs: 1000,
  leaveDelayMs: 1000,
  leftTombstoneMs: 3_600_000,
  failedTombstoneMs: 86_400_000,
  lateTickMs: 100,
  configSkewMs: 300_000,
};

/** `lan`: one site. `wan`: round trips up to 500 ms. `local`: everything on one host, as in demos and tests. */
export const profiles = {
  lan,
  wan: {
    ...lan,
    probeIntervalMs: 1000,
    probeTimeoutMs: 2000,
    indirectTimeoutMs: 2000,
    dialTimeoutMs: 10_000,
    suspicionMult: 12,
    gossipWindowMs: 50,
    syncIntervalMs: 30_000,
    leaveDelayMs: 3000,
    failedTombstoneMs: 259_200_000,
  },
  local: {
    ...lan,
    probeIntervalMs: 300,
    probeTimeoutMs: 400,
    indirectTimeoutMs: 300,
    dialTimeoutMs: 4000,
    syncIntervalMs: 5000,
    leaveDelayMs: 300,
  },
} as const satisfies Record<string, MeshConfig>;

export type ProfileName = keyof typeof profiles;
