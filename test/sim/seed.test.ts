import { ScenarioError, seedNumber, seedText } from '@skein/sim';
import { expect, test } from 'vitest';

test('one to eight hexadecimal digits are a number, in either case, and other text is a word', () => {
  expect(seedNumber('1f')).toBe(31);
  expect(seedNumber('DEADBEEF')).toBe(0xdeadbeef);
  expect(seedNumber('deadbeef')).toBe(0xdeadbeef);
  expect(seedNumber('0000001F')).toBe(31);
  expect(seedNumber('commit 43d2bbb')).not.toBe(seedNumber('commit 43d2bbc'));
  expect(seedText(seedNumber('a word'))).toMatch(/^[0-9a-f]{8}$/);
});

test('a number is that seed, and is printed as hexadecimal digits that give it again', () => {
  for (const seed of [0, 1, 118, 0xffffffff]) expect(seedNumber(seedText(seed))).toBe(seed);
  expect(seedText(118)).toBe('00000076');
});

test.each([
  [-1, 'seed: -1 is not from 0 to 4294967295'],
  [2 ** 32, 'seed: 4294967296 is not from 0 to 4294967295'],
  [1.5, 'seed: 1.5 is neither an integer nor text'],
  ['', "seed: '' is no seed"],
  ['0x1f', "seed: '0x1f' is no seed"],
  ['123456789', "seed: '123456789' is no seed"],
  ['-5', "seed: '-5' is no seed"],
  ['31 ', "seed: '31 ' is no seed"],
  [' a word', "seed: ' a word' is no seed"],
  ['x'.repeat(65), "seed: 'xxx"],
])('the seed %o is refused, since it could be meant as another one', (seed, message) => {
  expect(() => seedNumber(seed)).toThrow(message);
  expect(() => seedNumber(seed)).toThrow(ScenarioError);
});
