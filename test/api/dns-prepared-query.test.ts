/** Prepared queries as DNS answers them: what they find, when that may be kept, and that no query ends the agent. */

import type { ConfigEntry } from '@skein/core';
import { topics } from '@skein/core';
import { expect, test } from 'vitest';
import { DnsClient } from './dns-client.ts';
import { fakeInstance } from './fake-port.ts';

const kind = 'prepared-query';

/** Keeps a prepared query as the mesh does. */
function keep({ port }: DnsClient, id: string, query: object): void {
  const version = { time: { ms: 1, counter: 0, node: port.self } };
  const entry = { kind, name: id, value: query, index: 1, createIndex: 1, version };
  port.configs.set(`${kind}/${id}`, entry as unknown as ConfigEntry);
  port.bump(topics.config, topics.configKind(kind), topics.configEntry(kind, id));
}

const template = { Name: 'geo-', Template: { Type: 'name_prefix_match' }, Service: { Service: '${name.suffix}' } };

test('a template is found by what its name begins, and by its id not at all', async () => {
  const client = new DnsClient();
  client.port.addInstance(client.port.self, fakeInstance('web-1', 'web', { address: '10.1.0.1' }));
  keep(client, 'id-1', template);
  expect((await client.ask('geo-web.query.consul', 'A')).answers).toHaveLength(1);
  expect((await client.ask('id-1.query.consul', 'A')).rcode).toBe('NXDOMAIN');
});

test.each(['udp', 'tcp'] as const)(
  'a query over %s at which the agent fails is answered SERVFAIL, logged, and the last of it',
  async (transport) => {
    const logged: unknown[] = [];
    const client = new DnsClient({ log: (entry) => logged.push(entry) });
    client.port.addInstance(client.port.self, fakeInstance('web-1', 'web', { address: '10.1.0.1' }));
    const view = client.port.view.bind(client.port);
    const fault = new Error('broken');
    client.port.view = () => {
      throw fault;
    };
    expect((await client.ask('web.service.consul', 'A', { transport })).rcode).toBe('SERVFAIL');
    expect(logged).toEqual([{ msg: 'a DNS query could not be answered', name: 'web.service.consul.', type: 1, error: fault }]);
    client.port.view = view;
    expect((await client.ask('web.service.consul', 'A', { transport })).rcode).toBe('NOERROR');
  },
);

test('a query that waited for the mesh, and one that is forwarded, may fail as well', async () => {
  const broken = (): never => {
    throw new Error('broken');
  };
  const waits: (() => void)[] = [];
  const caughtUp = new Promise<void>((resolve) => waits.push(resolve));
  const client = new DnsClient({ caughtUp: () => (waits.length > 0 ? caughtUp : undefined) });
  const answer = client.ask('web.service.consul', 'A');
  client.port.view = broken;
  waits.pop()?.();
  expect((await answer).rcode).toBe('SERVFAIL');
  const forwarding = new DnsClient({ recursors: [{ host: '127.0.0.1', port: 53 }], upstream: broken });
  expect((await forwarding.ask('example.com', 'A')).rcode).toBe('SERVFAIL');
});
