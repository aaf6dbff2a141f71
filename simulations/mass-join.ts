/**
 * A fleet is started at once: all hosts join through one address in the same moment. Later most of it stops and comes
 * back in one moment too, now with disks that know the others.
 */

import type { Scenario } from '@skein/sim';

const massJoin: Scenario = {
  name: 'mass-join',
  summary: 'A hundred hosts join through one address in the same moment; later most of them leave and return at once.',
  nodes: 100,
  formWithin: '20s',
  script: (sim) => {
    const stay = sim.node(0, 1, 2, 3, 4);
    sim.at('1s').leave(sim.except(stay)).restart('16s');
    sim
      .at('1s')
      .eventually('those who leave are out of it everywhere', { within: '10s' }, (now) =>
        now.nodes.every((node) => !node.isRunning || node.view().aliveCount === stay.length),
      );
    sim
      .at('1s')
      .eventually(
        'those who stay know that the others left',
        { within: '15s' },
        (now) =>
          now.nodes.every(
            (node) =>
              !node.isRunning ||
              [...node.view().members()].every(({ id, status }) => id === node.id || status === 'alive' || status === 'left'),
          ) && now.nodes.filter((node) => node.isRunning).length === stay.length,
      );
    sim.at('17s').eventually('everybody knows everybody again', { within: '20s' }, (now) => now.differences().length === 0);
  },
};

export default massJoin;
