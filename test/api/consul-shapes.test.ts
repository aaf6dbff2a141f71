/** Shapes of answers that were found to differ from those of Consul's agent, asked the same beside it. */

import { expect, test } from 'vitest';
import { fakeCheck, fakeInstance } from './fake-port.ts';
import { json, setup } from './fake-agent.ts';

const register = '/v1/agent/service/register';

test.each([
  ['10.1.1.1', { lan_ipv4: { Address: '10.1.1.1', Port: 80 }, wan_ipv4: { Address: '10.1.1.1', Port: 80 } }],
  ['fe80::1', { lan_ipv6: { Address: 'fe80::1', Port: 80 }, wan_ipv6: { Address: 'fe80::1', Port: 80 } }],
  ['db.example.com', {}],
  ['', {}],
])('a service with the address "%s" is tagged with it by its family', async (Address, TaggedAddresses) => {
  const api = setup();
  await api.put(register, { Name: 'web', Address, Port: 80 });
  expect(json(await api.get('/v1/agent/services'))).toMatchObject({ web: { TaggedAddresses } });
  api.port.addInstance(api.port.self, fakeInstance('web', 'web', { address: Address, port: 80, taggedAddresses: {} }));
  expect(json(await api.get('/v1/health/service/web'))).toMatchObject([{ Service: { TaggedAddresses } }]);
  expect(json(await api.get('/v1/catalog/service/web'))).toMatchObject([{ ServiceTaggedAddresses: TaggedAddresses }]);
  expect(json(await api.get('/v1/catalog/node/alpha'))).toMatchObject({ Services: { web: { TaggedAddresses } } });
});

test('a tagged address that was given wins over the one that is made up', async () => {
  const api = setup();
  const given = { Address: '192.0.2.1', Port: 81 };
  await api.put(register, { Name: 'web', Address: '10.1.1.1', Port: 80, TaggedAddresses: { lan_ipv4: given } });
  expect(json(await api.get('/v1/agent/services'))).toMatchObject({
    web: { TaggedAddresses: { lan_ipv4: given, wan_ipv4: { Address: '10.1.1.1', Port: 80 } } },
  });
});

test('the locality of an instance is in all three forms', async () => {
  const api = setup();
  await api.put(register, { Name: 'web', Locality: { Region: 'r', Zone: 'z' } });
  api.port.addInstance(api.port.self, fakeInstance('web', 'web', { region: 'r', zone: 'z' }));
  const Locality = { Region: 'r', Zone: 'z' };
  expect(json(await api.get('/v1/agent/service/web'))).toMatchObject({ Locality });
  expect(json(await api.get('/v1/health/service/web'))).toMatchObject([{ Service: { Locality } }]);
  expect(json(await api.get('/v1/catalog/service/web'))).toMatchObject([{ ServiceLocality: Locality }]);
});

test('a check of the node that has no schedule says 0s, one of a service nothing, and no check of the agent has indexes', async () => {
  const api = setup();
  await api.put('/v1/agent/check/register', { Name: 'beat', TTL: '10s' });
  await api.put(register, { Name: 'web', Check: { TTL: '10s' } });
  expect(json(await api.get('/v1/agent/checks'))).toMatchObject({
    beat: { Type: 'ttl', Interval: '0s', Timeout: '0s', CreateIndex: 0, ModifyIndex: 0 },
    'service:web': { Type: 'ttl', Interval: '', Timeout: '' },
  });
});

test('maintenance is told by its type also on other agents', async () => {
  const api = setup();
  const check = { ...fakeCheck('_node_maintenance', 'critical', undefined), type: '', intervalMs: 0, timeoutMs: 0 };
  api.port.addMember('beta', { checks: [check] });
  expect(json(await api.get('/v1/health/node/beta'))).toMatchObject([
    { CheckID: 'serfHealth', Type: '', Interval: '', Timeout: '' },
    { CheckID: '_node_maintenance', Type: 'maintenance', Interval: '', Timeout: '' },
  ]);
});

test.each(['/v1/health/service/web', '/v1/catalog/service/web', '/v1/health/checks/web'])(
  '%s with an empty tag finds what has an empty tag only',
  async (url) => {
    const api = setup();
    api.port.addInstance(api.port.self, fakeInstance('web-1', 'web', { tags: ['v1'] }), ['passing']);
    expect(json<unknown[]>(await api.get(`${url}?tag=v1`))).toHaveLength(1);
    expect(json(await api.get(`${url}?tag=`))).toEqual([]);
  },
);

test('a service that this agent does not have is named in the words of Consul', async () => {
  const api = setup();
  expect((await api.get('/v1/agent/service/none')).body).toBe('unknown service ID: none');
  expect((await api.put('/v1/agent/service/maintenance/none?enable=true')).body).toBe(
    'Unknown service ID "none". Ensure that the service ID is passed, not the service name.',
  );
});

test.each([{}, { HTTP: '', Interval: '0s', TTL: '' }, { Name: '', Header: {}, ScriptArgs: [], TLSSkipVerify: false, TTL: 0 }])(
  'a check that says nothing, %j, is no check',
  async (check) => {
    const api = setup();
    expect((await api.put(register, { Name: 'web', Check: check, Checks: [check] })).statusCode).toBe(200);
    expect(api.port.commands).toMatchObject([{ type: 'register', checks: [] }]);
  },
);
