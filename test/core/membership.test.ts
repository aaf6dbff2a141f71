/** The member table: merge laws of claims and accusations, refutation, epochs, leaving, and what is refused. */

import { nodeId } from '@skein/core';
import type { Accusation, ClaimedStatus, MemberFact, MemberRecord, NodeId, Signed } from '@skein/core';
import { suspicionMs, type Member } from '@skein/core/parts';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { accusation, claim, events, fact, ids, keys, persisted, refusals } from './fixture.ts';
import { Table, full } from './table.ts';

const [self, a, b, c, d] = ids as [NodeId, NodeId, NodeId, NodeId, NodeId];

describe('merging', () => {
  interface Told {
    readonly record: MemberFact;
    readonly accusations: readonly Signed<Accusation>[];
  }

  /** A member says one thing under one claim, and raises the incarnation to say another. */
  const statusOf = (epoch: number, incarnation: number): ClaimedStatus =>
    incarnation < 2
      ? 'alive'
      : incarnation === 2
        ? (['alive', 'leaving', 'alive'] as const)[epoch % 3]!
        : (['leaving', 'left', 'left'] as const)[epoch % 3]!;

  /** A record travels with the accusations against it, as every message writes them. */
  const told: fc.Arbitrary<Told> = fc
    .record({
      id: fc.constantFrom(a, b, c),
      epoch: fc.integer({ min: 1, max: 3 }),
      incarnation: fc.integer({ min: 0, max: 3 }),
      accusers: fc.subarray([a, b, c, d]),
      verified: fc.boolean(),
    })
    .map(({ id, epoch, incarnation, accusers, verified }) => ({
      record: fact(claim(id, { epoch, incarnation, status: statusOf(epoch, incarnation) }), verified),
      accusations: accusers.filter((accuser) => accuser !== id).map((accuser) => accusation(accuser, id, { epoch, incarnation })),
    }));

  const tableOf = (facts: readonly Told[]): Table => {
    // What is believed of one accuser is bounded, and then depends on the order: not here.
    const table = full({ accusationsOpen: 1000 });
    for (const { record, accusations } of facts) {
      table.membership.merge(record, d);
      for (const signed of accusations) table.membership.mergeAccusation(signed, d);
    }
    return table;
  };

  test('any order of the same claims and accusations gives the same table', () => {
    fc.assert(
      fc.property(fc.array(told, { maxLength: 12 }), fc.infiniteStream(fc.nat()), (facts, picks) => {
        const rest = [...facts];
        const shuffled: Told[] = [];
        while (rest.length > 0) shuffled.push(...rest.splice((picks.next().value as number) % rest.length, 1));
        expect(tableOf(shuffled).rows()).toEqual(tableOf(facts).rows());
      }),
      { numRuns: 400 },
    );
  });

  test('hearing it all twice changes nothing and is no news', () => {
    fc.assert(
      fc.property(fc.array(told, { maxLength: 8 }), (facts) => {
        const table = tableOf(facts);
        const before = table.rows();
        table.calls.length = 0;
        for (const { record, accusations } of facts) {
          table.membership.merge(record, d);
          for (const signed of accusations) table.membership.mergeAccusation(signed, d);
        }
        expect(table.rows()).toEqual(before);
        expect(table.calls).toEqual([]);
      }),
    );
  });

  test('epoch and incarnation of a member never fall', () => {
    fc.assert(
      fc.property(fc.array(told, { maxLength: 12 }), (facts) => {
        const table = full();
        const seen = new Map<NodeId, MemberRecord>();
        for (const { record } of facts) {
          table.membership.merge(record, d);
          for (const member of table.membership.all()) {
            const before = seen.get(member.id);
            const { epoch, incarnation } = member.signed.value;
            if (before !== undefined)
              expect(epoch > before.epoch || (epoch === before.epoch && incarnation >= before.incarnation)).toBe(true);
            seen.set(member.id, member.signed.value);
          }
        }
      }),
    );
  });

  test('a higher epoch supersedes every higher incarnation and every accusation of an earlier one', () => {
    const table = full().hear(claim(b, { incarnation: 9 }));
    table.accused(accusation(c, b, { incarnation: 9 })).hear(claim(b, { epoch: 2 }));
    expect(table.status(b)).toBe('alive');
    table.hear(claim(b, { incarnation: 99 })).accused(accusation(d, b, { incarnation: 9 }));
    expect(table.rows()).toContain('n2 2.0 alive alive true by ');
  });

  test('who left stays left for that epoch, whatever older claims say', () => {
    const table = full().hear(claim(b, { incarnation: 4, status: 'left' }));
    table
      .hear(claim(b, { incarnation: 4 }))
      .hear(claim(b, { incarnation: 3 }))
      .accused(accusation(c, b, { incarnation: 4 }));
    expect(table.status(b)).toBe('left unreachable');
    expect(table.hear(claim(b, { epoch: 2 })).status(b)).toBe('alive');
  });

  test('a claim of an unverified boot is gossiped about, not routed to, until somebody had an answer from that boot', () => {
    const table = new Table().hear(claim(a)).hear(claim(b), a, false);
    expect(table.status(b)).toBe('alive unreachable');
    table.membership.heardFrom(b, 2);
    expect(table.status(b)).toBe('alive unreachable');
    expect(table.hear(claim(b), a, true).status(b)).toBe('alive');
    expect(table.hear(claim(b, { epoch: 2 }), a, false).status(b)).toBe('alive unreachable');
  });
});

describe('what is refused', () => {
  const forged = <T>(signed: Signed<T>, change: Partial<T>): Signed<T> => ({
    value: { ...signed.value, ...change },
    bytes: signed.bytes,
    signature: signed.signature,
  });

  test.each<[string, string, (table: Table) => void]>([
    ['a record that its subject did not sign', 'bad-signature', (t) => t.hear(forged(claim(b), { incarnation: 7 }))],
    ['a record signed in the name of another', 'bad-signature', (t) => t.hear(forged(claim(c), { id: b, incarnation: 7 }))],
    ['a first record that is forged', 'bad-signature', (t) => t.hear(forged(claim(c), { id: nodeId('n9') }))],
    ['a record of another mesh', 'other-mesh', (t) => t.hear(claim(b, { mesh: 'x', incarnation: 7 }))],
    ['a forged accusation', 'bad-signature', (t) => t.accused(forged(accusation(c, b), { accuser: d }))],
    ['an accusation of another mesh', 'other-mesh', (t) => t.accused(accusation(c, b, { mesh: 'x' }))],
    ['an accusation by nobody we know', 'unknown-accuser', (t) => t.accused(accusation(nodeId('n9'), b))],
    ['a forged record of ours', 'bad-signature', (t) => t.hear(forged(claim(self), { epoch: 9 }))],
    ['a forged accusation of us', 'bad-signature', (t) => t.accused(forged(accusation(c, self), { accuser: d }))],
  ])('%s leaves the table untouched and is reported', (_what, reason, act) => {
    const table = full();
    const before = table.rows();
    table.calls.length = 0;
    table.turn.take();
    act(table);
    expect(refusals(table.turn.take())).toEqual([reason]);
    expect(table.rows()).toEqual(before);
    expect(table.calls).toEqual([]);
    expect(table.pass(10_000).rows()).toEqual(before);
  });

  test('an accusation of an older claim is ignored without a word: it was answered', () => {
    const table = full().hear(claim(b, { incarnation: 2 }));
    table.turn.take();
    table.accused(accusation(c, b, { incarnation: 1 })).accused(accusation(c, b, { epoch: 0 }));
    expect(table.status(b)).toBe('alive');
    expect(refusals(table.turn.take())).toEqual([]);
  });

  test('an accusation of oneself or in our own name is ignored', () => {
    const table = full().accused(accusation(b, b)).accused(accusation(self, b));
    expect(table.status(b)).toBe('alive');
  });
});

describe('suspicion', () => {
  test('by one keeps a member in rotation, by two takes it out, and a refutation brings it back at once', () => {
    const table = full().accused(accusation(c, b));
    expect(table.status(b)).toBe('suspect');
    expect(table.accused(accusation(d, b)).status(b)).toBe('suspect unreachable');
    expect(table.hear(claim(b, { incarnation: 1 })).status(b)).toBe('alive');
    expect(table.pass(60_000).status(b)).toBe('alive');
  });

  test('of our own takes a member out of our rotation at once, and its answer to us brings it back', () => {
    const table = full();
    table.membership.accuse(b, 'dial-refused');
    expect(table.status(b)).toBe('suspect unreachable');
    table.membership.heardFrom(b, 1);
    expect(table.status(b)).toBe('alive');
    expect(table.pass(60_000).status(b)).toBe('alive');
  });

  test('that nobody answers ends as failed after the suspicion time, and only a new claim ends that', () => {
    const table = full().accused(accusation(c, b));
    expect(table.pass(23_999).status(b)).toBe('suspect');
    expect(table.pass(1).status(b)).toBe('failed unreachable');
    expect(table.calls).toContain('failed n2');
    table.membership.heardFrom(b, 1);
    expect(table.hear(claim(b)).status(b)).toBe('failed unreachable');
    expect(table.hear(claim(b, { incarnation: 1 })).status(b)).toBe('alive');
  });

  test('by few of a member that we do not watch is tested by us before it ends, while there is time for an answer', () => {
    for (const accusers of [[c], [c, d]]) {
      const table = full();
      table.ours = false;
      for (const accuser of accusers) table.accused(accusation(accuser, b));
      const endMs = suspicionMs(table.turn.config, 5, accusers.length);
      expect(table.pass(Math.floor(endMs / 4) - 1).calls).not.toContain(`probe ${b}`);
      expect(table.pass(Math.ceil(endMs / 2) + 1).calls.filter((call) => call === `probe ${b}`)).toHaveLength(1);
      expect(table.status(b)).toMatch('suspect');
    }
  });

  test('of a member that we watch, or by as many as count, or that was answered, is not tested once more', () => {
    const watched = full().accused(accusation(c, b));
    const backed = full();
    const answered = full();
    backed.ours = answered.ours = false;
    for (const accuser of [a, c, d]) backed.accused(accusation(accuser, b));
    backed.hear(claim(nodeId('x'))).accused(accusation(nodeId('x'), b));
    answered.accused(accusation(c, b)).hear(claim(b, { incarnation: 1 }));
    for (const table of [watched, backed, answered]) expect(table.pass(60_000).calls).not.toContain(`probe ${b}`);
  });

  test('of a member that leaves does not put it back into rotation, nor does its end', () => {
    const table = full().hear(claim(b, { incarnation: 1, status: 'leaving' }));
    expect(table.status(b)).toBe('leaving unreachable');
    table.membership.accuse(b, 'probe-timeout');
    expect(table.status(b)).toBe('suspect unreachable');
    expect(table.accused(accusation(c, b, { incarnation: 1 })).status(b)).toBe('suspect unreachable');
    const other = full().hear(claim(b, { incarnation: 1, status: 'leaving' }));
    other.membership.accuse(b, 'probe-timeout');
    other.membership.heardFrom(b, 1);
    expect(other.status(b)).toBe('leaving unreachable');
  });

  test('of a member that leaves is as short as any from its first accuser on, and ends as left', () => {
    const table = full().hear(claim(b, { incarnation: 1, status: 'leaving' }));
    const { suspicionMult, probeIntervalMs } = table.turn.config;
    table.accused(accusation(c, b, { incarnation: 1 })).accused(accusation(c, d));
    table.pass(suspicionMult * probeIntervalMs - 1);
    expect(table.status(b)).toBe('suspect unreachable');
    expect(table.pass(1).status(b)).toBe('left unreachable');
    expect(table.status(d)).toMatch('suspect');
  });

  test('is reported once however many accuse, and at most four accusations are kept', () => {
    const table = full();
    const accusers = ['x1', 'x2', 'x3', 'x4', 'x5', 'x6'].map(nodeId);
    for (const accuser of accusers) table.hear(claim(accuser));
    table.turn.take();
    for (const accuser of accusers) table.accused(accusation(accuser, b));
    expect(events(table.turn.take()).filter((event) => event.type === 'member-changed')).toHaveLength(1);
    expect(table.membership.get(b)?.accusations.size).toBe(4);
  });

  test('in a mesh of two needs one accuser to take a member out of rotation', () => {
    const table = new Table().hear(claim(a));
    expect(
      table
        .hear(claim(b, { status: 'left' }))
        .accused(accusation(b, a))
        .status(a),
    ).toBe('suspect unreachable');
  });
});

describe('refuting', () => {
  test('raises the incarnation, at most once an interval however many accuse', () => {
    const table = full().accused(accusation(b, self)).accused(accusation(c, self)).pass(0);
    expect(table.own.incarnation).toBe(1);
    for (const accuser of [b, c, d]) table.accused(accusation(accuser, self, { incarnation: 1 }));
    expect(table.pass(999).own.incarnation).toBe(1);
    expect(table.pass(1).own.incarnation).toBe(2);
    expect(table.pass(60_000).own.incarnation).toBe(2);
    expect(events(table.turn.take()).filter((event) => event.type === 'refuted')).toHaveLength(2);
  });

  test('also answers accusers that we do not know: others believe them', () => {
    expect(
      full()
        .accused(accusation(nodeId('n9'), self))
        .pass(0).own.incarnation,
    ).toBe(1);
  });

  test('is not needed for an older claim of ours', () => {
    const table = full();
    table.membership.setTags({ a: 'b' });
    expect(table.accused(accusation(b, self, { incarnation: 0 })).pass(5000).own.incarnation).toBe(1);
  });

  test('keeps the tags and the status we had', () => {
    const table = full();
    table.membership.setTags({ a: 'b' });
    table.membership.announce('leaving');
    table.accused(accusation(b, self, { incarnation: 2 })).pass(0);
    expect(table.own).toMatchObject({ incarnation: 3, status: 'leaving', tags: { a: 'b' } });
  });

  test('ends when we have left', () => {
    const table = full();
    table.membership.announce('left');
    expect(table.accused(accusation(b, self, { incarnation: 1 })).pass(0).own).toMatchObject({ incarnation: 1, status: 'left' });
  });
});

describe('our own record', () => {
  test('of a later boot proves that our epoch was lost: the next one begins, durable first', () => {
    const table = new Table(1).hear(claim(a)).hear(claim(self, { epoch: 7, incarnation: 3 }));
    expect(table.own).toMatchObject({ epoch: 8, incarnation: 0 });
    expect(table.calls).toContain('epoch raised');
    expect(persisted(table.turn.take())).toEqual([{ type: 'epoch', epoch: 8 }]);
  });

  test('of this boot that goes beyond what we said proves that its epoch was in use before, even by one that has left', () => {
    for (const [incarnation, status] of [
      [5, 'left'],
      [5, 'alive'],
      [0, 'left'],
    ] as const) {
      const table = full().hear(claim(self, { incarnation, status }));
      expect(table.own).toMatchObject({ epoch: 2, incarnation: 0, status: 'alive' });
      expect(persisted(table.turn.take())).toEqual([{ type: 'epoch', epoch: 2 }]);
    }
  });

  test('under the very same claim with another content proves it too', () => {
    expect(full().hear(claim(self, { tags: { of: 'before' } })).own).toMatchObject({ epoch: 2, incarnation: 0, tags: {} });
  });

  test('comes back as an echo without effect', () => {
    const table = full();
    table.calls.length = 0;
    expect(table.hear(claim(self)).own.incarnation).toBe(0);
    expect(table.calls).toEqual([]);
  });

  test('is outbid at most once an interval: two hosts with one key would otherwise never stop', () => {
    const table = new Table(1).hear(claim(a));
    for (let epoch = 2; epoch < 50; epoch += 2) table.hear(claim(self, { epoch }));
    expect(table.own.epoch).toBe(3);
    expect(table.pass(1000).hear(claim(self, { epoch: 50 })).own.epoch).toBe(51);
  });

  test('that goes on outbidding us is told from the third time on, and answered ever less often', () => {
    const table = new Table(1).hear(claim(a));
    const raisedAtSecond: number[] = [];
    const told: unknown[] = [];
    for (let second = 0; second < 200; second++) {
      const { epoch } = table.own;
      if (table.hear(claim(self, { epoch: epoch + 1 })).own.epoch > epoch) raisedAtSecond.push(second);
      told.push(...events(table.turn.take()).filter(({ type }) => type === 'identity-in-use'));
      table.pass(1000);
    }
    expect(raisedAtSecond).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183]);
    expect(told).toEqual([7, 9, 11, 13, 15, 17, 19].map((epoch) => ({ type: 'identity-in-use', epoch })));
  });

  test('takes tags within limits, and names the one that breaks them', () => {
    const table = full();
    const tooMany = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, 'v']));
    for (const tags of [tooMany, { long: 'x'.repeat(257) }, { '': 'v' }, { ['k'.repeat(129)]: 'v' }]) {
      expect(table.membership.setTags(tags)).toMatchObject({ ok: false, code: 'limit-exceeded' });
    }
    expect(table.own.incarnation).toBe(0);
    expect(table.membership.setTags({ zone: 'b' })).toEqual({ ok: true });
    expect(table.own).toMatchObject({ incarnation: 1, tags: { zone: 'b' } });
  });
});

describe('the end of a member', () => {
  const failed = (): Table => {
    const table = full().accused(accusation(a, b)).accused(accusation(c, b)).accused(accusation(d, b));
    table.membership.accuse(b, 'probe-timeout');
    return table.pass(4000);
  };

  test('failed is remembered for a day, left for an hour, then the row goes', () => {
    expect(failed().pass(86_399_000).status(b)).toBe('failed unreachable');
    const table = failed().pass(86_400_000);
    expect(table.status(b)).toBe('unknown');
    expect(table.calls).toContain('forgotten n2');
    const left = full().hear(claim(b, { incarnation: 1, status: 'left' }));
    expect(left.pass(3_599_999).status(b)).toBe('left unreachable');
    expect(left.pass(1).status(b)).toBe('unknown');
  });

  test('that comes back is not reaped by the clock of its absence', () => {
    expect(
      failed()
        .hear(claim(b, { epoch: 2 }))
        .pass(200_000_000)
        .status(b),
    ).toBe('alive');
  });

  test('a departed member of whom we hear only now is remembered no longer than by those who told us', () => {
    const left = new Table().hear(claim(a)).hear(claim(b, { status: 'left' }), a, true, 3_000_000);
    expect(left.membership.absentMs(left.membership.get(b) as Member)).toBe(3_000_000);
    expect(left.pass(599_999).status(b)).toBe('left unreachable');
    expect(left.pass(1).status(b)).toBe('unknown');
    const failing = new Table().hear(claim(a)).hear(claim(c)).hear(claim(b), a, true, 86_000_000);
    expect(failing.accused(accusation(a, b)).pass(24_000).status(b)).toBe('failed unreachable');
    expect(failing.pass(375_999).status(b)).toBe('failed unreachable');
    expect(failing.pass(1).status(b)).toBe('unknown');
  });

  test('a member that others have failed is not routed to until it answers us or speaks', () => {
    const heard = (): Table => new Table().hear(claim(a)).hear(claim(b), a, true, 5000);
    expect(heard().status(b)).toBe('alive unreachable');
    const answered = heard();
    answered.membership.heardFrom(b, 1);
    expect(answered.status(b)).toBe('alive');
    expect(answered.membership.absentMs(answered.membership.get(b) as Member)).toBe(0);
    expect(
      heard()
        .hear(claim(b, { incarnation: 1 }))
        .status(b),
    ).toBe('alive');
  });

  test('a member that we know to be present is not made to look gone by what a peer says', () => {
    expect(full().hear(claim(b), a, true, 5000).status(b)).toBe('alive');
  });

  test('a member that failed is not back by leaving under the claim that failed: no correct member does', () => {
    const table = failed().hear(claim(b, { status: 'leaving' }));
    expect(table.status(b)).toBe('failed unreachable');
    expect(table.hear(claim(b, { status: 'leaving', incarnation: 1 })).status(b)).toBe('leaving unreachable');
    expect(
      failed()
        .hear(claim(b, { status: 'left' }))
        .status(b),
    ).toBe('left unreachable');
  });

  test('a member is made to leave by force only once it failed', () => {
    expect(full().membership.forceLeave(b)).toMatchObject({ ok: false, code: 'node-alive' });
    expect(full().membership.forceLeave(nodeId('n9'))).toMatchObject({ ok: false, code: 'unknown-node' });
    const table = failed();
    expect(table.membership.forceLeave(b)).toEqual({ ok: true });
    expect(table.status(b)).toBe('left unreachable');
  });

  test('force is believed from a node that accused the member before', () => {
    const table = failed().accused(accusation(c, b, { reason: 'forced', sequence: 2 }));
    expect(table.status(b)).toBe('left unreachable');
  });

  test('an accuser that had failed is no second witness for saying it again by force', () => {
    const others = ['n5', 'n6', 'n7'].map(nodeId);
    const table = full();
    for (const id of others) table.hear(claim(id));
    table.accused(accusation(a, b)).accused(accusation(c, b)).accused(accusation(d, b)).accused(accusation(others[0]!, b));
    table.pass(60_000);
    expect(table.status(b)).toBe('failed unreachable');
    // Of four, one is not believed since it had failed: three are enough, and it said so twice.
    const [x, y] = [others[1]!, others[2]!];
    table
      .accused(accusation(b, x))
      .accused(accusation(b, x, { reason: 'forced', sequence: 2 }))
      .accused(accusation(y, x));
    expect(table.status(x)).toBe('suspect');
    table.accused(accusation(a, x));
    expect(table.status(x)).toBe('suspect unreachable');
  });

  test('force cannot remove a member that answers', () => {
    const table = full().accused(accusation(c, b, { reason: 'forced' }));
    expect(table.status(b)).toBe('suspect');
    expect(
      table
        .hear(claim(b, { incarnation: 1 }))
        .pass(60_000)
        .status(b),
    ).toBe('alive');
    expect(
      full()
        .accused(accusation(c, self, { reason: 'forced' }))
        .pass(0).own.incarnation,
    ).toBe(1);
  });

  test('rows of the departed are bounded: those that left longest ago go first', () => {
    const table = new Table();
    for (let i = 0; i < 1100; i++) {
      const id = nodeId(`gone-${i}`);
      table.turn.now++;
      table.membership.merge(fact(keys.notary(id).sign('member', { ...claim(a).value, id, status: 'left' })), a);
    }
    expect(table.membership.size).toBe(1025);
    expect(table.status(nodeId('gone-0'))).toBe('unknown');
    expect(table.status(nodeId('gone-1099'))).toBe('left unreachable');
  });
});

test('two members with one name are told apart and reported', () => {
  const table = full();
  table.turn.take();
  table.hear(claim(nodeId('n9'), { name: 'name-n2' }));
  expect(events(table.turn.take())).toContainEqual({ type: 'name-conflict', name: 'name-n2', ids: ['n2', 'n9'] });
});
