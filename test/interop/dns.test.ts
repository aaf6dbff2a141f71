/**
 * Programs that resolve names, against a real agent: `dig` over UDP with and without EDNS and over TCP, Node's resolver,
 * and unbound, which forwards the domain and must not remember that a service was away.
 */

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Resolver } from 'node:dns/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { Nodes } from '../e2e/agent-nodes.ts';
import type { RunningNode } from '../e2e/agent-nodes.ts';
import { freePort } from './free-port.ts';

const run = promisify(execFile);
const timeout = 60_000;

/** Why a program cannot be run here. In CI that is a failure. */
async function missing(program: string, args: readonly string[], install: string): Promise<string | undefined> {
  const found = await run(program, [...args]).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
  if (found) return undefined;
  const reason = `${program} is not installed: apt-get install ${install}`;
  if (process.env['SKEIN_REQUIRE_INTEROP'] === '1') throw new Error(reason);
  return reason;
}

/** An agent with the services of `registrations`, and the port of its DNS. */
async function agentWith(...registrations: readonly object[]): Promise<{ readonly node: RunningNode; readonly port: string }> {
  const nodes = new Nodes();
  onTestFinished(() => nodes.close());
  const node = await nodes.start({ name: 'alder', mesh: 'grove' });
  for (const registration of registrations) await register(node, registration);
  return { node, port: (node.agent.info.listeners['dns'] ?? '').split(':').at(-1) ?? '' };
}

async function register(node: RunningNode, registration: object): Promise<void> {
  expect(await node.request('PUT', '/v1/agent/service/register', registration)).toMatchObject({ status: 200 });
}

function instances(count: number): readonly object[] {
  return Array.from({ length: count }, (_, n) => ({
    Name: 'web',
    ID: `web-${n}`,
    Address: `10.1.0.${n}`,
    Port: 8000 + n,
    Tags: ['v1'],
  }));
}

test('dig reads every kind of answer, over UDP with and without EDNS and over TCP', { timeout }, async ({ skip }) => {
  const reason = await missing('dig', ['-v'], 'bind9-dnsutils');
  skip(reason !== undefined, reason);
  const six = { Name: 'six', Address: '2001:db8::6', Port: 66 };
  const { port } = await agentWith(
    ...instances(40),
    six,
    { Name: 'db', Port: 5432 },
    { Name: 'ext', Address: 'db.example.com', Port: 1 },
  );
  const dig = async (...args: readonly string[]): Promise<string> => {
    const { stdout } = await run('dig', ['@127.0.0.1', '-p', port, '+tries=1', '+time=5', ...args]);
    expect(stdout).not.toMatch(/malformed|WARNING: Message|trailing|bad packet/i);
    return stdout.replaceAll(/[ \t]+/g, ' ');
  };

  const small = await dig('+noedns', '+ignore', 'web.service.consul', 'SRV');
  expect(small).toMatch(/flags: qr aa tc rd; QUERY: 1, ANSWER: 10, AUTHORITY: 0, ADDITIONAL: 0/);
  // dig goes on over TCP by itself when an answer was cut short.
  expect(await dig('+noedns', 'web.service.consul', 'SRV')).toMatch(/ANSWER: 40, AUTHORITY: 0, ADDITIONAL: 40/);
  expect(await dig('+bufsize=4096', 'web.service.consul', 'SRV')).toMatch(
    /flags: qr aa rd; QUERY: 1, ANSWER: 40, AUTHORITY: 0, ADDITIONAL: 41/,
  );
  const tcp = await dig('+tcp', '+keepopen', 'web.service.consul', 'A', 'v1.web.service.grove.mesh', 'A');
  expect(tcp.match(/status: NOERROR/g)).toHaveLength(2);
  expect(tcp).toMatch(/ANSWER: 40/);

  expect(await dig('+short', 'six.service.consul', 'AAAA')).toBe('2001:db8::6\n');
  expect(await dig('+short', '_db._tcp.service.consul', 'SRV')).toBe('1 1 5432 alder.node.grove.consul.\n');
  expect(await dig('+short', 'ALDER.node.consul')).toBe('127.0.0.1\n');
  expect(await dig('+short', 'ext.service.consul')).toBe('db.example.com.\n');
  expect(await dig('+short', '0a0b0c0d.addr.consul')).toBe('10.11.12.13\n');
  expect(await dig('+short', '-x', '127.0.0.1')).toBe('alder.node.grove.consul.\n');
  expect(await dig('+short', 'consul', 'NS')).toBe('alder.node.grove.consul.\n');
  expect(await dig('+short', 'consul', 'SOA')).toMatch(/^ns\.consul\. hostmaster\.consul\. \d+ 3600 600 86400 0\n$/);
  expect(await dig('nobody.service.consul')).toMatch(/status: NXDOMAIN[^]*AUTHORITY SECTION:\nconsul\. 0 IN SOA/);
  expect(await dig('web.service.consul', 'AAAA')).toMatch(/status: NOERROR[^]*ANSWER: 0, AUTHORITY: 1/);
  expect(await dig('+edns=1', '+noednsneg', 'web.service.consul')).toMatch(/status: BADVERS/);
  expect(await dig('+opcode=update', 'consul')).toMatch(/status: NOTIMP/);
  expect(await dig('example.com')).toMatch(/status: REFUSED/);
  expect(await dig('-c', 'CH', 'version.bind', 'TXT')).toMatch(/status: REFUSED/);
  expect(await dig('consul', 'AXFR')).toMatch(/Transfer failed/);
});

test(
  "Node's resolver finds places, addresses, texts and names, and tells missing names from missing records",
  { timeout },
  async () => {
    const { port } = await agentWith(...instances(3));
    const resolver = new Resolver({ timeout: 5000, tries: 1 });
    resolver.setServers([`127.0.0.1:${port}`]);
    expect((await resolver.resolve4('web.service.consul')).sort()).toEqual(['10.1.0.0', '10.1.0.1', '10.1.0.2']);
    const places = await resolver.resolveSrv('_web._v1.service.consul');
    expect(places.map(({ port: at }) => at).sort((a, b) => a - b)).toEqual([8000, 8001, 8002]);
    // Newer Nodes add the record's type to each place.
    expect(places.find(({ port: at }) => at === 8001)).toMatchObject({
      name: '0a010001.addr.grove.consul',
      priority: 1,
      weight: 1,
    });
    expect(await resolver.reverse('10.1.0.1')).toEqual(['web.service.grove.consul']);
    expect(await resolver.resolveSoa('consul')).toMatchObject({ nsname: 'ns.consul', minttl: 0 });
    await expect(resolver.resolve6('web.service.consul')).rejects.toMatchObject({ code: 'ENODATA' });
    await expect(resolver.resolve4('nobody.service.consul')).rejects.toMatchObject({ code: 'ENOTFOUND' });
  },
);

/** Starts unbound for the domain, as its users set it up, and resolves with its port once it answers. */
async function startUnbound(dnsPort: string, kind: 'forward' | 'stub'): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'skein-unbound-'));
  const port = await freePort();
  const config = `
server:
  directory: "${directory}"
  chroot: ""
  username: ""
  pidfile: "${directory}/pid"
  use-syslog: no
  logfile: ""
  interface: 127.0.0.1
  port: ${port}
  do-ip6: no
  do-not-query-localhost: no
  qname-minimisation: yes
  qname-minimisation-strict: yes
  module-config: "iterator"
  num-threads: 1
remote-control:
  control-enable: no
${kind}-zone:
  name: "consul."
  ${kind}-addr: 127.0.0.1@${dnsPort}
`;
  writeFileSync(join(directory, 'unbound.conf'), config);
  const child = spawn('unbound', ['-d', '-v', '-c', join(directory, 'unbound.conf')], { stdio: ['ignore', 'ignore', 'pipe'] });
  const log: string[] = [];
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'close');
    }
    rmSync(directory, { recursive: true, force: true });
  });
  await new Promise<void>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log.push(text);
      if (text.includes('start of service')) resolve();
    });
    child.once('error', reject);
    child.once('close', () => reject(new Error(`unbound ended:\n${log.join('')}`)));
  });
  return port;
}

test.for(['forward', 'stub'] as const)(
  'unbound with a %s-zone finds a service as soon as it is there, though it was asked for before',
  { timeout },
  async (kind, { skip }) => {
    const reason = await missing('unbound', ['-V'], 'unbound');
    skip(reason !== undefined, reason);
    const { node, port } = await agentWith();
    const resolver = new Resolver({ timeout: 10_000, tries: 1 });
    resolver.setServers([`127.0.0.1:${await startUnbound(port, kind)}`]);
    const ask = (): Promise<readonly string[]> => resolver.resolve4('v1.web.service.consul');

    await expect(ask()).rejects.toMatchObject({ code: 'ENOTFOUND' });
    await register(node, instances(1)[0] ?? {});
    expect(await ask()).toEqual(['10.1.0.0']);
    expect(await resolver.resolveSrv('_web._tcp.service.consul')).toMatchObject([
      { port: 8000, name: '0a010000.addr.grove.consul' },
    ]);
    expect(await resolver.resolve4('0a010000.addr.grove.consul')).toEqual(['10.1.0.0']);
    expect((await node.request('PUT', '/v1/agent/service/deregister/web-0')).status).toBe(200);
    await expect(ask()).rejects.toMatchObject({ code: 'ENOTFOUND' });
    await register(node, instances(1)[0] ?? {});
    expect(await ask()).toEqual(['10.1.0.0']);
    // A name without records of a type is another kind of negative answer.
    await expect(resolver.resolve6('web.service.consul')).rejects.toMatchObject({ code: 'ENODATA' });
    await register(node, { Name: 'web', ID: 'six', Address: '2001:db8::6', Port: 66 });
    expect(await resolver.resolve6('web.service.consul')).toEqual(['2001:db8::6']);
  },
);
