/** Named deadlines against a naive model, and their memory. */

import { nodeId } from '@skein/core';
import { Deadlines } from '@skein/core/parts';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeTurn } from './fixture.ts';

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

test('a deadline that is over when it is set is no sign that we stood still; one that was awaited is', () => {
  const turn = makeTurn(nodeId('n0'));
  turn.deadlines.set('reap/x', turn.now - 3_600_000);
  turn.begin(turn.now + 1);
  expect(turn.lateMs).toBe(1);
  expect(turn.verdictsAt).toBeLessThan(turn.now);
  turn.begin(turn.now + 2000);
  expect(turn.verdictsAt).toBe(turn.now + 2001);
  turn.begin(turn.now + 60_000);
  expect(turn.verdictsAt).toBe(turn.now + 5000);
});

test.each([0, -500])('a deadline that sets itself again %i ms from now leaves time for something else', (inMs) => {
  const turn = makeTurn(nodeId('n0'));
  turn.again('sync-round', inMs);
  expect(turn.deadlines.takeDue(turn.now)).toBeUndefined();
  expect(turn.deadlines.next()).toBe(turn.now + 1);
});
