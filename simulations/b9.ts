/**
 * B9: how fast one update of one node reaches all others, and what that costs. Updates are changed tags, which travel with
 * the member's record, and a registered instance, which travels with its owner's catalog. The reference tells of one
 * member that leaves: one claim about one member, spread by the same rules as any other.
 *
 *     npm run simulate -- b9 [--quick] [--large]
 */

import { instanceId } from '@skein/core';
import type { Gossip, Message, NodeId } from '@skein/core';
import { SwimMesh, World, swimProfiles } from '@skein/sim';
import type { Experiment, ExperimentContext, ExperimentRow, Seed } from '@skein/sim';
import { quantile, sum } from './measure/quantile.ts';
import { settledMesh } from './measure/settled-mesh.ts';

/** One update: when it reached each of the others, in ms, and what all of them took in of it. */
interface Spread {
  readonly arrivalsMs: readonly number[];
  /** Copies of the news itself, and mere announcements of it. */
  readonly copies: number;
  readonly announcements: number;
  readonly bytes: number;
}

type Kind = 'tags' | 'instance';

const allLosses = [0, 0.05, 0.2];
const shares = [0.5, 0.99, 0.999, 0.9999];
/** Longer than any update takes, repair included. */
const withinMs = 60_000;
/** Copies that come after the last node has heard. */
const echoMs = 500;
/** Loss grows in such steps, each this long: members learn how long answers take now. */
const lossStep = 0.05;
const lossStepMs = 10_000;
/** As the transport encodes them, roughly: what a signature adds, and one announcement. */
const signatureBytes = 72;
const announcementBytes = 64;
/** Of the reference: members that may leave a mesh before a new one takes its place. */
const leaversPart = 0.03;
/** A claim about a member that left, in a packet with others. */
const claimBytes = 45;

const { memberlistLan } = swimProfiles;

const b9: Experiment = {
  name: 'b9',
  summary: 'Time until one update of a random node is everywhere, and copies of it per node: memberlist, ours.',
  words: {
    '--quick': { what: '30 and 128 members, five updates' },
    '--large': { what: '2000 members as well, and all losses, which takes an hour', not: ['--quick'] },
  },
  run: (context) => {
    const isQuick = context.words.has('--quick');
    const isLarge = context.words.has('--large');
    // A thousand members that lose every fifth packet say so much that it takes an hour.
    const lossesOf = (members: number): readonly number[] => (members < 1000 || isLarge ? allLosses : allLosses.slice(0, 2));
    const sizes = isQuick ? [30, 128] : isLarge ? [30, 128, 1000, 2000] : [30, 128, 1000];
    const updatesOf = (members: number): number => (isQuick ? 5 : members < 1000 ? 20 : 5);
    const rows: ExperimentRow[] = [];
    for (const members of sizes) {
      const updates = updatesOf(members);
      const own = ownSpreads(context, { members, updates, losses: lossesOf(members) });
      for (const loss of lossesOf(members)) {
        const reference = referenceSpreads(`${String(context.seed)} ${members} ${loss}`, members, loss, updates);
        rows.push(...rowsOf(members, loss, own.get(keyOf('tags', loss)) ?? [], reference));
        rows.push(instanceRow(members, loss, own.get(keyOf('instance', loss)) ?? []));
        context.progress(`${members} members, ${loss * 100} % loss`);
      }
    }
    return {
      setup: {
        updates: `${updatesOf(0)} of each kind, by random nodes, for each size and loss; ${updatesOf(1000)} where there are 1000 members`,
        network: 'lan; loss grows by 5 % each 10 s before the updates',
        memberlist: 'an update is a member that leaves; its copies are claims in datagrams',
        formula: 'logistic curve of the Serf convergence simulator: 200 ms, fan-out 3, no retransmit limit',
        'copies, bytes': 'taken in by all nodes, per node and update; of announcements, 64 bytes each',
      },
      rows,
    };
  },
};

export default b9;

function rowsOf(members: number, loss: number, own: readonly Spread[], reference: readonly Spread[]): ExperimentRow[] {
  const what = (rest: string): string => `${members} members, ${loss * 100} % loss: ${rest}`;
  const times = shares.map((share): ExperimentRow => {
    const isGoal = members === 1000 && loss === 0 && share === 0.999;
    return {
      what: what(`${share * 100} % of nodes`),
      unit: 'ms',
      ours: arrivalMs(own, share),
      anchors: { memberlist: arrivalMs(reference, share), formula: formulaMs(members, loss, share) },
      ...(isGoal && { goal: '< 300' }),
    };
  });
  const perNode = (spreads: readonly Spread[], of: (spread: Spread) => number): number =>
    sum(spreads.map(of)) / spreads.length / members;
  const cost = (rest: string, unit: string, of: (spread: Spread) => number): ExperimentRow => ({
    what: what(rest),
    unit,
    ours: perNode(own, of),
    anchors: { memberlist: perNode(reference, of) },
  });
  return [
    ...times,
    cost('copies of the news', 'per node', ({ copies }) => copies),
    cost('announcements', 'per node', ({ announcements }) => announcements),
    cost('both', 'bytes per node', ({ bytes }) => bytes),
  ];
}

function instanceRow(members: number, loss: number, own: readonly Spread[]): ExperimentRow {
  return {
    what: `${members} members, ${loss * 100} % loss: an instance, 99.9 % of nodes`,
    unit: 'ms',
    ours: arrivalMs(own, 0.999),
  };
}

function arrivalMs(spreads: readonly Spread[], share: number): number {
  return quantile(
    spreads.flatMap(({ arrivalsMs }) => arrivalsMs),
    share,
  );
}

/** When the logistic curve has this share of the members: contact rate fanout / 2, in rounds of 200 ms. */
function formulaMs(members: number, loss: number, share: number): number {
  const { gossipIntervalMs, gossipNodes } = memberlistLan;
  return (gossipIntervalMs * Math.log(((members + 1) * share) / (1 - share))) / (gossipNodes * 0.5 * (1 - loss));
}

// ---- ours

function keyOf(kind: Kind, loss: number): string {
  return `${kind} ${loss}`;
}

/** All updates in one mesh, by kind and loss. */
function ownSpreads(
  context: ExperimentContext,
  { members, updates, losses }: { readonly members: number; readonly updates: number; readonly losses: readonly number[] },
): ReadonlyMap<string, readonly Spread[]> {
  let heard: (node: NodeId, message: Message) => void = () => undefined;
  const { world, nodes } = settledMesh({
    seed: `${String(context.seed)} ours ${members}`,
    members,
    onMessage: (node, message) => heard(node, message),
  });
  context.progress(`${members} members formed`);
  const spreads = new Map<string, Spread[]>();
  for (const loss of losses) {
    loseSlowly(world, loss);
    for (const kind of ['tags', 'instance'] as const) {
      const seen: Spread[] = [];
      for (let update = 0; update < updates; update++) {
        world.runFor(phaseMs(world, update));
        const origin = nodes[world.randomness.below(members, { stream: 2, key: members, counter: update })];
        if (origin === undefined) throw new Error('there is no such node');
        const arrivalsMs = new Map<NodeId, number>();
        const counts = { copies: 0, announcements: 0, bytes: 0 };
        const atMs = world.nowMs;
        const name = `${kind} ${loss} ${update}`;
        heard = (node, message) => {
          const bytes = newsBytes(message, kind, origin.id, name);
          if (bytes > 0) {
            counts.copies++;
            counts.bytes += bytes;
            if (node !== origin.id && !arrivalsMs.has(node)) arrivalsMs.set(node, world.nowMs - atMs);
          }
          if (isAnnounced(message, kind, origin.id)) {
            counts.announcements++;
            counts.bytes += announcementBytes;
          }
        };
        const result =
          kind === 'tags'
            ? origin.dispatch({ type: 'set-tags', tags: { update: name } })
            : origin.dispatch({ type: 'register', instance: instanceOf(name), checks: [], replaceChecks: true });
        if (!result.ok) throw new Error(result.message);
        const took = world.runUntil(() => arrivalsMs.size >= members - 1, withinMs);
        if (took === undefined) throw new Error(`${arrivalsMs.size} of ${members - 1} nodes heard of ${name}`);
        world.runFor(echoMs);
        seen.push({ arrivalsMs: [...arrivalsMs.values()], ...counts });
      }
      spreads.set(keyOf(kind, loss), seen);
    }
  }
  return spreads;
}

/** What of a message is this update, in bytes: 0 when it is not in it. */
function newsBytes(message: Message, kind: Kind, origin: NodeId, name: string): number {
  const facts: Gossip | undefined =
    message.type === 'gossip' ? message : message.type === 'sync-facts' ? message.facts : undefined;
  if (facts === undefined) return 0;
  if (kind === 'tags') {
    const found = facts.members.find(({ record: { value } }) => value.id === origin && value.tags['update'] === name);
    return found === undefined ? 0 : found.record.bytes.length + signatureBytes;
  }
  for (const { head, upserts } of facts.deltas) {
    if (head.value.owner !== origin) continue;
    const found = upserts.find(({ record: { value } }) => value.type === 'instance' && value.instance.id === name);
    if (found !== undefined) return found.bytes.length + head.bytes.length + signatureBytes;
  }
  return 0;
}

function isAnnounced(message: Message, kind: Kind, origin: NodeId): boolean {
  const key = `${kind === 'tags' ? 'm' : 'c'}/${origin}`;
  return message.type === 'have' && message.entries.some((entry) => entry.key === key);
}

/** The same instance each time but for its id, in place of the one before: a catalog does not grow with the updates. */
function instanceOf(id: string) {
  return {
    id: instanceId(id),
    service: 'web',
    address: '',
    port: 8080,
    tags: [],
    meta: {},
    weights: { passing: 1, warning: 1 },
    taggedAddresses: {},
    enableTagOverride: false,
    protocol: 'http',
    region: '',
    zone: '',
    kind: '',
    socketPath: '',
  };
}

// ---- the reference

function referenceSpreads(seed: Seed, members: number, loss: number, updates: number): readonly Spread[] {
  const spreads: Spread[] = [];
  const perMesh = Math.max(1, Math.floor(members * leaversPart));
  for (let mesh = 0; spreads.length < updates; mesh++) {
    spreads.push(...referenceLeaves(`${String(seed)} ${mesh}`, members, loss, Math.min(perMesh, updates - spreads.length)));
  }
  return spreads;
}

function referenceLeaves(seed: Seed, members: number, loss: number, leaves: number): Spread[] {
  const world = new World({ seed, network: 'lan', traceLines: 0 });
  let leaver = -1;
  let atMs = 0;
  let arrivalsMs: number[] = [];
  let copies = 0;
  const mesh = new SwimMesh(world, {
    config: memberlistLan,
    onChange: (host, { subject, to }) => {
      if (to === 'left' && subject === leaver && host.index !== leaver) arrivalsMs.push(world.nowMs - atMs);
    },
  });
  const hosts = mesh.add(members, { settled: true });
  for (const host of hosts) {
    const take = host.takePacket.bind(host);
    host.takePacket = (from, packet) => {
      if (packet.messages.some((message) => message.type === 'failed' && message.subject === leaver)) copies++;
      take(from, packet);
    };
  }
  loseSlowly(world, loss);
  return Array.from({ length: leaves }, (_, at) => {
    world.runFor(2000 + phaseMs(world, at));
    leaver = at * 31;
    atMs = world.nowMs;
    arrivalsMs = [];
    copies = 0;
    hosts[leaver]?.leave();
    world.runUntil(() => arrivalsMs.length >= members - 1 - at, withinMs);
    world.runFor(echoMs);
    // Who never heard counts as late as can be.
    const missing = Math.max(0, members - 1 - at - arrivalsMs.length);
    const late = Array.from({ length: missing }, () => withinMs);
    return { arrivalsMs: [...arrivalsMs, ...late], copies, announcements: 0, bytes: copies * claimBytes };
  });
}

/** Detection is not what is measured: nobody is to be under suspicion for packets that are suddenly lost. */
function loseSlowly(world: World, loss: number): void {
  for (let step = lossStep; step < loss + lossStep / 2; step += lossStep) {
    world.network.setDefault({ loss: step });
    world.runFor(lossStepMs);
  }
  world.network.setDefault({ loss });
}

/** Puts each update at another phase of all timers. */
function phaseMs(world: World, update: number): number {
  return world.randomness.below(1000, { stream: 1, key: update, counter: 0 });
}
