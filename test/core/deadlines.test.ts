/** Named deadlines against a naive model, and their memory. */

import { Deadlines } from '@skein/core/parts';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';

interface Model {
  /** In the order of setting, which breaks ties. */
  readonly set: { key: string; at: number }[];
}

const remove = (model: Model, key: string): void => {
  const i = model.set.findIndex((entry) => entry.key === key);
  if (i >= 0) model.set.splice(i, 1);
};
const earliest = (model: Model): { key: string; at: number } | undefined =>
  model.set.reduce<Model['set'][number] | undefined>(
    (best, entry) => (best === undefined || entry.at < best.at ? entry : best),
    undefined,
  );

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const at = fc.integer({ min: 0, max: 20 });
const act = fc.oneof(
  fc.record({ do: fc.constant('set' as const), key, at }),
  fc.record({ do: fc.constant('earlier' as const), key, at }),
  fc.record({ do: fc.constant('clear' as const), key, at }),
  fc.record({ do: fc.constant('take' as const), key, at }),
);

test('deadlines come due as a plain list would give them', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 200 }), (acts) => {
      const deadlines = new Deadlines();
      const model: Model = { set: [] };
      for (const each of acts) {
        const known = model.set.find((entry) => entry.key === each.key);
        if (each.do === 'set' || (each.do === 'earlier' && (known === undefined || known.at > each.at))) {
          remove(model, each.key);
          model.set.push({ key: each.key, at: each.at });
        }
        if (each.do === 'set') deadlines.set(each.key, each.at);
        else if (each.do === 'earlier') deadlines.setEarlier(each.key, each.at);
        else if (each.do === 'clear') {
          deadlines.clear(each.key);
          remove(model, each.key);
        } else {
          const due = earliest(model);
          const expected = due !== undefined && due.at <= each.at ? due : undefined;
          expect(deadlines.takeDue(each.at)).toEqual(expected === undefined ? undefined : expect.objectContaining(expected));
          if (expected !== undefined) remove(model, expected.key);
        }
        expect(deadlines.next()).toBe(earliest(model)?.at);
        for (const name of ['a', 'b', 'c', 'd', 'e'])
          expect(deadlines.has(name)).toBe(model.set.some((entry) => entry.key === name));
      }
    }),
    { numRuns: 500 },
  );
});

test('of two at one time, the one that was set first comes first', () => {
  const deadlines = new Deadlines();
  for (const name of ['x', 'y', 'z']) deadlines.set(name, 5);
  deadlines.set('x', 5);
  const order = Array.from({ length: 4 }, () => deadlines.takeDue(5)?.key);
  expect(order).toEqual(['y', 'z', 'x', undefined]);
});

test('a deadline a day away that is moved three million times does not leave as many traces', () => {
  const deadlines = new Deadlines();
  deadlines.set('sooner', 500_000);
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 3_000_000; i++) deadlines.set('ttl/a', 86_400_000 + i);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(60_000_000);
  expect(deadlines.next()).toBe(500_000);
  expect(deadlines.takeDue(500_000)?.key).toBe('sooner');
  expect(deadlines.next()).toBe(89_399_999);
});
