/** DNS over real nodes in a simulated mesh: what is kept from question to question never differs from what is so. */

import { createApi, createDns } from '@skein/api';
import type { Api, Dns } from '@skein/api';
import { seededRng } from '@skein/core';
import { World } from '@skein/sim';
import type { SimNode } from '@skein/sim';
import type { RecordType } from 'dns-packet';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decode, encode, texts } from './dns-client.ts';
import { FakeAgent, FakeEvents, FakeTimers } from './fake-agent.ts';

const questions: readonly (readonly [string, string])[] = [
  ['web.service.consul', 'A'],
  ['web.service.consul', 'AAAA'],
  ['web.service.consul', 'SRV'],
  ['v1.web.service.consul', 'SRV'],
  ['db.service.mesh', 'A'],
  ['db.service.mesh', 'SRV'],
  // The number stands for the name of a node.
  ...[0, 1, 2].flatMap((n): [string, string][] => [
    [`${n}.node.consul`, 'A'],
    [`${n}.node.consul`, 'TXT'],
  ]),
  ['1.0.1.10.in-addr.arpa', 'PTR'],
  ['all.query.consul', 'A'],
  ['all.query.consul', 'SRV'],
  ['passing.query.mesh', 'SRV'],
  ['ignoring.query.consul', 'A'],
  ['racked.query.consul', 'SRV'],
  ['of-web.query.consul', 'A'],
  ['of-db.query.consul', 'SRV'],
];

const queries: Readonly<Record<string, object>> = {
  all: { Service: { Service: 'web' } },
  passing: { Service: { Service: 'web', OnlyPassing: true } },
  ignoring: { Service: { Service: 'web', IgnoreCheckIDs: ['disk', 'service:i1'] } },
  racked: { Service: { Service: 'web', NodeMeta: { rack: '2' } }, DNS: { TTL: '10s' } },
  'of-': { Template: { Type: 'name_prefix_match' }, Service: { Service: '${name.suffix}' } },
};

function keepQuery(node: SimNode, name: string, query: object): void {
  node.dispatch({ type: 'apply-config', kind: 'prepared-query', name: `id-${name}`, value: { Name: name, ...query } });
}

async function answersOf(dns: Dns, names: readonly string[]): Promise<unknown> {
  return Promise.all(
    questions.map(async ([name, type]) => {
      const asked = name.replace(/^\d(?=\.node)/, (n) => names[Number(n)] ?? '');
      const message = encode({ type: 'query', id: 1, questions: [{ name: asked, type: type as RecordType }] });
      const { rcode, answers, additionals } = decode((await dns.inject(message, { transport: 'tcp' })) ?? Buffer.alloc(0));
      return [asked, type, rcode, texts(answers), texts(additionals)];
    }),
  );
}

function dnsOf(port: SimNode): Dns {
  return createDns({ port, listen: { host: '127.0.0.1', port: 0 }, datacenter: 'dc1', recursors: [], rng: seededRng(1) });
}

type Act = (node: SimNode, put: (url: string, body?: unknown) => Promise<unknown>, n: number) => unknown;

const address = (n: number): string => ['', '10.1.0.1', '2001:db8::1', 'db.example.com'][n % 4] ?? '';

const acts: Readonly<Record<string, Act>> = {
  register: (_, put, n) =>
    put('/v1/agent/service/register', {
      Name: n % 3 === 0 ? 'db' : 'web',
      ID: `i${n % 4}`,
      Address: address(n),
      Port: n,
      Tags: n % 2 === 0 ? ['v1'] : [],
      Weights: { Passing: 1 + n, Warning: 1 },
      Check: { TTL: '30s', Status: 'passing' },
    }),
  deregister: (_, put, n) => put(`/v1/agent/service/deregister/i${n % 4}`),
  pass: (_, put, n) => put(`/v1/agent/check/pass/service:i${n % 4}`),
  warn: (_, put, n) => put(`/v1/agent/check/warn/service:i${n % 4}`),
  fail: (_, put, n) => put(`/v1/agent/check/fail/service:i${n % 4}`),
  nodeCheck: (_, put, n) =>
    put('/v1/agent/check/register', { Name: 'disk', TTL: '30s', Status: n % 2 === 0 ? 'critical' : 'passing' }),
  label: (node, _, n) => node.dispatch({ type: 'set-tags', tags: { rack: String(n) } }),
  query: (node, _, n) =>
    keepQuery(node, 'all', { Service: { Service: n % 2 === 0 ? 'web' : 'db', Tags: n % 3 === 0 ? ['v1'] : [] } }),
  noQuery: (node) => node.dispatch({ type: 'delete-config', kind: 'prepared-query', name: 'id-all' }),
  crash: (node) => node.crash(),
  leave: (node) => node.leave(),
  wait: () => undefined,
};

test('an answer that was kept is the one that would be made now, whatever happened since', async () => {
  const act = fc.record({ act: fc.constantFrom(...Object.keys(acts)), at: fc.nat(2), n: fc.nat(20), waitMs: fc.nat(1500) });
  await fc.assert(
    fc.asyncProperty(fc.nat(1000), fc.array(act, { minLength: 5, maxLength: 25 }), async (seed, script) => {
      const world = new World({ seed, network: 'lan', profile: 'local' });
      const nodes = world.mesh(3);
      world.runFor(2000);
      const apis = nodes.map((port) =>
        createApi({
          port,
          agent: new FakeAgent(),
          events: new FakeEvents(),
          timers: new FakeTimers(),
          listen: '127.0.0.1:0',
          allowedHosts: [],
        }),
      );
      const observer = nodes[0] as SimNode;
      const kept = dnsOf(observer);
      const names = nodes.map(({ name }) => name);
      for (const [name, query] of Object.entries(queries)) keepQuery(observer, name, query);
      for (const { act, at, n, waitMs } of script) {
        const node = nodes[at] as SimNode;
        // The one that is asked must stay.
        const ends = act === 'crash' || act === 'leave';
        if (ends && at === 0) continue;
        if (!node.isRunning) node.restart();
        else {
          const api = apis[at] as Api;
          const put = (url: string, body?: unknown): Promise<unknown> =>
            api.inject({ method: 'PUT', url, ...(body === undefined ? {} : { payload: JSON.stringify(body) }) });
          await acts[act]?.(node, put, n);
        }
        expect(await answersOf(kept, names)).toEqual(await answersOf(dnsOf(observer), names));
        world.runFor(waitMs);
        expect(await answersOf(kept, names)).toEqual(await answersOf(dnsOf(observer), names));
      }
    }),
    { numRuns: 10 },
  );
}, 30_000);
