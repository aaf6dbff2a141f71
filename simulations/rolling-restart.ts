/**
 * A new version is rolled out: every host is drained, stopped, started again and waited for, one after the other.
 * Nothing may be lost on the way: services come back with their hosts, and nobody is ever taken for failed.
 */

import type { Scenario, Scene } from '@skein/sim';

const roundMs = 10_000;
const leaveMs = 4000;

const rollingRestart: Scenario = {
  name: 'rolling-restart',
  summary: 'Every host leaves, restarts and returns, one after the other, and no service is lost.',
  network: 'lan',
  nodes: 5,
  script: (sim) => {
    const hosts = sim.all();
    sim.service('orders', { on: hosts });
    sim.load('orders', { every: '50ms', retries: 1 });
    for (const host of hosts) {
      const atMs = 1000 + host * roundMs;
      sim.at(atMs).leave([host]).restart(leaveMs);
      sim.at(atMs).eventually(`traffic avoids host ${host}`, { within: leaveMs }, (scene) => serving(scene, hosts.length - 1));
      sim.at(atMs + leaveMs).eventually(`host ${host} serves again`, { within: '5s' }, (scene) => serving(scene, hosts.length));
    }
    sim.never('nobody is ever taken for failed', (scene) =>
      scene.nodes.some((node) => node.isRunning && [...node.view().members()].some(({ status }) => status === 'failed')),
    );
    sim.expect('orders').availability({ atLeast: 1 });
  },
};

export default rollingRestart;

/** Whether every running node would route to exactly `count` instances. */
function serving(scene: Scene, count: number): boolean {
  return scene.nodes.filter((node) => node.isRunning).every((node) => scene.routable(node, 'orders').length === count);
}
