/** What the failure detector and the links do together in a mesh, in virtual time: no healthy member is doubted, no dial runs hot. */

import type { MeshEvent } from '@skein/core';
import { World, differences, type SimNode } from '@skein/sim';
import { describe, expect, test } from 'vitest';
import { instance } from './fixture.ts';

interface Seen {
  readonly world: World;
  readonly doubts: string[];
}

function watched(seed: number, network: 'lan' | 'wan' = 'lan'): Seen {
  const doubts: string[] = [];
  const world: World = new World({
    seed,
    network,
    onEvent: (node: SimNode, event: MeshEvent) => {
      if (event.type === 'member-changed' && event.to === 'suspect')
        doubts.push(`${world.nowMs} ${node.name}: ${event.name} ${event.reason}`);
    },
  });
  return { world, doubts };
}

const seesAll = (nodes: readonly SimNode[]): boolean =>
  nodes.every((node) => [...node.view().members()].filter((member) => member.reachable).length === nodes.length);

describe('a join burst', () => {
  test.each([1, 2, 3, 5, 9, 12])(
    'of 32 nodes at once through one seed makes nobody suspect anybody, and costs one dial per pair, seed %i',
    (seed) => {
      const { world, doubts } = watched(seed);
      const door = world.addNode();
      const nodes = [door, ...Array.from({ length: 31 }, () => world.addNode({ seeds: door.addresses }))];
      expect(world.runUntil(() => seesAll(nodes), 5000)).toBeDefined();
      world.runFor(10_000);
      expect(doubts).toEqual([]);
      expect(world.network.figures.dials).toBe((32 * 31) / 2);
      for (const node of nodes) expect(node.view().member(node.id)?.record.incarnation).toBe(0);
    },
  );

  test('over a wan makes nobody suspect anybody either', () => {
    const { world, doubts } = watched(4, 'wan');
    const nodes = world.mesh(16);
    expect(world.runUntil(() => seesAll(nodes), 10_000)).toBeDefined();
    world.runFor(10_000);
    expect(doubts).toEqual([]);
  });
});

describe('two members without a path between them', () => {
  test('stay alive to each other through the others, and dial no faster than the back-off', () => {
    const { world, doubts } = watched(3);
    const nodes = world.mesh(6);
    world.runFor(5000);
    const [a, b] = [nodes[1], nodes[2]] as [SimNode, SimNode];
    world.network.split([a], [b]);
    world.runFor(60_000);
    const dialsBefore = world.network.figures.dials;
    world.runFor(120_000);
    expect(a.view().member(b.id)?.status).toBe('alive');
    expect(b.view().member(a.id)?.status).toBe('alive');
    expect(doubts).toEqual([]);
    // One renewal a probe round and side at most: 120 s / (5 * 0.5 s), twice.
    expect(world.network.figures.dials - dialsBefore).toBeLessThanOrEqual(2 * 48);
  });

  test('that never had a link do not dial in a loop because others reach them', () => {
    const { world } = watched(8);
    const [seed, a] = [world.addNode(), world.addNode({ seeds: ['10.0.0.0:7946'] })];
    const b = world.addNode({ seeds: seed.addresses, start: false });
    world.network.split([a], [b]);
    b.start();
    world.runFor(60_000);
    expect(a.view().member(b.id)?.status).toBe('alive');
    expect(a.view().member(b.id)?.linked).toBe(false);
    const dialsBefore = world.network.figures.dials;
    world.runFor(120_000);
    expect(world.network.figures.dials - dialsBefore).toBeLessThan(30);
  });
});

describe('a hung process', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'of three is out of rotation within one round of probes and one verdict, seed %i',
    (seed) => {
      const { world } = watched(seed);
      const nodes = world.mesh(3);
      world.runFor(5000 + seed * 137);
      const [victim, ...others] = nodes as [SimNode, SimNode, SimNode];
      victim.pause();
      const gone = (): boolean => others.every((node) => node.view().member(victim.id)?.reachable === false);
      // Two others, probed every 500 ms in turn: at most 1000 ms until a probe, 1000 ms until its verdict.
      expect(world.runUntil(gone, 2100)).toBeDefined();
    },
  );

  test('comes back by itself, and costs no other member anything', () => {
    const { world, doubts } = watched(2);
    const nodes = world.mesh(8);
    world.runFor(5000);
    nodes[3]?.pause();
    world.runFor(60_000);
    nodes[3]?.resume();
    expect(world.runUntil(() => differences(nodes).length === 0, 5000)).toBeDefined();
    expect(doubts.filter((line) => !line.includes(': host-3 '))).toEqual([]);
  });
});

describe('a crash', () => {
  test.each([0, 20, 50, 100, 200, 400])('%i ms after a join is found out by everybody who heard of the joiner', (afterMs) => {
    const { world } = watched(6);
    const nodes = world.mesh(5);
    world.runFor(5000);
    const joiner = world.addNode({ seeds: (nodes[0] as SimNode).addresses });
    world.runFor(afterMs);
    joiner.crash();
    world.runFor(15_000);
    for (const node of nodes) expect([undefined, 'failed']).toContain(node.view().member(joiner.id)?.status);
  });

  test('of the seed and the joiner together leaves no member that stays alive for ever', () => {
    const { world } = watched(7);
    const nodes = world.mesh(5);
    world.runFor(5000);
    const seed = nodes[4] as SimNode;
    const joiner = world.addNode({ seeds: seed.addresses });
    const heard = (): boolean => nodes.slice(0, 4).some((node) => node.view().member(joiner.id) !== undefined);
    expect(world.runUntil(heard, 2000)).toBeDefined();
    seed.powerOff();
    joiner.powerOff();
    world.runFor(40_000);
    for (const node of nodes.slice(0, 4)) {
      expect(node.view().member(seed.id)?.status).toBe('failed');
      expect([undefined, 'failed']).toContain(node.view().member(joiner.id)?.status);
    }
  });
});

describe('one-way silence', () => {
  test.each([1, 2, 3])('of one member, for a minute, leaves nothing stuck once it is over, seed %i', (seed) => {
    const { world } = watched(seed);
    const nodes = world.mesh(7);
    world.runFor(5000);
    const heal = world.network.cut([nodes[2] as SimNode], nodes);
    world.runFor(60_000);
    heal();
    expect(world.runUntil(() => differences(nodes).length === 0, 35_000)).toBeDefined();
    expect(world.runUntil(() => nodes.every((node) => [...node.view().members()].every((m) => m.linked)), 35_000)).toBeDefined();
  });
});

describe('a seed', () => {
  test('that is our own address is told once, and tried again while there is nobody else to ask', () => {
    const events: MeshEvent[] = [];
    const world = new World({ seed: 1, network: 'lan', onEvent: (_node, event) => events.push(event) });
    const node = world.addNode({ seeds: ['10.0.0.0:7946'] });
    world.runFor(60_000);
    expect(events.filter((event) => event.type === 'seed-failed')).toMatchObject([{ reason: 'self', attempts: 1 }]);
    expect(node.view().aliveCount).toBe(1);
    expect(world.network.figures.dials).toBeGreaterThan(10);
    world.addNode({ seeds: node.addresses });
    world.runFor(5000);
    expect(node.view().aliveCount).toBe(2);
    const { dials } = world.network.figures;
    world.runFor(60_000);
    expect(world.network.figures.dials).toBe(dials);
  });

  test('that is linked already counts as joined, and the link stays', () => {
    const events: MeshEvent[] = [];
    const world = new World({ seed: 1, network: 'lan', onEvent: (_node, event) => events.push(event) });
    const [a, b] = world.mesh(2) as [SimNode, SimNode];
    world.runFor(5000);
    a.dispatch({ type: 'join', addresses: b.addresses });
    world.runFor(5000);
    expect(events.filter((event) => event.type === 'seed-joined')).toHaveLength(2);
    expect(events.filter((event) => event.type === 'link-changed' && !event.linked)).toEqual([]);
  });
});

describe('memory', () => {
  test('a partition that outlasts it heals through a seed', () => {
    const { world } = watched(1);
    const nodes = world.mesh(4, { config: { failedTombstoneMs: 60_000 } });
    world.runFor(3000);
    const heal = world.network.split(nodes.slice(0, 2), nodes.slice(2));
    world.runFor(120_000);
    for (const node of nodes) expect([...node.view().members()]).toHaveLength(2);
    heal();
    expect(world.runUntil(() => differences(nodes).length === 0, 35_000)).toBeDefined();
  });

  test('of a peer that nobody in the mesh heard of in all that time ends, and so do the dials to it', () => {
    const { world } = watched(2);
    const [a, gone] = world.mesh(2, { config: { failedTombstoneMs: 120_000 } }) as [SimNode, SimNode];
    world.runFor(3000);
    a.crash();
    gone.powerOff();
    const fresh = world.addNode();
    a.restart({ seeds: fresh.addresses });
    world.runFor(60_000);
    expect(a.view().aliveCount).toBe(2);
    const early = world.network.figures.dials;
    world.runFor(60_000);
    const late = world.network.figures.dials;
    expect(late).toBeGreaterThan(early);
    world.runFor(120_000);
    expect(world.network.figures.dials).toBeLessThanOrEqual(late + 1);
  });

  test('of the only peers there are never ends while nobody is linked', () => {
    const { world } = watched(3);
    const [a, b] = world.mesh(2, { config: { failedTombstoneMs: 60_000 } }) as [SimNode, SimNode];
    world.runFor(3000);
    a.crash();
    b.crash();
    b.restart({ seeds: [] });
    world.runFor(600_000);
    a.restart({ seeds: [] });
    expect(world.runUntil(() => differences([a, b]).length === 0, 35_000)).toBeDefined();
  });
});

describe('a host that lost its data but not its key', () => {
  test.each([1, 2, 3, 4])('gets an epoch of its own again, and others its catalog, seed %i', (seed) => {
    const { world } = watched(seed);
    const nodes = world.mesh(4);
    world.runFor(3000);
    const victim = nodes[2] as SimNode;
    for (let i = 0; i < 5; i++)
      victim.dispatch({ type: 'register', instance: instance(`old-${i}`), checks: [], replaceChecks: true });
    world.runFor(1000);
    victim.crash({ keep: 'nothing' });
    world.runFor(seed * 1500);
    victim.restart();
    victim.dispatch({ type: 'register', instance: instance('new'), checks: [], replaceChecks: true });
    const isNew = (node: SimNode): boolean => (node.view().member(victim.id)?.record.epoch ?? 0) > 1;
    expect(world.runUntil(() => nodes.every(isNew) && differences(nodes).length === 0, 5000)).toBeDefined();
    for (const node of nodes) {
      expect(
        node
          .view()
          .instancesOf(victim.id)
          .map((each) => each.instance.id),
      ).toEqual(['new']);
    }
  });
});

test('a node takes so many addresses to join and no more, and names the limit', () => {
  const { world } = watched(1);
  const node = world.addNode();
  const addresses = Array.from({ length: 64 }, (_, i) => `10.0.9.${i}:1`);
  expect(node.dispatch({ type: 'join', addresses })).toEqual({ ok: true });
  expect(node.dispatch({ type: 'join', addresses: ['10.0.9.1:1'] })).toEqual({ ok: true });
  expect(node.dispatch({ type: 'join', addresses: ['10.0.8.1:1'] })).toMatchObject({ ok: false, code: 'limit-exceeded' });
  expect(node.dispatch({ type: 'join', addresses: [`${'x'.repeat(300)}:1`] })).toMatchObject({
    ok: false,
    code: 'invalid-address',
  });
});
