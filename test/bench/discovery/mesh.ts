/** A mesh of our agents on loopback, formed and settled, with what clients need to ask each. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Process } from '../mesh/process.ts';
import { pause, within } from '../mesh/sightings.ts';
import { launchSkein } from '../mesh/skein-process.ts';
import { ApiClient } from '../mesh/watch.ts';

export interface Member {
  readonly name: string;
  readonly process: Process;
  readonly api: ApiClient;
  /** `host:port`. */
  readonly dns: string;
}

export interface Mesh {
  readonly members: readonly Member[];
  close(): Promise<void>;
}

/** Of no use outside a benchmark that runs on loopback. */
const token = 'bench-bench-bench-bench-bench';
const settleMs = 4000;
const deadlineMs = 60_000;

export async function startMesh(root: string, size: number, say: (text: string) => void): Promise<Mesh> {
  const folder = mkdtempSync(join(tmpdir(), 'skein-bench-'));
  const members: Member[] = [];
  const close = async (): Promise<void> => {
    for (const { api } of members) api.close();
    await Promise.all(members.map((member) => member.process.kill()));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    let seed: string | undefined;
    for (let i = 0; i < size; i++) {
      const { member, gossip } = await start(root, folder, `agent-${i}`, seed);
      members.push(member);
      seed ??= gossip;
      if ((i + 1) % 8 === 0) say(`${i + 1} agents are ready`);
    }
    await within(Promise.all(members.map((member) => knows(member, size))), deadlineMs, () => `all know ${size} members`);
    await pause(settleMs);
    return { members, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function start(root: string, folder: string, name: string, seed: string | undefined) {
  const seeds = seed === undefined ? [] : ['--join', seed];
  const own = ['--name', name, '--mesh', 'bench', '--data-dir', join(folder, name), '--token', token, ...seeds];
  const { process: agent, listeners: ready } = launchSkein(root, own);
  const listeners = await within(ready, deadlineMs, () => `${name} is ready\n${agent.tail}`);
  const member = { name, process: agent, api: new ApiClient(listeners.http), dns: listeners.dns };
  return { member, gossip: listeners.gossip };
}

async function knows({ api }: Member, size: number): Promise<void> {
  for (;;) {
    const { body } = await api.mustCall('GET', '/v1/catalog/nodes');
    if ((JSON.parse(body) as unknown[]).length >= size) return;
    await pause(100);
  }
}
