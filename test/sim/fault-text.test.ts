import { simulate, Recorder, recordingOf } from '@skein/sim';
import { expect, test } from 'vitest';

test('a recording tells each fault of a story in words, alike ones of one time as one, with its begin and its end', () => {
  const recorder = new Recorder();
  const report = simulate({ nodes: 6, zones: ['a', 'b'], seed: 2, rest: 0, witness: recorder }, (sim) => {
    sim.at('1s').split(sim.zone('a'), sim.zone('b')).for('1s');
    sim
      .at('2s')
      .crash(sim.node(1, 2, 3), { keep: 'nothing' })
      .restart('1500ms');
    sim.during('3s', '4s').linkOneWay(sim.node(0), sim.all(), { loss: 0.25 });
    sim.at('5s').pause(sim.node(5)).for('500ms');
    sim.at('6s').clog(sim.node(4), sim.node(5)).for('2s');
  });
  const { faults } = recordingOf(recorder, report, { title: 'story' });
  const chaosUs = (report.phases.find(({ phase }) => phase === 'chaos')?.fromMs ?? 0) * 1000;
  expect(faults.map(({ what, fromUs, toUs }) => [what, (fromUs - chaosUs) / 1e6, (toUs - chaosUs) / 1e6])).toEqual([
    ['split host-0, host-2, host-4 | host-1, host-3, host-5', 1, 2],
    ['crash host-1…3, disk: nothing', 2, 2],
    ['link host-0 → all: loss 25 %', 3, 4],
    ['restart host-1…3', 3.5, 3.5],
    ['pause host-5', 5, 5.5],
    ['clog host-4 → host-5', 6, 8],
  ]);
  expect(faults[1]?.nodes).toEqual([1, 2, 3]);
});
