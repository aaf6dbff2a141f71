/**
 * Everything loses power at once and comes back: hosts find each other from what their own disks know, without any
 * address that somebody configured, and every service is there again, though nobody registers anything anew.
 */

import type { Scenario } from '@skein/sim';
import { routeOnlyTo } from './scene/sight.ts';

const allRestart: Scenario = {
  name: 'all-restart',
  summary: 'The whole mesh loses power and boots again: it finds together from its own disks, with every service.',
  nodes: 9,
  script: (sim) => {
    // Once, and not with every boot, as `sim.service` would: what is there afterwards is what the disks kept.
    for (const host of sim.all()) sim.at('1s').register(host, 'orders');
    sim.at('1s').config(0, 'orders', 1);
    sim.at('30s').powerOff(sim.all(), { keep: 'synced' }).restart('20s', { seeds: false });
    sim.at('50s').eventually('the mesh is whole again', { within: '20s' }, (scene) => scene.differences().length === 0);
    sim
      .at('50s')
      .eventually(
        'every service is back',
        { within: '20s' },
        (scene) => scene.nodes.every(({ isRunning }) => isRunning) && routeOnlyTo(scene, sim.all(), 'orders', sim.all()),
      );
    sim
      .at('50s')
      .eventually('so is its rule', { within: '20s' }, (scene) =>
        scene.nodes.every((node) => node.isRunning && node.view().configEntry('route', 'orders') !== undefined),
      );
  },
};

export default allRestart;
