/** A count of what happened lately, against a list of it. */

import { FadingCount } from '@skein/core/parts';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';

test('one is forgotten each so often, beginning when the count leaves zero', () => {
  const count = new FadingCount(100);
  expect(count.at(950)).toBe(0);
  for (let i = 0; i < 3; i++) count.add(950);
  expect([1049, 1050, 1149, 1150, 1249, 1250].map((now) => count.at(now))).toEqual([3, 2, 2, 1, 1, 0]);
  count.add(1299);
  expect([1398, 1399].map((now) => count.at(now))).toEqual([1, 0]);
});

test('the time until one less is left is what it says', () => {
  const count = new FadingCount(100);
  count.add(0);
  count.add(30);
  expect([0, 99, 100, 150].map((now) => [count.at(now), count.nextMs(now)])).toEqual([
    [2, 100],
    [2, 1],
    [1, 100],
    [1, 50],
  ]);
});

test('no time of any length has more added within a most than that most and one for each of its parts', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.nat({ max: 120 }), { maxLength: 60 }),
      (everyMs, most, waits) => {
        const count = new FadingCount(everyMs);
        const added: number[] = [];
        let now = 0;
        for (const wait of waits) {
          now += wait;
          if (count.at(now) >= most) continue;
          count.add(now);
          added.push(now);
        }
        for (const [first, from] of added.entries())
          for (const [last, to] of added.entries())
            if (last >= first) expect(last - first + 1).toBeLessThanOrEqual(most + Math.floor((to - from) / everyMs));
      },
    ),
  );
});

test('looking at it changes nothing', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat({ max: 250 }), fc.boolean()), { maxLength: 40 }), (steps) => {
      const [often, seldom] = [new FadingCount(100), new FadingCount(100)];
      let now = 0;
      for (const [wait, isAdded] of steps) {
        now += wait;
        often.at(now);
        if (isAdded) for (const count of [often, seldom]) count.add(now);
      }
      expect(often.at(now)).toBe(seldom.at(now));
    }),
  );
});
