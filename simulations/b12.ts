/**
 * B12: a mesh whose machines are replaced all the time. A tenth of them a day for 24 days, each day in a minute; each new
 * machine has a new identity, the addresses of one that is gone, and a list of seeds as old as the mesh. One in twenty goes
 * without a goodbye. Nobody who is gone may come back, and nobody may be taken for who was there before.
 *
 *     npm run simulate -- b12 [--quick] [--members N]
 */

import type { Message, NodeId } from '@skein/core';
import type { Experiment, ExperimentContext, ExperimentReport, SimNode, World } from '@skein/sim';
import { agreementOf } from './measure/agreement.ts';
import { settledMesh } from './measure/settled-mesh.ts';

const dayMs = 60_000;
const replacedPart = 0.1;
const silentPart = 0.05;
const seedCount = 4;
/** From its end until another machine has its place. A goodbye takes a second. */
const awayMs = 3000;
/** By then everybody knows of the end of a machine that lost power; who routes to it later routes to a ghost. */
const knownMs = 10_000;
const sampleMs = 10_000;
const calmMs = 60_000;
/** A digest without its buckets and entries, as the transport encodes it, roughly. */
const digestBytes = 12;

/** What was seen in all that time. */
class Churn {
  /** Seconds that some member routed to somebody gone, all members together, from samples. */
  ghostSeconds = 0;
  /** Identities that run and were failed somewhere. */
  wronglyFailed = 0;
  tombstonesMax = 0;
  newsMax = 0;
  digestMaxBytes = 0;
  readonly goneAtMs = new Map<NodeId, number>();

  take(message: Message): void {
    if (message.type === 'gossip') {
      const { members, accusations, deltas, heads } = message;
      this.newsMax = Math.max(this.newsMax, members.length + accusations.length + deltas.length + heads.length);
    }
    if (message.type === 'sync-digest') {
      let bytes = digestBytes + 2 * message.buckets.length;
      for (const { key, stamp } of message.entries) bytes += 4 + key.length + stamp.length * 5;
      this.digestMaxBytes = Math.max(this.digestMaxBytes, bytes);
    }
  }

  sample(world: World, nodes: readonly SimNode[]): void {
    for (const node of nodes) {
      if (!node.isRunning) continue;
      const view = node.view();
      for (const [id, atMs] of this.goneAtMs) {
        if (world.nowMs - atMs > knownMs && view.member(id)?.reachable === true) this.ghostSeconds += sampleMs / 1000;
      }
    }
  }

  countTombstones(nodes: readonly SimNode[]): void {
    for (const node of nodes) {
      if (!node.isRunning) continue;
      let tombstones = 0;
      for (const { status } of node.view().members()) if (status === 'failed' || status === 'left') tombstones++;
      this.tombstonesMax = Math.max(this.tombstonesMax, tombstones);
    }
  }
}

const b12: Experiment = {
  name: 'b12',
  summary: 'Machines replaced all the time, addresses reused, seeds out of date: ghosts, mistakes and what it costs.',
  words: {
    '--quick': { what: '50 members, 6 days' },
    '--members': { what: 'at any time', number: [20, 1000] },
  },
  run: (context) => {
    const isQuick = context.words.has('--quick');
    const members = context.words.number('--members') ?? (isQuick ? 50 : 100);
    return runFor(context, members, isQuick ? 6 : 24);
  },
};

export default b12;

function runFor(context: ExperimentContext, members: number, days: number): ExperimentReport {
  const churn = new Churn();
  let nodes: readonly SimNode[] = [];
  const mesh = settledMesh({
    seed: context.seed,
    members,
    onMessage: (_, message) => churn.take(message),
    onEvent: (_, event) => {
      if (event.type !== 'member-changed' || event.to !== 'failed') return;
      if (nodes.some((node) => node.id === event.id && node.isRunning)) churn.wronglyFailed++;
    },
  });
  const { world } = mesh;
  nodes = mesh.nodes;
  // The list is never brought up to date: one of its addresses is nobody's, the others change hands.
  const seeds = ['10.99.0.1:7946', ...nodes.slice(0, seedCount - 1).flatMap(({ addresses }) => addresses)];
  let joinedMaxMs = 0;
  let replaced = 0;
  const before = { ...world.network.figures };
  const startMs = world.nowMs;
  let sampledMs = startMs;
  for (let day = 0; day < days; day++) {
    const perDay = Math.round(members * replacedPart);
    for (let at = 0; at < perDay; at++) {
      joinedMaxMs = Math.max(joinedMaxMs, replaceOne(world, nodes, churn, seeds, replaced++));
      const nextMs = startMs + (day + (at + 1) / perDay) * dayMs;
      while (world.nowMs < nextMs) {
        world.runFor(Math.min(sampleMs, Math.ceil(nextMs - world.nowMs)));
        if (world.nowMs < sampledMs + sampleMs) continue;
        sampledMs = world.nowMs;
        churn.sample(world, nodes);
      }
    }
    churn.countTombstones(nodes);
    context.progress(`day ${day + 1} of ${days}`);
  }
  const figures = { ...world.network.figures };
  const seconds = (days * dayMs) / 1000;
  const agreedMs = world.runUntil(agreementOf(nodes), calmMs) ?? Number.POSITIVE_INFINITY;
  return {
    setup: {
      members,
      days: `${days}, each in ${dayMs / 1000} s: the departed are remembered for as long as ever, which is longer than the run`,
      replaced: `${replaced}, one in ${1 / silentPart} without a goodbye, address and name reused by another identity`,
      seeds: `the same ${seedCount} addresses for every newcomer, one of them nobody's`,
      ghost: `a member gone for more than ${knownMs / 1000} s that somebody routes to, sampled each ${sampleMs / 1000} s`,
    },
    rows: [
      { what: 'ghosts routable', unit: 'seconds', ours: churn.ghostSeconds, goal: '0' },
      { what: 'running identities failed somewhere', unit: 'beliefs', ours: churn.wronglyFailed, goal: '0' },
      { what: 'newcomer knows half of the mesh, slowest', unit: 'ms', ours: joinedMaxMs },
      { what: 'all agree after the last day', unit: 'ms', ours: agreedMs },
      { what: 'tombstones, most', unit: 'count', ours: churn.tombstonesMax, goal: '<= 1024' },
      {
        what: 'news in one message, most',
        unit: 'facts',
        ours: churn.newsMax,
        published: 'Consul: queues of 160000 at 20000 members',
      },
      { what: 'digest, largest', unit: 'bytes', ours: churn.digestMaxBytes },
      { what: 'sent', unit: 'B/s per member', ours: (figures.bytes - before.bytes) / seconds / members },
    ],
  };
}

/** Returns how long the newcomer took until it knew half of the mesh, in ms. */
function replaceOne(world: World, nodes: readonly SimNode[], churn: Churn, seeds: readonly string[], number: number): number {
  const node = nodes[world.randomness.below(nodes.length, { stream: 2, key: number, counter: 0 })];
  if (node === undefined) throw new Error('there is no such node');
  churn.goneAtMs.set(node.id, world.nowMs);
  if (number % (1 / silentPart) === 0) node.powerOff();
  else node.leave();
  world.runFor(awayMs);
  const own = new Set(node.addresses);
  node.restart({ replace: true, seeds: seeds.filter((seed) => !own.has(seed)) });
  const knowsMany = (): boolean => node.view().aliveCount > nodes.length / 2;
  const tookMs = world.runUntil(knowsMany, calmMs);
  if (tookMs === undefined) throw new Error(`${node.id} finds no mesh through ${seeds.join(', ')}`);
  return tookMs;
}
