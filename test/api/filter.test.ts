/** The filter language: what go-bexpr 0.1.2, which Consul 1.21 has, accepts, refuses and finds. */

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  checkFields,
  compileFilter,
  FilterError,
  filterLimits,
  healthEntryFields,
  memberFields,
  serviceFields,
} from '@skein/api';

const entry = {
  Node: { Node: 'alpha', Address: '10.0.0.1', Meta: { rack: 'r1', 'a.b': 'dotted' }, TaggedAddresses: { lan: '10.0.0.1' } },
  Service: {
    ID: 'web-1',
    Service: 'web',
    Tags: ['v1', 'Primary'],
    Port: 8080,
    Address: '',
    Meta: { version: '2', not: 'x' },
    Weights: { Passing: 10, Warning: 1 },
    EnableTagOverride: false,
    TaggedAddresses: { wan: { Address: '1.2.3.4', Port: 443 } },
  },
  Checks: [
    { CheckID: 'serfHealth', Status: 'passing', ServiceTags: [] },
    { CheckID: 'service:web-1', Status: 'warning', Output: 'slow "disk"', ServiceTags: ['v1'] },
  ],
};

test.each([
  ['Node.Node == alpha', true],
  ['Node.Node == "alpha"', true],
  ['Node.Node==`alpha`', true],
  ['Node.Node != alpha', false],
  ['Service.Port == 8080', true],
  ['Service.Port == "0x1F90"', true],
  ['Service.Port != "8080"', false],
  ['Service.EnableTagOverride == false', true],
  ['Service.EnableTagOverride == t', false],
  ['Service.Weights.Passing == 10', true],
  ['v1 in Service.Tags', true],
  ['"V1" in Service.Tags', false],
  ['v2 not in Service.Tags', true],
  ['Service.Tags contains Primary', true],
  ['Service.Tags not contains Primary', false],
  ['Service.Tags is empty', false],
  ['Service.Tags is not empty', true],
  ['al in Node.Node', true],
  ['Node.Node contains `ph`', true],
  ['Node.Node matches "^al.*a$"', true],
  ['Node.Node matches `^\\w+$`', true],
  ['Node.Node not matches "^b"', true],
  ['Node.Meta.rack == r1', true],
  ['Node.Meta["a.b"] == dotted', true],
  ['Node.Meta[ `a.b` ] == dotted', true],
  ['rack in Node.Meta', true],
  ['Node.Meta contains shelf', false],
  ['Service.Meta.not == x', true],
  ['Service.TaggedAddresses.wan.Port == 443', true],
  ['wan in Service.TaggedAddresses', true],
  ['Service.TaggedAddresses["lan"].Address == "1.2.3.4"', false],
  ['not Node.Node == beta', true],
  ['not not Node.Node == alpha', true],
  ['not in Node.Meta', false],
  ['not not in Node.Meta', true],
  ['Service.Port == "8_080"', true],
  ['not(Node.Node == alpha)', undefined],
  ['not ( Node.Node == alpha )', false],
  ['Node.Node == beta or Service.Port == 8080 and v1 in Service.Tags', true],
  ['(Node.Node == beta or Service.Port == 8080) and v2 in Service.Tags', false],
  ['Node.Node == alpha and (Node.Node == beta or (v1 in Service.Tags))', true],
  ['\t( Node.Node == alpha )\n', true],
  ['Node.Node == "al\\x70\\u0068a"', true],
])('%s is %s', (text, expected) => {
  if (expected === undefined) expect(() => compileFilter(text, healthEntryFields)).toThrow(FilterError);
  else expect(compileFilter(text, healthEntryFields)(entry)).toBe(expected);
});

test.each([
  ['Checks.Status == warning', true],
  ['Checks.Status == critical', false],
  ['Checks.Status != passing', true],
  ['Checks is not empty', true],
  ['v1 in Checks.ServiceTags', true],
  ['Checks.Output contains `"disk"`', true],
])('what is said of a list of objects holds if it holds for any of them: %s is %s', (text, expected) => {
  expect(compileFilter(text, healthEntryFields)(entry)).toBe(expected);
});

test.each([
  ['Node.Meta.none == ""', false],
  ['Node.Meta.none != x', true],
  ['x in Node.Meta.none', false],
  ['x not in Node.Meta.none', true],
  ['Node.Meta.none matches "."', true],
  ['Node.Meta.none not matches "."', true],
])('a key that a map does not have: %s is %s, as in go-bexpr 0.1.2', (text, expected) => {
  expect(compileFilter(text, healthEntryFields)(entry)).toBe(expected);
});

test('a field that an answer leaves out has the zero value of its type', () => {
  const keep = (text: string): boolean => compileFilter(text, serviceFields)({});
  expect(keep('Kind == ""')).toBe(true);
  expect(keep('Port == 0')).toBe(true);
  expect(keep('EnableTagOverride == false')).toBe(true);
  expect(keep('Tags is empty')).toBe(true);
  expect(keep('Meta is empty')).toBe(true);
  expect(keep('Proxy.Upstreams.LocalBindPort == 1')).toBe(false);
  expect(keep('Connect.Native == true')).toBe(false);
});

const refusals: readonly (readonly [string, string])[] = [
  ['Node.Nod == x', 'Selector "Node.Nod" is not valid'],
  ['constructor == x', 'Selector "constructor" is not valid'],
  ['Node == x', 'Invalid match operator "Equal" for selector "Node"'],
  ['Service.Port contains 80', 'Invalid match operator "In" for selector "Service.Port"'],
  ['Service.Port matches "80"', 'Invalid match operator "Matches" for selector "Service.Port"'],
  ['Service.Tags == v1', 'Invalid match operator "Equal" for selector "Service.Tags"'],
  ['Node.Node is empty', 'Invalid match operator "Is Empty" for selector "Node.Node"'],
  ['Service.Port == many', 'Failed to coerce value "many" for selector "Service.Port"'],
  ['Service.EnableTagOverride == yes', 'strconv.ParseBool'],
  ['Node.Node matches "(?=a)"', 'Failed to compile regular expression "(?=a)": error parsing regexp'],
  ['Node.Node matches "a(b"', 'missing closing )'],
  ['Node.Node matches "((a{900}){900})"', 'invalid repeat count'],
  ['Node.Node == "open', '1:14 (13): Unterminated string literal'],
  ['Node.Node == ', '1:14 (13): no match found, expected: a value'],
  ['Node.Node', '1:10 (9): no match found, expected: an operator'],
  ['Node.Node == a b', '1:16 (15): no match found, expected: the end'],
  ['(Node.Node == a', '1:16 (15): Unmatched parentheses'],
  ['Node.Meta[rack] == a', 'Invalid index'],
  ['Node.Meta["rack" == a', 'Unclosed index expression'],
  ['Service.Port == 08', 'Invalid number literal'],
  ['Service.Port == 9223372036854775808', 'strconv.ParseInt: parsing "9223372036854775808": value out of range'],
  ['Service.Port != -9223372036854775809', 'value out of range'],
  ['Service.Port == "0xfffffffffffffffff"', 'value out of range'],
  ['Service.Port == 1x', 'Invalid number literal'],
  ['a in 5', 'Invalid selector'],
  ['Node.Node =! a', 'expected: an operator'],
  ['all Checks as c { c.Status == x }', 'no match found'],
  ['"/Node/Node" == alpha', 'no match found'],
  ['Node.Node == "a\nb"', 'invalid syntax in a string literal'],
  [' ', 'no match found'],
];

test.each(refusals)('%s is refused with: %s', (text, reason) => {
  expect(() => compileFilter(text, healthEntryFields)).toThrow(FilterError);
  expect(() => compileFilter(text, healthEntryFields)).toThrow(reason);
  expect(() => compileFilter(text, healthEntryFields)).toThrow(/^Failed to create boolean expression evaluator: /);
});

test('a filter is limited in length, depth, number of matches, and size of its regular expressions', () => {
  const refused = (text: string): string => {
    try {
      compileFilter(text, checkFields);
    } catch (error) {
      return (error as Error).message;
    }
    return '';
  };
  expect(refused(`Name == "${'x'.repeat(filterLimits.length)}"`)).toContain('characters');
  expect(refused(`${'('.repeat(200)}Name == x${')'.repeat(200)}`)).toContain('nested deeper');
  expect(refused(`${'not '.repeat(200)}Name == x`)).toContain('nested deeper');
  expect(refused(Array.from({ length: 120 }, () => 'Name == x').join(' or '))).toBe('');
  expect(refused(Array.from({ length: 200 }, () => 'Name == x').join(' or '))).toMatch(/nested deeper|more than/);
  expect(refused(`Name matches "${'a'.repeat(600)}"`)).toContain('the limit is 512');
  expect(refused('Name matches "([a-f]{100}[g-z]{100}){9}([a-f]{100}[g-z]{100}){9}([a-f]{100}[g-z]{100}){9}"')).toContain(
    'instructions',
  );
});

test('a regular expression that would backtrack for ages elsewhere is answered, or ends with its budget', () => {
  const keep = compileFilter('Output matches "(a+)+$"', checkFields);
  expect(keep({ Output: `${'a'.repeat(4000)}b` })).toBe(false);
  const greedy = compileFilter('Output matches "([a-z]{0,30}){30}[^a]"', checkFields);
  expect(() => {
    for (let i = 0; i < 100_000; i++) greedy({ Output: 'a'.repeat(4000) });
  }).toThrow('take too long');
});

test('members are selected by name, tags and the number of their status', () => {
  const keep = compileFilter('Status == 1 and Tags.role == consul and Name matches "^al"', memberFields);
  expect(keep({ Name: 'alpha', Status: 1, Tags: { role: 'consul' } })).toBe(true);
  expect(keep({ Name: 'alpha', Status: 4, Tags: { role: 'consul' } })).toBe(false);
});

const word = fc.constantFrom(
  ...'Node.Node Checks.Status Service.Tags Node.Meta["k"] Service.Port "text" `raw` bare 42 -1.5'.split(' '),
  ...'== != in not contains matches is empty and or ( ) [ ] " ` . \\ {'.split(' '),
);

test('any text is a filter or is refused with a reason, and never anything else', () => {
  const anyFilter = fc.oneof(
    fc.array(word, { maxLength: 24 }).map((words) => words.join(' ')),
    fc.array(word, { maxLength: 24 }).map((words) => words.join('')),
    fc.string({ unit: 'binary', maxLength: 200 }),
  );
  fc.assert(
    fc.property(anyFilter, (text) => {
      try {
        expect(typeof compileFilter(text, healthEntryFields)(entry)).toBe('boolean');
      } catch (error) {
        expect(error).toBeInstanceOf(FilterError);
      }
    }),
    { numRuns: 3000 },
  );
});

test('regular expressions that are large in sum are refused before an entry is looked at; equal ones count once', () => {
  const filter = (source: (at: number) => string): string =>
    Array.from({ length: 100 }, (_, at) => `Node.Node matches "${source(at)}"`).join(' or ');
  const large = filter((at) => `a{99${at % 10}}b{9${at}}`.slice(0, 12));
  expect(() => compileFilter(large, healthEntryFields)).toThrow('too many for their size');
  expect(
    compileFilter(
      filter(() => 'l{990}p'),
      healthEntryFields,
    )(entry),
  ).toBe(false);
  expect(
    compileFilter(
      filter((at) => `^web-${at}$`),
      healthEntryFields,
    )(entry),
  ).toBe(false);
});

interface Tree {
  readonly text: string;
  readonly holds: boolean;
}

test('and, or, not and parentheses mean what they mean in logic', () => {
  const facts: readonly Tree[] = [
    { text: 'Node.Node == alpha', holds: true },
    { text: 'Node.Node == beta', holds: false },
    { text: 'v1 in Service.Tags', holds: true },
  ];
  const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 6 },
      fc.constantFrom(...facts),
      fc.tuple(tie('tree'), tie('tree'), fc.boolean()).map(([a, b, isAnd]) => ({
        text: `(${a.text}) ${isAnd ? 'and' : 'or'} (${b.text})`,
        holds: isAnd ? a.holds && b.holds : a.holds || b.holds,
      })),
      tie('tree').map((a) => ({ text: `not (${a.text})`, holds: !a.holds })),
    ),
  }));
  fc.assert(
    fc.property(tree, ({ text, holds }) => {
      fc.pre(text.length <= filterLimits.length && text.split(' == ').length + text.split(' in ').length < 120);
      expect(compileFilter(text, healthEntryFields)(entry)).toBe(holds);
    }),
  );
});
