/** When the list of peers is written, without which an agent does not find the mesh again. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localDisk, openStorage } from '@skein/agent/parts';
import { nodeId } from '@skein/core';
import type { KnownPeer } from '@skein/core';
import { afterEach, expect, test } from 'vitest';
import { ManualClock, settle } from './manual-clock.ts';

const directory = mkdtempSync(join(tmpdir(), 'skein-peers-'));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('the first peers go to disk at once, later ones wait for others', async () => {
  const peer = (id: string): KnownPeer => ({ id: nodeId(id), name: id, addresses: ['127.0.0.1:1'] });
  const written: string[] = [];
  const write = (_path: string, content: Uint8Array): Promise<void> => {
    written.push(new TextDecoder().decode(content));
    return Promise.resolve();
  };
  const clock = new ManualClock();
  const disk = { ...localDisk, write, rename: () => Promise.resolve(), syncDirectory: () => Promise.resolve() };
  const storage = openStorage(join(directory, 'data'), { clock, notice: () => undefined, disk });
  storage.persist({ type: 'peers', peers: [peer('n2')] });
  await settle();
  storage.persist({ type: 'peers', peers: [peer('n2'), peer('n3')] });
  await settle();
  expect(written).toEqual([expect.stringContaining('n2')]);
  clock.advance(1000);
  await settle();
  expect(written.slice(1)).toEqual([expect.stringContaining('n3')]);
  await storage.close();
});
