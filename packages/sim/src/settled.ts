/**
 * A mesh that has settled already: everybody knows everybody, has the links that it should have, and probes. Forming one of
 * ten thousand members by gossip takes a hundred million merges, and its tables more memory than a machine has.
 *
 * One node learns all that there is from the others, by the very messages that gossip is made of. What it knows then is the
 * base that all nodes share; what each learns later is its own (see `NodeBase` of core).
 */

import { MeshNode, assert } from '@skein/core';
import type { Gossip, NodeBase, NodeOptions } from '@skein/core';
import type { Network } from './network.ts';
import type { SimNode } from './sim-node.ts';

/** What these nodes will all know once each has booted with its options. */
export function learnBase(options: readonly NodeOptions[]): NodeBase {
  const [first, ...others] = options;
  assert(first !== undefined, 'a settled mesh has a node at least');
  const learner = new MeshNode(first, 0);
  learner.start(0);
  for (const other of others)
    for (const message of factsOf(other, learner)) learner.step({ type: 'message', from: other.notary.id, message }, 0);
  const base = learner.base();
  assert(base !== undefined, 'everybody is well, and there are no config entries');
  assert(base.membership.members.size === options.length, 'the nodes of one mesh take each other in');
  return base;
}

/** What a node says of itself after its boot. */
function factsOf(options: NodeOptions, asker: MeshNode): Gossip[] {
  const { id } = options.notary;
  const author = new MeshNode(options, 0);
  author.start(0);
  const wants = [`m/${id}`, `c/${id}`].map((key) => ({ key, have: [] }));
  const pull = { type: 'sync-pull', exchange: 0, wants } as const;
  const facts: Gossip[] = [];
  for (const effect of author.step({ type: 'message', from: asker.self, message: pull }, 0))
    if (effect.type === 'send' && effect.message.type === 'sync-facts') facts.push(effect.message.facts);
  return facts;
}

/** Gives nodes that know this the links that they want. */
export function linkAll(network: Network, nodes: readonly SimNode[], { orders }: NodeBase): void {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const [first] = nodes;
  const { fullMeshLeave = 0, ringReach = 0 } = first?.bootOptions().config ?? {};
  const isFull = nodes.length - 1 <= fullMeshLeave;
  for (const order of isFull ? orders.slice(0, 1) : orders) {
    const reach = isFull ? order.length - 1 : ringReach;
    for (const [place, id] of order.entries()) {
      for (let step = 1; step <= reach; step++) {
        const [near, far] = [byId.get(id), byId.get(order[(place + step) % order.length] ?? id)];
        if (near !== undefined && far !== undefined && !network.isLinked(near, far.id)) network.join(near, far);
      }
    }
  }
}
