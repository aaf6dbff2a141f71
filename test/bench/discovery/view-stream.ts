/**
 * The view as a stream: what a snapshot and a delta cost an agent that knows a large mesh, and what a client that follows
 * costs a real agent, on raw sockets so that the client side stays cheap.
 */

import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { ViewFeed } from '@skein/api/parts';
import type { MeshPort } from '@skein/core';
import { pause, within } from '../mesh/sightings.ts';
import { cpuMs, loadedNode } from '../sim/one-agent.ts';
import type { Server } from './server.ts';

export interface StreamCost {
  readonly snapshotMiB: number;
  readonly snapshotMs: number;
  readonly deltaUs: number;
  readonly deltaBytes: number;
}

/** One feed over a node with so many members; each change is one instance of one member. */
export async function measureFeed(members: number, instances: number): Promise<StreamCost> {
  const { node, changes } = await loadedNode(members, instances);
  const port: MeshPort = {
    self: node.self,
    view: () => node.view,
    changed: () => new Promise(() => undefined),
    dispatch: () => ({ ok: true }),
  };
  const feed = new ViewFeed({ port, timers: { after: () => () => undefined } });
  const whole = (): number => [...feed.snapshot().pieces].reduce((bytes, piece) => bytes + Buffer.byteLength(piece), 0);
  whole();
  const startMs = cpuMs();
  const rounds = 10;
  let bytes = 0;
  for (let i = 0; i < rounds; i++) bytes = whole();
  const snapshotMs = (cpuMs() - startMs) / rounds;
  const over = new AbortController();
  const events = feed.events({ stream: feed.stream, index: feed.index() }, over.signal)[Symbol.asyncIterator]();
  await events.next();
  let deltaMs = 0;
  let deltaBytes = 0;
  for (const change of changes) {
    change();
    // The view is made for whoever reads; only what a stream adds is counted.
    void node.view;
    const beforeMs = performance.now();
    feed.index();
    deltaMs += performance.now() - beforeMs;
    deltaBytes += ((await events.next()).value as Uint8Array).length;
  }
  over.abort();
  feed.close();
  const count = changes.length;
  return { snapshotMiB: bytes / 2 ** 20, snapshotMs, deltaUs: (deltaMs / count) * 1000, deltaBytes: deltaBytes / count };
}

export interface FollowCost {
  readonly kibPerStream: number;
  readonly idlePercent: number;
  /** From a registration until the last of them has it. */
  readonly allToldMs: number;
}

const restMs = 20_000;

/** So many clients that follow the view of a real agent. */
export async function follow(server: Server, streams: number): Promise<FollowCost> {
  const before = server.process.usage().rssMiB;
  const sockets: Socket[] = [];
  try {
    const told = new Set<number>();
    for (let i = 0; i < streams; i++) sockets.push(await open(server, () => told.add(i)));
    await pause(3000);
    const kibPerStream = ((server.process.usage().rssMiB - before) * 1024) / streams;
    const idleMs = server.process.usage().cpuMs;
    await pause(restMs);
    const idlePercent = (100 * (server.process.usage().cpuMs - idleMs)) / restMs;
    const startMs = performance.now();
    await server.api.mustCall('PUT', '/v1/agent/service/register', { Name: 'news', Port: 1 });
    const all = async (): Promise<void> => {
      while (told.size < streams) await pause(1);
    };
    await within(all(), 10_000, () => `only ${told.size} of ${streams} were told`);
    return { kibPerStream, idlePercent, allToldMs: performance.now() - startMs };
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

/** Resolves once the snapshot begins; calls back at the first delta. */
async function open(server: Server, told: () => void): Promise<Socket> {
  const [host = '', port = ''] = server.http.split(':');
  const socket = connect(Number(port), host);
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  socket.write(`GET /v1/mesh/view HTTP/1.1\r\nHost: ${server.http}\r\nAccept: text/event-stream\r\n\r\n`);
  await once(socket, 'data');
  socket.on('data', (chunk: Buffer) => {
    if (chunk.includes('event: delta')) told();
  });
  return socket;
}
