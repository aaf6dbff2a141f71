/** The question "what does DNS answer", asked over HTTP. */

import { nodeId } from '@skein/core';
import { expect, test } from 'vitest';
import { json, setup } from './fake-agent.ts';
import type { Setup } from './fake-agent.ts';
import { fakeInstance } from './fake-port.ts';

function withOrders(): Setup {
  const api = setup();
  const { port } = api;
  port.addMember('beta', { status: 'failed', reachable: false, address: '2001:db8::2', tags: { rack: '"7"' } });
  port.addInstance(port.self, fakeInstance('orders-1', 'orders', { address: '10.1.0.1', port: 9001, tags: ['v1'] }), ['passing']);
  port.addInstance(port.self, fakeInstance('orders-2', 'orders', { address: '10.1.0.2', port: 9002 }), ['critical']);
  port.addInstance(nodeId('12D3Koo-beta'), fakeInstance('orders-3', 'orders', { address: '', port: 9003 }), ['passing']);
  return api;
}

async function resolve(query: string): Promise<unknown> {
  return json(await withOrders().get(`/v1/mesh/resolve?${query}`));
}

test('a service is shown as DNS gives it, with the instances that it leaves out and why', async () => {
  expect(await resolve('name=orders&type=srv')).toEqual({
    name: 'orders.service.consul.',
    type: 'SRV',
    rcode: 'NOERROR',
    answers: [
      {
        name: 'orders.service.consul.',
        type: 'SRV',
        ttlS: 0,
        data: expect.stringMatching(/^1 1 9001 0a010001\.addr\..*\.consul\.$/),
      },
    ],
    additional: [{ name: expect.stringMatching(/^0a010001\.addr\./), type: 'A', ttlS: 0, data: '10.1.0.1' }],
    instances: [
      {
        id: 'orders-1',
        service: 'orders',
        node: 'alpha',
        address: '10.1.0.1',
        port: 9001,
        status: 'passing',
        weight: 1,
        routable: true,
        reasons: [],
      },
      expect.objectContaining({ id: 'orders-2', weight: 0, routable: false, reasons: [expect.stringContaining('is critical')] }),
      expect.objectContaining({
        id: 'orders-3',
        address: '2001:db8::2',
        routable: false,
        reasons: expect.arrayContaining(['node beta is failed']),
      }),
    ],
  });
});

test('the instances are those of the tag that was asked for', async () => {
  const answer = (await resolve('name=v1.orders.service.consul')) as { instances: { id: string }[] };
  expect(answer.instances.map(({ id }) => id)).toEqual(['orders-1']);
});

test.each([
  ['name=beta.node.mesh&type=AAAA', ['AAAA 2001:db8::2']],
  ['name=beta.node.mesh&type=TXT', ['TXT "region=eu"', 'TXT "zone=eu-1"', String.raw`TXT "rack=\"7\""`]],
  ['name=consul.&type=NS', [expect.stringMatching(/^NS alpha\.node\..*\.consul\.$/)]],
  ['name=consul.&type=SOA', [expect.stringMatching(/^SOA ns\.consul\. hostmaster\.consul\. \d+ 3600 600 86400 0$/)]],
  ['name=10.1.0.1&type=PTR', [expect.stringMatching(/^PTR orders\.service\..*\.consul\.$/)]],
  ['name=2001:db8::2', [expect.stringMatching(/^PTR beta\.node\..*\.consul\.$/)]],
])('%s is answered in the form of a zone file', async (query, records) => {
  const answer = (await resolve(query)) as { answers: { type: string; data: string }[]; instances: unknown };
  expect(answer.answers.map(({ type, data }) => `${type} ${data}`)).toEqual(records);
  expect(answer.instances).toBeNull();
});

test("a name that is not the mesh's is refused, and one that is not there does not exist", async () => {
  expect(await resolve('name=example.com')).toMatchObject({ rcode: 'REFUSED', answers: [], instances: null });
  expect(await resolve('name=nobody')).toMatchObject({ rcode: 'NXDOMAIN', name: 'nobody.service.consul.', instances: [] });
});

test.each([
  '',
  'name=',
  'name=a..b',
  'name=a%20b',
  `name=${'x'.repeat(64)}`,
  'name=orders&type=AXFR',
  'name=orders&type=toString',
])('"%s" is a bad request', async (query) => expect((await withOrders().get(`/v1/mesh/resolve?${query}`)).statusCode).toBe(400));
