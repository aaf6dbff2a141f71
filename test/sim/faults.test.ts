/**
 * What a mesh does about crashes, power losses, pauses, partitions and restarts, in virtual time and over seeds.
 * Bounds are the promises of the README.
 */

import type { MeshEvent } from '@skein/core';
import { World, differences } from '@skein/sim';
import type { SimNode } from '@skein/sim';
import { describe, expect, test } from 'vitest';
import { register, routable, routes, status, without } from './mesh-fixture.ts';

const seeds = [1, 2, 3, 4, 5];

interface Mesh {
  readonly world: World;
  readonly nodes: readonly SimNode[];
  readonly victim: SimNode;
  readonly others: readonly SimNode[];
  /** What every node emitted since the mesh formed. */
  readonly events: { readonly node: SimNode; readonly event: MeshEvent }[];
}

function formed(seed: number, count = 5): Mesh {
  const events: Mesh['events'] = [];
  const world = new World({ seed, onEvent: (node, event) => events.push({ node, event }) });
  const nodes = world.mesh(count);
  world.runFor(5000);
  expect(differences(nodes)).toEqual([]);
  events.length = 0;
  const victim = nodes[seed % count] as SimNode;
  return { world, nodes, victim, others: without(nodes, victim), events };
}

/** Nodes that somebody took for failed or out of rotation. */
function doubted(events: Mesh['events']): Set<string> {
  const ids = new Set<string>();
  for (const { event } of events) {
    if (event.type === 'member-changed' && (event.to === 'failed' || event.to === 'suspect')) ids.add(event.id);
    if (event.type === 'reachability-changed' && !event.reachable) ids.add(event.id);
  }
  return ids;
}

describe.each([
  [2, 3000],
  [5, 3000],
  [20, 5000],
])('a mesh of %i', (count, withinMs) => {
  test.each(seeds)(`forms through one seed, and all see all, seed %i`, (seed) => {
    const world = new World({ seed });
    const nodes = world.mesh(count);
    expect(world.runUntil(() => differences(nodes).length === 0, withinMs)).toBeDefined();
    for (const node of nodes) expect(node.view().aliveCount).toBe(count);
  });
});

test.each(seeds)('a quiet mesh never doubts anybody, seed %i', (seed) => {
  const { world, nodes, events } = formed(seed, 10);
  world.runFor(120_000);
  expect([...doubted(events)]).toEqual([]);
  expect(differences(nodes)).toEqual([]);
});

test.each(seeds)('a crash is out of rotation everywhere within a second, and failed later, seed %i', (seed) => {
  const { world, victim, others, events } = formed(seed);
  victim.crash();
  expect(world.runUntil(() => others.every((node) => !routes(node, victim)), 1000)).toBeDefined();
  expect(others.map((node) => status(node, victim))).not.toContain('failed');
  expect(world.runUntil(() => others.every((node) => status(node, victim) === 'failed'), 15_000)).toBeDefined();
  expect([...doubted(events)]).toEqual([victim.id]);
});

test.each(seeds)('a crash of an instance owner takes its instances out of every route table within a second, seed %i', (seed) => {
  const { world, nodes, victim, others } = formed(seed);
  for (const node of nodes) register(node, `web-${node.index}`);
  world.runFor(1000);
  for (const node of nodes) expect(routable(node)).toHaveLength(5);
  victim.crash();
  const left = others.map((node) => `web-${node.index}`).sort();
  const isRoutedAround = (): boolean => others.every((node) => routable(node).sort().join() === left.join());
  expect(world.runUntil(isRoutedAround, 1000)).toBeDefined();
});

test.each(seeds)('a power loss, which nobody announces, is out of rotation everywhere within 2.5 s, seed %i', (seed) => {
  const { world, victim, others, events } = formed(seed);
  victim.powerOff();
  expect(world.runUntil(() => others.every((node) => !routes(node, victim)), 2500)).toBeDefined();
  expect(world.runUntil(() => others.every((node) => status(node, victim) === 'failed'), 15_000)).toBeDefined();
  expect([...doubted(events)]).toEqual([victim.id]);
});

test.each(seeds)('a paused process is out of rotation within 2.5 s, and back after it resumes, seed %i', (seed) => {
  const { world, nodes, victim, others } = formed(seed);
  victim.pause();
  expect(world.runUntil(() => others.every((node) => !routes(node, victim)), 2500)).toBeDefined();
  world.runFor(500);
  victim.resume();
  expect(world.runUntil(() => differences(nodes).length === 0, 5000)).toBeDefined();
});

test.each(seeds)('a pause accuses nobody but the paused one, however long it is, seed %i', (seed) => {
  const { world, nodes, victim, events } = formed(seed, 10);
  victim.pause();
  world.runFor([300, 1000, 5000, 30_000, 300_000][seed % 5] as number);
  victim.resume();
  expect(world.runUntil(() => differences(nodes).length === 0, 60_000)).toBeDefined();
  expect([...doubted(events.filter(({ event }) => event.type === 'member-changed'))].filter((id) => id !== victim.id)).toEqual(
    [],
  );
});

test.each(seeds)('a crashed node that restarts is back in rotation everywhere within 3 s, under a new epoch, seed %i', (seed) => {
  const { world, nodes, victim, others } = formed(seed);
  register(victim, 'web-0');
  // Until it is on disk, which is when a client is told that it is registered.
  world.runFor(10);
  victim.crash();
  world.runFor([100, 2000, 20_000, 60_000, 600_000][seed % 5] as number);
  victim.restart();
  expect(world.runUntil(() => differences(nodes).length === 0, 3000)).toBeDefined();
  for (const node of others) {
    expect(node.view().member(victim.id)?.record.epoch).toBe(2);
    expect(routable(node)).toEqual(['web-0']);
  }
});

test.each(seeds)('a node that lost its disk comes back above its former epoch, seed %i', (seed) => {
  const { world, nodes, victim, others } = formed(seed);
  register(victim, 'web-0');
  world.runFor(1000);
  for (let i = 0; i < 3; i++) {
    victim.crash();
    victim.restart();
    world.runFor(2000);
  }
  victim.crash({ keep: 'nothing' });
  world.runFor(10_000);
  victim.restart({ seeds: (others[0] as SimNode).addresses });
  expect(world.runUntil(() => differences(nodes).length === 0, 10_000)).toBeDefined();
  for (const node of nodes) {
    expect(node.view().member(victim.id)?.record.epoch).toBeGreaterThan(4);
    expect(routable(node)).toEqual([]);
  }
});

test.each(seeds)('a restart of everybody at once brings back the same mesh and services, without a seed, seed %i', (seed) => {
  const { world, nodes } = formed(seed);
  for (const node of nodes) register(node, `web-${node.index}`);
  world.runFor(2000);
  for (const node of nodes) node.crash();
  world.runFor(1000);
  for (const node of nodes) node.restart({ seeds: [] });
  expect(world.runUntil(() => differences(nodes).length === 0, 5000)).toBeDefined();
  for (const node of nodes) expect(routable(node)).toHaveLength(5);
});

test.each(seeds)('a node that leaves is remembered as left, never suspected, and may come back, seed %i', (seed) => {
  const { world, nodes, victim, others, events } = formed(seed);
  victim.leave();
  expect(world.runUntil(() => others.every((node) => !routes(node, victim)), 500)).toBeDefined();
  expect(world.runUntil(() => !victim.isRunning, 5000)).toBeDefined();
  world.runFor(60_000);
  for (const node of others) expect(status(node, victim)).toBe('left');
  expect([...doubted(events.filter(({ event }) => event.type === 'member-changed'))]).toEqual([]);
  victim.restart();
  expect(world.runUntil(() => differences(nodes).length === 0, 3000)).toBeDefined();
});

describe('a partition', () => {
  const splits = [20_000, 60_000, 600_000, 3_600_000];
  test.each(splits)('of %i ms heals without a restart, and both sides agree again', (lengthMs) => {
    const { world, nodes } = formed(lengthMs % 7, 8);
    const [left, right] = [nodes.slice(0, 3), nodes.slice(3)];
    const heal = world.network.split(left, right);
    world.runFor(lengthMs);
    for (const node of nodes) {
      const side = left.includes(node) ? left : right;
      const routed = [...node.view().members()].filter((member) => member.reachable).map((member) => member.id);
      expect(routed.sort()).toEqual(side.map((each) => each.id));
      // The three have nobody to confirm what they see of five: that takes them three suspicions in a row.
      if (lengthMs > 20_000) expect(node.view().aliveCount).toBe(side.length);
    }
    register(left[0] as SimNode, 'web-left');
    register(right[0] as SimNode, 'web-right');
    world.runFor(5000);
    heal();
    expect(world.runUntil(() => differences(nodes).length === 0, 40_000)).toBeDefined();
    for (const node of nodes) expect(routable(node).sort()).toEqual(['web-left', 'web-right']);
  });

  test.each(seeds)('into single nodes leaves each serving its last view, and heals, seed %i', (seed) => {
    const { world, nodes } = formed(seed);
    for (const node of nodes) register(node, `web-${node.index}`);
    world.runFor(1000);
    const heal = world.network.split(...nodes.map((node) => [node]));
    world.runFor(120_000);
    for (const node of nodes) {
      expect(node.view().aliveCount).toBe(1);
      expect(node.view().service('web')?.instances).toHaveLength(5);
    }
    heal();
    expect(world.runUntil(() => differences(nodes).length === 0, 60_000)).toBeDefined();
  });

  test.each(seeds)('between two nodes only, with others that reach both, removes nobody, seed %i', (seed) => {
    const { world, nodes, events } = formed(seed, 6);
    const [a, b] = nodes as [SimNode, SimNode];
    const heal = world.network.split([a], [b]);
    world.runFor(120_000);
    expect(events.filter(({ event }) => event.type === 'member-changed' && event.to === 'failed')).toEqual([]);
    heal();
    expect(world.runUntil(() => differences(nodes).length === 0, 40_000)).toBeDefined();
  });
});

test.each(seeds)('a node that nobody hears any more is out of rotation, and back after the cut heals, seed %i', (seed) => {
  const { world, nodes, victim, others } = formed(seed);
  const heal = world.network.cut([victim], others);
  expect(world.runUntil(() => others.every((node) => !routes(node, victim)), 5000)).toBeDefined();
  world.runFor(60_000);
  heal();
  expect(world.runUntil(() => differences(nodes).length === 0, 40_000)).toBeDefined();
});

test.each(seeds)('a node whose words are held is out of rotation, and in again once they arrive, seed %i', (seed) => {
  const { world, nodes, victim, others } = formed(seed);
  const release = world.network.clog([victim], others);
  expect(world.runUntil(() => others.every((node) => !routes(node, victim)), 5000)).toBeDefined();
  release();
  expect(world.runUntil(() => others.every((node) => routes(node, victim)), 5000)).toBeDefined();
  expect(world.runUntil(() => differences(nodes).length === 0, 5000)).toBeDefined();
});

test.each(seeds)('a mesh on links that lose a twentieth of all packets fails nobody, seed %i', (seed) => {
  const { world, nodes, events } = formed(seed, 8);
  world.network.setDefault({ loss: 0.05 });
  world.runFor(180_000);
  expect(events.filter(({ event }) => event.type === 'member-changed' && event.to === 'failed')).toEqual([]);
  world.network.heal();
  expect(world.runUntil(() => differences(nodes).length === 0, 20_000)).toBeDefined();
});

test.each(seeds)('a mesh on a wan forms, keeps still, and routes around a crash within a second, seed %i', (seed) => {
  const events: MeshEvent[] = [];
  const world = new World({ seed, network: 'wan', onEvent: (_, event) => events.push(event) });
  const nodes = world.mesh(6);
  expect(world.runUntil(() => differences(nodes).length === 0, 10_000)).toBeDefined();
  events.length = 0;
  world.runFor(60_000);
  expect(events.filter((event) => event.type === 'member-changed')).toEqual([]);
  const victim = nodes[2] as SimNode;
  victim.crash();
  const others = without(nodes, victim);
  expect(world.runUntil(() => others.every((node) => !routes(node, victim)), 1000)).toBeDefined();
});

test('seeds that are down are tried again until one is there', () => {
  const world = new World({ seed: 1 });
  const first = world.addNode({ start: false });
  const second = world.addNode({ seeds: first.addresses });
  world.runFor(60_000);
  expect(second.view().aliveCount).toBe(1);
  first.start();
  expect(world.runUntil(() => differences(world.nodes).length === 0, 31_000)).toBeDefined();
});

test('nodes of two meshes never mix, though one is the seed of the other', () => {
  const world = new World({ seed: 1 });
  const [first] = world.mesh(3) as [SimNode];
  const other = world.addNode({ mesh: 'other', seeds: first.addresses });
  world.runFor(30_000);
  expect(other.view().aliveCount).toBe(1);
  expect(first.view().member(other.id)).toBeUndefined();
});

test('two islands with one mesh name become one as soon as any of them meet', () => {
  const world = new World({ seed: 3 });
  const [left, right] = [world.mesh(3), world.mesh(3)];
  world.runFor(5000);
  expect(left[0]?.view().aliveCount).toBe(3);
  left[2]?.dispatch({ type: 'join', addresses: (right[1] as SimNode).addresses });
  expect(world.runUntil(() => differences(world.nodes).length === 0, 5000)).toBeDefined();
});
