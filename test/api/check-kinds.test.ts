/** The kinds of checks that Consul's clients define, and those that are refused. */

import { expect, test } from 'vitest';
import type { CheckDefinition, CheckProbe } from '@skein/core';
import { refused, setup } from './fake-agent.ts';

const register = '/v1/agent/service/register';
const registerCheck = '/v1/agent/check/register';
const http = { HTTP: 'http://127.0.0.1:80/', Interval: '10s' };

async function checkOf(check: unknown): Promise<CheckDefinition> {
  const api = setup();
  const answer = await api.put(register, { Name: 'web', Check: check });
  expect([answer.statusCode, answer.body]).toEqual([200, '']);
  const [command] = api.port.commands;
  if (command?.type !== 'register') throw new Error('nothing was registered');
  return command.checks[0]!;
}

test.each<[Record<string, unknown>, CheckProbe]>([
  [
    { TCP: 'db:5432', TCPUseTLS: true },
    { type: 'tcp', address: 'db:5432', tls: { serverName: '', skipVerify: false } },
  ],
  [
    { TCP: 'db:5432', TCPUseTLS: false },
    { type: 'tcp', address: 'db:5432' },
  ],
  [{ UDP: '127.0.0.1:53' }, { type: 'udp', address: '127.0.0.1:53' }],
  [{ GRPC: '127.0.0.1:1' }, { type: 'grpc', address: '127.0.0.1:1', service: '' }],
  [
    { GRPC: '[::1]:1/a.B/c', grpc_use_tls: true, tls_server_name: 'x.y', tls_skip_verify: true },
    { type: 'grpc', address: '[::1]:1', service: 'a.B/c', tls: { serverName: 'x.y', skipVerify: true } },
  ],
  [{ H2PING: 'web:443' }, { type: 'h2ping', address: 'web:443', tls: { serverName: '', skipVerify: false } }],
  [
    { h2ping: 'web:80', h2ping_use_tls: false },
    { type: 'h2ping', address: 'web:80' },
  ],
])('a check of %j is one of its kind', async (check, probe) => {
  expect(await checkOf({ ...check, Interval: '10s' })).toMatchObject({ intervalMs: 10_000, timeoutMs: 10_000 });
  expect((await checkOf({ ...check, Interval: '10s' })).probe).toEqual(probe);
});

test.each([
  [{ AliasService: 'db-1' }, { type: 'alias', node: '', instance: 'db-1' }],
  [{ alias_node: 'beta' }, { type: 'alias', node: 'beta', instance: '' }],
  [
    { AliasNode: 'beta', AliasService: 'db-1', FailuresBeforeCritical: 3 },
    { type: 'alias', node: 'beta', instance: 'db-1' },
  ],
])('an alias of %j has no interval and no thresholds', async (check, probe) => {
  expect(await checkOf(check)).toMatchObject({ probe, intervalMs: 0, timeoutMs: 0, failuresBeforeCritical: 0 });
});

test('a server name for TLS is that of the probe', async () => {
  const { probe } = await checkOf({ ...http, TLSServerName: 'web.internal' });
  expect(probe).toMatchObject({ type: 'http', tlsServerName: 'web.internal' });
  expect((await checkOf(http)).probe).not.toHaveProperty('tlsServerName');
});

test('less output may be asked for than the agent keeps, and not more', async () => {
  expect((await checkOf({ ...http, OutputMaxSize: 100 })).outputLengthMax).toBe(100);
  for (const OutputMaxSize of [0, 4096, 1_000_000]) {
    expect(await checkOf({ ...http, OutputMaxSize })).not.toHaveProperty('outputLengthMax');
  }
});

test('a check of a service may have its id under the key that files have', async () => {
  expect(await checkOf({ ...http, id: 'alive', service_id: 'whatever' })).toMatchObject({ id: 'alive', instanceId: 'web' });
});

const script = { ScriptArgs: ['check-disk', '-w', '90'], Interval: '10s' };

test.each([script, { Args: ['true'], Interval: '10s' }, { script_args: ['true'], Interval: '10s' }])(
  'a script of %j is refused, in words that Consul has, unless the agent was told to run them',
  async (check) => {
    const words = 'Invalid check: Scripts are disabled on this agent from remote calls; to enable,';
    expect(await refused(register, { Name: 'web', Check: check })).toContain(words);
    expect(await refused(registerCheck, { Name: 'c', ...check })).toContain(words);
  },
);

test('a script is a program with its arguments, and has 30 s where it says nothing', async () => {
  const api = setup({ scriptChecks: true });
  expect((await api.put(register, { Name: 'web', Check: script })).statusCode).toBe(200);
  expect((await api.put(registerCheck, { Name: 'c', ...script, Timeout: '5s' })).statusCode).toBe(200);
  const probe = { type: 'script', args: ['check-disk', '-w', '90'] };
  expect(api.port.commands).toMatchObject([
    { checks: [{ probe, timeoutMs: 30_000 }] },
    { definition: { probe, timeoutMs: 5000 } },
  ]);
});

test.each([
  ['OSService', 'sshd', 'OSService checks ask the service manager'],
  ['Script', 'exit 0', 'a script is given as ScriptArgs'],
  ['Shell', '/bin/sh', 'Docker checks need'],
  ['DockerContainerID', 'abc', 'Docker checks need'],
])('a check with %s is refused, with why and what to use instead', async (key, value, why) => {
  const text = await refused(register, { Name: 'web', Check: { [key]: value, ScriptArgs: ['true'], Interval: '10s' } });
  expect(text).toContain(`Request decode failed: Check.${key}: ${why}`);
  expect(text).toContain('; use an HTTP, TCP, UDP, gRPC, H2PING, TTL or script check instead');
});
