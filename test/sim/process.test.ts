/** What a host can suffer without its process ending: blocked input and output, a slow CPU, bad clocks, a bad disk. */

import { checkId, instanceId, nodeId } from '@skein/core';
import type { Input, KnownPeer, Persist } from '@skein/core';
import { World, differences } from '@skein/sim';
import type { SimNode } from '@skein/sim';
import { describe, expect, test } from 'vitest';
import { register, routable, routes, without } from './mesh-fixture.ts';
import { RecordingWorld, ping } from './recording-node.ts';

function linked(seed = 1): { world: RecordingWorld; a: SimNode; b: SimNode } {
  const world = new RecordingWorld({ seed });
  const [a, b] = [world.addNode(), world.addNode()];
  world.link(a, b);
  return { world, a, b };
}

/** Lets every deadline pass once. */
function tickAt(world: RecordingWorld, node: SimNode, inMs: number): void {
  const logic = world.logic(node);
  logic.onInput = (input) => {
    if (input.type === 'tick') logic.deadline = undefined;
    return [];
  };
  logic.deadline = node.nowMs() + inMs;
  world.act(node);
}

describe('blocked input and output', () => {
  test('hold what is sent and what arrives, while timers run; afterwards all goes through in order', () => {
    const { world, a, b } = linked();
    b.blockIo(true);
    for (const seq of [1, 2, 3]) world.send(a, b, ping(seq));
    for (const seq of [4, 5]) world.send(b, a, ping(seq));
    tickAt(world, b, 100);
    world.runFor(5000);
    expect(world.heard(b)).toEqual(['tick']);
    expect(world.heard(a)).toEqual([]);
    b.blockIo(false);
    world.runFor(10);
    expect(world.heard(b)).toEqual(['tick', 'ping 1', 'ping 2', 'ping 3']);
    expect(world.heard(a)).toEqual(['ping 4', 'ping 5']);
  });

  test('stall dials in both directions; those that wait long enough succeed, and a timeout is told at once', () => {
    const { world, a, b } = linked();
    const c = world.addNode();
    b.blockIo(true);
    world.dial(c, b, { timeoutMs: 500 });
    world.dial(b, c, { timeoutMs: 500 });
    world.runFor(500);
    expect([world.heard(c), world.heard(b)]).toEqual([['timeout'], ['timeout']]);
    world.dial(a, b, { fresh: true, timeoutMs: 4000 });
    world.runFor(300);
    b.blockIo(false);
    world.runFor(1000);
    expect(world.heard(a)).toEqual([`linked ${b.id}`, 'dialed']);
  });

  test('end with the process: what was held by a crashed one is lost', () => {
    const { world, a, b } = linked();
    b.blockIo(true);
    world.send(a, b, ping(1));
    world.send(b, a, ping(2));
    world.runFor(100);
    b.crash();
    b.restart();
    b.blockIo(false);
    world.runFor(1000);
    expect(world.heard(b)).toEqual([]);
    expect(world.heard(a)).toEqual([`lost ${b.id}`]);
  });

  test.each([1, 2, 3])('of one node take only that one out of rotation, and it comes back, seed %i', (seed) => {
    const world = new World({ seed });
    const nodes = world.mesh(6);
    world.runFor(5000);
    const victim = nodes[seed] as SimNode;
    victim.blockIo(true);
    const others = without(nodes, victim);
    expect(world.runUntil(() => others.every((node) => !routes(node, victim)), 5000)).toBeDefined();
    world.runFor(20_000);
    victim.blockIo(false);
    expect(world.runUntil(() => differences(nodes).length === 0, 30_000)).toBeDefined();
  });
});

describe('a slow CPU', () => {
  test('handles one message after the other, so that the last of ten waits for nine', () => {
    const { world, a, b } = linked();
    b.slowCpu(20_000);
    for (let seq = 0; seq < 10; seq++) world.send(a, b, ping(seq));
    world.runFor(101);
    expect(world.heard(b)).toHaveLength(5);
    world.runFor(105);
    expect(world.heard(b)).toEqual(Array.from({ length: 10 }, (_, seq) => `ping ${seq}`));
    b.slowCpu(0);
    world.send(a, b, ping(10));
    world.runFor(6);
    expect(world.heard(b).at(-1)).toBe('ping 10');
  });

  test('lets timers wait behind what came before, and what was sent late goes out late', () => {
    const { world, a, b } = linked();
    b.slowCpu(50_000);
    const logic = world.logic(b);
    logic.onInput = (input) => {
      if (input.type === 'tick') logic.deadline = undefined;
      return input.type === 'message' ? [{ type: 'send', to: a.id, message: ping(99), lane: 'wire' }] : [];
    };
    world.send(a, b, ping(1));
    world.runFor(20);
    logic.deadline = b.nowMs() + 10;
    world.act(b);
    world.runFor(29);
    expect(world.heard(b)).toEqual([]);
    world.runFor(7);
    expect([world.heard(b), world.heard(a)]).toEqual([['ping 1'], ['ping 99']]);
    world.runFor(50);
    expect(world.heard(b)).toEqual(['ping 1', 'tick']);
  });

  test('tells the node how late its loop was', () => {
    const { world, a, b } = linked();
    const lags: number[] = [];
    world.logic(b).onInput = (input: Input) => {
      if (input.type === 'clock') lags.push(input.lagMs);
      return [];
    };
    world.runFor(2000);
    b.slowCpu(10_000);
    for (let seq = 0; seq < 60; seq++) world.send(a, b, ping(seq));
    world.runFor(3000);
    expect(lags.slice(0, 2)).toEqual([0, 0]);
    expect(Math.max(...lags)).toBeGreaterThanOrEqual(599);
    expect(lags.at(-1)).toBeLessThan(50);
  });

  test('gives a timer that is late by more than 100 ms its turn after what waits', () => {
    const { world, a, b } = linked();
    b.slowCpu(60_000);
    for (const seq of [1, 2, 3]) world.send(a, b, ping(seq));
    tickAt(world, b, 10);
    for (const seq of [4, 5]) world.at(world.nowMs + 30, () => world.send(a, b, ping(seq)));
    world.runFor(1000);
    expect(world.heard(b)).toEqual(['ping 1', 'ping 2', 'ping 3', 'ping 4', 'ping 5', 'tick']);
  });

  test('slows handshakes: a dial to a host with a backlog waits for it', () => {
    const { world, a, b } = linked();
    const c = world.addNode();
    b.slowCpu(10_000);
    for (let seq = 0; seq < 50; seq++) world.send(a, b, ping(seq));
    world.runFor(5);
    world.dial(c, b, { timeoutMs: 4000 });
    world.runFor(400);
    expect(world.heard(c)).toEqual([]);
    world.runFor(500);
    expect(world.heard(c)).toEqual([`linked ${b.id}`, 'dialed']);
  });
});

describe('a clock', () => {
  test.each([200_000, -200_000, 137, -1])('that drifts by %i ppm wakes its node when its own clock shows the deadline', (ppm) => {
    const world = new RecordingWorld({ seed: 1 });
    const node = world.addNode();
    world.runFor(777);
    node.drift(ppm);
    const startMs = node.nowMs();
    const atMs = world.nowMs;
    tickAt(world, node, 60_000);
    const expectedMs = Math.ceil((60_000 * 1_000_000) / (1_000_000 + ppm));
    world.runFor(expectedMs - 2);
    expect(world.heard(node)).toEqual([]);
    world.runFor(3);
    expect(world.logic(node).inputs).toEqual([{ now: startMs + 60_000, input: { type: 'tick' } }]);
    expect(world.nowMs - atMs).toBe(expectedMs + 1);
  });

  test('that starts to run fast moves the deadlines that were set before', () => {
    const world = new RecordingWorld({ seed: 1 });
    const node = world.addNode();
    tickAt(world, node, 10_000);
    world.runFor(5000);
    node.drift(250_000);
    world.runFor(4001);
    expect(world.heard(node)).toEqual(['tick']);
  });

  test('on the wall may be set back, and the monotonic one does not notice', () => {
    const world = new RecordingWorld({ seed: 1 });
    const node = world.addNode();
    const walls: number[] = [];
    world.logic(node).onInput = (input) => {
      if (input.type === 'clock') walls.push(input.wallMs);
      return [];
    };
    world.runFor(1000);
    const monotonicMs = node.nowMs();
    node.stepClock(-3_600_000);
    world.runFor(1000);
    expect(walls).toHaveLength(2);
    expect((walls[1] as number) - (walls[0] as number)).toBe(1000 - 3_600_000);
    expect(node.nowMs() - monotonicMs).toBe(1000);
  });

  test.each([1, 2])('wrong on every host, in rate and on the wall, makes a quiet mesh doubt nobody, seed %i', (seed) => {
    const doubts: string[] = [];
    const world = new World({
      seed,
      onEvent: (node, event) => {
        if (event.type === 'member-changed' && event.to === 'failed') doubts.push(`${node.id} ${event.id}`);
      },
    });
    const nodes = world.mesh(8);
    for (const node of nodes) {
      node.drift((node.index - 4) * 20_000);
      node.stepClock((node.index - 4) * 86_400_000);
    }
    world.runFor(60_000);
    for (const node of nodes) node.stepClock(-1_000_000);
    world.runFor(60_000);
    expect(doubts).toEqual([]);
    expect(differences(nodes)).toEqual([]);
  });
});

describe('a disk', () => {
  const instance = { id: instanceId('web-1') } as never;
  const registration: Persist = { type: 'registration', registration: { type: 'instance', instance } };
  const known = (name: string): KnownPeer => ({ id: nodeId(name), name, addresses: ['10.0.0.9:1'] });
  const peers: Persist = { type: 'peers', peers: [known('x')] };
  const morePeers: Persist = { type: 'peers', peers: [known('x'), known('y')] };

  function disk(): { world: RecordingWorld; node: SimNode; write: (...changes: Persist[]) => void; boot: () => object } {
    const world = new RecordingWorld({ seed: 1 });
    const node = world.addNode();
    return {
      world,
      node,
      write: (...changes) => world.act(node, ...changes.map((persist) => ({ type: 'persist', persist }) as const)),
      boot: () => {
        node.restart();
        const { epoch, registrations, peers: kept } = world.logic(node).options;
        return { epoch, registrations: registrations.length, peers: kept.length };
      },
    };
  }

  test('holds after a crash that keeps what was synced: epochs at once, registrations and the first peers after an fsync, more peers a second later', () => {
    const { world, node, write, boot } = disk();
    write({ type: 'epoch', epoch: 7 }, peers);
    world.runFor(6);
    write(morePeers);
    world.runFor(900);
    node.crash({ keep: 'synced' });
    expect(boot()).toEqual({ epoch: 8, registrations: 0, peers: 1 });
    write(registration);
    world.runFor(4);
    node.crash({ keep: 'synced' });
    expect(boot()).toEqual({ epoch: 9, registrations: 0, peers: 1 });
    write(registration, morePeers);
    world.runFor(6);
    node.crash({ keep: 'synced' });
    expect(boot()).toEqual({ epoch: 10, registrations: 1, peers: 2 });
  });

  test('holds after a crash what was handed to the system: a file that is in its place, not what waited in the process', () => {
    const { world, node, write, boot } = disk();
    write({ type: 'epoch', epoch: 7 }, peers);
    world.runFor(6);
    write(morePeers);
    world.runFor(900);
    node.crash();
    expect(boot()).toEqual({ epoch: 8, registrations: 0, peers: 1 });
    write(registration);
    world.runFor(2);
    node.crash();
    expect(boot()).toEqual({ epoch: 9, registrations: 0, peers: 1 });
    write(registration);
    world.runFor(4);
    node.crash();
    expect(boot()).toEqual({ epoch: 10, registrations: 1, peers: 1 });
    write(morePeers, { type: 'registration-removed', key: 'i/web-1' });
    world.runFor(4);
    node.crash();
    expect(boot(), 'what goes is removed after all that is new is safe').toEqual({ epoch: 11, registrations: 1, peers: 2 });
  });

  test('is written to the last change by a process that ends in order', () => {
    const { world, node, write, boot } = disk();
    write(peers, registration);
    world.act(node, { type: 'emit', event: { type: 'left' } });
    expect(node.process).toBe('stopped');
    expect(boot()).toEqual({ epoch: 2, registrations: 1, peers: 1 });
  });

  test('after a power loss holds what was synced, unless it is said to hold more', () => {
    const { world, node, write, boot } = disk();
    write(registration);
    world.runFor(4);
    node.powerOff();
    expect(boot()).toEqual({ epoch: 2, registrations: 0, peers: 0 });
    write(registration);
    world.runFor(4);
    node.powerOff({ keep: 'written' });
    expect(boot()).toEqual({ epoch: 3, registrations: 1, peers: 0 });
  });

  test('rolled back holds what it held at the last copy, the epoch included', () => {
    const { world, node, write, boot } = disk();
    write(registration);
    world.runFor(1000);
    node.backUp();
    write({ type: 'epoch', epoch: 20 }, peers);
    world.runFor(5000);
    node.crash({ keep: 'rollback' });
    expect(boot()).toEqual({ epoch: 2, registrations: 1, peers: 0 });
  });

  test('that is full keeps what it held, lets no process boot, and takes what waited once there is room', () => {
    const { world, node, write, boot } = disk();
    write(peers);
    world.runFor(2000);
    node.fullDisk(true);
    write(registration, { type: 'epoch', epoch: 9 });
    world.runFor(60_000);
    node.crash({ keep: 'written' });
    node.restart();
    expect(node.process).toBe('stopped');
    node.fullDisk(false);
    expect(boot()).toEqual({ epoch: 2, registrations: 0, peers: 1 });
    node.fullDisk(true);
    write(registration);
    world.runFor(10_000);
    node.fullDisk(false);
    world.runFor(30_000);
    node.crash({ keep: 'synced' });
    expect(boot()).toEqual({ epoch: 3, registrations: 1, peers: 1 });
  });

  test('a check state that changes need not be on disk at once, a new definition must', () => {
    const { world, node, write, boot } = disk();
    const definition = { id: checkId('c') } as never;
    const check = (status: string): Persist =>
      ({ type: 'registration', registration: { type: 'check', definition, state: { status } } }) as never;
    write(check('passing'));
    world.runFor(10);
    write(check('critical'));
    world.runFor(10);
    node.crash({ keep: 'synced' });
    boot();
    expect(world.logic(node).options.registrations).toMatchObject([{ state: { status: 'passing' } }]);
  });

  test.each([1, 2, 3, 4, 5])('rolled back makes its node notice, and come back above every epoch it had, seed %i', (seed) => {
    const world = new World({ seed });
    const nodes = world.mesh(5);
    world.runFor(3000);
    const victim = nodes[seed % 5] as SimNode;
    victim.backUp();
    for (let i = 0; i < 3; i++) {
      victim.crash();
      victim.restart();
      world.runFor(2000);
    }
    register(victim, 'web-new');
    world.runFor(1000);
    for (const node of nodes) expect(routable(node)).toEqual(['web-new']);
    victim.crash({ keep: 'rollback' });
    world.runFor([10, 1000, 20_000][seed % 3] as number);
    victim.restart();
    expect(victim.epoch).toBe(2);
    expect(world.runUntil(() => differences(nodes).length === 0, 10_000)).toBeDefined();
    expect(victim.epoch).toBeGreaterThan(4);
    for (const node of nodes) expect(routable(node)).toEqual([]);
  });
});
