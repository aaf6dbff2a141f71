import { nodeId } from '@skein/core';
import type { Accusation } from '@skein/core';
import { KeyRing } from '@skein/sim';
import { expect, test } from 'vitest';

const alice = nodeId('n0001');
const bob = nodeId('n0002');
const ring = new KeyRing('secret');
const accusation: Accusation = {
  mesh: 'sim',
  accuser: alice,
  subject: bob,
  epoch: 1,
  incarnation: 0,
  reason: 'probe-timeout',
  sequence: 1,
};

test('what a node signed verifies, also as a copy that crossed a wire', () => {
  const signed = ring.notary(alice).sign('accusation', { ...accusation });
  expect(ring.notary(bob).verify('accusation', alice, signed)).toBe(true);
  expect(ring.notary(bob).verify('accusation', alice, structuredClone(signed))).toBe(true);
});

test('an altered value, altered bytes, another author, another kind and another world fail', () => {
  const signed = ring.notary(alice).sign('accusation', { ...accusation });
  const notary = ring.notary(bob);
  expect(notary.verify('accusation', alice, { ...signed, value: { ...accusation, incarnation: 9 } })).toBe(false);
  expect(notary.verify('accusation', alice, { ...signed, bytes: signed.bytes.slice(1) })).toBe(false);
  expect(notary.verify('accusation', alice, { ...signed, signature: new Uint8Array(16) })).toBe(false);
  expect(notary.verify('accusation', bob, signed)).toBe(false);
  expect(notary.verify('accusation', bob, structuredClone(signed))).toBe(false);
  expect(notary.verify('member', alice, signed)).toBe(false);
  expect(notary.verify('member', alice, structuredClone(signed))).toBe(false);
  expect(new KeyRing('other').notary(bob).verify('accusation', alice, signed)).toBe(false);
});

test('a node cannot sign in the name of another', () => {
  const forged = ring.notary(bob).sign('accusation', { ...accusation });
  expect(ring.notary(alice).verify('accusation', alice, forged)).toBe(false);
});

test('a signed value is frozen, so that it stays what was signed', () => {
  const signed = ring.notary(alice).sign('accusation', { ...accusation });
  expect(() => Object.assign(signed.value, { incarnation: 9 })).toThrow(TypeError);
});

test('the hash of a sealed record depends on its content and not on the order of its fields', () => {
  const notary = ring.notary(alice);
  const seal = (value: object): string => notary.seal(value as never).hash;
  expect(seal({ version: 1, value: { b: 2, a: [1, 'é'] } })).toBe(seal({ value: { a: [1, 'é'], b: 2 }, version: 1 }));
  expect(seal({ version: 1 })).not.toBe(seal({ version: 2 }));
  expect(notary.digest(['a', 'b'])).not.toBe(notary.digest(['b', 'a']));
});
