/** What was written anywhere is the same everywhere, soon, whatever happened on the way. */

import { MeshNode, checkId } from '@skein/core';
import { World, differences } from '@skein/sim';
import type { SimNode } from '@skein/sim';
import { expect, test } from 'vitest';
import { definition } from '../core/health-agent.ts';
import { apply, instance, register, routable } from './mesh-fixture.ts';

const seeds = [1, 2, 3, 4, 5];

function formed(seed: number, count: number): { readonly world: World; readonly nodes: readonly SimNode[] } {
  const world = new World({ seed });
  const nodes = world.mesh(count);
  world.runFor(5000);
  return { world, nodes };
}

function agreeing(world: World, nodes: readonly SimNode[], withinMs: number): number | undefined {
  return world.runUntil(() => differences(nodes).length === 0, withinMs);
}

test.each(seeds)('a registration on one node is on all others within 60 ms, seed %i', (seed) => {
  const { world, nodes } = formed(seed, 20);
  register(nodes[seed] as SimNode, 'web-1');
  const isEverywhere = (): boolean => nodes.every((node) => routable(node).length === 1);
  expect(world.runUntil(isEverywhere, 60)).toBeDefined();
});

test.each(seeds)('registrations on every node at once converge, and so do their removals, seed %i', (seed) => {
  const { world, nodes } = formed(seed, 12);
  for (const node of nodes) for (let i = 0; i < 5; i++) register(node, `web-${i}`, { tags: [node.name] });
  expect(agreeing(world, nodes, 2000)).toBeDefined();
  for (const node of nodes) expect(node.view().service('web')?.instances).toHaveLength(60);
  for (const node of nodes) node.dispatch({ type: 'deregister', id: instance('web-3').id });
  world.runFor(1000);
  for (const node of nodes) expect(node.view().service('web')?.instances).toHaveLength(48);
  expect(differences(nodes)).toEqual([]);
});

test('a check that turns critical takes its instance out of rotation everywhere, and brings it back', () => {
  const { world, nodes } = formed(1, 6);
  const [owner] = nodes as [SimNode];
  const id = checkId('web-1:alive');
  const alive = definition(id, {
    name: 'alive',
    instanceId: instance('web-1').id,
    probe: { type: 'ttl', ttlMs: 10_000 },
    intervalMs: 0,
    timeoutMs: 0,
    initialStatus: 'passing',
  });
  owner.dispatch({ type: 'register', instance: instance('web-1'), checks: [alive], replaceChecks: true });
  world.runFor(1000);
  for (const node of nodes) expect(routable(node)).toEqual(['web-1']);
  // Nobody updates it: the time to live runs out, on its owner, in virtual time.
  const expired = world.runUntil(() => nodes.every((node) => routable(node).length === 0), 20_000);
  expect(expired).toBeGreaterThan(8000);
  expect(expired).toBeLessThan(9200);
  owner.dispatch({ type: 'update-ttl', id, status: 'passing', output: 'ok' });
  expect(world.runUntil(() => nodes.every((node) => routable(node).length === 1), 100)).toBeDefined();
});

test.each(seeds)('config entries written one after the other converge to the last, without a conflict, seed %i', (seed) => {
  const { world, nodes } = formed(seed, 8);
  for (let i = 0; i < 8; i++) {
    apply(nodes[(i * 3 + seed) % 8] as SimNode, 'order', { version: i });
    world.runFor(500);
  }
  expect(differences(nodes)).toEqual([]);
  for (const node of nodes) {
    expect(node.view().configEntry('route', 'order')).toMatchObject({ value: { version: 7 }, conflicts: [] });
  }
});

test.each(seeds)(
  'config entries written at once on two nodes have one winner everywhere, and show the loser, seed %i',
  (seed) => {
    const { world, nodes } = formed(seed, 8);
    apply(nodes[1] as SimNode, 'order', { from: 1 });
    apply(nodes[6] as SimNode, 'order', { from: 6 });
    expect(agreeing(world, nodes, 1000)).toBeDefined();
    for (const node of nodes) expect(node.view().configEntry('route', 'order')?.conflicts).toHaveLength(1);
    // Whoever saw both and writes again settles it.
    apply(nodes[3] as SimNode, 'order', { from: 3 });
    world.runFor(1000);
    for (const node of nodes) {
      expect(node.view().configEntry('route', 'order')).toMatchObject({ value: { from: 3 }, conflicts: [] });
    }
    expect(differences(nodes)).toEqual([]);
  },
);

test.each(seeds)(
  'both sides of a partition write one config entry: healed, the conflict is shown everywhere, seed %i',
  (seed) => {
    const { world, nodes } = formed(seed, 6);
    apply(nodes[0] as SimNode, 'order', { from: 'both' });
    world.runFor(1000);
    const heal = world.network.split(nodes.slice(0, 3), nodes.slice(3));
    world.runFor(20_000);
    apply(nodes[0] as SimNode, 'order', { from: 'left' });
    world.runFor(3000);
    apply(nodes[5] as SimNode, 'order', { from: 'right' });
    world.runFor(20_000);
    heal();
    expect(agreeing(world, nodes, 40_000)).toBeDefined();
    for (const node of nodes) {
      const entry = node.view().configEntry('route', 'order');
      expect(entry?.value).toEqual({ from: 'right' });
      expect(entry?.conflicts.map((version) => version.json)).toEqual(['{"from":"left"}']);
    }
  },
);

test('a conflict is still shown after everybody restarted', () => {
  const { world, nodes } = formed(1, 4);
  apply(nodes[1] as SimNode, 'order', { from: 1 });
  apply(nodes[2] as SimNode, 'order', { from: 2 });
  world.runFor(2000);
  const before = nodes.map((node) => node.view().configEntry('route', 'order')?.conflicts.length);
  for (const node of nodes) node.crash();
  for (const node of nodes) node.restart();
  world.runFor(5000);
  expect(before).toEqual([1, 1, 1, 1]);
  expect(nodes.map((node) => node.view().configEntry('route', 'order')?.conflicts.length)).toEqual(before);
});

test('what a node stores of an entry does not grow with the number of its versions', () => {
  const stored = new Map<string, number>();
  const world = new World({
    seed: 1,
    create: (options, now) => {
      stored.set(options.name, options.configEntries.length);
      return new MeshNode(options, now);
    },
  });
  const nodes = world.mesh(3);
  world.runFor(3000);
  for (let i = 0; i < 50; i++) {
    apply(nodes[i % 3] as SimNode, 'order', { version: i });
    world.runFor(100);
  }
  for (const node of nodes) node.crash();
  for (const node of nodes) node.restart();
  expect([...stored.values()]).toEqual([1, 1, 1]);
  world.runFor(3000);
  for (const node of nodes) expect(node.view().configEntry('route', 'order')?.value).toEqual({ version: 49 });
});

test('an entry deleted while a node was away stays deleted when it is back', () => {
  const { world, nodes } = formed(2, 5);
  apply(nodes[0] as SimNode, 'order', { version: 1 });
  world.runFor(1000);
  const away = nodes[4] as SimNode;
  away.crash();
  nodes[1]?.dispatch({ type: 'delete-config', kind: 'route', name: 'order' });
  world.runFor(60_000);
  away.restart();
  expect(agreeing(world, nodes, 5000)).toBeDefined();
  for (const node of nodes) expect(node.view().configEntry('route', 'order')).toBeUndefined();
});

test('an instance deregistered while others were cut off is gone for them when they are back', () => {
  const { world, nodes } = formed(4, 6);
  const owner = nodes[0] as SimNode;
  for (let i = 0; i < 300; i++) register(owner, `web-${i}`);
  world.runFor(2000);
  const heal = world.network.split([nodes[5] as SimNode], nodes.slice(0, 5));
  world.runFor(10_000);
  // More removals than the log of removals remembers.
  for (let i = 0; i < 290; i++) owner.dispatch({ type: 'deregister', id: instance(`web-${i}`).id });
  world.runFor(1000);
  heal();
  expect(agreeing(world, nodes, 40_000)).toBeDefined();
  for (const node of nodes) expect(node.view().service('web')?.instances).toHaveLength(10);
});

test('a catalog of hundreds of instances reaches a newcomer over a wan', () => {
  const world = new World({ seed: 1, network: 'wan' });
  const [owner] = world.mesh(3) as [SimNode];
  for (let i = 0; i < 600; i++) register(owner, `web-${i}`);
  world.runFor(20_000);
  const newcomer = world.addNode({ seeds: owner.addresses });
  expect(world.runUntil(() => newcomer.view().service('web')?.instances.length === 600, 10_000)).toBeDefined();
  expect(agreeing(world, world.nodes, 10_000)).toBeDefined();
});

test('a reader that waits on a topic wakes when a far node writes, in virtual time', async () => {
  const { world, nodes } = formed(1, 5);
  const [near, far] = [nodes[0] as SimNode, nodes[4] as SimNode];
  const topic = 'service/web';
  const woken = near.changed(topic, near.view().index(topic), new AbortController().signal);
  register(far, 'web-1');
  world.runFor(1000);
  expect((await woken).service('web')?.instances).toHaveLength(1);
});

test('the audit names what differs', () => {
  const { world, nodes } = formed(1, 3);
  const heal = world.network.split([nodes[0] as SimNode], nodes.slice(1));
  world.runFor(20_000);
  register(nodes[0] as SimNode, 'web-1');
  apply(nodes[2] as SimNode, 'order', {});
  world.runFor(1000);
  const found = differences(nodes).join('\n');
  expect(found).toContain('n0001 members: lacks n0000 alive');
  expect(found).toContain('n0001 against n0000 catalog: lacks n0000');
  expect(found).toContain('n0002 against n0000 config: has route/order');
  heal();
});
