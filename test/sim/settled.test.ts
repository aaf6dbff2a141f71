/** A mesh that starts settled is the mesh that would have formed, and goes on as that would. */

import { MeshNode } from '@skein/core';
import type { NodeOptions } from '@skein/core';
import { Topology } from '@skein/core/parts';
import { World, differences } from '@skein/sim';
import type { SimNode } from '@skein/sim';
import { expect, test } from 'vitest';
import { instance, register, routable } from './mesh-fixture.ts';

const count = 200;
const registrations = (index: number): NodeOptions['registrations'] =>
  index < 10 ? [{ type: 'instance', instance: instance(`web-${index}`) }] : [];

function settled(seed: number): { world: World; nodes: readonly SimNode[] } {
  const world = new World({ seed });
  return { world, nodes: world.settled(count, { registrations }) };
}

test('all of a settled mesh agree and are linked from the first moment, and have nothing to repair', () => {
  const { world, nodes } = settled(1);
  expect(differences(nodes)).toEqual([]);
  for (const node of nodes) {
    expect(node.view().aliveCount).toBe(count);
    expect(routable(node)).toHaveLength(10);
  }
  world.runFor(2000);
  const { messages } = world.network.figures;
  world.runFor(10_000);
  // Two pings and their acks for each node and second, and a comparison about every ten seconds.
  expect((world.network.figures.messages - messages) / count / 10).toBeLessThan(5);
  expect(world.network.figures).toMatchObject({ dials: 0, dropped: 0 });
});

test('settled nodes have the links that rings give to nodes that heard of everybody one by one', () => {
  const { world, nodes } = settled(2);
  const ids = nodes.map(({ id }) => id);
  for (const node of nodes.slice(0, 20)) {
    const { mesh, config } = node.bootOptions();
    const known = new Set<string>();
    const present = (): string[] => ids.filter((id) => id !== node.id);
    const topology = new Topology(node.id, mesh, config, {
      present: present as () => typeof ids,
      presentCount: () => count - 1,
      wanted: (id) => void known.add(id),
      unwanted: (id) => void known.delete(id),
    });
    for (const id of ids) topology.add(id);
    expect(world.network.peers(node).toSorted()).toEqual([...known].toSorted());
  }
});

test('a crash is noticed by all of a settled mesh, a change by all, and who comes back is taken in', () => {
  const { world, nodes } = settled(3);
  world.runFor(1000);
  const [victim, writer, ...others] = nodes as [SimNode, SimNode, ...SimNode[]];
  victim.crash();
  const isOut = (node: SimNode): boolean => node.view().member(victim.id)?.reachable === false;
  expect(world.runUntil(() => others.every(isOut), 3000)).toBeDefined();
  for (const node of others) expect(routable(node)).toHaveLength(9);
  register(writer, 'web-new');
  expect(world.runUntil(() => others.every((node) => routable(node).includes('web-new')), 1000)).toBeDefined();
  writer.dispatch({ type: 'deregister', id: instance('web-1').id });
  expect(world.runUntil(() => others.every((node) => !routable(node).includes('web-1')), 1000)).toBeDefined();
  victim.restart();
  expect(world.runUntil(() => others.every((node) => !isOut(node)), 5000)).toBeDefined();
  expect(world.runUntil(() => differences(nodes).length === 0, 10_000)).toBeDefined();
});

test('what settled nodes share is never written: a node that starts from it later sees what was there at first', () => {
  const bases = new Set<NodeOptions['base']>();
  const world = new World({
    seed: 4,
    create: (options, now) => {
      if (options.base !== undefined) bases.add(options.base);
      return new MeshNode(options, now);
    },
  });
  const nodes = world.settled(60, { registrations });
  const [base] = bases;
  expect(bases.size).toBe(1);
  const replica = base?.replicas.get(nodes[1]?.id as SimNode['id']);
  const shared = (): unknown => [replica?.stamp, base?.membership, base?.knowledge];
  const before = structuredClone(shared());
  nodes[0]?.crash();
  nodes[1]?.dispatch({ type: 'set-tags', tags: { a: 'b' } });
  register(nodes[1] as SimNode, 'web-new');
  nodes[2]?.leave();
  world.runFor(15_000);
  expect(nodes[5]?.view().aliveCount).toBe(58);
  expect(shared()).toEqual(before);
  const late = new MeshNode({ ...(nodes[9] as SimNode).bootOptions(), ...(base && { base }) }, 0);
  late.start(0);
  expect(late.view.aliveCount).toBe(60);
  expect([...(late.view.service('web')?.instances ?? [])]).toHaveLength(10);
});
