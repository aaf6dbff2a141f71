/** Members that failed long ago, told to a newcomer by those who were there, after all who accused them left and are forgotten. */

import { limits, nodeId } from '@skein/core';
import type { MeshConfig, NodeId } from '@skein/core';
import { World, differences, type SimNode } from '@skein/sim';
import { describe, expect, test } from 'vitest';
import { accusation, claim, fact, ids, keys, refusals } from './fixture.ts';
import { Solo } from './solo.ts';
import { Table } from './table.ts';

const [, a, b, c, d] = ids as [NodeId, NodeId, NodeId, NodeId, NodeId];
const failedMs = 1_200_000;
/** A large mesh, as far as twenty can be one. Who left is forgotten long before who failed. */
const config: Partial<MeshConfig> = {
  fullMeshLeave: 6,
  fullMeshReturn: 3,
  rings: 2,
  ringReach: 2,
  leftTombstoneMs: 60_000,
  failedTombstoneMs: failedMs,
};

describe('a newcomer to a large mesh', () => {
  test.each(['crash', 'powerOff'] as const)(
    'comes to see as failed whom nobody that it knows accuses, knows what the others know, and forgets it with them: %s',
    (how) => {
      const world = new World({ seed: 11, network: 'lan' });
      const nodes = world.mesh(20, { config });
      world.runFor(20_000);
      const gone = nodes[7] as SimNode;
      gone[how]();
      world.runFor(60_000);
      const failedAt = world.nowMs;
      const others = nodes.filter((node) => node !== gone);
      const accusers = new Set(others.flatMap((node) => [...(node.view().member(gone.id)?.accusers ?? [])]));
      expect(accusers.size).toBeGreaterThanOrEqual(2);
      const rest = others.filter(({ id }) => !accusers.has(id));
      expect(rest.length).toBeGreaterThan(8);
      for (const node of others) if (accusers.has(node.id)) node.leave();
      world.runFor(100_000);
      for (const node of rest) for (const id of accusers) expect(node.view().member(id)).toBeUndefined();
      const late = world.addNode({ seeds: rest[3]!.addresses, config });
      world.runFor(60_000);
      expect(late.view().member(gone.id)).toMatchObject({ status: 'failed', reachable: false });
      expect(differences([...rest, late])).toEqual([]);
      const alive = (node: SimNode): number => [...node.view().members()].filter(({ status }) => status === 'alive').length;
      expect([...rest, late].map(alive)).toEqual(Array.from({ length: rest.length + 1 }, () => rest.length + 1));
      world.runFor(failedMs - (world.nowMs - failedAt));
      for (const node of [...rest, late]) expect(node.view().member(gone.id)).toBeUndefined();
    },
    60_000,
  );
});

describe('a member told to be gone', () => {
  const told = (absentMs = 5000): Table => new Table().hear(claim(a)).hear(claim(b), a, true, absentMs);

  test('is forgotten with those who told us, whatever became of it meanwhile', () => {
    const table = told(86_000_000);
    expect([table.membership.aliveCount, table.membership.presentCount]).toEqual([3, 3]);
    expect(table.pass(399_999).status(b)).toBe('alive unreachable');
    expect(table.pass(1).status(b)).toBe('unknown');
    expect([table.membership.aliveCount, table.membership.presentCount]).toEqual([2, 2]);
    const suspected = told(86_390_000).hear(claim(c)).hear(claim(d)).accused(accusation(a, b));
    expect(suspected.status(b)).toBe('suspect unreachable');
    expect(suspected.pass(10_000).status(b)).toBe('unknown');
    expect([suspected.membership.aliveCount, suspected.membership.presentCount]).toEqual([4, 4]);
  });

  test('is not forgotten once it answered or spoke', () => {
    const answered = told(86_000_000);
    answered.membership.heardFrom(b, 1);
    expect(answered.pass(100_000_000).status(b)).toBe('alive');
    const spoke = told(86_000_000).hear(claim(b, { incarnation: 1 }));
    expect(spoke.pass(100_000_000).status(b)).toBe('alive');
  });

  test('and that we cannot reach either fails after the shortest suspicion, at no cost to what else we may say', () => {
    const table = new Table();
    const others = Array.from({ length: 20 }, (_, i) => nodeId(`x${i}`));
    for (const id of [...others, a, c, d])
      table.hear(
        claim(id, keys.notary(id).sign('member', { ...claim(a).value, id }).value),
        a,
        true,
        others.includes(id) ? 5000 : 0,
      );
    for (const id of others) table.membership.accuse(id, 'dial-refused');
    expect(table.membership.isIsolated).toBe(false);
    expect(others.map((id) => table.status(id))).toEqual(others.map(() => 'suspect unreachable'));
    table.pass(6000);
    expect(others.map((id) => table.status(id))).toEqual(others.map(() => 'failed unreachable'));
    expect(table.membership.aliveCount).toBe(4);
  });

  test('takes as long to fail as any other where we did not try', () => {
    const table = told().hear(claim(c)).hear(claim(d)).accused(accusation(a, b));
    expect(table.pass(20_000).status(b)).toBe('suspect unreachable');
  });
});

describe('what members that are forgotten had against one that failed', () => {
  const failed = (): Table => {
    const table = new Table().hear(claim(a)).hear(claim(b)).hear(claim(c)).hear(claim(d));
    for (const accuser of [a, c, d]) table.accused(accusation(accuser, b));
    return table.pass(30_000);
  };

  test('is held by a newcomer as the others hold it, though it decides nothing', () => {
    const table = failed();
    expect(table.status(b)).toBe('failed unreachable');
    table.turn.take();
    table.accused(accusation(nodeId('n9'), b));
    expect(refusals(table.turn.take())).toEqual([]);
    expect([...(table.membership.get(b)?.accusations.keys() ?? [])]).toContain('n9');
  });

  test('is refused about anybody else, and where it would force that one out', () => {
    const table = failed();
    table.turn.take();
    table.accused(accusation(nodeId('n9'), c)).accused(accusation(nodeId('n9'), b, { reason: 'forced' }));
    expect(refusals(table.turn.take())).toEqual(['unknown-accuser', 'unknown-accuser']);
    expect([table.status(b), table.status(c)]).toEqual(['failed unreachable', 'alive']);
  });
});

describe('in a large mesh, a dial to a member told to be gone', () => {
  /** A node of a mesh on rings that is told of one that is gone, until it dials that one. */
  const dialling = (): { solo: Solo; redial: () => number | undefined } => {
    const solo = new Solo({
      config: { fullMeshLeave: 1, fullMeshReturn: 0, rings: 1, ringReach: 1, redialMaxMs: 1_000_000_000 },
    });
    const others = Array.from({ length: 12 }, (_, i) => nodeId(`o${i}`));
    for (const id of others) solo.step({ type: 'peer', id, state: 'linked', epoch: 1 });
    solo.hear(others[0]!, { members: others.map((id) => fact(claim(id))) });
    const dialAfter = (ms: number): number | undefined => {
      for (const end = solo.now + ms; solo.now < end; solo.pass(50)) {
        solo.hear(others[0]!, {});
        for (const effect of solo.take()) {
          if (effect.type === 'connect' && effect.to === 'y') return effect.dial;
          if (effect.type !== 'send' || effect.message.type !== 'ping') continue;
          const ack = { type: 'ack', seq: effect.message.seq, root: 0, epoch: 1, incarnation: 0, coordinate: undefined } as const;
          solo.step({ type: 'message', from: effect.to, message: ack });
        }
      }
      return undefined;
    };
    dialAfter(3000);
    solo.hear(others[0]!, { members: [fact(claim(nodeId('y')), true, 5000)] });
    // No ring asks for a link with it.
    expect(dialAfter(1900)).toBeUndefined();
    return { solo, redial: () => dialAfter(10_000) };
  };
  const failedDial = (dial: number | undefined, reason: 'refused' | 'timeout') =>
    ({ type: 'dialed', dial: dial ?? 0, outcome: { ok: false, reason, detail: '' } }) as const;

  test('that is refused accuses it', () => {
    const { solo, redial } = dialling();
    solo.step(failedDial(redial(), 'refused'));
    expect(solo.view.member(nodeId('y'))).toMatchObject({ status: 'suspect', accusers: [solo.node.self] });
  });

  test('that times out is tried three times: it may only be slow', () => {
    const { solo, redial } = dialling();
    for (const status of ['alive', 'alive', 'suspect']) {
      solo.step(failedDial(redial(), 'timeout'));
      expect(solo.view.member(nodeId('y'))?.status).toBe(status);
    }
  });
});

describe('tombstones', () => {
  const { value } = claim(a);
  const member = (id: NodeId, fields = {}) => fact(keys.notary(id).sign('member', { ...value, id, name: id, ...fields }));
  const rows = (table: Table, status: string): number =>
    [...table.membership.all()].filter((row) => row.status === status).length;

  test('are no more than twice the living at any time, while most of a large mesh leaves', () => {
    const table = new Table();
    const all = Array.from({ length: 4000 }, (_, i) => nodeId(`g${i}`));
    for (const id of all) table.membership.merge(member(id), a);
    for (const [i, id] of all.slice(0, 3000).entries()) {
      table.turn.now++;
      table.membership.merge(member(id, { incarnation: 1, status: 'left' }), a);
      const present = 4001 - (i + 1);
      expect(table.membership.size).toBeLessThanOrEqual(present + Math.max(1024, 2 * present));
    }
    expect([rows(table, 'alive'), rows(table, 'left')]).toEqual([1001, 2002]);
    expect(table.status(nodeId('g997'))).toBe('unknown');
    expect(table.status(nodeId('g998'))).toBe('left unreachable');
  });

  test('make room for newcomers before the table is full; who is gone takes the place of nobody', () => {
    const table = new Table();
    for (const [i, id] of [b, c, d].entries()) {
      table.turn.now += i;
      table.hear(claim(id)).hear(claim(id, { incarnation: 1, status: 'left' }));
    }
    let next = 0;
    while (next + 1 < limits.members - 258) table.membership.merge(member(nodeId(`g${next++}`)), a);
    expect([b, c, d].map((id) => table.status(id))).toEqual(['unknown', 'left unreachable', 'left unreachable']);
    while (table.membership.size < limits.members) table.membership.merge(member(nodeId(`g${next++}`)), a);
    expect(rows(table, 'alive')).toBe(limits.members);
    table.turn.take();
    table.hear(claim(c)).hear(claim(d, { incarnation: 1, status: 'left' }));
    expect(refusals(table.turn.take())).toEqual(['member-limit', 'member-limit']);
  });
});
