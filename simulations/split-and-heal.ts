/**
 * The network parts a mesh in two. Each side takes the other out of rotation, later out of membership, and serves on with
 * what it has; nobody has to choose a side. The smaller side accuses
 * late, since most of what it probes is silent and it doubts itself first, but it routes around the others as fast. When the network is whole again, the mesh is one again, without a restart.
 */

import type { Scenario } from '@skein/sim';
import { allSee, anySees, routeOnlyTo } from './scene/sight.ts';

const splitAndHeal: Scenario = {
  name: 'split-and-heal',
  summary: 'The network parts the mesh in two for a minute: both sides serve on, and find each other again.',
  nodes: 9,
  zones: ['a', 'b', 'c'],
  script: (sim) => {
    const few = sim.zone('a');
    const many = sim.zone('b', 'c');
    sim.service('orders', { on: sim.all() });
    sim.load('orders', { every: '100ms', retries: 1 });
    const split = sim.at('5s');
    split.split(few, many).for('60s');
    split.eventually('the larger side routes to itself only', { within: '6s' }, (now) => routeOnlyTo(now, many, 'orders', many));
    split.eventually('the smaller side routes to itself only', { within: '6s' }, (now) => routeOnlyTo(now, few, 'orders', few));
    split.eventually('the larger side takes the other for failed', { within: '30s' }, (now) => allSee(now, many, few, 'failed'));
    split.eventually('the smaller side takes the other for failed', { within: '60s' }, (now) => allSee(now, few, many, 'failed'));
    sim.never('nobody of the own side is taken for failed', (now) => {
      return anySees(now, few, few, 'failed') || anySees(now, many, many, 'failed');
    });
    sim.at('65s').eventually('the mesh is one again', { within: '15s' }, (now) => now.differences().length === 0);
    sim.expect('orders').availability({ atLeast: 0.95 });
  },
};

export default splitAndHeal;
