/** What a story cannot get hold of while it runs, and what it may. */

import crypto, { createHash, randomBytes, randomFillSync, randomInt, randomUUID, webcrypto } from 'node:crypto';
import { performance as hooked } from 'node:perf_hooks';
import { setTimeout as timer } from 'node:timers';
import { guarded } from '@skein/sim/guard';
import { expect, test } from 'vitest';

test.each<readonly [string, () => unknown, string]>([
  ['chance', () => Math.random(), 'sim.random(k) draws from the seed'],
  ['chance of the web', () => globalThis.crypto.getRandomValues(new Uint8Array(1)), 'sim.random(k)'],
  ['chance of the web, by import', () => webcrypto.randomUUID(), 'sim.random(k)'],
  ['a number of node:crypto, by import', () => randomInt(5), 'crypto.randomInt() is not for simulations'],
  ['bytes of node:crypto, by import', () => randomBytes(1), 'sim.random(k)'],
  ['bytes that are filled in', () => randomFillSync(new Uint8Array(1)), 'sim.random(k)'],
  ['an id of node:crypto, by import', () => randomUUID(), 'sim.random(k)'],
  ['a number of the module itself', () => crypto.randomInt(5), 'sim.random(k)'],
  ['the time', () => new Date(), 'scene.nowMs is the time'],
  ['the time as text', () => Date(), 'scene.nowMs'],
  ['the time as a number', () => Date.now(), 'scene.nowMs'],
  ['a clock by import', () => hooked.now(), 'scene.nowMs'],
  ['the age of the process', () => process.uptime(), 'scene.nowMs'],
  ['a timer by import', () => timer(() => {}, 1), "sim.at('10s') says when"],
  ['the end of the process', () => process.exit(0), 'process.exit() is not for simulations, which would end without a result'],
])('%s is refused while a story runs, with what to do instead, and is there again afterwards', (_, real, instead) => {
  const before = reals();
  expect(() => guarded(real)).toThrow(instead);
  expect(reals()).toEqual(before);
  expect(randomInt(1)).toBe(0);
});

/** What the guard puts others in the place of. */
function reals(): readonly unknown[] {
  const { exit } = process as { exit: unknown };
  return [Math.random, randomInt, exit, Date, timer];
}

test('what is the same every time is no business of the guard: hashes, and dates of a given time', () => {
  const same = (): string => createHash('sha256').update(new Date(0).toISOString()).digest('hex');
  expect(guarded(same)).toBe(same());
});
