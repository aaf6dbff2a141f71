/**
 * B14: one or three members accuse everybody they know, four times a second, for as long as it runs, each with its own
 * valid key. Nobody may be removed. Liars of memberlist say that everybody failed, which its members believe at once.
 *
 *     npm run simulate -- b14 [--quick]
 */

import { SwimMesh, World, swimProfiles } from '@skein/sim';
import type { Experiment, ExperimentRow, Packet, Seed, SwimHost } from '@skein/sim';
import { Beliefs } from './measure/beliefs.ts';
import { settledMesh } from './measure/settled-mesh.ts';

/** What the honest came to think of the honest. */
interface Harm {
  /** Beliefs that somebody failed. */
  readonly removals: number;
  /** Seconds that one was out of rotation for another, all pairs together, in a minute; and their share of all that time. */
  readonly outSecondsPerMinute: number;
  readonly outShare: number;
}

const lieEveryMs = 250;
const accusationBytes = 43;
/** memberlist puts 1400 bytes into a packet. */
const claimsPerPacket = 30;
const settleMs = 10_000;

const b14: Experiment = {
  name: 'b14',
  summary: 'One and three members that accuse everybody for ever: memberlist, ours.',
  words: {
    '--quick': { what: '10 and 32 members, one minute' },
  },
  run: (context) => {
    const isQuick = context.words.has('--quick');
    const runMs = isQuick ? 60_000 : 300_000;
    const rows: ExperimentRow[] = [];
    for (const members of isQuick ? [10, 32] : [10, 32, 100]) {
      for (const liars of [1, 3]) {
        const seed = `${String(context.seed)} ${members} ${liars}`;
        rows.push(...rowsOf(members, liars, ownHarm(seed, members, liars, runMs), referenceHarm(seed, members, liars, runMs)));
        context.progress(`${members} members, ${liars} of them lie`);
      }
    }
    return {
      setup: {
        network: 'lan, no loss',
        duration: `${runMs / 1000} s`,
        'liars, ours': 'a valid accusation of everybody else, of the current claim, to every link, each 250 ms',
        'liars, memberlist': 'a claim that everybody else failed, of the current incarnation, to every member, each 250 ms',
        counted: 'what honest members think of honest members; of memberlist, failed is out of rotation',
      },
      rows,
    };
  },
};

export default b14;

function rowsOf(members: number, liars: number, own: Harm, reference: Harm): ExperimentRow[] {
  const row = (what: string, unit: string, of: (harm: Harm) => number): ExperimentRow => ({
    what: `${members} members, ${liars} of them lie: ${what}`,
    unit,
    ours: of(own),
    anchors: { memberlist: of(reference) },
  });
  return [
    {
      ...row('honest members removed', 'beliefs', ({ removals }) => removals),
      goal: '0',
      published: 'memberlist: one member can remove anyone',
    },
    row('out of rotation', 'member seconds per minute', ({ outSecondsPerMinute }) => outSecondsPerMinute),
    row('out of rotation', 'share of all pairs and time', ({ outShare }) => outShare),
  ];
}

function harmOf(honest: number, removals: number, outMs: number, ranMs: number): Harm {
  return { removals, outSecondsPerMinute: (outMs / ranMs) * 60, outShare: outMs / (honest * (honest - 1) * ranMs) };
}

function ownHarm(seed: Seed, members: number, liars: number, runMs: number): Harm {
  const beliefs = new Beliefs();
  const { world, nodes } = settledMesh({ seed, members, onEvent: (node, event, nowMs) => beliefs.see(node, event, nowMs) });
  const honest = new Set(nodes.slice(liars).map(({ id }) => id));
  beliefs.begin(world.nowMs, (observer, subject) => honest.has(observer) && honest.has(subject));
  for (const node of nodes.slice(0, liars)) node.lie('accuser');
  world.runFor(runMs);
  const ranMs = beliefs.end(world.nowMs);
  return harmOf(honest.size, beliefs.removals, beliefs.outMs, ranMs);
}

function referenceHarm(seed: Seed, members: number, liars: number, runMs: number): Harm {
  const world = new World({ seed: `${String(seed)} memberlist`, network: 'lan', traceLines: 0 });
  let removals = 0;
  let outMs = 0;
  const out = new Map<number, number>();
  const mesh = new SwimMesh(world, {
    config: swimProfiles.memberlistLan,
    onChange: (observer, { subject, to }) => {
      if (observer.index < liars || subject < liars) return;
      const belief = observer.index * members + subject;
      const since = out.get(belief);
      if (to === 'failed') {
        removals++;
        if (since === undefined) out.set(belief, world.nowMs);
      } else if (to === 'alive' && since !== undefined) {
        outMs += world.nowMs - since;
        out.delete(belief);
      }
    },
  });
  const hosts = mesh.add(members, { settled: true });
  world.runFor(settleMs);
  const sinceMs = world.nowMs;
  const lie = (): void => {
    for (const liar of hosts.slice(0, liars)) tellAll(liar, hosts);
    world.at(world.nowMs + lieEveryMs, lie);
  };
  lie();
  world.runFor(runMs);
  for (const since of out.values()) outMs += world.nowMs - since;
  return harmOf(members - liars, removals, outMs, world.nowMs - sinceMs);
}

/** What a liar says arrives at once. */
function tellAll(liar: SwimHost, hosts: readonly SwimHost[]): void {
  const others = hosts.filter((host) => host !== liar);
  for (let first = 0; first < others.length; first += claimsPerPacket) {
    const messages = others.slice(first, first + claimsPerPacket).map((subject) => ({
      type: 'failed' as const,
      subject: subject.index,
      incarnation: subject.node.incarnation,
      from: liar.index,
      address: subject.index,
      bytes: accusationBytes,
    }));
    const packet: Packet = { messages, bytes: messages.length * accusationBytes };
    for (const host of others) host.takePacket(liar.index, packet);
  }
}
