/**
 * A member of the mesh lies: again and again it accuses everybody it knows of being gone. What it signs is counted as
 * the word of one, so the others go on as before, and those it accuses answer.
 */

import type { Scenario } from '@skein/sim';
import { anySees, routeOnlyTo } from './scene/sight.ts';

const falseAccuser: Scenario = {
  name: 'false-accuser',
  summary: 'One member accuses all others for a minute, and then three do: honest hosts remove and avoid nobody.',
  nodes: 12,
  script: (sim) => {
    const liars = sim.node(3, 7, 10);
    const honest = sim.except(liars);
    sim.service('orders', { on: honest });
    sim.load('orders', { every: '100ms', from: honest, retries: 1 });
    sim.during('5s', '125s').lie(sim.node(3), 'accuser');
    sim.during('65s', '125s').lie(sim.node(7, 10), 'accuser');
    sim.sometimes('somebody is accused', (now) =>
      now.nodes.some((node) => node.isRunning && [...node.view().members()].some(({ accusers }) => accusers.length > 0)),
    );
    sim.never('no honest host takes another for failed', (now) => anySees(now, honest, honest, 'failed'));
    sim
      .at('30s')
      .eventually('honest hosts route to each other', { within: '5s' }, (now) => routeOnlyTo(now, honest, 'orders', honest));
    sim.expect('orders').availability({ atLeast: 0.999 });
  },
};

export default falseAccuser;
