/** Members that fall silent together: a zone, a side of a partition, or everybody for who is cut off. */

import { World } from '@skein/sim';
import { expect, test } from 'vitest';

test('each side of a partition routes around all of the other within 6 s, whoever was probed first', () => {
  for (const [count, cut] of [
    [7, 3],
    [32, 10],
  ] as const) {
    const world = new World({ seed: 1, network: 'lan' });
    const nodes = world.mesh(count);
    world.runFor(20_000);
    const [here, there] = [nodes.slice(0, cut), nodes.slice(cut)];
    world.network.split(here, there);
    const avoids = (from: typeof nodes, to: typeof nodes): boolean =>
      from.every((node) => to.every(({ id }) => node.view().member(id)?.reachable === false));
    expect(
      world.runUntil(() => avoids(here, there) && avoids(there, here), 6000),
      `${cut} of ${count}`,
    ).toBeDefined();
    for (const side of [here, there])
      for (const node of side)
        for (const { id } of side) expect(node.view().member(id)?.reachable, `${id} at ${node.id}`).toBe(true);
  }
});

test('sides of a partition whose operators forced each other to leave are one again when it heals', () => {
  const world = new World({ seed: 1, network: 'lan' });
  const nodes = world.mesh(8);
  world.runFor(5000);
  // All were started with the address of the first, which is gone: only what they remember of each other is left.
  nodes[0]?.leave();
  world.runFor(10_000);
  const sides = [nodes.slice(1, 4), nodes.slice(4)] as const;
  const heal = world.network.split(...sides);
  world.runFor(60_000);
  for (const [side, others] of [sides, [sides[1], sides[0]] as const])
    for (const { id } of others) expect(side[0]?.dispatch({ type: 'force-leave', node: id }).ok).toBe(true);
  world.runFor(10_000);
  for (const node of sides[0]) for (const { id } of sides[1]) expect(node.view().member(id)?.status).toBe('left');
  heal();
  const here = [...sides[0], ...sides[1]];
  const agree = (): boolean => here.every((node) => here.every(({ id }) => node.view().member(id)?.reachable === true));
  expect(world.runUntil(agree, 60_000)).toBeDefined();
});

test('what the other side of a partition said of ours takes hardly anybody of ours out of rotation when it heals', () => {
  const sideOf = (id: string): boolean => Number(id.slice(1)) < 10;
  let evictions = 0;
  let isHealed = false;
  const world = new World({
    seed: 1,
    network: 'lan',
    onEvent: (node, event) => {
      if (!isHealed || event.type !== 'reachability-changed' || event.reachable) return;
      if (sideOf(node.id) === sideOf(event.id)) evictions++;
    },
  });
  const nodes = world.mesh(20);
  world.runFor(10_000);
  const heal = world.network.split(nodes.slice(0, 10), nodes.slice(10));
  world.runFor(60_000);
  isHealed = true;
  heal();
  const agree = (): boolean => nodes.every((node) => nodes.every(({ id }) => node.view().member(id)?.reachable === true));
  expect(world.runUntil(agree, 5000)).toBeDefined();
  world.runFor(5000);
  expect(evictions).toBeLessThan(10);
});
