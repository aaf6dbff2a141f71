/** Whose word against a member counts. */

import { limits, nodeId } from '@skein/core';
import type { NodeId } from '@skein/core';
import { World, type SimNode } from '@skein/sim';
import { describe, expect, test } from 'vitest';
import { accusation, claim, ids } from './fixture.ts';
import { Table } from './table.ts';

const [, a, b, c, d] = ids as [NodeId, NodeId, NodeId, NodeId, NodeId];
const settledMs = 61_000;

/** Knows a and b since its start. */
function settled(): Table {
  return new Table().hear(claim(a)).hear(claim(b), a).pass(settledMs);
}

describe('newcomers that this node only heard of', () => {
  test('take nobody out of rotation, and do not hasten the end of a suspicion', () => {
    const table = settled().hear(claim(c), a).hear(claim(d), a);
    table.accused(accusation(c, b)).accused(accusation(d, b));
    expect(table.status(b)).toBe('suspect');
    expect([...(table.membership.get(b)?.accusations.keys() ?? [])]).toEqual([c, d]);
    const known = new Table().hear(claim(a)).hear(claim(b), a).hear(claim(c), a).hear(claim(d), a);
    known.accused(accusation(c, b)).accused(accusation(d, b));
    expect(known.status(b)).toBe('suspect unreachable');
    const suspectForMs = (of: Table): number => {
      const since = of.turn.now;
      while (of.status(b).startsWith('suspect')) of.pass(100);
      return of.turn.now - since;
    };
    expect(suspectForMs(table)).toBeGreaterThan(suspectForMs(known));
  });

  test('count as witnesses of what they said once they answer', () => {
    const table = settled().hear(claim(c), a).hear(claim(d), a);
    table.accused(accusation(c, b)).accused(accusation(d, b));
    table.membership.heardFrom(c, 1);
    expect(table.status(b)).toBe('suspect');
    table.membership.heardFrom(d, 1);
    expect(table.status(b)).toBe('suspect unreachable');
  });

  test('count at once where the news came over their own links', () => {
    const table = settled().hear(claim(c), c).hear(claim(d), d);
    expect(table.accused(accusation(c, b)).accused(accusation(d, b)).status(b)).toBe('suspect unreachable');
  });

  test('stay strangers in a small mesh, however long they were told to be well', () => {
    const table = settled().hear(claim(c), a).hear(claim(d), a).pass(600_000);
    expect(table.accused(accusation(c, b)).accused(accusation(d, b)).status(b)).toBe('suspect');
  });

  describe('in a large mesh, where most never meet,', () => {
    const large = (): Table => {
      const table = new Table(1, undefined, { fullMeshReturn: 3 });
      return table.hear(claim(a)).hear(claim(b), a).pass(settledMs).hear(claim(c), a).hear(claim(d), a);
    };
    let others = 0;
    /** Two accuse b, which are new to all but the test if none are named; its status then. */
    const says = (table: Table, by?: readonly NodeId[]): string => {
      const accusers = by ?? [nodeId(`x${others++}`), nodeId(`x${others++}`)];
      const { incarnation = 0 } = table.membership.get(b)?.signed.value ?? {};
      for (const id of accusers) table.hear(claim(id), a).accused(accusation(id, b, { incarnation }));
      const status = table.status(b);
      table.hear(claim(b, { incarnation: incarnation + 1 }), a);
      return status;
    };
    const heeded = 'suspect unreachable';

    test('count until a few of their words were refuted, and again when that is a while ago', () => {
      const table = large();
      expect([says(table), says(table), says(table), says(table), says(table)]).toEqual([
        heeded,
        heeded,
        heeded,
        'suspect',
        'suspect',
      ]);
      const { accusationRefillMs } = table.turn.config;
      table.pass(accusationRefillMs - 1);
      expect(says(table)).toBe('suspect');
      expect([says(table.pass(1)), says(table)]).toEqual([heeded, 'suspect']);
    });

    test('count by themselves once they were well for a minute without a break', () => {
      const mute = (table: Table): Table => {
        for (let i = 0; i < 3; i++) expect(says(table)).toBe(heeded);
        return table;
      };
      expect(says(mute(large().pass(59_000)), [c, d])).toBe('suspect');
      expect(says(mute(large().pass(60_000)), [c, d])).toBe(heeded);
      const broken = large().pass(59_000);
      for (const id of [c, d]) {
        broken.membership.doubt(id, 'probe-timeout');
        broken.hear(claim(id, { incarnation: 1 }), a);
      }
      expect(says(mute(broken.pass(59_000)), [c, d])).toBe('suspect');
    });
  });

  test('do not make a small mesh a large one', () => {
    const table = settled().hear(claim(c), a).hear(claim(d), a);
    expect([table.membership.presentCount, table.membership.metCount]).toEqual([5, 3]);
    table.hear(claim(c, { incarnation: 1, status: 'left' }), a);
    expect([table.membership.presentCount, table.membership.metCount]).toEqual([4, 3]);
    table.membership.heardFrom(d, 1);
    expect([table.membership.presentCount, table.membership.metCount]).toEqual([4, 4]);
  });

  test('make room for those whose word counts, and are told as all others are', () => {
    const table = settled();
    const minted = Array.from({ length: limits.accusationsPerSubject + 1 }, (_, i) => nodeId(`minted-${i}`));
    for (const id of minted) table.hear(claim(id), a).accused(accusation(id, b));
    expect([...(table.membership.get(b)?.accusations.keys() ?? [])]).toEqual(minted.slice(0, limits.accusationsPerSubject));
    table.hear(claim(c), c).accused(accusation(c, b));
    expect([...(table.membership.get(b)?.accusations.keys() ?? [])]).toEqual([...minted.slice(1, 4), c]);
  });
});

describe('a mesh that grew to three times its size', () => {
  test('finds a crashed newcomer as soon as any other, though most of its accusers are strangers to most', () => {
    const world = new World({ seed: 1, network: 'lan', traceLines: 0 });
    const config = { fullMeshLeave: 6, fullMeshReturn: 3, rings: 2, ringReach: 2 };
    const old = world.mesh(15, { config });
    world.runFor(settledMs + 9000);
    const joined = Array.from({ length: 30 }, () => world.addNode({ seeds: old[0]!.addresses, config }));
    world.runFor(10_000);
    const victim = joined[7] as SimNode;
    victim.powerOff();
    const routesTo = (node: SimNode): boolean => node.view().member(victim.id)?.reachable === true;
    expect(old.filter(routesTo)).toHaveLength(15);
    expect(world.runUntil(() => !old.some(routesTo), 2500)).toBeDefined();
  });
});

describe('a member that has two that it made up accuse its prey after each refutation', () => {
  test.each([
    ['nowhere', 9, 0],
    // Where strangers are heeded until a few of their words were refuted.
    ['for a moment', 60, 0.12],
  ])('keeps it out of rotation %s, in a mesh of %i', (_, size, share) => {
    const world = new World({ seed: 1, network: 'lan', profile: 'local', traceLines: 0 });
    const nodes = world.mesh(size);
    world.runFor(settledMs + 9000);
    const [prey, liar, ...honest] = nodes as [SimNode, SimNode, ...SimNode[]];
    const before = prey.view().member(prey.id)?.record.incarnation ?? 0;
    liar.lie('minter');
    let out = 0;
    for (let at = 0; at < 300; at++) {
      world.runFor(100);
      for (const node of honest) if (node.view().member(prey.id)?.reachable !== true) out++;
    }
    expect(out / (300 * honest.length)).toBeLessThanOrEqual(share);
    expect(prey.view().member(prey.id)?.record.incarnation).toBeGreaterThan(before + 10);
    expect([...(honest[0]?.view().members() ?? [])].length).toBeGreaterThan(size + 10);
  });
});
