/**
 * The memory of one real agent's node that learned a whole mesh by gossip: real identities and signatures, and every
 * message through the codec of the wire, so that what is kept is what an agent keeps. Each member owns one instance.
 */

import { instanceId, MeshNode, profiles, seededRng } from '@skein/core';
import type { CatalogDelta, Gossip, MemberFact, NodeId, Notary } from '@skein/core';
import { createIdentity, createNotary } from '@skein/transport';
import { decodeMessage, encodeMessage } from '@skein/transport/parts';
import { liveBytes } from './heap.ts';

const mesh = 'bench';
const nowMs = 1_000_000;

export interface AgentMemory {
  /** Bytes for each member known, its instance included. */
  readonly perMember: number;
  /** The same once a reader has gone through members, services and instances. */
  readonly perMemberRead: number;
}

export async function measureAgent(members: number): Promise<AgentMemory> {
  const frames: Uint8Array[] = [];
  for (let i = 0; i < members; i++) frames.push(encodeMessage(newsOf(createNotary((await createIdentity()).bytes), i)));
  const notary = createNotary((await createIdentity()).bytes);
  const node = makeNode(notary);
  node.start(nowMs);
  const alone = liveBytes();
  for (const frame of frames) {
    const decoded = decodeMessage('wire', frame);
    if (decoded.kind !== 'message') throw new Error('news of a member was not decoded');
    const from = decoded.message.type === 'gossip' ? decoded.message.members[0]?.record.value.id : undefined;
    if (from !== undefined) node.step({ type: 'message', from, message: decoded.message }, nowMs + 1000);
  }
  const learned = liveBytes();
  const read = readAll(node);
  if (read !== 2 * members + 1) throw new Error(`${read} members and instances are known, not ${2 * members + 1}`);
  const seen = liveBytes();
  return { perMember: (learned - alone) / members, perMemberRead: (seen - alone) / members };
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

/** What a member tells of itself: its record, and its catalog of one instance. */
function newsOf(notary: Notary, index: number): Gossip {
  const { id } = notary;
  const record: MemberFact = { record: notary.sign('member', recordOf(id, index)), verified: true, absentMs: 0 };
  const sealed = notary.seal({ version: 1, value: { type: 'instance', instance: instanceOf(index) } });
  const delta: CatalogDelta = {
    head: notary.sign('head', { mesh, owner: id, epoch: 1, version: 1, count: 1, digest: notary.digest([sealed.hash]) }),
    after: 0,
    upserts: [sealed],
    removals: [],
  };
  return { type: 'gossip', members: [record], accusations: [], deltas: [delta], heads: [], configs: [] };
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
    id: instanceId(`web-${index}`),
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
