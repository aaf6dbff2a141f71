/** HAProxy fills its servers from SRV answers of an agent, and drains them when instances leave rotation. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { eventually } from '../e2e/agent-nodes.ts';
import { freePort } from './free-port.ts';
import { MeshAgents } from './mesh-agents.ts';
import { serve } from './named-server.ts';
import { missing, scratchDirectory, startProgram } from './outside-program.ts';

const slots = 20;

/** Starts it with a `server-template` over SRV, and resolves with the URL of its frontend. */
async function startHaproxy(dns: string): Promise<string> {
  const directory = scratchDirectory(onTestFinished);
  const listen = `127.0.0.1:${await freePort()}`;
  const config = `
global
  maxconn 100
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
resolvers skein
  nameserver agent ${dns}
  accepted_payload_size 8192
  resolve_retries 3
  timeout resolve 100ms
  timeout retry 100ms
  hold valid 100ms
  hold obsolete 0s
  hold nx 100ms
frontend in
  bind ${listen}
  stats enable
  stats uri /stats
  stats show-legends
  default_backend web
backend web
  balance roundrobin
  server-template web ${slots} _web._tcp.service.consul resolvers skein resolve-prefer ipv4 init-addr none
`;
  writeFileSync(join(directory, 'haproxy.cfg'), config);
  startProgram(onTestFinished, 'haproxy', ['-db', '-f', 'haproxy.cfg'], directory);
  return `http://${listen}`;
}

/** Weights of the servers in use, by their address, in order: from its own statistics. Undefined before it listens. */
async function serversOf(haproxy: string): Promise<Readonly<Record<string, number>> | undefined> {
  const answer = await fetch(`${haproxy}/stats;csv`).catch(() => undefined);
  if (answer?.ok !== true) return undefined;
  const [head = '', ...lines] = (await answer.text()).split('\n');
  const titles = head.slice('# '.length).split(',');
  const rows = lines.map((line) => Object.fromEntries(line.split(',').map((cell, at) => [titles[at] ?? '', cell])));
  const used = rows.filter((row) => row['pxname'] === 'web' && row['svname'] !== 'BACKEND' && row['status'] === 'no check');
  const weights = used.map((row) => [row['addr']?.split(':')[0] ?? '', Number(row['weight'])] as const);
  return Object.fromEntries(weights.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Who answers so many requests in a row, in order of name; a status where nobody does. */
async function answering(haproxy: string, requests = 40): Promise<readonly string[]> {
  const names = new Set<string>();
  for (let n = 0; n < requests; n++) {
    const answer = await fetch(haproxy, { signal: AbortSignal.timeout(2000) }).catch(() => undefined);
    names.add(answer === undefined ? 'no answer' : answer.ok ? await answer.text() : String(answer.status));
  }
  return [...names].sort();
}

async function skipIfMissing(skip: (condition: boolean, note?: string) => void): Promise<void> {
  const reason = await missing('haproxy', ['-v'], 'haproxy');
  skip(reason !== undefined, reason);
}

test(
  'HAProxy sends requests to the instances of a service as they come, are drained, fail, die with their agent and go',
  { timeout: 120_000 },
  async ({ skip }) => {
    await skipIfMissing(skip);
    const mesh = new MeshAgents(onTestFinished);
    await mesh.start('alder', 'birch');
    // HAProxy takes an address for one server only.
    const hosts = { one: '127.0.0.2', two: '127.0.0.3', three: '127.0.0.4' };
    // Of SRV weights HAProxy takes the 256th part.
    const register = async (agent: string, name: keyof typeof hosts, passing: number): Promise<void> => {
      const body = {
        Name: 'web',
        ID: name,
        Address: hosts[name],
        Port: await serve(name, hosts[name]),
        Weights: { Passing: passing, Warning: 256 },
        Check: { TTL: '10m', Status: 'passing' },
      };
      await mesh.ask(agent, 'PUT', '/v1/agent/service/register', body);
    };
    const haproxy = await startHaproxy(mesh.dns('alder'));
    const are = async (wanted: Partial<Record<keyof typeof hosts, number>>): Promise<void> => {
      const servers = Object.entries(wanted).map(([name, weight]) => [hosts[name as keyof typeof hosts], weight] as const);
      const names = servers.length === 0 ? ['503'] : Object.keys(wanted).sort();
      let last: unknown;
      await eventually(`the servers are ${names.join(', ')}`, async () => {
        last = await serversOf(haproxy);
        return JSON.stringify(last) === JSON.stringify(Object.fromEntries(servers));
      }).catch(() => expect(last).toEqual(Object.fromEntries(servers)));
      expect(await answering(haproxy)).toEqual(names);
    };

    await are({});
    await register('alder', 'one', 1024);
    await are({ one: 4 });
    await register('alder', 'two', 1024);
    await register('birch', 'three', 2048);
    await are({ one: 4, two: 4, three: 8 });
    await mesh.ask('alder', 'PUT', '/v1/agent/check/warn/service:one');
    await are({ one: 1, two: 4, three: 8 });
    await mesh.ask('alder', 'PUT', '/v1/agent/check/pass/service:one');
    await mesh.ask('alder', 'PUT', '/v1/agent/check/fail/service:two');
    await are({ one: 4, three: 8 });
    await mesh.ask('birch', 'PUT', '/v1/agent/service/maintenance/three?enable=true&reason=disk');
    await are({ one: 4 });
    await mesh.ask('alder', 'PUT', '/v1/agent/check/pass/service:two');
    await mesh.ask('birch', 'PUT', '/v1/agent/service/maintenance/three?enable=false');
    await are({ one: 4, two: 4, three: 8 });
    await mesh.ask('birch', 'PUT', '/v1/agent/maintenance?enable=true');
    await are({ one: 4, two: 4 });
    await mesh.ask('birch', 'PUT', '/v1/agent/maintenance?enable=false');
    await are({ one: 4, two: 4, three: 8 });
    // The instance itself runs on: only the mesh says that its host is gone.
    await mesh.kill('birch');
    await are({ one: 4, two: 4 });
    await mesh.start('birch');
    await are({ one: 4, two: 4, three: 8 });
    await mesh.ask('alder', 'PUT', '/v1/agent/service/deregister/one');
    await mesh.ask('alder', 'PUT', '/v1/agent/service/deregister/two');
    await are({ three: 8 });

    // The agent that it asks starts again, and does not know yet what others run: it takes nothing from HAProxy.
    await mesh.kill('alder', 'birch');
    await mesh.launch('alder');
    // Reads wait as HAProxy's questions do, for some seconds: alone for longer, it says what it has, which is nothing.
    const waiting = new Set(['web']);
    const read = mesh.ask('alder', 'GET', '/v1/catalog/service/web').then(() => waiting.clear());
    // Awaited below, unless the test has failed before.
    read.catch(() => undefined);
    let rounds = 0;
    while (rounds < 10 && waiting.size > 0) {
      const names = await answering(haproxy, 10);
      // Once this is answered, the read is too, if the agent was done waiting when HAProxy heard from it.
      await mesh.ask('alder', 'GET', '/v1/agent/self');
      if (waiting.size === 0) break;
      expect(names).toEqual(['three']);
      rounds++;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(rounds).toBeGreaterThan(0);
    await mesh.start('birch');
    await read;
    await are({ three: 8 });
  },
);

test('HAProxy fills all its servers from an answer of more than 512 bytes', { timeout: 60_000 }, async ({ skip }) => {
  await skipIfMissing(skip);
  const mesh = new MeshAgents(onTestFinished);
  await mesh.start('alder');
  const names = Array.from({ length: slots }, (_, n) => `web-${n}`);
  for (const [n, name] of names.entries()) {
    const host = `127.0.1.${n + 1}`;
    const body = { Name: 'web', ID: name, Address: host, Port: await serve(name, host) };
    await mesh.ask('alder', 'PUT', '/v1/agent/service/register', body);
  }
  const haproxy = await startHaproxy(mesh.dns('alder'));
  await eventually('all servers are in use', async () => Object.keys((await serversOf(haproxy)) ?? {}).length === slots);
  expect(await answering(haproxy)).toEqual([...names].sort());
});
