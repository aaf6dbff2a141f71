/** Catalogs: an owner's history reaches any replica, whatever it holds, and nothing that the owner did not sign is taken in. */

import { checkId, limits, nodeId } from '@skein/core';
import type { CatalogDelta, CatalogHead, Check, NodeId, RecordValue, SealedRecord, Signed } from '@skein/core';
import { Catalog, type CatalogListener, type Replica, type ReplicaChange, type Turn } from '@skein/core/parts';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ids, instance, makeTurn, notaryOf, refusals } from './fixture.ts';

const [owner, relay, other] = ids as [NodeId, NodeId, NodeId];
const notary = notaryOf(owner);

const instanceValue = (id: string, port = 1): RecordValue => ({ type: 'instance', instance: instance(id, { port }) });
const check = (id: string, fields: Partial<Check> = {}): RecordValue => ({
  type: 'check',
  check: {
    id: checkId(id),
    name: id,
    type: 'http',
    status: 'passing',
    notes: '',
    output: '',
    instanceId: undefined,
    intervalMs: 1,
    timeoutMs: 1,
    ...fields,
  },
});

class Holder implements CatalogListener {
  readonly turn: Turn;
  readonly catalog: Catalog;
  readonly changes: { readonly owner: NodeId; readonly change: ReplicaChange; readonly after: number }[] = [];
  readonly gaps: string[] = [];
  readonly lost: number[] = [];

  constructor(id: NodeId) {
    this.turn = makeTurn(id);
    this.catalog = new Catalog(this.turn, this);
  }

  catalogChanged = (of: NodeId, change: ReplicaChange, after: number): void =>
    void this.changes.push({ owner: of, change, after });
  catalogGap = (of: NodeId, from: NodeId, whole: boolean): void =>
    void this.gaps.push(`${of} from ${from}${whole ? ' whole' : ''}`);
  applied = 'none';
  appliedConfig = (): string => this.applied;
  ownVersionLost = (epoch: number): void => void this.lost.push(epoch);

  write(upserts: readonly RecordValue[], removals: readonly string[] = [], epoch = 1): this {
    expect(this.catalog.write(epoch, upserts, removals)).toEqual({ ok: true });
    return this;
  }

  hear(delta: CatalogDelta | undefined): this {
    if (delta !== undefined) this.catalog.merge(delta, relay);
    return this;
  }
}

const contentOf = (replica: Replica | undefined): string[] => [
  ...[...(replica?.instances() ?? [])].map((each) => `i/${each.id}:${each.port}`),
  ...[...(replica?.checks() ?? [])].map((each) => `c/${each.id}:${each.status}`),
];

/** An owner that wrote web-0 to web-4, one version each, then removed web-1 and changed web-2. */
const written = (): Holder => {
  const holder = new Holder(owner);
  for (let i = 0; i < 5; i++) holder.write([instanceValue(`web-${i}`)]);
  return holder.write([instanceValue('web-2', 9)], ['i/web-1']);
};

describe('a replica', () => {
  test('takes a whole snapshot, then a delta for what changed since', () => {
    const source = written();
    const copy = new Holder(other).hear(source.catalog.own.deltaAfter(1, 0));
    expect(contentOf(copy.catalog.replica(owner))).toEqual(contentOf(source.catalog.own));
    source.write([instanceValue('web-9')], ['i/web-0']);
    const delta = source.catalog.own.deltaAfter(1, 6);
    expect(delta).toMatchObject({ after: 6, removals: ['i/web-0'] });
    expect(delta?.upserts).toHaveLength(1);
    copy.hear(delta);
    expect(contentOf(copy.catalog.replica(owner))).toEqual(contentOf(source.catalog.own));
    expect(copy.changes.at(-1)).toMatchObject({
      after: 6,
      change: { upserted: ['i/web-9'], previous: [instanceValue('web-0')] },
    });
  });

  test('that lacks versions in between sees the gap and asks, changing nothing', () => {
    const source = new Holder(owner).write([instanceValue('a')]);
    const copy = new Holder(other).hear(source.catalog.own.deltaAfter(1, 0));
    source.write([instanceValue('b')]).write([instanceValue('c')]);
    copy.hear(source.catalog.own.deltaAfter(1, 2));
    expect(copy.gaps).toEqual(['n0 from n1']);
    expect(contentOf(copy.catalog.replica(owner))).toEqual(['i/a:1']);
    copy.hear(source.catalog.own.deltaAfter(1, 1));
    expect(contentOf(copy.catalog.replica(owner))).toEqual(['i/a:1', 'i/b:1', 'i/c:1']);
  });

  test('takes a delta that reaches back further than it needs', () => {
    const source = written();
    const copy = new Holder(other).hear(source.catalog.own.deltaAfter(1, 0));
    source.write([], ['i/web-0']).write([instanceValue('web-0', 7)]);
    copy.hear(source.catalog.own.deltaAfter(1, 2));
    expect(contentOf(copy.catalog.replica(owner))).toEqual(contentOf(source.catalog.own));
  });

  test('ignores what it has, or had', () => {
    const source = written();
    const copy = new Holder(other);
    const early = source.catalog.own.deltaAfter(1, 0);
    source.write([instanceValue('late')]);
    copy.hear(source.catalog.own.deltaAfter(1, 0)).hear(source.catalog.own.deltaAfter(1, 0)).hear(early);
    expect(copy.changes).toHaveLength(1);
    expect(copy.gaps).toEqual([]);
  });

  test('holds the same one of two contents with one version, whichever came first', () => {
    const [one, two] = [new Holder(owner).write([instanceValue('a')]), new Holder(owner).write([instanceValue('b')])];
    const [first, second] = [one.catalog.own.deltaAfter(1, 0), two.catalog.own.deltaAfter(1, 0)];
    const either = new Holder(other).hear(first).hear(second).catalog.replica(owner);
    const or = new Holder(other).hear(second).hear(first).catalog.replica(owner);
    expect(contentOf(either)).toEqual(contentOf(or));
    expect(either?.stamp).toEqual(or?.stamp);
    // The owner whose content lost hears of the other one, and knows that its epoch was in use.
    const loser = contentOf(either)[0] === 'i/a:1' ? two : one;
    loser.hear(either?.deltaAfter(0, 0));
    expect(loser.lost).toEqual([1]);
  });

  test('starts over with the first version of a later boot, and never goes back', () => {
    const source = written();
    const before = source.catalog.own.deltaAfter(1, 0);
    const copy = new Holder(other).hear(before);
    source.write([instanceValue('fresh')], [], 2);
    copy.hear(source.catalog.own.deltaAfter(1, 6)).hear(before);
    expect(contentOf(copy.catalog.replica(owner))).toEqual(['i/fresh:1']);
    expect(copy.catalog.replica(owner)).toMatchObject({ epoch: 2, version: 1 });
  });

  test('falls back to a snapshot where the log of removals does not reach', () => {
    const source = new Holder(owner).write([instanceValue('stays')]);
    for (let i = 0; i < limits.removalLog + 10; i++) {
      source.write([instanceValue(`gone-${i}`)]).write([], [`i/gone-${i}`]);
    }
    const { version } = source.catalog.own;
    expect(source.catalog.own.deltaAfter(1, version - 2)).toMatchObject({
      after: version - 2,
      removals: [`i/gone-${limits.removalLog + 9}`],
    });
    expect(source.catalog.own.deltaAfter(1, 3)).toMatchObject({ after: 0, removals: [] });
    const copy = new Holder(other).hear(source.catalog.own.deltaAfter(1, 0));
    expect(contentOf(copy.catalog.replica(owner))).toEqual(['i/stays:1']);
    // What it had as a snapshot it cannot pass on as a short delta.
    expect(copy.catalog.replica(owner)?.deltaAfter(1, version - 1)).toMatchObject({ after: 0 });
  });
});

describe('any history', () => {
  const act = fc.record({
    upserts: fc.array(fc.tuple(fc.nat({ max: 6 }), fc.nat({ max: 3 })), { maxLength: 3 }),
    removals: fc.array(fc.nat({ max: 6 }), { maxLength: 2 }),
    boot: fc.integer({ min: 0, max: 20 }).map((n) => n === 0),
  });

  test('reaches a replica that hears of it now and then, directly or through another replica', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 40 }), fc.infiniteStream(fc.nat({ max: 5 })), (history, luck) => {
        const source = new Holder(owner);
        const [near, far] = [new Holder(relay), new Holder(other)];
        let epoch = 1;
        const tell = (from: Replica | undefined, to: Holder): void => {
          const held = to.catalog.replica(owner);
          to.hear(from?.deltaAfter(held?.epoch ?? 0, held?.version ?? 0));
        };
        for (const { upserts, removals, boot } of history) {
          const keys = boot ? [] : removals.map((n) => `i/r${n}`).filter((each) => source.catalog.own.get(each) !== undefined);
          if (boot) epoch++;
          source.write(
            upserts.map(([n, port]) => instanceValue(`r${n}`, port)),
            keys,
            Math.max(epoch, source.catalog.own.epoch),
          );
          // A push may be lost, late or enough.
          const before = source.catalog.own.version - 1;
          if (luck.next().value !== 0) near.hear(source.catalog.own.deltaAfter(epoch, before));
          if (luck.next().value === 0) tell(source.catalog.own, near);
          if (luck.next().value === 0) tell(near.catalog.replica(owner), far);
        }
        tell(source.catalog.own, near);
        tell(near.catalog.replica(owner), far);
        expect(contentOf(near.catalog.replica(owner))).toEqual(contentOf(source.catalog.own));
        expect(contentOf(far.catalog.replica(owner))).toEqual(contentOf(source.catalog.own));
        expect(far.catalog.replica(owner)?.head).toEqual(source.catalog.own.head);
        expect([...refusals(near.turn.take()), ...refusals(far.turn.take())]).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test('tells of each change what was written and what was there before', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 20 }), (history) => {
        const source = new Holder(owner);
        const model = new Map<string, RecordValue>();
        for (const { upserts, removals } of history) {
          const keys = source.catalog.own.epoch === 0 ? [] : removals.map((n) => `i/r${n}`);
          const told = source.changes.length;
          source.write(
            upserts.map(([n, port]) => instanceValue(`r${n}`, port)),
            keys,
          );
          const { change } = source.changes[told] ?? { change: { upserted: [], previous: [] } };
          const before = new Map(model);
          for (const each of keys) model.delete(each);
          for (const [n, port] of upserts) model.set(`i/r${n}`, instanceValue(`r${n}`, port));
          for (const each of change.upserted) expect(model.has(each)).toBe(true);
          for (const value of change.previous) expect([...before.values()]).toContainEqual(value);
          for (const [key, value] of before) if (!model.has(key)) expect(change.previous).toContainEqual(value);
          expect(contentOf(source.catalog.own).toSorted()).toEqual(
            [...model.values()]
              .map((value) => (value.type === 'instance' ? `i/${value.instance.id}:${value.instance.port}` : ''))
              .toSorted(),
          );
        }
      }),
    );
  });
});

test('a write of what is held makes no version and tells nobody, whatever the order of its keys', () => {
  const source = new Holder(owner);
  source.write([instanceValue('a', 1), instanceValue('b', 2)], []);
  const { version } = source.catalog.own;
  const again = instanceValue('a', 1);
  const turned = again.type === 'instance' ? { type: again.type, instance: { ...backwards(again.instance) } } : again;
  source.write([turned], []);
  source.write([instanceValue('a', 9), instanceValue('a', 1)], ['i/a']);
  expect([source.catalog.own.version, source.changes.length]).toEqual([version, 1]);
  source.write([instanceValue('a', 1), instanceValue('b', 3)], []);
  expect(source.catalog.own.version).toBe(version + 1);
  expect(source.changes.at(-1)?.change.upserted).toEqual(['i/b']);
});

/** The same object with its keys in another order. */
function backwards<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).toReversed()) as T;
}

describe('what is refused', () => {
  const good = (): CatalogDelta => written().catalog.own.deltaAfter(1, 0)!;
  const altered = (change: (delta: CatalogDelta) => Partial<CatalogDelta>): CatalogDelta => ({ ...good(), ...change(good()) });
  const resigned = (change: Partial<CatalogHead>, by: NodeId = owner): CatalogDelta =>
    altered(({ head }) => ({ head: notaryOf(by).sign('head', { ...head.value, ...change }) }));
  const forged = (head: Signed<CatalogHead>, change: Partial<CatalogHead>): Signed<CatalogHead> => ({
    ...head,
    value: { ...head.value, ...change },
  });
  const seal = (value: RecordValue, version: number): SealedRecord => notary.seal({ version, value });

  test.each<[string, string, CatalogDelta]>([
    ['a record left out', 'catalog-digest', altered(({ upserts }) => ({ upserts: upserts.slice(1) }))],
    ['a record added', 'catalog-digest', altered(({ upserts }) => ({ upserts: [...upserts, seal(instanceValue('x'), 6)] }))],
    [
      'a record replaced',
      'catalog-digest',
      altered(({ upserts }) => ({ upserts: [...upserts.slice(1), seal(instanceValue('web-0', 5), 1)] })),
    ],
    [
      'a record of a version to come',
      'record-from-the-future',
      altered(({ upserts }) => ({ upserts: [...upserts, seal(instanceValue('x'), 7)] })),
    ],
    ['another count', 'catalog-digest', resigned({ count: 3 })],
    ['another mesh', 'other-mesh', resigned({ mesh: 'x' })],
    ['a head signed by somebody else', 'bad-signature', resigned({}, relay)],
    ['a forged version', 'bad-signature', altered(({ head }) => ({ head: forged(head, { version: 99 }) }))],
  ])('%s leaves the replica as it was and is reported as %s', (_what, reason, delta) => {
    const copy = new Holder(other).hear(delta);
    expect(refusals(copy.turn.take())).toEqual([reason]);
    expect(copy.changes).toEqual([]);
    expect(copy.catalog.replica(owner)).toBeUndefined();
    copy.hear(good());
    expect(contentOf(copy.catalog.replica(owner))).toHaveLength(4);
  });

  test('a spoilt delta is followed by a request for the whole', () => {
    expect(new Holder(other).hear(altered(() => ({ upserts: [] }))).gaps).toEqual(['n0 from n1 whole']);
  });

  test('more records than an owner may have', () => {
    const records = Array.from({ length: limits.recordsPerOwner + 1 }, (_, i) => seal(instanceValue(`r${i}`), 1));
    const digest = notary.digest(records.map((each) => each.hash));
    const head = notary.sign('head', {
      mesh: 'm',
      owner,
      epoch: 1,
      version: 1,
      count: records.length,
      digest,
      appliedConfig: 'none',
    });
    const copy = new Holder(other).hear({ head, after: 0, upserts: records, removals: [] });
    expect(refusals(copy.turn.take())).toEqual(['catalog-too-large']);
  });
});

describe('an owner', () => {
  test('refuses a record, and a number of records, beyond the limits, and then holds what it held', () => {
    const source = new Holder(owner).write([instanceValue('a')]);
    const meta = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`k${i}`, 'x'.repeat(500)]));
    const large: RecordValue = { type: 'instance', instance: instance('large', { meta }) };
    expect(source.catalog.write(1, [large], [])).toMatchObject({ ok: false, code: 'limit-exceeded' });
    const many = Array.from({ length: limits.recordsPerOwner }, (_, i) => instanceValue(`r${i}`));
    expect(source.catalog.write(1, many, [])).toMatchObject({ ok: false, code: 'limit-exceeded' });
    expect(source.catalog.own.version).toBe(1);
    expect(contentOf(source.catalog.own)).toEqual(['i/a:1']);
  });

  test('takes nothing in about itself, but learns from it that an epoch was used before', () => {
    const earlier = written();
    const source = new Holder(owner).write([instanceValue('a')]);
    source.hear(earlier.catalog.own.deltaAfter(1, 0));
    expect(contentOf(source.catalog.own)).toEqual(['i/a:1']);
    expect(source.lost).toEqual([1]);
    source.catalog.hear(earlier.catalog.own.head!, relay);
    expect(source.lost).toEqual([1, 1]);
    expect(source.gaps).toEqual([]);
  });

  test('takes its own echo, its own past and forgeries for nothing', () => {
    const source = written();
    const past = source.catalog.own.head!;
    source.write([instanceValue('new')]);
    source.catalog.hear(source.catalog.own.head!, relay);
    source.catalog.hear(past, relay);
    source.catalog.hear({ ...past, value: { ...past.value, version: 50 } }, relay);
    expect(source.lost).toEqual([]);
    expect(refusals(source.turn.take())).toEqual(['bad-signature']);
  });
});

test('a head that is news makes the holder ask whoever told it', () => {
  const source = written();
  const copy = new Holder(other);
  copy.catalog.hear(source.catalog.own.head!, relay);
  expect(copy.gaps).toEqual(['n0 from n1']);
  copy.hear(source.catalog.own.deltaAfter(1, 0)).catalog.hear(source.catalog.own.head!, relay);
  expect(copy.gaps).toHaveLength(1);
});

test('a dropped catalog says what it held, and its owner may come again', () => {
  const source = new Holder(owner).write([instanceValue('a'), check('c', { status: 'critical' })]);
  const copy = new Holder(other).hear(source.catalog.own.deltaAfter(1, 0));
  expect(copy.catalog.drop(owner)).toEqual([instanceValue('a'), check('c', { status: 'critical' })]);
  expect(copy.catalog.drop(owner)).toEqual([]);
  expect(copy.catalog.drop(nodeId('nobody'))).toEqual([]);
  copy.hear(source.catalog.own.deltaAfter(1, 0));
  expect(contentOf(copy.catalog.replica(owner))).toEqual(['i/a:1', 'c/c:critical']);
  expect(source.catalog.drop(owner)).toEqual([]);
});
