/** Time, randomness, processes and findings, without any mesh on top. */

import { instanceId } from '@skein/core';
import type { Effect } from '@skein/core';
import { SimulationError, World } from '@skein/sim';
import type { NodeLogic, SimNode } from '@skein/sim';
import { describe, expect, test } from 'vitest';
import { RecordingNode, RecordingWorld, ping } from './recording-node.ts';

function chatter(seed: number | string, change: (world: RecordingWorld) => void = () => undefined): string {
  const world = new RecordingWorld({ seed, network: 'wan' });
  const a = world.addNode();
  const b = world.addNode();
  world.link(a, b);
  change(world);
  for (let seq = 0; seq < 50; seq++) world.send(a, b, ping(seq));
  world.runFor(5000);
  return world.traceHash();
}

describe('a seed', () => {
  test('is a run: the same one gives the same trace hash, another one a different hash', () => {
    expect(chatter(7)).toBe(chatter(7));
    expect(chatter(7)).not.toBe(chatter(8));
  });

  test('may be any text, and its printed form reads back', () => {
    const world = new World({ seed: 'commit 43d2bbb' });
    expect(world.seed).toMatch(/^[0-9a-f]{8}$/);
    expect(new World({ seed: world.seed }).seed).toBe(world.seed);
    expect(chatter('7')).toBe(chatter(7));
  });

  test('draws each thing by its own name, so a message more on one link changes no latency of another', () => {
    const arrivals = (extra: boolean): number[] => {
      const world = new RecordingWorld({ seed: 3, network: 'wan' });
      const [a, b, c] = [world.addNode(), world.addNode(), world.addNode()];
      world.link(a, b);
      world.link(a, c);
      if (extra) world.send(a, c, ping(0));
      for (let seq = 0; seq < 20; seq++) world.at(2000 + seq * 1000, () => world.send(a, b, ping(seq)));
      world.runFor(30_000);
      return world.logic(b).inputs.map(({ now }) => now);
    };
    expect(arrivals(true)).toEqual(arrivals(false));
  });
});

describe('virtual time', () => {
  test('actions of one time run in the order they were scheduled, and a past time means now', () => {
    const world = new World({ seed: 1 });
    const seen: string[] = [];
    for (const name of ['a', 'b', 'c']) world.at(10, () => seen.push(name));
    world.at(5, () => world.at(1, () => seen.push(`late at ${world.nowMs}`)));
    world.runFor(20);
    expect(seen).toEqual(['late at 5', 'a', 'b', 'c']);
    expect(world.nowMs).toBe(20);
  });

  test('that is shuffled lets timers and arrivals of one time happen in any order, the same for one seed', () => {
    const order = (seed: number, shuffle: boolean): string => {
      const seen: string[] = [];
      const world = new RecordingWorld({ seed, shuffle });
      world.network.setDefault({ latency: { p0: 1000, p50: 1000, p90: 1000, p99: 1000, max: 1000 } });
      const nodes = [world.addNode(), world.addNode(), world.addNode()];
      const [a, b, c] = nodes as [SimNode, SimNode, SimNode];
      world.link(a, b);
      world.link(c, b);
      for (const node of nodes) {
        const logic = world.logic(node);
        logic.onInput = (input) => {
          if (input.type === 'tick') logic.deadline = undefined;
          if (input.type !== 'clock')
            seen.push(input.type === 'message' ? `${node.index} ${world.heard(node).at(-1)}` : `${node.index} tick`);
          return [];
        };
        logic.deadline = node.nowMs() + 1;
      }
      for (const node of nodes) world.act(node);
      for (const seq of [1, 2]) world.send(a, b, ping(seq));
      world.runFor(10);
      return seen.join(', ');
    };
    const usual = '0 tick, 1 tick, 2 tick, 1 ping 1, 1 ping 2';
    expect(order(1, false)).toBe(usual);
    const orders = new Set(Array.from({ length: 20 }, (_, seed) => order(seed, true)));
    expect(orders.size).toBeGreaterThan(5);
    for (const each of orders) expect(each.indexOf('ping 1')).toBeLessThan(each.indexOf('ping 2'));
    expect(order(3, true)).toBe(order(3, true));
  });

  test('runUntil tells how long it took, or that it never held', () => {
    const world = new World({ seed: 1 });
    let flag = false;
    world.at(42, () => (flag = true));
    expect(world.runUntil(() => flag, 100)).toBe(42);
    expect(world.runUntil(() => !flag, 100)).toBeUndefined();
    expect(world.nowMs).toBe(142);
  });

  test('a node is woken at its deadline, once, and sees its own clock', () => {
    const world = new RecordingWorld({ seed: 1 });
    const node = world.addNode();
    const logic = world.logic(node);
    logic.onInput = () => {
      logic.deadline = undefined;
      return [];
    };
    logic.deadline = logic.startedMs + 250;
    world.act(node);
    world.runFor(1000);
    expect(logic.inputs).toEqual([{ now: logic.startedMs + 250, input: { type: 'tick' } }]);
    expect(logic.startedMs).not.toBe(world.nowMs);
  });
});

describe('a process', () => {
  test('that restarts has the same identity, the next epoch and what it persisted', () => {
    const world = new RecordingWorld({ seed: 1 });
    const node = world.addNode();
    const peers = [{ id: node.id, name: 'x', addresses: ['10.0.0.9:1'] }];
    world.act(node, { type: 'persist', persist: { type: 'peers', peers } });
    world.runFor(1100);
    node.crash();
    node.restart();
    expect(world.logic(node).options).toMatchObject({ epoch: 2, peers });
    node.crash({ keep: 'nothing' });
    node.restart();
    expect(world.logic(node).options).toMatchObject({ epoch: 1, peers: [] });
  });

  test('keeps what was removed out of its storage', () => {
    const world = new RecordingWorld({ seed: 1 });
    const node = world.addNode();
    const instance = { id: instanceId('web-1') } as never;
    world.act(
      node,
      { type: 'persist', persist: { type: 'registration', registration: { type: 'instance', instance } } },
      { type: 'persist', persist: { type: 'registration-removed', key: 'i/web-1' } },
    );
    world.runFor(10);
    node.crash();
    node.restart();
    expect(world.logic(node).options.registrations).toEqual([]);
  });

  test('that is resumed reads its timers or its sockets first, and both happen', () => {
    const orders = new Set<string>();
    for (let seed = 0; seed < 20; seed++) {
      const world = new RecordingWorld({ seed });
      const [a, b] = [world.addNode(), world.addNode()];
      world.link(a, b);
      b.pause();
      world.send(a, b, ping(1));
      const logic = world.logic(b);
      logic.onInput = (input) => {
        if (input.type === 'tick') logic.deadline = undefined;
        return [];
      };
      logic.deadline = b.nowMs() + 100;
      world.runFor(500);
      expect(world.heard(b)).toEqual([]);
      b.resume();
      orders.add(world.heard(b).join(', '));
    }
    expect([...orders].sort()).toEqual(['ping 1, tick', 'tick, ping 1']);
  });

  test('that was paused for long is told how late its loop was', () => {
    const world = new RecordingWorld({ seed: 1 });
    const node = world.addNode();
    let lagMs = 0;
    world.logic(node).onInput = (input) => {
      if (input.type === 'clock') lagMs = Math.max(lagMs, input.lagMs);
      return [];
    };
    node.pause();
    world.runFor(7500);
    node.resume();
    expect(lagMs).toBe(7500);
  });

  test('ends by itself when its node has left, and refuses commands after', () => {
    const world = new RecordingWorld({ seed: 1 });
    const node = world.addNode();
    world.act(node, { type: 'emit', event: { type: 'left' } });
    expect(node.isRunning).toBe(false);
    expect(node.dispatch({ type: 'leave' })).toMatchObject({ ok: false, code: 'leaving' });
  });
});

describe('a reader', () => {
  test('that waits is answered when its signal aborts and when its node stops', async () => {
    const world = new RecordingWorld({ seed: 1 });
    const node = world.addNode();
    const abort = new AbortController();
    const aborted = node.changed('members', 1, abort.signal);
    const stopped = node.changed('members', 1, new AbortController().signal);
    abort.abort();
    expect((await aborted).self).toBe(node.id);
    node.crash();
    expect((await stopped).self).toBe(node.id);
  });
});

describe('a finding', () => {
  const fails = (create: (node: RecordingNode) => void): SimulationError => {
    const world = new World({
      seed: 255,
      create: (options, now): NodeLogic => {
        const node = new RecordingNode(options, now);
        create(node);
        return node;
      },
    });
    world.addNode();
    try {
      world.runFor(5000);
    } catch (error) {
      return error as SimulationError;
    }
    throw new Error('nothing was found');
  };

  test('what core throws surfaces with seed, time and node', () => {
    const error = fails((node) => {
      node.onInput = () => {
        throw new Error('invariant broken: two truths');
      };
    });
    expect(error).toBeInstanceOf(SimulationError);
    expect(error).toMatchObject({ seed: '000000ff', node: 'n0000' });
    expect(error.message).toMatch(/^seed 000000ff, at 0\.\d{6} s, n0000, clock: invariant broken: two truths/);
  });

  test('a node whose ticks never move its deadline is stuck, and told so', () => {
    const error = fails((node) => {
      node.deadline = 0;
    });
    expect(error.message).toContain('ticks do not move the next deadline');
  });
});

describe('events', () => {
  test('reach the watcher of the world with their node', () => {
    const seen: string[] = [];
    const world = new World({
      seed: 1,
      create: (options, now) => {
        const node = new RecordingNode(options, now);
        const emitted: Effect[] = [{ type: 'emit', event: { type: 'refuted', accuser: options.notary.id, incarnation: 3 } }];
        node.onInput = () => emitted.splice(0);
        return node;
      },
      onEvent: (node, event) => seen.push(`${node.id} ${event.type}`),
    });
    world.addNode();
    world.runFor(2000);
    expect(seen).toEqual(['n0000 refuted']);
    expect(world.trace.lines().at(-1)).toMatch(/^\s+\d\.\d{6} n0000\s+refuted\s+n0000\s+->incarnation 3\s+accused by n0000$/);
  });
});
