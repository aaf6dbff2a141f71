/**
 * A host is starved of CPU: every message costs it forty milliseconds. It is late for everything, and of all hosts it
 * would be the one to accuse the others. It has to doubt itself first: no healthy host is ever taken for failed.
 */

import type { Scenario } from '@skein/sim';
import { anySees } from './scene/sight.ts';

const slowNode: Scenario = {
  name: 'slow-node',
  summary: 'A host without CPU to spare answers late for a minute: it costs no healthy host its place.',
  nodes: 12,
  script: (sim) => {
    const slow = sim.node(4);
    const well = sim.except(slow);
    sim.service('orders', { on: well });
    sim.load('orders', { every: '100ms', from: well, retries: 1 });
    sim.at('5s').slow(slow, '40ms').for('60s');
    sim.never('no healthy host is taken for failed by another', (scene) => anySees(scene, well, well, 'failed'));
    sim.never('the slow host takes no healthy one for failed', (scene) => anySees(scene, slow, well, 'failed'));
    sim.at('65s').eventually('all is well once it has CPU again', { within: '10s' }, (scene) => scene.differences().length === 0);
    sim.expect('orders').availability({ atLeast: 0.999 });
  },
};

export default slowNode;
