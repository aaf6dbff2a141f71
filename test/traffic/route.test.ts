import { expect, test } from 'vitest';
import * as fc from 'fast-check';
import { validateConfig, validateRoute } from '@skein/traffic';

const refs = [{ name: 'orders' }];
const path = (value: unknown, type?: unknown): unknown => ({
  rules: [{ matches: [{ path: { value, type } }], backendRefs: refs }],
});
const header = (...headers: unknown[]): unknown => ({ rules: [{ matches: [{ headers }], backendRefs: refs }] });
const backend = (...backendRefs: unknown[]): unknown => ({ rules: [{ backendRefs }] });
const many = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item);

test('a route with every field is accepted', () => {
  const route = {
    hostnames: ['shop.example', '*.shop.example', 'localhost', '10.0.0.1'],
    rules: [
      {
        name: 'canary',
        matches: [
          {
            path: { type: 'Exact', value: '/a%20b' },
            headers: [{ type: 'Exact', name: 'X-Group', value: 'beta 1' }],
            method: 'GET',
          },
          { path: { value: '/' } },
        ],
        backendRefs: [
          { name: 'orders', weight: 0 },
          { name: 'Orders_2', weight: 1_000_000 },
        ],
        timeouts: { request: '1h2m3s4ms' },
        retry: { attempts: 0 },
      },
      { backendRefs: refs, matches: [], timeouts: {}, retry: {} },
    ],
  };
  expect(validateRoute(route)).toBeUndefined();
});

test.each<[unknown, string]>([
  [null, 'must be an object, not null'],
  ['text', 'must be an object, not a string'],
  [[], 'must be an object, not a list'],
  [{}, 'rules: is missing'],
  [{ rules: [] }, 'rules: must have at least 1 item'],
  [{ rules: {} }, 'rules: must be a list, not an object'],
  [{ rules: many(65, { backendRefs: refs }) }, 'rules: has 65 items; the limit is 64'],
  [{ rules: [7] }, 'rules[0]: must be an object, not a number'],
  [{ rules: [{}] }, 'rules[0].backendRefs: is missing'],
  [{ rules: [{ backendRefs: refs }], host: 'x' }, 'host: unknown key; did you mean "hostnames"?'],
  [{ rules: [{ backendRefs: refs }], ruels: [] }, 'ruels: unknown key; did you mean "rules"?'],
  [{ rules: [{ backendRefs: refs }], 'odd key\n': 1 }, '"odd key\\n": unknown key'],
  [{ rules: [{ backendRefs: refs, filters: [] }] }, 'rules[0].filters: unknown key'],
  [{ rules: [{ backendRefs: refs }], hostnames: many(17, 'a') }, 'hostnames: has 17 items; the limit is 16'],
  [
    { rules: [{ backendRefs: refs }], hostnames: ['a', 'A'] },
    'hostnames[1]: must be a lower-case host name without port, or "*." and one',
  ],
  [
    { rules: [{ backendRefs: refs }], hostnames: ['a:80'] },
    'hostnames[0]: must be a lower-case host name without port, or "*." and one',
  ],
  [
    { rules: [{ backendRefs: refs }], hostnames: ['a.*'] },
    'hostnames[0]: must be a lower-case host name without port, or "*." and one',
  ],
  [{ rules: [{ backendRefs: refs }], hostnames: [''] }, 'hostnames[0]: must not be empty'],
  [path('order'), 'rules[0].matches[0].path.value: must start with "/"'],
  [path('/a//b'), 'rules[0].matches[0].path.value: must not contain "//", "/./" or "/../"'],
  [path('/a/..'), 'rules[0].matches[0].path.value: must not contain "//", "/./" or "/../"'],
  [path('/a/%2e%2E'), 'rules[0].matches[0].path.value: must not contain "//", "/./" or "/../"'],
  [path('/a/./b'), 'rules[0].matches[0].path.value: must not contain "//", "/./" or "/../"'],
  [path('/a?b'), 'rules[0].matches[0].path.value: must not contain "?" or "#": only the path is matched'],
  [path('/a%2Fb'), 'rules[0].matches[0].path.value: must not contain an encoded "/"'],
  [path('/ä'), 'rules[0].matches[0].path.value: must be visible ASCII without spaces; percent-encode the rest'],
  [path(`/${'a'.repeat(1024)}`), 'rules[0].matches[0].path.value: is 1025 characters long; the limit is 1024'],
  [path(7), 'rules[0].matches[0].path.value: must be text, not a number'],
  [path('/a', 'Prefix'), 'rules[0].matches[0].path.type: must be one of Exact, PathPrefix; did you mean "PathPrefix"?'],
  [path('/a', 'RegularExpression'), 'rules[0].matches[0].path.type: must be one of Exact, PathPrefix'],
  [header({ name: 'a b', value: 'x' }), 'rules[0].matches[0].headers[0].name: is not a header name'],
  [header({ name: 'a', value: ' x' }), 'rules[0].matches[0].headers[0].value: is not a header value'],
  [header({ name: 'a', value: 'x\r\ny' }), 'rules[0].matches[0].headers[0].value: is not a header value'],
  [header({ name: 'a' }), 'rules[0].matches[0].headers[0].value: is missing'],
  [
    header({ name: 'A', value: '1' }, { name: 'a', value: '2' }),
    'rules[0].matches[0].headers[1].name: "a" is matched twice; one match may name a header once',
  ],
  [
    { rules: [{ matches: [{}, { method: 'get' }], backendRefs: refs }] },
    'rules[0].matches[1].method: must be one of GET, HEAD, POST, PUT, DELETE, CONNECT, OPTIONS, TRACE, PATCH; did you mean "GET"?',
  ],
  [backend(), 'rules[0].backendRefs: must have at least 1 item'],
  [backend({ service: 'orders' }), 'rules[0].backendRefs[0].service: unknown key; did you mean "name"?'],
  [backend({ name: 'a/b' }), 'rules[0].backendRefs[0].name: is not a service name'],
  [backend({ name: 'a', weight: -1 }), 'rules[0].backendRefs[0].weight: must be a whole number from 0 to 1000000'],
  [backend({ name: 'a', weight: 0.5 }), 'rules[0].backendRefs[0].weight: must be a whole number from 0 to 1000000'],
  [backend({ name: 'a', weight: '1' }), 'rules[0].backendRefs[0].weight: must be a whole number from 0 to 1000000'],
  [
    { rules: [{ backendRefs: refs, timeouts: { request: '15' } }] },
    'rules[0].timeouts.request: must be a duration such as "15s", "1m30s" or "250ms"',
  ],
  [
    { rules: [{ backendRefs: refs, timeouts: { request: '-1s' } }] },
    'rules[0].timeouts.request: must be a duration such as "15s", "1m30s" or "250ms"',
  ],
  [{ rules: [{ backendRefs: refs, retry: { attempts: 11 } }] }, 'rules[0].retry.attempts: must be a whole number from 0 to 10'],
  [{ rules: [{ backendRefs: refs, retry: { count: 1 } }] }, 'rules[0].retry.count: unknown key; did you mean "attempts"?'],
])('%j is refused with the path of the offending key', (value, reason) => {
  expect(validateRoute(value)).toBe(reason);
});

test('no JSON value makes the check throw', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      validateRoute(value);
      validateRoute({ hostnames: value, rules: value });
      validateRoute({ rules: [{ backendRefs: value, matches: value, timeouts: value, retry: value }] });
    }),
    { numRuns: 500, seed: 7 },
  );
});

test('keys that every object has are unknown keys like others', () => {
  expect(validateRoute(JSON.parse('{"rules":[{"backendRefs":[{"name":"a"}]}],"__proto__":{}}'))).toBe('__proto__: unknown key');
  expect(validateRoute({ rules: [{ backendRefs: refs }], constructor: 1 })).toBe('constructor: unknown key');
});

test('entries of kinds that are not applied are not judged', () => {
  expect(validateConfig('route', 'r', 7)).toBe('must be an object, not a number');
  expect(validateConfig('intention', 'r', 7)).toBeUndefined();
});
