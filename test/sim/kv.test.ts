/** The key-value store through partitions and restarts: one winner, nothing that comes back, limits on both sides. */

import { World } from '@skein/sim';
import type { SimNode } from '@skein/sim';
import { expect, test } from 'vitest';

const value = (text: string): unknown => ({ value: btoa(text), flags: 0 });

function put(node: SimNode | undefined, key: string, text: string): void {
  expect(node?.dispatch({ type: 'apply-config', kind: 'kv', name: key, value: value(text) })).toEqual({ ok: true });
}

function remove(node: SimNode | undefined, key: string): void {
  expect(node?.dispatch({ type: 'delete-config', kind: 'kv', name: key })).toEqual({ ok: true });
}

/** What a node holds, by key. */
function held(node: SimNode): Record<string, string> {
  const entries = [...node.view().kvEntries('')];
  return Object.fromEntries(entries.map((entry) => [entry.name, atob((entry.value as { value: string }).value)]));
}

function agree(world: World, nodes: readonly SimNode[], wanted: Record<string, string>): void {
  const same = (): boolean => nodes.every((node) => JSON.stringify(held(node)) === JSON.stringify(wanted));
  expect(world.runUntil(same, 60_000), JSON.stringify(nodes.map(held))).toBeDefined();
}

test.each([1, 2, 3])('after a partition all hold what was written last, and nothing deleted comes back, seed %i', (seed) => {
  const world = new World({ seed, network: 'lan', profile: 'lan' });
  const nodes = world.mesh(6);
  world.runFor(3000);
  for (const key of ['both', 'left', 'right', 'untouched']) put(nodes[0], key, 'old');
  world.runFor(1000);
  const heal = world.network.split(nodes.slice(0, 3), nodes.slice(3));
  world.runFor(20_000);
  put(nodes[0], 'both', 'from the left');
  remove(nodes[1], 'left');
  put(nodes[2], 'new/left', 'x');
  world.runFor(2000);
  put(nodes[5], 'both', 'from the right');
  remove(nodes[4], 'right');
  world.runFor(20_000);
  heal();
  agree(world, nodes, { both: 'from the right', 'new/left': 'x', untouched: 'old' });
  // The version that lost takes its time: nobody waits for it.
  const shown = (node: SimNode): boolean => node.view().configEntry('kv', 'both')?.conflicts.length === 1;
  expect(world.runUntil(() => nodes.every(shown), 60_000)).toBeDefined();
  // A node that starts anew reads its own deletions back.
  for (const node of nodes) node.crash();
  for (const node of nodes) node.restart();
  world.runFor(20_000);
  agree(world, nodes, { both: 'from the right', 'new/left': 'x', untouched: 'old' });
});

test('a thousand keys reach a newcomer, and its index of a prefix moves with them', () => {
  const world = new World({ seed: 4, network: 'lan', profile: 'lan' });
  const nodes = world.mesh(2);
  world.runFor(3000);
  for (let i = 0; i < 1000; i++) put(nodes[i % 2], `app/${i % 10}/${i}`, `value ${i}`);
  world.runFor(2000);
  const newcomer = world.addNode({ seeds: nodes[0]?.addresses ?? [] });
  expect(world.runUntil(() => [...newcomer.view().kvEntries('app/3/')].length === 100, 60_000)).toBeDefined();
});
