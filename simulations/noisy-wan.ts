/**
 * Three sites, far apart, on lines that lose one packet in twenty and now and then take most of a second. Streams turn
 * loss into delay, so everything is late at times. Late is not failed.
 */

import type { Scenario } from '@skein/sim';
import { anySees } from './scene/sight.ts';

const noisyWan: Scenario = {
  name: 'noisy-wan',
  summary: 'Three sites over lines that lose 5 % and stall at times, for two minutes: nobody is taken for failed.',
  nodes: 12,
  zones: ['berlin', 'lisbon', 'oslo'],
  network: 'wan',
  script: (sim) => {
    const [berlin, lisbon, oslo] = [sim.zone('berlin'), sim.zone('lisbon'), sim.zone('oslo')];
    sim.service('orders', { on: sim.all() });
    sim.load('orders', { every: '200ms', retries: 1 });
    for (const [some, others] of [
      [berlin, lisbon],
      [lisbon, oslo],
      [oslo, berlin],
    ] as const) {
      sim.during('5s', '125s').link(some, others, { loss: 0.05, p99: '600ms' });
    }
    sim.never('nobody is taken for failed', (scene) => anySees(scene, sim.all(), sim.all(), 'failed'));
    sim.expect('orders').availability({ atLeast: 0.99 });
  },
};

export default noisyWan;
