/** HAProxy fills its servers from SRV answers of a real agent, and drains them when instances leave rotation. */

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { eventually, Nodes } from '../e2e/agent-nodes.ts';
import { freePort } from './free-port.ts';

const run = promisify(execFile);

/** Why it cannot be run here. In CI that is a failure. */
async function missing(): Promise<string | undefined> {
  try {
    await run('haproxy', ['-v']);
    return undefined;
  } catch {
    const reason = 'haproxy is not installed: apt-get install haproxy';
    if (process.env['SKEIN_REQUIRE_INTEROP'] === '1') throw new Error(reason);
    return reason;
  }
}

/** An HTTP server that answers with its name; resolves with its port. HAProxy takes an address for one server only. */
async function serve(name: string, host: string): Promise<number> {
  const server = createServer((_request, response) => response.end(name)).listen(0, host);
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Starts it with a `server-template` over SRV, and resolves with the port of its frontend. */
async function startHaproxy(dns: string): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'skein-haproxy-'));
  const port = await freePort();
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
  bind 127.0.0.1:${port}
  default_backend web
backend web
  balance roundrobin
  server-template web 5 _web._tcp.service.consul resolvers skein resolve-prefer ipv4 init-addr none
`;
  writeFileSync(join(directory, 'haproxy.cfg'), config);
  const child = spawn('haproxy', ['-db', '-f', join(directory, 'haproxy.cfg')], { stdio: 'ignore' });
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'close');
    }
    rmSync(directory, { recursive: true, force: true });
  });
  return port;
}

/** Who answers eight requests in a row, in order of name; a status where nobody does. */
async function answering(port: number): Promise<readonly string[]> {
  const names = new Set<string>();
  for (let n = 0; n < 8; n++) {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(2000) });
      names.add(answer.ok ? await answer.text() : String(answer.status));
    } catch {
      names.add('no answer');
    }
  }
  return [...names].sort();
}

test('HAProxy sends requests to the instances of a service as they come, fail and go', { timeout: 120_000 }, async ({ skip }) => {
  const reason = await missing();
  skip(reason !== undefined, reason);
  const nodes = new Nodes();
  onTestFinished(() => nodes.close());
  const node = await nodes.start({ name: 'alder', mesh: 'grove' });
  const hosts = { one: '127.0.0.2', two: '127.0.0.3', three: '127.0.0.4' };
  const register = async (name: keyof typeof hosts): Promise<void> => {
    const body = {
      Name: 'web',
      ID: name,
      Address: hosts[name],
      Port: await serve(name, hosts[name]),
      Check: { TTL: '10m', Status: 'passing' },
    };
    expect((await node.request('PUT', '/v1/agent/service/register', body)).status).toBe(200);
  };
  const haproxy = await startHaproxy(node.agent.info.listeners['dns'] ?? '');
  const are = (...names: readonly string[]): Promise<void> =>
    eventually(`requests are answered by ${names.join(', ')}`, async () => (await answering(haproxy)).join() === names.join());

  await are('503');
  await register('one');
  await are('one');
  await register('two');
  await register('three');
  await are('one', 'three', 'two');
  expect((await node.request('PUT', '/v1/agent/check/fail/service:two')).status).toBe(200);
  await are('one', 'three');
  expect((await node.request('PUT', '/v1/agent/service/deregister/one')).status).toBe(200);
  await are('three');
  expect((await node.request('PUT', '/v1/agent/check/pass/service:two')).status).toBe(200);
  await are('three', 'two');
});
