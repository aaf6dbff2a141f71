/** Replaced versions of config entries in the data directory: kept apart from those in force, which they never endanger. */

import { mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SeenVersion, SignedConfig } from '@skein/core';
import { nodeId } from '@skein/core';
import { openStorage, type Storage, type StorageNotice } from '@skein/agent/parts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from './manual-clock.ts';

let dir: string;
let notices: StorageNotice[];
let opened: Storage[];

beforeEach(() => {
  dir = join(mkdtempSync(join(tmpdir(), 'skein-history-')), 'data');
  notices = [];
  opened = [];
});
afterEach(async () => {
  for (const storage of opened) await storage.close();
  rmSync(join(dir, '..'), { recursive: true, force: true });
});

function open(): Storage {
  const storage = openStorage(dir, { clock: new ManualClock(), notice: (notice) => notices.push(notice) });
  opened.push(storage);
  return storage;
}

function version(name: string): SignedConfig['value'] {
  const author = nodeId('n1');
  return { mesh: 'm', kind: 'route', name, author, time: { ms: 5, counter: 0 }, parent: '', json: '{"a":1}', deleted: false };
}

const inForce: SignedConfig = { value: version('r/../x'), bytes: new Uint8Array([0]), signature: new Uint8Array([1]) };
const seen = (name: string): SeenVersion => ({ version: version(name), state: 'quarantined', reason: 'a: unknown key' });

test('they come back as they were, apart from what is in force, and stay away once removed', async () => {
  const before = open();
  for (const name of ['r/../x', 'dropped']) before.persist({ type: 'config-history', seen: seen(name) });
  before.persist({ type: 'config', entry: inForce });
  before.persist({ type: 'config-history-removed', version: version('dropped') });
  await before.close();
  const after = open();
  expect([after.configEntries, after.configHistory]).toEqual([[inForce], [seen('r/../x')]]);
  after.persist({ type: 'config-removed', version: inForce.value });
  await after.close();
  const last = open();
  expect([last.configEntries, last.configHistory]).toEqual([[], [seen('r/../x')]]);
  expect(notices).toEqual([]);
});

test('a damaged one is set aside and named, and costs nothing else', async () => {
  const before = open();
  before.persist({ type: 'config', entry: inForce });
  before.persist({ type: 'config-history', seen: seen('r/../x') });
  await before.close();
  const path = join(dir, 'history', readdirSync(join(dir, 'history'))[0] as string);
  truncateSync(path, 40);
  const after = open();
  expect([after.configEntries, after.configHistory]).toEqual([[inForce], []]);
  expect(notices).toMatchObject([{ type: 'file-set-aside', movedTo: `${path}.corrupt-1` }]);
});
