/** A process that hangs keeps its connections: only probes can tell. Times are virtual. */

import { type SimNode, World } from '@skein/sim';
import { expect, test } from 'vitest';

test.each([2, 3, 5, 10, 32])(
  'in a mesh of %i a hung member is out of rotation everywhere within 2.5 s, and nobody else is',
  (count) => {
    for (let seed = 0; seed < 8; seed++) {
      const world = new World({ seed, network: 'lan' });
      const nodes = world.mesh(count);
      world.runFor(6000 + seed * 137);
      const hung = nodes[1]!;
      const others = nodes.filter((node) => node !== hung);
      hung.pause();
      const tookMs = world.runUntil(() => others.every((node) => node.view().member(hung.self)?.reachable === false), 2500);
      expect(tookMs, `seed ${seed}`).toBeDefined();
      for (const node of others) {
        for (const member of node.view().members()) {
          if (member.id === hung.self) continue;
          expect(member.reachable, `${member.name} in seed ${seed}`).toBe(true);
          expect(member.record.incarnation, `${member.name} had to refute in seed ${seed}`).toBe(0);
        }
      }
    }
  },
);

test('on rings too, somebody probes each member every other interval: who hangs is out of rotation within 2.1 s', () => {
  const world = new World({ seed: 3, network: 'lan', traceLines: 0 });
  const nodes = world.settled(60);
  world.runFor(10_000);
  for (const hung of nodes.slice(0, 15)) {
    const others = nodes.filter((node) => node !== hung);
    hung.pause();
    const isOut = (): boolean => others.every((node) => node.view().member(hung.self)?.reachable === false);
    expect(world.runUntil(isOut, 2100), hung.name).toBeDefined();
    hung.resume();
    world.runFor(4000);
  }
});

test('a member that hangs while one of its two peers is still dialling it goes out of rotation there too, within 5 s', () => {
  const world = new World({ seed: 1, network: 'lan' });
  const nodes = world.mesh(3);
  const [, hung, back] = nodes as [SimNode, SimNode, SimNode];
  world.runFor(15_000);
  back.crash();
  world.runFor(10_000);
  back.restart();
  world.runUntil(() => nodes.every((node) => [...node.view().members()].every((member) => member.reachable)), 10_000);
  hung.pause();
  const others = nodes.filter((node) => node !== hung);
  const tookMs = world.runUntil(() => others.every((node) => node.view().member(hung.self)?.reachable === false), 5000);
  expect(tookMs).toBeDefined();
});

test.each([1, 12, 14, 15, 31, 37])(
  'a host that stalls again and again still routes around one that is gone within 10 s, seed %i',
  (seed) => {
    const world = new World({ seed, network: 'lan', traceLines: 0 });
    const [observer, , gone] = world.mesh(3) as [SimNode, SimNode, SimNode];
    world.runFor(20_000);
    const stall = (): void => {
      observer.pause();
      world.at(world.nowMs + 300, () => {
        observer.resume();
        world.at(world.nowMs + 400, stall);
      });
    };
    world.at(world.nowMs + seed * 31, stall);
    world.runFor(15_000);
    gone.powerOff();
    expect(world.runUntil(() => observer.view().member(gone.id)?.reachable === false, 10_000)).toBeDefined();
  },
);
