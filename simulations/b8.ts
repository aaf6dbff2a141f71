/**
 * B8: one member in a hundred loses 80 % of its packets, from 90 s to 500 s: those that come in, those that go out, or both
 * (Rapid's evaluation, Suresh et al. 2018, 7; its text says outgoing, its figure incoming). Are the sick kept out of
 * rotation, is anybody healthy removed, for how long do views differ? SWIM's own experiment with loss is `swim-joins`.
 *
 *     npm run simulate -- b8 [--quick] [--members N] [--only in|out|both] [--reference | --ours]
 */

import { swimProfiles } from '@skein/sim';
import type { Experiment, ExperimentRow } from '@skein/sim';
import { Crowd } from './measure/crowd.ts';
import type { Profile } from './measure/crowd.ts';
import { sickRows } from './measure/sick-rows.ts';
import { sickRun } from './measure/sick-run.ts';
import type { SickRunFigures } from './measure/sick-run.ts';

const loss = 0.8;
const directions = ['in', 'out', 'both'] as const;
type Direction = (typeof directions)[number];

const b8: Experiment = {
  name: 'b8',
  summary: 'Members that lose 80 % of their packets: how long they are out of rotation, and who is removed.',
  words: {
    '--quick': { what: '100 members, two minutes of loss' },
    '--members': { what: 'of the mesh', number: [4, 4000] },
    '--only': { what: 'which packets are lost', choice: directions },
    '--reference': { what: 'without ours', not: ['--ours'] },
    '--ours': { what: 'without the reference' },
  },
  run: (context) => {
    const { words, seed } = context;
    const isQuick = words.has('--quick');
    const members = words.number('--members') ?? (isQuick ? 100 : 1000);
    const sick = Math.max(2, Math.round(members / 100));
    const faultMs = isQuick ? 120_000 : 410_000;
    const quietMs = isQuick ? 0 : 75_000;
    const only = words.choice('--only');
    const chosen = directions.filter((direction) => only === undefined || direction === only);
    const profiles: [string, Profile][] = [];
    if (!words.has('--ours')) profiles.push(['memberlist', swimProfiles.memberlistLan]);
    if (!words.has('--reference')) profiles.push(['ours', 'ours']);
    const rows: ExperimentRow[] = [];
    for (const direction of chosen) {
      const seen = new Map<string, SickRunFigures>();
      for (const [name, profile] of profiles) {
        const script = scriptOf(direction, { quietMs, faultMs });
        seen.set(name, sickRun(new Crowd(profile, { seed: `${String(seed)} b8`, members }), { sick, script }));
        context.progress(`${name}: loss ${direction}`);
      }
      rows.push(
        ...sickRows(seen, {
          prefix: `${direction}: `,
          removed: 'memberlist: not conclusively; Rapid: exactly the faulty',
          agreed: 'memberlist: inconsistent 310 s after the start',
          hasBreaks: false,
        }),
      );
    }
    return {
      setup: {
        members,
        sick,
        'loss, %': loss * 100,
        'ms of loss': faultMs,
        network: 'lan; a member of ours loses segments of its streams, one of the reference datagrams',
        memberlist: "today's lan settings; it routes to whoever it has not failed",
        published: 'Rapid, 1000 processes on 100 machines, memberlist as of 2018; Akka at 400 removed healthy members',
      },
      rows,
    };
  },
};

export default b8;

function scriptOf(direction: Direction, { quietMs, faultMs }: { readonly quietMs: number; readonly faultMs: number }) {
  return ({ world, hosts }: Crowd, ill: readonly number[], setFaulty: (isFaulty: boolean) => void): void => {
    const sick = hosts.filter(({ index }) => ill.includes(index));
    world.runFor(quietMs);
    const heals: (() => void)[] = [];
    if (direction !== 'out') heals.push(world.network.override(hosts, sick, { loss }));
    if (direction !== 'in') heals.push(world.network.override(sick, hosts, { loss }));
    setFaulty(true);
    world.runFor(faultMs);
    setFaulty(false);
    for (const heal of heals) heal();
  };
}
