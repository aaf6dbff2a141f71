import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AgentError, type ConfigSources, loadConfig } from '@skein/agent';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const secret = 'a-token-of-enough-length';
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'skein-config-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
}

function refusal(sources: ConfigSources): AgentError {
  try {
    loadConfig(sources);
  } catch (error) {
    if (error instanceof AgentError) return error;
    throw error;
  }
  throw new Error('the settings were accepted');
}

describe('sources', () => {
  test('flags win over the environment, which wins over files, which win over defaults', () => {
    const files = [file('a.yaml', 'name: from-file\nmesh: from-file\nzone: from-file\n')];
    const env = { SKEIN_NAME: 'from-env', SKEIN_MESH: 'from-env' };
    const { config } = loadConfig({ files, env, flags: { name: 'from-flag' } });
    expect([config.name, config.mesh, config.zone, config.region]).toEqual(['from-flag', 'from-env', 'from-file', '']);
  });

  test('a directory is read in the order of its file names, and only its YAML and JSON files', () => {
    mkdirSync(join(dir, 'conf.d'));
    file('conf.d/20-late.json', '{"zone": "late", "tags": {"b": "2"}}');
    file('conf.d/10-early.yml', 'zone: early\nregion: north\ntags: {a: "1"}\n');
    file('conf.d/README.md', 'not: [yaml');
    const { config } = loadConfig({ files: [join(dir, 'conf.d')] });
    expect(config).toMatchObject({ zone: 'late', region: 'north', tags: { a: '1', b: '2' } });
  });

  test('a flag that was not given does not hide what a file says', () => {
    const { config } = loadConfig({ files: [file('a.yaml', 'zone: z1')], flags: { zone: undefined } });
    expect(config.zone).toBe('z1');
  });

  test('lists, tags and switches have a form in the environment', () => {
    const env = { SKEIN_JOIN: '10.0.0.1:7946, 10.0.0.2:7946', SKEIN_TAGS: 'rack=7,spare=', SKEIN_DEV: 'true', HOME: dir };
    const { config } = loadConfig({ env });
    expect(config).toMatchObject({ join: ['10.0.0.1:7946', '10.0.0.2:7946'], tags: { rack: '7', spare: '' }, dev: true });
  });

  test('how long DNS answers may be remembered is told by service, by prefix and for nodes', () => {
    const files = [file('a.yaml', 'dnsServiceTtl: {web: 10s, "api-*": 1m30s, "*": 500ms}\ndnsNodeTtl: 5s\n')];
    const { config } = loadConfig({ files, env: { SKEIN_DNS_ONLY_PASSING: 'true' } });
    expect(config.dnsPolicy).toEqual({ serviceTtlS: { web: 10, 'api-*': 90, '*': 0 }, nodeTtlS: 5, onlyPassing: true });
    expect(loadConfig({ env: {} }).config.dnsPolicy).toEqual({ serviceTtlS: {}, nodeTtlS: 0, onlyPassing: false });
  });

  test.each(['-1s', '10', 'soon', '9999999h'])('"%s" is no time that an answer may be remembered', (ttl) => {
    expect(refusal({ files: [file('a.yaml', `dnsServiceTtl: {web: "${ttl}"}\n`)], env: {} }).message).toContain(
      'dnsServiceTtl.web',
    );
    expect(refusal({ files: [file('b.yaml', `dnsNodeTtl: "${ttl}"\n`)], env: {} }).message).toContain('must be a duration');
  });

  test('DNS listens on 8600 of loopback and asks nobody else, unless told so', () => {
    expect(loadConfig({ env: {} }).config).toMatchObject({ dns: { host: '127.0.0.1', port: 8600 }, recursors: [] });
    const env = { SKEIN_DNS: '[::1]:53', SKEIN_RECURSORS: '10.0.0.2, 10.0.0.3:5353, fd00::53, [fd00::54]:54' };
    expect(loadConfig({ env }).config).toMatchObject({
      dns: { host: '::1', port: 53 },
      recursors: [
        { host: '10.0.0.2', port: 53 },
        { host: '10.0.0.3', port: 5353 },
        { host: 'fd00::53', port: 53 },
        { host: 'fd00::54', port: 54 },
      ],
    });
  });

  test('an unknown SKEIN_ variable is named, not obeyed and not fatal', () => {
    expect(loadConfig({ env: { SKEIN_ZOEN: 'x' } }).notes.join()).toContain('SKEIN_ZOEN');
    expect(loadConfig({ env: { SKEIN_HTTP_ADDR: 'http://127.0.0.1:1' } }).notes.join()).not.toContain('HTTP_ADDR');
  });

  test('an empty file is an empty set of settings', () => {
    expect(loadConfig({ files: [file('empty.yaml', '# nothing\n')] }).config.mesh).toBe('skein');
  });
});

describe('refusals name the key, the source and the next step', () => {
  test.each([
    ['zoen: x', ['zoen', 'a.yaml', 'not a setting']],
    ['data-dir: /x', ['data-dir', 'Did you mean dataDir?']],
    ['bind: 7946', ['bind', 'a.yaml']],
    ['bind: "host"', ['bind', 'HOST:PORT']],
    ['bind: "127.0.0.1:70000"', ['bind', 'HOST:PORT']],
    ['tags: {a: 1}', ['tags.a', 'a.yaml']],
    ['join: ["a:1", "b"]', ['join.1', 'HOST:PORT']],
    ['name: "../../etc"', ['name', 'letters, digits']],
    ['profile: fast', ['profile']],
    ['logLevel: loud', ['logLevel']],
    ['token: short', ['token', 'skein token create']],
    ['- a list', ['settings in', 'a.yaml']],
    ['a: [', ['a.yaml', 'neither YAML nor JSON']],
    ['zone: a\nzone: b', ['a.yaml', 'the key "zone" is there twice at line 2, column 1']],
    ['tags: &a {a: *a}', ['a.yaml', 'the alias "a" stands for what it is in']],
    ['zone: a\n---\nzone: b', ['a.yaml', 'has 2 documents']],
    ['a: &a [x]\nb: [*a,*a]\nc: 1', ['a in', 'not a setting']],
  ])('%s', (text, parts) => {
    const error = refusal({ files: [file('a.yaml', text)] });
    expect(error.code).toBe('invalid-setting');
    for (const part of parts) expect(error.message).toContain(part);
  });

  test('a flag and a variable are named as the user wrote them', () => {
    expect(refusal({ flags: { dataDir: '' } }).message).toContain('--data-dir on the command line');
    expect(refusal({ env: { SKEIN_LOG_LEVEL: 'loud' } }).message).toContain('SKEIN_LOG_LEVEL in the environment');
    expect(refusal({ env: { SKEIN_DEV: 'perhaps' } }).message).toContain('SKEIN_DEV');
  });

  test('a file that does not exist is named', () => {
    expect(refusal({ files: [join(dir, 'gone.yaml')] }).message).toMatch(/gone\.yaml does not exist/);
  });

  test('a file of many megabytes is refused unread', () => {
    expect(refusal({ files: [file('big.yaml', `zone: "${'x'.repeat(1_100_000)}"`)] }).message).toContain('at most');
  });

  test('a token never appears in a refusal', () => {
    const error = refusal({ flags: { token: 'abc-secret' } });
    expect(error.message).not.toContain('abc-secret');
  });
});

describe('token and bind', () => {
  test('without a token an agent binds loopback and says so', () => {
    const { config, notes } = loadConfig();
    expect(config.bind).toEqual({ host: '127.0.0.1', port: 7946 });
    expect(notes.join()).toContain('no token');
  });

  test('without a token a bind beyond loopback is refused with the next step', () => {
    for (const bind of ['0.0.0.0:7946', '10.1.2.3:1', '[::]:0', 'example.org:1']) {
      const error = refusal({ flags: { bind } });
      expect(error.code).toBe('token-required');
      expect(error.message).toContain('skein token create');
    }
  });

  test('without a token every spelling of loopback is accepted', () => {
    for (const bind of ['127.0.0.1:0', '127.9.9.9:1', 'localhost:1', '[::1]:1'])
      expect(() => loadConfig({ flags: { bind } })).not.toThrow();
  });

  test('with a token an agent listens on every interface', () => {
    const { config, notes } = loadConfig({ flags: { token: secret } });
    expect(config.bind).toEqual({ host: '0.0.0.0', port: 7946 });
    expect(config.advertise.host).not.toBe('0.0.0.0');
    expect(notes.join()).toMatch(/advertising/);
  });

  test('an advertised address that cannot be dialled is refused', () => {
    expect(refusal({ flags: { token: secret, advertise: '0.0.0.0:7946' } }).message).toContain('cannot be dialled');
  });

  test('a token is read from a file, without the line end', () => {
    expect(loadConfig({ flags: { tokenFile: file('token', `${secret}\n`) } }).config.token).toBe(secret);
  });

  test('a token file with a short token is refused', () => {
    expect(refusal({ flags: { tokenFile: file('token', 'x') } }).message).toContain('16 characters');
  });

  test('a token on the command line replaces a token file of the settings', () => {
    const files = [file('a.yaml', 'tokenFile: /nowhere')];
    expect(loadConfig({ files, flags: { token: secret } }).config.token).toBe(secret);
  });

  test('token and tokenFile in one source contradict each other', () => {
    expect(refusal({ flags: { token: secret, tokenFile: '/x' } }).message).toContain('--token-file');
  });
});

describe('dev', () => {
  test('keeps everything in memory and on loopback', () => {
    const { config } = loadConfig({ flags: { dev: true } });
    expect(config).toMatchObject({
      dataDir: undefined,
      token: undefined,
      profile: 'local',
      bind: { host: '127.0.0.1', port: 7946 },
    });
  });

  test('refuses a token and a bind beyond loopback', () => {
    expect(refusal({ flags: { dev: true, token: secret } }).message).toContain('dev');
    expect(refusal({ flags: { dev: true, bind: '0.0.0.0:1' } }).code).toBe('token-required');
  });
});

test('service files and scripts are off, and come from any source of settings', () => {
  const off = { services: undefined, enableScriptChecks: false, enableLocalScriptChecks: false };
  expect(loadConfig({}).config).toMatchObject(off);
  const env = { SKEIN_SERVICES: 'services.d', SKEIN_ENABLE_SCRIPT_CHECKS: 'true', SKEIN_ENABLE_LOCAL_SCRIPT_CHECKS: '1' };
  const on = { services: 'services.d', enableScriptChecks: true, enableLocalScriptChecks: true };
  expect(loadConfig({ env }).config).toMatchObject(on);
  expect(loadConfig({ flags: on }).config).toMatchObject(on);
  expect(refusal({ env: { SKEIN_ENABLE_SCRIPT_CHECKS: 'yes' } }).message).toContain('SKEIN_ENABLE_SCRIPT_CHECKS');
  expect(refusal({ flags: { services: '' } }).message).toContain('--services');
});

test('the data directory follows the name, so that two agents of one host do not share one', () => {
  const env = { XDG_STATE_HOME: '/state' };
  expect(loadConfig({ env, flags: { name: 'a' } }).config.dataDir).toBe('/state/skein/a');
  expect(loadConfig({ env, flags: { name: 'b' } }).config.dataDir).toBe('/state/skein/b');
});

test('a recursor is another name server, by its address', () => {
  expect(refusal({ flags: { recursors: ['dns.example.com'] } }).message).toBe(
    '--recursor.0 on the command line: must be the address of a name server, such as 10.0.0.2 or 10.0.0.2:53',
  );
  expect(refusal({ env: { SKEIN_RECURSORS: '127.0.0.1:8600' } }).message).toContain('is this agent itself');
  expect(refusal({ flags: { dns: '0.0.0.0:53', recursors: ['127.0.0.1'] } }).message).toContain('is this agent itself');
});
