/**
 * A zone loses power: a third of the hosts is gone at once and nobody is told. The others route around them within
 * seconds, take them for failed later, and never doubt each other; when power returns, so do the hosts.
 */

import type { Scenario } from '@skein/sim';
import { allSee, anySees, routeOnlyTo } from './scene/sight.ts';

const zoneOutage: Scenario = {
  name: 'zone-outage',
  summary: 'One zone of three loses power for a minute: traffic leaves it in seconds, and nobody else is doubted.',
  nodes: 12,
  zones: ['a', 'b', 'c'],
  script: (sim) => {
    const dark = sim.zone('a');
    const lit = sim.zone('b', 'c');
    sim.service('orders', { on: sim.all() });
    sim.load('orders', { every: '50ms', from: lit, retries: 1 });
    sim.at('5s').powerOff(dark).restart('60s');
    sim
      .at('5s')
      .eventually('nobody routes to the dark zone', { within: '6s' }, (scene) => routeOnlyTo(scene, lit, 'orders', lit));
    sim
      .at('5s')
      .eventually('the dark zone is taken for failed', { within: '30s' }, (scene) => allSee(scene, lit, dark, 'failed'));
    sim.never('no host with power is taken for failed', (scene) => anySees(scene, lit, lit, 'failed'));
    sim
      .at('65s')
      .eventually('the zone serves again', { within: '10s' }, (scene) => routeOnlyTo(scene, sim.all(), 'orders', sim.all()));
    sim.expect('orders').availability({ atLeast: 0.99 });
  },
};

export default zoneOutage;
