/**
 * A member of the mesh forges: it tells others of instances and members in their owners' names. Every record carries
 * its owner's signature, so nobody takes it in, and traffic goes where the owners said.
 */

import type { Scenario } from '@skein/sim';
import { anySees, routeOnlyTo } from './scene/sight.ts';

const catalogForger: Scenario = {
  name: 'catalog-forger',
  summary: 'One member forges the records of others for a minute: traffic goes only where the owners said.',
  nodes: 9,
  script: (sim) => {
    const forger = sim.node(4);
    const honest = sim.except(forger);
    sim.service('orders', { on: honest });
    sim.load('orders', { every: '100ms', from: honest, retries: 1 });
    sim.at('5s').lie(forger, 'forger').for('60s');
    sim.always('honest hosts route to the true instances only', (now) => routeOnlyTo(now, honest, 'orders', honest));
    sim.never('no honest host takes another for failed', (now) => anySees(now, honest, honest, 'failed'));
    sim.expect('orders').availability({ atLeast: 1 });
  },
};

export default catalogForger;
