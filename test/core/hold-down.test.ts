/** Who is out of rotation again and again comes back later each time. */

import { nodeId } from '@skein/core';
import { HoldDown } from '@skein/core/parts';
import { World } from '@skein/sim';
import type { SimNode } from '@skein/sim';
import { describe, expect, it } from 'vitest';
import { claim } from './fixture.ts';
import { Table } from './table.ts';

const flapping = nodeId('flapping');
const outageMs = 1000;
const members = 10;

/** Out for `ms`, from `atMs` on. Returns for how long it is held after that. */
function outage(hold: HoldDown, { atMs, ms }: { readonly atMs: number; readonly ms: number }): number {
  hold.began(flapping, members, true, atMs);
  return Math.max(0, hold.ended(flapping, members, atMs + ms) - (atMs + ms));
}

describe('who was out of rotation', () => {
  it('once is back at once, and then held longer each time, up to a minute', () => {
    const hold = new HoldDown(outageMs, 2 * outageMs);
    const held = [0, 1, 2, 3, 4, 5].map((turn) => outage(hold, { atMs: 100_000 * turn, ms: 2000 }));
    expect(held).toEqual([0, 10_000, 20_000, 40_000, 60_000, 60_000]);
  });

  it('for less than the least outage, as who refutes a false accusation, is never held', () => {
    const hold = new HoldDown(outageMs, 2 * outageMs);
    const held = Array.from({ length: 20 }, (_, turn) => outage(hold, { atMs: 10_000 * turn, ms: outageMs - 1 }));
    expect(Math.max(...held)).toBe(0);
  });

  it('stays held for as long as it was to be, whatever short outage comes between', () => {
    const hold = new HoldDown(outageMs, 2 * outageMs);
    outage(hold, { atMs: 0, ms: 2000 });
    outage(hold, { atMs: 10_000, ms: 2000 });
    expect(outage(hold, { atMs: 14_000, ms: 100 })).toBe(22_000 - 14_100);
  });

  it('starts anew after five minutes without an outage, and at once after a boot', () => {
    const hold = new HoldDown(outageMs, 2 * outageMs);
    outage(hold, { atMs: 0, ms: 2000 });
    outage(hold, { atMs: 10_000, ms: 2000 });
    expect(outage(hold, { atMs: 312_000, ms: 2000 })).toBe(0);
    expect(outage(hold, { atMs: 330_000, ms: 2000 })).toBe(10_000);
    hold.forget(flapping);
    expect(outage(hold, { atMs: 350_000, ms: 2000 })).toBe(0);
  });

  it('together with more than a quarter of all is not held, nor while we are ill', () => {
    const hold = new HoldDown(outageMs, 2 * outageMs);
    const others = ['a', 'b'].map(nodeId);
    for (const atMs of [0, 10_000, 20_000]) {
      for (const id of others) hold.began(id, members, true, atMs);
      expect(outage(hold, { atMs, ms: 2000 })).toBe(0);
      for (const id of others) expect(hold.ended(id, members, atMs + 2000)).toBeLessThanOrEqual(atMs + 2000);
    }
    for (const atMs of [30_000, 40_000]) {
      hold.began(flapping, members, true, atMs);
      hold.excuse(atMs + 1000);
      expect(hold.ended(flapping, members, atMs + 2000)).toBeLessThanOrEqual(atMs + 2000);
    }
  });
});

describe('members that failed', () => {
  it('do not excuse one that flaps among the living, whatever their number', () => {
    const hold = new HoldDown(outageMs, 2 * outageMs);
    for (let i = 0; i < members; i++) {
      const id = nodeId(`failed${i}`);
      hold.began(id, members, true, 60_000 * i);
      hold.gone(id);
    }
    const held = [0, 1, 2].map((turn) => outage(hold, { atMs: 1_000_000 + 100_000 * turn, ms: 2000 }));
    expect(held).toEqual([0, 10_000, 20_000]);
  });

  it('are taken for out again once they live, and are counted once', () => {
    const hold = new HoldDown(outageMs, 2 * outageMs);
    const others = ['a', 'b'].map(nodeId);
    for (const id of others) {
      hold.began(id, members, true, 0);
      hold.gone(id);
      hold.gone(id);
      hold.began(id, members, true, 1000);
    }
    for (const atMs of [10_000, 20_000, 30_000]) expect(outage(hold, { atMs, ms: 2000 })).toBe(0);
    for (const id of others) {
      hold.gone(id);
      expect(hold.ended(id, members, 40_000)).toBeLessThanOrEqual(40_000);
    }
    const held = [50_000, 60_000].map((atMs) => outage(hold, { atMs, ms: 2000 }));
    expect(held).toEqual([0, 10_000]);
  });

  it('leave a member table that damps: a quarter of the mesh is gone, and one that flaps is held', () => {
    const table = new Table();
    const ids = Array.from({ length: 12 }, (_, i) => nodeId(`x${i}`));
    for (const id of ids) table.hear(claim(id));
    const dead = ids.slice(0, 4);
    const flap = ids[4]!;
    for (const id of dead) {
      table.membership.accuse(id, 'dial-refused');
      table.pass(200_000);
    }
    expect(dead.map((id) => table.status(id))).toEqual(dead.map(() => 'failed unreachable'));
    const seen: string[] = [];
    for (let turn = 0; turn < 2; turn++) {
      table.membership.doubt(flap, 'probe-timeout');
      table.pass(5000).membership.heardFrom(flap, 1);
      seen.push(table.status(flap));
      table.pass(10_000);
    }
    expect(seen).toEqual(['alive', 'alive unreachable']);
  });
});

describe('a member that two others accuse again after each of its refutations', () => {
  it('is back in rotation with each of them, and held out by nobody', () => {
    const world = new World({ seed: 1, network: 'lan', profile: 'local', traceLines: 0 });
    const nodes = world.mesh(9);
    world.runFor(5000);
    // Liars take the first other member for their prey.
    const [prey, ...witnesses] = nodes.slice(0, 7) as [SimNode, ...SimNode[]];
    for (const liar of nodes.slice(7)) liar.lie('stalker');
    let out = 0;
    const seconds = 300;
    for (let second = 0; second < seconds; second++) {
      world.runFor(1000);
      for (const node of witnesses) if (node.view().member(prey.id)?.reachable === false) out++;
    }
    expect(out / (seconds * witnesses.length)).toBeLessThan(0.05);
  });
});

describe('a member that hears nothing by turns', () => {
  it('stays out of rotation everywhere while it is well for a moment, and is back once it stays well', () => {
    const world = new World({ seed: 1, network: 'lan', traceLines: 0 });
    const nodes = world.mesh(8);
    world.runFor(5000);
    const [sick, ...others] = nodes as [SimNode, ...SimNode[]];
    const isIn = (node: SimNode): boolean => node.view().member(sick.id)?.reachable === true;
    for (let turn = 0; turn < 3; turn++) {
      const heal = world.network.cut(others, [sick]);
      world.runFor(10_000);
      expect(others.some(isIn)).toBe(false);
      heal();
      world.runFor(5000);
      // It answers again each time; the first time that is enough.
      expect(others.every(isIn)).toBe(turn === 0);
      expect(others.some(isIn)).toBe(turn === 0);
    }
    expect(world.runUntil(() => others.every(isIn), 60_000)).toBeDefined();
    // What it thought of all others was its own fault, and is not held against them.
    expect(others.every((other) => sick.view().member(other.id)?.reachable)).toBe(true);
  });
});
