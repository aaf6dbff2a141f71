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
