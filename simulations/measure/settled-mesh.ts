/**
 * A mesh as it is after a long quiet time. Forming one of a thousand members costs far more events than most measurements
 * on it, so its nodes start alone and are handed what gossip would have brought them; links they make by themselves.
 */

import { MeshNode, nothingApplied } from '@skein/core';
import type { CatalogDelta, Gossip, MemberFact, MeshEvent, Message, NodeId, NodeOptions, Notary } from '@skein/core';
import { World } from '@skein/sim';
import type { NodeLogic, Seed, SimNode } from '@skein/sim';

export interface SettledMeshOptions {
  readonly seed: Seed;
  readonly members: number;
  readonly onEvent?: (node: SimNode, event: MeshEvent, nowMs: number) => void;
  /** Whether all others were started with the address of the first, as with `--join`. */
  readonly seeded?: boolean;
  /** Sees every message as a node takes it in. */
  readonly onMessage?: (node: NodeId, message: Message) => void;
}

export interface SettledMesh {
  readonly world: World;
  readonly nodes: readonly SimNode[];
}

/** Facts in one message, as gossip bounds them. */
const factsPerMessage = 256;
/** On rings members have some 24 links, fewer where the rings have neighbours in common. */
const linksEnough = 12;
/** Longer than any mesh takes to make its links. */
const withinMs = 120_000;
/** What was learned while links were made has spread by then. */
const quietMs = 15_000;

/** On a lan without loss. Members know, verified and linked each other before this returns. */
export function settledMesh(options: SettledMeshOptions): SettledMesh {
  const notaries = new Map<NodeId, Notary>();
  const world: World = new World({
    seed: options.seed,
    network: 'lan',
    traceLines: 0,
    onEvent: (node, event) => options.onEvent?.(node, event, world.nowMs),
    create: (nodeOptions, now) => {
      notaries.set(nodeOptions.notary.id, nodeOptions.notary);
      return logicOf(nodeOptions, now, options.onMessage);
    },
  });
  const first = world.addNode();
  const seeds = options.seeded === true ? first.addresses.slice(0, 1) : [];
  const nodes = [first, ...Array.from({ length: options.members - 1 }, () => world.addNode({ seeds }))];
  const news = messagesOf(nodes, notaries);
  for (const node of nodes) for (const message of news) node.receive({ type: 'message', from: node.id, message });
  const linksMin = Math.min(options.members - 1, linksEnough);
  const isLinked = (): boolean => nodes.every((node) => world.network.peers(node).length >= linksMin);
  if (world.runUntil(isLinked, withinMs) === undefined) throw new Error(`the ${options.members} members do not link`);
  world.runFor(quietMs);
  const known = nodes.filter((node) => node.view().aliveCount === options.members).length;
  if (known < options.members) throw new Error(`${known} of ${options.members} members know all others`);
  return { world, nodes };
}

function logicOf(options: NodeOptions, now: number, onMessage: SettledMeshOptions['onMessage']): NodeLogic {
  const node = new MeshNode(options, now);
  if (onMessage === undefined) return node;
  return {
    self: node.self,
    get epoch() {
      return node.epoch;
    },
    get view() {
      return node.view;
    },
    start: (at) => node.start(at),
    nextDeadline: () => node.nextDeadline(),
    dispatch: (command, at) => node.dispatch(command, at),
    step: (input, at) => {
      if (input.type === 'message') onMessage(node.self, input.message);
      return node.step(input, at);
    },
  };
}

/** Everybody's record, and everybody's catalog, which is empty. */
function messagesOf(nodes: readonly SimNode[], notaries: ReadonlyMap<NodeId, Notary>): readonly Gossip[] {
  const messages: Gossip[] = [];
  for (let first = 0; first < nodes.length; first += factsPerMessage) {
    const members: MemberFact[] = [];
    const deltas: CatalogDelta[] = [];
    for (const node of nodes.slice(first, first + factsPerMessage)) {
      const notary = notaries.get(node.id);
      const record = node.view().member(node.id)?.record;
      if (notary === undefined || record === undefined) throw new Error(`${node.id} does not know itself`);
      members.push({ record: notary.sign('member', record), verified: true, absentMs: 0 });
      const { mesh, epoch } = record;
      const head = {
        mesh,
        owner: node.id,
        epoch,
        version: 1,
        count: 0,
        digest: notary.digest([]),
        appliedConfig: nothingApplied,
      };
      deltas.push({ head: notary.sign('head', head), after: 0, upserts: [], removals: [] });
    }
    messages.push({ type: 'gossip', members, accusations: [], deltas, heads: [], configs: [] });
  }
  return messages;
}
