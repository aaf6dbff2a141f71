/** Bytes that change on the way: what reads them ends the stream, and refuses the datagram; a mesh gets over both. */

import { SwimMesh, World, simulate, swimProfiles } from '@skein/sim';
import { describe, expect, test } from 'vitest';
import { RecordingWorld, ping } from './recording-node.ts';
import type { SimNode } from '@skein/sim';

function linked(): { world: RecordingWorld; a: SimNode; b: SimNode } {
  const world = new RecordingWorld({ seed: 1 });
  const [a, b] = [world.addNode(), world.addNode()];
  world.link(a, b);
  return { world, a, b };
}

describe('a stream of which a byte is changed', () => {
  test('ends for both sides, and nothing of it is read from there on', () => {
    const { world, a, b } = linked();
    world.send(a, b, ping(1));
    world.runFor(100);
    const end = world.network.corrupt([a], [b], 1);
    world.send(a, b, ping(2));
    world.send(a, b, ping(3));
    world.runFor(100);
    expect(world.heard(b)).toEqual(['ping 1', `lost ${a.id}`]);
    expect(world.heard(a)).toEqual([`lost ${b.id}`]);
    expect([world.network.isLinked(a, b.id), world.network.isLinked(b, a.id)]).toEqual([false, false]);
    expect(world.network.figures.garbled).toBe(1);
    end();
    world.link(a, b);
    world.send(a, b, ping(4));
    world.runFor(100);
    expect(world.heard(b)).toEqual(['ping 4']);
  });

  test('is sound the other way: bytes are changed in one direction', () => {
    const { world, a, b } = linked();
    world.network.corrupt([a], [b], 1);
    world.send(b, a, ping(1));
    world.runFor(100);
    expect(world.heard(a)).toEqual(['ping 1']);
    expect(world.heard(b)).toEqual([]);
  });

  test('ends once a process reads it that was paused meanwhile', () => {
    const { world, a, b } = linked();
    const end = world.network.corrupt([a], [b], 1);
    b.pause();
    world.send(a, b, ping(1));
    world.runFor(100);
    expect(world.heard(a)).toEqual([]);
    end();
    b.resume();
    world.send(a, b, ping(2));
    world.runFor(100);
    expect(world.heard(b)).toEqual([`lost ${a.id}`]);
    expect(world.heard(a)).toEqual([`lost ${b.id}`]);
  });

  test('is none: a handshake of which a byte is changed is refused', () => {
    const world = new RecordingWorld({ seed: 1 });
    const [a, b] = [world.addNode(), world.addNode()];
    world.network.corrupt([b], [a], 1);
    world.dial(a, b);
    world.runFor(3000);
    expect(world.heard(a)).toEqual(['refused']);
    expect(world.heard(b)).toEqual([]);
  });
});

test.each([0, 1])('a datagram of which a byte is changed reaches nobody: with a chance of %i', (share) => {
  const world = new World({ seed: 1 });
  const config = { ...swimProfiles.swim, streamPing: false, pushPullIntervalMs: 60_000_000 };
  const mesh = new SwimMesh(world, { config });
  const hosts = mesh.add(3, { settled: true });
  world.network.corrupt(hosts, hosts, share);
  world.runFor(20_000);
  const { sent, received } = mesh.traffic;
  expect(sent).toBeGreaterThan(10);
  expect(received).toBe(share === 0 ? sent : 0);
});

test('a mesh of which some paths change bytes has its links back, removes nobody and agrees', () => {
  const { failures, coverage, faults } = simulate({ nodes: 8, seed: 3 }, (sim) => {
    sim.at('1s').corrupt(sim.node(0, 1), sim.all(), 0.02).for('60s');
    sim.at('70s').calm();
  });
  expect(failures).toEqual([]);
  expect(faults).toHaveLength(1);
  expect(coverage.corruptions).toBeGreaterThan(10);
  expect(coverage.failed).toBe(0);
});

test('the chance that bytes change is from 0 to 1, and not 0', () => {
  const told = (share: number) => () =>
    simulate({ nodes: 2, seed: 1 }, (sim) => {
      sim.at('1s').corrupt(sim.node(0), sim.node(1), share).for('1s');
    });
  expect(told(0)).toThrow('corrupt at 1s: of no packet at all; share is the chance for each, such as 0.01');
  expect(told(1.5)).toThrow('corrupt at 1s: share: is 1.5, not a number from 0 to 1');
});
