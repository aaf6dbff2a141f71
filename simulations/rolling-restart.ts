/**
 * A new version is rolled out: every host is drained, stopped, started again and waited for, one after the other.
 * Nothing may be lost on the way: services come back with their hosts, and nobody is ever taken for failed.
 */

import { instanceId } from '@skein/core';
import type { Instance } from '@skein/core';
import type { Scenario, Stage } from '@skein/sim';

const formMs = 5000;
const leaveMs = 5000;
const returnMs = 5000;

const rollingRestart: Scenario = {
  name: 'rolling-restart',
  summary: 'Every host leaves, restarts and returns, one after the other, and no service is lost.',
  network: 'lan',
  nodes: 5,
  script: (stage) => {
    const { nodes } = stage;
    stage.never('nobody is ever taken for failed', (event) => event.type === 'member-changed' && event.to === 'failed');
    stage.agree('the mesh forms', formMs);
    for (const [index, node] of nodes.entries()) {
      node.dispatch({ type: 'register', instance: ordersInstance(index), checks: [], replaceChecks: true });
    }
    stage.eventually('every host sees an instance on every host', formMs, () => everywhere(stage, nodes.length));
    for (const node of nodes) {
      node.leave();
      stage.eventually(`${node.name} has left`, leaveMs, () => !node.isRunning);
      stage.eventually(`traffic avoids ${node.name}`, leaveMs, () => everywhere(stage, nodes.length - 1));
      node.restart();
      stage.agree(`${node.name} is back, and all agree`, returnMs);
      stage.eventually(`${node.name} serves again`, returnMs, () => everywhere(stage, nodes.length));
    }
  },
};

export default rollingRestart;

/** Whether every running node would route to exactly `count` instances. */
function everywhere(stage: Stage, count: number): boolean {
  const running = stage.nodes.filter((node) => node.isRunning);
  return running.every((node) => {
    const instances = node.view().service('orders')?.instances ?? [];
    return instances.filter((instance) => instance.routable).length === count;
  });
}

function ordersInstance(index: number): Instance {
  return {
    id: instanceId(`orders-${index}`),
    service: 'orders',
    address: '',
    port: 8080,
    tags: ['order'],
    meta: {},
    weights: { passing: 1, warning: 1 },
    taggedAddresses: {},
    enableTagOverride: false,
    protocol: 'http',
    region: '',
    zone: '',
    kind: '',
    socketPath: '',
  };
}
