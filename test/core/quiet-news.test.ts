/** News that nobody waits for: it costs less than other news, and never holds that up. */

import type { Effect, Gossip, NodeId } from '@skein/core';
import { nodeId } from '@skein/core';
import { Dissemination } from '@skein/core/parts';
import { expect, test } from 'vitest';
import { ids, makeTurn } from './fixture.ts';

const self = ids[0] as NodeId;
const others = Array.from({ length: 40 }, (_, i) => nodeId(`p${i}`));
const [author] = others as [NodeId];

/** A node with forty links, that says to whom what is pushed, and to whom only that it is there. */
class Bench {
  readonly turn = makeTurn(self);
  readonly dissemination: Dissemination;

  constructor(isFullMesh: boolean) {
    this.dissemination = new Dissemination(this.turn, {
      isFullMesh: () => isFullMesh,
      links: () => others,
      stamp: () => [1, 2, 3],
      isWritable: () => true,
      write: (subjects): readonly Gossip[] => {
        const facts = { members: [], accusations: [], heads: [], configs: [] };
        return [
          {
            type: 'gossip',
            ...facts,
            deltas: [],
            text: [...subjects].map(([key, before]) => `${key}@${before.join('.')}`),
          } as Gossip,
        ];
      },
    });
  }

  /** What is sent until `ms` have passed: how many pushes of which subjects, and how many adverts. */
  pass(ms: number): { pushes: Record<string, number>; adverts: number; receivers: Set<NodeId> } {
    const { turn, dissemination } = this;
    const end = turn.now + ms;
    dissemination.settle();
    for (let at = turn.deadlines.next(); at !== undefined && at <= end; at = turn.deadlines.next()) {
      turn.now = Math.max(turn.now, at);
      for (let due = turn.deadlines.takeDue(turn.now); due !== undefined; due = turn.deadlines.takeDue(turn.now))
        dissemination.due(due.key as 'gossip');
      dissemination.settle();
    }
    turn.now = end;
    return counts(turn.take());
  }
}

function counts(effects: readonly Effect[]): { pushes: Record<string, number>; adverts: number; receivers: Set<NodeId> } {
  const pushes: Record<string, number> = {};
  const receivers = new Set<NodeId>();
  let adverts = 0;
  for (const effect of effects) {
    if (effect.type !== 'send') continue;
    receivers.add(effect.to);
    if (effect.message.type === 'have') adverts += effect.message.entries.length;
    else {
      const text = (effect.message as unknown as { text: string[] }).text.join(' ');
      pushes[text] = (pushes[text] ?? 0) + 1;
    }
  }
  return { pushes, adverts, receivers };
}

test('in a full mesh its author tells it to all at once, and nobody passes it on', () => {
  const bench = new Bench(true);
  bench.dissemination.pushQuietly('c/n0', [1, 2], undefined);
  expect(bench.pass(20)).toMatchObject({ pushes: { 'c/n0@1.2': 40 }, adverts: 0 });
  bench.dissemination.pushQuietly('c/p0', [1, 2], author);
  expect(bench.pass(5000)).toMatchObject({ pushes: {}, adverts: 0 });
  expect(bench.dissemination.idle).toBe(true);
});

test('in a large mesh it goes to half as many as other news, from its author too', () => {
  const bench = new Bench(false);
  bench.dissemination.push('c/p0', [1, 2], author);
  expect(bench.pass(1000)).toMatchObject({ pushes: { 'c/p0@1.2': 4 }, adverts: 4 });
  bench.dissemination.pushQuietly('c/p1', [1, 2], author);
  const passed = bench.pass(1000);
  expect(passed).toMatchObject({ pushes: { 'c/p1@1.2': 2 }, adverts: 2 });
  expect(passed.receivers.has(author)).toBe(false);
  bench.dissemination.pushQuietly('c/n0', [1, 2], undefined);
  expect(bench.pass(1000)).toMatchObject({ pushes: { 'c/n0@1.2': 2 }, adverts: 2 });
});

test('in a large mesh, what others tell in half a second goes on together, each subject once, from the oldest on', () => {
  const bench = new Bench(false);
  for (let i = 0; i < 10; i++) {
    bench.dissemination.pushQuietly(`c/p${i}`, [1, 5], author);
    bench.dissemination.pushQuietly(`c/p${i}`, [1, 6], author);
    expect(bench.pass(40).receivers.size).toBe(0);
    expect(bench.dissemination.idle).toBe(false);
  }
  const { pushes, adverts, receivers } = bench.pass(1000);
  const pushed = Object.entries(pushes).reduce((sum, [text, count]) => sum + text.split(' ').length * count, 0);
  expect([pushed, adverts]).toEqual([20, 20]);
  expect(Object.keys(pushes).every((text) => text.split(' ').every((each) => each.endsWith('@1.5')))).toBe(true);
  expect(receivers.size).toBeLessThan(40);
});

test('other news of the subject does not wait for it, and takes it along', () => {
  const bench = new Bench(false);
  bench.dissemination.pushQuietly('c/p0', [1, 5], author);
  bench.dissemination.push('c/p0', [1, 6], author);
  expect(bench.pass(20)).toMatchObject({ pushes: { 'c/p0@1.5': 4 } });
  expect(bench.pass(1000)).toMatchObject({ pushes: {}, adverts: 4 });
});

test('other news that waits, since there is much of its subject, takes it along when its time comes', () => {
  const bench = new Bench(false);
  for (let version = 1; version <= 33; version++) bench.dissemination.push('c/p0', [1, version], author);
  bench.pass(80);
  bench.dissemination.pushQuietly('c/p0', [1, 34], author);
  expect(bench.pass(150)).toMatchObject({ pushes: { 'c/p0@1.33': 4 } });
  expect(bench.pass(5000)).toMatchObject({ pushes: {}, adverts: 0 });
});
