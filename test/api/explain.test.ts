/** The question "where would this request go, and why", asked over HTTP. */

import { nodeId } from '@skein/core';
import type { ConfigEntry } from '@skein/core';
import { expect, test } from 'vitest';
import { fakeInstance } from './fake-port.ts';
import { json, setup } from './fake-agent.ts';
import type { Setup } from './fake-agent.ts';

const explain = '/v1/mesh/explain';

function withRoute(): Setup {
  const api = setup();
  const { port } = api;
  const version = { mesh: 'testmesh', kind: 'route', name: 'shop', author: port.self, time: { ms: 1, counter: 0 }, parent: '' };
  const value = {
    hostnames: ['shop.example'],
    rules: [
      {
        matches: [{ path: { type: 'PathPrefix', value: '/order' }, headers: [{ name: 'x-beta', value: 'yes' }] }],
        backendRefs: [{ name: 'orders', weight: 3 }],
      },
    ],
  };
  const entry: ConfigEntry = {
    kind: 'route',
    name: 'shop',
    value,
    version: { ...version, json: JSON.stringify(value), deleted: false },
    conflicts: [],
    quarantined: undefined,
    index: 2,
    createIndex: 2,
  };
  port.configs.set('route/shop', entry);
  port.bump('config/route');
  port.addMember('beta', { status: 'failed', reachable: false, verified: false });
  port.addInstance(port.self, fakeInstance('orders-1', 'orders'), ['passing']);
  port.addInstance(port.self, fakeInstance('orders-2', 'orders'), ['critical']);
  port.addInstance(nodeId('12D3Koo-beta'), fakeInstance('orders-3', 'orders'), ['passing']);
  return api;
}

test('a request is explained by the rule that decides, and each instance by what keeps traffic away', async () => {
  const api = withRoute();
  const query = new URLSearchParams({ url: 'http://Shop.example/order/1?x=1', header: 'X-Beta: yes', method: 'get' });
  expect(json(await api.get(`${explain}?${query.toString()}`))).toMatchObject({
    request: { method: 'GET', host: 'shop.example', path: '/order/1', headers: { 'x-beta': 'yes' } },
    rule: {
      route: 'shop',
      rule: 0,
      implicit: false,
      backends: [
        {
          service: 'orders',
          weight: 3,
          totalWeight: 3,
          instances: [
            { id: 'orders-1', routable: true, reasons: [] },
            { id: 'orders-2', routable: false, reasons: ['check service:orders-2:1 is critical: output of service:orders-2:1'] },
            {
              id: 'orders-3',
              routable: false,
              reasons: ['node beta is failed', 'node beta is not reachable', 'nobody had a direct answer from node beta yet'],
            },
          ],
        },
      ],
    },
    candidates: [{ route: 'shop', verdict: 'chosen' }],
    problems: [],
  });
});

test('a request that no rule takes says what each rule fails on', async () => {
  const api = withRoute();
  expect(json(await api.get(`${explain}?url=http://shop.example/order`))).toMatchObject({
    rule: null,
    candidates: [{ route: 'shop', verdict: 'header' }],
  });
  expect(json(await api.get(`${explain}?url=http://other.example/order`))).toMatchObject({
    rule: null,
    candidates: [{ route: 'shop', verdict: 'host' }],
  });
});

test('a host of the mesh leads to its service without a route', async () => {
  const answer = json(await withRoute().get(`${explain}?url=http://orders.mesh/`));
  expect(answer).toMatchObject({ rule: { implicit: true, backends: [{ service: 'orders', instances: [{}, {}, {}] }] } });
});

test.each(['', '?url=', '?url=orders.mesh', '?url=ftp://x/', '?url=http://x/&header=novalue', '?url=http://x/&header=:v'])(
  'a question of %j is refused with what to ask',
  async (query) => {
    const answer = await setup().get(`${explain}${query}`);
    expect([answer.statusCode, answer.body]).toEqual([400, expect.stringMatching(/^Invalid value for \?(url|header): use/)]);
  },
);
