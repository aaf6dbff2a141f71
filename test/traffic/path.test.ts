import { expect, test } from 'vitest';
import { RouteTable, explainRoute, normalPath } from '@skein/traffic';
import { fakeRoute } from './fake-view.ts';

test.each([
  ['/', '/'],
  ['/order', '/order'],
  ['/order/../admin', '/admin'],
  ['/order/%2e%2e/admin', '/admin'],
  ['/order/.%2E/admin', '/admin'],
  ['/../../etc', '/etc'],
  ['/a/b/..', '/a/'],
  ['/a/b/.', '/a/b/'],
  ['/..', '/'],
  ['/a/./b/', '/a/b/'],
  ['/a//../b', '/a/b'],
  ['//order', '//order'],
  ['/a/...', '/a/...'],
  ['/.well-known/x', '/.well-known/x'],
  ['/%6frder/%7Eme', '/order/~me'],
  ['/a%2fb', '/a%2Fb'],
  ['/a/..%2fb', '/a/..%2Fb'],
  ['/%252e%252e/b', '/%252e%252e/b'],
  ['/caf%c3%a9', '/caf%C3%A9'],
  ['/100%', '/100%'],
  ['/%zz', '/%zz'],
])('the normal form of %s is %s, and stays so', (path, normal) => {
  expect(normalPath(path)).toBe(normal);
  expect(normalPath(normal)).toBe(normal);
});

const tableOf = (value: string): RouteTable =>
  new RouteTable([fakeRoute('r', { rules: [{ matches: [{ path: { value } }], backendRefs: [{ name: 'a' }] }] })], 1);
const get = (path: string) => ({ host: 'x', path, method: 'GET', headers: {} });

test('the path of a rule is compared in its normal form too', () => {
  expect(tableOf('/%6frder').match(get('/order/1'))?.route).toBe('r');
  expect(tableOf('/caf%c3%a9').match(get('/caf%C3%A9'))?.route).toBe('r');
});

test('explain takes a path as a proxy does, and shows the one that decides', () => {
  const table = tableOf('/order');
  expect(explainRoute(table, get('/order/../admin'))).toMatchObject({ path: '/admin', rule: undefined });
  expect(explainRoute(table, get('/%6frder'))).toMatchObject({ path: '/order', rule: { route: 'r' } });
});
