/** Some members of a crowd are made sick by a script, and what the healthy think meanwhile is measured. */

import type { Crowd } from './crowd.ts';
import { Opinions } from './opinions.ts';
import type { OpinionFigures } from './opinions.ts';

export interface SickRun {
  readonly sick: number;
  /** Makes the network or the machines sick, and well at the end. Tells when they are which. */
  readonly script: (crowd: Crowd, sick: readonly number[], setFaulty: (isFaulty: boolean) => void) => void;
}

export interface SickRunFigures {
  readonly membership: OpinionFigures;
  readonly rotation: OpinionFigures;
  /** From the end of the script until nobody healthy had anybody out any more. */
  readonly recoveredMs: number | undefined;
}

const recoverMs = 180_000;

export function sickRun(crowd: Crowd, { sick: count, script }: SickRun): SickRunFigures {
  const members = crowd.hosts.length;
  const { world } = crowd;
  const sick = crowd.choose(count);
  const of = {
    membership: new Opinions(members, sick, world.nowMs),
    rotation: new Opinions(members, sick, world.nowMs),
  };
  crowd.onChange = ({ observer, subject, kind, isIn }) => of[kind].take(observer, subject, { isIn, atMs: world.nowMs });
  script(crowd, sick, (isFaulty) => {
    of.membership.setFaulty(isFaulty, world.nowMs);
    of.rotation.setFaulty(isFaulty, world.nowMs);
  });
  const membership = of.membership.figures(world.nowMs);
  const rotation = of.rotation.figures(world.nowMs);
  const isWell = (): boolean => of.membership.isAllIn && of.rotation.isAllIn;
  return { membership, rotation, recoveredMs: world.runUntil(isWell, recoverMs) };
}
