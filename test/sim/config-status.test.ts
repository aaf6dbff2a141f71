/** What nodes tell of the config that they apply, in whole meshes: all agree in the end, and it costs little. */

import { MeshNode, configReportMs, nothingApplied, topics } from '@skein/core';
import { World } from '@skein/sim';
import type { SimNode } from '@skein/sim';
import { expect, test } from 'vitest';
import { apply } from './mesh-fixture.ts';

/** Whether each of these nodes knows that each of them applies what it applies itself. */
function agree(nodes: readonly SimNode[]): boolean {
  return nodes.every((node) => {
    const view = node.view();
    return nodes.every(({ id }) => view.member(id)?.appliedConfig === view.appliedConfig);
  });
}

function digests(nodes: readonly SimNode[]): ReadonlySet<string> {
  return new Set(nodes.map((node) => node.view().appliedConfig));
}

test.each([1, 2, 3, 4, 5])(
  'after a partition with writes on both sides all apply the same, and all know it, seed %i',
  (seed) => {
    const world = new World({ seed, network: 'lan', profile: 'lan' });
    const nodes = world.mesh(7);
    world.runFor(3000);
    apply(nodes[0]!, 'both', { v: 0 });
    apply(nodes[0]!, 'gone', { v: 0 });
    expect(world.runUntil(() => agree(nodes), 20_000)).toBeDefined();
    const heal = world.network.split(nodes.slice(0, 3), nodes.slice(3));
    world.runFor(15_000);
    apply(nodes[1]!, 'both', { v: 'left' });
    apply(nodes[6]!, 'both', { v: 'right' });
    apply(nodes[2]!, 'left', { v: 1 });
    nodes[5]!.dispatch({ type: 'delete-config', kind: 'route', name: 'gone' });
    nodes[4]!.crash();
    world.runFor(15_000);
    expect(digests(nodes.filter((node) => node !== nodes[4])).size).toBe(2);
    nodes[4]!.restart();
    heal();
    expect(world.runUntil(() => agree(nodes), 90_000)).toBeDefined();
    expect(digests(nodes).size).toBe(1);
    const names = nodes.map((node) => Array.from(node.view().configEntries(), (entry) => entry.name).sort());
    expect(new Set(names.map(String))).toEqual(new Set(['both,left']));
    // All of them crash: what each applies is told again, and each remembers what it saw replaced.
    for (const node of nodes) node.crash();
    for (const node of nodes) node.restart();
    expect(world.runUntil(() => agree(nodes), 90_000)).toBeDefined();
    for (const node of nodes) {
      expect(
        node
          .view()
          .configHistory('route', 'gone')
          .map(({ version, state }) => [state, version.deleted]),
      ).toEqual([
        ['current', true],
        ['superseded', false],
      ]);
      const both = node.view().configHistory('route', 'both');
      expect(both.map(({ state }) => state)).toEqual(['current', 'concurrent', 'superseded']);
    }
  },
  60_000,
);

test('nodes that refuse an entry differ from those that apply it, until it is replaced by one that all apply', () => {
  const world = new World({
    seed: 6,
    network: 'lan',
    profile: 'lan',
    // Two of them are of a version that does not know a key.
    create: (options, now) => {
      const isOlder = ['host-2', 'host-3'].includes(options.name);
      const validateConfig: typeof options.validateConfig = (_kind, _name, value) =>
        isOlder && JSON.stringify(value).includes('fresh') ? 'fresh: unknown key' : undefined;
      return new MeshNode({ ...options, validateConfig }, now);
    },
  });
  const nodes = world.mesh(4);
  world.runFor(3000);
  apply(nodes[0]!, 'r', { v: 1 });
  expect(world.runUntil(() => agree(nodes), 20_000)).toBeDefined();
  apply(nodes[0]!, 'r', { fresh: 1 });
  expect(world.runUntil(() => agree(nodes.slice(0, 2)) && agree(nodes.slice(2)), 20_000)).toBeDefined();
  expect(digests(nodes).size).toBe(2);
  expect(nodes[3]!.view().configHistory('route', 'r')[0]).toMatchObject({ state: 'quarantined', reason: 'fresh: unknown key' });
  apply(nodes[3]!, 'r', { v: 2 });
  expect(world.runUntil(() => agree(nodes), 20_000)).toBeDefined();
  expect(digests(nodes).size).toBe(1);
});

test('a mesh without config tells nothing, and everybody knows that nothing is applied', () => {
  const world = new World({ seed: 7, network: 'lan', profile: 'lan' });
  const nodes = world.mesh(12);
  world.runFor(20_000);
  const moved = (): number[] => nodes.map((node) => node.view().index(topics.appliedConfig));
  const before = moved();
  world.runFor(60_000);
  expect(moved()).toEqual(before);
  for (const node of nodes) for (const member of node.view().members()) expect(member.appliedConfig).toBe(nothingApplied);
});

test.each([30, 120])(
  'what %i nodes tell after one change costs less than 1 KB and 4 messages for each node that tells',
  (count) => {
    const world = new World({ seed: 8, network: 'lan', profile: 'lan', traceLines: 0 });
    const nodes = world.settled(count);
    world.runFor(30_000);
    const spent = (ms: number): { messages: number; bytes: number } => {
      const { messages, bytes } = world.network.figures;
      world.runFor(ms);
      return { messages: world.network.figures.messages - messages, bytes: world.network.figures.bytes - bytes };
    };
    const rest = spent(20_000);
    apply(nodes[0]!, 'r', { v: 1 });
    const busy = spent(20_000);
    expect(agree(nodes)).toBe(true);
    expect(configReportMs(count)).toBeLessThan(20_000);
    // By node and node that tells.
    expect((busy.bytes - rest.bytes) / count ** 2).toBeLessThan(1000);
    expect((busy.messages - rest.messages) / count ** 2).toBeLessThan(4);
  },
  60_000,
);
