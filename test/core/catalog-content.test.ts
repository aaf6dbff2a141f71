/** The records of an owner as a value: a change, small or large, against a plain map. */

import { emptyContent } from '@skein/core/parts';
import { checkId, nodeId } from '@skein/core';
import type { RecordValue, SealedRecord } from '@skein/core';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { notaryOf } from './fixture.ts';
import { checkRecord, instanceRecord } from './solo.ts';

const notary = notaryOf(nodeId('owner'));

const keyOf = ({ record: { value } }: SealedRecord): string =>
  value.type === 'instance' ? `i/${value.instance.id}` : `c/${value.check.id}`;

/** A record whose key begins with a letter before, or after, those of others. */
function seal(n: number, text: string, version: number): SealedRecord {
  const value: RecordValue =
    n % 2 === 0 ? instanceRecord(`n${n}`, { meta: { text } }) : checkRecord(`n${n}`, { id: checkId(`n${n}`), notes: text });
  return notary.seal({ version, value });
}

const texts = (count: number): fc.Arbitrary<[number, string][]> =>
  fc.array(fc.tuple(fc.nat(99), fc.constantFrom('a', 'b', 'longer')), { maxLength: count });

test('a change gives what a map would, says what came, changed and went, and leaves the older value as it was', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 60 }),
      fc.array(fc.tuple(texts(3), fc.array(fc.nat(99), { maxLength: 3 })), { maxLength: 20 }),
      (first, changes) => {
        const sealed = Array.from({ length: first }, (_, n) => seal(n, 'first', 1));
        let { content } = emptyContent.with(sealed, []);
        const model = new Map(sealed.map((each) => [keyOf(each), each]));
        let version = 1;
        for (const [written, removed] of changes) {
          version++;
          const upserts = written.map(([n, text]) => seal(n, text, text === 'a' ? 1 : version));
          const removals = removed.map((n) => (n % 2 === 0 ? `i/n${n}` : `c/n${n}`));
          const before = new Map(model);
          const older = [...content.records];
          const next = content.with(upserts, removals);
          for (const key of removals) model.delete(key);
          for (const each of upserts) model.set(keyOf(each), each);
          expect(content.records).toEqual(older);
          content = next.content;
          expect(content.records).toEqual([...model].sort(([x], [y]) => (x < y ? -1 : 1)).map(([, each]) => each));
          expect(content.bytes).toBe(content.records.reduce((sum, { bytes }) => sum + bytes.length, 0));
          const isChanged = ([key, each]: [string, SealedRecord]): boolean => before.get(key)?.hash !== each.hash;
          expect([...next.change.upserted].sort()).toEqual(
            [...model]
              .filter(isChanged)
              .map(([key]) => key)
              .sort(),
          );
          const replaced = [...before].filter(([key, each]) => model.get(key)?.hash !== each.hash);
          expect(new Set(next.change.previous)).toEqual(new Set(replaced.map(([, { record }]) => record.value)));
          expect(next.gone).toEqual([...before.keys()].filter((key) => !model.has(key)).sort());
          for (const key of ['i/n0', 'c/n1', 'i/n98', 'x', '']) expect(content.get(key)).toBe(model.get(key));
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('the same change says the same, in the same order, whether it is small or large for what there is', () => {
  fc.assert(
    fc.property(texts(4), fc.array(fc.nat(99), { maxLength: 3 }), (written, removed) => {
      const change = (count: number): unknown => {
        // Those beyond 100 are only there to make the rest small.
        const all = Array.from({ length: count }, (_, n) => seal(n < 60 ? n : n + 100, 'first', 1));
        const upserts = written.map(([n, text]) => seal(n, text, 2));
        const { change: said, gone } = emptyContent.with(all, []).content.with(
          upserts,
          removed.map((n) => (n % 2 === 0 ? `i/n${n}` : `c/n${n}`)),
        );
        return { said, gone };
      };
      expect(change(60)).toEqual(change(200));
    }),
    { numRuns: 40 },
  );
});

test('a whole new content keeps nothing of the old one', () => {
  const before = emptyContent.with([seal(0, 'x', 1), seal(2, 'x', 1)], []).content;
  const same = seal(2, 'x', 1);
  const { content, change, gone } = before.replacedBy([same, seal(4, 'x', 2)]);
  expect(content.records.map(keyOf)).toEqual(['i/n2', 'i/n4']);
  expect([change.upserted, gone]).toEqual([['i/n4'], ['i/n0']]);
});
