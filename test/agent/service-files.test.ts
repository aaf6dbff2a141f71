/** Service files: what they register and withdraw on a real node, as files come, change, break and go. */

import { ServiceFiles, withdrawFileRegistrations } from '@skein/agent/parts';
import { checkId, instanceId, type Persist, type Registration, registrationKey } from '@skein/core';
import { beforeEach, describe, expect, test } from 'vitest';
import { instance } from '../core/fixture.ts';
import { Solo } from '../core/solo.ts';
import { FakeDirectory } from './fake-directory.ts';
import { ManualClock, settle } from './manual-clock.ts';

let directory: FakeDirectory;
let solo: Solo;
let clock: ManualClock;
let log: string[];
let files: ServiceFiles;

function makeFiles(): ServiceFiles {
  const say = (msg: string, fields: object = {}): void => {
    const { file = '', reason = '', key = '' } = fields as Record<string, string>;
    log.push([msg, file, key, reason].filter((part) => part !== '').join(' | '));
  };
  return new ServiceFiles({
    directory,
    port: { view: () => solo.view, dispatch: (command) => solo.command(command) },
    clock,
    log: { info: say, warn: say, error: say },
    refusal: ({ probe }) => (probe.type === 'script' ? 'no scripts here' : undefined),
  });
}

beforeEach(() => {
  directory = new FakeDirectory();
  solo = new Solo();
  clock = new ManualClock();
  log = [];
  files = makeFiles();
});

/** What is registered, with the file it comes from. */
function registered(): string[] {
  return [...solo.view.registrations()].map((each) => `${registrationKey(each)} ${each.source ?? '-'}`).toSorted();
}

function portOf(id: string): number | undefined {
  for (const each of solo.view.registrations())
    if (each.type === 'instance' && each.instance.id === id) return each.instance.port;
  return undefined;
}

/** The node as it comes back after a crash, from what it had persisted. */
function restart(): void {
  const kept = new Map<string, Registration>();
  const changes = solo.take().flatMap((effect): Persist[] => (effect.type === 'persist' ? [effect.persist] : []));
  for (const change of changes) {
    if (change.type === 'registration') kept.set(registrationKey(change.registration), change.registration);
    else if (change.type === 'registration-removed') kept.delete(change.key);
  }
  const registrations = JSON.parse(JSON.stringify([...kept.values()])) as Registration[];
  solo = new Solo({ options: { registrations, epoch: 2 } });
  log = [];
  files.stop();
  files = makeFiles();
}

/** Instances written since the last call: what others would be told. */
function versions(): number {
  return solo.take().filter((effect) => effect.type === 'persist' && effect.persist.type === 'registration').length;
}

/** A notice of the file system, and the time that editors are given. */
function told(): void {
  directory.tell();
  clock.advance(100);
}

const web = { name: 'web', id: 'web-1', port: 80, checks: [{ tcp: '127.0.0.1:1', interval: '1s' }] };

describe('what a file may hold', () => {
  test.each<[string, string | object, string[]]>([
    ['a bare service', web, ['c/service:web-1 f.yaml', 'i/web-1 f.yaml']],
    ['{ service }', { service: web }, ['c/service:web-1 f.yaml', 'i/web-1 f.yaml']],
    ['{ services }', { Services: [{ Name: 'a' }, { Name: 'b' }] }, ['i/a f.yaml', 'i/b f.yaml']],
    ['{ check }', { check: { id: 'disk', name: 'Disk', ttl: '10s' } }, ['c/disk f.yaml']],
    [
      'all of Consul in one, a check of a service beside it too',
      {
        service: { name: 'a' },
        checks: [
          { name: 'of-a', service_id: 'a', ttl: '10s' },
          { name: 'host', TTL: '10s' },
        ],
      },
      ['c/host f.yaml', 'c/of-a f.yaml', 'i/a f.yaml'],
    ],
    ['a list', [{ name: 'a' }, { service: { name: 'b' } }], ['i/a f.yaml', 'i/b f.yaml']],
    ['several documents', 'name: a\n---\nservice:\n  name: b\n---\n', ['i/a f.yaml', 'i/b f.yaml']],
    ['nothing', '# to come\n', []],
  ])('%s', (_what, text, expected) => {
    directory.write('f.yaml', text);
    void files.start();
    expect(registered()).toEqual(expected);
  });

  test.each<[string, string | object, string]>([
    [
      'a value of the wrong kind',
      { services: [{ name: 'a' }, { name: 'b', port: '80' }] },
      'services[1]: port: expected an integer',
    ],
    ['a key that there is not', { service: { name: 'a', prot: 1 } }, 'service: unknown key "prot"'],
    ['a wrapper that there is not', { service: { name: 'a' }, server: true }, 'unknown key "server" beside service, services'],
    [
      'a check that breaks a rule',
      { service: { name: 'a', check: { http: 'http://x/' } } },
      'service: Invalid check: Interval must be > 0',
    ],
    ['a second document that is bad', 'name: a\n---\nname: 7\n', 'document 2, name: expected a string, got 7'],
    ['a script where they are off', { name: 'a', check: { args: ['x'], interval: '1s' } }, 'check "service:a": no scripts here'],
    ['an id twice', [{ name: 'a' }, { name: 'a' }], 'the id "a" is used twice'],
    ['no object', 'just words', 'the document: expected an object, got "just words"'],
    ['no YAML', 'name: [a\n', 'neither YAML nor JSON: '],
    ['a list that is none', { services: { name: 'a' } }, 'services: expected a list'],
    ['many aliases', `a: &a [${'x,'.repeat(99)}]\nb: &b [${'*a,'.repeat(99)}]\nname: [${'*b,'.repeat(99)}]`, 'alias'],
    ['a name that is missing', { service: { port: 1 } }, 'service: Missing service name'],
    ['more than a MiB', `name: a\n#${'x'.repeat(1_048_576)}`, 'the limit is 1048576'],
    [
      'more definitions than one file may have',
      Array.from({ length: 1025 }, (_, n) => ({ name: `s${n}` })),
      'has 1025 definitions, the limit is 1024',
    ],
    [
      'an alias within what it stands for',
      'services: &a [*a, *a]',
      'the alias "a" stands for what it is in at line 1, column 15',
    ],
    ['nesting without reason', `{"name":"a","meta":${'['.repeat(100)}${']'.repeat(100)}}`, 'nested deeper than 64 levels'],
  ])('%s is named with its place, and the other files are obeyed', (_what, text, reason) => {
    directory.write('bad.yaml', text);
    directory.write('good.yaml', { name: 'good' });
    void files.start();
    expect(registered()).toEqual(['i/good good.yaml']);
    expect(log[0]).toMatch(/^a service file is bad \| services\.d\/bad\.yaml \| /);
    expect(log[0]).toContain(reason);
    expect(log[0]?.split('\n')).toHaveLength(1);
  });
});

describe('a file that changes', () => {
  test('registers again only what changed in it, and withdraws what is no longer in it', () => {
    directory.write('f.yaml', { services: [web, { name: 'b', port: 1 }, { name: 'c' }] });
    void files.start();
    solo.take();
    directory.write('f.yaml', { services: [web, { name: 'b', port: 2 }] });
    told();
    expect(registered()).toEqual(['c/service:web-1 f.yaml', 'i/b f.yaml', 'i/web-1 f.yaml']);
    expect(portOf('b')).toBe(2);
    expect(versions()).toBe(1);
  });

  test('withdraws a check that is gone from its service, and leaves those of clients', () => {
    const mine = {
      name: 'web',
      id: 'web-1',
      checks: [
        { id: 'a', ttl: '10s' },
        { id: 'b', ttl: '10s' },
      ],
    };
    directory.write('f.yaml', mine);
    void files.start();
    const template = [...solo.view.registrations()].find((each) => each.type === 'check');
    if (template?.type !== 'check') throw new Error('there is no check');
    solo.command({ type: 'register-check', definition: { ...template.definition, id: checkId('theirs') } });
    directory.write('f.yaml', { ...mine, checks: [{ id: 'b', ttl: '10s' }] });
    told();
    expect(registered()).toEqual(['c/b f.yaml', 'c/theirs -', 'i/web-1 f.yaml']);
  });

  test('keeps what it said when it is bad, says so once, and says when it is good again', () => {
    directory.write('f.yaml', web);
    void files.start();
    log = [];
    directory.write('f.yaml', 'name: [');
    told();
    clock.advance(60_000);
    expect(registered()).toContain('i/web-1 f.yaml');
    expect(log).toHaveLength(1);
    directory.write('f.yaml', { ...web, port: 81 });
    told();
    expect(log.slice(1)).toEqual([
      'a service file is good again | services.d/f.yaml',
      'registered from a service file | services.d/f.yaml | i/web-1',
    ]);
    expect(portOf('web-1')).toBe(81);
  });

  test('is found without a notice within ten seconds, and read only when it changed', () => {
    directory.write('f.yaml', web);
    void files.start();
    clock.advance(60_000);
    expect(directory.reads).toEqual(['f.yaml']);
    directory.write('g.yaml', { name: 'g' });
    clock.advance(10_000);
    expect(registered()).toContain('i/g g.yaml');
    expect(versions()).toBe(3);
  });

  test('many notices in a row are one look', () => {
    void files.start();
    directory.write('f.yaml', web);
    for (let n = 0; n < 50; n++) {
      directory.tell();
      clock.advance(10);
    }
    expect(directory.reads).toEqual([]);
    clock.advance(90);
    expect(directory.reads).toEqual(['f.yaml']);
  });
});

describe('a file that goes', () => {
  test('takes what it registered with it, once it is certain that it is gone', () => {
    directory.write('f.yaml', web);
    void files.start();
    directory.remove('f.yaml');
    told();
    expect(registered()).toContain('i/web-1 f.yaml');
    clock.advance(1000);
    expect(registered()).toEqual([]);
  });

  test('and comes back at once, as some editors write, changes nothing but what it says', () => {
    directory.write('f.yaml', web);
    void files.start();
    solo.take();
    directory.remove('f.yaml');
    told();
    directory.write('f.yaml', web);
    told();
    clock.advance(5000);
    expect(registered()).toContain('i/web-1 f.yaml');
    expect(versions()).toBe(0);
  });

  test('is gone a second after it was missed first, however often something else changes in between', () => {
    directory.write('f.yaml', web);
    void files.start();
    directory.remove('f.yaml');
    for (let n = 0; n < 9; n++) told();
    expect(registered()).toContain('i/web-1 f.yaml');
    for (let n = 0; n < 2; n++) told();
    expect(registered()).toEqual([]);
  });

  test('leaves what a client took over', () => {
    directory.write('f.yaml', { name: 'web', port: 1 });
    void files.start();
    solo.command({ type: 'register', instance: instance('web', { port: 2 }), checks: [], replaceChecks: false });
    directory.remove('f.yaml');
    told();
    clock.advance(1000);
    expect(registered()).toEqual(['i/web -']);
  });

  test('with its directory leaves everything as it is, and says so once', () => {
    directory.write('f.yaml', web);
    void files.start();
    log = [];
    directory.failure = 'EIO';
    told();
    clock.advance(60_000);
    expect(registered()).toContain('i/web-1 f.yaml');
    expect(log).toEqual(['the directory of service files cannot be read: what its files registered stays | EIO']);
    directory.failure = undefined;
    clock.advance(10_000);
    expect(log[1]).toBe('the directory of service files can be read again');
  });
});

describe('who decides', () => {
  test('of two files with one id the first by its name, whichever came first, and it is said', () => {
    directory.write('b.yaml', { name: 'web', port: 2 });
    void files.start();
    directory.write('a.yaml', { name: 'web', port: 1 });
    told();
    expect([portOf('web'), registered()]).toEqual([1, ['i/web a.yaml']]);
    expect(log).toContain(
      'a service file is not obeyed as a whole | services.d/b.yaml | the service "web" is in a.yaml too, which goes first by its name',
    );
    const said = log.length;
    clock.advance(60_000);
    expect(log).toHaveLength(said);
    directory.remove('a.yaml');
    clock.advance(20_000);
    expect([portOf('web'), registered()]).toEqual([2, ['i/web b.yaml']]);
  });

  test('a check id that two services have is that of the first file', () => {
    directory.write('a.yaml', { name: 'a', check: { id: 'c', ttl: '1s' } });
    directory.write('b.yaml', { name: 'b', check: { id: 'c', ttl: '2s' } });
    void files.start();
    expect(registered()).toEqual(['c/c a.yaml', 'i/a a.yaml', 'i/b b.yaml']);
    expect(log.some((line) => line.includes('the check "c" is in a.yaml too'))).toBe(true);
  });

  test('a client until the file changes', () => {
    directory.write('f.yaml', { name: 'web', port: 1 });
    void files.start();
    solo.command({ type: 'register', instance: instance('web', { port: 2 }), checks: [], replaceChecks: false });
    clock.advance(60_000);
    expect(portOf('web')).toBe(2);
    directory.write('f.yaml', { name: 'web', port: 3 });
    told();
    expect([portOf('web'), registered()]).toEqual([3, ['i/web f.yaml']]);
  });

  test('a client who deregisters, until the agent reloads', () => {
    directory.write('f.yaml', web);
    void files.start();
    solo.command({ type: 'deregister', id: instanceId('web-1') });
    clock.advance(60_000);
    expect(registered()).toEqual([]);
    files.reload();
    expect(registered()).toEqual(['c/service:web-1 f.yaml', 'i/web-1 f.yaml']);
  });

  test('a reload reads again, and writes nothing where nothing differs', () => {
    directory.write('f.yaml', { service: web, checks: [{ name: 'host', ttl: '10s' }] });
    directory.write('bad.yaml', 'x');
    void files.start();
    solo.take();
    log = [];
    files.reload();
    expect(log).toEqual([expect.stringContaining('a service file is bad')]);
    expect(versions()).toBe(0);
  });
});

describe('a restart', () => {
  test('keeps the state of checks, and writes nothing where nothing differs', () => {
    directory.write('f.yaml', { service: web, checks: [{ name: 'host', ttl: '10s' }] });
    void files.start();
    solo.command({ type: 'check-result', id: checkId('service:web-1'), status: 'passing', output: 'ok' });
    restart();
    solo.take();
    void files.start();
    expect(versions()).toBe(0);
    const check = [...solo.view.registrations()].find((each) => registrationKey(each) === 'c/service:web-1');
    expect(check).toMatchObject({ state: { status: 'passing', output: 'ok' }, source: 'f.yaml' });
  });

  test('takes what went meanwhile, keeps what a bad file said, and leaves clients alone', () => {
    directory.write('gone.yaml', { name: 'gone' });
    directory.write('bad.yaml', { name: 'kept', check: { ttl: '10s' } });
    void files.start();
    solo.command({ type: 'register', instance: instance('theirs'), checks: [], replaceChecks: false });
    directory.remove('gone.yaml');
    directory.write('bad.yaml', 'name: [');
    restart();
    void files.start();
    expect(registered()).toEqual(['c/service:kept bad.yaml', 'i/kept bad.yaml', 'i/theirs -']);
    directory.write('bad.yaml', { name: 'other' });
    told();
    expect(registered()).toEqual(['i/other bad.yaml', 'i/theirs -']);
  });

  test('with a directory that cannot be read keeps all, until it can', () => {
    directory.write('f.yaml', { name: 'a' });
    void files.start();
    directory.failure = 'ENOENT';
    restart();
    void files.start();
    expect(registered()).toEqual(['i/a f.yaml']);
    directory.failure = undefined;
    directory.write('f.yaml', { name: 'b' });
    clock.advance(10_000);
    expect(registered()).toEqual(['i/b f.yaml']);
  });

  test('without service files withdraws what earlier ones registered', () => {
    directory.write('f.yaml', { service: web, checks: [{ name: 'host', ttl: '10s' }] });
    void files.start();
    solo.command({ type: 'register', instance: instance('theirs'), checks: [], replaceChecks: false });
    restart();
    const said: string[] = [];
    const note = (_msg: string, fields?: object): void => void said.push((fields as { key: string }).key);
    withdrawFileRegistrations({
      port: { view: () => solo.view, dispatch: (command) => solo.command(command) },
      log: { info: note, warn: note, error: note },
    });
    expect(registered()).toEqual(['i/theirs -']);
    expect(said.toSorted()).toEqual(['c/host', 'i/web-1']);
  });
});

test('what a node refuses is said once, and tried again: the service of a check may come from a client', () => {
  directory.write('f.yaml', { check: { name: 'c', service_id: 'later', ttl: '10s' } });
  void files.start();
  clock.advance(60_000);
  expect(log.filter((line) => line.includes('"later"'))).toHaveLength(1);
  solo.command({ type: 'register', instance: instance('later'), checks: [], replaceChecks: false });
  clock.advance(10_000);
  expect(registered()).toEqual(['c/c f.yaml', 'i/later -']);
});

test('more files than the limit are named and not read', () => {
  for (let n = 0; n < 1026; n++) directory.write(`f${String(n).padStart(4, '0')}.yaml`, '');
  void files.start();
  clock.advance(60_000);
  expect(log).toEqual(
    ['f1024.yaml', 'f1025.yaml'].map(
      (name) => `a service file is not read | services.d/${name} | there are more than 1024 files in the directory`,
    ),
  );
});

test('a file that cannot be read as one is named once, and again when it comes back as such', () => {
  directory.refusals.set('web.hcl', 'HCL is not read');
  directory.write('web.hcl', 'service { name = "web" }');
  void files.start();
  clock.advance(60_000);
  const said = 'a service file is not read | services.d/web.hcl | HCL is not read';
  expect(log).toEqual([said]);
  directory.remove('web.hcl');
  clock.advance(60_000);
  directory.write('web.hcl', '');
  clock.advance(60_000);
  expect(log).toEqual([said, said]);
  expect(directory.reads).toEqual([]);
});

test('of many definitions some are made at once and the others soon, and then the start is over', async () => {
  directory.write('f.yaml', { services: Array.from({ length: 30 }, (_, n) => ({ name: `s${n}` })) });
  let isStarted = false;
  const started = files.start().then(() => (isStarted = true));
  await settle();
  expect([registered().length, isStarted]).toEqual([8, false]);
  clock.advance(0);
  expect(registered()).toHaveLength(30);
  await started;
  directory.write('f.yaml', { services: [] });
  told();
  expect(registered()).toEqual([]);
});

test('a start that is stopped half way ends', async () => {
  directory.write('f.yaml', { services: Array.from({ length: 30 }, (_, n) => ({ name: `s${n}` })) });
  const started = files.start();
  files.stop();
  await started;
  clock.advance(60_000);
  expect([registered().length, clock.pending]).toEqual([8, 0]);
});

test('nothing happens after stop, and what is registered stays', () => {
  directory.write('f.yaml', { name: 'a' });
  void files.start();
  files.stop();
  directory.write('f.yaml', { name: 'b' });
  directory.tell();
  clock.advance(60_000);
  files.reload();
  expect(registered()).toEqual(['i/a f.yaml']);
  expect([directory.watchers.size, clock.pending]).toEqual([0, 0]);
});
