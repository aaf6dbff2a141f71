/** What lies between two hosts: how loss, bandwidth and blocked paths show on a stream, and who can reach whom. */

import type { Message } from '@skein/core';
import { Layers, World, differences } from '@skein/sim';
import type { LinkSettings, SimNode } from '@skein/sim';
import { describe, expect, test } from 'vitest';
import { routes, status, without } from './mesh-fixture.ts';
import { RecordingWorld, bulk, ping } from './recording-node.ts';

const open: Message = { type: 'sync-open', exchange: 1, buckets: [], wallMs: 0 };

function fixed(us: number): LinkSettings['latency'] {
  return { p0: us, p50: us, p90: us, p99: us, max: us };
}

function linked(settings: Partial<LinkSettings> = {}): { world: RecordingWorld; a: SimNode; b: SimNode } {
  const world = new RecordingWorld({ seed: 1 });
  const [a, b] = [world.addNode(), world.addNode()];
  world.link(a, b);
  world.network.setDefault(settings);
  return { world, a, b };
}

/** A message on the sync lane of about so many bytes. */
function syncBulk(bytes: number): Message {
  return { type: 'sync-facts', exchange: 1, facts: bulk(bytes), wants: [] } as never;
}

describe('a connection', () => {
  test('keeps one order for both lanes: a probe behind slow bulk waits for it', () => {
    const { world, a, b } = linked();
    world.network.setDefault({ latency: fixed(50_000) });
    world.send(a, b, open);
    world.network.setDefault({ latency: fixed(1000) });
    world.send(a, b, ping(1));
    world.runFor(40);
    expect(world.heard(b)).toEqual([]);
    world.runFor(11);
    expect(world.heard(b)).toEqual(['sync-open', 'ping 1']);
  });

  test('whose acknowledgements are lost falls silent for a retransmission, though its own way is good', () => {
    const { world, a, b } = linked();
    world.network.setLink(b, a, { loss: 1 });
    world.send(a, b, ping(1));
    world.runFor(150);
    world.send(a, b, ping(2));
    world.runFor(60);
    world.send(a, b, ping(3));
    world.runFor(3000);
    expect(world.heard(b)).toEqual(['ping 1', 'ping 2']);
    world.network.setLink(b, a, {});
    world.runFor(7000);
    expect(world.heard(b)).toEqual(['ping 1', 'ping 2', 'ping 3']);
  });

  test('loses a lone acknowledgement without harm when the next one comes in time', () => {
    const { world, a, b } = linked();
    const heal = world.network.cut([b], [a]);
    world.send(a, b, ping(1));
    world.runFor(50);
    heal();
    for (const seq of [2, 3]) {
      world.send(a, b, ping(seq));
      world.runFor(180);
      expect(world.heard(b).at(-1)).toBe(`ping ${seq}`);
    }
  });

  test('gives up after a quarter of an hour without acknowledgements, though all it sent arrived', () => {
    const { world, a, b } = linked();
    world.network.cut([b], [a]);
    world.send(a, b, ping(1));
    world.runFor(900_000);
    expect(world.heard(a)).toEqual([]);
    world.runFor(300_000);
    expect([world.heard(a), world.heard(b)]).toEqual([[`lost ${b.id}`], ['ping 1']]);
  });

  test('sends what waited for a retransmission as packets that may be lost again', () => {
    const { world, a, b } = linked();
    const heal = world.network.cut([a], [b]);
    for (let seq = 0; seq < 40; seq++) world.send(a, b, bulk(1400));
    world.runFor(100);
    world.network.setLink(a, b, { loss: 0.3 });
    heal();
    world.runFor(600);
    const early = world.heard(b).length;
    expect(early).toBeGreaterThan(0);
    expect(early).toBeLessThan(40);
    world.runFor(60_000);
    expect(world.heard(b)).toHaveLength(40);
  });
});

describe('bandwidth', () => {
  test('makes a message take its size, and the next one wait for it', () => {
    const { world, a, b } = linked({ bandwidth: 1_000_000 });
    world.send(a, b, bulk(50_000));
    world.send(a, b, ping(1));
    world.runFor(49);
    expect(world.heard(b)).toEqual([]);
    world.runFor(7);
    expect(world.heard(b)).toEqual(['gossip', 'ping 1']);
  });

  test('keeps a probe behind one piece of bulk at most, not behind all of it', () => {
    const { world, a, b } = linked({ bandwidth: 1_000_000 });
    world.send(a, b, syncBulk(500_000));
    world.runFor(100);
    world.send(a, b, ping(1));
    world.runFor(25);
    expect(world.heard(b)).toEqual(['ping 1']);
    world.runFor(600);
    expect(world.heard(b)).toEqual(['ping 1', 'sync-facts']);
  });

  test('has a queue: what does not fit is lost, which costs a stream a retransmission', () => {
    const { world, a, b } = linked({ bandwidth: 1_000_000, queueBytes: 100_000 });
    for (let i = 0; i < 4; i++) world.send(a, b, bulk(40_000));
    world.runFor(90);
    expect(world.heard(b)).toHaveLength(2);
    world.runFor(100);
    expect(world.heard(b)).toHaveLength(2);
    world.runFor(200);
    expect(world.heard(b)).toHaveLength(4);
  });
});

describe('a datagram', () => {
  test('is delayed, lost or doubled as the path says, and lost when it is too great', () => {
    const { world, a, b } = linked();
    const path = world.network.path(a, b);
    const copies = (bytes: number): number => path.datagramUs(bytes, 0).length;
    expect(copies(1400)).toBe(1);
    world.network.setDefault({ duplicate: 1, latency: fixed(7) });
    expect(path.datagramUs(1400, 0)).toEqual([7, 7]);
    world.network.setDefault({ mtu: 1400 });
    expect([copies(1400), copies(1401)]).toEqual([2, 0]);
    world.network.setDefault({ loss: 1 });
    expect(copies(1)).toBe(0);
    world.network.setDefault({ loss: 0, duplicate: 0, bandwidth: 1_000_000, queueBytes: 3000 });
    expect([1000, 1000, 1000, 1000].map((bytes) => path.datagramUs(bytes, 0)[0])).toEqual([1007, 2007, 3007, undefined]);
  });
});

describe('conditions of paths', () => {
  test('override each other: the latest wins field by field, and undoing it restores the other', () => {
    const { world, a, b } = linked({ latency: fixed(1000) });
    const sentMs = (): number => {
      const before = world.heard(b).length;
      world.send(a, b, ping(0));
      return world.runUntil(() => world.heard(b).length > before, 1000) ?? Infinity;
    };
    // A recording node emits nothing, so the condition is asked when actions run.
    for (let ms = 1; ms < 5000; ms++) world.at(world.nowMs + ms, () => undefined);
    world.network.setLink(a, b, { latency: fixed(2000) });
    const undoFirst = world.network.override([a], [b], { latency: fixed(30_000) });
    const undoSecond = world.network.override([a, b], [a, b], { latency: fixed(60_000) });
    expect(sentMs()).toBeGreaterThanOrEqual(60);
    undoSecond();
    expect(sentMs()).toBeLessThan(35);
    undoFirst();
    undoFirst();
    expect(sentMs()).toBeLessThan(5);
  });

  test('flap: a cut comes and goes until it is ended, and ends open', () => {
    const { world, a, b } = linked();
    const stop = world.network.flap([a], [b], { onMs: 300, offMs: 100 });
    const path = world.network.path(a, b);
    const states: boolean[] = [];
    for (let i = 0; i < 8; i++) {
      world.runFor(100);
      states.push(path.open);
    }
    expect(states).toEqual([false, false, true, false, false, false, true, false]);
    stop();
    world.runFor(1000);
    expect(path.open).toBe(true);
  });

  test('clog: what was under way arrives when the path is free again, at once and in order', () => {
    const { world, a, b } = linked();
    world.send(a, b, ping(1));
    const release = world.network.clog([a], [b]);
    world.send(a, b, ping(2));
    world.send(b, a, ping(9));
    world.runFor(100);
    expect([world.heard(b), world.heard(a)]).toEqual([[], ['ping 9']]);
    release();
    expect(world.heard(b)).toEqual(['ping 1', 'ping 2']);
  });

  test('of one kind on one thing end in any order, and the latest left is in force', () => {
    const seen: number[] = [];
    const layers = new Layers(0, (value) => seen.push(value));
    const [first, second, third] = [layers.begin(1), layers.begin(2), layers.begin(3)];
    second();
    third();
    first();
    first();
    expect(seen).toEqual([1, 2, 3, 1, 0]);
  });
});

describe('a host', () => {
  test('behind a gateway is dialled by nobody, dials out, and is then heard both ways', () => {
    const world = new RecordingWorld({ seed: 1 });
    const a = world.addNode();
    const hidden = world.addNode({ dialOutOnly: true });
    world.dial(a, hidden, { timeoutMs: 300 });
    world.runFor(300);
    expect(world.heard(a)).toEqual(['timeout']);
    world.link(hidden, a);
    world.send(a, hidden, ping(1));
    world.runFor(10);
    expect(world.heard(hidden)).toEqual(['ping 1']);
  });

  test.each([1, 2, 3])('behind a gateway is a member like any other, seed %i', (seed) => {
    const world = new World({ seed });
    const [first] = world.mesh(4) as [SimNode];
    for (let i = 0; i < 2; i++) world.addNode({ dialOutOnly: true, seeds: first.addresses });
    world.runFor(60_000);
    expect(differences(world.nodes)).toEqual([]);
  });

  test.each([1, 2, 3])(
    'that was set up anew is another member on the old addresses, and the former one fails, seed %i',
    (seed) => {
      const world = new World({ seed });
      const nodes = world.mesh(5);
      world.runFor(3000);
      const victim = nodes[seed] as SimNode;
      const others = without(nodes, victim);
      const [formerId, addresses] = [victim.id, victim.addresses];
      victim.crash();
      world.runFor(500);
      victim.restart({ replace: true, seeds: (others[0] as SimNode).addresses });
      expect(victim.id).not.toBe(formerId);
      expect([victim.addresses, victim.self, victim.epoch]).toEqual([addresses, victim.id, 1]);
      expect(world.runUntil(() => others.every((node) => routes(node, victim)), 5000)).toBeDefined();
      expect(world.runUntil(() => differences(nodes).length === 0, 30_000)).toBeDefined();
      for (const node of nodes) expect(node.view().member(formerId)?.status ?? 'failed').toBe('failed');
    },
  );

  test.each([1, 2, 3])(
    'that comes back with another address is found there, though everybody knew the old one, seed %i',
    (seed) => {
      const world = new World({ seed });
      const nodes = world.mesh(5);
      world.runFor(3000);
      const victim = nodes[seed] as SimNode;
      victim.powerOff();
      world.runFor(20_000);
      victim.restart({ seeds: [], addresses: ['10.7.0.1:7946'] });
      expect(world.runUntil(() => differences(nodes).length === 0, 10_000)).toBeDefined();
      for (const node of nodes) {
        expect(node.view().member(victim.id)?.record.addresses).toEqual(['10.7.0.1:7946']);
        expect(status(node, victim)).toBe('alive');
      }
    },
  );
});
