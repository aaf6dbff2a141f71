/**
 * Wall clocks decide nothing about members (L11): the same run, in which they are set by up to a year as well, is the same run.
 * Config entries are left out there, since their versions are what wall clocks are for; what holds for them is below.
 */

import { drawPlan, runPlan, simulate } from '@skein/sim';
import type { FaultPlan, TimedFault } from '@skein/sim';
import { expect, test } from 'vitest';

const yearMs = 365 * 86_400_000;
const name = 'L11 a wall clock that is set changes nothing';

/** Every node's clock, forward and back, at times of its own. */
function steps({ nodes, chaosMs }: FaultPlan): readonly TimedFault[] {
  return Array.from({ length: nodes }, (_, node): readonly TimedFault[] => {
    const atMs = Math.floor((chaosMs * (node + 1)) / (2 * nodes + 2));
    const byMs = node % 2 === 0 ? yearMs : -yearMs;
    return [
      { atMs, fault: { type: 'step-clock', node, byMs } },
      { atMs: 2 * atMs, fault: { type: 'step-clock', node, byMs: -2 * byMs } },
    ];
  }).flat();
}

/** All that anybody had to say, and when. */
function story(plan: FaultPlan): { readonly events: readonly string[]; readonly armed: boolean | undefined } {
  const events: string[] = [];
  const { failures, armed } = runPlan(plan, {
    onEvent: (node, event) => events.push(`${node.id} ${JSON.stringify(event)}`),
  });
  expect(failures).toEqual([]);
  return { events, armed: armed[name] };
}

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'clocks that are set by a year change nothing that anybody says of anybody, seed %i',
  (seed) => {
    const drawn = drawPlan(seed, { nodesMin: 5, nodesMax: 9, chaosMs: 60_000 });
    const writes = drawn.writes.filter(({ write }) => write.type !== 'config');
    const faults = drawn.faults.filter(({ fault }) => fault.type !== 'step-clock');
    const plain = { ...drawn, writes, faults };
    const set = { ...plain, faults: [...faults, ...steps(drawn)].sort((a, b) => a.atMs - b.atMs) };
    const [without, withSteps] = [story(plain), story(set)];
    expect(withSteps.events).toEqual(without.events);
    expect([without.armed, withSteps.armed]).toEqual([false, true]);
  },
);

test.each(['10m', '24h', '8760h'] as const)(
  'what a host writes while its clock is off by %s, and afterwards, reaches all, and it takes what others write',
  (by) => {
    for (const [there, back] of [
      [1, -1],
      [-1, 1],
    ] as const) {
      const { failures } = simulate({ nodes: 5, seed: 7 }, (sim) => {
        const wrong = sim.node(0);
        sim.at('1s').stepClock(wrong, by, there);
        sim.at('3s').config(0, 'a', 1);
        sim.at('5s').config(1, 'b', 1);
        sim.at('7s').stepClock(wrong, by, back);
        sim.at('9s').config(0, 'b', 2);
        sim.at('11s').config(1, 'a', 2);
        sim.at('20s').calm();
      });
      expect(failures).toEqual([]);
    }
  },
);

test('hosts whose clocks were set right after they had linked write what one that comes later takes, once they compared', () => {
  const { failures } = simulate({ nodes: 5, seed: 7 }, (sim) => {
    sim.at('1s').stepClock(sim.all(), '2h', -1);
    sim.at('3s').crash(sim.node(4)).restart('2s');
    sim.at('300s').config(0, 'a', 1);
    sim.at('320s').calm();
  });
  expect(failures).toEqual([]);
});
