/** An agent that has just started: what waits until it knows again what the mesh knows, and what does not. */

import type { InjectedAnswer } from '@skein/api';
import { describe, expect, test } from 'vitest';
import { DnsClient, texts } from './dns-client.ts';
import { fakeInstance } from './fake-port.ts';
import { settle, setup } from './fake-agent.ts';
import type { Setup } from './fake-agent.ts';

interface Starting extends Setup {
  catchUp(): void;
}

function starting(): Starting {
  const api = setup();
  let open: () => void = () => undefined;
  api.agent.catchingUp = new Promise((resolve) => (open = resolve));
  return {
    ...api,
    catchUp: () => {
      api.agent.catchingUp = undefined;
      open();
    },
  };
}

/** Asks, and makes sure that there is no answer before the agent has caught up. */
async function answerAfter(api: Starting, path: string, meanwhile: () => void): Promise<InjectedAnswer> {
  let isAnswered = false;
  const answer = api.get(path).finally(() => (isAnswered = true));
  await settle();
  expect(isAnswered).toBe(false);
  meanwhile();
  api.catchUp();
  return answer;
}

test.for([
  '/v1/health/service/web',
  '/v1/health/service/web?index=7&wait=1s',
  '/v1/health/state/any',
  '/v1/catalog/services',
  '/v1/catalog/service/web',
  '/v1/catalog/nodes',
  '/v1/kv/a',
  '/v1/config/service-defaults',
  '/v1/query/q/execute',
])('a read of the mesh waits: %s', async (path) => {
  const api = starting();
  const { statusCode, body } = await answerAfter(api, path, () => {
    api.port.addInstance(api.port.addMember('beta').id, fakeInstance('web-2', 'web'));
  });
  expect([200, 404]).toContain(statusCode);
  if (path.includes('service/web')) expect(body).toContain('web-2');
});

test.for([
  '/v1/agent/self',
  '/v1/agent/members',
  '/v1/agent/services',
  '/v1/mesh/members',
  '/v1/status/leader',
  '/readyz',
  '/healthz',
])('what is about the agent itself does not: %s', async (path) => {
  expect((await starting().get(path)).statusCode).toBe(200);
});

test('a registration does not wait', async () => {
  expect((await starting().put('/v1/agent/service/register', { Name: 'own' })).statusCode).toBe(200);
});

test('a bad request is refused without waiting', async () => {
  const api = starting();
  expect((await api.get('/v1/health/service/web?filter=((')).statusCode).toBe(400);
  expect((await api.get('/v1/catalog/services?dc=elsewhere')).statusCode).toBe(500);
});

test('closing the API ends the waiting', async () => {
  const api = starting();
  const answer = api.get('/v1/catalog/services');
  await settle();
  await api.api.close();
  expect((await answer).statusCode).toBe(200);
});

describe('over DNS', () => {
  function startingDns(): DnsClient & { catchUp(): void } {
    let open: () => void = () => undefined;
    let caughtUp: Promise<void> | undefined = new Promise((resolve) => (open = resolve));
    const catchUp = (): void => {
      caughtUp = undefined;
      open();
    };
    return Object.assign(new DnsClient({ caughtUp: () => caughtUp }), { catchUp });
  }

  test('a question about the mesh waits, and is answered from what came meanwhile', async () => {
    const client = startingDns();
    let isAnswered = false;
    const answer = client.ask('web.service.consul', 'A').finally(() => (isAnswered = true));
    await settle();
    expect(isAnswered).toBe(false);
    client.port.addInstance(client.port.self, fakeInstance('web-1', 'web', { address: '10.1.0.1' }));
    client.catchUp();
    expect(texts((await answer).answers)).toEqual(['web.service.consul A 10.1.0.1']);
  });

  test('what is no question about the mesh does not', async () => {
    expect((await startingDns().ask('example.com', 'A')).rcode).toBe('REFUSED');
  });

  test('of too many that wait, one more is told that the agent cannot say', async () => {
    const client = startingDns();
    const waiting = Array.from({ length: 1024 }, () => client.ask('web.service.consul', 'A'));
    expect((await client.ask('web.service.consul', 'A')).rcode).toBe('SERVFAIL');
    client.catchUp();
    expect(new Set((await Promise.all(waiting)).map(({ rcode }) => rcode))).toEqual(new Set(['NXDOMAIN']));
    expect((await client.ask('web.service.consul', 'A')).rcode).toBe('NXDOMAIN');
  });
});
