/**
 * Random fault runs: two virtual minutes of trouble, then calm. No node may need help to agree again, and no run may
 * break an invariant of the core on the way.
 */

import { World, differences } from '@skein/sim';
import { describe, expect, test } from 'vitest';
import { runSwarm } from './swarm.ts';

const seeds = Array.from({ length: 20 }, (_, seed) => seed + 1);

describe('after random faults', () => {
  test.each(seeds)('all nodes hold the same members, catalog and config entries, seed %i', (seed) => {
    const { world, nodes } = runSwarm(seed, 10 + (seed % 11), 120_000);
    const tookMs = world.runUntil(() => differences(nodes).length === 0, 60_000);
    expect(tookMs === undefined ? differences(nodes).slice(0, 10) : []).toEqual([]);
    world.runFor(60_000);
    expect(differences(nodes)).toEqual([]);
  });

  test('a run of the same seed is the same run', () => {
    const hashes = [1, 2].map(() => runSwarm(6, 10, 30_000).world.traceHash());
    expect(hashes[0]).toBe(hashes[1]);
    expect(new World({ seed: 6 }).traceHash()).not.toBe(hashes[0]);
  });
});
