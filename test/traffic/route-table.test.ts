import { describe, expect, test } from 'vitest';
import * as fc from 'fast-check';
import { seededRng } from '@skein/core';
import {
  type Route,
  type RouteRequest,
  RouteTable,
  ServiceNames,
  chooseBackend,
  explainRoute,
  routeTableOf,
} from '@skein/traffic';
import { FakeMesh, fakeRoute } from './fake-view.ts';

function request(host: string, path = '/', method = 'GET', headers: RouteRequest['headers'] = {}): RouteRequest {
  return { host, path, method, headers };
}

function table(...routes: (readonly [name: string, value: Route, ms?: number])[]): RouteTable {
  return new RouteTable(
    routes.map(([name, value, ms]) => fakeRoute(name, value, ms)),
    1,
  );
}

/** The route that decides; `implicit` for a mesh host's own rule. */
function decides(routes: RouteTable, wanted: RouteRequest): string | undefined {
  const rule = routes.match(wanted);
  return rule === undefined ? undefined : rule.route || 'implicit';
}

const to = (name: string): Route['rules'][number]['backendRefs'] => [{ name }];
const all = (service: string): Route => ({ rules: [{ backendRefs: to(service) }] });
const at = (value: string, type: 'Exact' | 'PathPrefix' = 'PathPrefix'): Route => ({
  rules: [{ matches: [{ path: { type, value } }], backendRefs: to('s') }],
});

describe('precedence', () => {
  test('the exact host goes before the longest wildcard, that before shorter ones, those before any', () => {
    const routes = table(
      ['any', all('s')],
      ['short', { ...all('s'), hostnames: ['*.example'] }],
      ['long', { ...all('s'), hostnames: ['*.shop.example'] }],
      ['exact', { ...all('s'), hostnames: ['a.shop.example'] }],
    );
    expect(decides(routes, request('A.Shop.example:8080'))).toBe('exact');
    expect(decides(routes, request('b.shop.example.'))).toBe('long');
    expect(decides(routes, request('x.b.shop.example'))).toBe('long');
    expect(decides(routes, request('shop.example'))).toBe('short');
    expect(decides(routes, request('example'))).toBe('any');
    expect(decides(routes, request(''))).toBe('any');
    expect(decides(routes, request('[::1]:8080'))).toBe('any');
  });

  test('a host that is named but whose rules do not fit leaves the request to less exact ones', () => {
    const routes = table(['any', all('s')], ['exact', { ...at('/a'), hostnames: ['h'] }]);
    expect(decides(routes, request('h', '/a'))).toBe('exact');
    expect(decides(routes, request('h', '/b'))).toBe('any');
  });

  test('prefixes match whole segments, and a final slash says nothing', () => {
    const routes = table(['r', at('/order/')]);
    for (const path of ['/order', '/order/', '/order/1']) expect(decides(routes, request('h', path))).toBe('r');
    for (const path of ['/orders', '/orde', '/', '/Order', '/x/order'])
      expect(decides(routes, request('h', path))).toBeUndefined();
  });

  test('an exact path matches nothing else', () => {
    const routes = table(['r', at('/order', 'Exact')]);
    expect(decides(routes, request('h', '/order'))).toBe('r');
    for (const path of ['/order/', '/order/1']) expect(decides(routes, request('h', path))).toBeUndefined();
  });

  test('exact path, longest prefix, method, then the number of headers decide', () => {
    const rule = (match: NonNullable<Route['rules'][number]['matches']>[number]): Route => ({
      rules: [{ matches: [match], backendRefs: to('s') }],
    });
    const path = { value: '/a/b' };
    const routes = table(
      ['prefix', rule({ path: { value: '/a' } })],
      ['longer', rule({ path })],
      ['method', rule({ path, method: 'POST' })],
      ['header', rule({ path, headers: [{ name: 'X-One', value: '1' }] })],
      [
        'headers',
        rule({
          path,
          headers: [
            { name: 'x-one', value: '1' },
            { name: 'x-two', value: '2' },
          ],
        }),
      ],
      ['exact', rule({ path: { type: 'Exact', value: '/a/b/c' } })],
    );
    expect(decides(routes, request('h', '/a/x'))).toBe('prefix');
    expect(decides(routes, request('h', '/a/b'))).toBe('longer');
    expect(decides(routes, request('h', '/a/b', 'POST', { 'x-one': '1', 'x-two': '2' }))).toBe('method');
    expect(decides(routes, request('h', '/a/b', 'GET', { 'x-one': '1' }))).toBe('header');
    expect(decides(routes, request('h', '/a/b', 'GET', { 'x-one': '1', 'x-two': ['2'] }))).toBe('headers');
    expect(decides(routes, request('h', '/a/b', 'GET', { 'x-one': ['1', '1'] }))).toBe('longer');
    expect(decides(routes, request('h', '/a/b/c', 'POST'))).toBe('exact');
  });

  test('between equals the older goes first, then the first by name, then the first in the route', () => {
    expect(decides(table(['a', all('s'), 2], ['b', all('s'), 1]), request('h'))).toBe('b');
    expect(decides(table(['b', all('s')], ['a', all('s')]), request('h'))).toBe('a');
    const twice = table(['r', { rules: [{ backendRefs: to('first') }, { backendRefs: to('second') }] }]);
    expect(twice.match(request('h'))?.backends).toEqual([{ service: 'first', weight: 1 }]);
  });
});

describe('mesh hosts', () => {
  test('lead to their service, in any case and with any port', () => {
    const rule = table().match(request('Orders.Mesh:8080'));
    expect(rule).toMatchObject({ route: '', backends: [{ service: 'orders', weight: 1 }], requestTimeoutMs: 15_000, retries: 3 });
  });

  test('are taken by a route that names them, never by one for any host', () => {
    const routes = table(
      ['any', all('x')],
      ['named', { ...at('/v2'), hostnames: ['orders.mesh'] }],
      ['wild', { ...at('/w'), hostnames: ['*.mesh'] }],
    );
    expect(decides(routes, request('orders.mesh', '/v2'))).toBe('named');
    expect(decides(routes, request('orders.mesh', '/w'))).toBe('wild');
    expect(decides(routes, request('orders.mesh', '/'))).toBe('implicit');
    expect(decides(routes, request('.mesh', '/'))).toBe('any');
    expect(decides(routes, request('mesh', '/'))).toBe('any');
  });

  test('find services whose names have capitals; an exact name goes first', () => {
    const mesh = new FakeMesh().setService('OrderService', [{ id: 'a' }]);
    const names = new ServiceNames();
    expect(names.resolve(mesh.view(), 'ORDERservice')).toBe('OrderService');
    expect(names.resolve(mesh.view(), 'orderservice')).toBe('OrderService');
    mesh.setService('orderservice', [{ id: 'b' }]);
    expect(names.resolve(mesh.view(), 'orderservice')).toBe('orderservice');
    mesh.setService('orderservice', []).setService('OrderService', []);
    expect(names.resolve(mesh.view(), 'orderservice')).toBe('orderservice');
  });
});

describe('backends', () => {
  test('are drawn by weight, and the same seed draws the same ones', () => {
    const rule = table([
      'r',
      { rules: [{ backendRefs: [{ name: 'a', weight: 9 }, { name: 'zero', weight: 0 }, { name: 'b' }] }] },
    ]).match(request('h'));
    const draw = (seed: number): (string | undefined)[] => {
      const rng = seededRng(seed);
      return Array.from({ length: 10_000 }, () => (rule === undefined ? '' : chooseBackend(rule, rng)));
    };
    const drawn = draw(3);
    expect(draw(3)).toEqual(drawn);
    const share = drawn.filter((each) => each === 'b').length;
    expect(share).toBeGreaterThan(850);
    expect(share).toBeLessThan(1150);
    expect(drawn).not.toContain('zero');
    expect(drawn).not.toContain(undefined);
  });

  test('whose weights are all 0 lead nowhere', () => {
    const rule = table(['r', { rules: [{ backendRefs: [{ name: 'a', weight: 0 }] }] }], ['other', all('b'), 9]).match(
      request('h'),
    );
    expect(rule?.route).toBe('r');
    expect(rule === undefined ? '' : chooseBackend(rule, seededRng(1))).toBeUndefined();
  });
});

test('a table is compiled again only when a route changed', () => {
  const mesh = new FakeMesh().setRoute('r', all('s'));
  const first = routeTableOf(mesh.view(), undefined);
  mesh.touch().setService('s', [{ id: 'a' }]);
  expect(routeTableOf(mesh.view(), first)).toBe(first);
  mesh.setRoute('r', all('t'));
  const second = routeTableOf(mesh.view(), first);
  expect(second.match(request('h'))?.backends[0]?.service).toBe('t');
  expect(first.match(request('h'))?.backends[0]?.service).toBe('s');
});

test('an entry that is no route does not apply, is named, and leaves the others alone', () => {
  const routes = new RouteTable([fakeRoute('bad', { rules: 7 }), fakeRoute('good', all('s'))], 1);
  expect(routes.problems).toEqual([{ name: 'bad', reason: 'rules: must be a list, not a number' }]);
  expect(decides(routes, request('h'))).toBe('good');
});

test('timeouts and retries come from the rule', () => {
  const value: Route = { rules: [{ backendRefs: to('s'), timeouts: { request: '1m500ms' }, retry: { attempts: 0 } }] };
  expect(table(['r', value]).match(request('h'))).toMatchObject({ requestTimeoutMs: 60_500, retries: 0 });
  const unlimited: Route = { rules: [{ backendRefs: to('s'), timeouts: { request: '0s' } }] };
  expect(table(['r', unlimited]).match(request('h'))).toMatchObject({ requestTimeoutMs: 0, retries: 3 });
});

test('explain names the rule that decides and what each other one lost on', () => {
  const routes = table(
    ['exact', { ...at('/order', 'Exact'), hostnames: ['h'] }],
    ['prefix', { ...at('/'), hostnames: ['h'] }],
    ['post', { rules: [{ matches: [{ method: 'POST', headers: [] }], backendRefs: to('s') }] }],
    ['beta', { rules: [{ matches: [{ headers: [{ name: 'X-Group', value: 'beta' }] }], backendRefs: to('s') }] }],
    ['path', at('/other')],
    ['any', all('s')],
    ['elsewhere', { ...all('s'), hostnames: ['*.else'] }],
  );
  const explained = explainRoute(routes, request('H:80', '/order', 'GET', { 'x-group': 'alpha' }));
  expect(explained).toMatchObject({ host: 'h', implicit: false, rule: { route: 'exact' } });
  expect(Object.fromEntries(explained.candidates.map((each) => [each.route, [each.verdict, each.reason]]))).toEqual({
    exact: ['chosen', 'matches, and nothing that goes before it does'],
    prefix: ['outranked', 'matches, but route exact names the path exactly'],
    any: ['outranked', 'matches, but route exact names the host more exactly'],
    post: ['method', 'the method is not POST'],
    beta: ['header', 'the header x-group is not beta'],
    path: ['path', 'the path is not under /other'],
    elsewhere: ['host', 'h is not *.else'],
  });
  const mesh = explainRoute(table(['any', all('s')]), request('orders.mesh'));
  expect(mesh).toMatchObject({
    implicit: true,
    candidates: [{ verdict: 'host', reason: 'a route for any host does not take orders.mesh' }],
  });
});

const hostname = fc.constantFrom('a.x', 'b.x', '*.x', '*.a.x');
const pathValue = fc.constantFrom('/', '/p', '/p/q', '/pq');
const match = fc.record(
  {
    path: fc.record({ type: fc.constantFrom('Exact' as const, 'PathPrefix' as const), value: pathValue }),
    method: fc.constantFrom('GET' as const, 'POST' as const),
    headers: fc.constantFrom(
      [{ name: 'K', value: '1' }],
      [
        { name: 'k', value: '1' },
        { name: 'l', value: '2' },
      ],
      [],
    ),
  },
  { requiredKeys: [] },
);
const route = fc.record(
  {
    hostnames: fc.array(hostname, { maxLength: 2 }),
    rules: fc.array(fc.record({ matches: fc.array(match, { maxLength: 3 }), backendRefs: fc.constant(to('s')) }), {
      minLength: 1,
      maxLength: 2,
    }),
  },
  { requiredKeys: ['rules'] },
);
const wanted = fc.record({
  host: fc.constantFrom('a.x', 'b.x', 'c.a.x', 'x', 'other'),
  path: fc.constantFrom('/', '/p', '/p/', '/p/q', '/p/q/r', '/pq', '/pqr'),
  method: fc.constantFrom('GET', 'POST', 'PUT'),
  headers: fc.constantFrom({}, { k: '1' }, { k: '1', l: '2' }),
});

interface Ranked {
  readonly label: string;
  readonly rank: readonly number[];
}

/** Every match of every rule, judged alone, ranked by the published tuple. */
function dumbMatch(routes: readonly Route[], sought: RouteRequest): string | undefined {
  const ranked: Ranked[] = [];
  for (const [place, value] of routes.entries()) {
    for (const host of value.hostnames?.length ? value.hostnames : ['']) {
      const wild = host.startsWith('*');
      if (host !== '' && (wild ? !sought.host.endsWith(host.slice(1)) : host !== sought.host)) continue;
      for (const [ruleIndex, rule] of value.rules.entries()) {
        for (const [matchIndex, each] of (rule.matches?.length ? rule.matches : [{}]).entries()) {
          const exact = each.path?.type === 'Exact';
          const path = each.path?.value ?? '/';
          const segments = (text: string): string[] => text.split('/').filter((segment) => segment !== '');
          const under = segments(path).every((segment, index) => segments(sought.path)[index] === segment);
          if (exact ? path !== sought.path : !under) continue;
          if (each.method !== undefined && each.method !== sought.method) continue;
          if (each.headers?.some((one) => sought.headers[one.name.toLowerCase()] !== one.value)) continue;
          const length = exact || path !== '/' ? path.length : 0;
          const specific = host === '' ? 0 : wild ? host.length : 1000;
          const rank = [-specific, -Number(exact), -length, -Number(each.method !== undefined), -(each.headers?.length ?? 0)];
          ranked.push({ label: `${place}`, rank: [...rank, place, ruleIndex, matchIndex] });
        }
      }
    }
  }
  ranked.sort((a, b) => a.rank.map((each, index) => each - (b.rank[index] ?? 0)).find((each) => each !== 0) ?? 0);
  return ranked[0]?.label;
}

test('match and explain agree with a dumb reading of the published precedence', () => {
  fc.assert(
    fc.property(fc.array(route, { maxLength: 5 }), wanted, (routes, sought) => {
      const entries = routes.map((value, place) => fakeRoute(`${place}`, value, place));
      const compiled = new RouteTable([...entries].reverse(), 1);
      expect(compiled.problems).toEqual([]);
      const expected = dumbMatch(routes, sought);
      expect(compiled.match(sought)?.route).toBe(expected);
      const explained = explainRoute(compiled, sought);
      expect(explained.rule).toBe(compiled.match(sought));
      expect(explained.candidates.filter((each) => each.verdict === 'chosen').map((each) => each.route)).toEqual(
        expected === undefined ? [] : [expected],
      );
    }),
    { numRuns: 500, seed: 7 },
  );
});
