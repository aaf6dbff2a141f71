/** The reader of all YAML that people write: what it refuses, and that nothing costs more than its length. */

import { parseYaml, parseYamlItems, YamlError, yamlLimits } from '@skein/agent/yaml';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';

function refusal(text: string): string {
  try {
    parseYaml(text);
  } catch (error) {
    expect(error).toBeInstanceOf(YamlError);
    return (error as Error).message;
  }
  return 'none';
}

/** Each line ten times the one before. */
function laughs(lines: number): string {
  const rest = Array.from({ length: lines - 1 }, (_, at) => `l${at + 1}: &l${at + 1} [${Array(10).fill(`*l${at}`).join()}]`);
  return ['l0: &l0 [ha]', ...rest].join('\n');
}

const pastLimit = yamlLimits.depth + 1;

test('every value comes back as it was written, as YAML and as JSON, with what is shared by alias', () => {
  const value = fc.jsonValue({ maxDepth: 4 });
  fc.assert(
    fc.property(value, (each) => {
      const plain = JSON.parse(JSON.stringify(each)) as unknown;
      expect(parseYaml(JSON.stringify(plain))).toEqual([plain]);
      expect(parseYaml(stringify({ one: each, two: each }))).toEqual([{ one: plain, two: plain }]);
    }),
    { numRuns: 300, seed: 4 },
  );
});

test.each<[rule: string, text: string, values: unknown[]]>([
  ['a text has a value for each document', '--- 1\n---\n--- [a]\n', [1, null, ['a']]],
  ['no text is no document', '', []],
  [
    'an alias stands for the last anchor of its name',
    '[&a 1, *a, &a {b: 2}, *a, {c: *a, &a d: *a}]',
    [[1, 1, { b: 2 }, { b: 2 }, { c: { b: 2 }, d: 'd' }]],
  ],
  ['a key may carry an anchor', '{&a k: 1, l: *a}', [{ k: 1, l: 'k' }]],
  ['__proto__ is a key like others', '{"__proto__": {"x": 1}}', [JSON.parse('{"__proto__": {"x": 1}}')]],
  ['a version of YAML changes no meaning', '%YAML 1.1\n---\na: yes\n<<: {b: 1}\n', [{ a: 'yes', '<<': { b: 1 } }]],
  ['keys are texts', '1: a\nnull: b\ntrue: c\n', [{ 1: 'a', '': 'b', true: 'c' }]],
])('%s', (_, text, values) => {
  expect(parseYaml(text)).toEqual(values);
});

test('the items of a text are those of its lists and documents, without empty ones', () => {
  expect(parseYamlItems('- a: 1\n- b\n---\n---\nc: 2\n')).toEqual([{ a: 1 }, 'b', { c: 2 }]);
});

describe('refused, with the reason and the place:', () => {
  test.each<[rule: string, text: string, reason: string | RegExp]>([
    ['a word too many', 'a: b: c', /^neither YAML nor JSON: Nested mappings are not allowed .* at line 1, column 4$/],
    ['directives without a document', '%a\n', 'neither YAML nor JSON: Unknown directive %a at line 1, column 1'],
    ['an unknown tag', '- !boom a', 'neither YAML nor JSON: Unresolved tag: !boom at line 1, column 3'],
    ['a tag of what is no JSON', '!!binary aGk=', /^neither YAML nor JSON: Unresolved tag: .*binary/],
    ['a key that is there twice', 'a: 1\n"a": 2', 'the key "a" is there twice at line 2, column 1'],
    ['a key that is no text', '? [a]\n: 1', 'a key is not a plain text at line 1, column 3'],
    ['an alias of nothing', '- *a\n- &a 1', 'no anchor comes before the alias "a" at line 1, column 3'],
    [
      'an alias within what it stands for',
      'services: &a [*a, *a]',
      'the alias "a" stands for what it is in at line 1, column 15',
    ],
    [
      'an alias deep within what it stands for',
      '&a {b: [{c: *a}]}',
      'the alias "a" stands for what it is in at line 1, column 13',
    ],
    ['a bracket that closes nothing', ']', 'neither YAML nor JSON: a ] closes nothing'],
    ['aliases that multiply', laughs(9), `more than ${yamlLimits.nodes} values, with those that aliases stand for`],
    ['flow nested too deep', '['.repeat(pastLimit) + ']'.repeat(pastLimit), 'nested deeper than 64 levels'],
    ['blocks nested too deep', `${'- '.repeat(pastLimit)}a`, 'nested deeper than 64 levels'],
    ['keys nested too deep', `${'? '.repeat(pastLimit)}a`, /^(nested deeper than 64 levels|a key is not a plain text)/],
    [
      'depth by alias',
      `- &a ${'['.repeat(40)}${']'.repeat(40)}\n- ${'['.repeat(40)}*a${']'.repeat(40)}`,
      'nested deeper than 64 levels',
    ],
    ['blocks nested past any stack', `${'- '.repeat(100_000)}a`, 'nested deeper than 64 levels'],
    ['brackets without an end', '['.repeat(yamlLimits.length), 'nested deeper than 64 levels'],
    ['a text that is too long', ' '.repeat(yamlLimits.length + 1), 'longer than 1048576 characters'],
    ['too many words', '- a\n'.repeat(200_000), 'more than 524288 words and signs: split it'],
  ])('%s', (_, text, reason) => {
    expect(refusal(text)).toMatch(reason);
  });
});

test('as many values as the limit says are read, and one level less than too many', () => {
  expect(parseYaml(laughs(5))).toHaveLength(1);
  expect(parseYaml('['.repeat(64) + ']'.repeat(64))).toHaveLength(1);
});

test('many keys, anchors, aliases and merges cost no more than their number', () => {
  const keys = Array.from({ length: 60_000 }, (_, at) => `k${at}: 1`).join('\n');
  expect(parseYaml(keys)).toHaveLength(1);
  const anchors = Array.from({ length: 20_000 }, (_, at) => `- &a${at} 1`).join('\n');
  const aliases = Array.from({ length: 20_000 }, (_, at) => `*a${at}`).join();
  expect(parseYaml(`${anchors}\n- &z [${aliases}]\n- *z\n`)).toHaveLength(1);
  const merges = `- &a {${Array.from({ length: 30_000 }, (_, at) => `k${at}`).join()}}\n${'- {<<: *a}\n'.repeat(3000)}`;
  expect(refusal(`%YAML 1.1\n---\n${merges}`)).toContain('with those that aliases stand for');
});

test('any text is values or a reason in one line', () => {
  const unit = fc.constantFrom(
    'a',
    ':',
    ' ',
    '\n',
    '-',
    '[',
    ']',
    '{',
    '}',
    '&',
    '*',
    '!',
    '"',
    '#',
    '|',
    '?',
    '\t',
    '&a ',
    '*a',
    ',',
    '%',
  );
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit, maxLength: 60 }), fc.string()), (text) => {
      const reason = refusal(text);
      expect(reason).not.toContain('\n');
      expect(reason.length).toBeLessThan(500);
    }),
    { numRuns: 3000, seed: 5 },
  );
});
