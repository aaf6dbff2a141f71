/**
 * Timing and sizes of a node. `profiles` has the tested sets; change single fields only for a reason, and on all nodes of a
 * mesh alike: suspicion and refutation are a bargain between them. All times are in milliseconds. Defaults are given as
 * lan / wan / local where they differ.
 */

export interface MeshConfig {
  /**
   * One member is probed each interval: by turns the successor (in the order of ids, or on the first ring) and the next of a
   * random round of all who are watched, so that somebody probes each member at least every other interval. Stretched by local
   * health, up to nine times. Default 500 / 1000 / 300. Shorter finds a hung host sooner and costs one ping and ack (0.8 ms of
   * CPU for both ends together) per interval and node; suspicion shortens with it. Longer than a few seconds leaves hung hosts in
   * rotation for as long.
   */
  readonly probeIntervalMs: number;
  /**
   * How long a direct probe may take on a warm link before helpers are asked, at least. On a path that is slow it is
   * clamp(SRTT + 4 * RTTVAR + 250, probeTimeoutMs, 3 * probeTimeoutMs), and local health stretches it. Default 500 / 2000 / 400. Above
   * the event-loop stalls of a busy host (100-500 ms were seen) and the usual round trip. Too short accuses slow hosts, and costs
   * dials; too long delays eviction by as much.
   */
  readonly probeTimeoutMs: number;
  /**
   * How long helpers have after that: two round trips and a stall. They report at 0.8 of it that they had no answer. The verdict
   * comes probeTimeoutMs + indirectTimeoutMs after the probe. Default 500 / 2000 / 300. Too short makes silent helpers, which counts as
   * our own ill health; too long delays eviction.
   */
  readonly indirectTimeoutMs: number;
  /**
   * How many helpers are asked (SWIM's k, memberlist's IndirectChecks). Default 3: one lost path in three does not accuse a healthy
   * host, and with most of three silent the fault is ours. 1 trusts a single other path; more costs messages when many fail.
   */
  readonly indirectProbes: number;
  /**
   * How long a dial may take, handshake and hello included: 5 round trips and 30 ms of CPU, behind those of others. Default
   * 5000 / 10 000 / 4000. Too short wastes the handshakes of a host that many join at once, which then never ends; dials that decide
   * about a member take no longer than 4 * probeTimeoutMs, stretched by local health, whatever this says.
   */
  readonly dialTimeoutMs: number;
  /**
   * The shortest suspicion is suspicionMult * max(1, log10(members)) * probeIntervalMs (memberlist's SuspicionMult): so long
   * a member has to refute once enough others confirm that it is silent; of one that leaves, one is enough. Default 8 / 12 / 8
   * (4, 12 and 2.4 s in a small mesh). Smaller forgets sooner and fails more healthy hosts.
   */
  readonly suspicionMult: number;
  /**
   * The longest suspicion, as a multiple of the shortest (memberlist's SuspicionMaxTimeoutMult): so long it lasts while one
   * accuser stays alone. Default 6, the paper's. 1 turns off what protects from accusers that are sick themselves; more
   * keeps a failed member listed longer where few can confirm it.
   */
  readonly suspicionMaxMult: number;
  /**
   * Distinct accusers needed to take a member out of rotation before its suspicion ends, where the mesh has as many others; our own
   * failed probe or dial is enough for our own rotation. Default 2. 1 lets any single member take any other out of rotation
   * everywhere; more than 2 leaves a crashed host in the rotation of those who do not probe it for longer. A newcomer that never
   * answered us is no accuser in this count, nor in that of confirmations; in a large mesh newcomers are, together, until three of their
   * accusations were refuted, and by themselves after a minute in which nobody found them gone.
   */
  readonly accusersToEvict: number;
  /**
   * Accusations of one node that may be open or refuted at a time: max(accusationsOpen, links / 20). What enough others confirm,
   * and what proves true, does not count. Beyond it a node accuses nobody, only avoids whom it cannot reach, and says that it is
   * isolated; the others do not believe it. In a time T, one accuser makes each observer suspect at most accusationsOpen + T /
   * accusationRefillMs healthy members, and f accusers take out of rotation that times f / accusersToEvict, until each refutes. This
   * bounds hosts that are sick, and hostile ones only as far as they are few: whoever has the join token makes identities for
   * nothing. They count once they answer us, or last for a minute in a large mesh, so that whoever runs many is many. Keep the
   * token secret, and change it once it is not. Default 3. Smaller withholds
   * what is true when few survive; each more is one healthy member more that a hostile one can slander at a time.
   */
  readonly accusationsOpen: number;
  /**
   * After this time one refuted accusation no longer counts. Default 30 000. Smaller lets a sick or hostile host accuse more often;
   * much longer than the mesh takes to mend leaves hosts distrusted that are well again.
   */
  readonly accusationRefillMs: number;
  /**
   * After a push, news within this window waits for its end and goes out together, a newer fact replacing an older one. Default
   * 10 / 50 / 10. Smaller sends more, smaller messages in a burst; longer delays the second of two changes by as much per hop.
   * What others tell of one subject goes on at a bounded rate whatever this says: of a member 8 times at once and then 4 times a
   * second, of a catalog or a config entry 32 and 10.
   */
  readonly gossipWindowMs: number;
  /**
   * In a full mesh, where the author of news tells all its links: how many random links whoever hears it tells, relayMs later,
   * that there is news. Default 2 and 250: finds those whose link to the author is broken; the rest shows in the roots that
   * probes carry. With 0 such a member waits for a probe round; each more is one message more per member and piece of news, which
   * almost always tells what was known. A shorter relayMs finds them sooner, and takes CPU from the readers of the news
   * while they are woken by it; longer than a probe interval it finds what probes found before.
   */
  readonly relayFanout: number;
  readonly relayMs: number;
  /**
   * A node that knows of this many others at most (newcomers that it only heard of aside) is linked with all of them; of more, with some along rings, until there are
   * fewer than fullMeshReturn others again, or for five minutes fullMeshLeave at most: until then no link that anybody made is
   * closed. A full mesh tells news in one hop and finds two accusers in one probe, and costs a
   * connection (some 0.3 MiB) per pair. Default 48 and 32: apart, so that a mesh of that size does not change to and fro, which
   * closes and makes most of its links each time. fullMeshReturn has to be less than fullMeshLeave.
   */
  readonly fullMeshLeave: number;
  readonly fullMeshReturn: number;
  /**
   * In a large mesh: how many rings there are, and how many successors on each a member watches. It has rings * ringReach
   * subjects and as many observers: 24 links by default (4 rings, reach 3). On one ring those who watch the same member can
   * ask each other, ringReach - 1 of them; several rings keep the mesh whole when many fail at once. With
   * ringReach 1 there is nobody to ask, and every late answer costs a dial; on a single ring, two gaps of ringReach members that
   * fail at once part the rest. Each ring more costs 2 * ringReach links a member, and makes its round of probes longer by ringReach.
   */
  readonly rings: number;
  readonly ringReach: number;
  /**
   * In a large mesh: links beside those of the rings that are kept, the newest ones. They shorten paths and find views that drifted
   * apart. Default 4. With 0 each such link is closed half a minute after it was made, also the one that a newcomer joined by; each
   * more costs a connection.
   */
  readonly longLinks: number;
  /**
   * In a large mesh: how many random links news is passed on to. Misses about e^-fanout of the members in the first wave. Default 4,
   * which misses one in fifty. Below 2 news may die out near its author; each more is one copy more of all news for every member.
   */
  readonly fanout: number;
  /**
   * In a large mesh: how many further links are told, advertiseMs later, that there is news; who lacks it asks for it. Default 4 and
   * 50: finds most of those that the first wave missed, for some bytes instead of a copy. With 0 they wait for a root that differs,
   * up to a probe round. advertiseMs has to exceed the time of the first wave, a few hops: sooner asks for what is on its way,
   * later leaves those who missed it behind for longer.
   */
  readonly advertiseFanout: number;
  readonly advertiseMs: number;
  /**
   * How often one random linked member is compared with, bucket by bucket. What pushes missed shows in the roots that probes carry,
   * within a probe round; this is the net under it. Default 10 000 / 30 000 / 5000. Costs 1.3 KB each; never (a very long one) leaves what
   * a hash of 32 bits hides.
   */
  readonly syncIntervalMs: number;
  /**
   * A lost or missing link is dialled again after min(redialMaxMs, redialMinMs * 2^attempts), less up to half at random. Default 250.
   * Smaller dials hosts that restart more often than they can answer; larger delays the first second chance.
   */
  readonly redialMinMs: number;
  /**
   * The longest wait between two dials to one member or seed; they never end while it is remembered. Default 30 000: what comes back,
   * or a partition that heals, is found within half a minute by either side. Costs one dial per absent member and node each time.
   */
  readonly redialMaxMs: number;
  /**
   * Dials that may be under way at once; four times as many for those that decide about a member. A handshake costs 8 ms of CPU a
   * side on Node 20. Default 2. More makes a mass join a storm at whom all dial.
   */
  readonly dialsAtOnce: number;
  /**
   * At most one refutation in this time, however many accuse. Default 1000. It has to be well below the shortest suspicion, or a
   * healthy member is failed before it may answer; smaller lets accusers make the mesh busier. Who is out of rotation for less than
   * twice that long may be slandered, and is not held out for being so again and again.
   */
  readonly refuteIntervalMs: number;
  /**
   * How long a leaving member waits, out of rotation, for its announcement to spread and requests to end. Default 1000 / 3000 / 300.
   * Too short for the mesh to hear of it makes the exit look like a crash.
   */
  readonly leaveDelayMs: number;
  /**
   * How long a member that left, or failed, is remembered, so that old news cannot revive it. A failed member's
   * instances stay in the catalog for as long, critical and never routed to, and are reaped with it. Default 1 h
   * and 24 h (72 h on a wan). Shorter than the longest partition to heal: the two sides then need a seed to find each other.
   */
  readonly leftTombstoneMs: number;
  readonly failedTombstoneMs: number;
  /**
   * A tick later than this gives no verdict: probes and suspicions wait for max(lateness up to 5 s, probeIntervalMs) more, so that
   * what lies in the sockets is read first. Default 100, above the usual jitter of timers. Too large and a host that stood still
   * accuses those whose answers it did not read; too small and a busy host never comes to a verdict.
   */
  readonly lateTickMs: number;
  /**
   * How far a config version may be ahead of our wall clock, and of the mesh's (config/mesh-clock.ts), before it is refused.
   * Default 300 000. Smaller refuses writes of hosts whose clocks are off; larger lets one such host win over everybody's later
   * writes for as long.
   */
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
  accusationRefillMs: 30_000,
  gossipWindowMs: 10,
  relayFanout: 2,
  relayMs: 250,
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
