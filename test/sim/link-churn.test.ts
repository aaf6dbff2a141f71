/**
 * Links of a mesh that was large and is small: who was there before is on rings, who starts now wants a full mesh, and yet
 * nobody goes on dialling what another closes. With sizes of the default: rings above 48 others, full again below 32.
 */

import { World } from '@skein/sim';
import type { SimNode } from '@skein/sim';
import { describe, expect, test } from 'vitest';

const largeCount = 52;
/** A visit comes between 15 and 45 s after the one before. */
const visitsMax = 4;

interface Mesh {
  readonly world: World;
  readonly nodes: readonly SimNode[];
}

/** Grown over the limit and shrunk to `left`; three of those start again, and so never saw it large. */
function shrunk(left: number): Mesh {
  const world = new World({ seed: left });
  const all = world.mesh(largeCount);
  world.runFor(15_000);
  for (const node of all.slice(left)) node.leave();
  world.runFor(15_000);
  const nodes = all.slice(0, left);
  for (const node of nodes.slice(0, 3)) node.crash();
  world.runFor(1000);
  for (const node of nodes.slice(0, 3)) node.restart();
  world.runFor(30_000);
  return { world, nodes };
}

/** Dials per node and minute, and handshakes, over so long. */
function dialled({ world, nodes }: Mesh, ms: number): { readonly dials: number; readonly handshakes: number } {
  const { dials, handshakes } = world.network.figures;
  world.runFor(ms);
  const share = 60_000 / ms / nodes.length;
  const { figures } = world.network;
  return { dials: (figures.dials - dials) * share, handshakes: (figures.handshakes - handshakes) * share };
}

function linkCounts(nodes: readonly SimNode[]): number[] {
  const links = (node: SimNode): number => [...node.view().members()].filter(({ id, linked }) => linked && id !== node.id).length;
  return [...new Set(nodes.map(links))];
}

describe.each([33, 40, 48, 49])('a mesh that was larger, of %i members', (left) => {
  test('dials no more than it looks about at first, and nobody after five minutes, when all are linked with all', () => {
    const mesh = shrunk(left);
    expect(dialled(mesh, 120_000).dials).toBeLessThan(visitsMax);
    mesh.world.runFor(240_000);
    expect(linkCounts(mesh.nodes)).toEqual([left - 1]);
    expect(dialled(mesh, 120_000)).toEqual({ dials: 0, handshakes: 0 });
  });
});

test('a mesh of 40 of which 20 more crashed dials those now and then, and has no handshake', () => {
  const world = new World({ seed: 1 });
  const all = world.mesh(60);
  world.runFor(15_000);
  for (const node of all.slice(40)) node.crash();
  const mesh = { world, nodes: all.slice(0, 40) };
  world.runFor(420_000);
  expect(linkCounts(mesh.nodes)).toEqual([39]);
  const { dials, handshakes } = dialled(mesh, 120_000);
  expect(handshakes).toBe(0);
  expect(dials).toBeLessThan(visitsMax);
});

test('a mesh that grows over the limit again closes the links that its rings do not need', () => {
  const mesh = shrunk(40);
  mesh.world.runFor(360_000);
  const more = Array.from({ length: 14 }, () => mesh.world.addNode({ seeds: mesh.nodes[0]?.addresses ?? [] }));
  mesh.world.runFor(120_000);
  const links = [...mesh.nodes, ...more].map((node) => linkCounts([node])[0] ?? 0);
  expect(Math.max(...links)).toBeLessThan(40);
  expect(dialled({ world: mesh.world, nodes: [...mesh.nodes, ...more] }, 120_000).dials).toBeLessThan(visitsMax);
});
