/**
 * Packets get through one way only, between two hosts. Each still reaches everybody else, so neither is sick: others
 * probe on their behalf, and nobody loses a place in membership. Only those two stop sending each other traffic.
 */

import type { Scenario } from '@skein/sim';
import { anySees, routeOnlyTo } from './scene/sight.ts';

const asymmetricLink: Scenario = {
  name: 'asymmetric-link',
  summary: 'One host cannot hear one other for a minute: both keep their places, since all others vouch for them.',
  nodes: 8,
  script: (sim) => {
    const [mute, deaf] = [sim.node(2), sim.node(5)];
    const others = sim.except([...mute, ...deaf]);
    sim.service('orders', { on: sim.all() });
    sim.at('5s').cut(mute, deaf).for('60s');
    sim.never('nobody is taken for failed', (scene) => anySees(scene, sim.all(), sim.all(), 'failed'));
    sim
      .at('20s')
      .eventually('the others route to both', { within: '40s' }, (scene) => routeOnlyTo(scene, others, 'orders', sim.all()));
    sim
      .at('65s')
      .eventually('all route to all once it is whole', { within: '20s' }, (scene) =>
        routeOnlyTo(scene, sim.all(), 'orders', sim.all()),
      );
  },
};

export default asymmetricLink;
