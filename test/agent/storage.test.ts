import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Registration, SignedConfig } from '@skein/core';
import { checkId, nodeId } from '@skein/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AgentError } from '@skein/agent';
import { type Disk, hostProcesses, localDisk, openStorage, type Storage, type StorageNotice } from '@skein/agent/parts';
import { ManualClock, settle } from './manual-clock.ts';

let dir: string;
let clock: ManualClock;
let notices: StorageNotice[];
let opened: Storage[];

beforeEach(() => {
  dir = join(mkdtempSync(join(tmpdir(), 'skein-storage-')), 'data');
  clock = new ManualClock();
  notices = [];
  opened = [];
});
afterEach(async () => {
  for (const storage of opened) await storage.close();
  rmSync(join(dir, '..'), { recursive: true, force: true });
});

function open(disk: Disk = localDisk): Storage {
  const storage = openStorage(dir, { clock, notice: (notice) => notices.push(notice), disk });
  opened.push(storage);
  return storage;
}

function check(id: string, output: string, name = 'c'): Registration {
  return {
    type: 'check',
    definition: {
      id: checkId(id),
      name,
      notes: '',
      instanceId: undefined,
      probe: { type: 'ttl', ttlMs: 1000 },
      intervalMs: 0,
      timeoutMs: 0,
      successBeforePassing: 0,
      failuresBeforeWarning: 0,
      failuresBeforeCritical: 0,
      deregisterCriticalAfterMs: 0,
      initialStatus: 'critical',
    },
    state: { status: 'passing', output },
  };
}

const configEntry: SignedConfig = {
  value: {
    mesh: 'm',
    kind: 'route',
    name: 'r/../x',
    author: nodeId('n1'),
    time: { ms: 5, counter: 0 },
    parent: '',
    json: '{"a":1}',
    deleted: false,
  },
  bytes: new Uint8Array([0, 255, 7]),
  signature: new Uint8Array([1, 2]),
};

/** A disk that is done within a turn of the event loop, and whose background writes fail while `full` is set. */
function fillableDisk(): Disk & { full: string | undefined; writes: string[] } {
  const disk = {
    ...localDisk,
    full: undefined as string | undefined,
    writes: [] as string[],
    async write(path: string, content: Uint8Array): Promise<void> {
      disk.writes.push(path);
      if (disk.full !== undefined)
        throw Object.assign(new Error(`${disk.full}: no space left on device, write`), { code: disk.full });
      localDisk.sync.write(path, content);
    },
    rename: async (from: string, to: string) => localDisk.sync.rename(from, to),
    remove: async (path: string) => localDisk.sync.remove(path),
    syncDirectory: async (path: string) => localDisk.sync.syncDirectory(path),
  };
  return disk;
}

function thrown(run: () => unknown): AgentError {
  try {
    run();
  } catch (error) {
    return error as AgentError;
  }
  throw new Error('nothing was thrown');
}

describe('what was durable comes back', () => {
  test('identity, registrations, config entries and peers', async () => {
    const before = open();
    const peers = [{ id: nodeId('n2'), name: 'b', addresses: ['127.0.0.1:1'] }];
    before.saveIdentity(new Uint8Array([9, 8, 7]));
    before.persist({ type: 'registration', registration: check('odd/../name', 'fine') });
    before.persist({ type: 'config', entry: configEntry });
    before.persist({ type: 'peers', peers });
    await before.close();
    const after = open();
    expect(after.identity).toEqual(new Uint8Array([9, 8, 7]));
    expect(after.registrations).toEqual([check('odd/../name', 'fine')]);
    expect(after.configEntries).toEqual([configEntry]);
    expect(after.peers).toEqual(peers);
    expect(notices).toEqual([]);
  });

  test('a write is on disk when durable() resolves, without closing', async () => {
    const storage = open();
    storage.persist({ type: 'registration', registration: check('c1', '') });
    await storage.durable();
    expect(readFileSync(join(dir, 'registrations', readdirSync(join(dir, 'registrations'))[0] as string), 'utf8')).toContain(
      '"c1"',
    );
  });

  test('what was removed stays away', async () => {
    const before = open();
    before.persist({ type: 'registration', registration: check('c1', '') });
    before.persist({ type: 'config', entry: configEntry });
    await before.durable();
    before.persist({ type: 'registration-removed', key: 'c/c1' });
    before.persist({ type: 'config-removed', version: configEntry.value });
    await before.close();
    const after = open();
    expect([...after.registrations, ...after.configEntries]).toEqual([]);
  });

  test('the later of two changes to one registration wins', async () => {
    const before = open();
    before.persist({ type: 'registration', registration: check('c1', 'first') });
    before.persist({ type: 'registration', registration: check('c1', 'second') });
    before.persist({ type: 'registration-removed', key: 'c/c2' });
    await before.close();
    expect(open().registrations).toEqual([check('c1', 'second')]);
  });

  test('files are readable by their owner only', async () => {
    const storage = open();
    storage.saveIdentity(new Uint8Array([1]));
    storage.persist({ type: 'config', entry: configEntry });
    await storage.durable();
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(statSync(join(dir, 'identity.key')).mode & 0o777).toBe(0o600);
    const name = readdirSync(join(dir, 'config'))[0] as string;
    expect(statSync(join(dir, 'config', name)).mode & 0o777).toBe(0o600);
  });
});

describe('the epoch', () => {
  test('grows by one with every start, also when nothing else was written', async () => {
    for (const expected of [1, 2, 3]) {
      const storage = open();
      expect(storage.epoch).toBe(expected);
      await storage.close();
    }
  });

  test.each(['epoch', 'epoch.copy'])('does not go back when %s is torn', async (name) => {
    for (let boot = 0; boot < 12; boot++) await open().close();
    truncateSync(join(dir, name), 50);
    expect(open().epoch).toBe(13);
    expect(notices).toMatchObject([{ type: 'file-set-aside', path: join(dir, name) }]);
  });

  test('a copy with a flipped digit is not believed', async () => {
    for (let boot = 0; boot < 3; boot++) await open().close();
    const text = readFileSync(join(dir, 'epoch'), 'utf8');
    writeFileSync(join(dir, 'epoch'), text.replace('"value":3', '"value":9'));
    expect(open().epoch).toBe(4);
  });

  test('one that the mesh taught is durable at once', async () => {
    const first = open();
    first.persist({ type: 'epoch', epoch: 40 });
    expect(readFileSync(join(dir, 'epoch'), 'utf8')).toContain('"value":40');
    await first.close();
    expect(open().epoch).toBe(41);
  });
});

describe('damage', () => {
  async function prepared(): Promise<void> {
    const storage = open();
    storage.saveIdentity(new Uint8Array([1, 2, 3]));
    storage.persist({ type: 'registration', registration: check('c1', '') });
    storage.persist({ type: 'peers', peers: [] });
    await storage.close();
  }

  test.each([
    ['truncated', (path: string) => truncateSync(path, 30)],
    ['emptied', (path: string) => truncateSync(path, 0)],
    ['overwritten with zeros', (path: string) => writeFileSync(path, Buffer.alloc(200))],
    ['replaced by other JSON', (path: string) => writeFileSync(path, '{"sum":"","value":[]}\n')],
  ])('a file that was %s is set aside and named, and the rest is loaded', async (_how, damage) => {
    await prepared();
    damage(join(dir, 'peers.json'));
    const storage = open();
    expect(storage.peers).toEqual([]);
    expect(storage.registrations).toHaveLength(1);
    expect(storage.identity).toEqual(new Uint8Array([1, 2, 3]));
    expect(notices).toMatchObject([{ type: 'file-set-aside', movedTo: join(dir, 'peers.json.corrupt-1') }]);
  });

  test('a second damaged copy does not replace the first', async () => {
    for (const text of ['first', 'second']) {
      await prepared();
      writeFileSync(join(dir, 'peers.json'), text);
      await open().close();
    }
    expect(readFileSync(join(dir, 'peers.json.corrupt-1'), 'utf8')).toBe('first');
    expect(readFileSync(join(dir, 'peers.json.corrupt-2'), 'utf8')).toBe('second');
  });

  test('a damaged identity is set aside: the node starts as a new one', async () => {
    await prepared();
    writeFileSync(join(dir, 'identity.key'), 'half');
    expect(open().identity).toBeUndefined();
    expect(notices).toMatchObject([{ type: 'file-set-aside', path: join(dir, 'identity.key') }]);
  });

  test('an identity that may not be read is a refusal, not a new identity', async () => {
    await prepared();
    const disk: Disk = {
      ...localDisk,
      sync: {
        ...localDisk.sync,
        read(path) {
          if (path.endsWith('identity.key'))
            throw Object.assign(new Error('EACCES: permission denied, open'), { code: 'EACCES' });
          return localDisk.sync.read(path);
        },
      },
    };
    const error = thrown(() => open(disk));
    expect(error.code).toBe('data-dir-unusable');
    expect(error.message).toMatch(/identity\.key cannot be read: EACCES/);
    expect(open().identity).toEqual(new Uint8Array([1, 2, 3]));
  });

  test('a temporary file of a write that a crash cut short is cleared away', async () => {
    await prepared();
    writeFileSync(join(dir, 'registrations', 'abc.json.tmp'), '{"su');
    expect(open().registrations).toHaveLength(1);
    expect(readdirSync(join(dir, 'registrations'))).toHaveLength(1);
    expect(notices).toEqual([]);
  });

  test.each(['registrations', 'config', 'history'])(
    'a file in the place of the directory %s is named, with the next step',
    async (name) => {
      await prepared();
      rmSync(join(dir, name), { recursive: true });
      writeFileSync(join(dir, name), 'x');
      const error = thrown(() => open());
      expect(error.code).toBe('data-dir-unusable');
      expect(error.message).toContain(`${join(dir, name)} is a file where the agent needs a directory. Move it away`);
    },
  );

  test('a data directory that is a file is refused with the next step', () => {
    writeFileSync(dir, 'x');
    expect(thrown(() => open())).toMatchObject({ code: 'data-dir-unusable', message: expect.stringContaining('--data-dir') });
  });
});

describe('a disk that refuses writes', () => {
  test('durable() rejects with the reason, and the change is written once there is space', async () => {
    const disk = fillableDisk();
    const storage = open(disk);
    disk.full = 'ENOSPC';
    storage.persist({ type: 'registration', registration: check('c1', '') });
    await expect(storage.durable()).rejects.toMatchObject({ code: 'storage-failed', message: expect.stringContaining('ENOSPC') });
    expect(storage.failure()).toContain('ENOSPC');
    disk.full = undefined;
    await storage.durable();
    expect(storage.failure()).toBeUndefined();
    await storage.close();
    expect(open().registrations).toHaveLength(1);
  });

  test('is reported once, tried again ever more rarely, and reported as recovered', async () => {
    const disk = fillableDisk();
    const storage = open(disk);
    disk.full = 'EIO';
    storage.persist({ type: 'registration', registration: check('c1', '') });
    await settle();
    const attempts: number[] = [];
    for (let second = 0; second < 120; second++) {
      clock.advance(1000);
      await settle();
      attempts.push(disk.writes.length);
    }
    expect(notices.filter((notice) => notice.type === 'write-failed')).toHaveLength(1);
    expect(attempts[9]).toBeGreaterThan(3);
    expect((attempts[119] as number) - (attempts[59] as number)).toBeLessThanOrEqual(3);
    disk.full = undefined;
    clock.advance(30_000);
    await settle();
    expect(notices.at(-1)).toEqual({ type: 'write-recovered' });
  });

  test('a newer change is not overwritten by an older one that is tried again', async () => {
    const disk = fillableDisk();
    const storage = open(disk);
    disk.full = 'ENOSPC';
    storage.persist({ type: 'registration', registration: check('c1', 'old') });
    await settle();
    storage.persist({ type: 'registration', registration: check('c1', 'new') });
    disk.full = undefined;
    await storage.close();
    expect(open().registrations).toEqual([check('c1', 'new')]);
  });

  test('at start is a refusal that names the directory', () => {
    const disk: Disk = {
      ...localDisk,
      sync: {
        ...localDisk.sync,
        write() {
          throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
        },
      },
    };
    expect(thrown(() => open(disk))).toMatchObject({ code: 'data-dir-unusable', message: expect.stringContaining(dir) });
  });
});

describe('a start on a full disk', () => {
  /** `blocks`: how many files find room; each that goes makes room for one. */
  function tightDisk(blocks: number): Disk & { blocks: number } {
    const disk = {
      ...localDisk,
      blocks,
      write: async (path: string, content: Uint8Array) => disk.sync.write(path, content),
      rename: async (from: string, to: string) => disk.sync.rename(from, to),
      remove: async (path: string) => disk.sync.remove(path),
      sync: {
        ...localDisk.sync,
        write(path: string, content: Uint8Array): void {
          if (disk.blocks === 0) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
          localDisk.sync.write(path, content);
          disk.blocks--;
        },
        rename(from: string, to: string): void {
          if (existsSync(to)) disk.blocks++;
          localDisk.sync.rename(from, to);
        },
        remove(path: string): void {
          if (existsSync(path) && statSync(path).nlink === 1) disk.blocks++;
          localDisk.sync.remove(path);
        },
      },
    };
    return disk;
  }

  async function crashed(more: (storage: Storage) => void = () => undefined): Promise<void> {
    const storage = open();
    storage.saveIdentity(new Uint8Array([1]));
    storage.persist({ type: 'registration', registration: check('c1', '') });
    more(storage);
    await storage.close();
    writeFileSync(join(dir, 'lock'), '{"pid":77,"life":"gone"}');
  }

  const openAs = (disk: Disk, lives: Record<number, string>): Storage => {
    const processes = { pid: 10, life: (of: number) => lives[of] };
    const storage = openStorage(dir, { clock, notice: (notice) => notices.push(notice), disk, processes });
    opened.push(storage);
    return storage;
  };

  test('after a crash takes the room of the lock that was left behind, and of what is written anew anyway', async () => {
    await crashed((storage) => storage.describe({ http: 'x' }));
    const storage = openAs(tightDisk(0), { 10: 'a' });
    expect([storage.epoch, storage.registrations.length]).toEqual([2, 1]);
    expect(JSON.parse(readFileSync(join(dir, 'lock'), 'utf8'))).toEqual({ pid: 10, life: 'a' });
    expect(readFileSync(join(dir, 'epoch.copy'), 'utf8')).toContain('"value":2');
    expect(notices).toEqual([]);
  });

  test('without room for the epoch goes ahead, says so, and writes it once there is', async () => {
    await crashed();
    const disk = tightDisk(0);
    const storage = openAs(disk, { 10: 'a' });
    expect(storage.epoch).toBe(2);
    await settle();
    expect(notices).toMatchObject([{ type: 'write-failed', reason: expect.stringContaining('ENOSPC') }]);
    disk.blocks = 9;
    await storage.durable();
    for (const name of ['epoch', 'epoch.copy']) expect(readFileSync(join(dir, name), 'utf8')).toContain('"value":2');
  });

  test('takes nothing from an agent that runs', async () => {
    await crashed((storage) => storage.describe({ http: 'x' }));
    expect(thrown(() => openAs(tightDisk(0), { 10: 'a', 77: 'gone' }))).toMatchObject({ code: 'data-dir-locked' });
    expect(readdirSync(dir)).toEqual(expect.arrayContaining(['lock', 'agent.json']));
  });
});

test('changes of check state alone wait for one another and are written once', async () => {
  const disk = fillableDisk();
  const storage = open(disk);
  storage.persist({ type: 'registration', registration: check('c1', '0') });
  await settle();
  expect(disk.writes).toHaveLength(1);
  for (const output of ['1', '2', '3']) {
    storage.persist({ type: 'registration', registration: check('c1', output) });
    await settle();
  }
  expect(disk.writes).toHaveLength(1);
  clock.advance(1000);
  await settle();
  expect(disk.writes).toHaveLength(2);
  storage.persist({ type: 'registration', registration: check('c1', '3', 'renamed') });
  await settle();
  expect(disk.writes).toHaveLength(3);
});

describe('the lock', () => {
  const processes = (pid: number, lives: Record<number, string>): { pid: number; life(pid: number): string | undefined } => ({
    pid,
    life: (of) => lives[of],
  });
  const openAs = (pid: number, lives: Record<number, string>): Storage => {
    const storage = openStorage(dir, { clock, notice: () => undefined, processes: processes(pid, lives) });
    opened.push(storage);
    return storage;
  };

  test('a second agent on one directory is refused, in the same process and from another', () => {
    openAs(10, { 10: 'a' });
    expect(thrown(() => openAs(10, { 10: 'a' }))).toMatchObject({ code: 'data-dir-locked' });
  });

  test('a running holder is named', async () => {
    await open().close();
    writeFileSync(join(dir, 'lock'), '{"pid":77,"life":"x"}');
    const error = thrown(() => openAs(10, { 10: 'a', 77: 'x' }));
    expect(error.message).toContain('process 77');
    expect(error.message).toContain('--data-dir');
  });

  test.each([
    ['of a process that is gone', '{"pid":77,"life":"x"}', { 10: 'a' }],
    ['of a pid that was given to somebody else', '{"pid":77,"life":"x"}', { 10: 'a', 77: 'y' }],
    ['of our own pid in an earlier life', '{"pid":10,"life":"before"}', { 10: 'a' }],
    ['that is torn', '{"pi', { 10: 'a' }],
    ['that says nonsense', '{"pid":-1}', { 10: 'a' }],
  ])('a lock %s is taken over', async (_what, text, lives) => {
    await open().close();
    writeFileSync(join(dir, 'lock'), text);
    openAs(10, lives);
    expect(JSON.parse(readFileSync(join(dir, 'lock'), 'utf8'))).toEqual({ pid: 10, life: 'a' });
    expect(readdirSync(dir).filter((name) => name.startsWith('lock'))).toEqual(['lock']);
  });

  test.each([
    ['S', 'boot/4242'],
    ['Z', undefined],
    ['X', undefined],
  ])('a process in state %s has the life %s', (state, life) => {
    const read = (path: string): Buffer =>
      Buffer.from(path.endsWith('boot_id') ? 'boot\n' : `1 (a) Z (b) ${state} ${'0 '.repeat(18)}4242 0\n`);
    const disk: Disk = { ...localDisk, sync: { ...localDisk.sync, read } };
    expect(hostProcesses(disk).life(process.pid)).toBe(life);
  });

  test('is given back', async () => {
    await open().close();
    expect(readdirSync(dir)).not.toContain('lock');
    expect(() => open()).not.toThrow();
  });
});

test.skipIf(process.platform !== 'linux')('a data directory where none can be made is refused, not tried for ever', () => {
  expect(() => openStorage('/proc/skein/data', { clock, notice: (notice) => notices.push(notice) })).toThrow(
    expect.objectContaining({ code: 'data-dir-unusable' }),
  );
});
