/**
 * Everything loses power at once and comes back: hosts find each other from what their own disks know, without any
 * address that somebody configured, and every service is there again.
 */

import type { Scenario } from '@skein/sim';
import { routeOnlyTo } from './scene/sight.ts';

const allRestart: Scenario = {
  name: 'all-restart',
  summary: 'The whole mesh loses power and boots again: it finds together from its own disks, with every service.',
  nodes: 9,
  script: (sim) => {
    sim.service('orders', { on: sim.all() });
    sim.at('30s').powerOff(sim.all(), { keep: 'synced' }).restart('20s', { seeds: false });
    sim.at('50s').eventually('the mesh is whole again', { within: '20s' }, (scene) => scene.differences().length === 0);
    sim
      .at('50s')
      .eventually('every service is back', { within: '20s' }, (scene) => routeOnlyTo(scene, sim.all(), 'orders', sim.all()));
  },
};

export default allRestart;
