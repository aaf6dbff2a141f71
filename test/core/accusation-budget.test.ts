/** What one accuser may have against others: what is right costs nothing, what is refuted costs time. */

import { nodeId, profiles, type NodeId } from '@skein/core';
import { AccusationBudget, Catalog } from '@skein/core/parts';
import { describe, expect, test } from 'vitest';
import { accusation, claim, events, ids, notaryOf, refusals } from './fixture.ts';
import { Table } from './table.ts';

const [self, a, c] = ids as [NodeId, NodeId, NodeId];
const many = Array.from({ length: 12 }, (_, i) => nodeId(`x${i.toString().padStart(2, '0')}`));

/** A table of this node, n1 and twelve others. */
const crowd = (): Table => {
  const table = new Table().hear(claim(a));
  for (const id of many) table.hear(claim(id));
  table.turn.take();
  table.calls.length = 0;
  return table;
};

const doubt = (table: Table, id: NodeId): void => table.membership.accuse(id, 'probe-timeout');

describe('an account', () => {
  test('is full at the cap, and what was right is free again at once', () => {
    const budget = new AccusationBudget(1000);
    for (const subject of many.slice(0, 3)) budget.open(a, subject, 0);
    expect(budget.affords(a, 3, 0)).toBe(false);
    expect(budget.confirm(many[0]!)).toBe(true);
    expect(budget.affords(a, 3, 0)).toBe(true);
    expect(budget.confirm(many[0]!)).toBe(false);
  });

  test('is charged what was refuted, one less each refill time, but never more than all', () => {
    const budget = new AccusationBudget(1000);
    for (const subject of many.slice(0, 3)) budget.open(a, subject, 5000);
    for (const subject of many.slice(0, 3)) budget.refute(subject, 5500);
    expect([5500, 5999, 6500].map((now) => budget.affords(a, 3, now))).toEqual([false, false, true]);
    budget.open(a, many[3]!, 6500);
    expect([6500, 7499, 7500].map((now) => budget.affords(a, 3, now))).toEqual([false, false, true]);
    expect(budget.affords(a, 1, 60_000)).toBe(false);
  });

  test('counts one accusation of a subject once', () => {
    const budget = new AccusationBudget(1000);
    for (let i = 0; i < 5; i++) budget.open(a, many[0]!, 0);
    expect(budget.affords(a, 2, 0)).toBe(true);
  });

  test('of one accuser is not that of another, and ends with its node', () => {
    const budget = new AccusationBudget(1000);
    budget.open(a, many[0]!, 0);
    expect([budget.affords(a, 1, 0), budget.affords(many[1]!, 1, 0)]).toEqual([false, true]);
    budget.drop(a);
    expect(budget.affords(a, 1, 0)).toBe(true);
  });
});

describe('accounts', () => {
  test('in which nothing is open, and nothing refuted is left after the refill time, end when there is another', () => {
    const budget = new AccusationBudget(1000);
    const accusers = Array.from({ length: 500 }, (_, i) => nodeId(`y${i}`));
    accusers.forEach((accuser) => budget.open(accuser, a, 0));
    budget.open(many[1]!, many[2]!, 0);
    budget.refute(a, 500);
    expect(budget.size).toBe(501);
    budget.open(many[0]!, a, 1499);
    expect(budget.size).toBe(502);
    budget.open(many[3]!, a, 2600);
    expect(budget.size).toBe(3);
    expect(budget.affords(many[1]!, 1, 2600)).toBe(false);
  });

  test('are not kept of strangers: whoever passes on what they say of us pays for it, and others still may', () => {
    const table = crowd();
    const { accusationsOpen, refuteIntervalMs } = profiles.lan;
    const told = (round: number, from: NodeId): number => {
      const { incarnation } = table.own;
      table.accused(accusation(nodeId(`stranger-${round}`), self, { incarnation }), from).pass(refuteIntervalMs);
      return table.own.incarnation - incarnation;
    };
    const answered = Array.from({ length: 10 }, (_, round) => told(round, a));
    expect(answered).toEqual(answered.map((_, round) => Number(round < accusationsOpen)));
    expect(told(10, c)).toBe(1);
    expect(refusals(table.turn.take())).toHaveLength(10 - accusationsOpen);
  });
});

describe('who forces others to leave', () => {
  const isGone = (table: Table, id: NodeId): boolean => table.membership.get(id)?.status === 'left';
  const rack = Array.from({ length: 20 }, (_, i) => nodeId(`r${i}`));
  /** Twenty that failed, at one time. */
  const failedRack = (): Table => {
    const table = crowd();
    for (const id of rack) table.hear(claim(id));
    for (const id of rack) for (const accuser of many.slice(0, 4)) table.accused(accusation(accuser, id));
    table.pass(30_000);
    for (const id of rack) expect(table.status(id)).toBe('failed unreachable');
    table.turn.take();
    return table;
  };
  const force = (table: Table, accuser: NodeId): void => {
    for (const id of rack) table.accused(accusation(accuser, id, { reason: 'forced', sequence: 2 }));
  };

  test('is believed of 16 that failed in a minute, then refused by name, and of the others in the next', () => {
    const table = failedRack();
    force(table, a);
    expect(rack.filter((id) => isGone(table, id))).toEqual(rack.slice(0, 16));
    expect(refusals(table.turn.take())).toEqual(rack.slice(16).map(() => 'too-many-forced'));
    table.pass(59_999);
    force(table, a);
    expect(rack.filter((id) => isGone(table, id))).toHaveLength(16);
    table.pass(1);
    force(table, a);
    expect(rack.filter((id) => isGone(table, id))).toEqual(rack);
  });

  test("uses up nobody else's word, nor with a forged one that of another", () => {
    const table = failedRack();
    for (const id of rack)
      table.accused({ ...accusation(a, id, { reason: 'forced', sequence: 2 }), signature: new Uint8Array(8) }, many[1]);
    force(table, a);
    expect(rack.filter((id) => isGone(table, id))).toHaveLength(16);
    force(table, many[5]!);
    expect(rack.filter((id) => isGone(table, id))).toEqual(rack);
  });
});

describe('who tells forged records', () => {
  test('is refused unchecked after 64 of them in a second, and others are not', () => {
    const table = crowd();
    const forged = { ...claim(many[0]!, { incarnation: 5 }), signature: new Uint8Array(8) };
    for (let i = 0; i < 70; i++) table.hear(forged, many[1]);
    const reasons = refusals(table.turn.take());
    expect(reasons).toEqual([...Array<string>(64).fill('bad-signature'), ...Array<string>(6).fill('too-many-signatures')]);
    table.hear(claim(many[0]!, { incarnation: 1 }), many[1]);
    expect(table.membership.get(many[0]!)?.signed.value.incarnation).toBe(0);
    table.hear(claim(many[0]!, { incarnation: 1 }), many[2]);
    expect(table.membership.get(many[0]!)?.signed.value.incarnation).toBe(1);
    table.turn.take();
    expect(
      refusals(
        table
          .pass(1000)
          .hear(claim(many[0]!, { incarnation: 2 }), many[1])
          .turn.take(),
      ),
    ).toEqual([]);
    expect(table.membership.get(many[0]!)?.signed.value.incarnation).toBe(2);
  });

  test('is not who tells thousands that hold', () => {
    const table = crowd();
    for (let i = 0; i < 3000; i++) table.hear(claim(nodeId(`z${i}`)), many[1]);
    expect(refusals(table.turn.take())).toEqual([]);
    expect(table.membership.size).toBe(3014);
  });

  test('has the heads of catalogs refused as well', () => {
    const table = crowd();
    const ignored = (): undefined => undefined;
    const listener = { catalogChanged: ignored, ownVersionLost: ignored, catalogGap: ignored, appliedConfig: () => 'none' };
    const catalog = new Catalog(table.turn, listener);
    const digest = notaryOf(a).digest([]);
    const value = { mesh: 'm', owner: a, epoch: 1, version: 1, count: 0, digest, appliedConfig: 'none' };
    const head = notaryOf(a).sign('head', value);
    const merge = (signature: Uint8Array): void =>
      catalog.merge({ head: { ...head, signature }, after: 0, upserts: [], removals: [] }, many[1]!);
    for (let i = 0; i < 65; i++) merge(new Uint8Array(8));
    expect(refusals(table.turn.take()).slice(63)).toEqual(['bad-signature', 'too-many-signatures']);
    merge(head.signature);
    expect(catalog.replica(a)).toBeUndefined();
    table.pass(1000);
    merge(head.signature);
    expect(catalog.replica(a)?.version).toBe(1);
  });
});

describe('who accuses everybody', () => {
  test('is believed three times, then refused by name, and again when a while has passed', () => {
    const table = crowd();
    for (const id of many) table.accused(accusation(a, id));
    expect(many.filter((id) => table.status(id) === 'suspect')).toEqual(many.slice(0, 3));
    expect(refusals(table.turn.take())).toEqual(many.slice(3).map(() => 'too-many-accusations'));
    for (const id of many.slice(0, 3)) table.hear(claim(id, { incarnation: 1 }));
    table.pass(profiles.lan.accusationRefillMs - 1).accused(accusation(a, many[4]!));
    expect(table.status(many[4]!)).toBe('alive');
    table.pass(1).accused(accusation(a, many[4]!)).accused(accusation(a, many[5]!));
    expect([table.status(many[4]!), table.status(many[5]!)]).toEqual(['suspect', 'alive']);
  });

  test('and is right with all of them is believed with all of them', () => {
    const table = crowd();
    const [w, x, y, ...gone] = many as [NodeId, NodeId, NodeId, ...NodeId[]];
    for (const id of gone) for (const accuser of [a, w, x, y]) table.accused(accusation(accuser, id));
    expect(gone.map((id) => table.status(id))).toEqual(gone.map(() => 'suspect unreachable'));
    expect(refusals(table.turn.take())).toEqual([]);
  });

  test('of members that leave is believed of each, and is refused of none', () => {
    const table = crowd();
    for (const id of many) table.hear(claim(id, { incarnation: 1, status: 'leaving' }));
    table.turn.take();
    for (const id of many) table.accused(accusation(a, id, { incarnation: 1 }));
    expect(many.map((id) => table.membership.get(id)?.accusations.has(a))).toEqual(many.map(() => true));
    expect(refusals(table.turn.take())).toEqual([]);
  });

  test('is answered by the one that it accuses only when somebody else believes it', () => {
    const table = crowd();
    for (const id of many.slice(0, 3)) table.accused(accusation(a, id));
    table.accused(accusation(a, self), a).pass(0);
    expect(table.own.incarnation).toBe(0);
    table.accused(accusation(a, self), many[0]).pass(0);
    expect(table.own.incarnation).toBe(1);
  });

  test('gets no more than so many signatures checked in a second over one link', () => {
    const table = crowd();
    const forged = { ...accusation(a, many[0]!), signature: new Uint8Array(8) };
    for (let i = 0; i < 510; i++) table.accused(forged, many[1]);
    const reasons = refusals(table.turn.take());
    expect(reasons.filter((reason) => reason === 'bad-signature')).toHaveLength(500);
    expect(reasons.filter((reason) => reason === 'too-many-signatures')).toHaveLength(10);
    expect(refusals(table.accused(accusation(a, many[0]!), many[2]).turn.take())).toEqual([]);
    table.pass(1000).accused({ ...accusation(a, many[1]!), signature: new Uint8Array(8) }, many[1]);
    expect(refusals(table.turn.take())).toEqual(['bad-signature']);
  });
});

describe('a node that hears from nobody', () => {
  test('accuses nobody of silence, calls out, and says that it is isolated', () => {
    const table = crowd();
    table.deaf = true;
    table.membership.accuse(many[0]!, 'probe-timeout');
    expect(table.status(many[0]!)).toBe('alive unreachable');
    expect(table.calls).toContain('called out');
    table.pass(5000);
    expect(table.membership.isIsolated).toBe(true);
    expect(table.status(many[0]!)).toBe('alive unreachable');
  });

  test('probes anew once it hears from others', () => {
    const table = crowd();
    table.deaf = true;
    table.membership.accuse(many[0]!, 'probe-timeout');
    table.pass(5000);
    table.deaf = false;
    table.againAt = table.turn.now;
    table.pass(5000);
    expect(table.calls).toContain(`probe ${many[0]}`);
    expect(table.membership.isIsolated).toBe(false);
    table.membership.accuse(many[0]!, 'probe-timeout');
    expect(table.status(many[0]!)).toBe('suspect unreachable');
  });

  test('but is answered when it calls out, accuses who was silent', () => {
    const table = crowd();
    table.deaf = true;
    table.membership.accuse(many[0]!, 'probe-timeout');
    table.deaf = false;
    table.pass(200);
    expect(table.status(many[0]!)).toBe('suspect unreachable');
  });

  test('lets no suspicion end', () => {
    const table = crowd();
    table.membership.accuse(many[0]!, 'probe-timeout');
    table.deaf = true;
    table.pass(59_000);
    expect(table.status(many[0]!)).toBe('suspect unreachable');
    table.deaf = false;
    table.pass(1000);
    expect(table.status(many[0]!)).toBe('failed unreachable');
  });

  test('takes a refusal for what it is', () => {
    const table = crowd();
    table.deaf = true;
    table.membership.accuse(many[0]!, 'dial-refused');
    expect(table.status(many[0]!)).toBe('suspect unreachable');
  });
});

describe('a node that reaches nobody', () => {
  test('avoids all of them, accuses three, says that it is isolated, and is over it with their answers', () => {
    const table = crowd();
    for (const id of many) doubt(table, id);
    for (const id of many) expect(table.membership.get(id)?.reachable).toBe(false);
    const accused = many.filter((id) => table.membership.get(id)?.accusations.size === 1);
    expect(accused).toEqual(many.slice(0, 3));
    expect(events(table.turn.take()).filter((event) => event.type === 'isolated')).toEqual([
      { type: 'isolated', isolated: true },
    ]);
    expect(table.membership.isIsolated).toBe(true);
    for (const id of many) table.membership.heardFrom(id, 1);
    expect(events(table.turn.take()).filter((event) => event.type === 'isolated')).toEqual([
      { type: 'isolated', isolated: false },
    ]);
    for (const id of many) expect(table.status(id)).toBe('alive');
  });

  test('accuses those it still doubts once there is room: others agreed on the first, or these failed', () => {
    const table = crowd();
    for (const id of many.slice(0, 5)) doubt(table, id);
    expect(table.membership.get(many[3]!)?.accusations.size).toBe(0);
    for (const accuser of many.slice(9, 12)) table.accused(accusation(accuser, many[0]!));
    table.pass(0);
    expect(table.membership.get(many[3]!)?.accusations.size).toBe(1);
    expect(table.membership.get(many[4]!)?.accusations.size).toBe(0);
    table.pass(200_000);
    expect(many.slice(0, 5).map((id) => table.status(id))).toEqual(many.slice(0, 5).map(() => 'failed unreachable'));
    expect(table.membership.isIsolated).toBe(true);
    table.membership.heardFrom(many[7]!, 1);
    expect(table.membership.isIsolated).toBe(false);
  });

  test('signs nothing against whom enough others accuse already', () => {
    const table = crowd();
    for (const accuser of many.slice(8, 12)) table.accused(accusation(accuser, many[0]!));
    doubt(table, many[0]!);
    expect(table.membership.get(many[0]!)?.accusations.has(self)).toBe(false);
    expect(table.status(many[0]!)).toBe('suspect unreachable');
  });
});
