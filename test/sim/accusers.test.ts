/** Whom to believe: hostile accusers remove nobody, and a true outage of many at once is still found out by all. */

import { MeshNode, nodeId, profiles } from '@skein/core';
import type { MeshEvent, NodeId } from '@skein/core';
import { World, differences, type SimNode } from '@skein/sim';
import { describe, expect, test } from 'vitest';
import { Accuser } from './accuser.ts';
import { status } from './mesh-fixture.ts';

const count = 16;
const attackMs = 300_000;

/** How long every observer had every healthy member out of rotation, in all. */
class Outages {
  readonly #since = new Map<string, number>();
  readonly #byObserver = new Map<NodeId, number>();
  removed: string[] = [];
  refusals = 0;

  note(atMs: number, observer: SimNode, event: MeshEvent, hostile: ReadonlySet<NodeId>): void {
    if (hostile.has(observer.id)) return;
    if (event.type === 'message-refused' && event.reason === 'too-many-accusations') this.refusals++;
    if (event.type !== 'reachability-changed' && event.type !== 'member-changed') return;
    if (hostile.has(event.id)) return;
    if (event.type === 'member-changed') {
      if (event.to === 'failed' || event.to === 'left') this.removed.push(`${observer.id}: ${event.id} ${event.to}`);
      return;
    }
    const key = `${observer.id} ${event.id}`;
    const since = this.#since.get(key);
    if (!event.reachable) this.#since.set(key, atMs);
    else if (since !== undefined) {
      this.#byObserver.set(observer.id, (this.#byObserver.get(observer.id) ?? 0) + atMs - since);
      this.#since.delete(key);
    }
  }

  get open(): number {
    return this.#since.size;
  }

  get worstMs(): number {
    return Math.max(0, ...this.#byObserver.values());
  }
}

function attacked(seed: number, hostileCount: number): Outages {
  const hostile = new Set(Array.from({ length: hostileCount }, (_, i) => nodeId(`n${(i + 3).toString().padStart(4, '0')}`)));
  const outages = new Outages();
  const world: World = new World({
    seed,
    network: 'lan',
    create: (options, now) =>
      hostile.has(options.notary.id) ? new Accuser(options, now, hostile, 10_000) : new MeshNode(options, now),
    onEvent: (node, event) => {
      if (world.nowMs > 10_000) outages.note(world.nowMs, node, event, hostile);
    },
  });
  world.mesh(count);
  world.runFor(10_000 + attackMs);
  return outages;
}

describe('members that accuse everybody to everybody, for ever,', () => {
  test.each([1, 2])('when there is one, remove nobody and take nobody out of rotation for a moment, seed %i', (seed) => {
    const outages = attacked(seed, 1);
    expect(outages.removed).toEqual([]);
    expect([outages.worstMs, outages.open]).toEqual([0, 0]);
    expect(outages.refusals).toBeGreaterThan(0);
  });

  test.each([1, 2])(
    'when they are three, remove nobody, and cost an observer member-seconds within the bound, seed %i',
    (seed) => {
      const { accusationsOpen, accusationRefillMs, accusersToEvict, refuteIntervalMs } = profiles.lan;
      const outages = attacked(seed, 3);
      expect(outages.removed).toEqual([]);
      expect(outages.open).toBe(0);
      // What all three have believed in that time, two for an eviction, each undone by one refutation and its way.
      const believed = 3 * (accusationsOpen + attackMs / accusationRefillMs);
      const boundMs = (believed / accusersToEvict) * (refuteIntervalMs + 500);
      expect(outages.worstMs).toBeLessThan(boundMs);
      // Of all that the observer routes to, that is less than one percent of the time.
      expect(boundMs).toBeLessThan(0.01 * attackMs * (count - 1));
    },
  );
});

describe('an outage of many at once', () => {
  test.each([12, 30])('of a zone, a third of %i, without power: all are removed everywhere, nobody else is', (size) => {
    const world = new World({ seed: size, network: 'lan' });
    const nodes = world.mesh(size, { zones: ['a', 'b', 'c'] });
    world.runFor(8000);
    const gone = nodes.filter((node) => node.zone === 'b');
    const left = nodes.filter((node) => node.zone !== 'b');
    for (const node of gone) node.powerOff();
    const isEvicted = (): boolean => left.every((node) => gone.every((lost) => node.view().member(lost.id)?.reachable === false));
    expect(world.runUntil(isEvicted, 3000)).toBeDefined();
    const isRemoved = (): boolean => left.every((node) => gone.every((lost) => status(node, lost) === 'failed'));
    expect(world.runUntil(isRemoved, 10_000)).toBeDefined();
    for (const node of left) for (const other of left) expect(status(node, other)).toBe('alive');
    for (const node of left) expect(node.view().isolated).toBe(false);
  });

  test.each([8, 32])('that is a split in halves of %i: each removes the other, keeps itself, and both agree again', (size) => {
    const world = new World({ seed: size, network: 'lan' });
    const nodes = world.mesh(size);
    world.runFor(8000);
    const [left, right] = [nodes.slice(0, size / 2), nodes.slice(size / 2)];
    const heal = world.network.split(left, right);
    const isSplit = (): boolean =>
      left.every((node) => right.every((lost) => status(node, lost) === 'failed')) &&
      right.every((node) => left.every((lost) => status(node, lost) === 'failed'));
    expect(world.runUntil(isSplit, 30_000)).toBeDefined();
    for (const side of [left, right])
      for (const node of side) for (const other of side) expect(status(node, other)).toBe('alive');
    heal();
    expect(world.runUntil(() => differences(nodes).length === 0, 40_000)).toBeDefined();
    for (const node of nodes) expect(node.view().aliveCount).toBe(size);
  });

  test('that leaves one node alone: it routes to nobody, says that it is isolated, and heals', () => {
    const world = new World({ seed: 3, network: 'lan' });
    const nodes = world.mesh(12);
    world.runFor(6000);
    const [alone, ...others] = nodes as [SimNode, ...SimNode[]];
    const heal = world.network.split([alone], others);
    const isCutOff = (): boolean => others.every((node) => alone.view().member(node.id)?.reachable === false);
    expect(world.runUntil(isCutOff, 5000)).toBeDefined();
    expect(world.runUntil(() => alone.view().isolated, 30_000)).toBeDefined();
    for (const node of others) expect(node.view().isolated).toBe(false);
    heal();
    expect(world.runUntil(() => differences(nodes).length === 0 && !alone.view().isolated, 40_000)).toBeDefined();
    for (const node of others) for (const other of others) expect(status(node, other)).toBe('alive');
  });
});
