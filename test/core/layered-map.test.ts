/** A map over a shared base against a plain Map that began with the same content. */

import { LayeredMap } from '@skein/core/parts';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

interface Box {
  n: number;
}

const key = fc.integer({ min: 0, max: 12 }).map(String);
const base = fc.array(fc.tuple(key, fc.nat()), { maxLength: 10 });
/** Sets a value, deletes (undefined), or changes in place (negative). */
const acts = fc.array(fc.tuple(key, fc.option(fc.integer({ min: -50, max: 50 }), { nil: undefined })), { maxLength: 60 });

function boxes(entries: readonly (readonly [string, number])[]): Map<string, Box> {
  return new Map(entries.map(([name, n]) => [name, { n }]));
}

describe('a layered map', () => {
  test('is what a Map with the content of its base would be, in order too, after any history', () => {
    fc.assert(
      fc.property(base, acts, (content, history) => {
        const model = boxes(content);
        const shared = boxes(content);
        for (const box of shared.values()) Object.freeze(box);
        const map = new LayeredMap<string, Box>(shared);
        for (const [name, n] of history) {
          if (n === undefined) expect(map.delete(name)).toBe(model.delete(name));
          else if (n >= 0) expect(map.set(name, { n }).get(name)).toEqual(model.set(name, { n }).get(name));
          else {
            const row = map.writable(name, (box) => ({ ...box }));
            const known = model.get(name);
            if (row !== undefined) row.n = n;
            if (known !== undefined) known.n = n;
          }
          expect(map.size).toBe(model.size);
          expect(map.has(name)).toBe(model.has(name));
          expect(map.get(name)).toEqual(model.get(name));
        }
        expect([...map]).toEqual([...model]);
        expect([...map.keys()]).toEqual([...model.keys()]);
        expect([...map.values()]).toEqual([...model.values()]);
        expect(map.flat()).toEqual(model);
        expect(shared).toEqual(boxes(content));
      }),
      { numRuns: 300 },
    );
  });

  test('copies a value of the base once, however often it is written to', () => {
    const shared = boxes([['a', 1]]);
    const map = new LayeredMap<string, Box>(shared);
    const copy = (box: Box): Box => ({ ...box });
    expect([...map.owned()]).toEqual([]);
    const row = map.writable('a', copy);
    expect(row).not.toBe(shared.get('a'));
    expect(map.writable('a', copy)).toBe(row);
    expect([...map.owned()]).toEqual([{ n: 1 }]);
  });
});
