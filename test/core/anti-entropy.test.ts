/** Repair: a mesh that knows the same stays quiet, one that does not gets there, and exchanges are never mixed up. */

import type { Effect, Message, NodeId, SyncFacts } from '@skein/core';
import { MeshNode, limits } from '@skein/core';
import {
  AntiEntropy,
  Dissemination,
  Knowledge,
  MeshClock,
  Pulls,
  isSubjectKey,
  type AntiEntropyListener,
  type Turn,
} from '@skein/core/parts';
import { World, differences, type NodeLogic, type SimNode } from '@skein/sim';
import { describe, expect, test } from 'vitest';
import { ids, instance, makeTurn, wallMs } from './fixture.ts';
import { Solo } from './solo.ts';

const [self, a, b] = ids as [NodeId, NodeId, NodeId];
const none = { members: [], accusations: [], deltas: [], heads: [], configs: [] } as const;

/** Counts the messages that nodes take in, by type. */
function counted(seed: number): { world: World; counts: Map<string, number> } {
  const counts = new Map<string, number>();
  const create = (...args: ConstructorParameters<typeof MeshNode>): NodeLogic => {
    const node = new MeshNode(...args);
    const step = node.step.bind(node);
    node.step = (input, now) => {
      if (input.type === 'message') counts.set(input.message.type, (counts.get(input.message.type) ?? 0) + 1);
      return step(input, now);
    };
    return node;
  };
  return { world: new World({ seed, network: 'lan', create }), counts };
}

const register = (node: SimNode, id: string): void => {
  node.dispatch({ type: 'register', instance: instance(id), checks: [], replaceChecks: true });
};

describe('a mesh at rest', () => {
  test.each([1, 2, 3])('of ten nodes has equal knowledge and exchanges no digests, seed %i', (seed) => {
    const { world, counts } = counted(seed);
    const nodes = world.mesh(10);
    for (const node of nodes) register(node, `web-${node.index}`);
    nodes[3]?.dispatch({ type: 'apply-config', kind: 'route', name: 'r', value: { a: 1 } });
    world.runFor(30_000);
    expect(differences(nodes)).toEqual([]);
    counts.clear();
    world.runFor(30_000);
    expect(counts.get('sync-digest')).toBeUndefined();
    expect(counts.get('sync-pull')).toBeUndefined();
    expect(counts.get('gossip')).toBeUndefined();
    // The comparison now and then anyway: every 10 s and node.
    expect(counts.get('sync-open')).toBeLessThan(60);
  });

  test.each([1, 2])('stays quiet with a failed, a left, a forced and a contested row in it, seed %i', (seed) => {
    const { world, counts } = counted(seed);
    const nodes = world.mesh(10);
    world.runFor(5000);
    nodes[7]?.leave();
    nodes[8]?.crash();
    nodes[9]?.powerOff();
    world.runFor(20_000);
    nodes[0]?.dispatch({ type: 'force-leave', node: nodes[9]!.id });
    const heal = world.network.split(nodes.slice(0, 4), nodes.slice(4, 7));
    world.runFor(1000);
    for (const node of [nodes[1], nodes[5]])
      node?.dispatch({ type: 'apply-config', kind: 'route', name: 'r', value: { by: node.index } });
    heal();
    world.runFor(40_000);
    const running = nodes.slice(0, 7);
    expect(differences(running)).toEqual([]);
    for (const node of running) {
      const statuses = [7, 8, 9].map((i) => node.view().member(nodes[i]!.id)?.status);
      expect(statuses).toEqual(['left', 'failed', 'left']);
    }
    counts.clear();
    world.runFor(30_000);
    expect(counts.get('sync-digest')).toBeUndefined();
  });

  test('forgets the departed at one time everywhere, also where they were heard of late', () => {
    const { world, counts } = counted(4);
    const nodes = world.mesh(4);
    world.runFor(2000);
    const gone = nodes[3] as SimNode;
    gone.leave();
    world.runFor(1_700_000);
    const late = world.addNode({ seeds: (nodes[0] as SimNode).addresses });
    world.runFor(200_000);
    expect(late.view().member(gone.id)?.status).toBe('left');
    counts.clear();
    world.runFor(60_000);
    expect(counts.get('sync-digest')).toBeUndefined();
    world.runFor(1_700_000);
    for (const node of [...nodes.slice(0, 3), late]) expect(node.view().member(gone.id)).toBeUndefined();
  });

  test('does not probe more while everything changes all the time', () => {
    const { world, counts } = counted(5);
    const nodes = world.mesh(16);
    world.runFor(5000);
    counts.clear();
    world.runFor(10_000);
    const quiet = counts.get('ping') ?? 0;
    counts.clear();
    for (let t = 0; t < 10_000; t += 50) world.at(world.nowMs + t, () => register(nodes[t % 16]!, `web-${t % 7}`));
    world.runFor(10_000);
    expect(counts.get('ping')).toBeLessThan(quiet * 5);
  });
});

describe('news of an owner that is linked to nobody but a relay', () => {
  test('reaches everybody, and so does what it deregisters', () => {
    const world = new World({ seed: 2, network: 'lan' });
    const [relay, owner, ...others] = world.mesh(6) as [SimNode, SimNode, ...SimNode[]];
    world.network.split([owner], others);
    world.runFor(40_000);
    register(owner, 'far');
    const has = (id: string) => (): boolean =>
      others.every((node) =>
        node
          .view()
          .instancesOf(owner.id)
          .some((each) => each.instance.id === id),
      );
    expect(world.runUntil(has('far'), 1000)).toBeDefined();
    register(owner, 'farther');
    expect(world.runUntil(has('farther'), 1000)).toBeDefined();
    owner.dispatch({ type: 'deregister', id: instance('far').id });
    expect(world.runUntil(() => others.every((node) => node.view().instancesOf(owner.id).length === 1), 1000)).toBeDefined();
    expect(relay.view().instancesOf(owner.id)).toHaveLength(1);
  });
});

describe('an exchange', () => {
  class Listener implements AntiEntropyListener {
    readonly writable = new Set<NodeId>([a, b]);
    readonly syncedWith: NodeId[] = [];
    isWritable = (id: NodeId): boolean => this.writable.has(id);
    write = (): readonly [typeof none & { type: 'gossip' }] => [{ type: 'gossip', ...none }];
    merge = (): void => undefined;
    synced = (peer: NodeId): void => void this.syncedWith.push(peer);
    partners = (): readonly NodeId[] => [a];
  }

  function setUp(id: NodeId = self): { turn: Turn; knowledge: Knowledge; listener: Listener; sync: AntiEntropy } {
    const turn = makeTurn(id);
    const knowledge = new Knowledge((key) => (key === 'm/x' ? [1] : undefined));
    const listener = new Listener();
    return { turn, knowledge, listener, sync: new AntiEntropy(turn, knowledge, new MeshClock(turn, wallMs), listener) };
  }

  const sent = (effects: readonly Effect[]): Message[] =>
    effects.flatMap((effect) => (effect.type === 'send' ? [effect.message] : []));
  const exchangeOf = (message: Message | undefined): number =>
    message !== undefined && 'exchange' in message ? message.exchange : -1;
  const last = (exchange: number): SyncFacts => ({
    type: 'sync-facts',
    exchange,
    facts: { type: 'gossip', ...none },
    wants: [],
    last: true,
  });

  test('ends for whoever opened it, once', () => {
    const { turn, sync, listener } = setUp();
    sync.compare(a);
    const exchange = exchangeOf(sent(turn.take())[0]);
    sync.factsCame(a, last(exchange));
    sync.factsCame(a, last(exchange));
    expect(listener.syncedWith).toEqual([a]);
  });

  test('is not ended by another peer, an unknown number, or the end of a mere pull', () => {
    const { turn, sync, listener } = setUp();
    sync.compare(a);
    const exchange = exchangeOf(sent(turn.take())[0]);
    sync.factsCame(b, last(exchange));
    sync.factsCame(a, last(exchange + 2));
    sync.gap('c/n5', a, false);
    sync.settle();
    sync.factsCame(a, last(exchangeOf(sent(turn.take())[0])));
    expect(listener.syncedWith).toEqual([]);
  });

  test('is answered by one digest: a second one, or one to a mere pull, is given nothing', () => {
    const { turn, sync, knowledge } = setUp();
    knowledge.set('m/x', [1]);
    const buckets = Array.from({ length: limits.digestBuckets }, (_, bucket) => bucket);
    const digest = (exchange: number): Message[] => {
      sync.digested(a, { type: 'sync-digest', exchange, buckets, entries: [{ key: 'm/y', stamp: [1] }] });
      return sent(turn.take());
    };
    sync.compare(a);
    const exchange = exchangeOf(sent(turn.take())[0]);
    expect([digest(exchange).length, digest(exchange).length]).toEqual([1, 0]);
    sync.gap('c/n5', a, false);
    sync.settle();
    expect(digest(exchangeOf(sent(turn.take())[0]))).toEqual([]);
  });

  test('of theirs never has a number of one of ours', () => {
    const [ours, theirs] = [setUp(a), setUp(b)];
    const numbers = (side: typeof ours, peer: NodeId): number[] =>
      Array.from({ length: 50 }, () => {
        side.sync.compare(peer);
        const exchange = exchangeOf(sent(side.turn.take())[0]);
        side.sync.factsCame(peer, last(exchange));
        return exchange;
      });
    const mine = new Set(numbers(ours, b));
    expect(numbers(theirs, a).filter((number) => mine.has(number))).toEqual([]);
  });

  test('follows a differing root, from the node with the greater id, half a second apart, and later each time in vain', () => {
    const { turn, sync } = setUp(b);
    const opens: number[] = [];
    for (let ms = 0; ms < 60_000; ms += 100) {
      turn.now = 1000 + ms;
      sync.rootHeard(a, 12345);
      const [opened] = sent(turn.take());
      if (opened === undefined) continue;
      opens.push(ms);
      sync.factsCame(a, last(exchangeOf(opened)));
    }
    expect(opens.slice(0, 6)).toEqual([0, 500, 1500, 3500, 7500, 15_500]);
    const lesser = setUp(self);
    lesser.sync.rootHeard(a, 12345);
    expect(lesser.turn.take()).toEqual([]);
  });

  test('follows at once again when either root changed', () => {
    const { turn, sync, knowledge } = setUp(b);
    sync.rootHeard(a, 1);
    turn.now += 500;
    sync.rootHeard(a, 2);
    knowledge.set('m/x', [1]);
    turn.now += 500;
    sync.rootHeard(a, 2);
    expect(sent(turn.take()).map((message) => message.type)).toEqual(['sync-open', 'sync-open', 'sync-open']);
  });

  test('asks for one gap once in a while, and again for an owner that was gone meanwhile', () => {
    const { turn, sync } = setUp();
    const pulls = (): number => {
      sync.gap('c/n5', a, false);
      sync.settle();
      return turn.take().length;
    };
    expect([pulls(), pulls()]).toEqual([1, 0]);
    turn.now += 200;
    expect([pulls(), pulls()]).toEqual([1, 0]);
    sync.forgetSubject('c/n5');
    expect(pulls()).toBe(1);
  });

  test('is not opened beyond four with one peer: what was to be pulled waits, in one message, until one has ended or is given up', () => {
    const { turn, sync } = setUp();
    const exchanges: number[] = [];
    for (let i = 0; i < 6; i++) {
      sync.gap(`c/${i}`, a, false);
      sync.settle();
      exchanges.push(...sent(turn.take()).map(exchangeOf));
    }
    expect(exchanges).toHaveLength(4);
    sync.compare(a);
    expect(turn.take()).toEqual([]);
    sync.compare(b);
    expect(sent(turn.take())).toMatchObject([{ type: 'sync-open' }]);
    sync.factsCame(a, last(exchanges[0] ?? 0));
    sync.settle();
    expect(sent(turn.take())).toMatchObject([{ type: 'sync-pull', wants: [{ key: 'c/4' }, { key: 'c/5' }] }]);
    turn.now += 30_000;
    sync.compare(a);
    expect(sent(turn.take())).toMatchObject([{ type: 'sync-open' }]);
  });
});

describe('what peers name to be pulled', () => {
  test('is remembered for a fifth of a second, and is so much at most for each of them', () => {
    const pulls = new Pulls();
    for (let i = 0; i < 3 * limits.wantsPerMessage; i++) pulls.note(`m/${i}`, a, [], 0);
    expect(pulls.size).toBe(limits.wantsPerMessage);
    pulls.note('m/x', b, [], 199);
    expect(pulls.size).toBe(limits.wantsPerMessage + 1);
    const taken = [...pulls.take(() => true)];
    expect(taken.map(([peer, wants]) => [peer, wants.length])).toEqual([
      [a, limits.wantsPerMessage],
      [b, 1],
    ]);
    pulls.note('m/y', b, [], 398);
    expect(pulls.size).toBe(2);
    pulls.note('m/z', a, [], 400);
    expect(pulls.size).toBe(2);
  });

  test.each(['x', 'm/', 'c/', 'k/', 'k/route', 'k//x', `m/${'x'.repeat(129)}`, `k/${'x'.repeat(129)}/${'x'.repeat(513)}`])(
    'is refused when it is no subject: %s',
    (key) => {
      expect(isSubjectKey(key)).toBe(false);
      const solo = new Solo().step({ type: 'peer', id: a, state: 'linked', epoch: 1 });
      solo.take();
      solo.step({ type: 'message', from: a, message: { type: 'have', entries: [{ key, stamp: [9] }] } });
      expect(solo.take()).toEqual([{ type: 'emit', event: { type: 'message-refused', from: a, reason: 'bad-key' } }]);
    },
  );

  test.each(['m/a', 'c/a', 'k/route/a', 'k/route/a/b'])('is asked for when it may be one: %s', (key) => {
    const solo = new Solo().step({ type: 'peer', id: a, state: 'linked', epoch: 1 });
    solo.take();
    solo.step({ type: 'message', from: a, message: { type: 'have', entries: [{ key, stamp: [9] }] } });
    expect(solo.take()).toMatchObject([{ type: 'send', message: { type: 'sync-pull', wants: [{ key }] } }]);
  });
});

describe('pushes', () => {
  function setUp(): { turn: Turn; push: Dissemination; writable: Set<NodeId>; step: (ms?: number) => NodeId[] } {
    const turn = makeTurn(self);
    const writable = new Set<NodeId>([a, b]);
    const push = new Dissemination(turn, {
      isFullMesh: () => true,
      stamp: () => [1],
      links: () => [a, b],
      isWritable: (id) => writable.has(id),
      write: (subjects) => [...subjects].map(() => ({ type: 'gossip', ...none })),
    });
    const step = (ms = 0): NodeId[] => {
      turn.now += ms;
      if (turn.deadlines.takeDue(turn.now) !== undefined) push.flush();
      push.settle();
      return turn.take().flatMap((effect) => (effect.type === 'send' ? [effect.to] : []));
    };
    return { turn, push, writable, step };
  }

  test('go out at once after a quiet moment, and then once a window with all that changed in it', () => {
    const { push, step } = setUp();
    push.push('m/x', [], undefined);
    expect(step()).toEqual([a, b]);
    push.push('m/x', [], undefined);
    expect(step(3)).toEqual([]);
    push.push('m/x', [], undefined);
    push.push('m/y', [], undefined);
    expect(step(3)).toEqual([]);
    expect(step(4)).toEqual([a, a, b, b]);
    expect(push.idle).toBe(true);
  });

  test('are only announced to others by who is not their author, a little later, and never go back', () => {
    const { turn, push, step } = setUp();
    push.push('m/x', [], a);
    expect(step()).toEqual([]);
    push.due('advertise');
    expect(turn.take()).toEqual([
      { type: 'send', to: b, message: { type: 'have', entries: [{ key: 'm/x', stamp: [1] }] }, lane: 'wire' },
    ]);
  });

  test('to a link that takes no data are dropped, and what it missed is known once it does again', () => {
    const { push, step, writable } = setUp();
    writable.delete(b);
    push.push('m/x', [], undefined);
    expect(step()).toEqual([a]);
    writable.add(b);
    push.push('m/x', [], undefined);
    expect(step(20)).toEqual([a]);
    expect(push.takeOverflow(b)).toBe(true);
    expect(push.takeOverflow(b)).toBe(false);
    push.push('m/x', [], undefined);
    expect(step(20)).toEqual([a, b]);
  });

  test('of more than a link may hold drop that link to digests, not the others', () => {
    const { push, step } = setUp();
    for (let i = 0; i <= 4096; i++) push.pushTo(a, `m/${i}`, []);
    push.pushTo(b, 'm/0', []);
    expect(step()).toEqual([b]);
    expect(push.takeOverflow(a)).toBe(true);
  });
});

test('a link that is replaced while it takes no data is compared with, and takes pushes again', () => {
  const { world, counts } = counted(6);
  const [one, other] = world.mesh(2) as [SimNode, SimNode];
  world.runFor(3000);
  expect(one.view().member(other.id)?.linked).toBe(true);
  other.pause();
  // Fills the buffer of the link: about 1 MB of news that nobody reads.
  for (let t = 0; t < 400; t++) {
    world.at(world.nowMs + t * 20, () =>
      one.dispatch({
        type: 'register',
        instance: instance('big', {
          meta: Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`k${i}`, `${t}`.repeat(120)])),
        }),
        checks: [],
        replaceChecks: true,
      }),
    );
  }
  world.runFor(8000);
  other.resume();
  world.runFor(10_000);
  counts.clear();
  register(one, 'after');
  world.runFor(50);
  expect(
    other
      .view()
      .service('web')
      ?.instances.map((each) => each.instance.id),
  ).toEqual(['after', 'big']);
  expect(counts.get('sync-open')).toBeUndefined();
});
