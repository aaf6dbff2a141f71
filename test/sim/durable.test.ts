/** What a node wrote down is there after its next boot: what the promise holds it to, and what it does not. */

import { runPlan, simulate } from '@skein/sim';
import type { Keep, RunReport } from '@skein/sim';
import { expect, test } from 'vitest';
import { mutations } from './mutations/mutations.ts';

/** One of three registers an instance and applies an entry, ends, and comes back. */
function story(keep: Keep, writtenAt = '5s', isFull = false): RunReport {
  return simulate({ nodes: 3, rest: 0 }, (sim) => {
    sim.service('web', { on: sim.node(2) });
    if (isFull) sim.during('1s', '20s').fullDisk(sim.node(0));
    sim.at(writtenAt).register(0, 'pay');
    sim.at(writtenAt).config(0, 'pay', 1);
    sim.at('10s').crash(sim.node(0), { keep }).restart('20s');
    sim.at('10s').crash(sim.node(2), { keep }).restart('20s');
    sim.at('40s').calm();
  });
}

const property = 'S16 what was written outlives the process';

test.each(['registrations not kept', 'config not kept'])('a core with %s breaks the promise', (name) => {
  const mutation = mutations.find((each) => each.name === name);
  expect(mutation?.with(() => story('written')).failures).toMatchObject([{ property }]);
  // Whether somebody registers anew what is gone or not.
  expect(mutation?.with(() => runPlan(story('synced').plan)).failures).toMatchObject([{ property }]);
});

test('what a crash takes within two seconds of its writing, or with the disk, breaks nothing', () => {
  expect(story('written').failures).toEqual([]);
  expect(story('written', '9999ms').failures).toEqual([]);
  expect(story('nothing').failures).toEqual([]);
  expect(story('rollback').failures).toEqual([]);
  expect(story('written', '5s', true).failures).toEqual([]);
});
