/** The stream network, seen by nodes that only record. Times are virtual, so exact bounds can be asserted. */

import { limits } from '@skein/core';
import { describe, expect, test } from 'vitest';
import { RecordingWorld, bulk, ping, stranger } from './recording-node.ts';

function pair(options: { readonly seed?: number; readonly network?: 'lan' | 'wan' } = {}) {
  const world = new RecordingWorld({ seed: options.seed ?? 1, network: options.network ?? 'lan' });
  const a = world.addNode();
  const b = world.addNode();
  return { world, a, b };
}

describe('dialling', () => {
  test('a dial links both sides with their epochs, and the dialler hears of its link before its answer', () => {
    const { world, a, b } = pair();
    b.crash();
    b.restart();
    world.dial(a, b);
    world.runFor(100);
    expect(world.heard(a)).toEqual(['linked n0001', 'dialed']);
    expect(world.heard(b)).toEqual(['linked n0000']);
    expect(world.logic(a).inputs[0]?.input).toMatchObject({ epoch: 2 });
  });

  test('a dial costs four round trips and the CPU of a handshake', () => {
    const { world, a, b } = pair({ network: 'wan' });
    world.dial(a, b, { timeoutMs: 6000 });
    // Eight packets of 20 ms at least, and 8 ms of CPU.
    world.runFor(8 * 20 + 7);
    expect(world.heard(a)).toEqual([]);
    world.runFor(1000);
    expect(world.heard(a)).toEqual(['linked n0001', 'dialed']);
  });

  test('handshakes of one host wait for its CPU', () => {
    const world = new RecordingWorld({ seed: 1, network: 'loopback' });
    const hub = world.addNode();
    const others = Array.from({ length: 20 }, () => world.addNode());
    for (const other of others) world.dial(other, hub);
    world.runFor(19 * 8);
    expect(world.heard(hub).length).toBeLessThan(20);
    world.runFor(100);
    expect(world.heard(hub).length).toBe(20);
  });

  test('a crashed process refuses, a machine without power says nothing until the dial times out', () => {
    const { world, a, b } = pair();
    b.crash();
    world.dial(a, b);
    world.runFor(50);
    expect(world.heard(a)).toEqual(['refused']);
    b.restart();
    b.powerOff();
    world.dial(a, b, { timeoutMs: 500 });
    world.runFor(499);
    expect(world.heard(a)).toEqual(['refused']);
    world.runFor(1);
    expect(world.heard(a)).toEqual(['refused', 'timeout']);
  });

  test('a paused process accepts nobody, and a dial that outlasts the pause succeeds', () => {
    const { world, a, b } = pair();
    b.pause();
    world.dial(a, b, { timeoutMs: 300 });
    world.runFor(400);
    expect(world.heard(a)).toEqual(['timeout']);
    world.dial(a, b, { timeoutMs: 2000 });
    world.runFor(500);
    b.resume();
    world.runFor(1000);
    expect(world.heard(a)).toEqual(['timeout', 'linked n0001', 'dialed']);
  });

  test('a crash in the middle of a handshake refuses it', () => {
    const { world, a, b } = pair({ network: 'wan' });
    world.dial(a, b, { timeoutMs: 6000 });
    world.runFor(150);
    b.crash();
    b.restart();
    world.runFor(1000);
    expect(world.heard(a)).toEqual(['refused']);
    expect(world.heard(b)).toEqual([]);
  });

  test('a dialler that was restarted gets no answer to what its former process asked', () => {
    const { world, a, b } = pair();
    world.dial(a, b);
    a.crash();
    a.restart();
    world.runFor(3000);
    expect(world.heard(a)).toEqual([]);
    expect(world.heard(b)).toEqual([]);
  });

  test.each([
    ['its own address', ['10.0.0.0:7946'], 'self'],
    ['a port that nobody listens on', ['10.0.0.1:9'], 'refused'],
    ['an address that nobody has', ['10.9.9.9:7946'], 'timeout'],
    ['a name that does not resolve', ['nowhere.example:7946'], 'unresolvable'],
    ['text that is no address', ['nonsense'], 'unresolvable'],
    ['no address at all', [], 'unresolvable'],
  ])('a dial to %s fails as such', (_, addresses, reason) => {
    const { world, a } = pair();
    world.act(a, { type: 'connect', dial: 1, to: undefined, addresses, fresh: false, timeoutMs: 1000 });
    world.runFor(1000);
    expect(world.heard(a)).toEqual([reason]);
  });

  test('somebody else at the address is a wrong peer, and links nobody', () => {
    const { world, a, b } = pair();
    world.act(a, { type: 'connect', dial: 1, to: stranger, addresses: b.addresses, fresh: false, timeoutMs: 1000 });
    world.runFor(1000);
    expect(world.heard(a)).toEqual(['wrong-peer']);
    expect(world.heard(b)).toEqual([]);
  });

  test('a node of another mesh is rejected, and the detail names the mesh', () => {
    const { world, a } = pair();
    const other = world.addNode({ mesh: 'elsewhere' });
    world.dial(a, other);
    world.runFor(1000);
    expect(world.logic(a).inputs[0]?.input).toMatchObject({
      outcome: { ok: false, reason: 'rejected', detail: expect.stringContaining('elsewhere') as string },
    });
    expect(world.heard(other)).toEqual([]);
  });

  test('the second address is tried when the first one refuses', () => {
    const { world, a, b } = pair();
    const addresses = ['10.0.0.1:9', ...b.addresses];
    world.act(a, { type: 'connect', dial: 1, to: b.id, addresses, fresh: false, timeoutMs: 1000 });
    world.runFor(1000);
    expect(world.heard(a)).toEqual(['linked n0001', 'dialed']);
  });

  test('two nodes that dial each other at once get one link, and each dial its answer', () => {
    const { world, a, b } = pair();
    world.dial(a, b);
    world.dial(b, a);
    world.runFor(1000);
    for (const [node, peer] of [
      [a, b],
      [b, a],
    ] as const) {
      expect(world.heard(node)).toEqual([`linked ${peer.id}`, 'dialed']);
    }
  });

  test('a dial to a linked peer answers at once; a fresh one replaces the link and nobody loses it', () => {
    const { world, a, b } = pair();
    world.link(a, b);
    world.dial(a, b);
    world.runFor(0);
    expect(world.heard(a)).toEqual(['dialed']);
    world.dial(a, b, { fresh: true });
    world.runFor(1000);
    expect(world.heard(a)).toEqual(['dialed', 'linked n0001', 'dialed']);
    expect(world.heard(b)).toEqual(['linked n0000']);
    world.send(b, a, ping(1));
    world.runFor(10);
    expect(world.heard(a).at(-1)).toBe('ping 1');
  });
});

describe('a link', () => {
  test('delivers in order, whatever the latency draws say', () => {
    const { world, a, b } = pair({ network: 'wan' });
    world.link(a, b);
    for (let seq = 0; seq < 200; seq++) world.send(a, b, ping(seq));
    world.runFor(1000);
    expect(world.heard(b)).toEqual(Array.from({ length: 200 }, (_, seq) => `ping ${seq}`));
  });

  test('turns loss into delay: everything arrives, in order, and no earlier than a retransmission', () => {
    const { world, a, b } = pair();
    world.link(a, b);
    world.network.setLink(a, b, { loss: 0.2 });
    for (let seq = 0; seq < 300; seq++) world.at(world.nowMs + seq * 10, () => world.send(a, b, ping(seq)));
    world.runFor(60_000);
    expect(world.heard(b)).toEqual(Array.from({ length: 300 }, (_, seq) => `ping ${seq}`));
    const sentAt = world.logic(b).startedMs + 1000;
    const delays = world.logic(b).inputs.map(({ now }, seq) => now - sentAt - seq * 10);
    expect(Math.max(...delays)).toBeGreaterThanOrEqual(200);
    expect(delays.filter((delay) => delay < 10).length).toBeGreaterThan(10);
  });

  test('stalls both lanes together, but neither lane waits for the other without loss', () => {
    const { world, a, b } = pair();
    world.link(a, b);
    const heal = world.network.cut([a], [b]);
    world.send(a, b, { type: 'sync-open', exchange: 1, buckets: [], wallMs: 0 });
    world.runFor(10);
    heal();
    world.send(a, b, ping(1));
    world.runFor(100);
    expect(world.heard(b)).toEqual([]);
    world.runFor(200);
    expect(world.heard(b)).toEqual(['sync-open', 'ping 1']);
  });

  test('holds of one exchange no more messages than the transport does, and the next ones once those were read', () => {
    const { world, a, b } = pair();
    world.link(a, b);
    const open = (exchange: number): void => {
      for (let i = 0; i < limits.exchangeMessages + 1; i++)
        world.send(a, b, { type: 'sync-open', exchange, buckets: [], wallMs: 0 });
    };
    open(1);
    open(3);
    world.runFor(1000);
    expect(world.heard(b)).toHaveLength(2 * limits.exchangeMessages);
    open(1);
    world.runFor(1000);
    expect(world.heard(b)).toHaveLength(3 * limits.exchangeMessages);
  });

  test('a crash closes it at the peer within one latency, after what was already sent', () => {
    const { world, a, b } = pair();
    world.link(a, b);
    world.send(a, b, ping(1));
    a.crash();
    world.runFor(10);
    expect(world.heard(b)).toEqual(['ping 1', 'lost n0000']);
  });

  test('a power loss is silence, until the machine is back and answers with a reset', () => {
    const { world, a, b } = pair();
    world.link(a, b);
    a.powerOff();
    world.send(b, a, ping(1));
    world.runFor(60_000);
    expect(world.heard(b)).toEqual([]);
    a.restart();
    world.runFor(60_000);
    expect(world.heard(b)).toEqual(['lost n0000']);
    expect(world.heard(a)).toEqual([]);
  });

  test('the kernel gives up on a silent peer after a quarter of an hour', () => {
    const { world, a, b } = pair();
    world.link(a, b);
    a.powerOff();
    world.send(b, a, ping(1));
    world.runFor(900_000);
    expect(world.heard(b)).toEqual([]);
    world.runFor(300_000);
    expect(world.heard(b)).toEqual(['lost n0000']);
  });

  test('a partition is silence in both directions; healed, what was sent arrives with a retransmission', () => {
    const { world, a, b } = pair();
    world.link(a, b);
    const heal = world.network.split([a], [b]);
    world.send(a, b, ping(1));
    world.send(b, a, ping(2));
    world.runFor(10_000);
    expect(world.heard(b)).toEqual([]);
    expect(world.heard(a)).toEqual([]);
    heal();
    world.runFor(10_000);
    expect(world.heard(b)).toEqual(['ping 1']);
    expect(world.heard(a)).toEqual(['ping 2']);
  });

  test('a one-way cut blocks one direction only, and dials in both', () => {
    const { world, a, b } = pair();
    world.link(a, b);
    world.network.cut([a], [b]);
    world.send(a, b, ping(1));
    world.send(b, a, ping(2));
    world.runFor(100);
    expect(world.heard(b)).toEqual([]);
    expect(world.heard(a)).toEqual(['ping 2']);
    world.dial(b, a, { fresh: true, timeoutMs: 500 });
    world.runFor(600);
    expect(world.heard(b)).toEqual(['timeout']);
  });

  test('a sender that gets no acknowledgements is heard until its first retransmission, and again after the cut', () => {
    const { world, a, b } = pair();
    world.link(a, b);
    const heal = world.network.cut([a], [b]);
    world.send(b, a, ping(1));
    world.runFor(150);
    world.send(b, a, ping(2));
    world.runFor(150);
    world.send(b, a, ping(3));
    world.runFor(5000);
    expect(world.heard(a)).toEqual(['ping 1', 'ping 2']);
    heal();
    world.runFor(10_000);
    expect(world.heard(a)).toEqual(['ping 1', 'ping 2', 'ping 3']);
    world.send(b, a, ping(4));
    world.runFor(100);
    expect(world.heard(a)).toEqual(['ping 1', 'ping 2', 'ping 3', 'ping 4']);
  });

  test('overlapping cuts are healed one by one', () => {
    const { world, a, b } = pair();
    world.link(a, b);
    const healSplit = world.network.split([a], [b]);
    const healCut = world.network.cut([a], [b]);
    healSplit();
    world.send(a, b, ping(1));
    world.runFor(1000);
    expect(world.heard(b)).toEqual([]);
    healCut();
    world.runFor(2000);
    expect(world.heard(b)).toEqual(['ping 1']);
  });

  test('a disconnect is a loss for both sides', () => {
    const { world, a, b } = pair();
    world.link(a, b);
    world.act(a, { type: 'disconnect', to: b.id, reason: 'test' });
    world.runFor(10);
    expect(world.heard(a)).toEqual(['lost n0001']);
    expect(world.heard(b)).toEqual(['lost n0000']);
  });

  test('what a replaced connection still held is never delivered', () => {
    const { world, a, b } = pair();
    world.link(a, b);
    const heal = world.network.cut([b], [a]);
    world.send(b, a, ping(1));
    world.runFor(10);
    heal();
    world.dial(a, b, { fresh: true });
    world.runFor(100);
    expect(world.heard(a)).toEqual(['linked n0001', 'dialed']);
    world.runFor(60_000);
    expect(world.heard(a)).toEqual(['linked n0001', 'dialed']);
  });

  test('a reader that is paused congests its sender, which drops gossip and keeps probes until it can write again', () => {
    const { world, a, b } = pair();
    world.link(a, b);
    b.pause();
    for (let i = 0; i < 40; i++) world.send(a, b, bulk(60_000));
    world.send(a, b, ping(1));
    world.runFor(100);
    expect(world.heard(a)).toEqual(['congested n0001']);
    expect(world.network.figures.dropped).toBeGreaterThan(10);
    b.resume();
    world.runFor(100);
    expect(world.heard(a)).toEqual(['congested n0001', 'writable n0001']);
    expect(world.heard(b).at(-1)).toBe('ping 1');
    expect(world.heard(b).length).toBe(40 - world.network.figures.dropped + 1);
  });

  test('its settings resolve from the default to the zones to the pair', () => {
    const world = new RecordingWorld({ seed: 1, network: 'loopback' });
    const a = world.addNode({ zone: 'x' });
    const b = world.addNode({ zone: 'y' });
    const c = world.addNode({ zone: 'y' });
    world.network.setZones('x', 'y', { latency: { p0: 50_000, p50: 50_000, p90: 50_000, p99: 50_000, max: 50_000 } });
    world.network.setLink(a, c, { latency: { p0: 90_000, p50: 90_000, p90: 90_000, p99: 90_000, max: 90_000 } });
    world.link(a, b);
    world.link(a, c);
    for (const to of [b, c]) world.send(a, to, ping(1));
    world.send(b, a, ping(2));
    world.runFor(2);
    expect(world.heard(a)).toEqual(['ping 2']);
    world.runFor(50);
    expect([world.heard(b), world.heard(c)]).toEqual([['ping 1'], []]);
    world.runFor(40);
    expect(world.heard(c)).toEqual(['ping 1']);
  });

  test('nothing is delivered to a node without a link', () => {
    const { world, a, b } = pair();
    world.send(a, b, ping(1));
    world.runFor(1000);
    expect(world.heard(b)).toEqual([]);
    expect(world.network.figures.dropped).toBe(1);
  });
});
