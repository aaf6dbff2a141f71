/** The reference protocol in a world: joins, detection, leaving, and that a seed is a run. */

import { SwimMesh, World, suspicionMinUs, swimProfiles } from '@skein/sim';
import { expect, test } from 'vitest';

interface Verdict {
  readonly atMs: number;
  readonly observer: number;
  readonly subject: number;
}

function settledMesh(seed: number, count: number): { world: World; mesh: SwimMesh; verdicts: Verdict[] } {
  const world = new World({ seed });
  const verdicts: Verdict[] = [];
  const mesh = new SwimMesh(world, {
    config: swimProfiles.lifeguard,
    onChange: (observer, { subject, to }) => {
      if (to === 'failed') verdicts.push({ atMs: world.nowMs, observer: observer.index, subject });
    },
  });
  mesh.add(count, { settled: true });
  world.runFor(5000);
  return { world, mesh, verdicts };
}

test('members that join through one seed all know each other within seconds', () => {
  const world = new World({ seed: 1 });
  const mesh = new SwimMesh(world, { config: swimProfiles.memberlistLan });
  mesh.add(20);
  expect(world.runUntil(() => mesh.hosts.every((host) => host.node.aliveCount === 20), 5000)).toBeDefined();
});

test('a machine without power is failed everywhere, within a few probes and the least suspicion time', () => {
  const { world, mesh, verdicts } = settledMesh(2, 32);
  const fromMs = world.nowMs;
  mesh.hosts[7]?.powerOff();
  world.runFor(40_000);
  const leastMs = suspicionMinUs(swimProfiles.lifeguard, 32) / 1000;
  expect(verdicts.length).toBe(31);
  expect(verdicts.every(({ subject }) => subject === 7)).toBe(true);
  expect((verdicts[0]?.atMs ?? 0) - fromMs).toBeGreaterThan(leastMs + 1000);
  expect((verdicts[0]?.atMs ?? 0) - fromMs).toBeLessThan(leastMs + 6000);
  expect((verdicts.at(-1)?.atMs ?? 0) - (verdicts[0]?.atMs ?? 0)).toBeLessThan(1500);
});

test('a member that leaves is left everywhere and failed nowhere', () => {
  const { world, mesh, verdicts } = settledMesh(3, 16);
  mesh.hosts[4]?.leave();
  world.runFor(10_000);
  expect(mesh.hosts[4]?.process).toBe('stopped');
  expect(mesh.hosts.filter((host) => host.index !== 4).every((host) => host.node.status(4) === 'left')).toBe(true);
  expect(verdicts).toEqual([]);
});

test('a paused member is failed, and is back once it goes on and has refuted', () => {
  const { world, mesh, verdicts } = settledMesh(4, 16);
  mesh.hosts[4]?.pause();
  world.runFor(30_000);
  expect(verdicts.length).toBe(15);
  mesh.hosts[4]?.resume();
  world.runFor(10_000);
  expect(mesh.hosts.every((host) => host.node.status(4) === 'alive')).toBe(true);
});

test('one seed gives one trace, another seed another', () => {
  const hashOf = (seed: number): string => {
    const { world, mesh } = settledMesh(seed, 16);
    world.network.setDefault({ loss: 0.1 });
    mesh.hosts[3]?.blockIo(true);
    world.runFor(15_000);
    mesh.hosts[3]?.blockIo(false);
    world.runFor(15_000);
    return world.traceHash();
  };
  expect(hashOf(5)).toBe(hashOf(5));
  expect(hashOf(5)).not.toBe(hashOf(6));
});
