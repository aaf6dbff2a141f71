/** Services and checks as Consul's clients define them, good and bad. */

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CheckDefinition, Command } from '@skein/core';
import { json, refused, setup } from './fake-agent.ts';

const register = '/v1/agent/service/register';
const registerCheck = '/v1/agent/check/register';
const http = { HTTP: 'http://127.0.0.1:80/', Interval: '10s' };

async function registered(body: unknown): Promise<Extract<Command, { type: 'register' }>> {
  const api = setup();
  const answer = await api.put(register, body);
  expect([answer.statusCode, answer.body]).toEqual([200, '']);
  return api.port.commands[0] as never;
}

async function checkOf(check: unknown): Promise<CheckDefinition> {
  return (await registered({ Name: 'web', Check: check })).checks[0]!;
}

test('a name is all a service needs; the rest has the defaults of Consul', async () => {
  expect(await registered({ Name: 'web' })).toEqual({
    type: 'register',
    replaceChecks: false,
    checks: [],
    instance: {
      id: 'web',
      service: 'web',
      address: '',
      port: 0,
      tags: [],
      meta: {},
      weights: { passing: 1, warning: 1 },
      taggedAddresses: {},
      enableTagOverride: false,
      protocol: '',
      region: '',
      zone: '',
      kind: '',
      socketPath: '',
    },
  });
});

test('every field of a service is kept', async () => {
  const { instance } = await registered({
    ID: 'web-1',
    Name: 'web',
    Tags: ['a', 'b'],
    Address: '10.1.2.3',
    Port: 8080,
    Meta: { version: '2' },
    Weights: { Passing: 10, Warning: 2 },
    TaggedAddresses: { wan: { Address: '1.2.3.4', Port: 80 } },
    EnableTagOverride: true,
    SocketPath: '/run/web.sock',
    Locality: { Region: 'eu', Zone: 'eu-1' },
    Namespace: 'default',
    Partition: '',
    Token: 'ignored',
  });
  expect(instance).toMatchObject({
    id: 'web-1',
    tags: ['a', 'b'],
    address: '10.1.2.3',
    port: 8080,
    meta: { version: '2' },
    weights: { passing: 10, warning: 2 },
    taggedAddresses: { wan: { address: '1.2.3.4', port: 80 } },
    enableTagOverride: true,
    socketPath: '/run/web.sock',
    region: 'eu',
    zone: 'eu-1',
  });
});

test('keys are read in any case and in snake_case, and null means absent', async () => {
  const { instance, checks } = await registered({
    NAME: 'web',
    id: null,
    port: 1,
    enable_tag_override: true,
    tagged_addresses: { lan: { address: '10.0.0.9', PORT: 2 } },
    Check: null,
    checks: [{ http: 'http://x/', interval: '2s', tls_skip_verify: true, deregister_critical_service_after: '90m', args: null }],
    Proxy: null,
    Connect: null,
  });
  expect(instance).toMatchObject({
    id: 'web',
    port: 1,
    enableTagOverride: true,
    taggedAddresses: { lan: { address: '10.0.0.9', port: 2 } },
  });
  expect(checks).toMatchObject([{ deregisterCriticalAfterMs: 5_400_000, probe: { skipTlsVerify: true } }]);
});

test("what Go's client sends for an empty registration of a check is no check", async () => {
  expect((await registered({ Name: 'web', Check: {}, Checks: null })).checks).toEqual([]);
  expect((await registered({ Name: 'web', Check: {}, Checks: [{}, { TTL: '5s' }] })).checks).toHaveLength(1);
});

test('checks get ids and names from their service, numbered where there are several', async () => {
  const one = await registered({ ID: 'web-1', Name: 'web', Check: { TTL: '10s' } });
  expect(one.checks).toMatchObject([{ id: 'service:web-1', name: "Service 'web' check", instanceId: 'web-1' }]);
  const three = await registered({
    ID: 'w',
    Name: 'web',
    Check: { TTL: '1s' },
    Checks: [{ TTL: '2s', CheckID: 'mine', Name: 'My check' }, http],
  });
  expect(three.checks.map(({ id }) => id)).toEqual(['service:w:1', 'mine', 'service:w:3']);
  expect(three.checks[1]?.name).toBe('My check');
});

test('an HTTP check has all of its fields, and critical as its first status', async () => {
  expect(
    await checkOf({
      HTTP: 'https://127.0.0.1:8443/health',
      Method: 'POST',
      Header: { 'X-Token': ['a', 'b'] },
      Body: '{}',
      DisableRedirects: true,
      TLSSkipVerify: true,
      Interval: '5s',
      Timeout: '2s',
      Notes: 'n',
      SuccessBeforePassing: 2,
      FailuresBeforeWarning: 1,
      FailuresBeforeCritical: 3,
      OutputMaxSize: 4096,
    }),
  ).toEqual({
    id: 'service:web',
    name: "Service 'web' check",
    notes: 'n',
    instanceId: 'web',
    probe: {
      type: 'http',
      url: 'https://127.0.0.1:8443/health',
      method: 'POST',
      headers: { 'X-Token': ['a', 'b'] },
      body: '{}',
      followRedirects: false,
      skipTlsVerify: true,
    },
    intervalMs: 5000,
    timeoutMs: 2000,
    successBeforePassing: 2,
    failuresBeforeWarning: 1,
    failuresBeforeCritical: 3,
    deregisterCriticalAfterMs: 0,
    initialStatus: 'critical',
  });
});

test('TCP and TTL checks keep their own fields, and a given status is the first one', async () => {
  expect(await checkOf({ TCP: '[::1]:5432', Interval: '3s' })).toMatchObject({
    probe: { type: 'tcp', address: '[::1]:5432' },
    intervalMs: 3000,
  });
  expect(await checkOf({ TTL: '30s', Status: 'passing' })).toMatchObject({
    probe: { type: 'ttl', ttlMs: 30_000 },
    initialStatus: 'passing',
    intervalMs: 0,
    timeoutMs: 0,
  });
});

test.each([
  ['an interval below a second is a second', { ...http, Interval: 10 }, { intervalMs: 1000 }],
  ['a timeout is ten seconds for a check that runs often', { ...http, Interval: '4s' }, { timeoutMs: 10_000 }],
  ['a timeout is ten seconds for rare checks', { ...http, Interval: '10m' }, { timeoutMs: 10_000 }],
  [
    'deregistration waits for a minute at least',
    { TTL: '1s', DeregisterCriticalServiceAfter: '5s' },
    { deregisterCriticalAfterMs: 60_000 },
  ],
  ['warnings come with failures unless said otherwise', { ...http, FailuresBeforeCritical: 4 }, { failuresBeforeWarning: 4 }],
])('%s', async (_rule, check, kept) => {
  expect(await checkOf(check)).toMatchObject(kept);
});

test.each([
  ['10s', 10_000],
  ['1m30s', 90_000],
  ['250ms', 250],
  ['1.5h', 5_400_000],
  ['.5s', 500],
  ['1.s', 1000],
  ['100us', 1],
  ['100µs', 1],
  ['+5s', 5000],
  [30_000_000_000, 30_000],
])('a duration of %j is %d ms, as in Go', async (TTL, ttlMs) => {
  expect((await checkOf({ TTL })).probe).toEqual({ type: 'ttl', ttlMs });
});

test.each([
  '10',
  's',
  '10 s',
  '1d',
  'ten',
  '1s2',
  '1e3s',
  '--1s',
  '-',
  '.s',
  '999999999h',
  'NaN',
  '1s'.repeat(40),
  '-5s',
  -1,
  1.5,
  true,
  [],
  {},
])('%j is not a duration', async (TTL) => {
  expect(await refused(register, { Name: 'web', Check: { TTL } })).toMatch(
    /^Request decode failed: Check\.TTL: expected a duration/,
  );
});

test.each([
  ['1s', '1s'],
  ['1500ms', '1.5s'],
  ['90s', '1m30s'],
  ['60s', '1m0s'],
  ['7200s', '2h0m0s'],
])('an interval of %s is shown as %s, as Go prints it', async (Interval, shown) => {
  const api = setup();
  await api.put(register, { Name: 'web', Check: { TCP: 'localhost:1', Interval } });
  expect(json(await api.get('/v1/agent/checks'))).toMatchObject({ 'service:web': { Interval: shown } });
});

test.each([
  [{ Name: 'web', Prot: 80 }, 'Request decode failed: unknown key "Prot"'],
  [{ Name: 'web', Check: { TTL: '1s', Intervall: '5s' } }, 'Request decode failed: unknown key "Check.Intervall"'],
  [{ Name: 'web', Checks: [{ TTL: '1s' }, { ServiceName: 'x' }] }, 'Request decode failed: unknown key "Checks[1].ServiceName"'],
  [{ Name: 'web', Weights: { Pass: 1 } }, 'Request decode failed: unknown key "Weights.Pass"'],
  [JSON.parse('{"Name":"web","__proto__":{"a":1}}'), 'Request decode failed: unknown key "__proto__"'],
  [{ Name: 'web', constructor: 1 }, 'Request decode failed: unknown key "constructor"'],
  [{ Name: 'a', name: 'b' }, 'Request decode failed: "Name" and "name" name the same key'],
  [{ Name: 'web', Port: '80' }, 'Request decode failed: Port: expected an integer from 0 to 65535, got "80"'],
  [{ Name: 'web', Port: 65_536 }, 'Request decode failed: Port: expected an integer from 0 to 65535, got 65536'],
  [{ Name: 'web', Port: 1.5 }, 'Request decode failed: Port: expected an integer from 0 to 65535, got 1.5'],
  [{ Name: 7 }, 'Request decode failed: Name: expected a string, got 7'],
  [{ Name: 'web', Tags: 'a' }, 'Request decode failed: Tags: expected a list, got "a"'],
  [{ Name: 'web', Tags: ['a', null] }, 'Request decode failed: Tags[1]: expected a string, got null'],
  [{ Name: 'web', Meta: { a: 1 } }, 'Request decode failed: Meta.a: expected a string, got 1'],
  [{ Name: 'web', Meta: { 'a b': '1' } }, 'Invalid Service Meta: key "a b" may have only letters, digits, "_" and "-"'],
  [
    { Name: 'web', Meta: { 'consul-x': '1' } },
    `Invalid Service Meta: key "consul-x": Key prefix 'consul-' is reserved for internal use; choose another`,
  ],
  [{ Name: 'web', Meta: { a: 'x'.repeat(513) } }, 'Invalid Service Meta: the value of "a" is longer than 512'],
  [
    { Name: 'web', Weights: { Passing: 0 } },
    'Request decode failed: Weights.Passing: expected an integer from 1 to 65535, got 0',
  ],
  [{ Name: 'web', EnableTagOverride: 'yes' }, 'Request decode failed: EnableTagOverride: expected true or false, got "yes"'],
  [{}, 'Missing service name'],
  [{ Name: '' }, 'Missing service name'],
  [[], 'Request decode failed: the body: expected an object, got []'],
  ['null', 'Request decode failed: the body: expected an object, got null'],
  ['"web"', 'Request decode failed: the body: expected an object, got "web"'],
])('a service of %j is refused: %s', async (body, text) => {
  expect(await refused(register, body)).toBe(text);
});

test.each(['0.0.0.0', '::', '[::]'])('a service at %s is refused, since nobody can call it', async (Address) => {
  expect(await refused(register, { Name: 'web', Address })).toContain(`Invalid service address: "${Address}"`);
  expect(await refused(register, { Name: 'web', TaggedAddresses: { wan: { Address } } })).toContain('Invalid service address');
});

test.each([
  [{ Kind: 'connect-proxy' }, 'Kind'],
  [{ Proxy: { DestinationServiceName: 'x' } }, 'Proxy'],
  [{ Connect: { Native: true } }, 'Connect.Native'],
  [{ Connect: { SidecarService: { Port: 1 } } }, 'Connect.SidecarService'],
  [{ connect: { sidecar_service: {} } }, 'connect.sidecar_service'],
  [{ Namespace: 'team' }, 'Namespace'],
  [{ Partition: 'p' }, 'Partition'],
])('%j is not silently dropped', async (more, key) => {
  expect(await refused(register, { Name: 'web', ...more })).toContain(`Request decode failed: ${key}: `);
});

test.each([
  [
    { Interval: '10s' },
    'Invalid check: TTL must be > 0 for TTL checks; a check needs one of HTTP, TCP, UDP, GRPC, H2PING, ScriptArgs, AliasService or TTL',
  ],
  [{ ...http, TCP: 'a:1' }, 'Invalid check: exactly one kind of check is allowed, got HTTP and TCP'],
  [{ ...http, TTL: '1s' }, 'Invalid check: Interval and TTL cannot both be specified'],
  [{ HTTP: 'http://x/', TTL: '1s' }, 'Invalid check: exactly one kind of check is allowed, got HTTP and TTL'],
  [{ ...http, AliasService: 'x' }, 'Invalid check: Interval cannot be set for Alias checks'],
  [{ AliasNode: 'n', TTL: '1s' }, 'Invalid check: TTL must be not be set for Alias checks'],
  [{ ...http, OutputMaxSize: -1 }, 'Invalid check: MaxOutputMaxSize must be positive'],
  [{ GRPC: 'nowhere/x', Interval: '1s' }, 'Invalid check: GRPC must be HOST:PORT, got "nowhere/x"'],
  [{ UDP: ':53', Interval: '1s' }, 'Invalid check: UDP must be HOST:PORT, got ":53"'],
  [{ H2PING: 'a:0', Interval: '1s' }, 'Invalid check: H2PING must be HOST:PORT, got "a:0"'],
  [{ TTL: '1s', Interval: '1s' }, 'Invalid check: Interval and TTL cannot both be specified'],
  [{ HTTP: 'http://x/' }, 'Invalid check: Interval must be > 0 for Script, HTTP, H2PING, TCP, UDP or OSService checks'],
  [{ TCP: 'a:1', Interval: '0s' }, 'Invalid check: Interval must be > 0 for Script, HTTP, H2PING, TCP, UDP or OSService checks'],
  [{ ...http, Interval: '25h' }, 'Invalid check: Interval must be at most 24h'],
  [{ ...http, Timeout: '25h' }, 'Invalid check: Timeout must be at most 24h'],
  [
    { ...http, FailuresBeforeWarning: 3, FailuresBeforeCritical: 2 },
    "Invalid check: FailuresBeforeWarning can't be higher than FailuresBeforeCritical",
  ],
  [{ ...http, Status: 'good' }, 'Bad check status: "good"; use passing, warning or critical'],
  [{ ...http, HTTP: 'file:///etc/passwd' }, 'Invalid check: HTTP must be an http or https URL, got "file:///etc/passwd"'],
  [{ ...http, HTTP: 'localhost' }, 'Invalid check: HTTP must be an http or https URL, got "localhost"'],
  [{ ...http, Method: 'GET / HTTP/1.1' }, 'Invalid check: Method is not an HTTP method: "GET / HTTP/1.1"'],
  [{ ...http, Method: 'connect' }, 'Invalid check: Method CONNECT asks for a tunnel, which says nothing of health; use GET'],
  [{ ...http, Header: { 'a b': ['x'] } }, 'Invalid check: Header has a name that is not allowed: "a b"'],
  [{ ...http, Header: { a: ['x\r\ny: z'] } }, 'Invalid check: Header "a" has a value with characters that are not allowed'],
  [{ TCP: 'nowhere', Interval: '1s' }, 'Invalid check: TCP must be HOST:PORT, got "nowhere"'],
  [{ TCP: 'a:70000', Interval: '1s' }, 'Invalid check: TCP must be HOST:PORT, got "a:70000"'],
])('a check of %j is refused: %s', async (check, text) => {
  expect(await refused(register, { Name: 'web', Check: check })).toBe(text);
});

test('two checks with one id are refused', async () => {
  const checks = [
    { TTL: '1s', CheckID: 'c' },
    { TTL: '2s', CheckID: 'c' },
  ];
  expect(await refused(register, { Name: 'web', Checks: checks })).toContain('two checks of this service have the id "c"');
});

test.each(['', '{', '{"Name":}', "{'Name':'web'}", '\u0000', '{"Name":"web"} trailing', '[1,2', 'NaN'])(
  'a body of %j is refused as no JSON',
  async (body) => {
    expect(await refused(register, body)).toMatch(/^Request decode failed: the body is (not JSON|empty)/);
  },
);

test('a body that is not UTF-8, or nested beyond reason, is refused', async () => {
  const api = setup();
  const answer = await api.api.inject({ method: 'PUT', url: register, payload: Uint8Array.of(0x22, 0xff, 0x22) });
  expect([answer.statusCode, answer.body]).toEqual([400, 'Request decode failed: the body is not valid UTF-8']);
  expect(await refused(register, '['.repeat(200_000))).toBe('Request decode failed: nested deeper than 64 levels');
  expect(await refused('/v1/mesh/config/route/x', `${'{"a":'.repeat(100)}1${'}'.repeat(100)}`)).toContain('nested deeper');
});

test('brackets inside of strings are not nesting', async () => {
  const { instance } = await registered({ Name: 'web', Tags: ['['.repeat(200), '"{'.repeat(99)] });
  expect(instance.tags[0]).toHaveLength(200);
});

test('a body beyond 512 KiB is refused with 413 and the limit', async () => {
  const api = setup();
  const answer = await api.put(register, `{"Name":"${'x'.repeat(524_288)}"}`);
  expect([answer.statusCode, answer.body]).toEqual([413, 'Request body too large: at most 524288 bytes']);
});

test('the content type does not matter', async () => {
  for (const type of ['application/json', 'application/x-www-form-urlencoded', 'text/plain; charset=utf-8', 'x/y']) {
    const answer = await setup().put(register, { Name: 'web' }, { 'content-type': type });
    expect(answer.statusCode, `${type}: ${answer.body}`).toBe(200);
  }
});

test('no body, however broken, breaks the API: it is a 200 or a 400 with text', async () => {
  const api = setup();
  const keys = fc.constantFrom(
    'Name',
    'name',
    'ID',
    'Port',
    'Tags',
    'Meta',
    'Check',
    'Checks',
    'TTL',
    'HTTP',
    'Interval',
    'Weights',
    '__proto__',
    'x',
  );
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom<unknown>(null, true, 0, -1, 1e300, '', '10s', 'web', 'http://x/'),
      fc.string(),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.array(fc.tuple(keys, tie('value')), { maxLength: 5 }).map((entries) => Object.fromEntries(entries)),
    ),
  }));
  const texts = fc.oneof(
    value.map((some) => JSON.stringify(some)),
    fc.string(),
    fc.json(),
  );
  const urls = fc.constantFrom(register, registerCheck, '/v1/agent/check/update/x', '/v1/mesh/config/route/x');
  await fc.assert(
    fc.asyncProperty(urls, texts, async (url, body) => {
      api.port.commands.length = 0;
      const answer = await api.put(url, body);
      if (answer.statusCode === 400) expect(api.port.commands).toEqual([]);
      else if (url !== '/v1/mesh/config/route/x') expect(answer.statusCode).toBe(200);
      expect(answer.body.length).toBeLessThan(1000);
    }),
    { numRuns: 400, seed: 7 },
  );
  expect(api.logged).toEqual([]);
});
