/**
 * Many clients that wait at one agent, each with a blocking query on a service of its own, on raw sockets so that the
 * client side stays cheap: what a waiter costs, what they cost while nothing happens, and who is woken by one change.
 */

import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { pause, within } from '../mesh/sightings.ts';
import type { Server } from './server.ts';

export interface Parked {
  readonly waiters: number;
  readonly kibPerWaiter: number;
  /** CPU of the agent while nothing happens, of a core, with waiters and without. */
  readonly idlePercent: number;
  readonly idlePercentBefore: number;
  /** How many answers one changed service brought, of how many who wait for it. */
  readonly woken: number;
  readonly concerned: number;
  readonly lastWokenMs: number;
}

const restMs = 10_000;
/** The first minute is the collector's, which goes over all that the waiters brought, once or twice. */
const settleMs = 60_000;
const rests = 3;
/** So many wait for each service. */
const perService = 10;

export async function park(server: Server, waiters: number): Promise<Parked> {
  const idlePercentBefore = await idle(server);
  const before = server.process.usage().rssMiB;
  const sockets: Socket[] = [];
  const answered = new Map<number, number>();
  try {
    for (let i = 0; i < waiters; i++) sockets.push(await ask(server, i, (at) => answered.set(i, at)));
    await pause(settleMs);
    const after = server.process.usage().rssMiB;
    const idlePercent = await idle(server);
    if (answered.size > 0) throw new Error(`${answered.size} blocking queries were answered although nothing changed`);
    const startMs = performance.now();
    await server.api.mustCall('PUT', '/v1/agent/service/register', { Name: serviceOf(0), Port: 1 });
    const all = async (): Promise<void> => {
      while (answered.size < perService) await pause(1);
    };
    await within(all(), 10_000, () => `only ${answered.size} of ${perService} were woken`);
    const lastWokenMs = Math.max(...answered.values()) - startMs;
    await pause(2000);
    const kibPerWaiter = ((after - before) * 1024) / waiters;
    return { waiters, kibPerWaiter, idlePercent, idlePercentBefore, woken: answered.size, concerned: perService, lastWokenMs };
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

function serviceOf(waiter: number): string {
  return `parked-${Math.floor(waiter / perService)}`;
}

/** Sends the query once the index is known, and resolves when it is on its way. */
async function ask(server: Server, waiter: number, answered: (atMs: number) => void): Promise<Socket> {
  const path = `/v1/health/service/${serviceOf(waiter)}`;
  const { index } = await server.api.mustCall('GET', path);
  const [host = '', port = ''] = server.http.split(':');
  const socket = connect(Number(port), host);
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('connect', resolve);
  });
  socket.on('error', () => undefined);
  socket.once('data', () => answered(performance.now()));
  socket.write(`GET ${path}?index=${index}&wait=10m HTTP/1.1\r\nHost: ${server.http}\r\n\r\n`);
  return socket;
}

/** Of several rests the calmest, so that neither a collection of the heap nor somebody else on the machine counts as waiting. */
async function idle(server: Server): Promise<number> {
  const percents: number[] = [];
  for (let rest = 0; rest < rests; rest++) {
    const beforeMs = server.process.usage().cpuMs;
    await pause(restMs);
    percents.push((100 * (server.process.usage().cpuMs - beforeMs)) / restMs);
  }
  return Math.min(...percents);
}
