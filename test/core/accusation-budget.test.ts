/** What one accuser may have against others: what is right costs nothing, what is refuted costs time. */

import { nodeId, profiles, type NodeId } from '@skein/core';
import { AccusationBudget } from '@skein/core/parts';
import { describe, expect, test } from 'vitest';
import { accusation, claim, events, ids, refusals } from './fixture.ts';
import { Table } from './table.ts';

const [self, a] = ids as [NodeId, NodeId];
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
