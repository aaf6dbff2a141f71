/**
 * The memory of one real agent's node that learned a whole mesh by gossip: real identities and signatures, and every
 * message through the codec of the wire, so that what is kept is what an agent keeps. Each member owns one instance.
 */

import { instanceId, MeshNode, profiles, seededRng } from '@skein/core';
import type { CatalogDelta, Gossip, MemberFact, NodeId, Notary, SealedRecord } from '@skein/core';
import { createIdentity, createNotary } from '@skein/transport';
import { decodeMessage, encodeMessage } from '@skein/transport/parts';
import { liveBytes } from './heap.ts';

const mesh = 'bench';
const nowMs = 1_000_000;

export interface AgentMemory {
  /** Bytes for each member known, its instances included. */
  readonly perMember: number;
  /** The same once a reader has gone through members, services and instances. */
  readonly perMemberRead: number;
  /** CPU time to decode, verify and take in all of them. */
  readonly loadMs: number;
  /** The same for one instance that changes, until the view of its service shows it: the mean of many. */
  readonly updateMs: number;
}

const updates = 1000;

interface Prepared {
  /** Knows nobody yet. */
  readonly node: MeshNode;
  /** What each member tells of itself. */
  readonly frames: readonly Uint8Array[];
  /** What members then tell of one change each. */
  readonly changes: readonly Uint8Array[];
}

async function prepare(members: number, instances: number): Promise<Prepared> {
  const frames: Uint8Array[] = [];
  const changes: Uint8Array[] = [];
  for (let i = 0; i < members; i++) {
    const owner = createNotary((await createIdentity()).bytes);
    frames.push(encodeMessage(newsOf(owner, i, instances)));
    if (i < updates) changes.push(encodeMessage(changeOf(owner, i, instances)));
  }
  const notary = createNotary((await createIdentity()).bytes);
  const node = makeNode(notary);
  node.start(nowMs);
  return { node, frames, changes };
}

/** A node that knows so many members, and how they change one instance each, one after the other. */
export async function loadedNode(
  members: number,
  instances: number,
): Promise<{ readonly node: MeshNode; readonly changes: readonly (() => void)[] }> {
  const { node, frames, changes } = await prepare(members, instances);
  for (const frame of frames) take(node, frame);
  return { node, changes: changes.map((change) => () => take(node, change)) };
}

export async function measureAgent(members: number, instances = 1): Promise<AgentMemory> {
  const { node, frames, changes } = await prepare(members, instances);
  const alone = liveBytes();
  const startMs = cpuMs();
  for (const frame of frames) take(node, frame);
  const loadMs = cpuMs() - startMs;
  const learned = liveBytes();
  const read = readAll(node);
  const expected = (1 + instances) * members + 1;
  if (read !== expected) throw new Error(`${read} members and instances are known, not ${expected}`);
  const seen = liveBytes();
  const changesMs = cpuMs();
  for (const [at, change] of changes.entries()) {
    take(node, change);
    const shown = node.view.service(instanceOf(at * instances).service)?.instances;
    if (shown?.some(({ instance }) => instance.port === changedPort && instance.id === idOf(at * instances)) !== true)
      throw new Error(`the change of instance ${idOf(at * instances)} is not shown`);
  }
  const updateMs = (cpuMs() - changesMs) / changes.length;
  return { perMember: (learned - alone) / members, perMemberRead: (seen - alone) / members, loadMs, updateMs };
}

function take(node: MeshNode, frame: Uint8Array): void {
  const decoded = decodeMessage('wire', frame);
  if (decoded.kind !== 'message') throw new Error('news of a member was not decoded');
  const { message } = decoded;
  const from = message.type === 'gossip' ? message.deltas[0]?.head.value.owner : undefined;
  if (from !== undefined) node.step({ type: 'message', from, message }, nowMs + 1000);
}

/** CPU time of this process so far. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Bytes of a node that knows nobody: the mean of many. */
export async function measureLoner(): Promise<number> {
  const notary = createNotary((await createIdentity()).bytes);
  const nodes: MeshNode[] = [];
  const before = liveBytes();
  for (let i = 0; i < 1000; i++) {
    const node = makeNode(notary);
    node.start(nowMs);
    nodes.push(node);
  }
  return (liveBytes() - before) / nodes.length;
}

function readAll(node: MeshNode): number {
  let count = 0;
  for (const member of node.view.members()) count += 1 + node.view.instancesOf(member.id).length;
  for (const { name } of node.view.services()) node.view.service(name);
  return count;
}

function makeNode(notary: Notary): MeshNode {
  return new MeshNode(
    {
      config: profiles.lan,
      mesh,
      name: 'observer',
      addresses: ['10.0.0.1:7946'],
      region: '',
      zone: '',
      tags: {},
      epoch: 1,
      notary,
      rng: seededRng(1),
      validateConfig: () => undefined,
      registrations: [],
      configEntries: [],
      peers: [],
      wallMs: 1_700_000_000_000,
    },
    nowMs,
  );
}

/** What a member tells of itself: its record, and its catalog. */
function newsOf(notary: Notary, index: number, instances: number): Gossip {
  const record: MemberFact = { record: notary.sign('member', recordOf(notary.id, index)), verified: true, absentMs: 0 };
  const sealed = Array.from({ length: instances }, (_, i) =>
    notary.seal({ version: i + 1, value: { type: 'instance', instance: instanceOf(index * instances + i) } }),
  );
  return { ...gossip, members: [record], deltas: [deltaOf(notary, 0, sealed, sealed)] };
}

/** Its first instance moves to another port. */
function changeOf(notary: Notary, index: number, instances: number): Gossip {
  const version = instances + 1;
  const others = Array.from({ length: instances - 1 }, (_, i) =>
    notary.seal({ version: i + 2, value: { type: 'instance', instance: instanceOf(index * instances + i + 1) } }),
  );
  const instance = { ...instanceOf(index * instances), port: changedPort };
  const changed = notary.seal({ version, value: { type: 'instance', instance } });
  return { ...gossip, deltas: [deltaOf(notary, instances, [changed], [changed, ...others])] };
}

const changedPort = 9090;
const gossip = { type: 'gossip', members: [], accusations: [], deltas: [], heads: [], configs: [] } as const;

/** A delta after that version, and what the catalog then holds. */
function deltaOf(notary: Notary, after: number, upserts: readonly SealedRecord[], all: readonly SealedRecord[]): CatalogDelta {
  const digest = notary.digest(all.map(({ hash }) => hash));
  const version = after + upserts.length;
  const head = notary.sign('head', {
    mesh,
    owner: notary.id,
    epoch: 1,
    version,
    count: all.length,
    digest,
    appliedConfig: 'none',
  });
  return { head, after, upserts, removals: [] };
}

function recordOf(id: NodeId, index: number) {
  return {
    mesh,
    id,
    name: `host-${index}`,
    epoch: 1,
    incarnation: 0,
    status: 'alive',
    addresses: [`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}:7946`],
    region: 'eu',
    zone: `eu-${index % 3}`,
    tags: {},
    protocolMin: 1,
    protocolMax: 1,
    credential: new Uint8Array(0),
    keyHashes: [],
  } as const;
}

export function instanceOf(index: number) {
  return {
    id: idOf(index),
    service: `web-${index % 50}`,
    address: '',
    port: 8080,
    tags: [],
    meta: {},
    weights: { passing: 1, warning: 1 },
    taggedAddresses: {},
    enableTagOverride: false,
    protocol: 'http',
    region: '',
    zone: '',
    kind: '',
    socketPath: '',
  };
}

function idOf(index: number) {
  return instanceId(`web-${index}`);
}
