/** Registrations that break a rule: what is wrong is named, and nothing changes. */

import { checkId, instanceId, limits } from '@skein/core';
import type { CheckDefinition, Instance } from '@skein/core';
import { describe, expect, test } from 'vitest';
import { Agent, definition } from './health-agent.ts';

describe('what is refused', () => {
  test('an id that is not registered is named, and nothing changes', () => {
    const agent = new Agent();
    expect(agent.health.deregister(instanceId('nobody'), '')).toMatchObject({
      ok: false,
      code: 'unknown-instance',
      message: expect.stringContaining('"nobody"'),
    });
    expect(agent.health.deregisterCheck(checkId('nobody'))).toMatchObject({ ok: false, code: 'unknown-check' });
    expect(agent.result('nobody', 'passing')).toMatchObject({ ok: false, code: 'unknown-check' });
    expect(agent.health.registerCheck(definition('c', { instanceId: instanceId('nobody') }))).toMatchObject({
      ok: false,
      code: 'unknown-instance',
    });
    expect(agent.writes).toEqual([]);
    expect(agent.turn.take()).toEqual([]);
  });

  test('what the catalog has no room for is not registered, kept or told', () => {
    const agent = new Agent();
    agent.register({}, [definition('a')]);
    const before = [...agent.health.registrations.values()];
    agent.turn.take();
    agent.refuse = true;
    expect(agent.register({ port: 5 }, [definition('b')], true)).toMatchObject({ code: 'limit-exceeded' });
    expect(agent.health.registerCheck(definition('c'))).toMatchObject({ code: 'limit-exceeded' });
    expect([...agent.health.registrations.values()]).toEqual(before);
    expect(agent.turn.take()).toEqual([]);
  });

  const long = (n: number): string => 'x'.repeat(n);
  test.each<[string, Partial<Instance>]>([
    ['Name', { service: '' }],
    ['Name', { service: long(129) }],
    ['ID', { id: instanceId('') }],
    ['Address', { address: long(257) }],
    ['Address 0.0.0.0', { address: '0.0.0.0' }],
    ['Port', { port: 65_536 }],
    ['Port', { port: -1 }],
    ['Port', { port: 1.5 }],
    ['Port', { port: Number.NaN }],
    ['Tags', { tags: Array.from({ length: 65 }, String) }],
    ['Tags[1]', { tags: ['a', long(257)] }],
    ['Meta', { meta: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, ''])) }],
    ['Meta key', { meta: { '': 'x' } }],
    ['Meta.k', { meta: { k: long(513) } }],
    ['Weights.Passing', { weights: { passing: -1, warning: 1 } }],
    ['Weights.Warning', { weights: { passing: 1, warning: 70_000 } }],
    ['TaggedAddresses.lan.Port', { taggedAddresses: { lan: { address: 'x', port: 70_000 } } }],
    [
      'TaggedAddresses',
      { taggedAddresses: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, { address: '', port: 1 }])) },
    ],
    ['Locality.Zone', { zone: long(129) }],
    ['Kind', { kind: long(129) }],
    ['SocketPath', { socketPath: long(257) }],
    ['Protocol', { protocol: 'smtp' }],
  ])('an instance names the field that breaks a rule: %s', (field, fields) => {
    const agent = new Agent();
    expect(agent.register(fields)).toMatchObject({
      ok: false,
      code: 'invalid-registration',
      message: expect.stringContaining(field),
    });
    expect(agent.writes).toEqual([]);
  });

  test.each<[string, Partial<CheckDefinition>]>([
    ['CheckID', { id: checkId('') }],
    ['Check.Name', { name: '' }],
    ['Check.Notes', { notes: long(1025) }],
    ['Check.Interval', { intervalMs: 0 }],
    ['Check.Interval', { intervalMs: Number.NaN }],
    ['Check.Timeout', { timeoutMs: -1 }],
    ['Check.SuccessBeforePassing', { successBeforePassing: 1001 }],
    ['Check.FailuresBeforeWarning', { failuresBeforeWarning: 3, failuresBeforeCritical: 2 }],
    ['Check.FailuresBeforeCritical', { failuresBeforeCritical: 0.5 }],
    ['Check.DeregisterCriticalServiceAfter', { deregisterCriticalAfterMs: -1 }],
    ['Check.DeregisterCriticalServiceAfter', { deregisterCriticalAfterMs: Number.NaN }],
    [
      'Check.HTTP',
      { probe: { type: 'http', url: '', method: 'GET', headers: {}, body: '', followRedirects: true, skipTlsVerify: false } },
    ],
    ['Check.TCP', { probe: { type: 'tcp', address: long(257) } }],
    ['Check.TLSServerName', { probe: { type: 'tcp', address: 'x:1', tls: { serverName: long(257), skipVerify: false } } }],
    ['Check.UDP', { probe: { type: 'udp', address: '' } }],
    ['Check.GRPC service', { probe: { type: 'grpc', address: 'x:1', service: long(257) } }],
    ['Check.H2PING', { probe: { type: 'h2ping', address: long(257) } }],
    ['Check.ScriptArgs', { probe: { type: 'script', args: [] } }],
    ['Check.ScriptArgs', { probe: { type: 'script', args: [''] } }],
    ['Check.ScriptArgs has 65', { probe: { type: 'script', args: Array.from({ length: 65 }, String) } }],
    ['Check.ScriptArgs[1]', { probe: { type: 'script', args: ['x', 'a\0b'] } }],
    ['Check.AliasService', { probe: { type: 'alias', node: '', instance: '' } }],
    ['Check.AliasNode', { probe: { type: 'alias', node: long(129), instance: '' } }],
    ['Check.OutputMaxSize', { outputLengthMax: limits.outputLength + 1 }],
    ['Check.TTL', { probe: { type: 'ttl', ttlMs: 0 } }],
    ['Check.TTL', { probe: { type: 'ttl', ttlMs: Number.POSITIVE_INFINITY } }],
  ])('a check names the field that breaks a rule: %s', (field, fields) => {
    const agent = new Agent();
    const message = expect.stringContaining(field);
    expect(agent.health.registerCheck(definition('c', fields))).toMatchObject({
      ok: false,
      code: 'invalid-registration',
      message,
    });
    expect(agent.register({}, [definition('c', fields)])).toMatchObject({ ok: false, code: 'invalid-registration', message });
    expect(agent.has('web')).toBe(false);
  });

  test('two checks of one registration with one id', () => {
    const agent = new Agent();
    expect(agent.register({}, [definition('c'), definition('c')])).toMatchObject({
      code: 'invalid-registration',
      message: expect.stringContaining('"c" is used twice'),
    });
  });
});

describe('text', () => {
  test.each([
    ['half of a surrogate pair', 's\ud800', 'surrogate'],
    ['a line feed', 'a\nb', 'U+000A'],
    ['an escape sequence', '\u001b[31m', 'U+001B'],
    ['a mark that turns the reading direction', 'a\u202Eb', 'U+202E'],
  ])('a name, id or tag with %s is refused and changes nothing', (_what, bad, said) => {
    const agent = new Agent();
    for (const fields of [{ id: instanceId(bad) }, { service: bad }, { tags: [bad] }]) {
      const result = agent.register(fields);
      expect(result).toMatchObject({ ok: false, code: 'invalid-registration', message: expect.stringContaining(said) as string });
    }
    expect(agent.writes).toEqual([]);
  });

  test('names outside ASCII are names like others', () => {
    expect(new Agent().register({ service: 'bücher-本-😀' })).toEqual({ ok: true });
  });

  test('output that is cut within a pair is shown with a replacement character', () => {
    const agent = new Agent();
    agent.register({}, [definition('c', { initialStatus: 'passing' })]);
    agent.health.result(checkId('c'), 'critical', `${'x'.repeat(limits.outputLength - 1)}😀`);
    const check = agent.writes.at(-1)?.upserts[0];
    expect(check?.type === 'check' && check.check.output.endsWith('x\ufffd')).toBe(true);
  });
});
