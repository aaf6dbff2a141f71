/**
 * B7: ten of a thousand members hear nothing for 20 s, are well for 20 s, and so on for 400 s (the one-way flip-flop of
 * Rapid's evaluation, Suresh et al. 2018, 7). Do the views settle, is anybody healthy removed, are the ten kept out of
 * rotation?
 *
 *     npm run simulate -- b7 [--quick] [--members N] [--reference | --ours]
 */

import { swimProfiles } from '@skein/sim';
import type { Experiment, ExperimentRow } from '@skein/sim';
import { Crowd } from './measure/crowd.ts';
import type { Profile } from './measure/crowd.ts';
import { sickRows } from './measure/sick-rows.ts';
import { sickRun } from './measure/sick-run.ts';
import type { SickRunFigures } from './measure/sick-run.ts';

const phaseMs = 20_000;

const b7: Experiment = {
  name: 'b7',
  summary: 'Members that hear nothing for 20 s, again and again: whether views settle, and who is removed.',
  words: {
    '--quick': { what: '100 members, four times deaf' },
    '--members': { what: 'of the mesh', number: [4, 4000] },
    '--reference': { what: 'without ours', not: ['--ours'] },
    '--ours': { what: 'without the reference' },
  },
  run: (context) => {
    const { words, seed } = context;
    const isQuick = words.has('--quick');
    const members = words.number('--members') ?? (isQuick ? 100 : 1000);
    const sick = Math.max(2, Math.round(members / 100));
    const cycles = isQuick ? 4 : 10;
    const profiles: [string, Profile][] = [];
    if (!words.has('--ours')) profiles.push(['memberlist', swimProfiles.memberlistLan]);
    if (!words.has('--reference')) profiles.push(['ours', 'ours']);
    const seen = new Map<string, SickRunFigures>();
    for (const [name, profile] of profiles) {
      const script = (crowd: Crowd, ill: readonly number[], setFaulty: (isFaulty: boolean) => void): void => {
        const deaf = crowd.hosts.filter(({ index }) => ill.includes(index));
        for (let cycle = 0; cycle < cycles; cycle++) {
          const heal = crowd.world.network.cut(crowd.hosts, deaf);
          setFaulty(true);
          crowd.world.runFor(phaseMs);
          heal();
          setFaulty(false);
          crowd.world.runFor(phaseMs);
          context.progress(`${name}: ${cycle + 1} of ${cycles} times deaf`);
        }
      };
      seen.set(name, sickRun(new Crowd(profile, { seed: `${String(seed)} b7`, members }), { sick, script }));
    }
    const rows: ExperimentRow[] = sickRows(seen, {
      removed: 'memberlist: never all ten, not for long; Rapid: exactly the ten',
      agreed: 'memberlist: inconsistent for the whole run',
      hasBreaks: true,
    });
    return {
      setup: {
        members,
        'hear nothing': sick,
        'ms deaf, then ms well': phaseMs,
        times: cycles,
        network: 'lan, no loss but the cut of all that is sent to them',
        memberlist: "today's lan settings; it routes to whoever it has not failed",
        published: 'Rapid, 1000 processes on 100 machines, memberlist as of 2018; packets to the ten are dropped by iptables',
      },
      rows,
    };
  },
};

export default b7;
