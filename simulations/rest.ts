/**
 * What a mesh costs while nothing happens: bytes and messages that each agent sends, and events that readers of each see.
 * The idle part of B4.
 *
 *     npm run simulate -- rest [--quick | --large]
 *
 * `--large`: ours among ten thousand as well, who start settled and share what all know (`World.settled`).
 */

import type { MeshEvent } from '@skein/core';
import { SwimMesh, World, swimProfiles } from '@skein/sim';
import type { Experiment, ExperimentRow, Seed, SimNode } from '@skein/sim';
import { settledMesh } from './measure/settled-mesh.ts';

interface Cost {
  readonly bytes: number;
  readonly messages: number;
  /** Of members and rotation, as readers see them. */
  readonly events: number;
}

const settleMs = 10_000;
/** A period of the slowest exchange of the reference among a thousand members. */
const referenceRestMs = 180_000;

/** What others state of themselves, in bytes sent per agent and second. */
const published = new Map([
  [10, 'chitchat bounds it at 15000'],
  [100, 'chitchat bounds it at 120000'],
  [1000, '640 (memberlist, mean, with 10 crashes)'],
]);

const rest: Experiment = {
  name: 'rest',
  heapMiB: 12_000,
  summary: 'Bytes, messages and events per agent and second while nothing happens: memberlist, ours.',
  words: {
    '--quick': { what: 'up to 100 members, 30 s' },
    '--large': { what: 'ours among ten thousand as well', not: ['--quick'] },
  },
  run: (context) => {
    const isQuick = context.words.has('--quick');
    const isLarge = context.words.has('--large');
    const sizes = isQuick ? [10, 32, 100] : [10, 32, 100, 1000, ...(isLarge ? [10_000] : [])];
    const rows: ExperimentRow[] = [];
    for (const members of sizes) {
      const restMs = isQuick || members >= 1000 ? 30_000 : 180_000;
      const own = ownCost(`${String(context.seed)} ours ${members}`, members, restMs);
      const reference = members > 1000 ? undefined : referenceCost(`${String(context.seed)} memberlist ${members}`, members);
      const row = (what: string, unit: string, of: (cost: Cost) => number): ExperimentRow => ({
        what: `${members} members: ${what}`,
        unit,
        ours: of(own),
        ...(reference && { anchors: { memberlist: of(reference) } }),
      });
      const stated = published.get(members);
      rows.push(
        { ...row('sent', 'B/s', ({ bytes }) => bytes), ...(stated !== undefined && { published: stated }) },
        row('sent', 'messages/s', ({ messages }) => messages),
        row('changes that readers see', 'per hour', ({ events }) => events * 3600),
      );
      context.progress(`${members} members`);
    }
    return {
      setup: {
        network: 'lan, no loss; no services, no changes',
        measured: 'what each agent sends, before encryption and headers of TCP, UDP and IP, over 30 s to 180 s of rest',
        memberlist: 'a datagram or a message on a stream is one message; full exchanges included, over 180 s',
      },
      rows,
    };
  },
};

export default rest;

function ownCost(seed: Seed, members: number, restMs: number): Cost {
  let events = 0;
  const onEvent = (_: SimNode, event: MeshEvent): void => {
    if (event.type === 'member-changed' || event.type === 'reachability-changed') events++;
  };
  const world =
    members > 1000 ? new World({ seed, network: 'lan', traceLines: 0, onEvent }) : settledMesh({ seed, members, onEvent }).world;
  if (members > 1000) world.settled(members);
  world.runFor(settleMs);
  events = 0;
  const before = { ...world.network.figures };
  world.runFor(restMs);
  const { figures } = world.network;
  const agentSeconds = (members * restMs) / 1000;
  return {
    bytes: (figures.bytes - before.bytes) / agentSeconds,
    messages: (figures.messages - before.messages) / agentSeconds,
    events: events / agentSeconds,
  };
}

function referenceCost(seed: Seed, members: number): Cost {
  const world = new World({ seed, network: 'lan', traceLines: 0 });
  let events = 0;
  const mesh = new SwimMesh(world, { config: swimProfiles.memberlistLan, onChange: () => events++ });
  mesh.add(members, { settled: true });
  world.runFor(settleMs + referenceRestMs);
  events = 0;
  const before = mesh.traffic;
  world.runFor(referenceRestMs);
  const after = mesh.traffic;
  const agentSeconds = (members * referenceRestMs) / 1000;
  return {
    bytes: (after.sentBytes - before.sentBytes) / agentSeconds,
    messages: (after.sent - before.sent) / agentSeconds,
    events: events / agentSeconds,
  };
}
