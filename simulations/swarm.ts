/**
 * Everything at once: each seed draws its own mesh, and two minutes of crashes, power cuts, pauses, splits, one-way and
 * flapping links, loss, changed bytes, starved CPUs, clocks that drift and disks that are full, some of it just when something
 * else has happened. Only what any mesh promises is asked.
 */

import { drawPlan } from '@skein/sim';
import type { DrawnScenario } from '@skein/sim';

const swarm: DrawnScenario = {
  name: 'swarm',
  summary: 'Each seed draws its own mesh and its own two minutes of trouble; what any mesh promises has to hold.',
  plan: (seed, nodes) => {
    if (nodes === 1) throw new RangeError('what is drawn parts nodes from each other, which takes two at least: --nodes 2');
    return drawPlan(seed, nodes === undefined ? {} : { nodesMin: nodes, nodesMax: nodes });
  },
};

export default swarm;
